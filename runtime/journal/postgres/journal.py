"""`PostgresJournal`: a journal in a PostgreSQL database. Laws and promises are those of `Journal` and `SharedJournal`.

Appends are encoded in the task that asks and committed by one (`committer`), while `run` is running; reads are done on
connections of a pool.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, Self

import attrs
import psycopg
import trio

from runtime.cache import Memo, Room
from runtime.journal import queries
from runtime.journal.codec import RECORDS_FORMAT
from runtime.journal.keys import KeyRing
from runtime.journal.listing import Count, Wanted
from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.committer import Committer
from runtime.journal.postgres.database import check_keys, connect, explained, prepare, serving
from runtime.journal.postgres.instance import LOST, Instance
from runtime.journal.postgres.listener import Listener
from runtime.journal.postgres.mail import Mail
from runtime.journal.postgres.memos import Memos
from runtime.journal.postgres.pool import Pool
from runtime.journal.postgres.reader import Reader
from runtime.journal.postgres.resealing import reseal
from runtime.journal.postgres.writer import Holding, Writer
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
)
from runtime.journal.shared import Claim, Claimed, Foreign, Letter, Signal
from runtime.journal.turns import Templates, encoded
from runtime.journal.vault import Vault

_LOOK_AGAIN_SECONDS: Final = 0.01
_READERS: Final = 4
"""How many look-ups are made at once."""


class PostgresJournal:
    """Records in a PostgreSQL database; made by `open`. `records_format` is for tests."""

    def __init__(
        self, address: StoreAddress, ring: KeyRing | None, numbers: dict[bytes, int], records_format: int
    ) -> None:
        self._address = address
        self._format = records_format
        self._ring = ring
        self._keys_from_file = ring is not None and ring.path is not None
        self._numbers = numbers
        self._vault = Vault(ring, lambda: numbers)
        self._connect = partial(connect, address)
        self._pool = Pool(self._connect, _READERS)
        self._reader = Reader(self._pool, self._vault, numbers)
        self._memos = Memos(self._pool, self._reader, self._vault, numbers)
        self._templates = Templates()
        self._held: dict[str, Holding] = {}
        self._listener = Listener(address.schema, self._connect)
        self._instance = Instance(address, self._connect)
        self._committer: Committer | None = None
        self._closed = False

    @classmethod
    async def open(
        cls, address: StoreAddress, ring: KeyRing | None = None, *, records_format: int = RECORDS_FORMAT
    ) -> Self:
        """Open or make the store. Nothing can be stored before `run` is running.

        Raises:
            StoreUnusable: it cannot be used; the text says why and what to do.
        """
        await prepare(address)
        journal = cls(address, ring, {}, records_format)
        with explained(address):
            numbers = await journal._reader.key_numbers()
        journal._numbers.update(numbers)
        check_keys(numbers, ring, address)
        journal._vault.settle()
        return journal

    # --- an instance ----------------------------------------------------------------------------------------------

    async def run(self, started: Callable[[], None]) -> None:
        """Be an instance; see `SharedJournal.run`."""
        self._held.clear()
        instance = self._instance = Instance(self._address, self._connect)
        await instance.register(keys_from_file=self._keys_from_file)
        writer = Writer(
            instance.number,
            channel=self._address.schema,
            vault=self._vault,
            numbers=self._numbers,
            held=self._held,
            records_format=self._format,
        )
        committer = self._committer = Committer(self._address, instance.number, writer, self._connect, instance.lose)
        self._listener.me = instance.number
        async with trio.open_nursery() as nursery:
            for part in (committer.run, instance.run, self._listener.run):
                nursery.start_soon(part)
            started()
            lost = await instance.wait_lost()
            committer.close(lost)
            nursery.cancel_scope.cancel()
        instance.hang_up()
        raise lost

    @property
    def lease_held(self) -> bool:
        """Say whether our tasks are ours; see `SharedJournal.lease_held`."""
        return self._instance.held

    async def lease_sure(self) -> None:
        """Wait until they are; see `SharedJournal.lease_sure`."""
        await self._instance.sure()

    @property
    def held(self) -> Collection[str]:
        """Give what we hold; see `SharedJournal.held`."""
        return self._held.keys()

    async def claim(self, task_id: str) -> Claimed:
        """Take hold of a task; see `SharedJournal.claim`."""
        if task_id in self._held:
            await trio.lowlevel.checkpoint()
            return Claim.OURS
        await self._settled()
        while True:
            rows = await self._look(_CLAIM, {"me": self._instance.number, "id": task_id, "format": self._format})
            if rows:
                self._held[task_id] = Holding(rows[0][0])
                return Claim.OURS
            rows = await self._look("SELECT owner, format FROM tasks WHERE id = %(id)s", {"id": task_id})
            if not rows:
                return Claim.UNKNOWN
            owner, its_format = rows[0]
            if owner is not None and owner != self._instance.number:
                return int(owner)
            if its_format > self._format:
                return Claim.NOBODYS
            if not self.lease_held:
                raise LeaseLost(LOST)
            await trio.sleep(_LOOK_AGAIN_SECONDS)  # it was let go of in between

    async def claim_awake(self, *, limit: int = PAGE) -> Sequence[Stored]:
        """Take hold of what was left awake; see `SharedJournal.claim_awake`."""
        return await self._claim_some(_CLAIM_AWAKE, {"limit": limit})

    async def claim_due(self, until: float, *, limit: int = PAGE) -> Sequence[Stored]:
        """Take hold of what is due; see `SharedJournal.claim_due`."""
        return await self._claim_some(_CLAIM_DUE, {"limit": limit, "until": until})

    async def _claim_some(self, statement: str, values: Mapping[str, Any]) -> Sequence[Stored]:
        await self._settled()
        rows = await self._look(statement, {"me": self._instance.number, "format": self._format, **values})
        claimed = [queries.stored(row) for row in rows]
        self._held.update((stored.task_id, Holding(stored.number)) for stored in claimed)
        return sorted(claimed, key=lambda stored: (stored.standing.due or 0.0, stored.number))

    def release(self, task_ids: Collection[str]) -> None:
        """Let go of tasks; see `SharedJournal.release`."""
        let_go = [self._held.pop(task_id) for task_id in task_ids if task_id in self._held]
        if let_go and self._committer is not None:
            self._committer.release([holding.number for holding in let_go])

    async def hold(self, label: str, limit: int, ticket: int) -> bool:
        """Hold a resource of all instances; see `SharedJournal.hold`."""
        values = {"me": self._instance.number, "label": label, "limit": limit, "ticket": ticket}
        [(held,)] = await self._look("SELECT hold(%(me)s, %(label)s, %(limit)s::integer, %(ticket)s::bigint)", values)
        return bool(held)

    def unhold(self, ticket: int) -> None:
        """Give a resource back; see `SharedJournal.unhold`."""
        if self._committer is not None:
            self._committer.unhold(ticket)

    def listen(self, signal: Signal, heard: Callable[[], None]) -> None:
        """Have a function called at a signal; see `SharedJournal.listen`."""
        self._listener.handlers[signal] = heard

    async def wake_others(self) -> None:
        """Let others know that there is work; see `SharedJournal.wake_others`."""
        await self._look("SELECT pg_notify(%(channel)s, 'work')", {"channel": self._address.schema})

    # --- mail and news --------------------------------------------------------------------------------------------

    @property
    def _mail(self) -> Mail:
        return Mail(self._instance.number, self._address.schema, self._pool, self._vault)

    async def send(self, receiver: int, conversation: int, body: bytes, *, answer: bool) -> bool:
        """Send a letter; see `SharedJournal.send`."""
        with serving(self._address):
            return await self._mail.send(receiver, conversation, body, answer=answer)

    async def fetch(self) -> Sequence[Letter]:
        """Take our letters; see `SharedJournal.fetch`."""
        with serving(self._address):
            return await self._mail.fetch()

    async def lives(self, instance: int) -> bool:
        """Say whether an instance is there; see `SharedJournal.lives`."""
        return bool(await self._look("SELECT FROM instances WHERE number = %(number)s", {"number": instance}))

    async def unread(self, receiver: int, conversation: int) -> bool:
        """Take a letter back; see `SharedJournal.unread`."""
        with serving(self._address):
            return await self._mail.take_back(receiver, conversation)

    async def follow(self, *, on: bool) -> int:
        """Follow what others commit; see `SharedJournal.follow`."""
        await self._look(
            "UPDATE instances SET follows = %(on)s WHERE number = %(me)s RETURNING 1",
            {"on": on, "me": self._instance.number},
        )
        [(position,)] = await self._look("SELECT position FROM head")
        return int(position)

    async def foreign(self, position: int, *, limit: int = PAGE) -> tuple[Sequence[Foreign], int]:
        """Give what others committed; see `SharedJournal.foreign`."""
        rows = await self._look(_FOREIGN, {"position": position, "limit": limit, "me": self._instance.number})
        turns = [Foreign(first, records, task_id) for first, records, task_id, ours in rows if not ours]
        return turns, rows[-1][0] + rows[-1][1] - 1 if rows else position

    # --- a journal ------------------------------------------------------------------------------------------------

    async def append(self, entries: Sequence[Entry]) -> int:
        """Store the entries; see `Journal.append`."""
        await trio.lowlevel.checkpoint_if_cancelled()
        self._check_open()
        if self._committer is None:
            raise JournalUnavailable(f"the store {self._address.shown} is not in use yet")
        return await self._committer.append([encoded(entry, self._templates) for entry in entries])

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
        holding = self._held.get(task_id)
        if holding is not None and holding.records is None:
            self._held[task_id] = attrs.evolve(holding, records=total)
        return records

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
        rows = await self._look(_FORGET.format(which=which), {"me": self._instance.number, **values})
        for (task_id,) in rows:
            self._held.pop(task_id, None)
        if rows:
            with suppress(
                psycopg.errors.ForeignKeyViolation
            ):  # somebody has just begun to use one: the next time, then
                await self._reader.look(_UNUSED_TEMPLATES)
        return len(rows)

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
        with serving(self._address):
            async with self._pool.connection() as connection:
                return await reseal(connection, self._address, self._ring)

    async def close(self) -> None:
        """Let go of everything; later calls raise `JournalUnavailable`."""
        if self._closed:
            return
        self._closed = True
        if self._committer is not None:
            self._committer.close(JournalUnavailable("the journal is closed"))
            await self._instance.leave()
        self._pool.close()

    def _check_open(self) -> None:
        if self._closed:
            raise JournalUnavailable("the journal is closed")


_FENCE: Final = "WITH me AS MATERIALIZED (SELECT number FROM instances WHERE number = %(me)s FOR KEY SHARE)"
"""An instance that is held for dead takes hold of nothing; one that is not cannot become so meanwhile."""

_OURS: Final = "owner = me.number, format = greatest(tasks.format, %(format)s)"
# ruff: noqa: S608 - what is put into the statements below are constants of this module
_CLAIM: Final = f"""{_FENCE}
UPDATE tasks SET {_OURS} FROM me
WHERE id = %(id)s AND format <= %(format)s
  AND (owner IS NULL OR owner = me.number OR NOT EXISTS (SELECT FROM instances WHERE instances.number = owner))
RETURNING tasks.number
"""
_CLAIM_SOME: Final = f"""{_FENCE},
picked AS (
    SELECT tasks.number FROM tasks, me WHERE owner IS NULL AND format <= %(format)s AND {{which}}
    LIMIT %(limit)s FOR UPDATE OF tasks SKIP LOCKED
)
UPDATE tasks SET {_OURS} FROM me, picked WHERE tasks.number = picked.number
RETURNING tasks.number, id, state, awake, due, run
"""
_CLAIM_AWAKE: Final = _CLAIM_SOME.format(which="awake ORDER BY tasks.number")
_CLAIM_DUE: Final = _CLAIM_SOME.format(which="due IS NOT NULL AND due <= %(until)s ORDER BY due, tasks.number")
_FOREIGN: Final = """
SELECT position, records, id, writer = %(me)s FROM turns JOIN tasks ON task = number
WHERE position > %(position)s ORDER BY position LIMIT %(limit)s
"""
_FORGET: Final = """
WITH gone AS (DELETE FROM tasks WHERE {which} AND (owner IS NULL OR owner = %(me)s) RETURNING number, id),
turns_of AS (DELETE FROM turns USING gone WHERE task = gone.number),
involved_in AS (DELETE FROM involved USING gone WHERE task = gone.number),
tags_of AS (DELETE FROM tags USING gone WHERE task = gone.number)
SELECT id FROM gone
"""
_UNUSED_TEMPLATES: Final = (
    "DELETE FROM templates WHERE NOT EXISTS (SELECT FROM tasks WHERE template = hash) RETURNING 1"
)
