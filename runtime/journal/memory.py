"""The journal that lasts as long as the runtime: same promises as the others, except that a restart forgets."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence

import attrs
import trio

from runtime.engine.states import task_state_of
from runtime.journal.protocol import PAGE, Entry, JournalUnavailable, Record, Standing, Stored


@attrs.define(eq=False)
class _Kept:
    """One task. `changed` is when its standing last did."""

    number: int
    task_id: str
    standing: Standing
    changed: float
    records: list[Record] = attrs.field(factory=list)

    @property
    def stored(self) -> Stored:
        return Stored(self.number, self.task_id, self.standing)


def _number(kept: _Kept) -> int:
    return kept.number


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
        self._position = 0
        self._last = 0
        self._closed = False

    async def append(self, entries: Sequence[Entry]) -> int:
        """Store the entries; see `Journal.append`."""
        await trio.lowlevel.checkpoint_if_cancelled()  # and no more: nothing is waited for, and every turn comes here
        self._check_open()
        first = self._position + 1
        for entry in entries:
            kept = self._tasks.get(entry.task_id)
            if kept is None:
                kept = self._begin(entry)
            elif entry.standing is not None:
                self._stand(kept, entry.standing, entry.records[-1].at)
            kept.records.extend(entry.records)
            self._position += len(entry.records)
        return first

    def _begin(self, entry: Entry) -> _Kept:
        if entry.standing is None:
            raise ValueError(f"the first entry of task {entry.task_id} does not say where it stands")
        self._last += 1
        kept = self._tasks[entry.task_id] = _Kept(self._last, entry.task_id, Standing(entry.standing.state), 0.0)
        self._stand(kept, entry.standing, entry.records[-1].at)
        return kept

    def _stand(self, kept: _Kept, standing: Standing, at: float) -> None:
        if kept.standing.due is not None:
            del self._waiting[bisect_left(self._waiting, (kept.standing.due, kept.number))]
        if standing.due is not None:
            insort(self._waiting, (standing.due, kept.number, kept.task_id))
        kept.standing, kept.changed = standing, at

    async def read(self, task_id: str) -> Sequence[Record]:
        """Give the records of one task; see `Journal.read`."""
        await trio.lowlevel.checkpoint()
        self._check_open()
        kept = self._tasks.get(task_id)
        return () if kept is None else tuple(kept.records)

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

    async def collect(self, ended_before: float, *, limit: int = PAGE) -> int:
        """Forget tasks that ended; see `Journal.collect`."""
        await trio.lowlevel.checkpoint()
        self._check_open()
        old = [
            kept.task_id
            for kept in self._tasks.values()
            if kept.changed < ended_before and not kept.standing.awake and task_state_of(kept.standing.state).ended
        ]
        for task_id in old[:limit]:
            del self._tasks[task_id]
        return len(old[:limit])

    async def close(self) -> None:
        """Forget everything."""
        await trio.lowlevel.checkpoint()
        self._closed = True
        self._tasks.clear()
        self._waiting.clear()

    def _check_open(self) -> None:
        if self._closed:
            raise JournalUnavailable("the journal is closed")
