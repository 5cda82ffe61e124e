"""Cancelling a flow, a group or a step of one (spec section 14).

A request is stored at once, and refuses everything from then on. What runs is told to stop, and is cancelled once it
has: nobody claims that a process is gone while it is not. What ended keeps its status.
"""

from runtime.errors import Conflict, NotFound, Refused
from runtime.flow.chains import is_cancellation_err
from runtime.flow.cleanup import cancel_future_steps, close_groups
from runtime.flow.effects import StopSteps
from runtime.flow.ends import cancelled
from runtime.flow.events import CancelGroupRequested, CancelRequested, CancelStepRequested
from runtime.flow.flow import Flow
from runtime.flow.records import FlowCancelled, GroupCancelled, LaneClosed, StepLeft, StepStaged
from runtime.flow.rows import Group, Step
from runtime.flow.states import (
    ACTIVE,
    EXECUTABLE,
    GOES_ON,
    Directive,
    FlowStatus,
    GroupStatus,
    Mode,
    RunType,
    Stage,
    StepStatus,
    TargetStatus,
)
from runtime.flow.turn import GroupAnswered, StepAnswered, StepReleased, Turn

_CANCELLABLE = frozenset(
    {FlowStatus.PENDING, FlowStatus.IN_PROGRESS, FlowStatus.APPROVAL_AWAITING, FlowStatus.RETRYING}
)


def cancel(turn: Turn, event: CancelRequested) -> Refused | None:
    """Stop a flow for good."""
    flow = turn.flow
    if flow.cancelled is not None or not (flow.status.status in _CANCELLABLE or flow.awaits_retry):
        return Conflict(f"flow {flow.header.flow_id} cannot be cancelled: it is {flow.status.status}")
    turn.record(FlowCancelled(at=event.at, by=event.by, reason=event.reason))
    turn.set_flow(FlowStatus.CANCELLED, event.reason, {"cancel_requested_at": event.at, **flow.awaits_nobody})
    if flow.live:
        _stop(turn, _by_place(turn.flow, flow.live), event)
    if flow.generating:
        turn.effects.append(StopSteps((), event.by, event.reason))
    for step_id in _by_place(turn.flow, flow.parked):
        if step_id not in turn.flow.live:
            _mark(turn, turn.step(step_id), event.reason)
    _mark_unreached(turn, event.reason)
    _close(turn)
    return None


def _stop(turn: Turn, step_ids: list[str], event: CancelRequested | CancelStepRequested | CancelGroupRequested) -> None:
    """Tell what runs for steps to stop."""
    for step_id in step_ids:
        turn.record(StepStaged(at=turn.at, step=step_id, stage=Stage.STOPPING, reason=event.reason))
    turn.effects.append(StopSteps(tuple(step_ids), event.by, event.reason))


def _by_place(flow: Flow, step_ids: object) -> list[str]:
    return sorted(step_ids, key=lambda one: flow.steps[one].key)  # type: ignore[call-overload, no-any-return]  # a set of rpds


def _mark_unreached(turn: Turn, reason: str) -> None:
    """Steps of the group that was begun are cancelled with it, later ones were not attempted."""
    flow = turn.flow
    if flow.mode is Mode.GROUP:
        group = flow.group_at(flow.position)
        members = (
            () if group is None or group.untouched else flow.order.of_generation(group.group_idx, group.generation)
        )
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
    if group is not None and group.status.status in GOES_ON:
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
    _mark(turn, step, step.stopped_for or "cancelled")
    return True


def handle_cancellation(turn: Turn, error: BaseException, step_id: str) -> BaseException:
    """Wind a flow down if `error` is a cancellation, and give it back either way (section 14.3).

    Anything else is given back untouched, and nothing is written. To be cancelled raises nothing here (`cancel`): this is
    for who has an error of the conductor's in hand, which section 20 wants answered in the same way.
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
    step = flow.sought(event.step)
    if isinstance(step, NotFound):
        return step
    if flow.mode is not Mode.GROUP or flow.cancelled is not None or step.status.status not in ACTIVE:
        return Conflict(f"step {step.id} cannot be cancelled by itself: it is {step.status.status}")
    if step.stage in {Stage.ANSWER, Stage.IDLE}:
        turn.notes.append(StepReleased(step.id, RunType.RESUME))
        _mark(turn, step, event.reason)
        turn.notes.append(StepAnswered(step.id, Directive.STOP))
    elif step.stage is not Stage.STOPPING:
        _stop(turn, [step.id], event)
    return None


def cancel_group(turn: Turn, event: CancelGroupRequested) -> Refused | None:
    """Stop a group, and with it its flow: its answer is stop, once what runs of it has ended."""
    flow, flow_id = turn.flow, turn.flow.header.flow_id
    group = flow.groups.get(event.group)
    if group is None or not group.stored:
        return NotFound("group", event.group, f"flow {flow_id} has no such group")
    if flow.cancelled is not None or group.status.status not in GOES_ON:
        return Conflict(f"group {group.id} of flow {flow_id} cannot be cancelled: it is {group.status.status}")
    if group.cancelled is not None:
        return Conflict(f"group {group.id} of flow {flow_id} is being cancelled already")
    turn.record(GroupCancelled(at=turn.at, by=event.by, group=group.id, reason=event.reason))
    members = list(flow.order.of_generation(group.group_idx, group.generation))
    live = [step_id for step_id in members if step_id in flow.live]
    for step in map(turn.step, members):
        if step.status.status in EXECUTABLE:
            turn.set_step(step.id, StepStatus.CANCELLED, metadata={"reason": event.reason})
        elif step.id in flow.parked and step.id not in live:
            _mark(turn, step, event.reason)
    if live:
        _stop(turn, live, event)
        _say_that_it_stops(turn, group, event.reason)
    _let_go(turn, group, {turn.step(step_id).lane for step_id in live})
    return None


def _say_that_it_stops(turn: Turn, group: Group, reason: str) -> None:
    """Nobody is waited for any more."""
    turn.set_flow(FlowStatus.IN_PROGRESS, f"stopping {group.name}: {reason}", turn.flow.awaits_nobody)


def _let_go(turn: Turn, group: Group, live: set[str]) -> None:
    """Have a group answer that is to stop, once none of its lanes is alive."""
    for lane in _by_place(turn.flow, turn.flow.groups[group.id].lanes):
        if lane not in live:
            turn.record(LaneClosed(at=turn.at, group=group.id, step=lane, answer=Directive.STOP))
    if not live:
        turn.notes.append(GroupAnswered(group.id, Directive.STOP))
