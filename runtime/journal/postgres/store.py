"""`PostgresStore`: what a `Journal` promises, of a journal in a PostgreSQL database.

Appends are encoded in the task that asks and committed by one (`committer`), while there is one; reads are done on
connections of a pool.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import psycopg

from runtime.cache import Memo, Room
from runtime.journal import queries
from runtime.journal.codec import RECORDS_FORMAT
from runtime.journal.health import Health, Storing
from runtime.journal.keys import KeyRing, check_opens
from runtime.journal.listing import Count, Wanted
from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.committer import Committer
from runtime.journal.postgres.database import (
    Unstorable,
    answering,
    check_use,
    connect,
    explained,
    prepare,
    serving,
)
from runtime.journal.postgres.links import Links
from runtime.journal.postgres.memos import Memos
from runtime.journal.postgres.pool import Pool
from runtime.journal.postgres.reader import Reader
from runtime.journal.postgres.resealing import reseal
from runtime.journal.postgres.writer import Holding
from runtime.journal.protocol import (
    PAGE,
    Committed,
    Entry,
    JournalUnavailable,
    LeaseLost,
    Listed,
    Place,
    Record,
    Stored,
    StoreUnusable,
    Trouble,
)
from runtime.journal.turns import Templates, encoded
from runtime.journal.vault import Vault

_READERS: Final = 4
"""How many look-ups are made at once."""


class PostgresStore:
    """Records in a PostgreSQL database; made by `open`. `records_format` is for tests."""

    def __init__(
        self, address: StoreAddress, ring: KeyRing | None, numbers: dict[bytes, int], records_format: int
    ) -> None:
        self._address = address
        self._format = records_format
        self._ring = ring
        self._numbers = numbers
        self._vault = Vault(ring, lambda: numbers)
        self._health = Health(address.shown)
        self._links = Links(address, connect)
        self._pool = Pool(self._links.open, _READERS, self._links.patience)
        self._reader = Reader(self._pool, self._vault, numbers)
        self._memos = Memos(self._pool, self._reader, self._vault, numbers)
        self._templates = Templates()
        self._held: dict[str, Holding] = {}
        self._me = 0
        """The number of the instance; 0 before it is one."""
        self._acknowledged = 0
        """The position of what was stored last, as far as we have been told."""
        self._committer: Committer | None = None
        self._closed = False

    @classmethod
    async def open(
        cls, address: StoreAddress, ring: KeyRing | None = None, *, records_format: int = RECORDS_FORMAT
    ) -> Self:
        """Open or make the store. Nothing can be stored before it is in use.

        Raises:
            StoreUnusable: it cannot be used; the text says why and what to do.
        """
        await prepare(address)
        journal = cls(address, ring, {}, records_format)
        try:
            with explained(address), answering(address):
                async with journal._pool.connection() as connection:
                    await check_use(connection, address)
                numbers = await journal._reader.key_numbers()
            check_opens(ring, numbers, address.shown)
        except BaseException:
            journal._pool.close()
            raise
        journal._numbers.update(numbers)
        journal._vault.settle()
        return journal

    async def append(self, entries: Sequence[Entry]) -> int:
        """Store the entries; see `Journal.append`."""
        self._check_open()
        if self._committer is None:
            raise JournalUnavailable(f"the store {self._address.shown} is not in use yet")
        try:
            position = await self._committer.append([encoded(entry, self._templates) for entry in entries])
        except (LeaseLost, Unstorable):
            raise
        except JournalUnavailable as refusal:
            if not self._closed:
                self._health.failed(Storing.COMMITS, str(refusal))
            raise
        if self._health.trouble is not None:
            self._health.stored(Storing.COMMITS)
        self._acknowledged = position
        return position

    @property
    def trouble(self) -> Trouble | None:
        """Say what is wrong with storing; see `Journal.trouble`."""
        return self._health.trouble

    async def read(self, task_id: str) -> Sequence[Record]:
        """Give the records of one task; see `Journal.read`."""
        self._check_open()
        await self._settled()
        records: list[Record] = []
        total = 0
        with serving(self._address):
            async for total, turn in self._reader.turns(task_id):  # noqa: B007 - the last one counts
                records += turn
                self._check_open()
        self._note_length(task_id, total)
        return records

    async def histories(self, task_ids: Sequence[str]) -> Mapping[str, Sequence[Record]]:
        """Give the records of several tasks; see `Journal.histories`."""
        self._check_open()
        await self._settled()
        with serving(self._address):
            histories = await self._reader.histories(task_ids)
        self._check_open()
        for task_id, records in histories.items():
            self._note_length(task_id, len(records))
        return histories

    def _note_length(self, task_id: str, records: int) -> None:
        """Note how many records there are of a task that we hold, and have not known that of."""
        holding = self._held.get(task_id)
        if holding is not None and holding.records is None:
            holding.records = records

    async def _settled(self) -> None:
        """See what was abandoned, if it was stored, and what was let go of as nobody's."""
        if self._committer is not None and not self._committer.sure:
            await self._committer.settled()

    async def tasks(self, *, after: int = 0, limit: int = PAGE) -> Sequence[Stored]:
        """List tasks; see `Journal.tasks`."""
        return list(map(queries.stored, await self._rows(queries.tasks(after, limit))))

    async def awake(self, *, after: int = 0, limit: int = PAGE) -> Sequence[Stored]:
        """List what has to go on; see `Journal.awake`."""
        return list(map(queries.stored, await self._rows(queries.awake(after, limit))))

    async def due(self, until: float, *, after: tuple[float, int] = (0.0, 0), limit: int = PAGE) -> Sequence[Stored]:
        """List what is due; see `Journal.due`."""
        return list(map(queries.stored, await self._rows(queries.due(until, after, limit))))

    async def next_due(self, after: float) -> float | None:
        """Say when the next task is due; see `Journal.next_due`."""
        rows = await self._rows(queries.next_due(after))
        return rows[0][0] if rows else None

    async def find(self, wanted: Wanted, *, before: Place | None = None, limit: int = PAGE) -> Sequence[Listed]:
        """List what is wanted; see `Journal.find`."""
        return list(map(queries.listed, await self._rows(queries.find(wanted, before, limit))))

    async def look_up(self, task_id: str) -> Listed | None:
        """Give one as it is listed; see `Journal.look_up`."""
        return next(map(queries.listed, await self._rows(queries.look_up(task_id))), None)

    async def of_resolution(self, resolution_id: str) -> str | None:
        """Find the task of an execution; see `Journal.of_resolution`."""
        rows = await self._rows(queries.of_resolution(resolution_id))
        return rows[0][0] if rows else None

    async def count(self, tags: Mapping[str, str]) -> Sequence[Count]:
        """Count tasks; see `Journal.count`."""
        return list(map(queries.counted, await self._rows(queries.count(tags))))

    async def since(self, position: int, *, task_id: str = "", limit: int = PAGE) -> Sequence[Committed]:
        """Give what was committed later; see `Journal.since`."""
        self._check_open()
        with serving(self._address):
            return await self._reader.since(position, task_id, limit)

    async def last_position(self) -> int:
        """Give the last position; see `Journal.last_position`."""
        [(position,)] = await self._look("SELECT position FROM head")
        return int(position)

    async def _rows(self, query: queries.Query) -> Sequence[Sequence[Any]]:
        self._check_open()
        with serving(self._address):
            return await self._reader.rows(query)

    async def _look(self, statement: str, values: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        self._check_open()
        with serving(self._address):
            return await self._reader.look(statement, values or {})

    async def delete(self, task_id: str) -> bool:
        """Delete a task; see `Journal.delete`."""
        return await self._forget("id = %(id)s", {"id": task_id}) > 0

    async def collect(self, ended_before: float, *, limit: int = PAGE) -> int:
        """Delete tasks that ended; see `Journal.collect`."""
        which = (
            "number IN (SELECT number FROM tasks WHERE state IN ('DONE', 'CANCELLED') AND NOT awake"
            " AND changed < %(before)s ORDER BY changed LIMIT %(limit)s FOR UPDATE SKIP LOCKED)"
        )
        return await self._forget(which, {"before": ended_before, "limit": limit})

    async def _forget(self, which: str, values: Mapping[str, Any]) -> int:
        await self._settled()
        rows = await self._look(_FORGET.format(which=which), {"me": self._me, **values})
        for task_id, _ in rows:
            self._held.pop(task_id, None)
        if rows:
            await self._forget_unused(list({template for _, template in rows}))
        return len(rows)

    async def _forget_unused(self, templates: Sequence[bytes]) -> None:
        """Delete those of these templates that no task is of: no others are looked at, of which there may be many."""
        while True:
            try:
                await self._reader.look(_FORGET_UNUSED, [templates])
            except psycopg.errors.ForeignKeyViolation:
                continue  # somebody has begun to use one, which is seen the next time
            except psycopg.Error:
                return  # the tasks are deleted, and that is what was asked for: the templates take some room
            return

    async def remember(self, memo: Memo, room: Room, at: float) -> None:
        """Keep a memo; see `Shelf.remember`."""
        self._check_open()
        with serving(self._address):
            await self._memos.remember(memo, room, at)

    async def recall(self, identity: bytes, at: float) -> bytes | None:
        """Give what is remembered; see `Shelf.recall`."""
        self._check_open()
        with serving(self._address):
            return await self._memos.recall(identity, at)

    async def forget(self, identity: bytes) -> None:
        """Forget a memo; see `Shelf.forget`."""
        self._check_open()
        with serving(self._address):
            await self._memos.forget(identity)

    async def forget_expired(self, at: float, *, limit: int = PAGE) -> int:
        """Forget memos that are worth nothing any more; see `Shelf.forget_expired`."""
        self._check_open()
        with serving(self._address):
            return await self._memos.forget_expired(at, limit)

    async def reseal(self) -> int:
        """Seal all with the primary key; see `Journal.reseal`."""
        self._check_open()
        if self._ring is None:
            raise StoreUnusable(
                f"the store {self._address.shown} is not sealed: give its instances a key ring (`understudy store new-key`)"
            )
        self._ring = self._ring.refreshed()
        self._vault.doubt()
        with serving(self._address):
            async with self._pool.connection() as connection:
                return await reseal(connection, self._address, self._ring)

    async def close(self) -> None:
        """Let go of everything; later calls raise `JournalUnavailable`."""
        self._closed = True
        self._pool.close()
        self._links.close()

    def _check_open(self) -> None:
        if self._closed:
            raise JournalUnavailable("the journal is closed")


_FORGET: Final = """
WITH gone AS (DELETE FROM tasks WHERE {which} AND (owner IS NULL OR owner = %(me)s) RETURNING number, id, template),
turns_of AS (DELETE FROM turns USING gone WHERE task = gone.number),
involved_in AS (DELETE FROM involved USING gone WHERE task = gone.number),
tags_of AS (DELETE FROM tags USING gone WHERE task = gone.number)
SELECT id, template FROM gone
"""
_FORGET_UNUSED: Final = (
    "DELETE FROM templates WHERE hash = ANY(%s) AND NOT EXISTS (SELECT FROM tasks WHERE template = hash) RETURNING 1"
)
