"""Work that somebody has cut has failed, once, and what mends a failure mends it."""

import tracemalloc

import pytest
import trio
import trio.testing

from actors import VirtualClock
from runtime import Conflict, Flows, NotFound, Signal, StepSpec, open_runtime
from runtime.flow.document import FlowDocument
from runtime.flow.events import (
    CancelRequested,
    ChildrenOrdered,
    InterruptStepRequested,
    ResponseGiven,
    WorkFinished,
)
from runtime.flow.history import replay
from runtime.flow.rows import RetryRule
from runtime.flow.states import Mode
from tests.runtime.work.test_watch import Watched
from tests.support.plain_flow import FlowLoop, Work, group, plan, scripted, step

SAID = "interrupted by grace: it hangs"
HANGS_ONCE = [Work(blocked=True), Work()]


def running(mode=Mode.GROUP, works=None, **fields):
    """A flow whose first step hangs once, and another behind it."""
    rows = [step("a", 1, **fields), step("b", 2)]
    given = [group(one) for one in rows] if mode is Mode.GROUP else rows
    return FlowLoop(*given, mode=mode, script=scripted(a=works or HANGS_ONCE)).run()


def interrupt(loop, name="s1", **fields):
    decision = loop.tell(InterruptStepRequested(at=loop.now, by="grace", step=name, reason="it hangs", **fields))
    assert replay(loop.records) == loop.flow
    return decision


def refused(loop, name="s1", **fields):
    decision = interrupt(loop, name, **fields)
    assert not decision.records
    (refusal,) = decision.refusals
    return refusal


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("idempotent", [False, True])
def test_it_is_stored_then_cut_and_then_has_failed_as_by_itself(mode, idempotent):
    loop = running(mode, idempotent=idempotent)
    interrupt(loop)
    assert loop.statuses()["a"] == "in-progress"
    assert interrupt(loop).refusals == [None]
    assert len(loop.pending) == 1
    loop.settle()
    own = running(mode, Work(error="no"))
    assert loop.statuses() == own.statuses()
    assert loop.flow.status.status == own.flow.status.status
    assert loop.row("a").status.metadata["reason"] == SAID


def orders(loop, *children):
    return loop.tell(ChildrenOrdered(at=loop.now, step="s1", attempt=loop.flow.steps["s1"].attempt, children=children))


CUTS = {
    "cancel": lambda loop: CancelRequested(at=loop.now, by="grace"),
    "interrupt": lambda loop: InterruptStepRequested(at=loop.now, by="grace", step="s1"),
    "late": lambda loop: WorkFinished(at=loop.now, step="s1", attempt=1, error="it did not end within 1 s", late=True),
}


@pytest.mark.parametrize("crashes", [False, True])
@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("mode", Mode)
def test_work_that_is_cut_is_over_once_what_it_has_started_has_taken_its_cancel(mode, cut, crashes):
    loop = running(mode)
    assert len(orders(loop, "x", "y").records) == 1
    assert not orders(loop, "y", "x").records
    loop.tell(CUTS[cut](loop))
    assert isinstance(orders(loop, "z").refusals[0], Conflict)
    if loop.pending and cut != "late":  # what ran has ended
        loop.report(0)
    assert loop.dismissed == ["s1"]
    assert loop.flow.live
    if crashes:
        loop.crash()
        assert loop.dismissed == ["s1", "s1"]
    loop.settle()
    assert loop.row("a").status.status == ("cancelled" if cut == "cancel" else "error")
    assert not loop.row("a").children
    assert not loop.flow.live


def test_one_more_that_a_step_starts_costs_no_more_where_it_has_started_many():
    few, many = running(), running()
    orders(many, *map(str, range(20_000)))
    costs = []
    for loop in (few, many):
        tracemalloc.start()
        orders(loop, "one more")
        costs.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert costs[1] < costs[0] + 20_000


def test_work_that_ended_by_itself_leaves_what_it_has_started_alone():
    """Nothing of that goes on by itself then; and what is blocked may be mended."""
    loop = running()
    orders(loop, "x")
    loop.finish("s1", Work(error="x is blocked"))
    loop.settle()
    assert loop.row("a").status.status == "error"
    assert not loop.dismissed


@pytest.mark.parametrize("idempotent", [False, True])
def test_work_that_was_lost_is_cut_with_what_it_has_started_unless_it_is_begun_again(idempotent):
    loop = running(idempotent=idempotent)
    orders(loop, "x")
    loop.crash()
    loop.settle()
    assert loop.dismissed == ([] if idempotent else ["s1"])


def test_its_own_rule_retries_it():
    loop = running(retry=RetryRule(auto=True, max_retries=1))
    interrupt(loop)
    loop.settle()
    assert loop.flow.status.status == "success"
    assert loop.executed == ["a", "a (retry 1)", "b"]
    assert loop.statuses()["a"] in {"error", "discarded"}


def test_of_an_end_and_a_cut_that_meet_one_counts():
    loop = running()
    interrupt(loop)
    cut = loop.pending.pop()
    loop.running["s1"] = (cut, loop.now)  # it ends before the cut gets to it
    loop.finish("s1", Work())
    assert loop.statuses()["a"] == "success"
    assert not loop.tell(cut).records
    assert loop.settle().flow.status.status == "success"


def test_what_fails_by_itself_as_it_is_cut_says_both():
    loop = running()
    interrupt(loop)
    cut = loop.pending.pop()
    loop.running["s1"] = (cut, loop.now)
    loop.finish("s1", Work(error="the reply was cut"))
    assert loop.row("a").status.metadata["reason"] == f"{SAID}; it said: the reply was cut"


@pytest.mark.parametrize("idempotent", [False, True])
def test_whoever_goes_on_after_a_crash_takes_it_to_have_been_cut(idempotent):
    loop = running(idempotent=idempotent)
    interrupt(loop)
    loop.crash()
    assert loop.row("a").status.metadata["reason"] == SAID
    assert loop.executed == ["a"]


def test_what_does_not_run_is_refused_and_says_what_it_is():
    loop = running()
    assert isinstance(refused(loop, "s9"), NotFound)
    assert "s2 of flow f cannot be interrupted: no work of it is running, it is pending" in str(refused(loop, "s2"))
    assert "its attempt 1 is running, and not 2" in str(refused(loop, attempt=2))
    loop.tell(CancelRequested(at=loop.now, by="grace"))
    assert "it is being cancelled" in str(refused(loop))
    asks = FlowLoop(group(plan("P")), mode=Mode.GROUP).run()
    assert "it is approval-awaiting" in str(refused(asks))
    asks.tell(ResponseGiven(at=asks.now, by="grace", step="s1", type="approve"))
    asks.settle()
    assert "it is approved" in str(refused(asks))


async def test_work_that_hangs_is_cut_and_its_flow_waits_for_a_person(autojump_clock):
    seen = []

    async def work(_life):
        seen.append("began")
        if len(seen) == 1:
            try:
                await trio.sleep_forever()
            finally:
                seen.append("cut")

    hangs = StepSpec(name="a", signal=Signal(type="watched", data={}))
    kit = Flows(documents=[FlowDocument(name="deploy", steps=(hangs,))])
    with trio.fail_after(1000):
        async with open_runtime(runners=[Watched(work)], clock=VirtualClock(1.7e9), flows=kit) as rt:
            flow = await rt.flow("deploy", flow_id="f")
            await trio.testing.wait_all_tasks_blocked()
            (shown,) = (await flow.status()).steps
            with pytest.raises(Conflict):
                await flow.interrupt_step("s1", attempt=shown.attempt + 1)
            await flow.interrupt_step("s1", "it hangs", attempt=shown.attempt, by="grace")
            (shown,) = (await flow.wait()).steps
            assert (shown.status.status, shown.status.metadata["reason"], shown.attempt) == ("error", SAID, 0)
            await flow.retry("s1")
            assert (await flow.wait()).status.status == "success"
    assert seen == ["began", "cut", "began"]
