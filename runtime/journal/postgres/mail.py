"""Letters between instances: a row until they are fetched, sealed as everything else is.

Delivery is fast and not durable: a server that crashes may lose letters, and a receiver that dies takes its own along.
"""

from collections.abc import Sequence
from typing import Final

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
        values = {
            "receiver": receiver,
            "sender": self._me,
            "conversation": conversation,
            "answer": answer,
            "key": key,
            "body": sealed,
            "channel": self._channel,
            "word": f"mail {receiver}",
        }
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_SEND, values, prepare=True)
            row = await cursor.fetchone()
        return row is not None and row[0] > 0

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


_SEND: Final = """
WITH sent AS (
    INSERT INTO mail (receiver, sender, conversation, answer, key, body)
    SELECT %(receiver)s::bigint, %(sender)s::bigint, %(conversation)s::bigint, %(answer)s::boolean, %(key)s::integer,
           %(body)b::bytea
    WHERE EXISTS (SELECT FROM instances WHERE number = %(receiver)s::bigint)
    RETURNING number
)
SELECT count(*), set_config('synchronous_commit', 'off', true), pg_notify(%(channel)s::text, %(word)s::text) FROM sent
"""
_FETCH: Final = "DELETE FROM mail WHERE receiver = %s RETURNING number, sender, conversation, answer, key, body"
_TAKE_BACK: Final = "DELETE FROM mail WHERE receiver = %s AND sender = %s AND conversation = %s AND NOT answer"
