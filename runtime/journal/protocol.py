"""What a journal is asked to do. Its laws are tests that every implementation passes."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, Protocol, TypeAlias

import attrs

from runtime.cache import Shelf
from runtime.engine.records import Record as TaskRecord
from runtime.engine.records import TaskSubmitted
from runtime.engine.states import ResolutionState, TaskState, task_state_of
from runtime.engine.task import Task
from runtime.errors import Refused, Unavailable
from runtime.flow.flow import Flow
from runtime.flow.records import FlowCreated
from runtime.flow.records import Record as FlowRecord
from runtime.flow.states import FlowStatus
from runtime.frozen import frozen, value
from runtime.journal.listing import Count, Listing, Wanted, listing_of, listing_of_flow

Record: TypeAlias = TaskRecord | FlowRecord
"""What is stored: of tasks, and of flows. An id belongs to one of them, and its first record says to which."""

MOST_TURNS_TOGETHER: Final = 32
"""Of how many turns a history is at most that is read together with others."""

MOST_BYTES_TOGETHER: Final = 16 * 1024
"""How large each of those is at most, encoded: so that a page of histories is no more than memory is there for."""

KEYS_VARIABLE: Final = "UNDERSTUDY_KEYS"
"""The variable of the environment that may hold the keys of a store (`runtime.journal.keys`)."""

PAGE: Final = 256
"""How many tasks a journal gives at a time, unless it is asked for another number."""


class JournalUnavailable(Unavailable):
    """The journal cannot store or read: nothing was acknowledged, nothing was lost."""


class TaskUnreadable(JournalUnavailable):
    """What is stored of one task cannot be read, now or later; of others it may be."""


class LeaseLost(JournalUnavailable):
    """This instance was silent for so long that others may have taken its tasks over: it must not go on with them."""


class NotHeld(LeaseLost):
    """Another instance has taken a task over, or may have: nothing of this was stored."""


class CommitsLost(LeaseLost):
    """The store lacks what it had acknowledged: this instance must forget what it knows, and begin anew with what is there."""


class AlreadyStored(Refused):
    """First entries were to be stored of tasks that have been there before: nothing was stored. `task_ids` names them."""

    def __init__(self, task_ids: Iterable[str]) -> None:
        self.task_ids = frozenset(task_ids)
        super().__init__(f"these were stored before: {', '.join(sorted(self.task_ids))}")


class StoreUnusable(Refused):
    """A store cannot be opened, or not like this; the text says what to do."""


def _of_resolution(standing: "Standing") -> TaskState:
    return task_state_of(standing.state)


@frozen
class Trouble:
    """Nothing could be stored when something last was to be. `number` counts how often that was so since it was opened."""

    number: int
    reason: str


@value
class Standing:
    """What a journal knows of a task without reading its records.

    `awake`: a run is open or in line for its slots, or attempts are in flight, so that somebody has to go on with it.
    `due`: when a task that sleeps wants its next run, in Unix seconds. `run` is the number of its last one. `task` is
    the state that is shown. `steps_done` counts the steps that are settled: as of the last time that anything else here
    changed.
    """

    state: ResolutionState
    awake: bool = False
    due: float | None = None
    run: int = 0
    task: TaskState = attrs.field(default=attrs.Factory(_of_resolution, takes_self=True))
    steps_done: int = attrs.field(default=0, eq=False)


def standing_of(task: Task | Flow) -> Standing:
    """Say where a task or a flow stands. Costs as many look-ups as loops are expanded."""
    if isinstance(task, Task):
        awake = task.live > 0 or not task.idle or task.in_line
        due = None if awake else task.course.next_retry
        return _standing(task.resolution, awake, due, task.run, task.state, task.steps_done)
    due = task.next_due if task.idle and not task.put_down else None
    return Standing(_standing_state(task), task.awake, due, task=STATES_OF_FLOWS[FlowStatus(task.status.status)])


_standing: Final = lru_cache(256)(Standing)
"""Most tasks stand where others stand: they share what says so."""


_RUNNING: Final = ResolutionState.RUNNING  # on the names of members: `runtime.engine.states`


def goes_on(was: Task, now: Task) -> bool:
    """Say whether all that happened to a task is that its run goes on: it stands where it stood, and is listed as it was."""
    return (
        now.course is was.course  # as long as it is, neither the resolution nor the run is another
        and now.resolution is _RUNNING
        and now.notes is was.notes
        and now.header is was.header
        and now.plan is was.plan
    )


STATES_OF_FLOWS: Final[Mapping[FlowStatus, TaskState]] = {
    FlowStatus.PENDING: TaskState.TODO,
    FlowStatus.IN_PROGRESS: TaskState.RUNNING,
    FlowStatus.RETRYING: TaskState.RUNNING,
    FlowStatus.APPROVAL_AWAITING: TaskState.WAITING,
    FlowStatus.ERROR: TaskState.BLOCKED,
    FlowStatus.FAILED_PENDING_RETRY: TaskState.DELAYED,
    FlowStatus.SUCCESS: TaskState.DONE,
    FlowStatus.CANCELLED: TaskState.CANCELLED,
}
"""The state that lists keep for the status of a flow. (None is stored while it is ``retrying``.)"""


def _standing_state(flow: Flow) -> ResolutionState:
    """Give the state of a task that stands where a flow does: DONE and CANCELLED mean that nothing follows."""
    match flow.status.status:
        case FlowStatus.SUCCESS:
            return ResolutionState.DONE
        case FlowStatus.CANCELLED:
            return ResolutionState.CANCELLED if flow.ended else ResolutionState.RUNNING
        case FlowStatus.PENDING:
            return ResolutionState.TODO
        case FlowStatus.ERROR if flow.told:
            return ResolutionState.CANCELLED  # the step that ran it has heard: what follows is that one's affair
        case FlowStatus.ERROR | FlowStatus.FAILED_PENDING_RETRY:
            return ResolutionState.BLOCKED_FATAL
        case _:
            return ResolutionState.WAITING if flow.idle else ResolutionState.RUNNING


_FIRST: Final = (TaskSubmitted, FlowCreated)  # an `|` would be worked out for every turn


@value
class Entry:
    """The records of one task in one commit, in order.

    `standing`: where they leave the task; `listing`: what lists show of it; if that changed. What changes its listing
    says where it stands, too. The first entry of a task begins with its `TaskSubmitted` (of a flow, its `FlowCreated`)
    and says where it stands; its listing is that of the submission if it says no other.
    """

    task_id: str
    records: Sequence[Record]
    standing: Standing | None = None
    listing: Listing | None = None

    @property
    def begins(self) -> bool:
        """Whether it is the first one of its task or its flow."""
        return isinstance(self.records[0], _FIRST)


def entry_of(task: Task | Flow, records: Sequence[Record]) -> Entry:
    """Give the first entry of a task or a flow: `records` are all that it has."""
    listing = listing_of(task) if isinstance(task, Task) else listing_of_flow(task)
    return Entry(task.header.task_id, records, standing_of(task), listing)


@value
class Stored:
    """A task as a journal lists it. `number` counts tasks in the order they were submitted."""

    number: int
    task_id: str
    standing: Standing


@frozen
class Listed:
    """A task as it is listed. `changed`: when its standing or its listing last did, in Unix seconds."""

    number: int
    task_id: str
    standing: Standing
    changed: float
    listing: Listing

    @property
    def place(self) -> "Place":
        """Where it is in the order of lists."""
        return self.changed, self.number


Place: TypeAlias = tuple[float, int]


@frozen
class LaterRecord:
    """A record that a later version of this program wrote: when, and what it calls it."""

    at: float
    tag: str


@frozen
class Committed:
    """The records that one task stored in one commit; the first of them has this position.

    `later`: instead of them, if this version does not know all of them: what it can say of each.
    """

    position: int
    task_id: str
    records: Sequence[Record]
    later: Sequence[LaterRecord] = ()

    @property
    def last(self) -> int:
        """The position of the last of them."""
        return self.position + len(self.records or self.later) - 1


class Journal(Shelf, Protocol):
    """An append-only store of records, of where each task stands, and of what steps remember for each other.

    What is remembered is not part of any task: it outlives them, and is deleted once it is worth nothing any more.
    """

    async def append(self, entries: Sequence[Entry]) -> int:
        """Commit all records of all entries, or none. Gives the position of the first one.

        Positions count records from 1, without gaps, over the whole journal, in the order of commits: whoever has read
        up to one has read all that there ever will be up to there. Each is that of an event, too (`runtime.work.news`).
        Cancelling the call leaves either all of them stored or none; what is read afterwards says which.

        Raises:
            AlreadyStored: some of the entries are first ones of tasks that it has; nothing was stored.
            JournalUnavailable: nothing was stored.
        """
        ...

    async def read(self, task_id: str) -> Sequence[Record]:
        """Give the records of one task, in order; none for a task it does not know."""
        ...

    async def histories(self, task_ids: Sequence[str]) -> Mapping[str, Sequence[Record]]:
        """Give the records of several tasks, each in order: those of a page with one look.

        Left out are tasks that it does not know, and those with a history so long, or so large, that it is for `read`.
        """
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

    async def find(self, wanted: Wanted, *, before: Place | None = None, limit: int = PAGE) -> Sequence[Listed]:
        """List those that are wanted, the one with the newest change first; of two at once, the one submitted last.

        Those behind `before`, the place of the last one that was given, follow it.
        """
        ...

    async def look_up(self, task_id: str) -> Listed | None:
        """Give one task, or flow, as it is listed, if there is one of that id."""
        ...

    async def of_resolution(self, resolution_id: str) -> str | None:
        """Give the id of the task whose execution has that id now, if there is one."""
        ...

    async def count(self, tags: Mapping[str, str]) -> Sequence[Count]:
        """Count the tasks that have all of these tags; one of several groups is counted under each of them."""
        ...

    async def since(self, position: int, *, task_id: str = "", limit: int = PAGE) -> Sequence[Committed]:
        """Give what was committed after the record of that position, in order, up to `limit` turns; of a turn, all of it.

        With a `task_id`, only what is of that task. What belonged to tasks that were deleted since is left out.
        """
        ...

    async def last_position(self) -> int:
        """Give the position of the last record that was stored, though it was deleted since; 0 where there was none."""
        ...

    async def delete(self, task_id: str) -> bool:
        """Delete a task and all its records; say whether there was one."""
        ...

    async def collect(self, ended_before: float, *, limit: int = PAGE) -> int:
        """Delete up to `limit` tasks that are DONE or CANCELLED since before that time; say how many."""
        ...

    async def reseal(self) -> int:
        """Seal with the primary key of the key ring whatever is not; say how many rows that were. Others go on meanwhile.

        Raises:
            StoreUnusable: there is no key ring, or rows keep coming that are sealed with another key.
        """
        ...

    @property
    def trouble(self) -> Trouble | None:
        """Say what is wrong with storing though reading works, as of the last try; None when that went well."""
        ...

    async def close(self) -> None:
        """Let go of everything; later calls raise `JournalUnavailable`."""
        ...
