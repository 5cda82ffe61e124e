"""What happened to a task, as stored. Facts, in the past tense; `at` is in Unix seconds.

The records of one task, folded in order over nothing, give its state (`runtime.engine.draft.replay`).
"""

from collections.abc import Mapping
from typing import TypeAlias

import attrs

from runtime.engine.states import ResolutionState, StepState
from runtime.frozen import frozen, value
from runtime.templates.model import Function, Step, Template
from runtime.values.json import Json
from runtime.wishes import FlowOrder


@value
class TaskSubmitted:
    """A task was accepted. `inputs` are checked, defaults merged; `title` is rendered.

    `parent` is the task that wished for it, `batch` the `Spawn` that it came with. It does not start before `start_at`.
    """

    at: float
    task_id: str
    template: Template
    title: str
    inputs: Mapping[str, Json]
    requester: str = ""
    tags: Mapping[str, str] = attrs.field(factory=dict)
    requester_groups: tuple[str, ...] = ()
    resolver_usernames: tuple[str, ...] = ()
    resolver_groups: tuple[str, ...] = ()
    watcher_usernames: tuple[str, ...] = ()
    watcher_groups: tuple[str, ...] = ()
    parent: str = ""
    batch: str = ""
    start_at: float = 0


@value
class TaskResolved:
    """The execution of the task was set up: from here on it can run. `joins`: its resolver is named to resolve it, too."""

    at: float
    resolution_id: str
    resolver: str = ""
    resolver_inputs: Mapping[str, Json] = attrs.field(factory=dict)
    run_max: int = 100
    groups_of_resolver: tuple[str, ...] = ()
    joins: bool = False


@frozen(kw_only=True)
class RunDelayed:
    """The first run is to begin at `due` (Unix seconds); or any run that could not begin, for this `reason`."""

    at: float
    due: float
    reason: str = ""


@frozen(kw_only=True)
class RunQueued:
    """A run is to begin as soon as there is a slot for it (section 8). `state` says which run it is."""

    at: float
    state: ResolutionState


@value
class RunStarted:
    """One traversal of the engine began (section 6.2)."""

    at: float


@value
class StepStarted:
    """An attempt is about to begin; whether it did is only known once it reports."""

    at: float
    step: str
    attempt: int


@value
class StepReturned:
    """An attempt ended. `state` and `error` are what its conditions left; `returned` is what the action left."""

    at: float
    step: str
    state: str
    returned: str
    error: str = ""
    output: Json = None
    metadata: Json = None
    tried: bool = True


@frozen(kw_only=True)
class LoopExpanded:
    """A loop got a child per item, called ``<step>-<index>`` (section 6.11)."""

    at: float
    step: str
    items: tuple[Json, ...]


@frozen(kw_only=True)
class LoopContracted:
    """The children of a loop were folded into it. DONE keeps their results; any other state drops them."""

    at: float
    step: str
    state: str


@frozen(kw_only=True)
class AttemptInterrupted:
    """Somebody has an attempt cut that is in flight: unless it comes to something of its own first, it has failed.

    Without `retry` for good: it is not tried again by itself.
    """

    at: float
    requester: str
    reason: str
    step: str
    attempt: int
    retry: bool = True


@frozen(kw_only=True)
class StepInterrupted:
    """An attempt was cut; `state` follows from whether the step is idempotent (section 6.2)."""

    at: float
    step: str
    state: str
    error: str


@frozen(kw_only=True)
class StepChanged:
    """A step's state was set from outside the step: by a condition of `by`, or by pruning when `by` is pruned too."""

    at: float
    step: str
    state: str
    error: str
    by: str


@frozen(kw_only=True)
class TagsChanged:
    """A step changed tags of the task, or somebody did; an empty text deletes one."""

    at: float
    tags: Mapping[str, str]
    requester: str = ""
    reason: str = ""


@frozen(kw_only=True)
class ChildOrder:
    """A child to create, checked and rendered by the attempt that wished for it.

    `resolves` says that its execution is set up at once, for its template lets its requester do so (section 7.3).
    With a `flow` it is no task but that, and has no more than its id.
    """

    task_id: str
    resolution_id: str
    template: str
    title: str
    inputs: Mapping[str, Json]
    tags: Mapping[str, str]
    resolver_usernames: tuple[str, ...] = ()
    resolver_groups: tuple[str, ...] = ()
    watcher_usernames: tuple[str, ...] = ()
    watcher_groups: tuple[str, ...] = ()
    resolves: bool = False
    delay: float = 0
    comment: str = ""
    flow: FlowOrder | None = None


@frozen(kw_only=True)
class ChildrenOrdered:
    """A step wished for a batch of tasks. Who wakes up to an order not known to be carried out gives it again."""

    at: float
    step: str
    batch: str
    orders: tuple[ChildOrder, ...]
    at_most: int


@frozen(kw_only=True)
class ChildrenCreated:
    """The tasks of the batch that were last handed over are stored: their ids keep them from being created twice."""

    at: float
    batch: str


@frozen(kw_only=True)
class ChildSettled:
    """A child came to rest: it ended or is blocked, or could not be created (`runtime.wishes.REFUSED`)."""

    at: float
    batch: str
    child: str
    state: str
    result: Json = None
    error: str = ""
    requester: str = ""
    resolver: str = ""


@frozen(kw_only=True)
class ParentTold:
    """The task that wished for this one has recorded what it came to: nobody has to be told again."""

    at: float


@frozen(kw_only=True)
class FlowDismissed:
    """A flow, or a task, that nobody waits for any more has taken its cancel, or had ended: it has not to be told again."""

    at: float
    flow: str


@frozen(kw_only=True)
class CallbackOpened:
    """A step opened a callback: one call with this secret is taken."""

    at: float
    step: str
    callback: str
    secret: str = attrs.field(repr=False)
    schema: Mapping[str, Json] | None = None


@frozen(kw_only=True)
class CallbackAwaited:
    """A step, left WAITING, sleeps until this callback is called."""

    at: float
    step: str
    callback: str


@frozen(kw_only=True)
class CallbackAnswered:
    """A callback was called, for the one time."""

    at: float
    callback: str
    body: Json


@frozen(kw_only=True)
class TaskWoken:
    """Something that a step waits for has happened: the next run is due at `at`, or before (section 7.6)."""

    at: float


@frozen(kw_only=True)
class RunInterrupted:
    """The runtime began to shut down during the run."""

    at: float
    requester: str
    reason: str


@value
class RunEnded:
    """Nothing more could be done in the run (section 6.10). `next_retry` is set for ERROR and CRASHED."""

    at: float
    state: ResolutionState
    next_retry: float | None = None
    result: Json = None
    result_error: str = ""


@frozen(kw_only=True)
class TaskPaused:
    """Somebody holds the task: nothing starts until it is run again. What is in flight ends by itself, and is kept."""

    at: float
    requester: str
    reason: str
    before: ResolutionState


@frozen(kw_only=True)
class RunsExtended:
    """A task whose runs were used up got some more; the next one is due."""

    at: float
    requester: str
    reason: str
    run_max: int


@frozen(kw_only=True)
class TaskStartedOver:
    """The execution of the task was thrown away for a new one, of the same template or the one it has become."""

    at: float
    requester: str
    reason: str
    resolution_id: str
    resolver: str
    resolver_inputs: Mapping[str, Json]
    run_max: int
    template: Template | None = None


@frozen(kw_only=True)
class EditedStep:
    """A step as somebody has rewritten it: what it does, and where it stands."""

    definition: Step
    state: str = StepState.TODO
    error: str = ""
    output: Json = None
    metadata: Json = None
    tries: int = 0
    children: Json = None


@frozen(kw_only=True)
class StepsEdited:
    """Somebody has rewritten steps: these are new or changed, those `removed` are gone, the others stay as they were.

    `functions` are those that the new steps use. A loop that was rewritten loses its children.
    """

    at: float
    requester: str
    reason: str
    steps: Mapping[str, EditedStep]
    removed: tuple[str, ...] = ()
    functions: Mapping[str, Function] = attrs.field(factory=dict)


@frozen(kw_only=True)
class StepStateEdited:
    """Somebody has put a step, or a child of a loop, in another state."""

    at: float
    requester: str
    reason: str
    step: str
    state: str


@frozen(kw_only=True)
class TaskEdited:
    """Somebody has rewritten what the task was submitted with. `inputs` are checked, `title` is rendered."""

    at: float
    requester: str
    reason: str
    inputs: Mapping[str, Json]
    title: str
    tags: Mapping[str, str]
    watcher_usernames: tuple[str, ...] = ()
    watcher_groups: tuple[str, ...] = ()


@frozen(kw_only=True)
class ResolverInputsEdited:
    """Somebody has rewritten what the resolver gave."""

    at: float
    requester: str
    reason: str
    resolver_inputs: Mapping[str, Json]


@frozen(kw_only=True)
class WaitingRechecked:
    """Before the run ends, steps in WAITING of which nobody knows what they wait for are tried once more (section 6.3)."""

    at: float


@frozen(kw_only=True)
class TaskCancelled:
    """The task was stopped for good. Steps that ran are cut, and each records so itself.

    One that nobody had taken on is WONTFIX thereby. With `children` the tasks that its steps have started are stopped too,
    and theirs.
    """

    at: float
    requester: str
    reason: str
    children: bool = False


@frozen(kw_only=True)
class CommentAdded:
    """Somebody has commented on the task."""

    at: float
    comment_id: str
    username: str
    content: str


@frozen(kw_only=True)
class CommentEdited:
    """A comment says something else."""

    at: float
    comment_id: str
    content: str


@frozen(kw_only=True)
class CommentDeleted:
    """A comment is gone."""

    at: float
    comment_id: str


Record: TypeAlias = (
    CommentAdded
    | CommentEdited
    | CommentDeleted
    | TaskSubmitted
    | TaskResolved
    | RunDelayed
    | RunQueued
    | RunStarted
    | StepStarted
    | StepReturned
    | LoopExpanded
    | LoopContracted
    | AttemptInterrupted
    | StepInterrupted
    | StepChanged
    | TagsChanged
    | ChildrenOrdered
    | ChildrenCreated
    | ChildSettled
    | ParentTold
    | FlowDismissed
    | CallbackOpened
    | CallbackAwaited
    | CallbackAnswered
    | TaskWoken
    | RunInterrupted
    | RunEnded
    | TaskPaused
    | RunsExtended
    | TaskStartedOver
    | StepsEdited
    | StepStateEdited
    | TaskEdited
    | ResolverInputsEdited
    | WaitingRechecked
    | TaskCancelled
)
