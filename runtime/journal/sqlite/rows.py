"""Turns as rows: what a group of appends stores, laid out for the one statement of its commit.

A statement is a round trip out of Python and back, and in a busy program the way back has to wait for the interpreter. So a
group is one: of the turns alone, as most are; of turns that say where their task stands, too; or of new tasks among them,
if lists find those by nobody's name and by no tag. What takes more is done by `writer`.

Positions count from where the group begins, which is known for sure once it is its turn. So a group can be laid out ahead,
by those who made it and have it at hand; sealed, if they know where it will begin.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import attrs

from runtime.frozen import value
from runtime.journal.listing import Listing
from runtime.journal.turns import Turn, encode_listing
from runtime.journal.vault import Sealer, turn_context

MOST: Final = 64
"""How many rows one statement takes."""


class Insert:
    """A statement that inserts a list of rows, in their order. `width`: how many values a row has.

    It is written out for 2, 4, 8, ... rows, and what is left of them is empty: SQLite takes longer to compile a statement
    than to run it, and groups are of all sizes. The first value of a row is never NULL. One row is said plainly: what is
    selected and goes to a view is laid down in a table of its own first.
    """

    def __init__(self, into: str, *columns: str) -> None:
        self._into, self._columns = into, columns
        self.width: Final = len(columns)
        self._one: Final = f"{into} VALUES ({', '.join([column.format('?') for column in columns])})"
        self._texts: dict[int, str] = {}

    def batches(self, values: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
        """Give the statements for rows laid end to end."""
        width = self.width
        for start in range(0, len(values), MOST * width):
            batch = values[start : start + MOST * width]
            if len(batch) == width:
                yield self._one, batch
                continue
            rows = 1 << (len(batch) // width - 1).bit_length()
            yield self._text(rows), (*batch, *[None] * (rows * width - len(batch)))

    def _text(self, rows: int) -> str:
        text = self._texts.get(rows)
        if text is None:
            columns = ", ".join(column.format(f"column{at}") for at, column in enumerate(self._columns, 1))
            values = ", ".join([f"({', '.join('?' * self.width)})"] * rows)
            source = f"(VALUES {values}) WHERE column1 IS NOT NULL"
            text = f"{self._into} SELECT {columns} FROM {source}"  # noqa: S608 - made of constants of this package
            self._texts[rows] = text
        return text


@value
class LaidOut:
    """A group that takes one statement. That asks for the position where the group begins, and then for `values`.

    Attributes:
        records: how many the group has.
        starts: where those of each append begin.
        templates: the hashes of the templates that have to be stored already.
        begins: where the group has to begin: what is sealed opens nowhere else. None: anywhere.
    """

    sql: str
    values: Sequence[Any]
    records: int
    starts: Sequence[int]
    templates: frozenset[bytes]
    begins: int | None


def lay_out(group: Sequence[Sequence[Turn]], sealer: Sealer | None, begins: int) -> LaidOut | None:
    """Lay out the turns of several appends, in the clear if nothing seals them; None: it takes more than one statement."""
    turns: list[Turn] = []
    starts: list[int] = []
    records = 0
    for some in group:
        starts.append(records)
        turns += some
        for turn in some:
            records += turn.records
    if not turns or len(turns) > MOST:
        return None
    kind, templates = _PLAIN, _NONE
    moved = [turn for turn in turns if turn.standing is not None]
    if moved:
        listed = [turn for turn in moved if turn.listing is not None]
        if not all(map(_simply_begins, listed)):
            return None
        kind = _BIRTHS if listed else ARRIVALS
        templates = frozenset([turn.template[0] for turn in listed if turn.template is not None])
    [(sql, bindings)] = kind.insert.batches(kind.rows(turns, sealer, begins))
    return LaidOut(sql, bindings, records, starts, templates, None if sealer is None else begins)


def _simply_begins(turn: Turn) -> bool:
    """Say whether all there is to store of what is listed anew is its row: it begins, and nobody finds it otherwise."""
    listing = turn.listing
    return (
        turn.template is not None
        and listing is not None
        and not listing.tags
        and next(listing.involved(), None) is None
    )


@attrs.frozen
class _Kind:
    """What is inserted for each turn: itself, and behind it what there is to say of its task.

    Attributes:
        unmoved: that, where the turn does not say where its task stands.
        moved: and where it does.
    """

    insert: Insert
    unmoved: tuple[None, ...] = ()
    moved: Callable[[Turn], tuple[Any, ...]] = lambda _turn: ()

    def rows(self, turns: Sequence[Turn], sealer: Sealer | None, begins: int) -> list[Any]:
        """Give their rows, laid end to end."""
        values: list[Any] = []
        unmoved, moved = self.unmoved, self.moved
        start = 0
        for turn in turns:
            key, body = None, turn.body
            if sealer is not None:
                key, body = sealer.seal(body, turn_context(turn.task_id, begins + start))
            values += (start, turn.task_id, turn.records, key, body)
            values += unmoved if turn.standing is None else moved(turn)
            start += turn.records
        return values


def task_row(turn: Turn) -> tuple[Any, ...]:
    """Give the row of a new task, for `TASKS`."""
    digest, *listing = _first(turn)
    return turn.task_id, digest, *_standing(turn), *listing


def _first(turn: Turn) -> tuple[Any, ...]:
    """Give what is stored of a new task besides its turn and where it stands."""
    if turn.template is None or turn.listing is None:
        raise AssertionError("what is new has a template, and is listed")
    return turn.template[0], *listing_columns(turn.listing)


def listing_columns(listing: Listing) -> tuple[Any, ...]:
    """Give what is stored of a listing in the row of its task."""
    return listing.template, listing.batch, listing.resolution, listing.flow, encode_listing(listing)


def _standing(turn: Turn) -> tuple[Any, ...]:
    standing = turn.standing
    if standing is None:
        return _STANDS_AS_BEFORE
    return (
        standing.state,
        standing.awake,
        standing.due,
        standing.run,
        turn.changed,
        standing.task,
        standing.steps_done,
    )


def _moved(turn: Turn) -> tuple[Any, ...]:
    return _standing(turn) if turn.template is None else _STANDS_AS_BEFORE  # its row is there already, and says it


def _born(turn: Turn) -> tuple[Any, ...]:
    return (*_standing(turn), *(_NOT_NEW if turn.template is None else _first(turn)))


_STANDS: Final = "state, awake, due, run, changed, shown, steps_done"
_LISTED: Final = "kind, batch, resolution, flow, listing"
_STANDS_AS_BEFORE: Final = (None,) * 7
_NOT_NEW: Final = (None,) * 6
_NONE: Final[frozenset[bytes]] = frozenset()
_POSITION: Final = "?1 + {}"
_PLAIN: Final = _Kind(
    Insert(
        "INSERT INTO turns (position, task, records, key, body)",
        _POSITION,
        "(SELECT number FROM tasks WHERE id = {})",
        *["{}"] * 3,
    )
)
ARRIVALS: Final = _Kind(
    Insert(f"INSERT INTO arrivals (position, id, records, key, body, {_STANDS})", _POSITION, *["{}"] * 11),
    _STANDS_AS_BEFORE,
    _moved,
)
"""Turns of tasks that are stored, or are by now."""
_BIRTHS: Final = _Kind(
    Insert(
        f"INSERT INTO births (position, id, records, key, body, {_STANDS}, template, {_LISTED})",
        _POSITION,
        *["{}"] * 17,
    ),
    _STANDS_AS_BEFORE + _NOT_NEW,
    _born,
)
BIRTHS_VIEW: Final = """
CREATE TEMP VIEW births (
    position, id, records, key, body, state, awake, due, run, changed, shown, steps_done,
    template, kind, batch, resolution, flow, listing
) AS SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
WHERE false;
CREATE TEMP TRIGGER bear INSTEAD OF INSERT ON births WHEN NEW.template IS NOT NULL BEGIN
    INSERT INTO tasks (id, template, state, awake, due, run, changed, shown, steps_done,
        kind, batch, resolution, flow, listing)
    VALUES (NEW.id, (SELECT number FROM templates WHERE hash = NEW.template), NEW.state, NEW.awake, NEW.due, NEW.run,
        NEW.changed, NEW.shown, NEW.steps_done, NEW.kind, NEW.batch, NEW.resolution, NEW.flow, NEW.listing);
    INSERT INTO turns (position, task, records, key, body)
    VALUES (NEW.position, last_insert_rowid(), NEW.records, NEW.key, NEW.body);
END;
CREATE TEMP TRIGGER go_on INSTEAD OF INSERT ON births WHEN NEW.template IS NULL BEGIN
    INSERT INTO arrivals (position, id, records, key, body, state, awake, due, run, changed, shown, steps_done)
    VALUES (NEW.position, NEW.id, NEW.records, NEW.key, NEW.body, NEW.state,
        NEW.awake, NEW.due, NEW.run, NEW.changed, NEW.shown, NEW.steps_done);
END;
"""
"""`arrivals`, and for new tasks more: only the connection that writes knows it, so no store has it."""
TEMPLATES: Final = Insert("INSERT OR IGNORE INTO templates (hash, key, body)", *["{}"] * 3)
TASKS: Final = Insert(
    f"INSERT INTO tasks (id, template, {_STANDS}, {_LISTED})",
    "{}",
    "(SELECT number FROM templates WHERE hash = {})",
    *["{}"] * 12,
)
