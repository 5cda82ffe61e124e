"""The journal that lasts as long as the runtime: same promises as the others, except that a restart forgets."""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import nlargest
from itertools import islice

import attrs
import trio

from runtime.cache import Memo, MemoryShelf, Room
from runtime.engine.records import TaskSubmitted
from runtime.engine.states import task_state_of
from runtime.flow.history import begin
from runtime.flow.records import FlowCreated
from runtime.frozen import changing
from runtime.journal.listing import Count, Listing, Wanted, listing_of_flow, listing_of_submission
from runtime.journal.protocol import (
    PAGE,
    AlreadyStored,
    Committed,
    Entry,
    JournalUnavailable,
    Listed,
    Place,
    Record,
    Standing,
    Stored,
    StoreUnusable,
)


@changing(eq=False)
class _Kept:
    """One task. `changed` is when its standing last did."""

    number: int
    task_id: str
    standing: Standing
    listing: Listing | None
    changed: float
    records: list[Record] = attrs.field(factory=list)

    @property
    def stored(self) -> Stored:
        return Stored(self.number, self.task_id, self.standing)

    def listed(self, wanted: Wanted | None = None) -> Iterator[Listed]:
        """Give it as it is listed, if it is, and if it is wanted."""
        if self.listing is not None and (
            wanted is None or wanted.takes(self.listing, self.standing.task, self.changed)
        ):
            yield Listed(self.number, self.task_id, self.standing, self.changed, self.listing)


def _number(kept: _Kept) -> int:
    return kept.number


def _place(listed: Listed) -> Place:
    return listed.place


def _last_position(turn: tuple[int, _Kept, int, int]) -> int:
    first, _, begin, end = turn
    return first + end - begin - 1


_LAST = chr(0x10FFFF)
"""A text behind every task id."""


class MemoryJournal:
    """Records in lists. Passes the laws of `Journal`; durable is not one of them.

    Sleeping tasks are kept in the order in which they are due; other lists are looked for among all tasks, for they are
    asked for at a start, and not in turns.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, _Kept] = {}
        self._waiting: list[tuple[float, int, str]] = []
        self._turns: list[tuple[int, _Kept, int, int]] = []
        self._next = 1
        self._last = 0
        self._shelf = MemoryShelf()
        self._closed = False

    async def append(self, entries: Sequence[Entry]) -> int:
        """Store the entries; see `Journal.append`. No checkpoint: nothing is waited for, and every turn comes here."""
        self._check_open()
        tasks = self._tasks
        for one in entries:  # all of them, or none
            if one.standing is not None and one.task_id in tasks and one.begins:
                raise AlreadyStored([one.task_id for one in entries if one.task_id in tasks and one.begins])
        first = position = self._next
        for entry in entries:
            kept = tasks.get(entry.task_id)
            if kept is None:
                kept = self._begin(entry)
            elif entry.standing is not None:
                self._stand(kept, entry.standing, entry.records[-1].at)
            if entry.listing is not None:
                kept.listing = entry.listing
            records = kept.records
            begin = len(records)
            records += entry.records
            end = len(records)
            self._turns.append((position, kept, begin, end))
            position += end - begin
        self._next = position
        return first

    def _begin(self, entry: Entry) -> _Kept:
        if entry.standing is None:
            raise ValueError(f"the first entry of task {entry.task_id} does not say where it stands")
        self._last += 1
        submitted, listing = entry.records[0], entry.listing
        if isinstance(submitted, TaskSubmitted):
            listing = listing or listing_of_submission(submitted)
        elif isinstance(submitted, FlowCreated):
            listing = listing or listing_of_flow(begin(submitted))
        kept = _Kept(self._last, entry.task_id, entry.standing, listing, entry.records[-1].at)
        self._tasks[entry.task_id] = kept
        self._wait(kept)
        return kept

    def _stand(self, kept: _Kept, standing: Standing, at: float) -> None:
        if kept.standing.due is not None:
            del self._waiting[bisect_left(self._waiting, (kept.standing.due, kept.number))]
        kept.standing, kept.changed = standing, at
        self._wait(kept)

    def _wait(self, kept: _Kept) -> None:
        if kept.standing.due is not None:
            insort(self._waiting, (kept.standing.due, kept.number, kept.task_id))

    async def read(self, task_id: str) -> Sequence[Record]:
        """Give the records of one task; see `Journal.read`."""
        await trio.lowlevel.checkpoint()
        self._check_open()
        kept = self._tasks.get(task_id)
        return () if kept is None else tuple(kept.records)

    async def histories(self, task_ids: Sequence[str]) -> Mapping[str, Sequence[Record]]:
        """Give the records of several tasks; see `Journal.histories`."""
        histories = {task_id: await self.read(task_id) for task_id in task_ids}
        return {task_id: records for task_id, records in histories.items() if records}

    async def tasks(self, *, after: int = 0, limit: int = PAGE) -> Sequence[Stored]:
        """List tasks; see `Journal.tasks`."""
        return await self._list(lambda _kept: True, after, limit)

    async def awake(self, *, after: int = 0, limit: int = PAGE) -> Sequence[Stored]:
        """List what has to go on; see `Journal.awake`."""
        return await self._list(lambda kept: kept.standing.awake, after, limit)

    async def _list(self, wanted: Callable[[_Kept], bool], after: int, limit: int) -> Sequence[Stored]:
        await trio.lowlevel.checkpoint()
        self._check_open()
        tasks = list(self._tasks.values())
        found = [kept.stored for kept in tasks[bisect_right(tasks, after, key=_number) :] if wanted(kept)]
        return found[:limit]

    async def due(self, until: float, *, after: tuple[float, int] = (0.0, 0), limit: int = PAGE) -> Sequence[Stored]:
        """List what is due; see `Journal.due`."""
        await trio.lowlevel.checkpoint()
        self._check_open()
        found = self._waiting[bisect_right(self._waiting, (*after, _LAST)) :][:limit]
        return [self._tasks[task_id].stored for due, _, task_id in found if due <= until]

    async def next_due(self, after: float) -> float | None:
        """Say when the next task is due; see `Journal.next_due`."""
        await trio.lowlevel.checkpoint()
        self._check_open()
        index = bisect_right(self._waiting, (after, self._last + 1))
        return self._waiting[index][0] if index < len(self._waiting) else None

    async def find(self, wanted: Wanted, *, before: Place | None = None, limit: int = PAGE) -> Sequence[Listed]:
        """List what is wanted; see `Journal.find`."""
        await trio.lowlevel.checkpoint()
        self._check_open()
        found = [
            listed
            for kept in self._tasks.values()
            if before is None or (kept.changed, kept.number) < before
            for listed in kept.listed(wanted)
        ]
        return nlargest(limit, found, key=_place)

    async def look_up(self, task_id: str) -> Listed | None:
        """Give one as it is listed; see `Journal.look_up`."""
        await trio.lowlevel.checkpoint()
        self._check_open()
        kept = self._tasks.get(task_id)
        return None if kept is None else next(kept.listed(), None)

    async def of_resolution(self, resolution_id: str) -> str | None:
        """Find the task of an execution; see `Journal.of_resolution`."""
        await trio.lowlevel.checkpoint()
        self._check_open()
        for kept in self._tasks.values():
            if kept.listing is not None and resolution_id and kept.listing.resolution == resolution_id:
                return kept.task_id
        return None

    async def count(self, tags: Mapping[str, str]) -> Sequence[Count]:
        """Count tasks; see `Journal.count`."""
        wanted = Wanted(tags=tags)
        await trio.lowlevel.checkpoint()
        self._check_open()
        counted = Counter(
            (kept.standing.task, listed.listing.template, group)
            for kept in self._tasks.values()
            for listed in kept.listed(wanted)
            for group in listed.listing.groups
        )
        return [Count(*key, tasks) for key, tasks in sorted(counted.items())]

    async def since(self, position: int, *, task_id: str = "", limit: int = PAGE) -> Sequence[Committed]:
        """Give what was committed later; see `Journal.since`."""
        await trio.lowlevel.checkpoint()
        self._check_open()
        start = bisect_right(self._turns, position, key=_last_position)
        turns = islice(self._turns, start, None)
        wanted = (turn for turn in turns if not task_id or turn[1].task_id == task_id)
        return [
            Committed(first, kept.task_id, tuple(kept.records[begin:end]))
            for first, kept, begin, end in islice(wanted, limit)
        ]

    async def last_position(self) -> int:
        """Give the last position; see `Journal.last_position`."""
        await trio.lowlevel.checkpoint()
        self._check_open()
        return self._next - 1

    async def delete(self, task_id: str) -> bool:
        """Delete a task; see `Journal.delete`."""
        await trio.lowlevel.checkpoint()
        self._check_open()
        return self._forget([task_id]) > 0

    def _forget(self, task_ids: Sequence[str]) -> int:
        gone = {kept.number for task_id in task_ids if (kept := self._tasks.pop(task_id, None)) is not None}
        self._waiting = [one for one in self._waiting if one[1] not in gone]
        self._turns = [turn for turn in self._turns if turn[1].number not in gone]
        return len(gone)

    async def collect(self, ended_before: float, *, limit: int = PAGE) -> int:
        """Forget tasks that ended; see `Journal.collect`."""
        await trio.lowlevel.checkpoint()
        self._check_open()
        old = [
            kept.task_id
            for kept in self._tasks.values()
            if kept.changed < ended_before and not kept.standing.awake and task_state_of(kept.standing.state).ended
        ]
        return self._forget(old[:limit])

    async def remember(self, memo: Memo, room: Room, at: float) -> None:
        """Keep a memo; see `Shelf.remember`."""
        self._check_open()
        await self._shelf.remember(memo, room, at)

    async def recall(self, identity: bytes, at: float) -> bytes | None:
        """Give what is remembered; see `Shelf.recall`."""
        self._check_open()
        return await self._shelf.recall(identity, at)

    async def forget(self, identity: bytes) -> None:
        """Forget a memo; see `Shelf.forget`."""
        self._check_open()
        await self._shelf.forget(identity)

    async def forget_expired(self, at: float, *, limit: int = PAGE) -> int:
        """Forget memos that are worth nothing any more; see `Shelf.forget_expired`."""
        self._check_open()
        return await self._shelf.forget_expired(at, limit=limit)

    async def reseal(self) -> int:
        """Refuse: what is only in memory is not sealed."""
        await trio.lowlevel.checkpoint()
        self._check_open()
        raise StoreUnusable("tasks are kept in memory, where nothing is sealed")

    @property
    def trouble(self) -> None:
        """Say that memory takes whatever it is given; see `Journal.trouble`."""

    async def close(self) -> None:
        """Forget everything."""
        await trio.lowlevel.checkpoint()
        self._closed = True
        self._tasks.clear()
        self._waiting.clear()
        self._turns.clear()
        self._shelf = MemoryShelf()

    def _check_open(self) -> None:
        if self._closed:
            raise JournalUnavailable("the journal is closed")
