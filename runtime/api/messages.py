"""The messages: frozen values, one tagged union each for commands, queries and events.

Commands are imperative, events are facts. A command is answered once what it did is stored.

Positions count the events of a store: 1, 2, 3 and so on, in the order in which they were stored, each given once and
for good. Who has seen the one of some position has seen all that happened before it.
"""

from collections.abc import Mapping
from typing import TypeAlias

import attrs

from runtime.api.flow_messages import FlowEvent
from runtime.engine.records import EditedStep, TaskSubmitted
from runtime.engine.states import ResolutionState, TaskState
from runtime.frozen import frozen, value
from runtime.lengths import Name, TagText
from runtime.templates.model import Function, Template
from runtime.values.json import Json


@value
class SubmitTask:
    """Take a task on, as the record says that it was submitted: whoever submits it has checked and rendered all of it.

    The id of the task is the idempotency key: the same id with the same template and inputs is the same task; with
    others it is refused. Answered with that id.

    With `resolve` the execution is set up, with `run` it is started too, unless the task is to start later.
    """

    submitted: TaskSubmitted
    resolution_id: str
    resolver_inputs: Mapping[str, Json] = attrs.field(factory=dict)
    run: bool = True
    resolve: bool = True
    comment: str = ""

    @property
    def task_id(self) -> str:
        """The id by which the actors find it."""
        return self.submitted.task_id


@frozen(kw_only=True)
class ResolveTask:
    """Set the execution of a task up, in the name of `resolver`, and start it with `run`. Refused where it is already.

    With `joins` the resolver is one of those from then on who are named to resolve it.
    """

    task_id: str
    resolution_id: str
    resolver: Name = ""
    resolver_groups: tuple[Name, ...] = ()
    resolver_inputs: Mapping[str, Json] = attrs.field(factory=dict)
    run: bool = True
    joins: bool = False


@frozen(kw_only=True)
class RunTask:
    """Start a run now, whatever the task waits for. Refused while it runs and once it has ended."""

    task_id: str


@frozen(kw_only=True)
class CancelTask:
    """Stop the task for good: its running steps are cut. Refused once it has ended."""

    task_id: str
    requester: str = "user"
    reason: str = "cancelled"


@frozen(kw_only=True)
class InterruptStep:
    """Cut the attempt of a step that is in flight: it has failed then. Refused where none is, or another one.

    An `attempt` above 0 names the one that is meant. Without `retry` it is not tried again by itself.
    """

    task_id: str
    step: str
    requester: str = "user"
    reason: str = ""
    attempt: int = 0
    retry: bool = True


@frozen(kw_only=True)
class PauseTask:
    """Hold the task: nothing starts until it is run again. One that runs, or is over, is held with `force` only."""

    task_id: str
    requester: str = "user"
    reason: str = ""
    force: bool = False


@frozen(kw_only=True)
class ExtendTask:
    """Grant more runs to a task that has used up its own, and start the next. Refused in any other state."""

    task_id: str
    requester: str = "user"
    reason: str = ""


@frozen(kw_only=True)
class StartTaskOver:
    """Throw the execution away for a new one, with `template` if given. Refused while the old one may go on."""

    task_id: str
    resolution_id: str
    requester: str = "user"
    reason: str = ""
    resolver_inputs: Mapping[str, Json] = attrs.field(factory=dict)
    template: Template | None = None
    run: bool = True


@frozen(kw_only=True)
class RejectTask:
    """Say that a task that nobody has taken on will not be done. Refused once somebody has."""

    task_id: str
    requester: str = "user"
    reason: str = ""


@frozen(kw_only=True)
class EditTaskSteps:
    """Rewrite steps of a task that is held. The client has checked them; `edits` is the task's count when it looked."""

    task_id: str
    edits: int
    steps: Mapping[str, EditedStep]
    removed: tuple[str, ...] = ()
    functions: Mapping[str, Function] = attrs.field(factory=dict)
    requester: str = "user"
    reason: str = ""


@frozen(kw_only=True)
class SetStepState:
    """Put a step of a task that is held in another state: a builtin one, or one of its custom states."""

    task_id: str
    step: str
    state: str
    requester: str = "user"
    reason: str = ""


@frozen(kw_only=True)
class EditTaskInputs:
    """Rewrite what a task, held or not taken on yet, was submitted with. The client has checked and rendered it."""

    task_id: str
    edits: int
    inputs: Mapping[str, Json]
    title: str
    tags: Mapping[Name, TagText]
    watcher_usernames: tuple[Name, ...] = ()
    watcher_groups: tuple[Name, ...] = ()
    requester: str = "user"
    reason: str = ""


@frozen(kw_only=True)
class EditResolverInputs:
    """Rewrite what the resolver of a task that is held gave."""

    task_id: str
    resolver_inputs: Mapping[str, Json]
    requester: str = "user"
    reason: str = ""


@frozen(kw_only=True)
class TagTask:
    """Change tags of the task, whatever state it is in; an empty text deletes one. Others stay."""

    task_id: str
    tags: Mapping[Name, TagText]
    requester: str = "user"
    reason: str = ""


@frozen(kw_only=True)
class AddComment:
    """Comment on the task, under an id of its own."""

    task_id: str
    comment_id: Name
    username: Name
    content: str


@frozen(kw_only=True)
class EditComment:
    """Rewrite a comment."""

    task_id: str
    comment_id: str
    content: str


@frozen(kw_only=True)
class DeleteComment:
    """Delete a comment."""

    task_id: str
    comment_id: str


@frozen(kw_only=True)
class SubmitTasks:
    """Take several tasks on in one commit, or none. Those that are there already, submitted the same, stay as they are."""

    tasks: tuple[SubmitTask, ...]


@frozen(kw_only=True)
class DeleteTask:
    """Delete the task and all its records. Refused while it runs, and while it is BLOCKED."""

    task_id: str


@frozen(kw_only=True)
class CallCallback:
    """Call a callback of the task from outside. Taken once, from whoever knows its secret, if the body fits."""

    task_id: str
    callback_id: str
    secret: str = attrs.field(repr=False)
    body: Json = None


@frozen(kw_only=True)
class GetTask:
    """Read a task. Answered with it as it is (`runtime.engine.task.Task`), so that whoever asks pays for the view."""

    task_id: str


@frozen(kw_only=True)
class TaskStateChanged:
    """A task, or its resolution, is in another state."""

    position: int
    at: float
    task_id: str
    state: TaskState
    resolution: ResolutionState
    run: int
    next_retry: float | None = None


@frozen(kw_only=True)
class StepStateChanged:
    """A step is in another state."""

    position: int
    at: float
    task_id: str
    step: str
    state: str
    error: str = ""
    tries: int = 0


@frozen(kw_only=True)
class Recorded:
    """Something else was stored of a task or a flow; `what` names it, such as ``comment_added``. Read it to see more."""

    position: int
    at: float
    task_id: str
    what: str


@frozen(kw_only=True)
class Forgotten:
    """The last `missing` events up to `position` told of tasks that were deleted since: they are told no more."""

    position: int
    missing: int


@frozen(kw_only=True)
class StepProgressed:
    """A running attempt says how far it is: `done` from 0 to 1 where it is known. Told to who listens, never stored."""

    at: float
    task_id: str
    step: str
    attempt: int
    done: float | None = None
    message: str = ""


@frozen(kw_only=True)
class Lagged:
    """The subscriber was too slow: `missed` events were dropped here. Read the task to catch up."""

    missed: int


Operation: TypeAlias = (
    PauseTask
    | ExtendTask
    | StartTaskOver
    | RejectTask
    | CancelTask
    | InterruptStep
    | EditTaskSteps
    | SetStepState
    | EditTaskInputs
    | EditResolverInputs
    | TagTask
    | AddComment
    | EditComment
    | DeleteComment
)
"""What operators do to a task (section 7.8)."""

Command: TypeAlias = SubmitTask | SubmitTasks | DeleteTask | ResolveTask | RunTask | CallCallback | Operation
Query: TypeAlias = GetTask
UnitEvent: TypeAlias = TaskStateChanged | StepStateChanged | FlowEvent | Recorded
"""What happened to a task or a flow. Whatever is stored of them is one of these, so their positions have no gaps."""

StoredEvent: TypeAlias = UnitEvent | Forgotten
"""An event that has a position."""

Event: TypeAlias = StoredEvent | StepProgressed | Lagged
