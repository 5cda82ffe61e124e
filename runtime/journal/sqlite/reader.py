"""The connection that reads. In a write-ahead log a reader never waits for a writer, nor a writer for it.

Sync: a look-up takes microseconds. What may be long, the records of one task, is given in pieces.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import apsw
from msgspec.json import encode as json_encode

from runtime.journal import queries
from runtime.journal.codec import RecordUnreadable, decode_template, decode_turn
from runtime.journal.keys import KeyRing
from runtime.journal.protocol import MOST_BYTES_TOGETHER, MOST_TURNS_TOGETHER, Committed, Record, Stored
from runtime.journal.queries import EncodedTurn, Query, short_histories
from runtime.journal.sqlite import memos
from runtime.journal.sqlite.schema import next_position
from runtime.journal.vault import Vault, template_context, turn_context
from runtime.templates.model import Template

_TEMPLATES_KEPT: Final = 256
_PIECE: Final = 32
"""How many turns are read at a time."""


class Reader:
    """A reading connection of a store; it owns `connection`."""

    def __init__(self, connection: apsw.Connection, ring: KeyRing | None) -> None:
        connection.pragma("query_only", 1)
        self._connection = connection
        self._vault = Vault(ring, self._key_numbers)
        self._templates: OrderedDict[bytes, Template] = OrderedDict()

    def _key_numbers(self) -> Mapping[bytes, int]:
        return {fingerprint: number for number, fingerprint in self._connection.execute("SELECT * FROM keys")}

    def turns(self, task_id: str) -> Iterator[Sequence[Record]]:
        """Give the records of one task, a piece at a time."""
        position: Any = 0
        while True:
            rows = self._connection.execute(_TURNS, (task_id, position, _PIECE)).fetchall()
            yield [record for row in rows for record in self._decode(task_id, *row)]
            if len(rows) < _PIECE:
                return
            position = rows[-1][0]

    def histories(self, task_ids: Sequence[str]) -> Mapping[str, Sequence[EncodedTurn]]:
        """Give the turns of each of these tasks, as they are stored, but of those that have many, or a large one."""
        bindings = (json_encode(task_ids).decode(), MOST_TURNS_TOGETHER + 1, MOST_BYTES_TOGETHER)
        return short_histories(self._connection.execute(_HISTORIES, bindings))

    def decoded(self, task_id: str, turns: Sequence[EncodedTurn]) -> Sequence[Record]:
        """Give the records of turns of one task.

        Raises:
            RecordUnreadable, SealBroken: they are none.
        """
        return [record for turn in turns for record in self._decode(task_id, *turn)]

    def _decode(self, task_id: str, position: Any, key: Any, body: Any) -> Sequence[Record]:
        return decode_turn(self._vault.open(key, body, turn_context(task_id, position)), self._template)

    def _template(self, digest: bytes) -> Template:
        """Give a template; tasks that follow each other share it, as those who submitted them did."""
        template = self._templates.get(digest)
        if template is None:
            row = self._connection.execute("SELECT key, body FROM templates WHERE hash = ?", (digest,)).fetchone()
            if row is None:
                raise RecordUnreadable("the template of a task is missing")
            key, body = row
            template = self._templates[digest] = decode_template(self._vault.open(key, body, template_context(digest)))
            if len(self._templates) > _TEMPLATES_KEPT:
                self._templates.popitem(last=False)
        return template

    def since(self, position: int, task_id: str, limit: int) -> Sequence[Committed]:
        """See `Journal.since`."""
        statement, bindings = (_SINCE_OF, (position, limit, task_id)) if task_id else (_SINCE, (position, limit))
        rows: Any = self._connection.execute(statement, bindings)
        return [Committed(first, owner, self._decode(owner, first, key, body)) for first, owner, key, body in rows]

    def last_position(self) -> int:
        """See `Journal.last_position`."""
        return next_position(self._connection) - 1

    def recall(self, identity: bytes, at: float) -> bytes | None:
        """See `Shelf.recall`."""
        return memos.recall(self._connection, self._vault, identity, at)

    def unreadable_memos(self) -> Iterator[str]:
        """Name what steps remember that does not open."""
        return memos.unreadable(self._connection, self._vault)

    def tasks(self, after: int, limit: int) -> Sequence[Stored]:
        """See `Journal.tasks`."""
        return self._list(queries.tasks(after, limit))

    def awake(self, after: int, limit: int) -> Sequence[Stored]:
        """See `Journal.awake`."""
        return self._list(queries.awake(after, limit))

    def due(self, until: float, after: tuple[float, int], limit: int) -> Sequence[Stored]:
        """See `Journal.due`."""
        return self._list(queries.due(until, after, limit))

    def next_due(self, after: float) -> float | None:
        """See `Journal.next_due`."""
        query = queries.next_due(after)
        due: float | None = self._connection.execute(query.text, query.values).get
        return due

    def _list(self, query: Query) -> Sequence[Stored]:
        return list(map(queries.stored, self._connection.execute(query.text, query.values)))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


_TURNS: Final = (
    "SELECT position, key, body FROM turns WHERE task = (SELECT number FROM tasks WHERE id = ?) AND position > ?"
    " ORDER BY position LIMIT ?"
)
_HISTORIES: Final = (
    "SELECT tasks.id, position, turns.key, CASE WHEN length(body) <= ?3 THEN body END"
    " FROM json_each(?1) AS wanted CROSS JOIN tasks ON tasks.id = wanted.value"
    " CROSS JOIN turns ON position IN (SELECT position FROM turns WHERE task = tasks.number ORDER BY position LIMIT ?2)"
    " ORDER BY tasks.number, position"
)
_SINCE: Final = (
    "SELECT position, id, turns.key, body FROM turns JOIN tasks ON turns.task = tasks.number"
    " WHERE position >= coalesce((SELECT max(position) FROM turns WHERE position <= ?1), 0)"
    " AND position + records - 1 > ?1 ORDER BY position LIMIT ?2"
)
_SINCE_OF: Final = (
    "SELECT position, id, turns.key, body FROM turns JOIN tasks ON turns.task = tasks.number"
    " WHERE task = (SELECT number FROM tasks WHERE id = ?3) AND position + records - 1 > ?1 ORDER BY position LIMIT ?2"
)
