"""The commands: what users may ask to be done, as they say it in Python, on the command line and over the wire.

Who asks is never part of a command: it is known by other means (`runtime.engine.rights.Identity`), and cannot be claimed.
What each of them takes is said in its fields, who may say it in `runtime.api.access`, and every one is answered once
what it did is stored, or refused without a trace.
"""

from collections.abc import Mapping
from typing import TypeAlias

from runtime.api.fields import name, names, said
from runtime.api.flow_commands import FlowCommand
from runtime.frozen import frozen
from runtime.lengths import LONGEST_NAME, LONGEST_TAG
from runtime.values.json import Json

_TASK = "The id of the task."
_REASON = "Why; it is kept with what was done."
_WATCHERS = "Who may look at the task, besides its requester and its resolvers: usernames."
_WATCHER_GROUPS = "Who may look at the task: groups."
_TAGS = "Tags of the task. They are kept as they are, and never rendered."
_INPUTS = "The values of the template's inputs, by name."
_RESOLVER_INPUTS = "The values of the inputs that the template asks of whoever resolves the task."


@frozen(kw_only=True)
class SubmitTask:
    """Take a task on. Answered with the task.

    Where the template and the rights of who asks allow it, it is resolved and started at once; else it waits for
    somebody who resolves it. `task_id` is the idempotency key: the same submission again gives the same task.
    """

    template: str = name("The name of the template.")
    inputs: Mapping[str, Json] = said(_INPUTS, default=dict)
    task_id: str = said(
        "The id of the task; without one, it gets a new one.", default="", maxLength=LONGEST_NAME, pattern="^[^/]*$"
    )
    comment: str = said("The first comment on the task, however short.", default="", maxLength=100_000)
    tags: Mapping[str, str] = said(_TAGS, default=dict, maxLength=LONGEST_TAG)
    delay: float = said(
        "How many seconds it starts later; as long as nobody has taken it on, it is TODO.",
        default=0.0,
        minimum=0,
        maximum=10 * 365 * 86_400,
    )
    watcher_usernames: tuple[str, ...] = names(_WATCHERS)
    watcher_groups: tuple[str, ...] = names(_WATCHER_GROUPS)
    resolver_usernames: tuple[str, ...] = names("Who may resolve it, besides those whom its template names.")
    resolver_groups: tuple[str, ...] = names("The groups who may resolve it, besides those that its template names.")


@frozen(kw_only=True)
class SubmitBatch:
    """Take several tasks of one template on, all or none. Answered with the id of the batch and those of the tasks.

    `batch_id` is the idempotency key, as the id of a task is that of `submit_task`.
    """

    template: str = name("The name of the template.")
    inputs: tuple[Mapping[str, Json], ...] = said("The inputs of each task.", minItems=1, maxItems=10_000)
    common_inputs: Mapping[str, Json] = said("Inputs of every task; none of them may set one again.", default=dict)
    batch_id: str = name("The id of the batch; without one, it gets a new one.", default="")
    comment: str = said("The first comment on each task.", default="", maxLength=100_000)
    tags: Mapping[str, str] = said(_TAGS, default=dict, maxLength=LONGEST_TAG)
    watcher_usernames: tuple[str, ...] = names(_WATCHERS)
    watcher_groups: tuple[str, ...] = names(_WATCHER_GROUPS)


@frozen(kw_only=True)
class ResolveTask:
    """Take on a task that waits for somebody to: its execution is set up in the name of who asks. Answered with the task."""

    task_id: str = name(_TASK)
    resolver_inputs: Mapping[str, Json] = said(_RESOLVER_INPUTS, default=dict)
    run: bool = said("Whether it is started, too.", default=True)


@frozen(kw_only=True)
class StartTaskOver:
    """Throw the execution of a task away for a new one. Only one that is paused, cancelled or BLOCKED_BADREQUEST."""

    task_id: str = name(_TASK)
    resolver_inputs: Mapping[str, Json] = said(_RESOLVER_INPUTS, default=dict)
    reason: str = said(_REASON, default="", maxLength=1000)
    run: bool = said("Whether it is started, too.", default=True)


@frozen(kw_only=True)
class RunTask:
    """Start a run now: of a task that is paused or blocked, or whatever it waits for."""

    task_id: str = name(_TASK)


@frozen(kw_only=True)
class PauseTask:
    """Hold a task: nothing starts until it is run again. What is in flight ends by itself."""

    task_id: str = name(_TASK)
    reason: str = said(_REASON, default="", maxLength=1000)
    force: bool = said("Even while it runs, or when it is over; for administrators.", default=False)


@frozen(kw_only=True)
class CancelTask:
    """Stop a task for good: its running steps are cut."""

    task_id: str = name(_TASK)
    reason: str = said(_REASON, default="", maxLength=1000)


@frozen(kw_only=True)
class InterruptStep:
    """Cut the attempt of a step that is running, because it hangs, say: it has failed then, and its retries go on.

    That is somebody's word: a step that is not `idempotent` is tried again, too. What the attempt comes to before it
    is cut counts in place of that. Asked for again, it changes nothing.
    """

    task_id: str = name(_TASK)
    step: str = name("The name of the step, or of a child of a loop.")
    reason: str = said(_REASON, default="", maxLength=1000)
    attempt: int = said("The number of the attempt that is meant; 0: whichever is running.", default=0, minimum=0)
    retry: bool = said("Whether it is tried again; else it is FATAL_ERROR.", default=True)


@frozen(kw_only=True)
class ExtendTask:
    """Grant more runs to a task that has used up its own."""

    task_id: str = name(_TASK)
    reason: str = said(_REASON, default="", maxLength=1000)


@frozen(kw_only=True)
class RejectTask:
    """Say that a task, which nobody has taken on, will not be done: it is WONTFIX."""

    task_id: str = name(_TASK)
    reason: str = said(_REASON, default="", maxLength=1000)


@frozen(kw_only=True)
class EditTaskInputs:
    """Rewrite what a task was submitted with: one that is paused, or not taken on yet. What is left out is emptied.

    The mask that stands for a password keeps the stored one.
    """

    task_id: str = name(_TASK)
    inputs: Mapping[str, Json] = said(_INPUTS)
    tags: Mapping[str, str] = said(_TAGS, default=dict, maxLength=LONGEST_TAG)
    watcher_usernames: tuple[str, ...] = names(_WATCHERS)
    watcher_groups: tuple[str, ...] = names(_WATCHER_GROUPS)
    reason: str = said(_REASON, default="", maxLength=1000)


@frozen(kw_only=True)
class EditResolverInputs:
    """Rewrite what whoever resolved a task gave. It has to be paused."""

    task_id: str = name(_TASK)
    resolver_inputs: Mapping[str, Json] = said(_RESOLVER_INPUTS)
    reason: str = said(_REASON, default="", maxLength=1000)


@frozen(kw_only=True)
class EditTaskSteps:
    """Rewrite steps of a task that is paused."""

    task_id: str = name(_TASK)
    steps: Mapping[str, Json] = said(
        "The steps, each as a template would write it, with its `state`; null removes one."
    )
    replace: bool = said("Whether steps that are not named are removed; else they stay as they are.", default=False)
    reason: str = said(_REASON, default="", maxLength=1000)


@frozen(kw_only=True)
class SetStepState:
    """Put a step of a task that is paused in another state."""

    task_id: str = name(_TASK)
    step: str = name("The name of the step.")
    state: str = name("A state of steps, or one of its own.")
    reason: str = said(_REASON, default="", maxLength=1000)


@frozen(kw_only=True)
class TagTask:
    """Change tags of a task, whatever state it is in. Others stay. Answered with the task."""

    task_id: str = name(_TASK)
    tags: Mapping[str, str] = said("The tags; an empty text takes one away.", maxLength=LONGEST_TAG)
    reason: str = said(_REASON, default="", maxLength=1000)


@frozen(kw_only=True)
class DeleteTask:
    """Delete a task and all that is known of it, unless it is RUNNING or BLOCKED."""

    task_id: str = name(_TASK)


@frozen(kw_only=True)
class AddComment:
    """Comment on a task. Answered with the comment."""

    task_id: str = name(_TASK)
    content: str = said("The comment.", minLength=3, maxLength=100_000)


@frozen(kw_only=True)
class EditComment:
    """Rewrite a comment. Answered with it."""

    task_id: str = name(_TASK)
    comment_id: str = name("The id of the comment.")
    content: str = said("What it says from now on.", minLength=3, maxLength=100_000)


@frozen(kw_only=True)
class DeleteComment:
    """Delete a comment."""

    task_id: str = name(_TASK)
    comment_id: str = name("The id of the comment.")


@frozen(kw_only=True)
class RotateKeys:
    """Seal all that is stored with the primary key of the key ring, while tasks go on. Answered with the number of rows."""


@frozen(kw_only=True)
class CallCallback:
    """Call a callback that a step opened. Taken once, from whoever knows its secret, if the body fits."""

    callback_id: str = name("The id of the callback.")
    secret: str = name("The secret that came with the id.", shown=False)
    body: Json = said("What the callback is called with.", default=None)


Command: TypeAlias = (
    SubmitTask
    | SubmitBatch
    | ResolveTask
    | StartTaskOver
    | RunTask
    | PauseTask
    | CancelTask
    | InterruptStep
    | ExtendTask
    | RejectTask
    | EditTaskInputs
    | EditResolverInputs
    | EditTaskSteps
    | SetStepState
    | TagTask
    | DeleteTask
    | AddComment
    | EditComment
    | DeleteComment
    | CallCallback
    | RotateKeys
    | FlowCommand
)
