"""`SqliteJournal`: a journal in one file. Laws and promises are those of `Journal`.

Appends are encoded in the task that asks and written by one thread (`thread`); reads are done where they are asked
for, on a connection of their own.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Final, Self, TypeVar

import attrs
import trio

from runtime.cache import Memo, Room
from runtime.engine.task import Task
from runtime.journal.codec import RecordUnreadable
from runtime.journal.keys import KeyRing
from runtime.journal.listing import Count, Wanted, listing_of, listing_of_flow
from runtime.journal.protocol import (
    PAGE,
    Committed,
    Entry,
    JournalUnavailable,
    Listed,
    Place,
    Record,
    Stored,
    StoreUnusable,
    Trouble,
    standing_of,
)
from runtime.journal.replaying import replay
from runtime.journal.sqlite.database import Opening, connect, explained, owned, serving
from runtime.journal.sqlite.lists import Lists
from runtime.journal.sqlite.reader import Reader
from runtime.journal.sqlite.thread import WriterThread
from runtime.journal.sqlite.upkeep import reseal
from runtime.journal.sqlite.writer import Writer
from runtime.journal.turns import Templates, encoded
from runtime.threads import BRIEF

T = TypeVar("T")

_AT_A_TIME: Final = 16
"""How many short histories are decoded before others get a word in between."""


class SqliteJournal:
    """Records in an SQLite file; made by `open`."""

    def __init__(
        self,
        opening: Opening,
        writer: Writer,
        reader: Reader,
        lists: Lists,
        ownership: ExitStack,
        *,
        ring: KeyRing | None,
    ) -> None:
        self._path = opening.path
        self._thread = WriterThread(writer, name=f"store {opening.path.name}")
        self._reader = reader
        self._lists = lists
        self._ring = ring
        self._one_resealing = trio.CapacityLimiter(1)
        self._one_list = trio.CapacityLimiter(1)
        self._templates = Templates()
        self._ownership = ownership
        self._closed = False

    @classmethod
    async def open(cls, opening: Opening, ring: KeyRing | None = None) -> Self:
        """Open or make the store, and be its owner until `close`.

        Raises:
            StoreUnusable: it cannot be used; the text says why and what to do.
        """
        parts = await BRIEF.run(_open, opening, ring)
        return cls(opening, *parts, ring=ring)

    async def append(self, entries: Sequence[Entry]) -> int:
        """Store the entries; see `Journal.append`."""
        self._check_open()
        return await self._thread.append([encoded(entry, self._templates) for entry in entries])

    async def read(self, task_id: str) -> Sequence[Record]:
        """Give the records of one task; see `Journal.read`."""
        self._check_open()
        if not self._thread.settled:
            await self._thread.call(_nothing)  # so that what was abandoned is seen if it was stored
        records: list[Record] = []
        with serving(self._path):
            for piece in self._reader.turns(task_id):
                records += piece
                await trio.lowlevel.checkpoint()
                self._check_open()
        return records

    async def histories(self, task_ids: Sequence[str]) -> Mapping[str, Sequence[Record]]:
        """Give the records of several tasks; see `Journal.histories`."""
        self._check_open()
        if not self._thread.settled:
            await self._thread.call(_nothing)
        found: dict[str, Sequence[Record]] = {}
        with serving(self._path):
            await trio.lowlevel.checkpoint()
            self._check_open()
            rows = self._reader.histories(task_ids)
            for number, (task_id, turns) in enumerate(rows.items(), 1):
                found[task_id] = self._reader.decoded(task_id, turns)
                if not number % _AT_A_TIME:
                    await trio.lowlevel.checkpoint()
        return found

    async def tasks(self, *, after: int = 0, limit: int = PAGE) -> Sequence[Stored]:
        """List tasks; see `Journal.tasks`."""
        return await self._look(lambda: self._reader.tasks(after, limit))

    async def awake(self, *, after: int = 0, limit: int = PAGE) -> Sequence[Stored]:
        """List what has to go on; see `Journal.awake`."""
        return await self._look(lambda: self._reader.awake(after, limit))

    async def due(self, until: float, *, after: tuple[float, int] = (0.0, 0), limit: int = PAGE) -> Sequence[Stored]:
        """List what is due; see `Journal.due`."""
        return await self._look(lambda: self._reader.due(until, after, limit))

    async def next_due(self, after: float) -> float | None:
        """Say when the next task is due; see `Journal.next_due`."""
        return await self._look(lambda: self._reader.next_due(after))

    async def find(self, wanted: Wanted, *, before: Place | None = None, limit: int = PAGE) -> Sequence[Listed]:
        """List what is wanted; see `Journal.find`."""
        return await self._look_long(lambda: self._lists.find(wanted, before, limit))

    async def look_up(self, task_id: str) -> Listed | None:
        """Give one as it is listed; see `Journal.look_up`."""
        return await self._look_long(lambda: self._lists.look_up(task_id))

    async def of_resolution(self, resolution_id: str) -> str | None:
        """Find the task of an execution; see `Journal.of_resolution`."""
        return await self._look_long(lambda: self._lists.of_resolution(resolution_id))

    async def count(self, tags: Mapping[str, str]) -> Sequence[Count]:
        """Count tasks; see `Journal.count`."""
        return await self._look_long(lambda: self._lists.count(tags))

    async def since(self, position: int, *, task_id: str = "", limit: int = PAGE) -> Sequence[Committed]:
        """Give what was committed later; see `Journal.since`."""
        return await self._look(lambda: self._reader.since(position, task_id, limit))

    async def last_position(self) -> int:
        """Give the last position; see `Journal.last_position`."""
        return await self._look(self._reader.last_position)

    async def _look_long(self, look: Callable[[], T]) -> T:
        """Look something up in a thread, one at a time: it may take as long as there are tasks."""
        self._check_open()
        with serving(self._path):
            return await trio.to_thread.run_sync(look, limiter=self._one_list)

    async def _look(self, look: Callable[[], T]) -> T:
        await trio.lowlevel.checkpoint()
        self._check_open()
        with serving(self._path):
            return look()

    async def delete(self, task_id: str) -> bool:
        """Delete a task; see `Journal.delete`."""
        return await self._write(lambda writer: writer.delete(task_id))

    async def collect(self, ended_before: float, *, limit: int = PAGE) -> int:
        """Delete tasks that ended; see `Journal.collect`."""
        return await self._write(lambda writer: writer.collect(ended_before, limit))

    async def _write(self, write: Callable[[Writer], T]) -> T:
        self._check_open()
        with serving(self._path):
            return await self._thread.call(write)

    async def remember(self, memo: Memo, room: Room, at: float) -> None:
        """Keep a memo; see `Shelf.remember`."""
        await self._write(lambda writer: writer.remember(memo, room, at))

    async def recall(self, identity: bytes, at: float) -> bytes | None:
        """Give what is remembered; see `Shelf.recall`."""
        return await self._look(lambda: self._reader.recall(identity, at))

    async def forget(self, identity: bytes) -> None:
        """Forget a memo; see `Shelf.forget`."""
        await self._write(lambda writer: writer.forget(identity))

    async def forget_expired(self, at: float, *, limit: int = PAGE) -> int:
        """Forget memos that are worth nothing any more; see `Shelf.forget_expired`."""
        return await self._write(lambda writer: writer.forget_expired(at, limit))

    async def reseal(self) -> int:
        """Seal all with the primary key; see `Journal.reseal`. On a connection of its own, a few rows at a time."""
        self._check_open()
        if self._ring is None:
            raise StoreUnusable(
                f"the store {self._path} is not sealed: give its runtime a key ring (`understudy store new-key`)"
            )
        self._ring = self._ring.refreshed()
        with serving(self._path):
            return await trio.to_thread.run_sync(reseal, self._path, self._ring, limiter=self._one_resealing)

    @property
    def trouble(self) -> Trouble | None:
        """Say what is wrong with storing; see `Journal.trouble`."""
        return self._thread.trouble

    async def close(self) -> None:
        """Store what was handed over, and let go of the file."""
        if self._closed:
            await trio.lowlevel.checkpoint()
            return
        self._closed = True
        self._reader.close()
        await trio.to_thread.run_sync(self._lists.close, limiter=self._one_list)
        await self._thread.call(self._let_go)
        self._thread.stop()

    def _let_go(self, writer: Writer) -> None:
        """Nobody else may own the file before the last commit is done, so this is for the writer's thread."""
        try:
            writer.close()
        finally:
            self._ownership.close()

    def _check_open(self) -> None:
        if self._closed:
            raise JournalUnavailable("the journal is closed")


def _open(opening: Opening, ring: KeyRing | None) -> tuple[Writer, Reader, Lists, ExitStack]:
    ownership = ExitStack()
    with ExitStack() as undo, explained(opening.path):
        undo.callback(ownership.close)
        ownership.enter_context(owned(opening.path, ring.path if ring else None))
        writer = Writer(opening, ring)
        undo.callback(writer.close)
        existing = attrs.evolve(opening, create=False)
        reader = Reader(connect(existing), ring)
        undo.callback(reader.close)
        lists = Lists(connect(existing))
        undo.callback(lists.close)
        with serving(opening.path):
            _list_anew(writer, reader, lists)
        undo.pop_all()
    return writer, reader, lists, ownership


def _list_anew(writer: Writer, reader: Reader, lists: Lists) -> None:
    """Make the lists of a store from before there were any."""
    while unlisted := lists.unlisted(PAGE):
        for task_id in unlisted:
            unit = replay([record for piece in reader.turns(task_id) for record in piece])
            if unit is None:
                raise RecordUnreadable(f"task {task_id} has no records")
            writer.list_anew(
                task_id, standing_of(unit), listing_of(unit) if isinstance(unit, Task) else listing_of_flow(unit)
            )


def _nothing(_writer: Writer) -> None:
    """Only wait for one's turn."""
