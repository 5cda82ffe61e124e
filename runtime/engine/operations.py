"""What operators may do to a task, and when (spec sections 7.4 and 7.8). Part of `decide`: rights are asked before.

Every operation names who wanted it and why, and is recorded with that.
"""

from collections.abc import Collection
from typing import Final, assert_never

from runtime.engine.comments import comment
from runtime.engine.effects import ArmRetry, StopSteps
from runtime.engine.events import (
    AddComment,
    CancelRequested,
    ChangeTags,
    DeleteComment,
    EditComment,
    EditResolverInputs,
    EditSteps,
    EditStepState,
    EditTask,
    ExtendRequested,
    InterruptRequested,
    Operation,
    PauseRequested,
    RejectRequested,
    StartOverRequested,
)
from runtime.engine.interrupts import interrupt
from runtime.engine.records import (
    ResolverInputsEdited,
    RunsExtended,
    StepsEdited,
    StepStateEdited,
    TagsChanged,
    TaskCancelled,
    TaskEdited,
    TaskPaused,
    TaskStartedOver,
)
from runtime.engine.states import ANY, UNRUNNABLE, ResolutionState, StepState
from runtime.engine.task import DEFAULT_RUN_MAX, Task
from runtime.engine.turn import Turn
from runtime.errors import Conflict, Fault, InputInvalid, NotFound, Refused, TemplateInvalid, did_you_mean
from runtime.templates.calls import custom_states_of
from runtime.templates.inputs import check_inputs

_FINISHED: Final = frozenset({ResolutionState.DONE, ResolutionState.CANCELLED})
_IN_FLIGHT: Final = (
    "steps are still in flight: wait until they have ended, interrupt them, or cancel the task, which cuts them"
)
_STEP_STATES: Final = frozenset(map(str, StepState))
_RESTARTABLE: Final = frozenset({ResolutionState.PAUSED, ResolutionState.BLOCKED_BADREQUEST, ResolutionState.CANCELLED})


def operate(turn: Turn, event: Operation) -> Refused | None:
    """Do what is asked, or say why not."""
    match event:
        case PauseRequested():
            return _pause(turn, event)
        case ExtendRequested():
            return _extend(turn, event)
        case StartOverRequested():
            return _start_over(turn, event)
        case RejectRequested():
            return _reject(turn, event)
        case CancelRequested():
            return _cancel(turn, event)
        case InterruptRequested():
            return interrupt(turn, event)
        case EditSteps():
            return _edit_steps(turn, event)
        case EditStepState():
            return _edit_step_state(turn, event)
        case EditTask():
            return _edit_task(turn, event)
        case EditResolverInputs():
            return _edit_resolver_inputs(turn, event)
        case AddComment() | EditComment() | DeleteComment():
            return comment(turn, event)
        case ChangeTags():
            return _change_tags(turn, event)
        case _:
            assert_never(event)


def _conflict(task: Turn | Task, cannot: str, hint: str = "") -> Conflict:
    waits = task.resolution is not ResolutionState.CANCELLED and not task.header.resolution_id
    now = "not taken on by anybody" if waits else task.resolution if task.header.resolution_id else task.state
    return Conflict(f"task {task.header.task_id} cannot be {cannot}: it is {now}{f' ({hint})' if hint else ''}")


def _pause(turn: Turn, event: PauseRequested) -> Refused | None:
    if not turn.header.resolution_id or (turn.resolution in UNRUNNABLE and not event.force):
        hint = "force holds it: what is in flight ends by itself"
        return _conflict(turn, "paused", hint if turn.resolution is ResolutionState.RUNNING else "")
    if turn.resolution is not ResolutionState.PAUSED:
        turn.record(TaskPaused(at=event.at, requester=event.requester, reason=event.reason, before=turn.resolution))
    return None


def _extend(turn: Turn, event: ExtendRequested) -> Refused | None:
    if turn.resolution is not ResolutionState.BLOCKED_MAXRETRIES:
        return _conflict(turn, "extended", "only one that has used up its runs can be")
    more = turn.plan.template.retry_max or DEFAULT_RUN_MAX
    turn.record(
        RunsExtended(at=event.at, requester=event.requester, reason=event.reason, run_max=turn.header.run_max + more)
    )
    turn.effects.append(ArmRetry(event.at, turn.run))
    return None


def not_restartable(task: Turn | Task) -> Conflict | None:
    """Say why a task cannot be started over as it stands, whoever wants it: section 7.4 has that said before rights."""
    if task.header.resolution_id and task.resolution in _RESTARTABLE:
        return None
    return _conflict(task, "started over", "only one that is PAUSED, BLOCKED_BADREQUEST or CANCELLED can be")


def _start_over(turn: Turn, event: StartOverRequested) -> Refused | None:
    cannot = not_restartable(turn)
    if cannot is not None:
        return cannot
    if turn.live:
        return _conflict(turn, "started over", _IN_FLIGHT)
    template = event.template or turn.plan.template
    try:
        check_inputs(template.inputs, turn.header.inputs)
        resolver_inputs = check_inputs(
            template.resolver_inputs, event.resolver_inputs, keep_undeclared=True, root="resolver_inputs"
        )
    except InputInvalid as refusal:
        return refusal
    turn.record(
        TaskStartedOver(
            at=event.at,
            requester=event.requester,
            reason=event.reason,
            resolution_id=event.resolution_id,
            resolver=event.requester,
            resolver_inputs=resolver_inputs,
            run_max=DEFAULT_RUN_MAX if template.retry_max is None else template.retry_max,
            template=event.template if event.template != turn.plan.template else None,
        )
    )
    if event.run:
        turn.begin_run(event.at)
    return None


def _reject(turn: Turn, event: RejectRequested) -> Refused | None:
    if turn.header.resolution_id or turn.resolution is ResolutionState.CANCELLED:
        return _conflict(turn, "rejected", "only one that nobody has taken on can be")
    turn.record(TaskCancelled(at=event.at, requester=event.requester, reason=event.reason))
    return None


def _cancel(turn: Turn, event: CancelRequested) -> Refused | None:
    if turn.resolution in _FINISHED:
        return _conflict(turn, "cancelled")
    turn.record(TaskCancelled(at=event.at, requester=event.requester, reason=event.reason, children=event.children))
    if turn.live:
        turn.effects.append(StopSteps(event.requester, event.reason))
    return None


def _held(turn: Turn, cannot: str) -> Refused | None:
    """Refuse an edit of a task that is not held, or in which something is in flight."""
    if turn.resolution is not ResolutionState.PAUSED:
        return _conflict(turn, cannot, "" if turn.resolution in _FINISHED else "pause it first")
    return _conflict(turn, cannot, _IN_FLIGHT) if turn.live else None


def _outdated(turn: Turn, edits: int) -> Conflict | None:
    if edits == turn.notes.edits:
        return None
    return Conflict(f"task {turn.header.task_id} was edited meanwhile: look at it again")


def _edit_steps(turn: Turn, event: EditSteps) -> Refused | None:
    refusal = _held(turn, "edited") or _outdated(turn, event.edits)
    if refusal is not None:
        return refusal
    functions = {**turn.plan.template.functions, **event.functions}
    faults = []
    for name, edited in event.steps.items():
        problem = _unknown_state(edited.state, custom_states_of(edited.definition, functions))
        if problem:
            faults.append(Fault(f"steps.{name}.state", problem))
    faults.extend(
        Fault(f"steps.{name}", "there is no such step")
        for name in event.removed
        if name not in turn.plan.template.steps
    )
    faults.extend(
        Fault(f"steps.{name}", "it is a child of a loop: edit the loop")
        for name in event.steps
        if name in turn.children
    )
    if faults:
        return TemplateInvalid(faults)
    turn.record(
        StepsEdited(
            at=event.at,
            requester=event.requester,
            reason=event.reason,
            steps=event.steps,
            removed=event.removed,
            functions=event.functions,
        )
    )
    return None


def _unknown_state(state: str, custom: Collection[str]) -> str:
    if state != ANY and (state in _STEP_STATES or state in custom):
        return ""
    hint = did_you_mean(state, [*StepState, *custom])
    return f'there is no state "{state}"{f" ({hint})" if hint else ""}'


def _edit_step_state(turn: Turn, event: EditStepState) -> Refused | None:
    refusal = _held(turn, "edited")
    if refusal is not None:
        return refusal
    if event.step not in turn.steps:
        return NotFound("step", event.step, did_you_mean(event.step, list(turn.plan.template.steps)))
    custom = custom_states_of(turn.definition(event.step), turn.plan.template.functions)
    problem = _unknown_state(event.state, custom)
    if problem:
        return TemplateInvalid([Fault(f"steps.{event.step}.state", problem)])
    turn.record(
        StepStateEdited(at=event.at, requester=event.requester, reason=event.reason, step=event.step, state=event.state)
    )
    return None


def _edit_task(turn: Turn, event: EditTask) -> Refused | None:
    if turn.header.resolution_id:
        refusal = _held(turn, "edited")
    elif turn.resolution is ResolutionState.CANCELLED:
        refusal = _conflict(turn, "edited", "it was rejected")
    else:
        refusal = None
    refusal = refusal or _outdated(turn, event.edits)
    if refusal is not None:
        return refusal
    try:
        inputs = check_inputs(turn.plan.template.inputs, event.inputs, keep_undeclared=True)
    except InputInvalid as invalid:
        return invalid
    turn.record(
        TaskEdited(
            at=event.at,
            requester=event.requester,
            reason=event.reason,
            inputs=inputs,
            title=event.title,
            tags=event.tags,
            watcher_usernames=event.watcher_usernames,
            watcher_groups=event.watcher_groups,
        )
    )
    return None


def _change_tags(turn: Turn, event: ChangeTags) -> Refused | None:
    tags = turn.notes.tags
    if any(tags.get(name, "") != value for name, value in event.tags.items()):
        turn.record(TagsChanged(at=event.at, tags=event.tags, requester=event.requester, reason=event.reason))
    return None


def _edit_resolver_inputs(turn: Turn, event: EditResolverInputs) -> Refused | None:
    refusal = _held(turn, "edited")
    if refusal is not None:
        return refusal
    try:
        declared = turn.plan.template.resolver_inputs
        resolver_inputs = check_inputs(declared, event.resolver_inputs, keep_undeclared=True, root="resolver_inputs")
    except InputInvalid as invalid:
        return invalid
    turn.record(
        ResolverInputsEdited(
            at=event.at, requester=event.requester, reason=event.reason, resolver_inputs=resolver_inputs
        )
    )
    return None
