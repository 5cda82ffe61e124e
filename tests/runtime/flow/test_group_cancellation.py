"""Cancelling a group by its own id (section 14.5)."""

import pytest

from runtime.errors import Conflict, NotFound
from runtime.flow.events import CancelGroupRequested, ResponseGiven, RetryStepRequested, SkipStepRequested
from runtime.flow.outcomes import FlowStoppedError
from runtime.flow.rows import RetryRule
from runtime.flow.states import Mode
from tests.support.plain_flow import FlowLoop, Work, group, plan, scripted, step


def cancel_group(loop, group_id="g1.0"):
    return loop.ask(CancelGroupRequested(at=loop.now, by="grace", group=group_id, reason="enough"))


def test_a_group_is_cancelled_with_all_that_is_left_of_it_and_stops_its_flow():
    steps = [step("a", 1), step("b", 1, target_type="deploy", target_id="d"), step("c", 1), step("d", 2)]
    loop = FlowLoop(*steps, mode=Mode.GROUP, script=scripted(b=Work(blocked=True))).run()
    cancel_group(loop)
    assert loop.refusal is None
    assert loop.stopped == ["b"]
    assert loop.statuses() == {"a": "success", "b": "cancelled", "c": "cancelled", "d": "not-attempted"}
    assert loop.groups() == {"g1.0": "cancelled", "g2.0": "discarded"}
    assert loop.row("b").status.metadata["reason"] == "enough"
    assert loop.flow.targets["deploy", "d"].status == "cancelled"
    assert loop.flow.status.status == "error"
    assert str(loop.flow.error) == "the flow was stopped at step s2: group 1 was cancelled: enough"
    assert isinstance(loop.retry("b").refusal, Conflict)
    assert loop.runs == [("initial", "error")]


def test_a_group_that_waits_is_cancelled_at_once_and_takes_no_answer():
    loop = FlowLoop(plan("P", 1), step("A", 1), mode=Mode.GROUP).run()
    cancel_group(loop)
    assert (loop.statuses(), loop.flow.ended) == ({"P": "cancelled", "A": "cancelled"}, True)
    assert isinstance(loop.answer("P", "approve").refusal, Conflict)
    failed = FlowLoop(step("a", 1), step("b", 1), mode=Mode.GROUP, script=scripted(a=Work(error="boom"))).run()
    cancel_group(failed)
    assert failed.statuses() == {"a": "error", "b": "cancelled"}
    assert (failed.groups(), failed.flow.ended) == ({"g1.0": "cancelled"}, True)
    assert failed.flow.status.metadata["awaiting_retry"] is False
    assert isinstance(failed.retry("a").refusal, Conflict)


def lanes():
    """A parallel group with a lane of each kind: one runs, others wait for a person, a retry, their time, or room."""
    later = RetryRule(auto=True, backoff_seconds=1000.0)
    rows = [step("runs"), plan("asks"), step("failed"), step("again", retry=later), step("b1"), step("b2")]
    works = {"failed": Work(error="boom"), "again": Work(error="boom")}
    works |= {name: Work(blocked=True) for name in ("runs", "b1", "b2")}
    return FlowLoop(
        group(*rows, parallel=True), group(step("z")), mode=Mode.GROUP, script=scripted(**works), max_in_flight=2
    ).run()


@pytest.mark.parametrize("crashes", [False, True])
def test_a_parallel_group_that_is_cancelled_ends_once_what_runs_of_it_has(crashes):
    loop = lanes()
    assert loop.statuses()["b2"] == "queued"
    loop.tell(CancelGroupRequested(at=loop.now, by="grace", group="g1.0", reason="enough"))
    assert not loop.flow.ended
    assert loop.flow.status.status == "in-progress"
    for refused in (
        RetryStepRequested(at=loop.now, by="grace", step=loop.id_of("failed")),
        SkipStepRequested(at=loop.now, by="grace", step=loop.id_of("failed")),
        RetryStepRequested(at=loop.now, by="grace", step=loop.id_of("again (retry 1)")),
        ResponseGiven(at=loop.now, by="grace", step=loop.id_of("asks"), type="approve"),
        CancelGroupRequested(at=loop.now, by="grace", group="g1.0"),
    ):
        loop.tell(refused)
        assert isinstance(loop.refusal, Conflict), refused
    if crashes:
        loop.crash()
    loop.settle()
    kept = {"failed": "error", "again": "error", "z": "not-attempted"}
    assert loop.statuses() == {**dict.fromkeys(loop.statuses(), "cancelled"), **kept}
    assert loop.groups() == {"g1.0": "cancelled", "g2.0": "discarded"}
    assert isinstance(loop.flow.error, FlowStoppedError)


def test_a_flow_is_cancelled_while_one_of_its_groups_is():
    loop = lanes()
    loop.tell(CancelGroupRequested(at=loop.now, by="grace", group="g1.0"))
    loop.cancel()
    assert loop.refusal is None
    assert loop.flow.status.status == "cancelled"
    assert loop.groups() == {"g1.0": "cancelled", "g2.0": "discarded"}


@pytest.mark.parametrize("mode", [Mode.FLAT, Mode.CHILD])
def test_without_groups_none_can_be_cancelled(mode):
    loop = FlowLoop(step("a", 1), mode=mode, script=scripted(a=Work(blocked=True))).run()
    assert isinstance(cancel_group(loop).refusal, NotFound)


def test_only_the_group_that_a_flow_is_at_can_be_cancelled():
    loop = FlowLoop(step("a", 1), step("b", 2), step("c", 3), mode=Mode.GROUP, script=scripted(b=Work(blocked=True)))
    loop.run()
    for group_id in ("g1.0", "g3.0"):
        assert isinstance(cancel_group(loop, group_id).refusal, Conflict)
    assert isinstance(cancel_group(loop, "g9.0").refusal, NotFound)
    assert isinstance(cancel_group(loop.cancel(), "g2.0").refusal, Conflict)
