"""Cancelling a flow, or a step of one (spec section 14).

A request is stored at once, and refuses everything from then on. What runs is told to stop, and is cancelled once it
has: nobody claims that a process is gone while it is not. What ended keeps its status.
"""

from runtime.errors import Conflict, NotFound, Refused
from runtime.flow.chains import is_cancellation_err
from runtime.flow.cleanup import cancel_future_steps, close_groups
from runtime.flow.effects import StopSteps
from runtime.flow.ends import cancelled
from runtime.flow.events import CancelRequested, CancelStepRequested
from runtime.flow.flow import Flow
from runtime.flow.records import FlowCancelled, StepLeft, StepStaged
from runtime.flow.rows import Step
from runtime.flow.states import (
    ACTIVE,
    EXECUTABLE,
    Directive,
    FlowStatus,
    GroupStatus,
    Mode,
    RunType,
    Stage,
    StepStatus,
    TargetStatus,
)
from runtime.flow.turn import StepAnswered, StepReleased, Turn

_CANCELLABLE = frozenset(
    {FlowStatus.PENDING, FlowStatus.IN_PROGRESS, FlowStatus.APPROVAL_AWAITING, FlowStatus.RETRYING}
)


def cancel(turn: Turn, event: CancelRequested) -> Refused | None:
    """Stop a flow for good."""
    flow = turn.flow
    if flow.cancelled is not None or not (flow.status.status in _CANCELLABLE or flow.awaits_retry):
        return Conflict(f"flow {flow.header.flow_id} cannot be cancelled: it is {flow.status.status}")
    turn.record(FlowCancelled(at=event.at, by=event.by, reason=event.reason))
    turn.set_flow(FlowStatus.CANCELLED, event.reason, {"cancel_requested_at": event.at})
    if flow.started_at is None:
        cancelled(turn)
        return None
    if flow.live or flow.generating:
        stopping = _by_place(turn.flow, flow.live)
        for step_id in stopping:
            turn.record(StepStaged(at=turn.at, step=step_id, stage=Stage.STOPPING))
        turn.effects.append(StopSteps(tuple(stopping), event.by, event.reason))
    for step_id in _by_place(turn.flow, flow.parked):
        if step_id not in turn.flow.live:
            _mark(turn, turn.step(step_id), event.reason)
    _mark_unreached(turn, event.reason)
    _close(turn)
    return None


def _by_place(flow: Flow, step_ids: object) -> list[str]:
    return sorted(step_ids, key=lambda one: flow.steps[one].key)  # type: ignore[call-overload, no-any-return]  # a set of rpds


def _mark_unreached(turn: Turn, reason: str) -> None:
    """Steps of the group at hand are cancelled with it, later ones were not attempted."""
    flow = turn.flow
    if flow.mode is Mode.GROUP:
        group = flow.group_at(flow.position)
        members = () if group is None else flow.order.of_generation(group.group_idx, group.generation)
        for step_id in members:
            if turn.step(step_id).status.status in EXECUTABLE:
                turn.set_step(step_id, StepStatus.CANCELLED, metadata={"reason": reason})
        close_groups(turn, f"the flow was cancelled: {reason}")
    else:
        cancel_future_steps(turn, None, f"the flow was cancelled: {reason}", abort="")


def _mark(turn: Turn, step: Step, reason: str) -> None:
    if step.status.status in ACTIVE:  # one that failed keeps that, though its signal is still being told of the retry
        turn.set_target(step.id, TargetStatus.CANCELLED)
        turn.set_step(step.id, StepStatus.CANCELLED, metadata={"reason": reason})
    turn.record(StepLeft(at=turn.at, step=step.id, directive=Directive.STOP))


def _close(turn: Turn) -> None:
    """End a cancelled flow once nothing of it runs any more."""
    flow = turn.flow
    if flow.live or flow.generating or flow.ending is not None:
        return
    group = flow.group_at(flow.position) if flow.mode is Mode.GROUP else None
    if group is not None and group.status.status in {GroupStatus.IN_PROGRESS, GroupStatus.PENDING}:
        turn.set_group(group.id, GroupStatus.CANCELLED)
    cancelled(turn)


def stopped(turn: Turn, step_id: str) -> None:
    """What ran for a step that is to stop has ended, one way or the other."""
    flow = turn.flow
    check_step_cancellation(turn, step_id)
    if flow.cancelled is not None:
        _close(turn)
    else:
        turn.notes.append(StepAnswered(step_id, Directive.STOP))


def generator_stopped(turn: Turn) -> None:
    """The generator of a cancelled flow has ended."""
    _close(turn)


def check_step_cancellation(turn: Turn, step_id: str) -> bool:
    """Mark a step as cancelled if it is to stop; say whether it was (section 14.1)."""
    step = turn.step(step_id)
    if step.stage is not Stage.STOPPING:
        return False
    reason = "cancelled" if turn.flow.cancelled is None else turn.flow.cancelled.reason
    _mark(turn, step, reason)
    return True


def handle_cancellation(turn: Turn, error: BaseException, step_id: str) -> BaseException:
    """Wind a flow down if `error` is a cancellation, and give it back either way (section 14.3).

    Anything else is given back untouched, and nothing is written.
    """
    if is_cancellation_err(error):
        step = turn.step(step_id)
        turn.set_target(step_id, TargetStatus.CANCELLED)
        cancel_future_steps(turn, step, "the flow was cancelled", abort="")
        turn.set_step(step_id, StepStatus.CANCELLED, metadata={"reason": "the flow was cancelled"})
        turn.record(StepLeft(at=turn.at, step=step_id, directive=Directive.STOP))
        cancelled(turn)
    return error


def cancel_step(turn: Turn, event: CancelStepRequested) -> Refused | None:
    """Stop a step, and with it its group and its flow: its answer is stop."""
    flow = turn.flow
    step = flow.steps.get(event.step)
    if step is None:
        return NotFound("step", event.step, f"flow {flow.header.flow_id} has no such step")
    if flow.mode is not Mode.GROUP or flow.cancelled is not None or step.status.status not in ACTIVE:
        return Conflict(f"step {step.id} cannot be cancelled by itself: it is {step.status.status}")
    if step.stage in {Stage.ANSWER, Stage.IDLE}:
        turn.notes.append(StepReleased(step.id, RunType.RESUME))
        _mark(turn, step, event.reason)
        turn.notes.append(StepAnswered(step.id, Directive.STOP))
    elif step.stage is not Stage.STOPPING:
        turn.record(StepStaged(at=turn.at, step=step.id, stage=Stage.STOPPING))
        turn.effects.append(StopSteps((step.id,), event.by, event.reason))
    return None
