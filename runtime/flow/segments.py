"""Flows dispatch groups, and act on their directives (spec section 6.3)."""

from typing import assert_never

from runtime.flow.cleanup import cancel_future_steps, close_groups
from runtime.flow.cloning import CloneRefused, clone_group
from runtime.flow.effects import ContinueAsNew
from runtime.flow.ends import fail_flow, set_run, stop_flow, succeed
from runtime.flow.flow import AUTO_RETRIES_SPENT, AWAITING_RETRY, ERROR_MESSAGE, RETRIES_EXHAUSTED, Flow
from runtime.flow.groups import close_lane, dispatch_group, end_group
from runtime.flow.outcomes import DENIED, PAUSED, SKIPPED_DEPENDENTS
from runtime.flow.records import FlowParked, Moved, RunOpened, SegmentCut
from runtime.flow.rows import EXPIRED_LANE, Group, Step, unknown_directive
from runtime.flow.states import (
    DEAD,
    Directive,
    FlowStatus,
    GroupStatus,
    ResponseType,
    RunStatus,
    RunType,
)
from runtime.flow.turn import (
    GroupAnswered,
    GroupFailed,
    StepExpired,
    StepFailed,
    StepReleased,
    Turn,
)
from runtime.values.json import Json


def enter(turn: Turn, position: int) -> None:
    """Go on at a group position: the beginning of a segment."""
    turn.record(Moved(at=turn.at, position=position, since=position))
    go_on(turn)


def go_on(turn: Turn) -> None:
    """Dispatch the group the flow is at, or end it."""
    flow = turn.flow
    group = flow.group_at(flow.position)
    if group is not None and flow.paused and flow.position and group.untouched:
        _park(turn)  # it is between two groups, and not in one
    elif group is not None:
        dispatch_group(turn, group)
    elif flow.generating:
        pass  # what is generated next goes on here
    elif flow.generation_error:
        fail_flow(turn, flow.generation_error)
    elif flow.complete:
        succeed(turn)
    else:  # nothing is left to dispatch, and something is left to do: only a person can know what
        _park(turn)


def _park(turn: Turn) -> None:
    turn.record(FlowParked(at=turn.at, step_id=PAUSED))
    set_run(turn, RunStatus.APPROVAL_AWAITING)


def waits_for_steps(flow: Flow) -> bool:
    """Say whether all groups that are there have ended, while more of them are, or were, to be generated."""
    more = flow.generating or bool(flow.generation_error)
    waits = flow.live or flow.parked or flow.failed or flow.delayed or flow.park or flow.cut or flow.waiting
    return more and flow.ending is None and not waits and not flow.awaits_retry


def on_group(turn: Turn, note: GroupAnswered) -> None:
    """Act on what a group answered."""
    match note.directive:
        case Directive.CONTINUE | Directive.SKIP_GROUP:
            end_group(turn, note.group, GroupStatus.SUCCESS, note.directive)
            _after(turn)
        case Directive.RETRY_GROUP | Directive.RETRY:
            _again(turn, note)
        case Directive.STOP:
            _stop(turn, turn.flow.groups[note.group], note.step)
        case Directive.AWAIT_APPROVAL:
            pass  # the step that waits parked the flow already
        case _:
            assert_never(note.directive)


def _after(turn: Turn) -> None:
    """Go on behind a group: with the next one, in the next segment, or once somebody lets a paused flow go on."""
    flow = turn.flow
    position = flow.position + 1
    if position >= len(flow.order.groups):
        turn.record(Moved(at=turn.at, position=position, since=flow.since))
        go_on(turn)
    elif position - flow.since >= flow.header.segment:
        turn.record(SegmentCut(at=turn.at, position=position))
        turn.effects.append(ContinueAsNew(position))
    else:
        turn.record(Moved(at=turn.at, position=position, since=flow.since))
        go_on(turn)


def _again(turn: Turn, note: GroupAnswered) -> None:
    try:
        clone_group(turn, turn.flow.groups[note.group])
    except CloneRefused as refused:
        _give_up(turn, note.group, note.step, str(refused))
    else:
        go_on(turn)


def _give_up(turn: Turn, group_id: str, step_id: str, why: str) -> None:
    """Retries are spent, and nothing that anybody may do mends it: that ends the flow."""
    end_group(turn, group_id, GroupStatus.ERROR, Directive.STOP)
    close_groups(turn, "an earlier group was stopped")
    stop_flow(turn, step_id, why, retries_exhausted=True)


def _stop(turn: Turn, group: Group, step_id: str) -> None:
    cancelled = group.cancelled is not None
    status = GroupStatus.CANCELLED if cancelled else GroupStatus.ERROR
    end_group(turn, group.id, status, Directive.STOP, group.cancelled or "")
    close_groups(turn, "an earlier group was stopped")
    step = turn.flow.steps.get(step_id)
    members = map(turn.step, turn.flow.order.of_generation(group.group_idx, group.generation))
    exhausted = any(one.status.metadata.get(RETRIES_EXHAUSTED) for one in members)  # of whatever lane
    reason = f"{group.name} was cancelled: {group.cancelled}" if cancelled else _reason(step)
    stop_flow(turn, step_id, reason, retries_exhausted=exhausted)


def _reason(step: Step | None) -> str:
    """Say why a step stopped its flow (section 16.3)."""
    if step is None:
        return "a step stopped it"
    response = step.approval.response if step.approval else None
    if response is not None and response.type is ResponseType.DENY:
        return DENIED
    if response is not None and response.type is ResponseType.DENY_SKIP_DEPENDENTS:
        return SKIPPED_DEPENDENTS
    if step.status.metadata.get(RETRIES_EXHAUSTED):
        return f'the {step.status.metadata["max_retries"]} retries of step "{step.name}" are spent'
    if unknown_directive(step):
        return f'step "{step.name}": {unknown_directive(step)}'
    if step.status.status not in DEAD:
        return f'step "{step.name}" answered {step.directive}'
    return f'step "{step.name}" is {step.status.status}'


def on_group_failure(turn: Turn, note: GroupFailed) -> None:
    """A group ended without an answer: somebody may retry it, if that may be; a parallel one may not."""
    group = turn.flow.groups[note.group]
    if not turn.flow.may_be_retried_as_group(group):
        _give_up(turn, group.id, note.step, note.error)
        return
    turn.set_group(group.id, GroupStatus.ERROR, note.error)
    _await_retry(turn, note.error, "awaiting retry of the group", group_idx=group.group_idx)


def on_failure(turn: Turn, note: StepFailed) -> None:
    """A step failed: the group waits for a retry, a skip or a cancel."""
    group = turn.group_of(note.step)
    if turn.step(note.step).status.metadata.get(AUTO_RETRIES_SPENT) and not group.parallel:
        turn.set_group(group.id, GroupStatus.FAILED_PENDING_RETRY, note.error)
    _await_mending(turn, note.step, note.error)


def _await_mending(turn: Turn, step_id: str, error: str) -> None:
    """Wait for somebody to retry or skip a step that failed."""
    spent = bool(turn.step(step_id).status.metadata.get(AUTO_RETRIES_SPENT))
    status = FlowStatus.FAILED_PENDING_RETRY if spent else FlowStatus.ERROR
    message = f'step "{turn.step(step_id).name}" ({step_id}): {error}'
    _await_retry(turn, message, _ways(turn.flow, turn.step(step_id)), status=status, step_id=step_id)


def _ways(flow: Flow, step: Step) -> str:
    """Say what may be done about a step that failed."""
    ways = {
        "retry": flow.may_be_retried(step),
        "skip": step.spec.skippable,
        "retry of its group": flow.may_be_retried_as_group(flow.groups[step.group_id]),
    }
    named = [way for way, there_is in ways.items() if there_is]
    return f"awaiting {' or '.join(named)}" if named else "it can be neither retried nor skipped: cancel it"


def _await_retry(
    turn: Turn, error: str, ways: str, *, status: FlowStatus = FlowStatus.ERROR, **metadata: str | int
) -> None:
    told: dict[str, Json] = {ERROR_MESSAGE: error, AWAITING_RETRY: True, **metadata}
    turn.set_flow(status, ways, told)
    set_run(turn, RunStatus.ERROR)


def on_expiry(turn: Turn, note: StepExpired) -> None:
    """Nobody answered: the end, without waiting for a retry. Other lanes of a parallel group may end first."""
    group, step = turn.group_of(note.step), turn.step(note.step)
    if step.lane in group.lanes:
        close_lane(turn, group, step, EXPIRED_LANE)
        return
    cancel_future_steps(turn, step, note.error)
    end_group(turn, group.id, GroupStatus.ERROR, "")
    close_groups(turn, note.error)
    fail_flow(turn, note.error)


def on_parked(turn: Turn, step_id: str) -> None:
    """A step waits for a person, and the flow with it."""
    if not turn.flow.failed:
        turn.set_flow(FlowStatus.APPROVAL_AWAITING, "waiting for approval", {"step_id": step_id})
        set_run(turn, RunStatus.APPROVAL_AWAITING)


def on_release(turn: Turn, note: StepReleased) -> None:
    """A step that waited was answered: unless one that failed has to be mended first, a new run goes on."""
    if not turn.flow.failed.discard(note.step):
        resume(turn, note.type, note.step)


def resume(turn: Turn, kind: RunType, step_id: str) -> None:
    """Open a run that goes on after a wait, and say what the flow waits for now, if it still does."""
    flow = turn.flow
    waits = flow.runs[-1].status in {RunStatus.APPROVAL_AWAITING, RunStatus.ERROR}
    if flow.park == PAUSED and not flow.paused:
        turn.record(FlowParked(at=turn.at, step_id=""))
    if not waits:
        return
    turn.record(
        RunOpened(
            at=turn.at,
            run_id=f"r{len(flow.runs) + 1}",
            type=kind,
            start_from=flow.position,
            trigger_step_id=step_id,
        )
    )
    turn.record(Moved(at=turn.at, position=flow.position, since=flow.position))
    extra = flow.awaits_nobody
    others_failed, others_parked = flow.failed.discard(step_id), flow.parked.discard(step_id)
    if others_failed:
        other = min(others_failed)
        reason = str(flow.steps[other].status.metadata.get("reason", ""))
        _await_mending(turn, other, reason)
    elif others_parked:
        turn.set_flow(FlowStatus.APPROVAL_AWAITING, "waiting for approval", {"step_id": min(others_parked), **extra})
        set_run(turn, RunStatus.APPROVAL_AWAITING)
    else:
        turn.set_flow(FlowStatus.IN_PROGRESS, "going on", extra)
