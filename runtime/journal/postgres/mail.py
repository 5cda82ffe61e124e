"""Letters between instances: a row until they are fetched, sealed as everything else is.

Delivery is fast and not durable: a server that crashes may lose letters, and a receiver that dies takes its own along.
"""

from collections.abc import Sequence
from typing import Final

import psycopg

from runtime.journal.postgres.pool import Pool
from runtime.journal.shared import Letter
from runtime.journal.vault import Vault


class Mail:
    """What the instance `me` sends and gets."""

    def __init__(self, me: int, channel: str, pool: Pool, vault: Vault) -> None:
        self._me = me
        self._channel = channel
        self._pool = pool
        self._vault = vault

    async def send(self, receiver: int, conversation: int, body: bytes, *, answer: bool) -> bool:
        """Send a letter; False where there is nobody to get it."""
        key, sealed = self._vault.seal(body, _context(receiver, conversation))
        async with self._pool.connection() as connection:
            try:
                async with connection.pipeline(), connection.transaction():
                    await connection.execute("SET LOCAL synchronous_commit TO off")
                    await connection.execute(_SEND, [receiver, self._me, conversation, answer, key, sealed])
                    await connection.execute("SELECT pg_notify(%s, %s)", [self._channel, f"mail {receiver}"])
            except psycopg.errors.ForeignKeyViolation:
                return False
        return True

    async def fetch(self) -> Sequence[Letter]:
        """Take what is there."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_FETCH, [self._me])
            rows = sorted(await cursor.fetchall())
        return [
            Letter(sender, conversation, answer, self._vault.open(key, body, _context(self._me, conversation)))
            for _, sender, conversation, answer, key, body in rows
        ]

    async def take_back(self, receiver: int, conversation: int) -> bool:
        """Take a letter back that was not fetched; False where it was."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_TAKE_BACK, [receiver, self._me, conversation])
            return cursor.rowcount > 0


def _context(receiver: int, conversation: int) -> bytes:
    return b"letter\x00%d\x00%d" % (receiver, conversation)


_SEND: Final = "INSERT INTO mail (receiver, sender, conversation, answer, key, body) VALUES (%s, %s, %s, %s, %s, %s)"
_FETCH: Final = "DELETE FROM mail WHERE receiver = %s RETURNING number, sender, conversation, answer, key, body"
_TAKE_BACK: Final = "DELETE FROM mail WHERE receiver = %s AND sender = %s AND conversation = %s AND NOT answer"
