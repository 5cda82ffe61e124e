"""The short-lived tasks of an actor: one report each, never outliving it."""

import contextvars

import attrs
import pytest
import trio

from actors import (
    Actor,
    ChildExists,
    ChildSpec,
    Cut,
    Exit,
    Failed,
    Restart,
    Returned,
    StopKind,
    StopReason,
    open_supervisor,
)
from tests.actors.messages import bye, soon

STOP = StopReason(kind=StopKind.CANCELLED, requester="user", text="enough")


@attrs.frozen
class Go:
    name: str
    function: object
    args: tuple[object, ...] = ()
    options: dict[str, object] = attrs.field(factory=dict)


@attrs.frozen
class Halt:
    name: str


@attrs.frozen
class Ended:
    name: str
    exit: Exit[object]


class Owner(Actor[Go | Halt | Ended]):
    """Starts what it is told to start, and keeps every report."""

    def __init__(self):
        self.reports = []
        self.batches = []

    async def turn(self, batch):
        self.batches.append(batch)
        for message in batch:
            match message:
                case Go(name, function, args, options):
                    self.children.start(name, function, *args, report=lambda e, n=name: Ended(n, e), **options)
                case Halt(name):
                    self.children.running[name].stop(STOP)
                case Ended():
                    self.reports.append(message)


def spec(owner, **more):
    return ChildSpec(id="owner", start=lambda _: owner, restart=Restart.TEMPORARY, **more)


async def double(number):
    await trio.sleep(1)
    return 2 * number


async def fail(error):
    raise error


async def test_every_child_reports_how_it_ended(autojump_clock):
    owner, error = Owner(), KeyError("x")
    async with open_supervisor("s") as s:
        address = s.start_child(spec(owner))
        address.post(Go("double", double, (21,)))
        address.post(Go("fail", fail, (error,)))
        address.post(Go("sleep", trio.sleep_forever))
        await trio.sleep(2)
        assert sorted(owner.children.running) == ["sleep"]
        address.post(Halt("sleep"))
        await trio.sleep(2)
        assert not owner.children.running
    assert owner.reports == [Ended("fail", Failed(error)), Ended("double", Returned(42)), Ended("sleep", Cut(STOP))]


async def test_a_report_fits_in_a_full_mailbox(autojump_clock):
    owner = Owner()

    async def fill():
        for n in range(100):
            address.post(Go(f"n{n}", double, (n,)))

    async with open_supervisor("s") as s:
        address = s.start_child(spec(owner, capacity=100))
        address.post(Go("fill", fill))
        await trio.sleep(5)
    assert len(owner.reports) == 101


async def test_a_taken_name_is_refused():
    class Twice(Owner):
        async def started(self):
            self.children.start("a", trio.sleep_forever, report=lambda e: Ended("a", e))
            with pytest.raises(ChildExists):
                self.children.start("a", trio.sleep_forever, report=lambda e: Ended("a", e))

    async with open_supervisor("s") as s:
        s.start_child(spec(Twice()))
        await trio.testing.wait_all_tasks_blocked()


async def test_a_deadline_cuts_a_child_by_itself(autojump_clock):
    owner = Owner()
    async with open_supervisor("s") as s:
        address = s.start_child(spec(owner))
        address.post(Go("late", trio.sleep_forever, options={"deadline": 3.0}))
        await trio.sleep(5)
    assert owner.reports[0].exit.reason.kind is StopKind.DEADLINE


async def test_grace_lets_a_stopped_child_finish(autojump_clock):
    owner = Owner()
    async with open_supervisor("s") as s:
        address = s.start_child(spec(owner))
        address.post(Go("quick", trio.sleep, (2,), {"stop_within": 3}))
        address.post(Go("slow", trio.sleep, (20,), {"stop_within": 3}))
        await trio.sleep(1)
        address.post(Halt("quick"))
        address.post(Halt("slow"))
        await trio.sleep(1.5)
        assert owner.reports == [Ended("quick", Returned(None))]
        await trio.sleep(2)
        assert owner.reports[1] == Ended("slow", Cut(STOP))


async def test_children_end_before_their_crashed_owner_is_announced(autojump_clock):
    log = []

    async def linger():
        try:
            await trio.sleep_forever()
        finally:
            with trio.move_on_after(2, shield=True):
                await trio.sleep(1)
            log.append("child")

    class Crashes(Owner):
        async def turn(self, batch):
            await super().turn(batch)
            if isinstance(batch[0], Halt):
                raise ValueError("crash")  # noqa: TRY004 - any error will do

    async with open_supervisor("s") as s:
        address = s.start_child(spec(Crashes()))
        address.post(Go("a", linger))
        await trio.sleep(1)
        address.post(Halt("a"))
        stopped = await address.wait_stopped()
        log.append(stopped.reason.text)
    assert log == ["child", "ValueError: crash"]
    assert trio.current_time() == 2.0


async def test_a_turn_that_raises_has_started_nothing():
    ran = []

    async def run():
        ran.append(1)

    class Crashes(Owner):
        async def turn(self, batch):
            await super().turn(batch)
            await trio.lowlevel.checkpoint()
            raise ValueError

    async with open_supervisor("s") as s:
        address = s.start_child(spec(Crashes()))
        address.post(Go("a", run))
        await address.wait_stopped()
    assert ran == []


async def test_an_orderly_stop_cuts_the_children_and_hands_in_their_reports(autojump_clock):
    owner = Owner()
    async with open_supervisor("s") as s:
        address = s.start_child(spec(owner))
        for n in range(3):
            address.post(Go(f"c{n}", trio.sleep_forever))
        await trio.sleep(1)
        await s.terminate_child("owner", bye())
    assert sorted(r.name for r in owner.reports) == ["c0", "c1", "c2"]
    assert {r.exit for r in owner.reports} == {Cut(bye())}
    assert trio.current_time() == 1.0


async def test_stopping_may_spare_its_children_and_wait_for_them(autojump_clock):
    class Patient(Owner):
        async def stopping(self, _reason):
            while self.children.running:
                await self.turn(await self.receive())

    owner = Patient()
    async with open_supervisor("s") as s:
        address = s.start_child(spec(owner, stop_within=10))
        address.post(Go("double", double, (4,)))
        await trio.testing.wait_all_tasks_blocked()
        stopped = await s.terminate_child("owner", bye())
    assert owner.reports == [Ended("double", Returned(8))]
    assert stopped.reason == bye()


async def test_a_child_started_while_stopping_never_begins_and_still_reports():
    class Late(Owner):
        async def turn(self, batch):
            await super().turn(batch)
            if self.stop_reason and len(self.reports) < 2:
                self.children.start("late", trio.sleep_forever, report=lambda e: Ended("late", e))

    owner = Late()
    async with open_supervisor("s") as s:
        address = s.start_child(spec(owner))
        address.post(Go("a", trio.sleep_forever))
        await trio.testing.wait_all_tasks_blocked()
        await s.terminate_child("owner", bye())
    assert owner.reports == [Ended("a", Cut(bye())), Ended("late", Cut(bye()))]


async def test_stop_if_idle_says_no_while_a_child_runs(autojump_clock):
    class Idler(Owner):
        async def turn(self, batch):
            await super().turn(batch)
            self.batches.append(self.stop_if_idle(bye()))

    owner = Idler()
    async with open_supervisor("s") as s:
        address = s.start_child(spec(owner))
        address.post(Go("double", double, (4,)))
        await address.wait_stopped()
    assert owner.batches[1::2] == [False, True]


async def test_a_child_that_outlasts_the_stop_deadline_is_cut_with_its_owner(autojump_clock):
    class Patient(Owner):
        async def stopping(self, _reason):
            await self.receive()

    async with open_supervisor("s") as s:
        address = s.start_child(spec(Patient(), stop_within=4))
        address.post(Go("forever", trio.sleep_forever))
        await trio.sleep(1)
        stopped = await s.terminate_child("owner", bye())
    assert trio.current_time() == 5.0
    assert stopped.reason.kind is StopKind.DEADLINE
    assert stopped.reason.requester == "test"


async def test_an_owner_restarts_without_the_children_of_the_one_before(autojump_clock):
    class Crashes(Owner):
        async def started(self):
            self.children.start("c", trio.sleep_forever, report=lambda e: Ended("c", e))

        async def turn(self, _batch):
            raise ValueError

    made = []

    def start(incarnation):
        made.append(Crashes())
        return made[-1]

    async with open_supervisor("s") as s:
        first = s.start_child(ChildSpec(id="owner", start=start))
        first.post(Halt("x"))
        await first.wait_stopped()
        await trio.testing.wait_all_tasks_blocked()
        assert s.address_of("owner").incarnation == 2
        assert not made[0].children.running
        assert list(made[1].children.running) == ["c"]
        assert soon() > 0


async def test_children_that_follow_each_other_share_a_trio_task_but_no_context(autojump_clock):
    seen = []
    variable = contextvars.ContextVar("variable", default="owner's")

    async def look(name):
        await trio.sleep(1)
        seen.append((trio.lowlevel.current_task(), variable.get()))
        variable.set(name)

    async with open_supervisor("s") as s:
        address = s.start_child(spec(Owner()))
        for name in ("a", "b", "c"):
            address.post(Go(name, look, (name,)))
            await trio.sleep(2)
    assert len({task for task, _ in seen}) == 1
    assert [value for _, value in seen] == ["owner's"] * 3


async def test_a_child_that_was_stopped_or_had_a_deadline_is_followed_by_one_that_is_not_cut(autojump_clock):
    owner = Owner()
    async with open_supervisor("s") as s:
        address = s.start_child(spec(owner))
        address.post(Go("late", trio.sleep, (5,), {"deadline": trio.current_time() + 1}))
        await trio.sleep(2)
        address.post(Go("stopped", trio.sleep, (5,)))
        await trio.sleep(1)
        address.post(Halt("stopped"))
        await trio.sleep(1)
        address.post(Go("quick", double, (1,), {"deadline": trio.current_time() + 9}))
        await trio.sleep(10)
        address.post(Go("last", double, (2,)))
        await trio.sleep(2)
    late, stopped, quick, last = (report.exit for report in owner.reports)
    assert (late.reason.kind, stopped.reason) == (StopKind.DEADLINE, STOP)
    assert (quick, last) == (Returned(2), Returned(4))


async def test_a_supervisor_keeps_few_trio_tasks_for_children_to_come(autojump_clock):
    async with open_supervisor("s") as s:
        address = s.start_child(spec(Owner()))
        await trio.sleep(1)
        before = trio.lowlevel.current_statistics().tasks_living
        for number in range(300):
            address.post(Go(str(number), double, (number,)))
        await trio.sleep(2)
        assert trio.lowlevel.current_statistics().tasks_living - before <= 128
    assert trio.lowlevel.current_statistics().tasks_living < before


async def test_a_report_that_cannot_be_made_crashes_the_owner(autojump_clock):
    def report(_exit):
        raise LookupError("a bug")

    class Buggy(Owner):
        async def turn(self, _batch):
            self.children.start("child", double, 1, report=report)

    async with open_supervisor("s") as s:
        address = s.start_child(spec(Buggy()))
        address.post(Halt("anything"))
        stopped = await address.wait_stopped()
    assert stopped.reason.kind is StopKind.ERROR


class Gated(Owner):
    """Starts twenty naps at once, behind a gate that lets three through."""

    async def started(self):
        self.begun = []
        self.now = self.peak = 0
        for number in range(20):
            name = f"n{number}"
            self.children.start(name, self.nap, name, report=lambda e, n=name: Ended(n, e), gate=("narrow", 3))
        self.children.start("beside", trio.sleep, 0.5, report=lambda e: Ended("beside", e))

    async def nap(self, name):
        self.begun.append(name)
        self.now += 1
        self.peak = max(self.peak, self.now)
        try:
            await trio.sleep(1)
        finally:
            self.now -= 1


async def test_a_gate_lets_so_many_through_and_the_others_in_their_order(autojump_clock):
    owner = Gated()
    async with open_supervisor("s") as s:
        s.start_child(spec(owner))
        await trio.sleep(0.6)
        assert [one.name for one in owner.reports] == ["beside"]
        assert len(owner.children.running) == 20
        await trio.sleep(6.6)
    in_order = [f"n{number}" for number in range(20)]
    together = range(0, 20, 3)  # trio runs those that begin in one tick in any order
    assert [{*owner.begun[at : at + 3]} for at in together] == [{*in_order[at : at + 3]} for at in together]
    assert owner.peak == 3
    assert len(owner.reports) == 21


async def test_what_is_stopped_in_line_reports_at_once_and_holds_nobody_up(autojump_clock):
    owner = Gated()
    async with open_supervisor("s") as s:
        address = s.start_child(spec(owner))
        await trio.sleep(0.1)
        address.post(Halt("n10"))
        await trio.sleep(0.1)
        assert owner.reports == [Ended("n10", Cut(STOP))]
        address.post(Halt("n0"))
        await trio.sleep(7)
    assert "n10" not in owner.begun
    assert owner.begun[3] == "n3"
    assert len(owner.begun) == 19
    assert owner.peak == 3
    assert len(owner.reports) == 21


async def test_an_owner_that_stops_hears_of_all_who_stood_in_line(autojump_clock):
    owner = Gated()
    async with open_supervisor("s") as s:
        s.start_child(spec(owner))
        await trio.sleep(0.1)
        await s.terminate_child("owner", STOP)
    assert len(owner.reports) == 21
    assert all(isinstance(one.exit, Cut) for one in owner.reports)
    assert len(owner.begun) == 3
