"""What the desk answers; `showing` makes JSON of it."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from runtime.api.flow_desk import FlowAnswer
from runtime.api.standstill import Whereabouts
from runtime.engine.task import Comment, Task
from runtime.frozen import frozen
from runtime.journal.protocol import Listed
from runtime.templates.model import Function, Template

ALWAYS_COUNTED: Final = ("TODO", "BLOCKED", "RUNNING", "WONTFIX", "DONE", "CANCELLED")
"""The states that statistics show even where no task is in them."""


@frozen
class SeenTask:
    """A task, and how much of it is for who asked: all of its execution, its passwords.

    `around` is what the runtime knows of it besides, such as who goes on with it.
    """

    task: Task
    manages: bool
    administers: bool
    around: Whereabouts


@frozen
class TaskPage:
    """Tasks of a list; `cursor` is where the next page begins, if there may be one."""

    tasks: Sequence[Listed]
    cursor: str = ""


@frozen
class TemplatePage:
    """Templates of a list."""

    templates: Sequence[Template]
    cursor: str = ""


@frozen
class FunctionPage:
    """Functions of a list."""

    functions: Sequence[Function]
    cursor: str = ""


@frozen
class Comments:
    """The comments on a task, oldest first."""

    comments: Sequence[Comment]


@frozen
class Statistics:
    """How many tasks are in each state, and how many seconds ago they were counted (`Tally`)."""

    task_states: Mapping[str, int]
    age: float


@frozen
class TakenBatch:
    """A batch that was taken on."""

    id: str
    tasks: tuple[str, ...]


@frozen
class Resealed:
    """What was sealed with the primary key, and was not before: so many rows."""

    rows: int


Answer: TypeAlias = (
    SeenTask
    | TaskPage
    | TemplatePage
    | FunctionPage
    | Template
    | Function
    | Comment
    | Comments
    | Statistics
    | TakenBatch
    | Resealed
    | FlowAnswer
)
