"""What people ask of a flow whose step failed, or that they want to wait (spec sections 12.2, 12.6 and 13.3)."""

from runtime.errors import Conflict, NotFound, Refused
from runtime.flow.approval import answer, expire
from runtime.flow.cleanup import close_groups
from runtime.flow.ends import fail_flow
from runtime.flow.events import (
    NewerFlowCreated,
    PauseRequested,
    RetryGroupRequested,
    RetryStepRequested,
    SkipStepRequested,
    UnpauseRequested,
)
from runtime.flow.flow import ERROR_MESSAGE, Flow
from runtime.flow.lifecycle import queue, retry_directive
from runtime.flow.outcomes import PAUSED
from runtime.flow.records import FlowParked, FlowSuperseded, PauseSet, StepLeft, StepRetried
from runtime.flow.rerun import rerun, standing
from runtime.flow.rerun_input import RerunInput
from runtime.flow.rows import Step
from runtime.flow.segments import go_on, resume
from runtime.flow.states import (
    GOES_ON,
    Directive,
    ExecutionType,
    FlowTurn,
    GroupStatus,
    Mode,
    RerunOperation,
    ResponseType,
    RunType,
    Stage,
    StepStatus,
    TargetStatus,
)
from runtime.flow.turn import GroupAnswered, StepAnswered, Turn


def _refusal(flow: Flow, step: Step, verb: str, *, allowed: bool) -> Refused | None:
    """Say why a step cannot be retried or skipped, whatever the mode of its flow."""
    flow_id = flow.header.flow_id
    if flow.cancelled is not None:
        return Conflict(f"flow {flow_id} is cancelled: step {step.id} cannot be {verb}")
    if flow.mode is Mode.GROUP and flow.ending is not None:
        return Conflict(f"flow {flow_id} has ended: step {step.id} cannot be {verb}")
    group = flow.groups.get(step.group_id)
    if group is not None and group.cancelled is not None:
        return Conflict(f"group {group.id} of flow {flow_id} is cancelled: step {step.id} cannot be {verb}")
    if not allowed:
        what = "retryable" if verb == "retried" else "skippable"
        return Conflict(f"step {step.id} cannot be {verb}: {what}=false")
    if step.id not in flow.failed:
        return Conflict(f"step {step.id} cannot be {verb}: {standing(step)}")
    return None


def retry_step(turn: Turn, event: RetryStepRequested) -> Refused | None:
    """Try a failed step again, or have a plan that waits for an answer made again."""
    expire(turn)
    flow = turn.flow
    step = flow.sought(event.step)
    if isinstance(step, NotFound):
        return step
    if step.id in flow.delayed and flow.cancelled is None:
        queue(turn, step.id, now=True)
        return None
    made_again = step.stage is Stage.ANSWER and step.spec.retryable and flow.cancelled is None
    refusal = None if made_again else _refusal(flow, step, "retried", allowed=step.spec.retryable)
    if refusal is not None:
        return refusal
    fresh = None if made_again else event.stale_plan
    tries, limit = flow.spent(step, fresh=fresh)
    if tries >= limit:
        return Conflict(f"step {step.id} was retried {tries} times, which is all that it may be")
    if made_again:
        answer(turn, step.id, ResponseType.RETRY)
        return None
    if flow.mode is not Mode.GROUP:
        given = _retry_input(flow, step, event.stale_plan)
        if event.stale_plan and not given.stale_plan:
            return Conflict(f"step {step.id} cannot be retried with a fresh plan: no plan is before it in its group")
        return rerun(turn, given)
    turn.record(StepRetried(at=turn.at, step=step.id))
    turn.set_target(step.id, TargetStatus.DISCARDED)
    turn.set_step(step.id, StepStatus.DISCARDED, metadata={"reason": f"retried by {event.by}", "retry_type": "manual"})
    _revive(turn, step)
    resume(turn, RunType.RETRY, step.id)
    turn.notes.append(StepAnswered(step.id, retry_directive(flow, step, fresh=fresh)))
    return None


def _retry_input(flow: Flow, step: Step, stale_plan: bool | None) -> RerunInput:
    """Say what a retry comes to in a flow without groups: an apply that needs a fresh plan has it made first."""
    stale = step.spec.replan if stale_plan is None else stale_plan
    plan = None
    if stale:
        members = [flow.steps[one] for one in flow.order.of_generation(step.group_idx, step.generation)]
        plans = [one for one in members if one.spec.execution_type is ExecutionType.APPROVAL and one.key < step.key]
        same = [one for one in plans if one.target is not None and one.target == step.target]
        plan = next(reversed(same or plans), None)
    return RerunInput(
        flow_id=flow.header.flow_id,
        step_id=step.id,
        operation=RerunOperation.RETRY_STEP,
        stale_plan=plan is not None,
        replan_step_id="" if plan is None else plan.id,
    )


def skip_step(turn: Turn, event: SkipStepRequested) -> Refused | None:
    """Go on without a step that failed."""
    flow = turn.flow
    step = flow.sought(event.step)
    if isinstance(step, NotFound):
        return step
    refusal = _refusal(flow, step, "skipped", allowed=step.spec.skippable)
    if refusal is not None:
        return refusal
    if flow.mode is not Mode.GROUP:
        return rerun(
            turn,
            RerunInput(flow_id=flow.header.flow_id, step_id=step.id, operation=RerunOperation.SKIP_STEP),
        )
    turn.set_step(step.id, StepStatus.USER_SKIPPED, metadata={"reason": f"skipped by {event.by}"})
    for apply_id in flow.skipped_with(step):
        turn.set_step(apply_id, StepStatus.USER_SKIPPED, metadata={"reason": f"its plan {step.id} was skipped"})
    _revive(turn, step)
    resume(turn, RunType.SKIP, step.id)
    directive = Directive.SKIP_GROUP if step.spec.skip_group else Directive.CONTINUE
    turn.notes.append(StepAnswered(step.id, directive))
    return None


def _revive(turn: Turn, step: Step) -> None:
    """A group that had ended goes on with the step that made it end."""
    group = turn.flow.groups[step.group_id]
    if group.status.status in {GroupStatus.ERROR, GroupStatus.FAILED_PENDING_RETRY}:
        turn.set_group(group.id, GroupStatus.IN_PROGRESS)


def retry_group(turn: Turn, event: RetryGroupRequested) -> Refused | None:
    """Try the whole group of a step again, at the place the flow is at."""
    expire(turn)
    flow = turn.flow
    step = flow.sought(event.step)
    if isinstance(step, NotFound):
        return step
    flow_id = flow.header.flow_id
    if flow.mode is not Mode.GROUP or flow.cancelled is not None or flow.ending is not None:
        return Conflict(f"no group of flow {flow_id} can be retried: it is {flow.status.status}")
    group = flow.group_that_waits
    if group is None or group.group_idx != step.group_idx:
        return Conflict(f"group {step.group_idx} of flow {flow_id} cannot be retried: it does not wait for anybody")
    if group.parallel:
        return Conflict(f"group {step.group_idx} of flow {flow_id} is parallel: retry its steps one by one")
    if not flow.may_be_retried_as_group(group):
        return Conflict(f"group {step.group_idx} of flow {flow_id} was retried as often as it may be")
    for waits in [*flow.parked, *flow.failed]:  # which have to have ended before anything else is waited for
        turn.record(StepRetried(at=turn.at, step=waits))
        turn.set_target(waits, TargetStatus.DISCARDED)
        turn.set_step(waits, StepStatus.DISCARDED, metadata={"reason": "retried with its group"})
        if waits in flow.parked:
            turn.record(StepLeft(at=turn.at, step=waits, directive=Directive.RETRY_GROUP))
    resume(turn, RunType.RETRY, step.id)
    turn.notes.append(GroupAnswered(group.id, Directive.RETRY_GROUP, step.id))
    return None


def pause(turn: Turn, event: PauseRequested) -> Refused | None:
    """Have the flow wait after the group it is at."""
    flow = turn.flow
    if flow.mode is not Mode.GROUP or flow.ending is not None or flow.cancelled is not None:
        return Conflict(f"flow {flow.header.flow_id} cannot be paused: it is {flow.status.status}")
    if not flow.paused:
        turn.record(PauseSet(at=event.at, paused=True))
    return None


def unpause(turn: Turn, event: UnpauseRequested) -> Refused | None:
    """Let a paused flow go on."""
    flow = turn.flow
    if not flow.paused:
        return Conflict(f"flow {flow.header.flow_id} is not paused")
    turn.record(PauseSet(at=event.at, paused=False))
    if flow.park == PAUSED:
        turn.record(FlowParked(at=event.at, step_id=""))
        resume(turn, RunType.RESUME, "")
        go_on(turn)
    return None


def supersede(turn: Turn, event: NewerFlowCreated) -> None:
    """There is a newer flow: this one may go on, but not be tried again."""
    flow = turn.flow
    if not flow.superseded and (flow.ending is None or flow.turn is FlowTurn.HAD):
        turn.record(FlowSuperseded(at=event.at, newer=event.flow_id))


def give_up(turn: Turn) -> None:
    """End a flow that would wait to be tried again while there is a newer one."""
    flow = turn.flow
    if not flow.superseded or not flow.awaits_retry or flow.live or flow.parked or flow.delayed:
        return
    message = str(flow.status.metadata.get(ERROR_MESSAGE, ""))
    group = flow.group_at(flow.position)
    if group is not None and group.status.status in GOES_ON:
        turn.set_group(group.id, GroupStatus.ERROR)
    close_groups(turn, f"superseded by flow {flow.superseded}")
    fail_flow(turn, message)
