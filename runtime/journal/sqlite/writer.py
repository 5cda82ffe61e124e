"""The one connection that writes, and how a group of appends becomes one commit.

Sync, for one thread. Most groups take one statement and no explicit transaction (`rows`). Before that statement, and
behind it, the interpreter is kept for as short as can be: whoever is told of a commit works only once the next one is on
its way.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import Any, Final

import apsw

from runtime.cache import Memo, Room
from runtime.errors import Refused, Unavailable
from runtime.journal.health import Health, Storing
from runtime.journal.keys import KeyRing, check_opens
from runtime.journal.listing import Listing
from runtime.journal.protocol import AlreadyStored, JournalUnavailable, Standing
from runtime.journal.sqlite import memos
from runtime.journal.sqlite.database import Opening, connect, unavailable
from runtime.journal.sqlite.rows import (
    ARRIVALS,
    BIRTHS_VIEW,
    TASKS,
    TEMPLATES,
    Insert,
    LaidOut,
    lay_out,
    listing_columns,
    task_row,
)
from runtime.journal.sqlite.schema import next_position
from runtime.journal.turns import Turn
from runtime.journal.vault import Sealer, Vault, template_context

_SYNCING: Final = frozenset({apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC})
"""The failures after which nobody knows what the disk holds."""


class Writer:
    """The writing connection of a store. `next_position` is that of the next record."""

    def __init__(self, opening: Opening, ring: KeyRing | None) -> None:
        self._path = opening.path
        self._connection = connect(opening)
        self._connection.execute(BIRTHS_VIEW)
        self._inserting = self._connection.cursor()  # one for all: to make one costs a third of what a row does
        self._templates_stored: set[bytes] = set()
        self._unsure: Unavailable | None = None
        self.health = Health(str(self._path))
        try:
            check_opens(ring, fingerprints(self._connection), self._path)
            self.next_position = next_position(self._connection)
            self._vault = Vault(ring, self.key_numbers)
        except BaseException:
            self._connection.close()
            raise

    def key_numbers(self) -> Mapping[bytes, int]:
        """Give the store's numbers of keys, by fingerprint."""
        return {fingerprint: number for number, fingerprint in self._connection.execute("SELECT * FROM keys")}

    def commit(self, group: Sequence[Sequence[Turn]], laid_out: LaidOut | None = None) -> Sequence[int | Refused]:
        """Store the turns of several appends together. Gives the first position of each, or why it was not stored.

        `laid_out`: the group, if it is laid out already.
        """
        if self._unsure is not None:
            self.health.failed(Storing.COMMITS, str(self._unsure))
            return [self._unsure] * len(group)
        position = self.next_position
        try:
            if (laid_out is None or laid_out.begins not in {None, position}) and self._vault.missing is None:
                laid_out = lay_out(group, self._vault.sealer, position)
            if laid_out is not None and laid_out.templates <= self._templates_stored:
                self._inserting.execute(laid_out.sql, (position, *laid_out.values))
                starts, records = laid_out.starts, laid_out.records
            else:
                starts, records = self._store(group)
        except apsw.ConstraintError as fault:
            self._templates_stored.clear()
            if self._vault.renew():  # the store was sealed anew meanwhile, and takes nothing that the old key sealed
                return self.commit(group)
            # Or one of them is not what a journal takes: the others are not to blame.
            if len(group) == 1:
                known = self._known(group[0])
                return [known or JournalUnavailable(f"the store {self._path} refused it: {fault}")]
            return [outcome for turns in group for outcome in self.commit([turns])]
        except apsw.Error as fault:
            self._templates_stored.clear()
            refusal = unavailable(self._path, fault)
            if isinstance(fault, apsw.IOError) and getattr(fault, "extendedresult", 0) in _SYNCING:
                # Whether it is stored is not known: only who opens the file again will see. Until then nothing may
                # follow it, for what the disk kept of it could come back under what is written then.
                self._unsure = refusal
            self.health.failed(Storing.COMMITS, str(refusal))
            return [refusal] * len(group)
        self.health.stored(Storing.COMMITS)
        self.next_position = position + records
        return [position + start for start in starts]

    def _known(self, turns: Sequence[Turn]) -> AlreadyStored | None:
        """Say which of those that begin have been stored before: looked up only once a commit has failed."""
        new = [turn.task_id for turn in turns if turn.template is not None]
        known = [task_id for task_id in new if self._connection.execute(_NUMBER, (task_id,)).get is not None]
        return AlreadyStored(known) if known else None

    def _store(self, group: Sequence[Sequence[Turn]]) -> tuple[Sequence[int], int]:
        """Store what takes more than one statement. Gives where the records of each append start, and how many there are."""
        turns = [turn for some in group for turn in some]
        listed = [turn for turn in turns if turn.listing is not None]
        new = [turn for turn in listed if turn.template is not None]
        try:
            with self._transaction():
                self._begin_key()
                self._insert(TEMPLATES, self._template_rows(new))
                self._insert(TASKS, [value for turn in new for value in task_row(turn)])
                rows = ARRIVALS.rows(turns, self._vault.sealer, self.next_position)
                self._insert(ARRIVALS.insert, rows, self.next_position)
                for turn in listed:
                    if turn.listing is not None:
                        self._list(turn.task_id, turn.listing, anew=turn.template is None)
        except BaseException:
            self._templates_stored.clear()
            raise
        sizes = [sum([turn.records for turn in some]) for some in group]
        return [end - size for end, size in zip(accumulate(sizes), sizes, strict=True)], sum(sizes)

    def _begin_key(self) -> None:
        """Number the key to seal with, if it has no number yet."""
        primary = self._vault.missing
        if primary is not None:
            self._connection.execute("INSERT OR IGNORE INTO keys (fingerprint) VALUES (?)", (primary.fingerprint,))
            self._vault.settle()

    def _insert(self, statement: Insert, values: Sequence[Any], *first: int) -> None:
        for sql, bindings in statement.batches(values):
            self._inserting.execute(sql, (*first, *bindings))

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
            connection.execute(_RELISTED, (*listing_columns(listing), task_id))
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

    @property
    def seals(self) -> bool:
        """Whether what is stored is sealed. Never changes."""
        return self._vault.seals

    @property
    def sealer(self) -> Sealer | None:
        """What seals now; see `Vault.sealer`."""
        return self._vault.sealer

    def close(self) -> None:
        """Close the connection: the write-ahead log is moved into the file."""
        self._connection.close()


def fingerprints(connection: apsw.Connection) -> list[bytes]:
    """Give those of all keys that the store is sealed with."""
    return [fingerprint for (fingerprint,) in connection.execute("SELECT fingerprint FROM keys")]


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
