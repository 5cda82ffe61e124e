"""The state of one task: immutable, and cheap to change because versions share what did not.

`Task` is what the records say plus indexes derived from them, so that no decision has to look at every step:
`pending` counts the needs of each step that are not met, and those whose step is not settled with all that it depends
on; `ready` holds the steps that could start; `open` counts the steps that are not settled, and `tally` those of them, by
state, that are neither TODO nor in flight: of most tasks none ever. What most decisions leave alone is in objects of its
own, for whole versions are made of it all the time: `course`, `notes` and `wished`.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final, TypeAlias

import attrs

from runtime.engine.graph import Graph, build_graph
from runtime.engine.infos import TaskInfos
from runtime.engine.persistent import PersistentMap, persistent
from runtime.engine.records import ChildOrder, StepReturned, TaskResolved
from runtime.engine.states import TALLIED, Admission, ResolutionState, StepState, TaskState, task_state_of
from runtime.frozen import frozen, replaced, value
from runtime.templates.model import THIS, ConditionScope, Step, Template
from runtime.values.json import Json
from runtime.values.snapshot import DEFAULT_REGION, StepView, Values
from runtime.wishes import Callback, Spawned

_STEP_RUNNING: Final = StepState.RUNNING  # on the names of members: `states`
_RUNNING: Final = ResolutionState.RUNNING
_CANCELLED: Final = ResolutionState.CANCELLED

DEFAULT_MAX_RETRIES: Final = 10_000
DEFAULT_RUN_MAX: Final = 100


@value
class Progress:
    """Where one step stands.

    `attempt` counts starts and tells a late report from the current one; `tries` counts executions of the action
    (the template's ``try_count``). `run` is the number of the run that last started it. `live` says that an attempt
    is in flight, whatever the state was set to meanwhile. `returned` is the state the last action left, before
    conditions. `children` are the results of a loop's children, once it has been contracted. `before` is the state that
    templates see while an attempt is in flight: the one it started from.
    """

    state: str = StepState.TODO
    error: str = ""
    output: Json = None
    metadata: Json = None
    tries: int = 0
    attempt: int = 0
    run: int = 0
    live: bool = False
    returned: str = StepState.TODO
    last_run: float | None = None
    children: Json = None
    before: str = StepState.TODO


def begun(was: Progress, attempt: int, run: int, at: float) -> Progress:
    """Give where a step stands once an attempt has begun."""
    return Progress(
        _STEP_RUNNING,
        was.error,
        was.output,
        was.metadata,
        was.tries,
        attempt,
        run,
        True,
        was.returned,
        at,
        was.children,
        was.state,
    )


def ended(was: Progress, record: StepReturned, run: int, attempt: int = 0) -> Progress:
    """Give where it stands once that has ended; with an `attempt`, one whose beginning was not taken in."""
    return Progress(
        record.state,
        record.error,
        record.output,
        record.metadata,
        was.tries + record.tried,
        attempt or was.attempt,
        run,
        False,
        record.returned,
        record.at,
        was.children,
    )


def is_tallied(progress: Progress) -> bool:
    """Say whether `Task.tally` counts a step."""
    return not progress.live and progress.state in TALLIED


@value
class Child:
    """Where a child of a loop comes from."""

    loop: str
    index: int
    item: Json


@value
class Loop:
    """A loop that is expanded: how many children it has, how many of them are not final, how many are in flight."""

    size: int
    open: int
    live: int


@frozen
class Batch:
    """The tasks that a step spawned: `orders[:sent]` were handed over for creation, `orders[:created]` are stored.

    `busy` counts those handed over that neither ended nor are blocked.
    """

    step: str
    spawned: Spawned
    orders: tuple[ChildOrder, ...]
    at_most: int
    created: int = 0
    sent: int = 0
    busy: int = 0

    @property
    def awaited(self) -> Iterator[ChildOrder]:
        """Give those that were handed over and have not ended."""
        return (one for one in islice(self.orders, self.sent) if not self.spawned.tasks[one.task_id].ended)


@frozen
class OpenedCallback:
    """A callback of the task: what steps see of it, and what a caller has to fit."""

    callback: Callback
    secret: str = attrs.field(repr=False)
    schema: Mapping[str, Json] | None = None


@frozen
class Dismissal:
    """Who ended the wait for a flow, and why."""

    requester: str
    reason: str


@frozen
class Wait:
    """What a step has wished to wait for; `woken` says that some of it happened since its last attempt began."""

    batches: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()
    woken: bool = False


def first_attempt(generation: int) -> int:
    """Give the number before that of the first attempt of a step that may have had a namesake in earlier generations.

    So that a late report of one is never taken for a report of the other.
    """
    return generation << 20


def child_name(loop: str, index: int) -> str:
    """Name a child of a loop (section 6.11)."""
    return f"{loop}-{index}"


Pending: TypeAlias = tuple[int, int]
"""How many needs of a step are not met, and how many are of steps that are not settled with all that they depend on."""


@frozen
class Plan:
    """What all tasks of one template share: built once, never changed. `bodies` is what the children of loops do.

    `config` is what templates see of the host's configuration, `region` where it is; `admission` is what the host wants
    of runs.
    """

    template: Template
    graph: Graph
    order: Mapping[str, int]
    steps: "PersistentMap[str, Progress]"
    pending: "PersistentMap[str, Pending]"
    ready: "PersistentMap[str, None]"
    bodies: Mapping[str, Step]
    config: Mapping[str, Json] | None = None
    region: str = DEFAULT_REGION
    admission: Admission = Admission.FREE


def plan_like(plan: Plan, template: Template) -> Plan:
    """Work out the plan of another template on the same host."""
    return plan_of(template, plan.config, plan.region, plan.admission)


def plan_of(
    template: Template,
    config: Mapping[str, Json] | None = None,
    region: str = DEFAULT_REGION,
    admission: Admission = Admission.FREE,
) -> Plan:
    """Work out what every task of a valid template starts from."""
    graph = build_graph(template.steps)
    pending = {name: (len(graph.needs[name]), len(graph.needs[name])) for name in template.steps}
    return Plan(
        template=template,
        graph=graph,
        order={name: index for index, name in enumerate(template.steps)},
        steps=persistent(dict.fromkeys(template.steps, Progress())),
        pending=persistent(pending),
        ready=persistent({name: None for name, (unmet, _) in pending.items() if unmet == 0}),
        bodies={name: _body_of(step) for name, step in template.steps.items() if step.foreach},
        config=config,
        region=region,
        admission=admission,
    )


def _body_of(loop: Step) -> Step:
    """Give what every child of a loop does: all that the loop says, but for the looping itself (Q11)."""
    return attrs.evolve(
        loop,
        foreach=None,
        foreach_strategy=None,
        conditions=[one for one in loop.conditions if one.foreach is not ConditionScope.PARENT],
    )


def max_retries_of(step: Step) -> int:
    """Give the bound on retries that holds for a step: 0 in a template means the default; negative, none."""
    return step.max_retries or DEFAULT_MAX_RETRIES


def view_of(progress: Progress, step: Step) -> StepView:
    """Show a step as templates see it (section 4.2)."""
    return StepView(
        progress.before if progress.state == _STEP_RUNNING else progress.state,
        progress.error,
        {} if progress.output is None else progress.output,
        {} if progress.metadata is None else progress.metadata,
        () if progress.children is None else progress.children,
        progress.tries,
        max_retries_of(step) if progress.tries else step.max_retries,
    )


def definition_of(name: str, plan: Plan, children: "PersistentMap[str, Child]") -> Step:
    """Give the definition of a step, or of a child of a loop."""
    child = children.get(name) if children else None
    return plan.template.steps[name] if child is None else plan.bodies[child.loop]


class Shown(Mapping[str, StepView]):
    """The steps as templates see them at one moment. Each is made when it is looked at: few ever are.

    `this` is the one that ``.step.this`` means, if any.
    """

    __slots__ = ("_task", "_this")

    def __init__(self, task: "Task", this: str) -> None:
        self._task = task
        self._this = this

    def __getitem__(self, name: str) -> StepView:
        """Show one."""
        if name == THIS and self._this:
            name = self._this
        task = self._task
        return view_of(task.steps[name], definition_of(name, task.plan, task.children))

    def __contains__(self, name: object) -> bool:
        """Say whether there is such a step."""
        return name in self._task.steps or (name == THIS and self._this != "")

    def __iter__(self) -> Iterator[str]:
        """Give their names."""
        yield from self._task.steps
        if self._this:
            yield THIS

    def __len__(self) -> int:
        """Count them."""
        return len(self._task.steps) + (self._this != "")


class Seen(Mapping[str, Any]):
    """What the templates of one step see, or of a child of a loop; of none, without a name. Worked out when it is looked at.

    Every attempt has one, and most are looked at never, or by a function that asks for the results of other steps.
    """

    __slots__ = ("_step", "_task", "_whole")

    def __init__(self, task: "Task", step: str) -> None:
        self._task = task
        self._step = step
        self._whole: Values | None = None

    @property
    def whole(self) -> Values:
        """All of it."""
        if self._whole is None:
            self._whole = self._task.values_of(self._step)
        return self._whole

    def __getitem__(self, key: str) -> Any:
        """Give what stands under a root key."""
        return Shown(self._task, self._step) if key == "step" else self.whole[key]

    def __contains__(self, key: object) -> bool:
        """Say whether a root is present."""
        return key in self.whole

    def __iter__(self) -> Iterator[str]:
        """Give the root keys."""
        return iter(self.whole)

    def __len__(self) -> int:
        """Count the roots."""
        return len(self.whole)


@frozen(kw_only=True)
class Comment:
    """What somebody had to say about the task. Times are Unix seconds."""

    id: str
    username: str
    created: float
    updated: float
    content: str


@value
class Header:
    """What is said of a task when it is submitted and resolved; it changes only when somebody edits it."""

    task_id: str
    title: str
    inputs: Mapping[str, Json]
    requester: str
    submitted_at: float
    resolution_id: str = ""
    resolver: str = ""
    resolver_inputs: Mapping[str, Json] = attrs.field(factory=dict)
    run_max: int = DEFAULT_RUN_MAX
    requester_groups: tuple[str, ...] = ()
    resolver_usernames: tuple[str, ...] = ()
    resolver_groups: tuple[str, ...] = ()
    watcher_usernames: tuple[str, ...] = ()
    watcher_groups: tuple[str, ...] = ()
    parent: str = ""
    batch: str = ""
    start_at: float = 0
    groups_of_resolver: tuple[str, ...] = ()
    resolved_at: float = 0.0

    def resolved(self, record: TaskResolved) -> "Header":
        """Give what is said of it once somebody has taken it on. Done for every task."""
        named = self.resolver_usernames
        return replaced(
            self,
            resolution_id=record.resolution_id,
            resolver=record.resolver,
            resolver_inputs=record.resolver_inputs,
            run_max=record.run_max,
            resolver_usernames=(*named, record.resolver) if record.joins else named,
            groups_of_resolver=record.groups_of_resolver,
            resolved_at=record.at,
        )


def state_of(header: Header, resolution: ResolutionState, held: ResolutionState | None) -> TaskState:
    """Give the state of a task: what its resolution says, or said before it was paused or could not begin a run.

    One that was cancelled before anybody took it on is WONTFIX.
    """
    if held is not None and resolution in _HELD:
        return task_state_of(held)
    if resolution is _CANCELLED and not header.resolution_id:
        return TaskState.WONTFIX
    return task_state_of(resolution)


_HELD: Final = frozenset({ResolutionState.PAUSED, ResolutionState.TO_AUTORUN_DELAYED})
_CRASHED: Final = ResolutionState.CRASHED
_IN_LINE: Final = frozenset({ResolutionState.TO_AUTORUN, ResolutionState.RETRY})


def in_line(resolution: ResolutionState, next_retry: float | None) -> bool:
    """Say whether a run waits for its slots: of one that was cut off, for no time is said to retry at."""
    return resolution in _IN_LINE or (next_retry is None and resolution is _CRASHED)


@value
class Span:
    """When the last run began, and when the last one that is over ended, in Unix seconds."""

    start: float | None = None
    stop: float | None = None


NO_RUN: Final = Span()


@value
class Course:
    """How the runs of a task went, and what came of them.

    `held` is the resolution that the task's state goes by while it is paused, or could not begin a run. `interrupted`:
    the run is to begin nothing more. `rechecked`: steps in WAITING had their second try in this run. `untold`: the task
    came to rest, and the one that wished for it is not known to have heard.
    """

    span: Span = NO_RUN
    next_retry: float | None = None
    interrupted: bool = False
    rechecked: bool = False
    held: ResolutionState | None = None
    stopped_by: str = ""
    stop_reason: str = ""
    result: Json = None
    result_error: str = ""
    untold: bool = False

    @property
    def stopped(self) -> str:
        """Who stopped or paused it, and why, as far as they said; empty for nobody."""
        return ": ".join(filter(None, (self.stopped_by, self.stop_reason)))


NO_COURSE: Final = Course()


@frozen
class Interruption:
    """Who has this attempt of a step cut, and why; whether it is tried again then."""

    attempt: int
    requester: str
    reason: str
    retry: bool


@value
class Notes:
    """What was noted about a task besides what happened to it; `edits` counts how often somebody rewrote it.

    `interruptions` are by step. One stays when its attempt has ended, and means nothing then.
    """

    tags: Mapping[str, str] = attrs.field(factory=dict)
    comments: Mapping[str, Comment] = attrs.field(factory=dict)
    edits: int = 0
    interruptions: Mapping[str, Interruption] = attrs.field(factory=dict)


NO_NOTES: Final = Notes()


@value
class Wished:
    """What the steps of a task wished for.

    `submitting` counts the batches with children on their way; `unwanted` are the children that steps waited for
    until somebody ended that, and that are to be cancelled, and not known to have heard of it.
    """

    batches: "PersistentMap[str, Batch]" = attrs.field(factory=dict)
    callbacks: "PersistentMap[str, OpenedCallback]" = attrs.field(factory=dict)
    waits: "PersistentMap[str, Wait]" = attrs.field(factory=dict)
    submitting: int = 0
    unwanted: "PersistentMap[str, Dismissal]" = attrs.field(factory=dict)

    def batches_of(self, step: str) -> Iterator[Batch]:
        """Give the batches that a step waits for."""
        wait = self.waits.get(step)
        return (self.batches[one] for one in (wait.batches if wait is not None else ()))

    def callbacks_of(self, step: str) -> Iterator[str]:
        """Name the callbacks that a step waits for and that were not called."""
        wait = self.waits.get(step)
        named = wait.callbacks if wait is not None else ()
        return (one for one in named if self.callbacks[one].callback.called_at is None)


NOTHING_WISHED: Final = Wished()


@value
class Task:
    """One task, as of the last record. See the module's docstring for the indexes."""

    header: Header
    plan: Plan
    graph: Graph
    resolution: ResolutionState
    steps: "PersistentMap[str, Progress]"
    pending: "PersistentMap[str, Pending]"
    ready: "PersistentMap[str, None]"
    open: int
    tally: "PersistentMap[str, int]" = attrs.field(factory=dict)
    live: int = 0
    run: int = 0
    last_activity: float = 0.0
    course: Course = NO_COURSE
    notes: Notes = NO_NOTES
    loops: "PersistentMap[str, Loop]" = attrs.field(factory=dict)
    children: "PersistentMap[str, Child]" = attrs.field(factory=dict)
    wished: Wished = NOTHING_WISHED

    def definition(self, name: str) -> Step:
        """Give the definition of a step, or of a child of a loop."""
        return definition_of(name, self.plan, self.children)

    @property
    def values(self) -> Values:
        """What templates see that belong to no step."""
        return self.values_of("")

    def values_of(self, name: str) -> Values:
        """Give what the templates of a step see, or of a child of a loop; of none, without a name. O(1)."""
        header, plan, began = self.header, self.plan, self.course.span.start
        infos = TaskInfos(header, self.last_activity if began is None else began, plan.region)
        child = self.children.get(name) if self.children else None
        return Values(
            header.inputs,
            header.resolver_inputs,
            infos,
            plan.config,
            plan.template.variables,
            Shown(self, name),
            None if child is None else child.item,
        )

    @property
    def state(self) -> TaskState:
        """The state of the task, which follows from that of its resolution (sections 6.10 and 7.2)."""
        return state_of(self.header, self.resolution, self.course.held)

    @property
    def steps_done(self) -> int:
        """How many steps are settled, without children of loops. Costs as many look-ups as loops are expanded."""
        open_ = self.open - sum(loop.open for loop in self.loops.values()) if self.loops else self.open
        return len(self.plan.template.steps) - open_

    @property
    def idle(self) -> bool:
        """Nothing is running, no run is open, nobody is still to be told or created: the task can leave memory."""
        if self.live or self.resolution is _RUNNING or self.course.untold:
            return False
        return self.wished.submitting == 0 and not self.wished.unwanted

    @property
    def in_line(self) -> bool:
        """A run waits for its slots: whoever hands them out has the task on a list, and it need not be in memory."""
        return in_line(self.resolution, self.course.next_retry)

    @property
    def at_rest(self) -> bool:
        """Nothing runs, and nothing will happen unless somebody asks for it."""
        return self.live == 0 and (self.state.at_rest or self.resolution is ResolutionState.PAUSED)
