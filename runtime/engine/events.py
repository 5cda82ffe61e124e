"""What can happen to a task. Every event carries the moment it happened at (`at`, Unix seconds)."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import attrs

from runtime.engine.records import ChildOrder, EditedStep, StepReturned
from runtime.engine.states import StepState, TaskState
from runtime.frozen import frozen, value
from runtime.templates.model import Function, Template
from runtime.values.json import Json
from runtime.wishes import AwaitCallback, OpenCallback, SpawnedTask


@value(kw_only=True)
class Change:
    """A met condition's effect on one step (`step` is a name, never ``this``)."""

    step: str
    state: str
    error: str = ""


@frozen(kw_only=True)
class OrderChildren:
    """The wish to spawn a batch, its children checked and rendered (`runtime.wishes.Spawn`)."""

    batch: str
    orders: tuple[ChildOrder, ...]
    at_most: int = 0


CheckedWish: TypeAlias = OrderChildren | OpenCallback | AwaitCallback


@value
class RunRequested:
    """Somebody asks for a run, or the task was just accepted."""

    at: float


@value
class ResolveRequested:
    """Somebody takes the task on: its execution is set up (section 7.4), and begins unless `run` is false.

    With `joins` they are one of those from then on who are named to resolve it.
    """

    at: float
    resolution_id: str
    resolver: str = ""
    resolver_inputs: Mapping[str, Json] = attrs.field(factory=dict)
    groups_of_resolver: tuple[str, ...] = ()
    run: bool = True
    joins: bool = False


@frozen(kw_only=True)
class RunAdmitted:
    """There is a slot for the run that the task waits to begin; `ticket` is what it is held by."""

    at: float
    ticket: int


@value(kw_only=True)
class RetryDue:
    """The timer of run number `run` fired; a late one carries an old number and is ignored."""

    at: float
    run: int


@value
class StepFinished:
    """One attempt of a step has ended: the only thing a step ever says, exactly once per attempt.

    `record` is what is stored of it if nothing else is said: with the state the action left (section 6.6), before
    `changes`, the effects of its conditions in order. It was not `tried` when the action was not executed (skipped, or
    only its checks were asked again). `wishes` are what the action wants of the runtime.
    """

    record: StepReturned
    attempt: int
    tags: Mapping[str, str] = attrs.field(factory=dict)
    changes: tuple[Change, ...] = ()
    wishes: tuple[CheckedWish, ...] = ()

    @property
    def at(self) -> float:
        """When it ended."""
        return self.record.at

    @property
    def step(self) -> str:
        """The step."""
        return self.record.step

    @property
    def state(self) -> str:
        """The state the action left."""
        return self.record.state

    @property
    def error(self) -> str:
        """What was wrong, or ""."""
        return self.record.error

    @property
    def output(self) -> Json:
        """What the action gave."""
        return self.record.output

    @property
    def metadata(self) -> Json:
        """What it said beside that."""
        return self.record.metadata

    def failed(self, state: StepState, error: str) -> "StepFinished":
        """Give the same, but for its state and its error."""
        return attrs.evolve(self, record=attrs.evolve(self.record, state=state, returned=state, error=error))

    def with_output(self, output: Json) -> "StepFinished":
        """Give the same, but for its output."""
        return attrs.evolve(self, record=attrs.evolve(self.record, output=output))

    def later(self, at: float, **more: Any) -> "StepFinished":
        """Give the same with more in it, which was known then."""
        return attrs.evolve(self, record=attrs.evolve(self.record, at=at), **more)


@frozen(kw_only=True)
class LoopUnrolled:
    """The items of a loop are known: the report of a loop's own attempt, in place of `StepFinished`."""

    at: float
    step: str
    attempt: int
    items: tuple[Json, ...]


@frozen(kw_only=True)
class StepCut:
    """An attempt was ended from outside, or died without a report: what it did is not known."""

    at: float
    step: str
    attempt: int
    requester: str
    reason: str


@frozen(kw_only=True)
class ChildrenSubmitted:
    """The children of a batch that were last handed over (`SubmitChildren`) are stored, all but the `refused` ones."""

    at: float
    batch: str
    refused: tuple[SpawnedTask, ...] = ()


@frozen(kw_only=True)
class SubmissionLost:
    """Handing children over was cut short: nothing is known, and it is done again when the task is resumed."""

    at: float
    batch: str


@frozen(kw_only=True)
class ChildReported:
    """A child tells that it ended or is blocked. It may do so again, and late."""

    at: float
    batch: str
    child: SpawnedTask


@frozen(kw_only=True)
class ParentHeard:
    """The parent has recorded what this task came to at the end of that run; `heard` is false when telling was cut."""

    at: float
    run: int
    state: TaskState
    heard: bool = True


@frozen(kw_only=True)
class ChildHeard:
    """A child has taken its cancel, or there was nothing to cancel; `heard` is false when telling it was cut."""

    at: float
    child: str
    heard: bool = True


@frozen(kw_only=True)
class CallbackCalled:
    """Somebody outside calls a callback of the task."""

    at: float
    callback: str
    secret: str = attrs.field(repr=False)
    body: Json = None


@frozen(kw_only=True)
class ResultRendered:
    """The result of a task whose steps are all settled; `error` where a part of it could not be rendered."""

    at: float
    result: Json
    error: str = ""


@frozen(kw_only=True)
class PauseRequested:
    """Somebody wants to hold the task, even while it runs with `force`."""

    at: float
    requester: str
    reason: str
    force: bool = False


@frozen(kw_only=True)
class ExtendRequested:
    """Somebody grants more runs to a task that has used up its own."""

    at: float
    requester: str
    reason: str


@frozen(kw_only=True)
class StartOverRequested:
    """Somebody wants a new execution in the place of the old one; `template` is what its template has become, if known."""

    at: float
    requester: str
    reason: str
    resolution_id: str
    resolver_inputs: Mapping[str, Json] = attrs.field(factory=dict)
    template: Template | None = None
    run: bool = True


@frozen(kw_only=True)
class InterruptRequested:
    """Somebody wants the attempt of a step cut that is in flight; with an `attempt` above 0 that one, and no other.

    It has failed then, and is tried again as the step says, or not, without `retry`.
    """

    at: float
    requester: str
    reason: str
    step: str
    attempt: int = 0
    retry: bool = True


@frozen(kw_only=True)
class EditSteps:
    """Somebody rewrites steps of a task that is held. `edits` is how often it was edited when they looked."""

    at: float
    requester: str
    reason: str
    edits: int
    steps: Mapping[str, EditedStep]
    removed: tuple[str, ...] = ()
    functions: Mapping[str, Function] = attrs.field(factory=dict)


@frozen(kw_only=True)
class EditStepState:
    """Somebody puts a step of a task that is held in another state."""

    at: float
    requester: str
    reason: str
    step: str
    state: str


@frozen(kw_only=True)
class EditTask:
    """Somebody rewrites what a task, held or not taken on yet, was submitted with."""

    at: float
    requester: str
    reason: str
    edits: int
    inputs: Mapping[str, Json]
    title: str
    tags: Mapping[str, str]
    watcher_usernames: tuple[str, ...] = ()
    watcher_groups: tuple[str, ...] = ()


@frozen(kw_only=True)
class EditResolverInputs:
    """Somebody rewrites what the resolver of a task that is held gave."""

    at: float
    requester: str
    reason: str
    resolver_inputs: Mapping[str, Json]


@frozen(kw_only=True)
class RejectRequested:
    """Somebody says that the task, which nobody has taken on, will not be done."""

    at: float
    requester: str
    reason: str


@frozen(kw_only=True)
class CancelRequested:
    """Somebody wants the task to stop for good; with `children` what its steps have started, too."""

    at: float
    requester: str
    reason: str
    children: bool = False


@frozen(kw_only=True)
class DrainBegan:
    """The runtime is shutting down: what runs may finish, nothing new starts."""

    at: float
    requester: str
    reason: str


@frozen(kw_only=True)
class Resumed:
    """The task was rebuilt from its records: attempts that were in flight are lost, effects not known to be done."""

    at: float
    reason: str


@frozen(kw_only=True)
class AddComment:
    """Somebody comments on the task."""

    at: float
    comment_id: str
    username: str
    content: str


@frozen(kw_only=True)
class EditComment:
    """Somebody rewrites a comment."""

    at: float
    comment_id: str
    content: str


@frozen(kw_only=True)
class DeleteComment:
    """Somebody deletes a comment."""

    at: float
    comment_id: str


@frozen(kw_only=True)
class ChangeTags:
    """Somebody changes tags of the task, whatever state it is in; an empty text deletes one."""

    at: float
    tags: Mapping[str, str]
    requester: str = "user"
    reason: str = ""


Operation: TypeAlias = (
    AddComment
    | EditComment
    | DeleteComment
    | PauseRequested
    | ExtendRequested
    | StartOverRequested
    | RejectRequested
    | CancelRequested
    | InterruptRequested
    | EditSteps
    | EditStepState
    | EditTask
    | EditResolverInputs
    | ChangeTags
)
"""What operators do to a task (section 7.8)."""

Event: TypeAlias = (
    RunRequested
    | ResolveRequested
    | RetryDue
    | RunAdmitted
    | StepFinished
    | LoopUnrolled
    | StepCut
    | ChildrenSubmitted
    | SubmissionLost
    | ChildReported
    | ParentHeard
    | ChildHeard
    | CallbackCalled
    | ResultRendered
    | Operation
    | DrainBegan
    | Resumed
)
