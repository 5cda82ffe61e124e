"""What is done to a store besides using it: check, collection, and sealing with another key. All beside its instances.

Copying it, and giving back the room of what was deleted, are PostgreSQL's own affair (``pg_dump``, autovacuum).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from runtime.errors import UnderstudyError
from runtime.journal import queries
from runtime.journal.checking import Checked, differences
from runtime.journal.keys import KeyRing
from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.database import check_keys, connect, explained, key_numbers, prepare, serving
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
    """Read everything, as of one moment: every record, their order, every memo, and that each task is what they say.

    Raises:
        StoreUnusable: it cannot even be opened.
    """
    async with _connected(address) as connection:
        with explained(address):
            await connection.execute("SET idle_in_transaction_session_timeout TO 0")
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            numbers = dict(await key_numbers(connection))
            check_keys(numbers, ring, address)
            reader = Reader(_One(connection), Vault(ring, lambda: numbers), numbers)
            problems = [text for (text,) in await reader.look(_DISORDER)]
        tasks = records = 0
        async for stored, found in _histories(address, reader):
            tasks += 1
            if isinstance(found, str):
                problems.append(f"task {stored.task_id}: {found}")
            else:
                records += len(found)
                problems += differences(stored, found)
        with explained(address):
            problems += [text async for text in reader.unreadable_memos()]
        return Checked(tasks=tasks, records=records, problems=tuple(problems))


async def _histories(address: StoreAddress, reader: Reader) -> AsyncIterator[tuple[Stored, Sequence[Record] | str]]:
    number = 0
    while True:
        with explained(address):
            page = list(map(queries.stored, await reader.rows(queries.tasks(number, _BATCH))))
        if not page:
            return
        for stored in page:
            try:
                with serving(address):
                    yield stored, [record async for _, turn in reader.turns(stored.task_id) for record in turn]
            except UnderstudyError as fault:
                yield stored, str(fault)
        number = page[-1].number


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
            check_keys(await key_numbers(connection), ring, address)
            return await reseal(connection, address, ring)


_DISORDER: Final = """
SELECT format('task %s: its turns have %s records up to %s, and the next begin at %s', task, ordinal, ordinal + records, next)
FROM (SELECT task, ordinal, records, lead(ordinal) OVER (PARTITION BY task ORDER BY ordinal) AS next FROM turns) AS t
WHERE next <> ordinal + records
UNION ALL
SELECT format('records from %s reach to %s, and the next begin at %s', position, position + records - 1, next)
FROM (SELECT position, records, lead(position) OVER (ORDER BY position) AS next FROM turns) AS t
WHERE position + records > next
UNION ALL
SELECT format('records from %s are of no task', position) FROM turns
WHERE NOT EXISTS (SELECT FROM tasks WHERE number = task)
LIMIT 20
"""
