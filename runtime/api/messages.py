"""The messages: frozen values, one tagged union each for commands, queries and events.

Commands are imperative, events are facts. A command is answered once what it did is stored.
"""

from collections.abc import Mapping
from typing import TypeAlias

import attrs

from runtime.engine.states import ResolutionState, TaskState
from runtime.templates.model import Template
from runtime.values.json import Json


@attrs.frozen(kw_only=True)
class SubmitTask:
    """Take a task on. `template` is valid and `inputs` are checked: the client does that in its caller's frame.

    `task_id` is the idempotency key: the same id with the same template and inputs is the same task; with others it
    is refused. `title` and `tags` are rendered. Answered with the task's id.
    """

    task_id: str
    resolution_id: str
    template: Template
    inputs: Mapping[str, Json]
    title: str
    requester: str = ""
    resolver_inputs: Mapping[str, Json] = attrs.field(factory=dict)
    tags: Mapping[str, str] = attrs.field(factory=dict)
    run: bool = True


@attrs.frozen(kw_only=True)
class RunTask:
    """Start a run now, whatever the task waits for. Refused while it runs and once it has ended."""

    task_id: str


@attrs.frozen(kw_only=True)
class CancelTask:
    """Stop the task for good: its running steps are cut. Refused once it has ended."""

    task_id: str
    requester: str = "user"
    reason: str = "cancelled"


@attrs.frozen(kw_only=True)
class GetTask:
    """Read a task. Answered with it as it is (`runtime.engine.task.Task`), so that whoever asks pays for the view."""

    task_id: str


@attrs.frozen(kw_only=True)
class TaskStateChanged:
    """A task, or its resolution, is in another state."""

    position: int
    at: float
    task_id: str
    state: TaskState
    resolution: ResolutionState
    run: int
    next_retry: float | None = None


@attrs.frozen(kw_only=True)
class StepStateChanged:
    """A step is in another state."""

    position: int
    at: float
    task_id: str
    step: str
    state: str
    error: str = ""
    tries: int = 0


@attrs.frozen(kw_only=True)
class Lagged:
    """The subscriber was too slow: `missed` events were dropped here. Read the task to catch up."""

    missed: int


Command: TypeAlias = SubmitTask | RunTask | CancelTask
Query: TypeAlias = GetTask
TaskEvent: TypeAlias = TaskStateChanged | StepStateChanged
Event: TypeAlias = TaskEvent | Lagged
