"""Running a flow without groups again, from a step on (spec section 12.5)."""

from runtime.errors import Conflict, Fault, NotFound, Refused, RequestInvalid
from runtime.flow.cloning import CloneRefused, clone_generation, clone_step, newest_of
from runtime.flow.ends import fail_flow
from runtime.flow.flat import enter
from runtime.flow.flow import AUTO_RETRIED, SKIPPED_ON_FAILURE, Flow
from runtime.flow.records import FlowReopened, RunOpened, StepRetried
from runtime.flow.rerun_input import RerunInput
from runtime.flow.rows import Step
from runtime.flow.states import (
    EXECUTABLE,
    FlowStatus,
    Mode,
    RerunOperation,
    RunType,
    StepStatus,
    TargetStatus,
)
from runtime.flow.turn import Turn


def rerun(turn: Turn, given: RerunInput) -> Refused | None:
    """Prepare a rerun, once, and walk the steps behind; or go on with one that was cut."""
    flow = turn.flow
    flow_id = flow.header.flow_id
    faults = _incomplete(given, flow_id)
    if faults:
        return RequestInvalid(faults)
    if flow.cancelled is not None:
        return Conflict(f"flow {flow_id} is cancelled: it cannot be rerun")
    if given.continue_from_idx > 0:
        if not flow.cut or flow.position != given.continue_from_idx:
            return Conflict(f"flow {flow_id} has no rerun to continue at {given.continue_from_idx}")
        enter(turn, given.continue_from_idx)
        return None
    if flow.superseded:
        return Conflict(f"flow {flow_id} cannot be rerun: {flow.superseded} of the same owner is newer")
    if flow.mode is Mode.GROUP or flow.ending is None or not flow.ending.rerunnable:
        return Conflict(f"flow {flow_id} cannot be rerun: it is {flow.status.status}")
    fault = _fault(turn, given)
    if fault is None:
        refusal = _precondition(flow, turn.step(given.step_id), given)
        if refusal is not None:
            return refusal
    _reopen(turn, given)
    if fault is not None:
        fail_flow(turn, str(fault))
        return fault
    turn.set_flow(FlowStatus.IN_PROGRESS, "rerun")
    _prepare(turn, given)
    return None


def _incomplete(given: RerunInput, flow_id: str) -> list[Fault]:
    """Say what is missing of a rerun, or is about another flow: nothing is written then."""
    required = {"flow_id": given.flow_id, "step_id": given.step_id, "operation": given.operation}
    faults = [Fault(name, "is missing") for name, text in required.items() if not text]
    if given.flow_id not in {"", flow_id}:
        faults.append(Fault("flow_id", f'"{given.flow_id[:100]}" is another flow than {flow_id}'))
    return faults


def _fault(turn: Turn, given: RerunInput) -> Refused | None:
    """Say what is wrong with a rerun that no flow could be asked for."""
    steps = turn.flow.steps
    step = turn.flow.sought(given.step_id)
    if isinstance(step, NotFound):
        return step
    if given.operation not in set(RerunOperation):
        known = ", ".join(RerunOperation)
        return RequestInvalid(
            [Fault("operation", f'there is no operation "{given.operation[:100]}"', f"known: {known}")]
        )
    if given.operation == RerunOperation.RETRY_STEP and given.stale_plan:
        plan = steps.get(given.replan_step_id)
        if plan is None:
            return NotFound("step", given.replan_step_id, "the plan to make again")
        if plan.group_idx != step.group_idx or plan.generation != step.generation or plan.key > step.key:
            message = f"step {plan.id} is in another group than step {step.id}, or behind it"
            return RequestInvalid([Fault("replan_step_id", message)])
    return None


def standing(step: Step) -> str:
    """Say where a step stands that cannot be retried or skipped."""
    metadata = step.status.metadata
    if step.status.status != StepStatus.ERROR:
        return f"it is {step.status.status}"
    if metadata.get(AUTO_RETRIED):
        return "it was retried already"
    return "the flow went on over its failure" if metadata.get(SKIPPED_ON_FAILURE) else "its retries are spent"


def _precondition(flow: Flow, step: Step, given: RerunInput) -> Refused | None:
    retries = given.operation == RerunOperation.RETRY_STEP
    verb = "retried" if retries else "skipped"
    if step.id not in flow.failed:
        return Conflict(f"step {step.id} cannot be {verb}: {standing(step)}")
    if not (step.spec.retryable if retries else step.spec.skippable):
        flag = "retryable" if retries else "skippable"
        return Conflict(f"step {step.id} cannot be {verb}: {flag}=false")
    if retries and not flow.may_be_retried(step):
        limit = step.spec.retry.max_retries
        return Conflict(f"step {step.id} was retried {limit} times, which is all that it may be")
    return None


def _reopen(turn: Turn, given: RerunInput) -> None:
    trigger = turn.flow.steps.get(given.step_id)
    turn.record(FlowReopened(at=turn.at))
    turn.record(
        RunOpened(
            at=turn.at,
            run_id=f"r{len(turn.flow.runs) + 1}",
            type=RunType.SKIP if given.operation == RerunOperation.SKIP_STEP else RunType.RETRY,
            start_from=0 if trigger is None else turn.flow.order.position(trigger),
            trigger_step_id=given.step_id,
        )
    )
    turn.set_flow(FlowStatus.RETRYING, "rerun accepted")


def _prepare(turn: Turn, given: RerunInput) -> None:
    step = turn.step(given.step_id)
    if given.operation == RerunOperation.SKIP_STEP:
        last = _skip(turn, step, given)
    else:
        last = step
        turn.record(StepRetried(at=turn.at, step=step.id))
        turn.set_target(step.id, TargetStatus.DISCARDED)
        if given.stale_plan:
            _replan(turn, step, turn.step(given.replan_step_id))
        else:
            turn.set_step(step.id, StepStatus.DISCARDED, metadata={"reason": "retried"})
            try:
                clone_step(turn, step.id)
            except CloneRefused as refused:
                fail_flow(turn, str(refused))
                return
    behind = turn.flow.order.after(last)
    for step_id in behind:
        if turn.step(step_id).status.status == StepStatus.NOT_ATTEMPTED:
            turn.set_step(step_id, StepStatus.PENDING, metadata={"reason": ""})
    enter(turn, turn.flow.order.position(last) + 1)


def _skip(turn: Turn, step: Step, given: RerunInput) -> Step:
    """Skip a step and those that go with it; give the last of them."""
    turn.set_step(step.id, StepStatus.USER_SKIPPED, metadata={"reason": "skipped"})
    last = step
    for step_id in (*turn.flow.skipped_with(step), *given.additional_skip_step_ids):
        other = turn.flow.steps.get(step_id)
        if other is None or other.status.status not in EXECUTABLE:
            continue  # one that is not there, or has ended, is left alone
        turn.set_step(step_id, StepStatus.USER_SKIPPED, metadata={"reason": f"skipped with step {step.id}"})
        last = max(last, other, key=lambda one: one.key)
    return last


def _replan(turn: Turn, step: Step, plan: Step) -> None:
    """Clone what is left of the group, from the plan on, into its next generation (Q13)."""
    order = turn.flow.order
    members = [turn.step(one) for one in order.of_generation(step.group_idx, step.generation)]
    rest = [one for one in newest_of(members) if one.key >= plan.key]
    for one in rest:
        if one.status.status != StepStatus.DISCARDED:
            turn.set_step(one.id, StepStatus.DISCARDED, metadata={"reason": "planned again"})
    clone_generation(turn, rest)
