"""What is done to a store besides using it: check, backup, compaction, collection, and sealing with another key.

Sync, for tools. `check`, `backup` and `rotate_keys` may be used beside a running runtime; the others need the store for
themselves.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import apsw
import attrs

from runtime.errors import UnderstudyError
from runtime.journal.checking import Checked, differences
from runtime.journal.keys import KeyRing, check_opens
from runtime.journal.protocol import Record, Stored, StoreUnusable
from runtime.journal.sqlite.database import Opening, connect, explained, owned, owner_of, serving
from runtime.journal.sqlite.reader import Reader
from runtime.journal.sqlite.writer import Writer, fingerprints
from runtime.journal.vault import Vault, memo_context, template_context, turn_context

_BATCH: Final = 128
"""How often the rows that a running runtime adds meanwhile are looked for."""


def check(path: Path, ring: KeyRing | None) -> Checked:
    """Read everything, as of one moment: the file's structure, every record, every memo, and that each task is what they say.

    Raises:
        StoreUnusable: it cannot even be opened.
    """
    with explained(path), closing(_connection(path, ring)) as connection:
        connection.execute("BEGIN")
        problems = [f"file: {text}" for (text,) in connection.execute("PRAGMA integrity_check(20)") if text != "ok"]
        problems += [f"file: {row}" for row in connection.execute("PRAGMA foreign_key_check")]
        with suppress(apsw.CorruptError):
            problems += _overlaps(connection)
        tasks = records = 0
        try:
            reader = Reader(connection, ring)
            for stored, found in _histories(path, reader):
                tasks += 1
                if isinstance(found, str):
                    problems.append(f"task {stored.task_id}: {found}")
                else:
                    records += len(found)
                    problems += differences(stored, found)
            problems += reader.unreadable_memos()
        except UnderstudyError as fault:
            problems.append(str(fault))
        return Checked(tasks=tasks, records=records, problems=tuple(problems))


@contextmanager
def _existing(path: Path) -> Iterator[None]:
    """Touch nothing where there is no store."""
    if not os.path.isfile(path):  # noqa: PTH113 - it never fails
        raise StoreUnusable(f"the store {path} cannot be opened: there is no such file, or it may not be looked at")
    yield


def _connection(path: Path, ring: KeyRing | None) -> apsw.Connection:
    connection = connect(Opening(path=path, create=False))
    try:
        check_opens(ring, fingerprints(connection), path)
    except BaseException:
        connection.close()
        raise
    return connection


def _overlaps(connection: apsw.Connection) -> Iterator[str]:
    for position, end, following in connection.execute(_OVERLAPS):
        yield f"records from {position} reach to {end - 1}, and the next begin at {following}"


def _histories(path: Path, reader: Reader) -> Iterator[tuple[Stored, list[Record] | str]]:
    number = 0
    while True:
        with serving(path):
            page = reader.tasks(number, _BATCH)
        if not page:
            return
        for stored in page:
            try:
                with serving(path):
                    yield stored, [record for piece in reader.turns(stored.task_id) for record in piece]
            except UnderstudyError as fault:
                yield stored, str(fault)
        number = page[-1].number


def backup(path: Path, destination: Path) -> int:
    """Copy the store as of this moment into a new file, beside whoever uses it. Gives the size in bytes.

    Raises:
        StoreUnusable: the store cannot be read, or there is such a file already.
    """
    with explained(path, f"copied to {destination}"):
        try:
            os.close(os.open(destination, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            raise StoreUnusable(
                f"{destination} is there already, and nothing is overwritten: name another file"
            ) from None
    try:
        with (
            explained(path),
            closing(connect(Opening(path=path, create=False))) as connection,
            explained(path, f"copied to {destination}"),
        ):
            connection.execute("VACUUM INTO ?", (str(destination),))
            _sync(destination)
            _sync(destination.parent)
    except BaseException:
        destination.unlink()
        raise
    return destination.stat().st_size


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def compact(path: Path) -> tuple[int, int]:
    """Give back the room of what was deleted. Gives the sizes in bytes before and after.

    Raises:
        StoreUnusable: it is in use, or there is no room for the copy that it takes.
    """
    with _existing(path), owned(path), explained(path):
        before = _size(path)
        with closing(connect(Opening(path=path, create=False))) as connection:
            connection.execute("VACUUM")
            connection.pragma("wal_checkpoint", "TRUNCATE")
        return before, _size(path)


def _size(path: Path) -> int:
    log = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)


def collect(path: Path, ring: KeyRing | None, ended_before: float) -> int:
    """Delete the tasks that ended before then, a few at a time. Gives how many.

    Raises:
        StoreUnusable: it is in use; a running runtime collects by itself.
    """
    with (
        _existing(path),
        owned(path),
        explained(path),
        closing(Writer(Opening(path=path, create=False), ring)) as writer,
    ):
        collected = 0
        while done := writer.collect(ended_before, _BATCH):
            collected += done
        while writer.forget_expired(ended_before, _BATCH):
            pass
        return collected


def rotate_keys(path: Path, ring: KeyRing) -> int:
    """Seal with the primary key of the ring everything that is not, beside whoever uses the store; see `reseal`.

    Raises:
        StoreUnusable: the store's owner could not read what is sealed with the new key, or would not seal with it.
    """
    _check_owner(path, ring)
    return reseal(path, ring)


def reseal(path: Path, ring: KeyRing) -> int:
    """Seal with the primary key of the ring everything that is not; whoever uses the store has that key, too.

    A few rows at a time, each commit a step forward: what was interrupted goes on when it is called again. Nothing
    that other keys sealed, or that is in the clear, is left when this returns: it forgets the other keys, which the
    store itself would refuse if a row still needed one, as it refuses rows that they seal from then on. So its owner
    learns of the new key, whose next commit is refused once. Gives the number of rows that were sealed anew.

    Raises:
        StoreUnusable: the store cannot be used.
    """
    with explained(path), closing(_connection(path, ring)) as connection:
        connection.pragma("secure_delete", 1)
        connection.execute("INSERT OR IGNORE INTO keys (fingerprint) VALUES (?)", (ring.primary.fingerprint,))
        vault = Vault(ring, lambda: _key_numbers(connection))
        number = _key_numbers(connection)[ring.primary.fingerprint]
        rotation, sealed = Rotation(connection, vault, number), 0
        while not rotation.over:
            sealed += rotation.go_on()
        connection.pragma("wal_checkpoint", "TRUNCATE")  # old bytes may be in the log
        return sealed


def _check_owner(path: Path, ring: KeyRing) -> None:
    owner = owner_of(path)
    if owner is None:
        return
    who = f"the store {path} is in use by process {owner.process}, which"
    if owner.keys_file is None:
        raise StoreUnusable(
            f"{who} did not read its keys from a file and so "
            "cannot be given a new one: stop it first, or start it again with the new key ring in a file"
        )
    if KeyRing.load(Path(owner.keys_file)).primary.fingerprint != ring.primary.fingerprint:
        raise StoreUnusable(
            f'{who} seals with the key ring {owner.keys_file}, whose primary key is not "{ring.primary.name}":'
            " name that key ring, or make the key its primary one first"
        )


def _key_numbers(connection: apsw.Connection) -> Mapping[bytes, int]:
    return {fingerprint: number for number, fingerprint in connection.execute("SELECT number, fingerprint FROM keys")}


@attrs.frozen
class _Sealed:
    """A table of sealed rows: what selects the next ones (identity, the two things that its context is made of, key, body)."""

    select: str
    update: str
    context: Callable[[Any, Any], bytes]


_TURNS: Final = _Sealed(
    "SELECT position, id, position, turns.key, body FROM turns JOIN tasks ON turns.task = tasks.number"
    " WHERE position > ? AND turns.key IS NOT ? ORDER BY position LIMIT ?",
    "UPDATE turns SET key = ?, body = ? WHERE position = ?",
    turn_context,
)
_TEMPLATES: Final = _Sealed(
    "SELECT number, hash, NULL, key, body FROM templates WHERE number > ? AND key IS NOT ? ORDER BY number LIMIT ?",
    "UPDATE templates SET key = ?, body = ? WHERE number = ?",
    lambda digest, _: template_context(digest),
)
_MEMOS: Final = _Sealed(
    "SELECT number, identity, until, key, body FROM memos WHERE number > ? AND key IS NOT ? ORDER BY number LIMIT ?",
    "UPDATE memos SET key = ?, body = ? WHERE number = ?",
    memo_context,
)
_TABLES: Final = (_TEMPLATES, _TURNS, _MEMOS)


class Rotation:
    """Seals rows anew, from the first to the last: those that come meanwhile come behind."""

    def __init__(self, connection: apsw.Connection, vault: Vault, number: int) -> None:
        self._connection, self._vault, self._number = connection, vault, number
        self._done = dict.fromkeys(_TABLES, 0)
        self.over = False

    def go_on(self) -> int:
        """Seal some rows in one commit and say how many; if there are no more, forget the other keys in it."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            done = [self._reseal(table) for table in _TABLES]
            over = max(done) < _BATCH
            if over:
                connection.execute("DELETE FROM keys WHERE number <> ?", (self._number,))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self.over = over
        return sum(done)

    def _reseal(self, table: _Sealed) -> int:
        rows: Any = self._connection.execute(table.select, (self._done[table], self._number, _BATCH)).fetchall()
        for identity, owner, place, key, body in rows:
            context = table.context(owner, place)
            sealed = self._vault.seal(self._vault.open(key, body, context), context)
            self._connection.execute(table.update, (*sealed, identity))
            self._done[table] = identity
        return len(rows)


_OVERLAPS: Final = (
    "SELECT position, finish, following FROM (SELECT position, position + records AS finish,"
    " lead(position) OVER (ORDER BY position) AS following FROM turns) WHERE finish > following LIMIT 20"
)
