"""What the runtime's own actors say to each other, besides the public messages and the engine's events."""

from typing import Any

from actors import Question
from runtime.engine.records import ChildOrder
from runtime.frozen import frozen, value
from runtime.journal.protocol import Stored
from runtime.wishes import SpawnedTask


@value
class WakeTask:
    """The retry timer of a task fired: its run number `run` is over, and the delay after it too."""

    task_id: str
    run: int


@frozen
class AdmitRun:
    """There is a slot for the run that a task is in line for. Answered once the run is stored as begun."""

    task_id: str
    ticket: int


@frozen
class WakeTasks:
    """The journal says that these tasks are due, or that somebody left them awake. Answered once they go on."""

    tasks: tuple[Stored, ...]


@frozen
class LookAtHeld:
    """Something may be held that nobody goes on with: let others have it. Answered once that is so."""


@frozen
class TurnMoved:
    """Among the flows of an owner it may be the turn of another one."""

    owner: str


@frozen
class GiveTurn:
    """Of the flows of its owner, this one is to run."""

    task_id: str


@frozen
class NewerFlow:
    """There is a newer flow of the same owner."""

    task_id: str
    newer: str


@frozen
class Forward:
    """The task that a message is about is held by the instance of that number: it is to be told. `question`: who waits."""

    instance: int
    message: Any
    question: Question[Any] | None

    @property
    def wanted(self) -> bool:
        """Whether it still has to be told: of a question, whether somebody still waits."""
        return self.question is None or self.question.open

    def refuse(self, error: Exception) -> None:
        """Let who waits know that nothing was done, or that nobody knows. Sync."""
        if self.question is not None:
            self.question.refuse(error)


@frozen
class LookAtMail:
    """There may be letters from other instances."""


@frozen
class LookAtAgenda:
    """A sleeping task may be due."""


@frozen
class CollectionDue:
    """Tasks may have ended long enough ago to be deleted."""


@frozen(kw_only=True)
class SubmitBatch:
    """Take these children of a task on, all in one commit; those that are there already are left alone.

    Answered with the `SpawnedTask` of each that could not be taken on.
    """

    parent: str
    batch: str
    requester: str
    requester_groups: tuple[str, ...]
    orders: tuple[ChildOrder, ...]


@frozen(kw_only=True)
class GiveUp:
    """Cancel a task or a flow that nobody waits for any more, and all that it has started. Refused once it has ended."""

    task_id: str
    by: str
    reason: str


@frozen(kw_only=True)
class ChildCameToRest:
    """A task tells the one that wished for it, `task_id`, what it came to."""

    task_id: str
    batch: str
    child: SpawnedTask
