"""The trio tasks that children run in: shared by all actors of a supervisor, and no child outlives its owner in one."""

import gc
import math
import weakref

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors import Actor, ChildSpec, Restart, StopKind, StopReason, handles, open_supervisor
from tests.actors.messages import Add, Crash, bye


class Busy(Actor[Add | Crash]):
    """Starts children that sleep until they are cut, and take a second to end."""

    def __init__(self, log, shielded=1.0):
        self.log = log
        self.shielded = shielded

    async def turn(self, batch):
        for message in batch:
            if isinstance(message, Crash):
                raise message.error
            if message.amount:
                self.children.start(f"c{message.amount}", self.work, message.amount, report=lambda _: Add(amount=0))

    async def work(self, number):
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(self.shielded)
            self.log.append(f"c{number} has ended")


class Plain(Actor[Add]):
    """The same, from a handler: such an actor has no scope of its own."""

    def __init__(self, log):
        self.log = log

    @handles(Add)
    def add(self, message):
        if message.amount:
            self.children.start(f"c{message.amount}", self.work, report=lambda _: Add(amount=0))

    async def work(self):
        with trio.CancelScope(shield=True):
            await trio.sleep(100)
        try:
            await trio.sleep_forever()
        finally:
            self.log.append("cut")


TERMS: dict[str, float] = {}


@pytest.fixture(autouse=True, params=[5.0, math.inf], ids=["with a task of its own", "absent"])
def _owner(request, monkeypatch):
    """The laws hold for an owner that a stop deadline may cut, and for one that has no task while its children run."""
    monkeypatch.setitem(TERMS, "stop_within", request.param)


def busy(actor, **more):
    return ChildSpec(id="busy", start=lambda _: actor, restart=Restart.TEMPORARY, **{**TERMS, **more})


async def test_an_owner_that_crashes_has_ended_when_its_children_have(autojump_clock):
    log = []
    async with open_supervisor("s") as s:
        address = s.start_child(busy(Busy(log)))
        for number in (1, 2, 3):
            address.post(Add(amount=number))
        await trio.sleep(1)
        address.post(Crash())
        stopped = await address.wait_stopped()
        log.append("the owner has ended")
    assert stopped.reason.kind is StopKind.ERROR
    assert sorted(log[:3]) == ["c1 has ended", "c2 has ended", "c3 has ended"]
    assert log[3:] == ["the owner has ended"]


async def test_an_owner_that_crashes_refuses_posts_while_its_children_end(autojump_clock):
    async with open_supervisor("s") as s:
        address = s.start_child(busy(Busy([])))
        address.post(Add(amount=1))
        await trio.sleep(1)
        address.post(Crash())
        await trio.sleep(0.5)
        with pytest.raises(Exception, match="boom"):
            address.post(Add(amount=2))


async def test_children_of_one_that_is_cut_at_its_stop_deadline_are_cut_and_awaited(autojump_clock):
    log = []

    class Stubborn(Busy):
        async def stopping(self, _reason):
            await trio.sleep_forever()

    async with open_supervisor("s") as s:
        address = s.start_child(busy(Stubborn(log), stop_within=3))
        address.post(Add(amount=1))
        await trio.sleep(1)
        began = trio.current_time()
        await s.terminate_child("busy", bye())
        assert log == ["c1 has ended"]
        assert trio.current_time() - began == pytest.approx(4)
        assert address.stopped.reason.kind is StopKind.DEADLINE


async def test_the_stop_deadline_holds_for_the_children_of_an_actor_without_a_scope(autojump_clock):
    log = []
    async with open_supervisor("s") as s:
        address = s.start_child(busy(Plain(log), stop_within=3))
        address.post(Add(amount=1))
        await trio.sleep(90)
        await s.terminate_child("busy", bye())
        assert log == ["cut"]
        assert address.stopped is not None


async def test_a_turn_in_the_owners_place_is_cut_at_the_stop_deadline(autojump_clock):
    class Hangs(Actor[Add]):
        async def turn(self, batch):
            if batch[0].amount:
                self.children.start("c", trio.lowlevel.checkpoint, report=lambda _: Add(amount=0))
            else:
                await trio.sleep_forever()

    async with open_supervisor("s") as s:
        address = s.start_child(busy(Hangs(), stop_within=3))
        address.post(Add(amount=1))
        await trio.sleep(1)
        with trio.fail_after(10):
            await s.terminate_child("busy", bye())
        assert address.stopped.reason.kind is StopKind.DEADLINE
        again = s.start_child(ChildSpec(id="other", start=lambda _: Busy([]), restart=Restart.TEMPORARY))
        again.post(Add(amount=1))
        await wait_all_tasks_blocked()  # nothing of the carrier that was cut is used again
        await s.terminate_child("other", bye())


async def test_what_has_not_begun_when_its_owner_ends_never_begins():
    began = []

    class Hasty(Actor[Add]):
        async def turn(self, _batch):
            for number in range(3):
                self.children.start(f"c{number}", self.work, number, report=lambda _: Add(amount=0))
            self.children.flush()  # as at the end of a turn, but nobody has run since
            raise LookupError("a bug")

        async def work(self, number):
            began.append(number)

    async with open_supervisor("s") as s:
        address = s.start_child(busy(Hasty()))
        address.post(Add(amount=1))
        await address.wait_stopped()
        await wait_all_tasks_blocked()
    assert began == []


async def test_owners_that_follow_each_other_share_a_trio_task(autojump_clock):
    tasks, names = set(), []

    class Looks(Actor[Add]):
        async def turn(self, batch):
            if batch[0].amount:
                self.children.start("c", self.look, report=lambda _: Add(amount=0))
            else:
                self.stop(StopReason.normal("looks", "seen"))

        async def look(self):
            tasks.add(trio.lowlevel.current_task())
            names.append(trio.lowlevel.current_task().name)

    async with open_supervisor("s") as s:
        for number in range(5):
            spec = ChildSpec(id=f"a{number}", start=lambda _: Looks(), restart=Restart.TEMPORARY, **TERMS)
            address = s.start_child(spec)
            address.post(Add(amount=1))
            await address.wait_stopped()
    assert len(tasks) == 1
    assert names == [f"a{number}" for number in range(5)]


async def test_a_cancel_of_the_whole_tree_waits_for_children_that_take_their_time(autojump_clock):
    log = []
    with trio.move_on_after(1):
        async with open_supervisor("s") as s:
            address = s.start_child(busy(Busy(log)))
            for number in (1, 2):
                address.post(Add(amount=number))
            await trio.sleep_forever()
    assert sorted(log) == ["c1 has ended", "c2 has ended"]


async def test_a_child_given_to_a_carrier_that_has_just_been_cancelled_is_accounted_for():
    class Cancels(Actor[Add]):
        async def turn(self, batch):
            if batch[0].amount == 2:
                scope.cancel()
            if batch[0].amount:
                self.children.start("c", trio.lowlevel.checkpoint, report=lambda _: Add(amount=0))

    with trio.fail_after(5), trio.CancelScope() as scope:
        async with open_supervisor("s") as s:
            address = s.start_child(busy(Cancels()))
            address.post(Add(amount=1))
            await wait_all_tasks_blocked()
            address.post(Add(amount=2))
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert address.stopped is not None


class Brief(Actor[Add]):
    """Ends with its child."""

    @handles(Add)
    def add(self, message):
        if message.amount:
            self.children.start("c", trio.sleep, 1, report=self.told)
        else:
            self.stop(StopReason.normal("it"))

    def told(self, _):
        return Add(amount=0)


async def test_a_carrier_that_rests_keeps_nothing_of_what_it_carried_first(autojump_clock):
    made = []

    def start(_incarnation):
        actor = Brief()
        made.append(weakref.ref(actor))
        return actor

    async with open_supervisor("s", [ChildSpec(id="brief", start=start, restart=Restart.TEMPORARY, **TERMS)]) as s:
        s.address_of("brief").post(Add(amount=1))
        await trio.sleep(2)
        gc.collect()
        assert made[0]() is None
