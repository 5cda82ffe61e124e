"""The queries: what users may ask to know. Nothing is changed by any of them.

What somebody may not see does not exist for them: it is not in lists, and asked for by name it is not found.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeAlias

from runtime.api.fields import name, said
from runtime.api.flow_queries import FlowQuery
from runtime.engine.states import TaskState
from runtime.frozen import frozen

LARGEST_PAGE: Final = 10_000
_TASK = "The id of the task."
_PAGE_SIZE = "How many are given at most."
_LAST = "The last one that was given before: the next page begins behind it."


class Involvement(StrEnum):
    """Which tasks are listed: one's own (as requester or watcher), those that one may resolve, or all that one may see."""

    OWN = "own"
    RESOLVABLE = "resolvable"
    ALL = "all"


@frozen(kw_only=True)
class GetTask:
    """Read one task; what went wrong in its steps is among its errors."""

    task_id: str = name(_TASK)


@frozen(kw_only=True)
class FindTask:
    """Read the execution of a task: its steps, and where each of them stands."""

    resolution_id: str = name("The id of the execution.")


@frozen(kw_only=True)
class ListTasks:
    """List tasks, those with the newest activity first. Every filter that is given has to hold."""

    involvement: Involvement = said("Which tasks.", default=Involvement.ALL)
    state: TaskState | None = said("Only those in this state.", default=None)
    template: str = name("Only those of this template.", default="")
    batch: str = name("Only those of this batch.", default="")
    tags: Mapping[str, str] = said("Only those that have all of these tags.", default=dict, maxLength=1000)
    after: float | None = said("Only those with activity after this moment, in Unix seconds.", default=None)
    before: float | None = said("Only those without activity since this moment, in Unix seconds.", default=None)
    page_size: int = said(_PAGE_SIZE, default=1000, minimum=1, maximum=LARGEST_PAGE)
    last: str = name(_LAST, default="")


@frozen(kw_only=True)
class ListTemplates:
    """List the templates that tasks can be made from; hidden ones are listed to administrators."""

    page_size: int = said(_PAGE_SIZE, default=1000, minimum=1, maximum=LARGEST_PAGE)
    last: str = name(_LAST, default="")


@frozen(kw_only=True)
class GetTemplate:
    """Read one template. One that was removed is read, hidden and blocked, for as long as there are tasks of it."""

    name: str = name("The name of the template.")


@frozen(kw_only=True)
class ListFunctions:
    """List the functions that steps can call, by name."""

    page_size: int = said(_PAGE_SIZE, default=1000, minimum=1, maximum=LARGEST_PAGE)
    last: str = name(_LAST, default="")


@frozen(kw_only=True)
class GetFunction:
    """Read one function."""

    name: str = name("The name of the function.")


@frozen(kw_only=True)
class ListComments:
    """List the comments on a task, oldest first."""

    task_id: str = name(_TASK)


@frozen(kw_only=True)
class GetComment:
    """Read one comment on a task; one on another task is not found."""

    task_id: str = name(_TASK)
    comment_id: str = name("The id of the comment.")


@frozen(kw_only=True)
class GetStatistics:
    """Count the tasks by their state."""

    tags: Mapping[str, str] = said("Only those that have all of these tags.", default=dict, maxLength=1000)


@frozen(kw_only=True)
class Subscribe:
    """Be told what happens: what is stored already behind a position, and from then on what comes.

    It is answered with events for as long as one listens, so it is not among the messages that are sent and answered
    once: it is what a WebSocket says first, and a stream of server-sent events is asked for with.
    """

    after: int = said(
        "The position of the last event that is known; one that there never was is refused.",
        default=0,
        minimum=0,
        maximum=2**62,
    )
    task_id: str = name("Only events of this task, or of this flow; those of all are for administrators.", default="")


Query: TypeAlias = (
    GetTask
    | FindTask
    | ListTasks
    | ListTemplates
    | GetTemplate
    | ListFunctions
    | GetFunction
    | ListComments
    | GetComment
    | GetStatistics
    | FlowQuery
)
