"""The approval of a plan (spec sections 8 to 10): no-op check, policies, plan-only, the question, and its answer."""

from typing import Final, assert_never

from runtime.errors import Conflict, Fault, Forbidden, NotFound, Refused, RequestInvalid, did_you_mean
from runtime.flow.cleanup import skip_steps
from runtime.flow.effects import ArmTimer, CallHook, CheckPlan, EvaluatePolicies, FindDependents
from runtime.flow.events import (
    ApprovalOptionChanged,
    DependentsFound,
    PlanChecked,
    PoliciesEvaluated,
    ResponseGiven,
)
from runtime.flow.flow import Flow
from runtime.flow.policies import report_policies
from runtime.flow.records import (
    ApprovalAnswered,
    ApprovalOptionSet,
    ApprovalRequested,
    StepLeft,
    StepRetried,
    StepStaged,
)
from runtime.flow.rows import Approval, Response, Step
from runtime.flow.states import (
    HOOK_ERROR_KEY,
    SKIPPED_WITH_A_DENIAL,
    Directive,
    ExecutionType,
    Hook,
    Mode,
    ResponseType,
    RunType,
    Stage,
    StepStatus,
    TargetStatus,
)
from runtime.flow.turn import StepExpired, StepParked, StepReleased, Turn

AUTO_NOTE = "auto-approved"
"""The note of the answer that the option ``approve-all`` gives."""


def check_plan(turn: Turn, step_id: str) -> None:
    """Look at the plan that the work gave."""
    turn.set_step(step_id, StepStatus.CHECKING_PLAN)
    turn.record(StepStaged(at=turn.at, step=step_id, stage=Stage.PLAN))
    turn.effects.append(CheckPlan(step_id, turn.step(step_id).attempt))


def plan_checked(turn: Turn, event: PlanChecked) -> None:
    """Skip a plan that changes nothing; hold any other against the policies."""
    step = turn.step(event.step)
    if event.error is not None:
        turn.fail(event.step, event.error, "the plan cannot be read")
    elif event.no_op and not turn.flow.header.plan_only and step.spec.skip_noop and not _failed_before(turn, step):
        _skip_noop(turn, step)
    else:
        if event.no_op and not turn.flow.header.plan_only:
            turn.set_step(step.id, StepStatus.CHECKING_PLAN, metadata={"noop": True})
        turn.record(StepStaged(at=event.at, step=event.step, stage=Stage.POLICIES, no_op=event.no_op))
        turn.effects.append(EvaluatePolicies(event.step, event.attempt))


def _failed_before(turn: Turn, step: Step) -> bool:
    """Say whether an earlier attempt in the group of a step failed: nobody knows then what was applied."""
    earlier = (turn.step(one) for one in turn.flow.order.of_group(step.group_idx))
    return any(
        StepStatus.ERROR in {one.status.status, *(was.status for was in one.status.earlier)}
        for one in earlier
        if one.key < step.key
    )


def _skip_noop(turn: Turn, step: Step) -> None:
    """There is nothing to apply: the plan and its apply step are skipped, and nobody is asked."""
    apply_step = turn.flow.apply_of(step)
    if apply_step is not None:
        turn.set_step(apply_step, StepStatus.AUTO_SKIPPED, metadata={"reason": "the plan has no changes"})
    turn.set_target(step.id, TargetStatus.AUTO_SKIPPED)
    directive = Directive.SKIP_GROUP if step.spec.skip_group else Directive.CONTINUE
    turn.leave(
        step.id, StepStatus.AUTO_SKIPPED, directive, metadata={"reason": "the plan has no changes", "noop": True}
    )


def policies_evaluated(turn: Turn, event: PoliciesEvaluated) -> None:
    """Fail a plan that a policy denies; approve it alone where nothing is applied anyway; otherwise ask."""
    step = turn.step(event.step)
    failure = report_policies(turn, step, event)
    if failure is not None:
        turn.fail(step.id, failure, "the policy check failed")
    elif turn.flow.header.plan_only:
        _plan_only(turn, step)
    else:
        ask(turn, step.id)


def _plan_only(turn: Turn, step: Step) -> None:
    """Nothing is applied, whatever the generator thought: the apply step of a plan is skipped."""
    if step.no_op:
        turn.set_step(step.id, StepStatus.AUTO_SKIPPED, metadata={"reason": ""})
    apply_step = turn.flow.apply_of(step)
    if apply_step is not None:
        turn.set_step(apply_step, StepStatus.AUTO_SKIPPED, metadata={"reason": "the flow only plans"})
    turn.set_target(step.id, TargetStatus.NO_DRIFT if step.no_op else TargetStatus.DRIFTED)
    turn.leave(
        step.id,
        StepStatus.APPROVED,
        metadata={"status": "auto-approved", "plan_only": True, "no_op": step.no_op},
    )


def ask(turn: Turn, step_id: str) -> None:
    """Park a step until somebody answers, or let the flow's option answer."""
    flow, step = turn.flow, turn.step(step_id)
    due = turn.at + flow.header.approval_seconds
    kind = step.spec.plan_kind if step.spec.execution_type is ExecutionType.APPROVAL else "noop"
    turn.set_step(step_id, StepStatus.APPROVAL_AWAITING, "waiting for approval", {"step_idx": step.idx})
    turn.record(ApprovalRequested(at=turn.at, step=step_id, approval_id=f"a-{step_id}", type=kind, expires_at=due))
    if flow.approves_by_itself(step):
        answer(turn, step_id, ResponseType.APPROVE, AUTO_NOTE)
    else:
        turn.effects.append(ArmTimer(due))
        turn.notes.append(StepParked(step_id))


def change_option(turn: Turn, event: ApprovalOptionChanged) -> Refused | None:
    """Change whether people are asked; those who are asked at the moment are let off."""
    expire(turn)
    flow = turn.flow
    if flow.ended or flow.cancelled is not None:
        return Conflict(f"flow {flow.header.flow_id} has ended: its approval option cannot be changed")
    turn.record(
        ApprovalOptionSet(at=event.at, option=event.option, by=event.by, groups=event.groups, admin=event.admin)
    )
    for step_id in sorted(flow.parked, key=lambda one: flow.steps[one].key):
        if turn.step(step_id).stage is Stage.ANSWER and turn.flow.approves_by_itself(turn.step(step_id)):
            answer(turn, step_id, ResponseType.APPROVE, AUTO_NOTE)
    return None


def respond(turn: Turn, event: ResponseGiven) -> Refused | None:
    """Take somebody's answer; the first one stands. One that comes late is refused, whether a timer was later still or not."""
    expire(turn)
    flow = turn.flow
    step = flow.sought(event.step)
    if isinstance(step, NotFound):
        return step
    if flow.cancelled is not None:
        return Conflict(f"flow {flow.header.flow_id} is cancelled: step {step.id} cannot be answered")
    try:
        kind = ResponseType(event.type)
    except ValueError:
        known = [str(one) for one in ResponseType]
        hint = did_you_mean(event.type, known) or f"known: {', '.join(known)}"
        return RequestInvalid([Fault("type", f'no answer is called "{event.type[:100]}"', hint)])
    if step.approval is None:
        yet = f" yet: it is {step.status.status}" if step.spec.execution_type is ExecutionType.APPROVAL else ""
        return Conflict(f"step {step.id} asks for no approval{yet}")
    if step.approval.response is not None:
        first = step.approval.response
        return Conflict(f"the approval of step {step.id} is answered already: {first.type} by {first.by}")
    if step.stage is not Stage.ANSWER:
        return Conflict(f"step {step.id} does not wait for an answer any more: it is {step.status.status}")
    if not step.spec.takes_answers_of(event.by, event.groups, admin=event.admin):
        may = [*step.spec.approvers, *(f"group {one}" for one in step.spec.approver_groups)]
        return Forbidden(f"{event.by} may not answer step {step.id}: {', '.join(may)} may")
    tries, limit = flow.spent(step)
    if kind is ResponseType.RETRY and tries >= limit:
        return Conflict(
            f"the plan of step {step.id} was made again {tries} times, all that it may be: approve or deny it"
        )
    answer(turn, step.id, kind, event.note)
    return None


_HOOK_OF: Final = {
    ResponseType.APPROVE: Hook.ON_APPROVE,
    ResponseType.AUTO_APPROVE: Hook.ON_APPROVE,
    ResponseType.DENY: Hook.ON_DENY,
    ResponseType.DENY_SKIP_CURRENT: Hook.ON_SKIP,
    ResponseType.DENY_SKIP_DEPENDENTS: Hook.ON_SKIP,
    ResponseType.RETRY: Hook.ON_RETRY,
}
"""The hook that an answer calls before it takes effect."""


def hook_of(flow: Flow, step: Step) -> Hook | None:
    """Give the hook that is called before the answer of a step takes effect; none where it has no answer."""
    approval = step.approval
    if approval is None or approval.response is None:
        return None
    return Hook.ON_RETRY if _comes_late(flow, approval, approval.response) else _HOOK_OF[approval.response.type]


def _comes_late(flow: Flow, approval: Approval, response: Response) -> bool:
    """Say whether a plan is approved that is too old for it: things may have changed since it was made."""
    approves = response.type in {ResponseType.APPROVE, ResponseType.AUTO_APPROVE}
    return approves and response.at - approval.asked_at > flow.header.plan_seconds


def answer(turn: Turn, step_id: str, kind: ResponseType, note: str = "") -> None:
    """Give the answer to an approval; a hook that wants to know of it is told first."""
    response = Response(id=f"response-{step_id}", type=kind, note=note, by=turn.by, at=turn.at)
    turn.record(ApprovalAnswered(at=turn.at, step=step_id, response=response))
    hook = hook_of(turn.flow, turn.step(step_id))
    if hook is not None and hook in turn.step(step_id).spec.hooks:
        turn.record(StepStaged(at=turn.at, step=step_id, stage=Stage.HOOK))
        turn.effects.append(CallHook(step_id, turn.step(step_id).attempt, hook))
    else:
        _apply(turn, step_id, kind)


def hook_returned(turn: Turn, step_id: str, hook: Hook, error: str | None) -> None:
    """Let an answer take effect, now that the signal knows of it; only skips and retries mind if it objects.

    What else it raises is noted on the step, and nothing waits for it.
    """
    approval = turn.step(step_id).approval
    if approval is None or approval.response is None:
        return
    if error is not None and hook in {Hook.ON_SKIP, Hook.ON_RETRY}:
        turn.notes.append(StepReleased(step_id, RunType.RESUME))
        turn.fail(step_id, f"{hook}: {error}", "")
        return
    if error is not None:
        status = turn.step(step_id).status
        turn.set_step(step_id, StepStatus(status.status), status.description, {HOOK_ERROR_KEY: f"{hook}: {error}"})
    _apply(turn, step_id, approval.response.type)


def _apply(turn: Turn, step_id: str, kind: ResponseType) -> None:
    """Do what an answer says (the table of section 8.2)."""
    step = turn.step(step_id)
    response = step.approval.response if step.approval else None
    said = _said(step)
    if step.approval is not None and response is not None and _comes_late(turn.flow, step.approval, response):
        hours = turn.flow.header.plan_seconds / 3600
        _plan_again(turn, step, f"{said}, but the plan was more than {hours:g} h old", group=True)
        return
    match kind:
        case ResponseType.APPROVE | ResponseType.AUTO_APPROVE:
            turn.notes.append(StepReleased(step_id, RunType.RESUME))
            turn.leave(step_id, StepStatus.APPROVED)
        case ResponseType.DENY:
            turn.notes.append(StepReleased(step_id, RunType.RESUME))
            turn.set_target(step_id, TargetStatus.APPROVAL_DENIED)
            turn.leave(step_id, StepStatus.APPROVAL_DENIED, Directive.STOP, metadata={"reason": said})
        case ResponseType.DENY_SKIP_CURRENT:
            turn.notes.append(StepReleased(step_id, RunType.SKIP))
            turn.set_target(step_id, TargetStatus.APPROVAL_DENIED)
            _skip_siblings(turn, step, said)
            directive = Directive.SKIP_GROUP if step.spec.skip_group else Directive.CONTINUE
            turn.leave(step_id, StepStatus.APPROVAL_DENIED, directive, metadata={"reason": said})
        case ResponseType.DENY_SKIP_DEPENDENTS:
            turn.record(StepStaged(at=turn.at, step=step_id, stage=Stage.DEPENDENTS))
            turn.effects.append(FindDependents(step_id, step.attempt))
        case ResponseType.RETRY:
            _plan_again(turn, step, said)
        case _:
            assert_never(kind)


def _said(step: Step) -> str:
    """Say who answered what, and what they had to say about it."""
    response = step.approval.response if step.approval else None
    return f"{response.type} by {response.by}{f': {response.note}' if response.note else ''}" if response else ""


def _plan_again(turn: Turn, step: Step, reason: str, *, group: bool = False) -> None:
    """Throw a plan away, so that a clone makes a fresh one; with `group`, as part of its whole group."""
    turn.notes.append(StepReleased(step.id, RunType.RETRY))
    turn.set_target(step.id, TargetStatus.DISCARDED)
    if turn.flow.mode is Mode.GROUP:
        turn.record(StepRetried(at=turn.at, step=step.id))
        directive = Directive.RETRY_GROUP if group or step.spec.retry.group or step.spec.replan else Directive.RETRY
        turn.leave(step.id, StepStatus.DISCARDED, directive, metadata={"reason": reason})
    else:
        turn.leave(step.id, StepStatus.APPROVAL_RETRY, Directive.RETRY, metadata={"reason": reason})


def _skip_siblings(turn: Turn, step: Step, reason: str) -> None:
    unit = [one.id for one in turn.flow.unit_of(step)]
    skip_steps(turn, unit, reason, SKIPPED_WITH_A_DENIAL, but=step.id)


def dependents_found(turn: Turn, event: DependentsFound) -> None:
    """Skip what depends on a plan that was denied."""
    step = turn.step(event.step)
    if event.error is not None:
        turn.notes.append(StepReleased(step.id, RunType.SKIP))
        turn.fail(step.id, f"on_skip_dependents: {event.error}", "")
        return
    said = _said(step)
    turn.notes.append(StepReleased(step.id, RunType.SKIP))
    turn.set_target(step.id, TargetStatus.APPROVAL_DENIED)
    _skip_siblings(turn, step, said)
    group = turn.flow.groups.get(step.group_id)
    lanes = group is not None and group.parallel  # other lanes of its group are on their way, and end by themselves
    steps = turn.flow.steps
    known = [one for one in event.steps if one in steps and not (lanes and steps[one].group_id == step.group_id)]
    because = f"depends on step {step.id}, whose plan was denied"
    skip_steps(turn, known, because, SKIPPED_WITH_A_DENIAL, but=step.id)
    directive = Directive.CONTINUE if turn.flow.mode is Mode.FLAT else Directive.STOP
    turn.leave(step.id, StepStatus.APPROVAL_DENIED, directive, metadata={"reason": said})


def approvals_due(turn: Turn) -> None:
    """End the approvals that nobody answered in time; wait for the next one."""
    expire(turn)
    due = turn.flow.next_due
    if due is not None:
        turn.effects.append(ArmTimer(due))


def expire(turn: Turn) -> None:
    """End the approvals that nobody answered in time."""
    flow = turn.flow
    for step_id in sorted(flow.parked, key=lambda one: flow.steps[one].key):
        approval = flow.steps[step_id].approval
        if approval is not None and flow.steps[step_id].stage is Stage.ANSWER and approval.expires_at <= turn.at:
            _expire(turn, flow.steps[step_id])


def _expire(turn: Turn, step: Step) -> None:
    """Nobody answered in time: that is no cancellation, and nothing is cloned."""
    error = f"nobody answered the approval of step {step.id} in time"
    turn.set_step(step.id, StepStatus.APPROVAL_EXPIRED, "", {"err_message": error})
    turn.record(StepLeft(at=turn.at, step=step.id))
    turn.notes.append(StepExpired(step.id, error))
