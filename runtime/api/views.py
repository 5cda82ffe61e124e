"""What a reader is shown of a task: plain frozen values, the shape of spec section 11.3."""

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from runtime.api.standstill import NOWHERE, Whereabouts, waits_of
from runtime.engine.states import ANY, ResolutionState, StepState, TaskState, is_final, named
from runtime.engine.task import Task, child_name, max_retries_of
from runtime.frozen import value
from runtime.templates.model import Input, InputType
from runtime.values.json import Json


@value
class StepStatus:
    """One step of a task.

    A loop lists its `children_steps` while it is expanded, and their results as `children` once it is contracted; each
    of them is a step of its own until then, and has its `item`. `state` is a `StepState`, or a custom state's text.
    `attempt` is the number of the attempt that is running, and 0 while none is.
    """

    state: str
    description: str = ""
    error: str = ""
    output: Json = None
    metadata: Json = None
    try_count: int = 0
    max_retries: int = 0
    last_run: float | None = None
    dependencies: tuple[str, ...] = ()
    children: Json = None
    children_steps: tuple[str, ...] | None = None
    item: Json = None
    attempt: int = 0


_CONTENT: Final = frozenset({StepState.TODO, StepState.DONE, StepState.PRUNE})
"""The states of steps that nothing went wrong in, whatever they say."""


@attrs.frozen(kw_only=True)
class TaskView:
    """One task, as of one moment. Times are Unix seconds. `result` is there once the task is DONE.

    `last_start` is when the last run began, `last_stop` when the last one that is over ended. `running` counts the
    attempts in flight; inputs of type password are masked. `parent` is the task that wished for
    this one, `edits` how often somebody rewrote it. `waits_for` says in words why it does not move: all that it waits for.
    """

    id: str
    title: str
    template_name: str
    state: TaskState
    resolution_id: str
    resolution: ResolutionState
    requester_username: str
    created: float
    last_activity: float
    run_count: int
    run_max: int
    last_start: float | None
    last_stop: float | None
    next_retry: float | None
    inputs: Mapping[str, Json]
    tags: Mapping[str, str]
    result: Json
    result_error: str
    stop_reason: str
    running: int
    steps_done: int
    steps_total: int
    steps: Mapping[str, StepStatus]
    resolver_username: str = ""
    resolver_inputs: Mapping[str, Json] = attrs.field(factory=dict)
    requester_groups: tuple[str, ...] = ()
    resolver_usernames: tuple[str, ...] = ()
    resolver_groups: tuple[str, ...] = ()
    watcher_usernames: tuple[str, ...] = ()
    watcher_groups: tuple[str, ...] = ()
    parent: str = ""
    batch: str = ""
    edits: int = 0
    waits_for: tuple[str, ...] = ()

    @property
    def at_rest(self) -> bool:
        """Nothing runs, and nothing will happen unless somebody asks for it."""
        return self.running == 0 and (self.resolution is ResolutionState.PAUSED or self.state.at_rest)

    @property
    def errors(self) -> Mapping[str, str]:
        """What went wrong last in the steps that did not come to DONE, by step; nothing of a task that is DONE itself.

        A step that is tried again keeps the error of the attempt before, and one in a custom state says why it is.
        """
        if self.state is TaskState.DONE:
            return {}
        return {name: step.error for name, step in self.steps.items() if step.error and step.state not in _CONTENT}


def _status(task: Task, name: str) -> StepStatus:
    progress, step = task.steps[name], task.definition(name)
    child = task.children.get(name)
    loop = task.loops.get(name)
    children = None if loop is None else tuple(child_name(name, index) for index in range(loop.size))
    return StepStatus(
        named(progress.state),
        step.description if child is None else f"{child.index} - {step.description}",
        progress.error,
        progress.output,
        progress.metadata,
        progress.tries,
        max_retries_of(step) if progress.tries else step.max_retries,
        progress.last_run,
        step.dependencies + _spun(task, name, children),
        progress.children,
        children,
        None if child is None else child.item,
        progress.attempt if progress.live else 0,
    )


def _spun(task: Task, name: str, children: Iterable[str] | None) -> tuple[str, ...]:
    """Give what a step depends on by being a loop, or a child of one (section 6.11)."""
    if children is not None:
        return tuple(f"{child}:{ANY}" for child in children)
    return tuple(need.step for need in task.graph.needs[name]) if name in task.children else ()


def _statuses(task: Task) -> dict[str, StepStatus]:
    statuses: dict[str, StepStatus] = {}
    for name in task.plan.template.steps:
        status = statuses[name] = _status(task, name)
        for child in status.children_steps or ():
            statuses[child] = _status(task, child)
    return statuses


MASK: Final = "**__SECRET__**"
"""What is shown in place of a password (section 12.3)."""


def _masked(inputs: Mapping[str, Json], declarations: Iterable[Input]) -> Mapping[str, Json]:
    secret = {declared.name for declared in declarations if declared.type is InputType.PASSWORD}
    return {name: MASK if name in secret else value for name, value in inputs.items()}


def view_task(task: Task, around: Whereabouts = NOWHERE) -> TaskView:
    """Show a task, of which a runtime knows besides what is `around`. Costs O(steps): it is for readers, not for turns."""
    header = task.header
    template = task.plan.template
    steps = _statuses(task)
    return TaskView(
        id=header.task_id,
        title=header.title,
        template_name=template.name,
        state=task.state,
        resolution_id=header.resolution_id,
        resolution=task.resolution,
        requester_username=header.requester,
        created=header.submitted_at,
        last_activity=task.last_activity,
        run_count=task.run,
        run_max=header.run_max,
        last_start=task.course.span.start,
        last_stop=task.course.span.stop,
        next_retry=task.course.next_retry,
        inputs=_masked(header.inputs, template.inputs),
        tags=task.notes.tags,
        result=task.course.result,
        result_error=task.course.result_error,
        stop_reason=task.course.stopped,
        running=task.live,
        steps_done=sum(is_final(steps[name].state) for name in template.steps),
        steps_total=len(template.steps),
        steps=steps,
        resolver_username=header.resolver,
        resolver_inputs=_masked(header.resolver_inputs, template.resolver_inputs),
        requester_groups=header.requester_groups,
        resolver_usernames=header.resolver_usernames,
        resolver_groups=header.resolver_groups,
        watcher_usernames=header.watcher_usernames,
        watcher_groups=header.watcher_groups,
        parent=header.parent,
        batch=header.batch,
        edits=task.notes.edits,
        waits_for=waits_of(task, around),
    )
