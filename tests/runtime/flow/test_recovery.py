"""Scenarios at a cut, through the runtime: the records end there, and somebody opens the store again."""

import pytest
import trio
import trio.testing

from actors import VirtualClock
from runtime import Conflict, open_runtime
from runtime.flow.events import CancelRequested, SegmentEntered
from runtime.flow.records import SegmentCut
from runtime.flow.states import Mode
from runtime.flows import Flows, Generator
from runtime.journal.opening import open_journal
from runtime.journal.protocol import Entry, Journal, entry_of, standing_of
from runtime.runner import Outcome, Runner
from tests.support.live_flow import Kept, Nothing
from tests.support.plain_flow import START, FlowLoop, Work, scripted, step


class Counted(Runner[Nothing]):
    """Counts what is done."""

    name = "work"
    config = Nothing

    def __init__(self):
        super().__init__()
        self.done = []

    async def run(self, request):
        await trio.lowlevel.checkpoint()
        self.done.append(request.step)
        return Outcome()


@pytest.fixture(params=["memory", "SQLite"])
async def journal(request, tmp_path):
    if request.param == "memory":
        return Kept()
    return await open_journal(f"sqlite:///{tmp_path}/flows.db?synchronous=normal")


async def resumed(loop: FlowLoop, journal: Journal):
    """Open a store that holds what happened to a flow so far; give the flow at its end, and what was done."""
    work = Counted()
    await journal.append([Entry("f", loop.records, standing_of(loop.flow))])
    async with open_runtime(journal=journal, clock=VirtualClock(START), runners=[work], flows=Flows()) as runtime:
        flow = await runtime.rest_of_flow("f")
        records = await journal.read("f")
    return flow, work.done, records


async def test_a62_a_cancel_at_a_cut_is_seen_by_the_next_segment(mock_clock, journal):
    loop = FlowLoop(*[step(f"s{n}", n + 1) for n in range(7)], mode=Mode.FLAT)
    loop.enter_by_itself = False
    loop.run()
    assert loop.flow.cut
    loop.tell(CancelRequested(at=loop.now, by="grace"))
    flow, done, _records = await resumed(loop, journal)
    assert flow.status.status == "cancelled"
    assert not done
    loop.tell(SegmentEntered(at=loop.now, position=5))
    assert len(loop.executed) == 5


async def test_a44_a_rerun_that_was_cut_goes_on_where_it_was(mock_clock, journal):
    fails_once = scripted(s0=[Work(error="boom"), Work()])
    loop = FlowLoop(*[step(f"s{n}", n) for n in range(10)], mode=Mode.FLAT, script=fails_once).run()
    loop.enter_by_itself = False
    loop.rerun("s0", "retry-step")
    assert loop.flow.cut
    flow, done, records = await resumed(loop, journal)
    assert flow.status.status == "success"
    assert len(flow.steps) == 11
    assert len(done) == 5
    assert [one.position for one in records if isinstance(one, SegmentCut)] == [6]


class Gated(Runner[Nothing]):
    """Waits until it may end."""

    name = "work"
    config = Nothing

    def __init__(self):
        super().__init__()
        self.began = trio.Event()
        self.may_end = trio.Event()

    async def run(self, _request):
        self.began.set()
        await self.may_end.wait()
        return Outcome()


async def test_a_flow_that_a_shutdown_put_down_goes_on_when_its_store_is_opened_again(mock_clock):
    journal, gate, work = Kept(), Gated(), Counted()
    steps = [step(f"s{n}", n) for n in range(3)]
    kit = Flows(generators=[Generator("install", generated(steps))])
    async with open_runtime(journal=journal, clock=VirtualClock(START), runners=[gate], flows=kit) as runtime:
        await runtime.flow("install", flow_id="f")
        await gate.began.wait()
        async with trio.open_nursery() as nursery:
            runtime.shutdown()
            nursery.start_soon(runtime.drained)
            await trio.testing.wait_all_tasks_blocked()
            gate.may_end.set()
    assert (await journal.look_up("f")).standing.awake
    async with open_runtime(journal=journal, clock=VirtualClock(START), runners=[work], flows=kit) as runtime:
        flow = await runtime.rest_of_flow("f")
    assert flow.status.status == "success"
    assert work.done == ["s2", "s3"]
    assert {one.attempt for one in flow.steps.values()} == {1}


def generated(steps):
    async def give(_flow):
        await trio.lowlevel.checkpoint()
        return steps

    return give


async def test_a_flow_that_nobody_ran_any_more_is_taken_up_when_its_store_is_opened(mock_clock, journal):
    loop = FlowLoop(*[step(f"s{n}", n, idempotent=True) for n in range(3)], mode=Mode.GROUP)
    loop.script = lambda _step: Work(blocked=True)
    loop.run()
    flow, done, _records = await resumed(loop, journal)
    assert flow.status.status == "success"
    assert done == ["s1", "s2", "s3"]


async def test_a_generator_that_a_shutdown_cuts_is_asked_again_and_fails_no_flow(autojump_clock):
    journal, work, asked = Kept(), Counted(), []

    async def give(_flow):
        asked.append(1)
        await trio.sleep(50 if len(asked) == 1 else 0)
        return [step("a", 1)]

    kit = Flows(generators=[Generator("install", give)])
    clock = VirtualClock(START)
    async with open_runtime(journal=journal, clock=clock, runners=[work], flows=kit, grace_seconds=5) as runtime:
        await runtime.flow("install", flow_id="f")
        await trio.testing.wait_all_tasks_blocked()
    async with open_runtime(journal=journal, clock=clock, runners=[work], flows=kit) as runtime:
        flow = await runtime.rest_of_flow("f")
    assert flow.status.status == "success", flow.error
    assert (len(asked), work.done) == (2, ["s1"])


async def test_a_flow_is_not_deleted_before_the_task_that_waits_for_it_has_heard_of_its_end(autojump_clock):
    """Whoever was to tell it may be gone; and nobody could, once the flow is."""
    loop = FlowLoop(step("s", 1), mode=Mode.FLAT, parent="t")
    loop.parent_hears = False
    loop.run()
    async with open_runtime() as runtime:
        await runtime._journal.append([entry_of(loop.flow, loop.records)])
        with pytest.raises(Conflict, match="task t waits to hear that it has ended"):
            await runtime.delete_flow("f")
