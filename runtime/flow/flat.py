"""Flows without groups: one ordered list of steps (spec section 6.1), whose steps may answer with directives (6.2).

The two modes differ little: a child step is queued before it begins, may be retried without being asked, and its
directive is kept in its status. A segment ends after so many steps were passed, the ones passed over included.
"""

from typing import assert_never

from runtime.flow.cleanup import cancel_future_steps, discard_siblings
from runtime.flow.cloning import CloneRefused, clone_step
from runtime.flow.effects import ContinueAsNew
from runtime.flow.ends import fail_flow, refuse_plan, set_run, stop_flow, succeed
from runtime.flow.flow import RETRIES_EXHAUSTED
from runtime.flow.lifecycle import begin, queue
from runtime.flow.records import FlowParked, Moved, RunOpened, SegmentCut
from runtime.flow.rows import Step, unknown_directive
from runtime.flow.states import (
    EXECUTABLE,
    Directive,
    ExecutionType,
    Mode,
    OnError,
    RunStatus,
    StepStatus,
)
from runtime.flow.turn import StepAnswered, StepExpired, StepFailed, StepReleased, Turn


def enter(turn: Turn, position: int) -> None:
    """Go on at a position: the beginning of a segment."""
    _walk(turn, position, turn.flow.order.at(position), since=position)


def go_on(turn: Turn) -> None:
    """Go on where the flow is, in the segment it is in."""
    position = turn.flow.position
    _walk(turn, position, turn.flow.order.at(position), since=turn.flow.since)


def _walk(turn: Turn, position: int, step_id: str | None, *, since: int) -> None:
    """Take on the first step that can run, from `position` on; others are passed over without a word."""
    order, steps = turn.flow.order, turn.flow.steps
    while step_id is not None:
        if position - since >= turn.flow.header.segment:
            turn.record(SegmentCut(at=turn.at, position=position))
            turn.effects.append(ContinueAsNew(position))
            return
        step = steps[step_id]
        if step.status.status in EXECUTABLE:
            plan = turn.flow.unapproved(step)
            if plan is not None:
                why = plan.status.metadata.get("reason") or f"it is {plan.status.status}"
                _abort(turn, plan, f"{why}; nothing is applied that nobody approved")
                return
            turn.record(Moved(at=turn.at, position=position, since=since))
            _take_on(turn, step)
            return
        step_id, position = order.next(step), position + 1
    succeed(turn)


def _take_on(turn: Turn, step: Step) -> None:
    inline = step.spec.signal is None and step.spec.execution_type is not ExecutionType.SKIPPED
    if turn.flow.mode is Mode.CHILD and not inline:
        queue(turn, step.id)
    else:
        begin(turn, step.id)


def _after(turn: Turn, step: Step) -> None:
    """Go on behind a step."""
    _walk(turn, turn.flow.position + 1, turn.flow.order.next(step), since=turn.flow.since)


def on_step(turn: Turn, note: StepAnswered) -> None:
    """Act on what a step answered."""
    step = turn.step(note.step)
    match note.directive:
        case Directive.CONTINUE:
            _after(turn, step)
        case Directive.RETRY:
            try:
                clone_step(turn, step.id)
            except CloneRefused as refused:
                _abort(turn, step, str(refused))
            else:
                _after(turn, step)
        case Directive.SKIP_GROUP:
            discard_siblings(turn, step, f"step {step.id} skipped the rest of its group")
            _after(turn, step)
        case Directive.STOP:
            _stopped(turn, step)
        case Directive.RETRY_GROUP:
            _abort(turn, step, f'step "{step.name}" answered retry-group: a flow without groups has none to retry')
        case Directive.AWAIT_APPROVAL:
            pass  # a step that waits has not ended: it says so with `StepParked`
        case _:
            assert_never(note.directive)


def _stopped(turn: Turn, step: Step) -> None:
    if unknown_directive(step):
        _abort(turn, step, unknown_directive(step))
        return
    cancel_future_steps(turn, step, "an earlier step was not approved")
    exhausted = step.status.metadata.get(RETRIES_EXHAUSTED)
    if exhausted and step.status.status == StepStatus.ERROR:
        limit = step.spec.retry.max_retries
        reason = f'the {limit} retries of step "{step.name}" are spent'
        stop_flow(turn, step.id, reason, retries_exhausted=True)
    else:
        refuse_plan(turn, step.id)


def on_failure(turn: Turn, note: StepFailed) -> None:
    """A step failed: the end, unless the flow goes on over errors, which it does up to what would apply a failed plan."""
    step = turn.step(note.step)
    if turn.flow.header.on_error is OnError.CONTINUE:
        _after(turn, step)
    else:
        _abort(turn, step, note.error)


def on_expiry(turn: Turn, note: StepExpired) -> None:
    """Nobody answered: the end, whatever the flow does about errors."""
    _abort(turn, turn.step(note.step), note.error)


def _abort(turn: Turn, step: Step, error: str) -> None:
    cancel_future_steps(turn, step, f"step {step.id} failed")
    fail_flow(turn, f'step "{step.name}" ({step.id}): {error}')


def on_parked(turn: Turn, step_id: str) -> None:
    """A step waits for a person. A flat flow only waits with it; a child step pauses the run."""
    if turn.flow.mode is Mode.CHILD:
        turn.record(FlowParked(at=turn.at, step_id=step_id))
        set_run(turn, RunStatus.APPROVAL_AWAITING)


def on_release(turn: Turn, note: StepReleased) -> None:
    """A step that waited was answered."""
    if turn.flow.park == note.step:
        turn.record(FlowParked(at=turn.at, step_id=""))
        turn.record(
            RunOpened(
                at=turn.at,
                run_id=f"r{len(turn.flow.runs) + 1}",
                type=note.type,
                start_from=turn.flow.position,
                trigger_step_id=note.step,
            )
        )
