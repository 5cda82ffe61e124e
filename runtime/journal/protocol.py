"""What a journal is asked to do. Its laws are tests that every implementation passes."""

from collections.abc import Sequence
from typing import Final, Protocol, TypeAlias

import attrs

from runtime.engine.records import Record as TaskRecord
from runtime.engine.states import ResolutionState
from runtime.engine.task import Task
from runtime.errors import Refused, Unavailable
from runtime.flow.flow import Flow
from runtime.flow.records import Record as FlowRecord
from runtime.flow.states import FlowStatus

Record: TypeAlias = TaskRecord | FlowRecord
"""What is stored: of tasks, and of flows. An id belongs to one of them, and its first record says to which."""

PAGE: Final = 256
"""How many tasks a journal gives at a time, unless it is asked for another number."""


class JournalUnavailable(Unavailable):
    """The journal cannot store or read: nothing was acknowledged, nothing was lost."""


class StoreUnusable(Refused):
    """A store cannot be opened, or not like this; the text says what to do."""


@attrs.frozen
class Standing:
    """What a journal knows of a task without reading its records.

    `awake`: a run is open or attempts are in flight, so that somebody has to go on with it. `due`: when a task that
    sleeps wants its next run, in Unix seconds. `run` is the number of its last one.
    """

    state: ResolutionState
    awake: bool = False
    due: float | None = None
    run: int = 0


def standing_of(task: Task | Flow) -> Standing:
    """Say where a task or a flow stands."""
    awake = not task.idle
    if isinstance(task, Flow):
        return Standing(_standing_state(task), awake, None if awake else task.next_due)
    return Standing(task.resolution, awake, None if awake else task.next_retry, task.run)


def _standing_state(flow: Flow) -> ResolutionState:
    """Give the state of a task that stands where a flow does: DONE and CANCELLED mean that nothing follows."""
    match flow.status.status:
        case FlowStatus.SUCCESS:
            return ResolutionState.DONE
        case FlowStatus.CANCELLED:
            return ResolutionState.CANCELLED if flow.ended else ResolutionState.RUNNING
        case FlowStatus.PENDING:
            return ResolutionState.TODO
        case FlowStatus.ERROR:
            return ResolutionState.BLOCKED_FATAL
        case _:
            return ResolutionState.WAITING if flow.idle else ResolutionState.RUNNING


@attrs.frozen
class Entry:
    """The records of one task in one commit, in order. `standing`: where they leave the task, if that changed.

    The first entry of a task begins with its `TaskSubmitted` (of a flow, its `FlowCreated`) and says where it stands.
    """

    task_id: str
    records: Sequence[Record]
    standing: Standing | None = None


@attrs.frozen
class Stored:
    """A task as a journal lists it. `number` counts tasks in the order they were submitted."""

    number: int
    task_id: str
    standing: Standing


class Journal(Protocol):
    """An append-only store of records, and of where each task stands."""

    async def append(self, entries: Sequence[Entry]) -> int:
        """Commit all records of all entries, or none. Gives the position of the first one.

        Positions count records from 1, without gaps, over the whole journal, in the order of commits. Cancelling the
        call leaves either all of them stored or none; what is read afterwards says which.

        Raises:
            JournalUnavailable: nothing was stored.
        """
        ...

    async def read(self, task_id: str) -> Sequence[Record]:
        """Give the records of one task, in order; none for a task it does not know."""
        ...

    async def tasks(self, *, after: int = 0, limit: int = PAGE) -> Sequence[Stored]:
        """List the tasks that were submitted after the one of number `after`, in that order, up to `limit`."""
        ...

    async def awake(self, *, after: int = 0, limit: int = PAGE) -> Sequence[Stored]:
        """List as `tasks` does, only those that somebody has to go on with."""
        ...

    async def due(self, until: float, *, after: tuple[float, int] = (0.0, 0), limit: int = PAGE) -> Sequence[Stored]:
        """List the tasks due up to `until`, the first to be due first, and in the order they were submitted.

        `after` is the due time and the number of the last one that was given before.
        """
        ...

    async def next_due(self, after: float) -> float | None:
        """Say when the first task is due after that time, if there is one."""
        ...

    async def collect(self, ended_before: float, *, limit: int = PAGE) -> int:
        """Delete up to `limit` tasks that are DONE or CANCELLED since before that time; say how many."""
        ...

    async def close(self) -> None:
        """Let go of everything; later calls raise `JournalUnavailable`."""
        ...
