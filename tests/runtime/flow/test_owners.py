"""Of the flows of one owner one runs at a time, and a newer one takes the retry from those before it (sections 1, 6.3)."""

import math

import pytest
import trio

from actors import VirtualClock
from runtime import Conflict, GroupSpec, Signal, StepSpec, Unavailable, open_runtime
from runtime.flow.events import NewerFlowCreated, StartRequested, TurnGiven
from runtime.flow.states import Mode
from runtime.flows import Flows, Generator
from runtime.journal.memory import MemoryJournal
from runtime.journal.protocol import JournalUnavailable
from runtime.runner import Outcome, Runner, StepFailed
from runtime.work.flows import turns
from tests.support.live_flow import Nothing
from tests.support.plain_flow import START, FlowLoop, Work, scripted, step


class Slow(Runner[Nothing]):
    """Takes a second, and says who runs; whoever is in `failing` fails."""

    name = "slow"
    config = Nothing

    def __init__(self, seconds=1, *, alone=True):
        super().__init__()
        self.alone = alone
        self.seconds = seconds
        self.began = []
        self.running = set()
        self.failing = set()

    async def run(self, request):
        assert not (self.alone and self.running), "two flows of an owner run at once"
        self.began.append(request.task_id)
        self.running.add(request.task_id)
        try:
            await trio.sleep(self.seconds)
        finally:
            self.running.discard(request.task_id)
        if request.task_id in self.failing:
            raise StepFailed("boom")
        return Outcome()


async def one_step(_flow):
    """No thread: virtual time does not wait for them."""
    await trio.lowlevel.checkpoint()
    return [StepSpec(name="s", signal=Signal(type="slow"), idempotent=True)]


KIT = Flows(generators=[Generator("t", one_step)])
OWNED = {"owner_id": "app-1", "owner_type": "app"}


def opened(work, store=None):
    return open_runtime(store, runners=[work], flows=KIT, clock=VirtualClock(START))


async def test_flows_of_one_owner_run_one_by_one_in_the_order_they_were_started(autojump_clock):
    work = Slow()
    async with opened(work) as runtime:
        flows = [await runtime.flow("t", flow_id=f"f{n}", start=n != 1, **OWNED) for n in range(4)]
        assert (await flows[2].status()).turn == "waits"
        with pytest.raises(Conflict, match="waits for its turn already"):
            await flows[2].start()
        await trio.sleep(0.1)
        await flows[1].start()
        for flow in flows:
            assert (await flow.result()).status.status == "success"
    assert work.began == ["f0", "f2", "f3", "f1"]


class Away(MemoryJournal):
    """Of which this cannot be read for a while: who is next, or what there is of that one."""

    away = ""

    async def find(self, wanted, **page):
        self._refuse("find")
        return await super().find(wanted, **page)

    async def read(self, task_id):
        self._refuse(f"read {task_id}")
        return await super().read(task_id)

    def _refuse(self, what):
        if what == self.away:
            raise JournalUnavailable("reading failed")


@pytest.mark.parametrize("away", ["find", "read second"])
async def test_a_turn_that_cannot_be_given_while_the_store_is_away_is_given_later(autojump_clock, away):
    """Nobody else would give it, and the owner's flows would wait for ever."""
    work, journal = Slow(), Away()
    async with open_runtime(journal=journal, runners=[work], flows=KIT, clock=VirtualClock(START)) as runtime:
        first, second = [await runtime.flow("t", flow_id=name, **OWNED) for name in ("first", "second")]
        await trio.sleep(0.5)
        journal.away = away
        assert (await first.result()).status.status == "success"
        await trio.sleep(10)
        assert work.began == ["first"]
        journal.away = ""
        with trio.fail_after(60):
            assert (await second.result()).status.status == "success"


async def test_flows_of_others_do_not_wait(autojump_clock):
    async with opened(Slow(alone=False)) as runtime:
        flows = [await runtime.flow("t", owner_id=owner) for owner in ("a", "b", "", "")]
        began = trio.current_time()
        for flow in flows:
            await flow.result()
        assert trio.current_time() - began < 1.5


@pytest.mark.parametrize("mode", ["group", "flat"])
async def test_who_failed_may_be_retried_until_a_newer_one_is_there(autojump_clock, mode):
    work = Slow()
    work.failing = {"old"}
    async with opened(work) as runtime:
        old = await runtime.flow("t", flow_id="old", mode=mode, **OWNED)
        assert (await old.wait()).failed == ("s1",)
        work.failing.clear()
        await old.retry("s1")
        assert (await old.result()).status.status == "success"
        work.failing = {"older"}
        older = await runtime.flow("t", flow_id="older", mode=mode, **OWNED)
        await older.wait()
        new = await runtime.flow("t", flow_id="new", mode=mode, **OWNED)
        assert (await new.result()).status.status == "success"
        view = await older.status()
        assert (view.ended, view.status.status, view.superseded) == (True, "error", "new")
        with pytest.raises(Conflict):
            await older.retry("s1")
        assert work.began == ["old", "old", "older", "new"]


async def test_who_fails_while_another_waits_makes_room_at_once(autojump_clock):
    work = Slow()
    work.failing = {"first"}
    async with opened(work) as runtime:
        first = await runtime.flow("t", flow_id="first", **OWNED)
        second = await runtime.flow("t", flow_id="second", **OWNED)
        assert (await second.result()).status.status == "success"
        view = await first.status()
        assert view.ended
        assert view.superseded == "second"
        assert not view.status.metadata.get("awaiting_retry")


async def test_who_waits_can_be_cancelled_and_leaves_its_place(autojump_clock):
    work = Slow()
    async with opened(work) as runtime:
        flows = [await runtime.flow("t", flow_id=f"f{n}", **OWNED) for n in range(3)]
        await flows[1].cancel()
        assert (await flows[1].wait()).status.status == "cancelled"
        assert (await flows[2].result()).status.status == "success"
    assert work.began == ["f0", "f2"]


async def test_who_waits_goes_on_waiting_when_the_store_is_opened_again(mock_clock, tmp_path):
    store, work = f"sqlite:///{tmp_path}/f.db", Slow(seconds=math.inf)
    with trio.CancelScope() as crash:
        async with opened(work, store) as runtime:
            for n in range(3):
                await runtime.flow("t", flow_id=f"f{n}", **OWNED)
            crash.cancel()
            await trio.lowlevel.checkpoint()
    work.seconds = 0
    async with opened(work, store) as runtime:
        for n in range(3):
            assert (await runtime.flow_handle(f"f{n}").result()).status.status == "success"
    assert [one for n, one in enumerate(work.began) if one not in work.began[:n]] == ["f0", "f1", "f2"]


async def test_not_more_than_so_many_wait(autojump_clock, monkeypatch):
    monkeypatch.setattr(turns, "MOST_WAITING", 2)
    async with opened(Slow()) as runtime:
        first = await runtime.flow("t", flow_id="f0", **OWNED)
        for n in (1, 2):
            await runtime.flow("t", flow_id=f"f{n}", **OWNED)
        with pytest.raises(Unavailable, match="2 flows of owner app/app-1 wait"):
            await runtime.flow("t", flow_id="f3", **OWNED)
        assert (await runtime.flow("t", flow_id="f2", **OWNED)).id == "f2"
        await first.result()
        await runtime.flow("t", flow_id="f3", **OWNED)


def test_the_turn_is_taken_once_and_let_go_of_at_the_end():
    loop = FlowLoop(step("a"), mode=Mode.FLAT, owner_id="o")
    loop.turn_is_free = False
    loop.run()
    assert (loop.flow.turn, loop.flow.status.status, loop.turns_moved) == ("waits", "pending", 1)
    loop.ask(StartRequested(at=loop.now))
    assert isinstance(loop.refusal, Conflict)
    loop.ask(TurnGiven(at=loop.now))
    loop.ask(TurnGiven(at=loop.now))
    assert (loop.flow.turn, loop.flow.status.status, loop.turns_moved) == ("", "success", 2)
    assert loop.executed == ["a"]


def test_one_that_may_be_rerun_keeps_others_waiting_until_it_is_superseded():
    loop = FlowLoop(step("a"), mode=Mode.FLAT, owner_id="o", script=scripted(a=[Work(error="boom"), Work()])).run()
    assert loop.flow.turn == "had"
    loop.rerun("a", "retry-step")
    assert (loop.flow.turn, loop.flow.status.status) == ("", "success")
    other = FlowLoop(step("a"), mode=Mode.FLAT, owner_id="o", script=scripted(a=Work(error="boom"))).run()
    other.ask(NewerFlowCreated(at=other.now, flow_id="g"))
    assert other.flow.turn == ""
    assert isinstance(other.rerun("a", "retry-step").refusal, Conflict)


def test_lanes_that_run_or_are_asked_about_end_before_a_superseded_flow_does():
    pair = GroupSpec(steps=(step("a"), step("b")), parallel=True)
    script = scripted(a=Work(error="boom"), b=Work(blocked=True))
    loop = FlowLoop(pair, mode=Mode.GROUP, owner_id="o", script=script).run()
    loop.ask(NewerFlowCreated(at=loop.now, flow_id="g"))
    assert not loop.flow.ended
    loop.finish(loop.id_of("b"), Work())
    assert loop.flow.ended
    assert loop.flow.status.status == "error"
