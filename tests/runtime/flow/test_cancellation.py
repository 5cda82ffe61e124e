"""Sections 14 and 16.4: A58 to A63, and what a crash or a shutdown leaves."""

import pytest
import trio

from runtime.errors import Conflict
from runtime.flow.cancellation import check_step_cancellation, handle_cancellation
from runtime.flow.chains import STEP_FAILED, is_cancellation_err, step_human_description
from runtime.flow.events import (
    CancelRequested,
    CancelStepRequested,
    DrainBegan,
    SegmentEntered,
    StartRequested,
    StepCut,
    StepsGenerated,
)
from runtime.flow.outcomes import FlowCancelledError
from runtime.flow.rows import RetryRule
from runtime.flow.states import Hook, Mode, OnError
from runtime.flow.turn import Turn
from runtime.journal.protocol import standing_of
from runtime.runner import ClientError
from tests.support.plain_flow import FlowLoop, Work, group, plan, scripted, step

MODES = pytest.mark.parametrize("mode", list(Mode))
LAST_BLOCKS = scripted(s2=Work(blocked=True))


def blocked(mode: Mode, **fields) -> FlowLoop:
    """A flow whose second step goes on and on."""
    second = step("s2", 2, target_type="deploy", target_id="d", **fields)
    return FlowLoop(step("s1", 1), second, step("s3", 3), mode=mode, script=LAST_BLOCKS).run()


@MODES
def test_a58_what_runs_is_cut_and_what_is_done_stays(mode):
    loop = blocked(mode).cancel("enough")
    assert loop.stopped == ["s2"]
    assert loop.statuses() == {"s1": "success", "s2": "cancelled", "s3": "not-attempted"}
    assert loop.row("s2").status.metadata["reason"] == "enough"
    assert loop.flow.targets[("deploy", "d")].status == "cancelled"
    assert loop.flow.status.status == "cancelled"
    assert loop.flow.finished_at is not None
    assert isinstance(loop.flow.error, FlowCancelledError)
    assert loop.runs == [("initial", "cancelled")]
    if mode is Mode.GROUP:
        assert loop.groups() == {"g1.0": "success", "g2.0": "cancelled", "g3.0": "discarded"}


@MODES
def test_a_cancelled_flow_ends_once_what_runs_has(mode):
    loop = blocked(mode)
    loop.tell(CancelRequested(at=loop.now, by="grace"))
    assert loop.flow.status.status == "cancelled"
    assert loop.flow.finished_at is None
    assert not loop.flow.ended
    assert isinstance(loop.cancel().refusal, Conflict)
    assert loop.flow.ended


@MODES
def test_a59_a_flow_that_was_cancelled_while_it_waited_never_runs(mode):
    loop = FlowLoop(step("s1"), mode=mode).cancel()
    assert loop.flow.ended
    loop.ask(StartRequested(at=loop.now))
    assert isinstance(loop.refusal, Conflict)
    assert not loop.executed
    assert loop.generated == 0


@MODES
def test_a60_a_flow_that_ended_cannot_be_cancelled(mode):
    loop = FlowLoop(step("s1"), mode=mode).run()
    before = len(loop.records)
    assert isinstance(loop.cancel().refusal, Conflict)
    assert len(loop.records) == before
    assert loop.flow.status.status == "success"


@MODES
def test_a_flow_that_waits_for_a_retry_can_be_cancelled(mode):
    loop = FlowLoop(step("s1", 1), step("s2", 2), mode=mode, script=scripted(s1=Work(error="boom"))).run()
    loop.cancel()
    if mode is Mode.GROUP:
        assert loop.flow.status.status == "cancelled"
        assert loop.statuses() == {"s1": "error", "s2": "not-attempted"}
        assert loop.flow.status.metadata["awaiting_retry"] is False
    else:
        assert isinstance(loop.refusal, Conflict)


@MODES
def test_a61_what_is_no_cancellation_is_given_back_untouched(mode):
    loop = blocked(mode)
    turn = Turn(loop.flow)
    error = ValueError("no")
    assert handle_cancellation(turn, error, "s2") is error
    assert not turn.records
    assert check_step_cancellation(turn, "s2") is False
    assert not turn.records


@pytest.mark.parametrize("mode", [Mode.FLAT, Mode.CHILD])
def test_a_cancellation_winds_the_flow_down_in_order(mode):
    loop = blocked(mode)
    turn = Turn(loop.flow)
    error = FlowCancelledError()
    assert handle_cancellation(turn, error, "s2") is error
    assert [type(one).__name__ for one in turn.records] == [
        "TargetStatusSet",
        "StepStatusSet",
        "StepStatusSet",
        "StepLeft",
        "FlowEnded",
        "RunStatusSet",
    ]
    assert [one.step for one in turn.records[1:3]] == ["s3", "s2"]
    assert turn.flow.steps["s3"].status.status == "not-attempted"
    assert turn.flow.finished_at is not None


@MODES
def test_a62_a_cancel_at_a_cut_is_seen_by_the_next_segment(mode):
    loop = FlowLoop(*[step(f"s{n}", n + 1) for n in range(7)], mode=mode)
    loop.enter_by_itself = False
    loop.run()
    assert loop.cuts == [5]
    loop.cancel()
    loop.ask(SegmentEntered(at=loop.now, position=5))
    assert len(loop.executed) == 5
    assert loop.flow.status.status == "cancelled"
    assert loop.flow.ended
    assert loop.statuses()["s6"] == "not-attempted"


def test_a63_only_a_users_own_mistake_is_described():
    mistake = ClientError("no such bucket")
    mistake.__cause__ = KeyError("the innermost")
    wrapped = RuntimeError("wrapped")
    wrapped.__cause__ = mistake
    assert step_human_description(wrapped) == "'the innermost'"
    assert step_human_description(ClientError("no such bucket")) == "no such bucket"
    assert step_human_description(RuntimeError("secret host name")) == STEP_FAILED == "Step failed"
    several = ExceptionGroup("all", [ValueError("internal"), ClientError("yours")])
    assert step_human_description(several) == "yours"
    assert len(step_human_description(ClientError("x" * 10_000))) == 512


def test_an_error_that_causes_itself_is_described_all_the_same():
    error = RuntimeError("loop")
    error.__cause__ = RuntimeError("other")
    error.__cause__.__cause__ = error
    assert step_human_description(error) == STEP_FAILED
    mistake = ClientError("yours")
    mistake.__cause__ = mistake
    assert step_human_description(mistake) == "yours"


async def test_a_cancellation_is_one_however_deep():
    caught = []
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as cancelled:
            caught.append(cancelled)
            raise
    assert is_cancellation_err(caught[0])
    wrapped = RuntimeError("x")
    wrapped.__cause__ = caught[0]
    assert is_cancellation_err(wrapped)
    assert is_cancellation_err(BaseExceptionGroup("g", [ValueError(), FlowCancelledError()]))
    assert not is_cancellation_err(ValueError("no"))


@MODES
def test_a_generator_that_is_asked_when_the_flow_is_cancelled_is_cut(mode):
    loop = FlowLoop(step("s1"), mode=mode)
    loop.tell(StartRequested(at=loop.now))
    loop.pending.clear()
    loop.tell(CancelRequested(at=loop.now, by="grace"))
    assert not loop.flow.ended
    loop.settle()
    assert loop.flow.ended
    loop.tell(StepsGenerated(at=loop.now, steps=[step("late")]))
    assert not loop.flow.steps


@MODES
def test_steps_that_are_generated_after_a_cancel_are_not_run(mode):
    loop = FlowLoop(step("s1"), mode=mode)
    loop.tell(StartRequested(at=loop.now))
    late = loop.pending.pop()
    loop.tell(CancelRequested(at=loop.now, by="grace"))
    loop.pending.clear()
    loop.tell(late)
    assert loop.flow.ended
    assert not loop.executed


@MODES
def test_work_that_a_crash_cut_failed_unless_it_may_be_done_twice(mode):
    loop = blocked(mode).crash().settle()
    assert loop.row("s2").status.status == "error"
    assert "not known" in loop.row("s2").status.metadata["reason"]
    again = blocked(mode, idempotent=True).crash()
    assert again.row("s2").status.status == "in-progress"
    assert again.executed == ["s1", "s2", "s2"]
    again.finish("s2", Work())
    again.settle()
    assert again.flow.status.status == "success"


@MODES
def test_a_shutdown_starts_nothing_new_and_the_flow_goes_on_afterwards(mode):
    loop = blocked(mode)
    loop.tell(DrainBegan(at=loop.now, by="host", reason="shutdown"))
    loop.finish("s2", Work())
    assert loop.statuses()["s3"] in {"pending", "queued"}
    assert loop.flow.idle
    assert standing_of(loop.flow).awake
    loop.crash().settle()
    assert loop.executed == ["s1", "s2", "s3"]
    assert loop.flow.status.status == "success"


@pytest.mark.parametrize("mode", [Mode.FLAT, Mode.CHILD])
def test_a_flow_that_goes_on_over_errors_does_so_after_a_shutdown_too(mode):
    loop = FlowLoop(step("a"), step("b"), mode=mode, on_error=OnError.CONTINUE)
    loop.tell(StartRequested(at=loop.now))
    loop.tell(loop.pending.pop())
    loop.tell(DrainBegan(at=loop.now, by="host", reason="shutdown"))
    loop.finish("s1", Work(error="boom"))
    assert loop.executed == ["a"]
    loop.crash().settle()
    assert (loop.executed, loop.flow.status.status) == (["a", "b"], "success")
    assert [one.description for one in loop.flow.status.history][-2:] == ["step 2: b", "done: b"]


@MODES
def test_a_shutdown_that_cuts_work_leaves_it_to_be_done_again_if_it_may_be(mode):
    loop = blocked(mode, idempotent=True)
    loop.tell(DrainBegan(at=loop.now, by="host", reason="shutdown"))
    loop.tell(StepCut(at=loop.now, step="s2", attempt=1, by="host", reason="shutdown"))
    loop.crash()
    loop.finish("s2", Work())
    loop.settle()
    assert loop.flow.status.status == "success"


@MODES
def test_a_flow_that_ended_while_it_was_put_down_stays_put_until_somebody_wants_more_of_it(mode):
    loop = blocked(mode)
    loop.tell(DrainBegan(at=loop.now, by="host", reason="shutdown"))
    loop.cancel("enough")
    assert loop.flow.ended
    assert not standing_of(loop.flow).awake
    loop.crash()
    assert not loop.flow.held


def test_a_cancel_is_finished_after_a_crash():
    for mode in Mode:
        loop = blocked(mode)
        loop.tell(CancelRequested(at=loop.now, by="grace"))
        loop.crash()
        assert loop.flow.ended
        assert loop.statuses()["s2"] == "cancelled"


@pytest.mark.parametrize("parallel", [False, True])
def test_a_step_that_was_being_cancelled_stops_its_flow_after_a_crash_too(parallel):
    steps = group(step("a"), parallel=parallel)
    loop = FlowLoop(steps, group(step("b")), mode=Mode.GROUP, script=scripted(a=Work(blocked=True))).run()
    loop.tell(CancelStepRequested(at=loop.now, by="grace", step="s1"))
    loop.crash()
    assert loop.statuses() == {"a": "cancelled", "b": "not-attempted"}
    assert loop.flow.status.status == "error"


def test_lanes_that_waited_for_room_are_taken_up_after_a_crash():
    works = {name: Work(blocked=True) for name in "ab"}
    steps = group(*[step(name, idempotent=True) for name in "abcd"], plan("P"), parallel=True)
    loop = FlowLoop(steps, mode=Mode.GROUP, script=scripted(**works), max_in_flight=2).run()
    loop.crash()
    for step_id in list(loop.running):
        loop.finish(step_id, Work())
    loop.settle()
    assert loop.statuses()["P"] == "approval-awaiting"
    loop.answer("P", "approve")
    assert loop.flow.status.status == "success"


def test_a_failure_that_a_hook_is_being_told_of_stays_one_when_the_flow_is_cancelled():
    rule = RetryRule(auto=True)
    told = step("a", retry=rule, hooks=(Hook.ON_RETRY,))
    loop = FlowLoop(told, mode=Mode.GROUP, script=lambda _step: Work(blocked=True)).run()
    loop.finish("s1", Work(error="boom"))
    loop.pending.clear()
    loop.cancel()
    assert loop.statuses() == {"a": "error"}
    assert loop.flow.ended
