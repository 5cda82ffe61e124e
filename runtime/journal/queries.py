"""How tasks are found in a store's table of them: statements that any of our databases takes, and what their rows mean.

A `Query` has a ``?`` for every value; a database that marks them otherwise replaces them. What they read is described
by `runtime.journal.sqlite.schema`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from runtime.engine.states import ResolutionState, TaskState
from runtime.journal.listing import Count, Wanted
from runtime.journal.protocol import MOST_TURNS_TOGETHER, Listed, Place, Standing, Stored
from runtime.journal.turns import decode_listing


@attrs.frozen
class Query:
    """A statement and its values, in order."""

    text: str
    values: Sequence[Any] = ()


def find(wanted: Wanted, before: Place | None, limit: int) -> Query:
    """See `Journal.find`; rows are those of `listed`."""
    conditions = list(_conditions(wanted))
    if before is not None:
        conditions.append(("(changed, number) < (?, ?)", before))
    order = "ORDER BY changed DESC, number DESC LIMIT ?"
    return Query(f"{_LISTED} WHERE {_all(conditions)} {order}", [*_values(conditions), limit])


def look_up(task_id: str) -> Query:
    """See `Journal.look_up`; rows are those of `listed`."""
    return Query(f"{_LISTED} WHERE id = ?", [task_id])


def of_resolution(resolution_id: str) -> Query:
    """See `Journal.of_resolution`; a row is an id."""
    return Query("SELECT id FROM tasks WHERE resolution <> '' AND resolution = ?", [resolution_id])


def count(tags: Mapping[str, str]) -> Query:
    """See `Journal.count`; rows are those of `counted`."""
    conditions = list(_conditions(Wanted(tags=tags)))
    return Query(_COUNT.format(where=_all(conditions)), _values(conditions))


def tasks(after: int, limit: int) -> Query:
    """See `Journal.tasks`; rows are those of `stored`."""
    return Query(f"{_STORED} WHERE number > ? ORDER BY number LIMIT ?", (after, limit))


def awake(after: int, limit: int) -> Query:
    """See `Journal.awake`; rows are those of `stored`."""
    return Query(f"{_STORED} WHERE awake AND number > ? ORDER BY number LIMIT ?", (after, limit))


def due(until: float, after: tuple[float, int], limit: int) -> Query:
    """See `Journal.due`; rows are those of `stored`."""
    which = "WHERE due IS NOT NULL AND due <= ? AND (due, number) > (?, ?) ORDER BY due, number LIMIT ?"
    return Query(f"{_STORED} {which}", (until, *after, limit))


def next_due(after: float) -> Query:
    """See `Journal.next_due`; a row is a time."""
    return Query("SELECT due FROM tasks WHERE due IS NOT NULL AND due > ? ORDER BY due LIMIT 1", (after,))


def stored(row: Sequence[Any]) -> Stored:
    """Give the task of a row: number, id, state, awake, due, run."""
    number, task_id, state, is_awake, is_due, run = row
    return Stored(number, task_id, Standing(ResolutionState(state), bool(is_awake), is_due, run))


def listed(row: Sequence[Any]) -> Listed:
    """Give the task of a row, as it is listed."""
    number, task_id, state, is_awake, is_due, run, shown, steps_done, changed, listing = row
    standing = Standing(ResolutionState(state), bool(is_awake), is_due, run, TaskState(shown), steps_done)
    return Listed(number, task_id, standing, changed, decode_listing(listing))


def counted(row: Sequence[Any]) -> Count:
    """Give the count of a row."""
    state, template, group, how_many = row
    return Count(TaskState(state), template, group, how_many)


def _all(conditions: Sequence[tuple[str, object]]) -> str:
    return " AND ".join([text for text, _ in conditions])


def _values(conditions: Sequence[tuple[str, Sequence[Any]]]) -> Sequence[Any]:
    return [value for _, values in conditions for value in values]


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
        most = wanted.state is TaskState.DONE  # said in words that let the index of the others be used
        yield f"shown = ?{'' if most else f' AND {_NOT_DONE}'}", [str(wanted.state)]
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


_STORED: Final = "SELECT number, id, state, awake, due, run FROM tasks"
_LISTED: Final = "SELECT number, id, state, awake, due, run, shown, steps_done, changed, listing FROM tasks"
_NOT_DONE: Final = "shown <> 'DONE'"
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


EncodedTurn: TypeAlias = tuple[int, int | None, bytes]
"""Where a turn is in its history, the number of the key that seals it, and its body."""


def short_histories(rows: Iterable[Sequence[Any]]) -> Mapping[str, Sequence[EncodedTurn]]:
    """Sort the turns of several tasks, each after its task's id, but for tasks with more than is read together.

    Of those there is a turn more than that, or one whose body is not there.
    """
    found: dict[str, list[EncodedTurn]] = {}
    for task_id, *turn in rows:
        found.setdefault(task_id, []).append((turn[0], turn[1], turn[2]))
    return {
        task_id: turns
        for task_id, turns in found.items()
        if len(turns) <= MOST_TURNS_TOGETHER and all(body is not None for _, _, body in turns)
    }
