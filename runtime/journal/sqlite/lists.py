"""Looking tasks up in a store by what lists show of them.

Sync. A look-up may have to read all tasks, for one to count them, so these are for a thread, and a connection, of
their own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import apsw
from msgspec import msgpack

from runtime.engine.states import ResolutionState, TaskState
from runtime.journal.listing import Count, Listing, Wanted
from runtime.journal.protocol import Listed, Place, Standing

_encoder: Final = msgpack.Encoder()
_decoder: Final = msgpack.Decoder(Listing)

encode_listing: Final = _encoder.encode


class Lists:
    """A connection that lists are made on; it owns `connection`."""

    def __init__(self, connection: apsw.Connection) -> None:
        connection.pragma("query_only", 1)
        self._connection = connection

    def find(self, wanted: Wanted, before: Place | None, limit: int) -> Sequence[Listed]:
        """See `Journal.find`."""
        conditions = list(_conditions(wanted))
        if before is not None:
            conditions.append(("(changed, number) < (?, ?)", before))
        bindings = [value for _, values in conditions for value in values]
        return self._listed(f"WHERE {_all(conditions)} ORDER BY changed DESC, number DESC LIMIT ?", [*bindings, limit])

    def look_up(self, task_id: str) -> Listed | None:
        """See `Journal.look_up`."""
        return next(iter(self._listed("WHERE id = ?", [task_id])), None)

    def of_resolution(self, resolution_id: str) -> str | None:
        """See `Journal.of_resolution`."""
        found: str | None = self._connection.execute(
            "SELECT id FROM tasks WHERE resolution <> '' AND resolution = ?", (resolution_id,)
        ).get
        return found

    def count(self, tags: Mapping[str, str]) -> Sequence[Count]:
        """See `Journal.count`."""
        conditions = list(_conditions(Wanted(tags=tags)))
        bindings = [one for _, values in conditions for one in values]
        rows = self._connection.execute(_COUNT.format(where=_all(conditions)), bindings)
        return [Count(TaskState(state), template, group, tasks) for state, template, group, tasks in rows]

    def unlisted(self, limit: int) -> Sequence[str]:
        """Give ids of tasks from before there were lists."""
        rows = self._connection.execute("SELECT id FROM tasks WHERE listing IS NULL ORDER BY number LIMIT ?", (limit,))
        return [task_id for (task_id,) in rows]

    def _listed(self, where: str, bindings: Sequence[Any]) -> Sequence[Listed]:
        rows = self._connection.execute(_COLUMNS + where, bindings)
        return [
            Listed(
                number,
                task_id,
                Standing(ResolutionState(state), bool(awake), due, run, TaskState(shown), steps_done),
                changed,
                _decoder.decode(listing),
            )
            for number, task_id, state, awake, due, run, shown, steps_done, changed, listing in rows
        ]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _all(conditions: Sequence[tuple[str, object]]) -> str:
    return " AND ".join([text for text, _ in conditions])


def _conditions(wanted: Wanted) -> Iterator[tuple[str, Sequence[Any]]]:
    yield "flow" if wanted.flows else "NOT flow", ()
    if wanted.about is not None:
        yield "number IN (SELECT task FROM involved WHERE role = ? AND name = ?)", tuple(map(str, wanted.about))
    if wanted.involving is not None:
        pairs = ", ".join(["(?, ?)"] * len(wanted.involving)) or "(NULL, NULL)"
        names = [text for role, name in sorted(wanted.involving) for text in (str(role), name)]
        one_of_them = f"number IN (SELECT task FROM involved WHERE (role, name) IN (VALUES {pairs}))"  # noqa: S608 - marks
        yield one_of_them, names
    if wanted.state is not None:
        finished = wanted.state.ended  # said in words that let the index of the others be used
        yield f"shown = ?{'' if finished else f' AND {_UNFINISHED}'}", [str(wanted.state)]
    if wanted.template:
        yield "kind = ?", [wanted.template]
    if wanted.batch:
        yield "batch <> '' AND batch = ?", [wanted.batch]
    if wanted.after is not None:
        yield "changed > ?", [wanted.after]
    if wanted.before is not None:
        yield "changed < ?", [wanted.before]
    for tag, value in wanted.tags.items():
        yield "number IN (SELECT task FROM tags WHERE name = ? AND value = ?)", [tag, value]


_COLUMNS: Final = "SELECT number, id, state, awake, due, run, shown, steps_done, changed, listing FROM tasks "
_UNFINISHED: Final = "shown NOT IN ('DONE', 'CANCELLED', 'WONTFIX')"
_COUNT: Final = """
WITH counted AS (SELECT number, shown, kind FROM tasks WHERE {where}),
grouped AS (
    SELECT number, shown, kind, coalesce(own.name, owner.name, '') AS name
    FROM counted
    LEFT JOIN involved AS own ON own.task = number AND own.role = 'resolver group'
    LEFT JOIN involved AS owner ON own.name IS NULL AND owner.task = number AND owner.role = 'owner group'
)
SELECT shown, kind, name, count(*) FROM grouped GROUP BY shown, kind, name ORDER BY shown, kind, name
"""
