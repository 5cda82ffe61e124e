"""Sealing a whole store with the primary key of the ring, beside the instances that use it; see `Journal.reseal`.

A few rows at a time, each commit a step forward: what was interrupted goes on when it is called again. Nothing that
other keys sealed, or that is in the clear, is left at the end: the store forgets the other keys, which it would refuse
to do if a row still needed one.
"""

from collections.abc import Callable
from typing import Any, Final

import attrs
import psycopg
import trio

from runtime.journal.keys import KeyRing
from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.database import key_numbers
from runtime.journal.postgres.driver import TrioConnection
from runtime.journal.protocol import StoreUnusable
from runtime.journal.vault import LOOK_SECONDS, Vault, memo_context, template_context, turn_context

_BATCH: Final = 128
_PASSES: Final = 20
"""How often the rows that instances add meanwhile are looked for."""


@attrs.frozen
class _Sealed:
    """A table of sealed rows: what selects the next ones (identity, the two things that its context is made of, key, body)."""

    select: str
    update: str
    first: Any
    context: Callable[[Any, Any], bytes]


async def reseal(connection: TrioConnection, address: StoreAddress, ring: KeyRing) -> int:
    """Seal all anew that is not sealed with the primary key; give how many rows that were.

    Raises:
        StoreUnusable: an instance goes on using another key, or got its key ring from its environment.
    """
    cursor = await connection.execute("SELECT name FROM instances WHERE NOT keys_from_file LIMIT 1")
    stubborn = await cursor.fetchone()
    if stubborn is not None:
        raise StoreUnusable(
            f"the store {address.shown} is in use by {stubborn[0]}, which did not read its keys from a file and so cannot "
            "be given a new one: stop it first, or start it again with the new key ring in a file"
        )
    insert = "INSERT INTO keys (fingerprint) VALUES (%s) ON CONFLICT DO NOTHING"
    await connection.execute(insert, [ring.primary.fingerprint])
    numbers = await key_numbers(connection)
    vault, number = Vault(ring, lambda: numbers), numbers[ring.primary.fingerprint]
    sealed = 0
    for number_of_pass in range(_PASSES):
        if number_of_pass > 1:  # somebody has yet to notice that there is another key
            await trio.sleep(LOOK_SECONDS / 4)
        done = 0
        for table in _TABLES:
            done += await _reseal(connection, table, vault, number)
        sealed += done
        if done == 0 and await _forget_other_keys(connection, number):
            return sealed
    raise StoreUnusable(
        f"the store {address.shown} keeps getting rows that are sealed with another key than {ring.primary.name}: "
        "restart the instances that use it with this key ring, then call this again"
    )


async def _reseal(connection: TrioConnection, table: _Sealed, vault: Vault, number: int) -> int:
    identity, done = table.first, 0
    while True:
        async with connection.transaction():
            cursor = await connection.execute(table.select, [identity, number, _BATCH])
            rows = await cursor.fetchall()
            for identity, owner, place, key, body in rows:
                context = table.context(owner, place)
                await connection.execute(table.update, [*vault.seal(vault.open(key, body, context), context), identity])
        done += len(rows)
        if not rows:
            return done


async def _forget_other_keys(connection: TrioConnection, number: int) -> bool:
    try:
        await connection.execute("DELETE FROM keys WHERE number <> %s", [number])
    except psycopg.errors.ForeignKeyViolation:
        return False
    cursor = await connection.execute(
        "SELECT EXISTS (SELECT FROM turns WHERE key IS NULL) OR EXISTS (SELECT FROM templates WHERE key IS NULL)"
        " OR EXISTS (SELECT FROM memos WHERE key IS NULL)"
    )
    row = await cursor.fetchone()
    return row is not None and not row[0]


_TURNS: Final = _Sealed(
    "SELECT position, id, ordinal, key, body FROM turns JOIN tasks ON task = tasks.number"
    " WHERE position > %s AND key IS DISTINCT FROM %s ORDER BY position LIMIT %s FOR UPDATE OF turns",
    "UPDATE turns SET key = %s, body = %s WHERE position = %s",
    first=0,
    context=turn_context,
)
_TEMPLATES: Final = _Sealed(
    "SELECT hash, hash, 0, key, body FROM templates"
    " WHERE hash > %s AND key IS DISTINCT FROM %s ORDER BY hash LIMIT %s FOR UPDATE",
    "UPDATE templates SET key = %s, body = %s WHERE hash = %s",
    first=b"",
    context=lambda digest, _: template_context(digest),
)
_MEMOS: Final = _Sealed(
    "SELECT number, identity, until, key, body FROM memos"
    # One that somebody replaces just now is left to the next pass: they and we lock memos in different orders.
    " WHERE number > %s AND key IS DISTINCT FROM %s ORDER BY number LIMIT %s FOR UPDATE SKIP LOCKED",
    "UPDATE memos SET key = %s, body = %s WHERE number = %s",
    first=0,
    context=memo_context,
)
_TABLES: Final = (_TEMPLATES, _TURNS, _MEMOS)
