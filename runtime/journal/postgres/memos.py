"""What steps of all instances remember for each other (`runtime.cache`): sealed rows, changed by functions of the store."""

from typing import Final

import psycopg

from runtime.cache import Memo, Room
from runtime.journal.postgres.database import renew_key
from runtime.journal.postgres.pool import Pool
from runtime.journal.postgres.reader import Reader
from runtime.journal.vault import Vault, memo_context

_TRIES: Final = 3
"""How often a memo is sealed: between sealing and storing, somebody may have the store forget the key."""


class Memos:
    """The memos of a store. `numbers`, the store's numbers of keys, is kept up to date for `vault`."""

    def __init__(self, pool: Pool, reader: Reader, vault: Vault, numbers: dict[bytes, int]) -> None:
        self._pool = pool
        self._reader = reader
        self._vault = vault
        self._numbers = numbers

    async def remember(self, memo: Memo, room: Room, at: float) -> None:
        """Keep a memo; see `Shelf.remember`."""
        for tries_left in reversed(range(_TRIES)):
            async with self._pool.connection() as connection:
                await renew_key(connection, self._vault, self._numbers)
                sealed = self._vault.seal(memo.body, memo_context(memo.identity, memo.until))
                values = (memo.identity, memo.until, memo.size, *sealed, room.memos, room.bytes, at)
                try:
                    await connection.execute(_REMEMBER, values, prepare=True)
                except psycopg.errors.ForeignKeyViolation:
                    if not tries_left:
                        raise
                    self._vault.doubt()
                else:
                    return

    async def recall(self, identity: bytes, at: float) -> bytes | None:
        """Give what is remembered; see `Shelf.recall`."""
        rows = await self._reader.look(_RECALL, [identity, at])
        for until, key, body in rows:
            return await self._reader.open(key, body, memo_context(identity, until))
        return None

    async def forget(self, identity: bytes) -> None:
        """Forget a memo; see `Shelf.forget`."""
        await self._reader.look("SELECT forget_memo(%s::bytea)", [identity])

    async def forget_expired(self, at: float, limit: int) -> int:
        """Forget what is worth nothing any more; see `Shelf.forget_expired`."""
        [(gone,)] = await self._reader.look("SELECT sweep_memos(%s::float8, %s::integer)", [at, limit])
        return int(gone)


_REMEMBER: Final = (
    "SELECT remember(%b::bytea, %s::float8, %s::integer, %s::integer, %b::bytea, %s::bigint, %s::bigint, %s::float8)"
)
_RECALL: Final = (
    "SELECT until, key, body FROM memos WHERE identity = %b::bytea AND (until IS NULL OR until > %s::float8)"
)
