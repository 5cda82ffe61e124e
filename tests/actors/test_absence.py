"""An owner that no stop deadline cuts has no task while its children run, and nobody can tell."""

import math

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors import Actor, ActorStopped, ChildSpec, Cut, Restart, Returned, StopKind, StopReason, open_supervisor
from tests.actors.messages import bye
from tests.actors.test_supervisor import AT_ONCE
from tests.actors.test_turns_in_place import Steps

DONE = StopReason.normal("owner", "done")


@attrs.frozen
class Begin:
    """Start a child."""


@attrs.frozen
class Ended:
    """A child ended."""

    exit: object


class Owner(Actor[Begin | Ended]):
    """Starts a child at first, and one for each `Begin`; ends when none runs. Notes all that it hears."""

    def __init__(self, child=trio.sleep_forever):
        self.child = child
        self.heard = []
        self.number = 0

    async def started(self):
        self.begin()

    def begin(self):
        self.number += 1
        self.children.start(f"c{self.number}", self.child, report=Ended)

    async def turn(self, batch):
        for message in batch:
            self.heard.append(message)
            if isinstance(message, Begin):
                self.begin()
        if not self.children.running:
            self.stop(DONE)

    async def stopping(self, reason):
        self.heard.append(reason)


def spec(owner, child="owner", **more):
    return ChildSpec(id=child, start=lambda _: owner, **{"restart": Restart.TEMPORARY, "stop_within": math.inf, **more})


def living():
    return trio.lowlevel.current_statistics().tasks_living


async def test_a_hundred_owners_with_a_child_each_have_a_hundred_tasks():
    async with open_supervisor("s") as s:
        before = living()
        for number in range(100):
            s.start_child(spec(Owner(), f"o{number}"))
        await wait_all_tasks_blocked()
        assert living() - before == 100
        for number in range(100):
            await s.terminate_child(f"o{number}", bye())


async def test_what_is_posted_meanwhile_is_taken_at_once_and_in_order():
    owner = Owner()
    async with open_supervisor("s") as s:
        address = s.start_child(spec(owner))
        await wait_all_tasks_blocked()
        for rounds in range(1, 4):
            address.post(Begin())
            address.post(Begin())
            await wait_all_tasks_blocked()
            assert owner.heard == [Begin()] * 2 * rounds
        await s.terminate_child("owner", bye())
    assert owner.heard == [*[Begin()] * 6, bye(), *[Ended(Cut(bye()))] * 7]


async def test_what_was_posted_before_it_began_is_taken_while_its_first_children_run():
    owner = Owner()
    async with open_supervisor("s") as s:
        s.start_child(spec(owner)).post(Begin())
        await wait_all_tasks_blocked()
        assert owner.heard == [Begin()]
        await s.terminate_child("owner", bye())


async def test_a_stop_is_heard_by_it_while_its_children_run_and_they_are_waited_for(autojump_clock):
    class Patient(Owner):
        async def stopping(self, reason):
            self.heard += [reason, trio.current_time() - began, *await self.receive()]

    async def child():
        await trio.sleep(10)

    owner = Patient(child)
    async with open_supervisor("s") as s:
        began = trio.current_time()
        s.start_child(spec(owner))
        await trio.sleep(3)
        await s.terminate_child("owner", bye())
    assert owner.heard == [bye(), 3, Ended(Returned(None))]


async def test_it_ends_with_its_last_child_in_that_ones_task_and_is_stopped_as_any_other():
    owner, steps, tasks = Owner(trio.lowlevel.checkpoint), Steps(), []

    class Looks(Owner):
        async def stopping(self, reason):
            await super().stopping(reason)
            tasks.append(trio.lowlevel.current_task())

        async def look(self):
            tasks.append(trio.lowlevel.current_task())

    async with open_supervisor("s") as s:
        looks = Looks()
        looks.child = looks.look
        address = s.start_child(spec(looks))
        await wait_all_tasks_blocked()
        assert address.stopped.reason == DONE
        assert looks.heard == [Ended(Returned(None)), DONE]
        assert len(set(tasks)) == 1
        assert "owner" not in s
        with pytest.raises(ActorStopped):
            address.post(Begin())
        trio.lowlevel.add_instrument(steps)
        s.start_child(spec(owner))
        await wait_all_tasks_blocked()
        trio.lowlevel.remove_instrument(steps)
    assert steps.count == 3  # its own first, the checkpoint of its child, and this one's


async def test_what_it_does_when_it_stops_may_fail_and_is_its_crash():
    class Fails(Owner):
        async def stopping(self, _reason):
            raise LookupError("a bug")

    async with open_supervisor("s") as s:
        address = s.start_child(spec(Fails(trio.lowlevel.checkpoint)))
        assert "a bug" in str((await address.wait_stopped()).reason)


async def test_what_is_posted_while_it_stops_there_is_refused_and_children_it_starts_then_are_cut():
    class Begins(Owner):
        async def stopping(self, _reason):
            with pytest.raises(ActorStopped):
                self.address.post(Begin())
            self.begin()

    owner = Begins(trio.lowlevel.checkpoint)
    async with open_supervisor("s") as s:
        stopped = await s.start_child(spec(owner)).wait_stopped()
    assert (stopped.reason, stopped.unhandled) == (DONE, 0)
    assert owner.heard == [Ended(Returned(None)), Ended(Cut(DONE))]


async def test_one_that_is_always_started_again_is_so_and_others_run_meanwhile():
    owners = []

    def start(_incarnation):
        owners.append(Owner(trio.lowlevel.cancel_shielded_checkpoint))
        return owners[-1]

    again = {"restart": Restart.PERMANENT, "backoff": AT_ONCE, "stop_within": math.inf}
    async with open_supervisor("s") as s:
        s.start_child(ChildSpec(id="owner", start=start, **again))
        for _ in range(20):
            await trio.lowlevel.checkpoint()
    assert 3 <= len(owners) <= 20


@pytest.mark.parametrize("at", [0.5, 1.5, 2.5])
async def test_a_cancel_of_everything_reaches_it_whatever_its_children_do_and_when_it_has_none(autojump_clock, at):
    async def child():
        try:
            await trio.sleep(1)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(1)

    class Stays(Owner):
        def stop(self, _reason):
            pass

    with trio.move_on_after(at) as scope:
        async with open_supervisor("s") as s:
            address = s.start_child(spec(Stays(child)))
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert address.stopped.reason.kind is StopKind.CANCELLED
