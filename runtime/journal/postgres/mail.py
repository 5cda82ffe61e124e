"""Letters between instances: a row until they are fetched, sealed as everything else is.

Delivery is fast and not durable: a server that crashes may lose letters, and a receiver that dies takes its own along.

A receiver reads its letters first, and deletes those that it has, of which it hears, before it gives them to anybody:
so a link that is lost takes no letter along, and none is given twice. Whoever wants a letter back gets it only from a
receiver that is gone (its row is): where that row is there after ours were deleted, nobody can have taken them back.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

from runtime.journal.postgres.pool import Pool
from runtime.journal.postgres.reader import Reader
from runtime.journal.shared import Letter
from runtime.journal.vault import SealBroken, Vault

_Row: TypeAlias = tuple[int, int, bool, int | None, bytes]
"""A letter as it is stored: sender, conversation, answer, key, body."""


class Mail:
    """What the instance `me` sends and gets."""

    def __init__(self, me: int, channel: str, pool: Pool, reader: Reader, vault: Vault) -> None:
        self._me = me
        self._channel = channel
        self._pool = pool
        self._reader = reader
        self._vault = vault
        self._read: dict[int, _Row] = {}
        """The letters that were read and not given to anybody yet, by their numbers. They may be in the store, too."""

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
        """Take what is there. What cannot be opened is given all the same, and empty: somebody waits for an answer."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_READ, [self._me], prepare=True)
            self._read.update((number, (*row,)) for number, *row in await cursor.fetchall())
            if not self._read:
                return ()
            cursor = await connection.execute(_TAKE, {"me": self._me, "numbers": list(self._read)})
            [alive] = await cursor.fetchone() or (0,)
        letters = [await self._letter(*row) for _, row in sorted(self._read.items()) if alive]
        self._read.clear()
        return letters

    async def _letter(self, sender: int, conversation: int, answer: bool, key: int | None, body: bytes) -> Letter:
        try:
            opened = await self._reader.open(key, body, _context(self._me, conversation))
        except SealBroken:
            opened = b""
        return Letter(sender, conversation, answer, opened)

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
_READ: Final = "SELECT number, sender, conversation, answer, key, body FROM mail WHERE receiver = %s"
_TAKE: Final = """
WITH me AS MATERIALIZED (SELECT number FROM instances WHERE number = %(me)s::bigint FOR KEY SHARE),
taken AS (DELETE FROM mail USING me WHERE receiver = me.number AND mail.number = ANY(%(numbers)s::bigint[]))
SELECT count(*) FROM me
"""
_TAKE_BACK: Final = "DELETE FROM mail WHERE receiver = %s AND sender = %s AND conversation = %s AND NOT answer"
