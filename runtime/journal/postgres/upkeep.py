"""What is done to a store besides using it: check, collection, and sealing with another key. All beside its instances.

Copying it, and giving back the room of what was deleted, are PostgreSQL's own affair (``pg_dump``, autovacuum).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import psycopg

from runtime.errors import UnderstudyError
from runtime.journal import queries
from runtime.journal.checking import Checked, differences
from runtime.journal.keys import KeyRing, check_opens
from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.database import connect, explained, key_numbers, prepare, serving
from runtime.journal.postgres.driver import TrioConnection
from runtime.journal.postgres.journal import PostgresJournal
from runtime.journal.postgres.reader import Reader
from runtime.journal.postgres.resealing import reseal
from runtime.journal.protocol import Record, Stored
from runtime.journal.vault import Vault

_BATCH: Final = 128


class _One:
    """One connection, lent to whoever asks, one after the other."""

    def __init__(self, connection: TrioConnection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[TrioConnection]:
        yield self._connection


@asynccontextmanager
async def _connected(address: StoreAddress) -> AsyncIterator[TrioConnection]:
    await prepare(address, create=False)
    with explained(address):
        connection = await connect(address)
    try:
        yield connection
    finally:
        connection.abandon()


async def check(address: StoreAddress, ring: KeyRing | None) -> Checked:
    """Read everything that is there now: every record, their order, every memo, and that each task is what they say.

    A few tasks at a time, each as of one moment, and so the order of some thousand turns: all that has to agree is stored
    together, and for as long as anybody looks back at a moment, the server keeps whatever was deleted or changed since.

    Raises:
        StoreUnusable: it cannot even be opened.
    """
    async with _connected(address) as connection:
        with explained(address):
            await connection.execute("SET idle_in_transaction_session_timeout TO 0")
            await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            await connection.set_read_only(True)
            numbers = dict(await key_numbers(connection))
            check_opens(ring, numbers, address.shown)
            reader = Reader(_One(connection), Vault(ring, lambda: numbers), numbers)
            [(last,)] = await reader.look("SELECT position FROM head")
            problems = await _disorder(reader, last)
        tasks = records = number = 0
        while number < last:
            async with connection.transaction():
                page, disorder = await _page(address, reader, number)
                problems += disorder
                for stored in page:
                    found = await _history(address, reader, stored)
                    if isinstance(found, str):
                        problems.append(f"task {stored.task_id}: {found}")
                    else:
                        records += len(found)
                        problems += differences(stored, found)
            tasks += len(page)
            number = page[-1].number if page else last
        with explained(address):
            problems += [text async for text in reader.unreadable_memos()]
        return Checked(tasks=tasks, records=records, problems=tuple(problems))


async def _disorder(reader: Reader, last: int) -> list[str]:
    """Say where turns overlap, or are of no task: some thousand at a time, the first of them the last of those before."""
    problems: list[str] = []
    first = 0
    while len(problems) < _MOST_PROBLEMS:
        *found, (_, following) = await reader.look(_DISORDER, {"first": first, "last": last, "limit": _TURNS})
        problems += [text for text, _ in found]
        if following is None:
            break
        first = following
    return problems


async def _page(address: StoreAddress, reader: Reader, after: int) -> tuple[Sequence[Stored], Sequence[str]]:
    """Give the next tasks, and where their turns do not follow on each other."""
    with explained(address):
        page = list(map(queries.stored, await reader.rows(queries.tasks(after, _BATCH))))
        gaps = await reader.look(_GAPS, [[stored.number for stored in page]])
    return page, [text for (text,) in gaps]


async def _history(address: StoreAddress, reader: Reader, stored: Stored) -> Sequence[Record] | str:
    """Give the records of a task, or why they cannot be read."""
    try:
        with serving(address):
            return [record async for _, turn in reader.turns(stored.task_id) for record in turn]
    except UnderstudyError as fault:
        return str(fault)


async def collect(address: StoreAddress, ring: KeyRing | None, ended_before: float) -> int:
    """Delete the tasks that ended before then, a few at a time. Gives how many.

    Raises:
        StoreUnusable: it cannot be opened.
    """
    await prepare(address, create=False)
    journal = await PostgresJournal.open(address, ring)
    try:
        collected = 0
        while done := await journal.collect(ended_before, limit=_BATCH):
            collected += done
        while await journal.forget_expired(ended_before, limit=_BATCH):
            pass
        return collected
    finally:
        await journal.close()


async def rotate_keys(address: StoreAddress, ring: KeyRing) -> int:
    """Seal with the primary key of the ring everything that is not; see `resealing`. Gives how many rows that were.

    Raises:
        StoreUnusable: an instance could not read what is sealed with the new key, or goes on using an old one.
    """
    async with _connected(address) as connection:
        with explained(address):
            check_opens(ring, await key_numbers(connection), address.shown)
            return await reseal(connection, address, ring)


_MOST_PROBLEMS: Final = 20
_TURNS: Final = 10_000
_DISORDER: Final = """
WITH piece AS MATERIALIZED (
    SELECT position, task, records, lead(position) OVER (ORDER BY position) AS next
    FROM turns WHERE position BETWEEN %(first)s AND %(last)s ORDER BY position LIMIT %(limit)s
)
(SELECT format('records from %%s reach to %%s, and the next begin at %%s', position, position + records - 1, next), 0::bigint
 FROM piece WHERE position + records > next
 UNION ALL
 SELECT format('records from %%s are of no task', position), 0 FROM piece
 WHERE NOT EXISTS (SELECT FROM tasks WHERE number = task)
 LIMIT 20)
UNION ALL
SELECT NULL, CASE WHEN count(*) = %(limit)s THEN max(position) END FROM piece
"""
"""What is wrong with some turns, and from where on there are more."""

_GAPS: Final = """
SELECT format('task %%s: its turns have %%s records up to %%s, and the next begin at %%s', task, ordinal, ordinal + records, next)
FROM (
    SELECT task, ordinal, records, lead(ordinal) OVER (PARTITION BY task ORDER BY ordinal) AS next
    FROM turns WHERE task = ANY(%s::bigint[])
) AS t
WHERE next <> ordinal + records LIMIT 20
"""
