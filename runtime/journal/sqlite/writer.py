"""The one connection that writes, and how a group of appends becomes one commit.

Sync, for one thread. A group costs as few statements as it can: each is a round trip out of Python and back, and in a
busy program the way back has to wait for the interpreter. Groups without a new task, which most are, are one statement
and no explicit transaction; so are those with new ones of templates that are stored, if lists find them by nobody's
name and by no tag. And before that statement, and behind it, the interpreter is kept for as short as can be: whoever is
told of a commit works only once the next one is on its way.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import apsw
import attrs

from runtime.cache import Memo, Room
from runtime.errors import Refused, Unavailable
from runtime.journal.health import Health, Storing
from runtime.journal.keys import KeyRing
from runtime.journal.listing import Listing
from runtime.journal.protocol import AlreadyStored, JournalUnavailable, Standing, StoreUnusable
from runtime.journal.sqlite import memos
from runtime.journal.sqlite.database import Opening, connect, unavailable
from runtime.journal.sqlite.schema import next_position
from runtime.journal.turns import Turn, encode_listing
from runtime.journal.vault import Vault, template_context, turn_context

_ROWS: Final = 64
"""How many rows one statement takes."""

_SYNCING: Final = frozenset({apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC})
"""The failures after which nobody knows what the disk holds."""


class Writer:
    """The writing connection of a store. `next_position` is that of the next record."""

    def __init__(self, opening: Opening, ring: KeyRing | None) -> None:
        self._path = opening.path
        self._connection = connect(opening)
        self._connection.execute(_BIRTHS_VIEW)
        self._inserting = self._connection.cursor()  # one for all: to make one costs a third of what a row does
        self._templates_stored: set[bytes] = set()
        self._unsure: Unavailable | None = None
        self.health = Health(str(self._path))
        try:
            check_keys(self._connection, ring, self._path)
            self.next_position = next_position(self._connection)
            self._vault = Vault(ring, self.key_numbers)
        except BaseException:
            self._connection.close()
            raise

    def key_numbers(self) -> Mapping[bytes, int]:
        """Give the store's numbers of keys, by fingerprint."""
        return {fingerprint: number for number, fingerprint in self._connection.execute("SELECT * FROM keys")}

    def commit(self, group: Sequence[Sequence[Turn]]) -> Sequence[int | Refused]:
        """Store the turns of several appends together. Gives the first position of each, or why it was not stored."""
        if self._unsure is not None:
            self.health.failed(Storing.COMMITS, str(self._unsure))
            return [self._unsure] * len(group)
        position = self.next_position
        positions: list[int] = []
        together: list[Turn] = []
        for turns in group:
            positions.append(position)
            together += turns
            for turn in turns:
                position += turn.records
        try:
            self._store(together)
        except apsw.ConstraintError as fault:
            if self._vault.renew():  # the store was sealed anew meanwhile, and takes nothing that the old key sealed
                return self.commit(group)
            # Or one of them is not what a journal takes: the others are not to blame.
            if len(group) == 1:
                known = self._known(group[0])
                return [known or JournalUnavailable(f"the store {self._path} refused it: {fault}")]
            return [outcome for turns in group for outcome in self.commit([turns])]
        except apsw.Error as fault:
            refusal = unavailable(self._path, fault)
            if isinstance(fault, apsw.IOError) and getattr(fault, "extendedresult", 0) in _SYNCING:
                # Whether it is stored is not known: only who opens the file again will see. Until then nothing may
                # follow it, for what the disk kept of it could come back under what is written then.
                self._unsure = refusal
            self.health.failed(Storing.COMMITS, str(refusal))
            return [refusal] * len(group)
        self.health.stored(Storing.COMMITS)
        self.next_position = position
        return positions

    def _known(self, turns: Sequence[Turn]) -> AlreadyStored | None:
        """Say which of those that begin have been stored before: looked up only once a commit has failed."""
        new = [turn.task_id for turn in turns if turn.template is not None]
        known = [task_id for task_id in new if self._connection.execute(_NUMBER, (task_id,)).get is not None]
        return AlreadyStored(known) if known else None

    def _store(self, turns: Sequence[Turn]) -> None:
        moved = [turn for turn in turns if turn.standing is not None]
        at_once = self._vault.missing is None and len(turns) <= _ROWS
        if at_once and not moved:
            self._insert(_TURNS, self._rows(turns, _TURNS_ONLY))
            return
        listed = [turn for turn in moved if turn.listing is not None]
        if at_once and not listed:
            self._insert(_ARRIVALS, self._rows(turns, _MOVED))
            return
        new = [turn for turn in listed if turn.template is not None]
        try:
            if at_once and all(map(self._simply_begins, listed)):
                self._insert(_BIRTHS, self._rows(turns, _BORN))
                return
            with self._transaction():
                self._begin_key()
                self._insert(_TEMPLATES, self._template_rows(new))
                self._insert(_TASKS, [value for turn in new for value in _task_row(turn)])
                self._insert(_ARRIVALS, self._rows(turns, _MOVED))
                for turn in listed:
                    if turn.listing is not None:
                        self._list(turn.task_id, turn.listing, anew=turn.template is None)
        except BaseException:
            self._templates_stored.clear()
            raise

    def _simply_begins(self, turn: Turn) -> bool:
        """Say whether all there is to store of what is listed anew is its row: it begins, and nobody finds it otherwise."""
        template, listing = turn.template, turn.listing
        return (
            template is not None
            and template[0] in self._templates_stored
            and listing is not None
            and not listing.tags
            and next(listing.involved(), None) is None
        )

    def _begin_key(self) -> None:
        """Number the key to seal with, if it has no number yet."""
        primary = self._vault.missing
        if primary is not None:
            self._connection.execute("INSERT OR IGNORE INTO keys (fingerprint) VALUES (?)", (primary.fingerprint,))
            self._vault.settle()

    def _insert(self, statement: "_Rows", values: Sequence[Any]) -> None:
        for sql, bindings in statement.batches(values):
            self._inserting.execute(sql, bindings)

    def _rows(self, turns: Sequence[Turn], rests: "_Rests") -> list[Any]:
        """Give the rows of turns."""
        values: list[Any] = []
        position = self.next_position
        seal = self._vault.seal if self._vault.seals else None
        for turn in turns:
            key, body = seal(turn.body, turn_context(turn.task_id, position)) if seal else (None, turn.body)
            values += (position, turn.task_id, turn.records, key, body)
            values += rests.unmoved if turn.standing is None else rests.moved(turn)
            position += turn.records
        return values

    def _template_rows(self, turns: Sequence[Turn]) -> list[Any]:
        values: list[Any] = []
        for turn in turns:
            digest, body = turn.template or (b"", b"")
            if digest not in self._templates_stored:
                self._templates_stored.add(digest)
                values += (digest, *self._vault.seal(body, template_context(digest)))
        return values

    def _list(self, task_id: str, listing: Listing, *, anew: bool) -> None:
        """Store what lists find a task by; `anew`: in the place of what it was found by before."""
        connection = self._connection
        if anew:
            connection.execute(_RELISTED, (*_listing_columns(listing), task_id))
            for forget in (_FORGET_INVOLVED, _FORGET_TAGS):
                connection.execute(forget, connection.execute(_NUMBER, (task_id,)).fetchone())
        rows = [(str(role), name, task_id) for role, name in listing.involved()]
        if rows:
            connection.executemany(_INVOLVED, rows)
        if listing.tags:
            connection.executemany(_TAGS, [(name, value, task_id) for name, value in listing.tags.items()])

    def list_anew(self, task_id: str, standing: Standing, listing: Listing) -> None:
        """Store what lists show of a task from before there were any."""
        with self._connection:
            self._connection.execute(_SHOWN, (str(standing.task), standing.steps_done, task_id))
            self._list(task_id, listing, anew=True)

    def delete(self, task_id: str) -> bool:
        """Delete a task; see `Journal.delete`."""
        return self._delete(_OF_ID, (task_id,)) > 0

    def collect(self, ended_before: float, limit: int) -> int:
        """Delete tasks that ended; see `Journal.collect`."""
        return self._delete(_OLD, (ended_before, limit))

    def _delete(self, which: str, bindings: Sequence[Any]) -> int:
        connection = self._connection
        with self._transaction():
            old = connection.execute(which, bindings).fetchall()
            if old:
                numbers = [(number,) for number, _ in old]
                for forget in (_FORGET_TURNS, _FORGET_INVOLVED, _FORGET_TAGS):
                    connection.executemany(forget, numbers)
                connection.executemany("DELETE FROM tasks WHERE number = ?", numbers)
                connection.executemany(_FORGET_UNUSED, {(template,) for _, template in old})
                connection.execute("INSERT OR REPLACE INTO facts VALUES ('floor', ?)", (self.next_position,))
                self._templates_stored.clear()
        return len(old)

    def remember(self, memo: Memo, room: Room, at: float) -> None:
        """Keep a memo; see `Shelf.remember`."""
        try:
            self._remember(memo, room, at)
        except apsw.ConstraintError:
            if not self._vault.renew():  # as in `commit`
                raise
            self._remember(memo, room, at)

    def _remember(self, memo: Memo, room: Room, at: float) -> None:
        with self._transaction():
            self._begin_key()
            memos.remember(self._connection, self._vault, memo, room, at)

    def forget(self, identity: bytes) -> None:
        """Forget a memo; see `Shelf.forget`."""
        memos.forget(self._connection, identity)

    def forget_expired(self, at: float, limit: int) -> int:
        """Forget memos that are worth nothing any more; see `Shelf.forget_expired`."""
        return memos.forget_expired(self._connection, at, limit)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Store what is done in the block, or nothing of it. A key that was begun in it is looked up again then."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # some errors have rolled back already
                connection.execute("ROLLBACK")
            self._vault.settle()
            raise

    def close(self) -> None:
        """Close the connection: the write-ahead log is moved into the file."""
        self._connection.close()


def _task_row(turn: Turn) -> tuple[Any, ...]:
    digest, *listing = _first(turn)
    return turn.task_id, digest, *_standing(turn), *listing


def _first(turn: Turn) -> tuple[Any, ...]:
    """Give what is stored of a new task besides its turn and where it stands."""
    if turn.template is None or turn.listing is None:
        raise AssertionError("what is new has a template, and is listed")
    return turn.template[0], *_listing_columns(turn.listing)


def _listing_columns(listing: Listing) -> tuple[Any, ...]:
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


@attrs.frozen
class _Rests:
    """What a row says of a task, behind its turn: where that does not say where it stands, and where it does."""

    unmoved: tuple[None, ...] = ()
    moved: Callable[[Turn], tuple[Any, ...]] = lambda _turn: ()


def _moved(turn: Turn) -> tuple[Any, ...]:
    return _standing(turn) if turn.template is None else _STANDS_AS_BEFORE  # its row is there already, and says it


def _born(turn: Turn) -> tuple[Any, ...]:
    return (*_standing(turn), *(_NOT_NEW if turn.template is None else _first(turn)))


def check_keys(connection: apsw.Connection, ring: KeyRing | None, path: object) -> None:
    """See that the ring opens what the store holds.

    Raises:
        StoreUnusable: it lacks a key.
    """
    held = ring.keys if ring is not None else {}
    for (fingerprint,) in connection.execute("SELECT fingerprint FROM keys"):
        if fingerprint not in held:
            what = "the key ring has no key" if ring is not None else "give its key ring: it is sealed with a key"
            raise StoreUnusable(f"the store {path} cannot be read: {what} of fingerprint {fingerprint.hex()}")


class _Rows:
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

    def batches(self, values: Sequence[Any]) -> Iterable[tuple[str, Sequence[Any]]]:
        """Give the statements for rows laid end to end."""
        return ((self._one, values),) if len(values) == self.width else self._batches(values)

    def _batches(self, values: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
        width = self.width
        for start in range(0, len(values), _ROWS * width):
            batch = values[start : start + _ROWS * width]
            rows = 1 << (len(batch) // width - 1).bit_length()
            yield self._text(rows), (*batch, *[None] * (rows * width - len(batch)))

    def _text(self, rows: int) -> str:
        text = self._texts.get(rows)
        if text is None:
            columns = ", ".join(column.format(f"column{at}") for at, column in enumerate(self._columns, 1))
            values = ", ".join([f"({', '.join('?' * self.width)})"] * rows)
            source = f"(VALUES {values}) WHERE column1 IS NOT NULL"
            text = f"{self._into} SELECT {columns} FROM {source}"  # noqa: S608 - made of constants of this module
            self._texts[rows] = text
        return text


_STANDS: Final = "state, awake, due, run, changed, shown, steps_done"
_LISTED: Final = "kind, batch, resolution, flow, listing"
_TURNS: Final = _Rows(
    "INSERT INTO turns (position, task, records, key, body)",
    "{}",
    "(SELECT number FROM tasks WHERE id = {})",
    *["{}"] * 3,
)
_ARRIVALS: Final = _Rows(f"INSERT INTO arrivals (position, id, records, key, body, {_STANDS})", *["{}"] * 12)
_STANDS_AS_BEFORE: Final = (None,) * 7
_BIRTHS_VIEW: Final = """
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

_BIRTHS: Final = _Rows(
    f"INSERT INTO births (position, id, records, key, body, {_STANDS}, template, {_LISTED})", *["{}"] * 18
)
_NOT_NEW: Final = (None,) * 6
_TURNS_ONLY: Final = _Rests()
_MOVED: Final = _Rests(_STANDS_AS_BEFORE, _moved)
_BORN: Final = _Rests(_STANDS_AS_BEFORE + _NOT_NEW, _born)
_TEMPLATES: Final = _Rows("INSERT OR IGNORE INTO templates (hash, key, body)", *["{}"] * 3)
_TASKS: Final = _Rows(
    f"INSERT INTO tasks (id, template, {_STANDS}, {_LISTED})",
    "{}",
    "(SELECT number FROM templates WHERE hash = {})",
    *["{}"] * 12,
)
_NUMBER: Final = "SELECT number FROM tasks WHERE id = ?"
_FORGET_TURNS: Final = "DELETE FROM turns WHERE task = ?"
_FORGET_INVOLVED: Final = "DELETE FROM involved WHERE task = ?"
_FORGET_TAGS: Final = "DELETE FROM tags WHERE task = ?"
_INVOLVED: Final = "INSERT INTO involved (role, name, task) VALUES (?, ?, (SELECT number FROM tasks WHERE id = ?))"
_TAGS: Final = "INSERT INTO tags (name, value, task) VALUES (?, ?, (SELECT number FROM tasks WHERE id = ?))"
_RELISTED: Final = "UPDATE tasks SET kind = ?, batch = ?, resolution = ?, flow = ?, listing = ? WHERE id = ?"
_SHOWN: Final = "UPDATE tasks SET shown = ?, steps_done = ? WHERE id = ?"
_OF_ID: Final = "SELECT number, template FROM tasks WHERE id = ?"
_OLD: Final = (
    "SELECT number, template FROM tasks WHERE state IN ('DONE', 'CANCELLED') AND NOT awake AND changed < ?"
    " ORDER BY changed LIMIT ?"
)
_FORGET_UNUSED: Final = (
    "DELETE FROM templates WHERE number = ? AND NOT EXISTS (SELECT 1 FROM tasks WHERE template = templates.number)"
)
