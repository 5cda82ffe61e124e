"""One step from its start to its end (spec section 7.2), and its automatic retry (section 12.1)."""

from collections.abc import Mapping

from runtime.flow.approval import ask, check_plan
from runtime.flow.effects import ArmTimer, CallHook, StartStep
from runtime.flow.events import WorkFinished
from runtime.flow.flow import AUTO_RETRIED, AUTO_RETRIES_SPENT, RETRIES_EXHAUSTED, SKIPPED_ON_FAILURE, Flow
from runtime.flow.records import StepBegan, StepStaged, WorkReturned
from runtime.flow.rows import Step
from runtime.flow.states import (
    EXECUTABLE,
    Directive,
    ExecutionType,
    FlowStatus,
    Hook,
    Mode,
    Stage,
    StepStatus,
)
from runtime.flow.turn import Turn
from runtime.values.json import Json

_OWN = {str(StepStatus.USER_SKIPPED), str(StepStatus.AUTO_SKIPPED)}


def queue(turn: Turn, step_id: str, *, now: bool = False) -> None:
    """Take a step on: it begins as soon as there is room; one that is not to be tried yet waits for that, but for `now`."""
    step = turn.step(step_id)
    if step.not_before > turn.at and not now:
        if step.stage is not Stage.DELAY:
            turn.record(StepStaged(at=turn.at, step=step_id, stage=Stage.DELAY))
            turn.effects.append(ArmTimer(step.not_before))
        return
    if step.stage is Stage.DELAY:
        turn.record(StepStaged(at=turn.at, step=step_id, stage=Stage.IDLE))
    if turn.step(step_id).status.status != StepStatus.QUEUED:
        turn.set_step(step_id, StepStatus.QUEUED)


def begin_delayed(turn: Turn) -> None:
    """Take the steps on whose wait is over."""
    flow = turn.flow
    for step_id in sorted(flow.delayed, key=lambda one: flow.steps[one].key):
        if flow.steps[step_id].not_before <= turn.at:
            queue(turn, step_id)


def begin_queued(turn: Turn) -> None:
    """Begin queued steps, first come, first served, as long as there is room."""
    flow = turn.flow
    while not flow.held and flow.waiting and len(flow.live) < flow.header.max_in_flight:
        begin(turn, next(iter(flow.waiting)))
        flow = turn.flow


def begin(turn: Turn, step_id: str) -> None:
    """Execute a step. Delivered again, or while the runtime shuts down, it is left alone."""
    step = turn.step(step_id)
    if step.status.status not in EXECUTABLE or turn.flow.held:
        return
    spec = step.spec
    _say(turn, f"step {turn.flow.position + 1}: {step.name}" if turn.flow.mode is not Mode.GROUP else step.name)
    works = spec.execution_type is not ExecutionType.SKIPPED and bool(spec.signals)
    turn.record(StepBegan(at=turn.at, step=step_id, attempt=step.attempt + works, works=works))
    turn.set_step(step_id, StepStatus.IN_PROGRESS)
    if works:
        turn.effects.append(StartStep(step_id, step.attempt + 1))
    else:
        succeed(turn, step_id)


def _say(turn: Turn, description: str, metadata: Mapping[str, Json] | None = None) -> None:
    """Note the flow's progress, unless it says that it waits for a person."""
    if not turn.flow.to_mend and not turn.flow.parked:
        turn.set_flow(FlowStatus.IN_PROGRESS, description, metadata)


def succeed(turn: Turn, step_id: str, status: StepStatus = StepStatus.SUCCESS, directive: str = "") -> None:
    """End a step that went well."""
    turn.leave(step_id, status, directive)
    step = turn.step(step_id)
    _say(turn, f"done: {step.name}", {"step_idx": step.idx, "status": "ok"})


def finished(turn: Turn, event: WorkFinished) -> None:
    """Take what the work of a step came to."""
    turn.record(
        WorkReturned(
            at=event.at,
            step=event.step,
            output=event.output,
            target_type=event.target_type,
            target_id=event.target_id,
        )
    )
    spec = turn.step(event.step).spec
    directive = "" if turn.flow.mode is Mode.FLAT else event.directive
    if event.error is not None:
        work_failed(turn, event.step, event.error, event.description)
    elif event.status in _OWN:
        if directive == Directive.AWAIT_APPROVAL:
            directive = ""  # what is skipped waits for nobody
        _skip_along(turn, event.step, StepStatus(event.status), "skipped itself")
        succeed(turn, event.step, StepStatus(event.status), directive)
    elif spec.execution_type is ExecutionType.APPROVAL:
        check_plan(turn, event.step)
    elif directive == Directive.AWAIT_APPROVAL:
        ask(turn, event.step)
    else:
        succeed(turn, event.step, directive=directive)


def _skip_along(turn: Turn, step_id: str, status: StepStatus, why: str) -> None:
    """Without a plan there is nothing that anybody could have approved: what would apply it is skipped."""
    for apply_id in turn.flow.skipped_with(turn.step(step_id)):
        turn.set_step(apply_id, status, metadata={"reason": f"its plan, step {step_id}, {why}"})


def work_failed(turn: Turn, step_id: str, error: str, description: str) -> None:
    """Decide what follows from a failure: another try without asking, the end, or waiting for a person."""
    step = turn.step(step_id)
    rule = step.spec.retry
    tries, limit = turn.flow.spent(step)
    count, auto = tries + 1, rule.auto and _may_be_by_itself(turn, step)
    if step.spec.skip_on_failure and (not auto or count > limit):
        _skip_along(turn, step_id, StepStatus.AUTO_SKIPPED, "failed")
        metadata = {**turn.reason(error), SKIPPED_ON_FAILURE: True, "retry_index": step.retry_index}
        turn.leave(step_id, StepStatus.ERROR, Directive.CONTINUE, description, metadata)
    elif not auto:
        turn.fail(step_id, error, description)
    elif limit >= count > rule.limit_auto:
        turn.fail(step_id, error, description, {AUTO_RETRIES_SPENT: True})
    elif count > limit:
        turn.leave(
            step_id,
            StepStatus.ERROR,
            Directive.STOP,
            description,
            {
                "reason": error,
                RETRIES_EXHAUSTED: True,
                "max_retries": limit,
                "retry_index": step.retry_index,
            },
        )
    else:
        _retry(turn, step, error, description)


def _may_be_by_itself(turn: Turn, step: Step) -> bool:
    """Say whether a step can be retried without being asked: in a list nothing makes the fresh plan that it may need."""
    mode = turn.flow.mode
    return mode is Mode.GROUP or (mode is Mode.CHILD and not step.spec.replan)


def _retry(turn: Turn, step: Step, error: str, description: str) -> None:
    tries, limit = turn.flow.spent(step)
    directive = retry_directive(turn.flow, step)
    metadata: dict[str, Json] = {
        "reason": error,
        AUTO_RETRIED: True,
        "retry_idx": tries + 1,
        "max_retries": limit,
        "directive": str(directive),
    }
    if Hook.ON_RETRY in step.spec.hooks:
        turn.set_step(step.id, StepStatus.ERROR, description, metadata)
        turn.record(StepStaged(at=turn.at, step=step.id, stage=Stage.HOOK))
        turn.effects.append(CallHook(step.id, step.attempt, Hook.ON_RETRY))
    else:
        turn.leave(step.id, StepStatus.ERROR, directive, description, metadata)


def retry_told(turn: Turn, step_id: str, error: str | None) -> None:
    """Go on with an automatic retry, now that the signal knows of it; a hook that fails is the failure of the step."""
    step = turn.step(step_id)
    if error is None:
        turn.leave(step_id, StepStatus.ERROR, retry_directive(turn.flow, step), step.status.description, {})
        return
    turn.fail(step_id, f"on_retry: {error}", "", {AUTO_RETRIED: False})


def retry_directive(flow: Flow, step: Step, *, fresh: bool | None = None) -> Directive:
    """Give the directive that asks for another try."""
    return Directive.RETRY_GROUP if step.spec.retry.group or flow.as_group(step, fresh=fresh) else Directive.RETRY
