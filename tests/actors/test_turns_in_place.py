"""Turns that the carrier of a child takes in its owner's place: cheaper, and told from others by nobody."""

import contextvars
import math

import attrs
import pytest
import trio
from trio.lowlevel import checkpoint

from actors import Actor, ChildSpec, Cut, Failed, Restart, Returned, StopKind, StopReason, open_supervisor

STOP = StopReason(kind=StopKind.CANCELLED, requester="user", text="enough")


@attrs.frozen
class Begin:
    """Start the first of a chain of children."""


@attrs.frozen
class Note:
    """Be counted."""

    number: int


@attrs.frozen
class Ended:
    """A child ended."""

    number: int
    exit: object


async def give(number):
    return number


class Chain(Actor[Begin | Note | Ended]):
    """Runs `length` children, each started by the report of the one before."""

    def __init__(self, length, child=give):
        self.length = length
        self.child = child
        self.seen = []
        self.turning = 0

    async def turn(self, batch):
        self.turning += 1
        assert self.turning == 1, "two turns at once"
        await self.store()
        for message in batch:
            self.seen.append(message)
            match message:
                case Begin():
                    self.begin(0)
                case Ended(number) if number + 1 < self.length:
                    self.begin(number + 1)
                case _:
                    pass
        self.turning -= 1

    async def store(self):
        """Do what a turn waits for."""

    def begin(self, number):
        self.children.start(f"c{number}", self.child, number, report=lambda exit_: Ended(number, exit_))

    @property
    def ended(self):
        return [message.exit for message in self.seen if isinstance(message, Ended)]


TERMS: dict[str, float] = {}


@pytest.fixture(autouse=True, params=[5.0, math.inf], ids=["with a task of its own", "absent"])
def _owner(request, monkeypatch):
    """The laws hold for an owner that a stop deadline may cut, and for one that has no task while its children run."""
    monkeypatch.setitem(TERMS, "stop_within", request.param)


def spec(actor, **more):
    return ChildSpec(id="owner", start=lambda _: actor, restart=Restart.TEMPORARY, **{**TERMS, **more})


class Steps(trio.abc.Instrument):
    """Counts how often a task was given the processor."""

    def __init__(self):
        self.count = 0

    def before_task_step(self, _task):
        self.count += 1


async def steps_of(length):
    chain, steps = Chain(length), Steps()
    async with open_supervisor("s") as s:
        address = s.start_child(spec(chain))
        trio.lowlevel.add_instrument(steps)
        address.post(Begin())
        await trio.testing.wait_all_tasks_blocked()
        trio.lowlevel.remove_instrument(steps)
    assert chain.ended == [Returned(number) for number in range(length)]
    return steps.count


async def test_a_chain_of_children_switches_tasks_for_one_in_eight():
    assert await steps_of(880) - await steps_of(80) <= 800 / 8 * 3


async def test_others_run_while_a_long_chain_does():
    chain, rounds = Chain(800), 0
    async with open_supervisor("s") as s:
        s.start_child(spec(chain)).post(Begin())
        while len(chain.ended) < 800:
            await checkpoint()
            rounds += 1
    assert rounds >= 800 / 17


class Storing(Chain):
    """Waits in each turn."""

    async def store(self):
        await trio.sleep(1)


async def test_what_is_posted_during_such_a_turn_is_taken_after_it_in_order_by_one_turn_at_a_time(autojump_clock):
    chain = Storing(40)
    async with open_supervisor("s") as s:
        address = s.start_child(spec(chain))
        address.post(Begin())
        for number in range(60):
            await trio.sleep(0.7)
            address.post(Note(number))
        await trio.sleep(60)
    assert chain.ended == [Returned(number) for number in range(40)]
    assert [message.number for message in chain.seen if isinstance(message, Note)] == [*range(60)]


class Failing(Chain):
    """Raises in the turn that hears of child 3, having started the next."""

    async def turn(self, batch):
        await super().turn(batch)
        if any(isinstance(message, Ended) and message.number == 3 for message in batch):
            raise LookupError("a bug")


async def test_what_such_a_turn_raises_crashes_the_owner_and_nothing_was_started():
    began = []

    async def note(number):
        began.append(number)

    failing = Failing(10, note)
    async with open_supervisor("s") as s:
        address = s.start_child(spec(failing))
        address.post(Begin())
        stopped = await address.wait_stopped()
    assert stopped.reason.kind is StopKind.ERROR
    assert "a bug" in str(stopped.reason)
    assert began == [0, 1, 2, 3]


async def test_a_crash_in_such_a_turn_cuts_the_other_children():
    cut = []

    async def sleep(number):
        try:
            await trio.sleep_forever()
        finally:
            cut.append(number)

    async def pause(number):
        await checkpoint()
        return number

    class Beside(Failing):
        def begin(self, number):
            super().begin(number)
            if number == 0:
                self.children.start("beside", sleep, 99, report=lambda exit_: Ended(99, exit_))

    async with open_supervisor("s") as s:
        address = s.start_child(spec(Beside(10, pause)))
        address.post(Begin())
        await address.wait_stopped()
        assert cut == [99]


async def test_a_report_that_cannot_be_made_crashes_the_owner():
    class Buggy(Chain):
        def begin(self, number):
            self.children.start(f"c{number}", give, number, report=self.fails if number == 3 else self.reports)

        def reports(self, exit_):
            return Ended(exit_.value, exit_)

        def fails(self, _exit):
            raise LookupError("a bug")

    async with open_supervisor("s") as s:
        address = s.start_child(spec(Buggy(10)))
        address.post(Begin())
        assert "a bug" in str((await address.wait_stopped()).reason)


async def test_what_a_turn_sets_in_its_context_is_seen_by_the_next_ones_and_what_a_child_sets_is_not():
    variable = contextvars.ContextVar("variable", default="nobody's")
    seen = []

    async def set_own(number):
        seen.append(("child", number, variable.get()))
        if number % 3 == 2:
            variable.set("child's")

    class Setting(Chain):
        async def turn(self, batch):
            seen.extend(("turn", message.number, variable.get()) for message in batch if isinstance(message, Ended))
            if any(isinstance(message, Ended) and message.number == 20 for message in batch):
                variable.set("owner's")
            await super().turn(batch)

    async with open_supervisor("s") as s:
        s.start_child(spec(Setting(40, set_own))).post(Begin())
        await trio.testing.wait_all_tasks_blocked()
    assert {value for who, number, value in seen if number <= 20} == {"nobody's"}
    assert {value for who, number, value in seen if number > 20} == {"owner's"}
    assert len(seen) == 80


async def test_an_owner_that_is_stopped_during_such_a_turn_hears_of_it_itself_after_the_turn(autojump_clock):
    heard = []

    class Stopped(Storing):
        async def stopping(self, reason):
            assert self.turning == 0
            heard.append((trio.lowlevel.current_task() is self.task, reason))

        async def started(self):
            self.task = trio.lowlevel.current_task()

    chain = Stopped(1000)
    async with open_supervisor("s") as s:
        address = s.start_child(spec(chain, stop_within=30))
        address.post(Begin())
        await trio.sleep(4.5)
        await s.terminate_child("owner", STOP)
    assert heard == [(True, STOP)]
    assert all(isinstance(one, Returned | Cut) for one in chain.ended)
    assert isinstance(chain.ended[-1], Cut)


@pytest.mark.parametrize("at", [0.5, 1.5, 3.0])
async def test_a_cancel_from_outside_ends_owner_and_carrier_alike(autojump_clock, at):
    chain = Storing(1000)
    with trio.move_on_after(at) as scope:
        async with open_supervisor("s") as s:
            s.start_child(spec(chain)).post(Begin())
            await trio.sleep_forever()
    assert scope.cancelled_caught


async def test_an_owner_that_hibernates_rests_after_such_a_turn():
    chain = Chain(5)
    async with open_supervisor("s") as s:
        address = s.start_child(spec(chain, hibernate=True))
        before = trio.lowlevel.current_statistics().tasks_living + 1  # the one that carries them
        for rounds in range(1, 4):
            address.post(Begin())
            await trio.testing.wait_all_tasks_blocked()
            assert len(chain.ended) == 5 * rounds
            assert trio.lowlevel.current_statistics().tasks_living == before


async def test_failures_and_several_children_at_once_are_reported_as_ever():
    async def odd(number):
        if number % 2:
            raise LookupError(number)
        return number

    class Wide(Chain):
        def begin(self, number):
            for one in range(number, number + 3):
                self.children.start(f"c{one}", odd, one, report=lambda exit_, one=one: Ended(one, exit_))

    wide = Wide(1)
    async with open_supervisor("s") as s:
        s.start_child(spec(wide)).post(Begin())
        await trio.testing.wait_all_tasks_blocked()
    assert {type(exit_) for exit_ in wide.ended} == {Returned, Failed}
    assert len(wide.ended) == 3


async def test_a_report_that_cannot_be_made_during_such_a_turn_crashes_the_owner(autojump_clock):
    class Buggy(Storing):
        def begin(self, number):
            if number == 0:
                self.children.start("late", trio.sleep, 3.5, report=self.fails)
            super().begin(number)

        def fails(self, _exit):
            raise LookupError("a bug")

    async with open_supervisor("s") as s:
        address = s.start_child(spec(Buggy(6)))
        address.post(Begin())
        with trio.fail_after(60):
            assert "a bug" in str((await address.wait_stopped()).reason)
