"""Looking tasks up in a store by what lists show of them.

Sync. A look-up may have to read all tasks, for one to count them, so these are for a thread, and a connection, of
their own.
"""

from collections.abc import Mapping, Sequence

import apsw

from runtime.journal import queries
from runtime.journal.listing import Count, Wanted
from runtime.journal.protocol import Listed, Place
from runtime.journal.queries import Query


class Lists:
    """A connection that lists are made on; it owns `connection`."""

    def __init__(self, connection: apsw.Connection) -> None:
        connection.pragma("query_only", 1)
        self._connection = connection

    def find(self, wanted: Wanted, before: Place | None, limit: int) -> Sequence[Listed]:
        """See `Journal.find`."""
        return list(map(queries.listed, self._rows(queries.find(wanted, before, limit))))

    def look_up(self, task_id: str) -> Listed | None:
        """See `Journal.look_up`."""
        return next(map(queries.listed, self._rows(queries.look_up(task_id))), None)

    def of_resolution(self, resolution_id: str) -> str | None:
        """See `Journal.of_resolution`."""
        found: str | None = self._rows(queries.of_resolution(resolution_id)).get
        return found

    def count(self, tags: Mapping[str, str]) -> Sequence[Count]:
        """See `Journal.count`."""
        return list(map(queries.counted, self._rows(queries.count(tags))))

    def unlisted(self, limit: int) -> Sequence[str]:
        """Give ids of tasks from before there were lists."""
        rows = self._connection.execute("SELECT id FROM tasks WHERE listing IS NULL ORDER BY number LIMIT ?", (limit,))
        return [task_id for (task_id,) in rows]

    def _rows(self, query: Query) -> apsw.Cursor:
        return self._connection.execute(query.text, query.values)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
