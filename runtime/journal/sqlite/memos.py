"""What steps remember for each other (`runtime.cache`), in its table: sealed rows, and their total, which triggers keep.

Sync, for the thread that has the connection.
"""

from collections.abc import Iterator
from typing import Any, Final

import apsw

from runtime.cache import Memo, Room
from runtime.journal.vault import SealBroken, Vault, memo_context

_SWEPT: Final = 32
"""How many memos that are worth nothing any more go with one that comes: more than come, so that they never gather."""


def remember(connection: apsw.Connection, vault: Vault, memo: Memo, room: Room, at: float) -> None:
    """Keep a memo; see `Shelf.remember`. For use in a transaction."""
    key, body = vault.seal(memo.body, memo_context(memo.identity, memo.until))
    forget_expired(connection, at, _SWEPT)
    forget(connection, memo.identity)
    connection.execute(_KEEP, (memo.identity, memo.until, memo.size, key, body))
    while connection.execute(_TOO_MUCH, (room.memos, room.bytes)).get:
        connection.execute("DELETE FROM memos WHERE number = (SELECT min(number) FROM memos)")


def recall(connection: apsw.Connection, vault: Vault, identity: bytes, at: float) -> bytes | None:
    """Give what is remembered; see `Shelf.recall`."""
    row: Any = connection.execute(_RECALL, (identity, at)).fetchone()
    return None if row is None else vault.open(row[1], row[2], memo_context(identity, row[0]))


def forget(connection: apsw.Connection, identity: bytes) -> None:
    """Forget a memo; see `Shelf.forget`."""
    connection.execute("DELETE FROM memos WHERE identity = ?", (identity,))


def forget_expired(connection: apsw.Connection, at: float, limit: int) -> int:
    """Forget what is worth nothing any more; see `Shelf.forget_expired`."""
    return len(connection.execute(_SWEEP, (at, limit)).fetchall())


def unreadable(connection: apsw.Connection, vault: Vault) -> Iterator[str]:
    """Name the memos that do not open."""
    for number, identity, until, key, body in connection.execute(_ALL):
        try:
            vault.open(key, body, memo_context(identity, until))
        except SealBroken as fault:
            yield f"memo {number}: {fault}"


_KEEP: Final = "INSERT INTO memos (identity, until, size, key, body) VALUES (?, ?, ?, ?, ?)"
_TOO_MUCH: Final = "SELECT memos > ? OR bytes > ? FROM memos_total"
_RECALL: Final = "SELECT until, key, body FROM memos WHERE identity = ? AND (until IS NULL OR until > ?)"
_ALL: Final[str] = "SELECT number, identity, until, key, body FROM memos"
_SWEEP: Final = (
    "DELETE FROM memos WHERE number IN (SELECT number FROM memos WHERE until <= ? ORDER BY until LIMIT ?) RETURNING 1"
)
