"""What operators change about a task, as their records do (section 7.8). Functions over a draft; O(task), as edits may be."""

from collections import Counter
from typing import TYPE_CHECKING, TypeAlias, assert_never

import attrs

from runtime.engine import waits
from runtime.engine.birth import new_task
from runtime.engine.graph import Graph
from runtime.engine.persistent import persistent, put, without
from runtime.engine.records import (
    AttemptInterrupted,
    EditedStep,
    ResolverInputsEdited,
    RunsExtended,
    StepsEdited,
    StepStateEdited,
    TaskEdited,
    TaskPaused,
    TaskStartedOver,
)
from runtime.engine.states import ResolutionState, StepState, is_final
from runtime.engine.task import (
    Dismissal,
    Interruption,
    Loop,
    Progress,
    Wished,
    child_name,
    first_attempt,
    is_tallied,
    plan_like,
)

if TYPE_CHECKING:
    from runtime.engine.draft import Draft

Edit: TypeAlias = (
    TaskPaused
    | RunsExtended
    | TaskStartedOver
    | StepsEdited
    | StepStateEdited
    | TaskEdited
    | ResolverInputsEdited
    | AttemptInterrupted
)


def apply(draft: "Draft", record: Edit) -> None:
    """Take one record of these in."""
    match record:
        case TaskPaused():
            span = draft.span_until(record.at)
            draft.course = attrs.evolve(
                draft.course,
                span=span,
                held=record.before,
                next_retry=None,
                stopped_by=record.requester,
                stop_reason=record.reason,
            )
            draft.resolution = ResolutionState.PAUSED
        case RunsExtended():
            draft.header = attrs.evolve(draft.header, run_max=record.run_max)
            draft.course = attrs.evolve(draft.course, next_retry=record.at)
            draft.resolution = ResolutionState.ERROR
        case TaskStartedOver():
            _start_over(draft, record)
        case StepsEdited():
            _rewrite_steps(draft, record)
        case StepStateEdited():
            _set_state(draft, record)
        case TaskEdited():
            _rewrite_task(draft, record)
        case ResolverInputsEdited():
            _count_edit(draft)
            draft.header = attrs.evolve(draft.header, resolver_inputs=record.resolver_inputs)
        case AttemptInterrupted():
            _interrupt(draft, record)
        case _:
            assert_never(record)


def _interrupt(draft: "Draft", record: AttemptInterrupted) -> None:
    """Note it, and forget those whose attempts have ended."""
    known = draft.notes.interruptions.items()
    kept = {step: one for step, one in known if draft.in_flight(step, one.attempt)}
    kept[record.step] = Interruption(record.attempt, record.requester, record.reason, record.retry)
    draft.notes = attrs.evolve(draft.notes, interruptions=kept)


def _count_edit(draft: "Draft") -> None:
    draft.notes = attrs.evolve(draft.notes, edits=draft.notes.edits + 1)


def _start_over(draft: "Draft", record: TaskStartedOver) -> None:
    """Begin again with a new resolution: nothing of the old one is left but its number of edits."""
    header = attrs.evolve(
        draft.header,
        resolution_id=record.resolution_id,
        resolver=record.resolver,
        groups_of_resolver=draft.header.groups_of_resolver if record.resolver == draft.header.resolver else (),
        resolver_inputs=record.resolver_inputs,
        run_max=record.run_max,
        resolved_at=record.at,
    )
    plan = draft.plan if record.template is None else plan_like(draft.plan, record.template)
    notes = draft.notes
    task = new_task(header, plan, tags=notes.tags, at=record.at)
    edits = notes.edits + 1
    attempts = {name: progress.attempt for name, progress in draft.steps.items()}
    draft.begin_again(
        attrs.evolve(task, notes=attrs.evolve(notes, edits=edits), wished=Wished(unwanted=draft.wished.unwanted))
    )
    for name, progress in plan.steps.items():  # a report of the old execution is never taken for one of the new
        draft.steps = put(draft.steps, name, attrs.evolve(progress, attempt=attempts.get(name, first_attempt(edits))))


def _rewrite_task(draft: "Draft", record: TaskEdited) -> None:
    draft.header = attrs.evolve(
        draft.header,
        inputs=record.inputs,
        title=record.title,
        watcher_usernames=record.watcher_usernames,
        watcher_groups=record.watcher_groups,
    )
    draft.notes = attrs.evolve(draft.notes, tags=dict(record.tags), edits=draft.notes.edits + 1)


def _set_state(draft: "Draft", record: StepStateEdited) -> None:
    _count_edit(draft)
    name, was = record.step, draft.steps[record.step]
    if record.state == StepState.TODO:
        waits.forget(draft, name)  # to be done anew, it makes its children anew
    elif record.state != StepState.WAITING:
        waits.dismiss(draft, name, Dismissal(record.requester, record.reason))
    now = attrs.evolve(was, state=record.state, live=False, returned=_returned(record.state, was), run=0)
    draft.steps = put(draft.steps, name, now)
    rebuild(draft)


def _rewrite_steps(draft: "Draft", record: StepsEdited) -> None:
    _count_edit(draft)
    template = draft.plan.template
    definitions = {name: step for name, step in template.steps.items() if name not in record.removed}
    definitions.update((name, edited.definition) for name, edited in record.steps.items())
    for name in (*record.removed, *record.steps):
        _drop_children(draft, name)
        rewritten = record.steps.get(name)
        kept = draft.steps.get(name)
        if rewritten is None:
            waits.dismiss(draft, name, Dismissal(record.requester, record.reason))
            waits.forget(draft, name)
            draft.steps = without(draft.steps, name)
        else:
            if rewritten.state == StepState.TODO:
                waits.forget(draft, name)
            draft.steps = put(draft.steps, name, _progress_of(rewritten, kept, draft.notes.edits))
    functions = {**template.functions, **record.functions}
    draft.plan = plan_like(draft.plan, attrs.evolve(template, steps=definitions, functions=functions))
    rebuild(draft)


def _progress_of(edited: EditedStep, was: Progress | None, edits: int) -> Progress:
    return Progress(
        state=edited.state,
        error=edited.error,
        output=edited.output,
        metadata=edited.metadata,
        tries=edited.tries,
        attempt=was.attempt if was is not None else first_attempt(edits),
        returned=_returned(edited.state, was),
        last_run=was.last_run if was is not None else None,
        children=edited.children,
    )


def _returned(state: str, was: Progress | None) -> str:
    """Give what the action of a step that somebody put in a state left: in AFTERRUN_ERROR, its checks are asked of that."""
    if state != StepState.AFTERRUN_ERROR:
        return state
    return StepState.CLIENT_ERROR if was is not None and was.returned == StepState.CLIENT_ERROR else StepState.DONE


def _drop_children(draft: "Draft", loop: str) -> None:
    if loop not in draft.loops:
        return
    draft.loops = without(draft.loops, loop)
    for name, child in list(draft.children.items()):
        if child.loop == loop:
            waits.forget(draft, name)
            draft.children = without(draft.children, name)
            draft.steps = without(draft.steps, name)


def rebuild(draft: "Draft") -> None:
    """Work out every index anew from the plan, the steps and the children of loops."""
    _rebuild_graph(draft)
    draft.open = sum(not is_final(one.state) for one in draft.steps.values())
    draft.tally = dict(Counter(one.state for one in draft.steps.values() if is_tallied(one)))
    draft.live = sum(one.live for one in draft.steps.values())
    for name, loop in list(draft.loops.items()):
        children = [draft.steps[child_name(name, index)] for index in range(loop.size)]
        open_ = sum(not is_final(one.state) for one in children)
        draft.loops = put(draft.loops, name, Loop(loop.size, open_, sum(one.live for one in children)))
    settled = _settled(draft)
    for name in draft.steps:
        needs = draft.graph.needs[name]
        unsettled = sum(not settled[need.step] for need in needs)
        unmet = sum(
            not (settled[need.step] if need.any else draft.steps[need.step].state in need.states) for need in needs
        )
        draft.pending = put(draft.pending, name, (unmet, unsettled))
    draft.forget_ready()


def _rebuild_graph(draft: "Draft") -> None:
    graph = draft.plan.graph
    needs, edges = graph.needs, graph.edges
    for name in draft.children:
        needs = put(needs, name, draft.graph.needs[name])
        edges = put(edges, name, draft.graph.edges[name])
    draft.graph = Graph(needs, edges, graph.watched | draft.graph.watched)
    draft.pending = persistent({})


def _settled(draft: "Draft") -> dict[str, bool]:
    """Say of each step whether it is final with all that it depends on. In an order in which nothing comes too early."""
    settled: dict[str, bool] = {}
    stack = list(draft.steps)
    while stack:
        name = stack[-1]
        needs = draft.graph.needs[name]
        missing = [need.step for need in needs if need.step not in settled]
        if name not in settled and missing:
            stack.extend(missing)
            continue
        stack.pop()
        settled[name] = is_final(draft.steps[name].state) and all(settled[need.step] for need in needs)
    return settled
