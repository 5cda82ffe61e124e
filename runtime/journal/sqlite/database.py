"""Opening a store's file: what it has to be, who may open it, and what its errors mean.

A store belongs to one runtime at a time: the owner holds a lock on a file beside it, which the system lets go of when
the process ends, however it ends. Tools that only read, or that write in small transactions, need no such lock.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Final

import apsw
import attrs

from runtime.errors import Unavailable
from runtime.journal.codec import RecordUnreadable
from runtime.journal.protocol import JournalUnavailable, StoreUnusable, TaskUnreadable
from runtime.journal.sqlite.schema import APPLICATION_ID, NEWEST, migrate
from runtime.journal.vault import SealBroken

_BUSY_SECONDS: Final = 5.0
"""How long a connection waits for another program's lock."""

_LARGEST_LOG: Final = 64 * 2**20
"""Down to how many bytes the write-ahead log is cut when it can be."""


class Durability(StrEnum):
    """What a commit promises. FULL survives a power loss; NORMAL may then lose the last commits, never their order."""

    FULL = "full"
    NORMAL = "normal"


@attrs.frozen(kw_only=True)
class Opening:
    """How a store's file is opened; all but `path` and `durability` is for tests and tools.

    `exclusive`: no other connection, and no shared memory. `create`: make it where there is none.
    """

    path: Path
    durability: Durability = Durability.FULL
    create: bool = True
    exclusive: bool = False
    vfs: str | None = None
    most_pages: int | None = None


def connect(opening: Opening) -> apsw.Connection:
    """Open the file, make or migrate its tables, and check that it is a store.

    Raises:
        StoreUnusable: with what it is instead, or who keeps it.
    """
    path = opening.path
    with explained(path):
        if opening.create and opening.vfs is None:
            _make(path)
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if opening.vfs else 0)
        connection = apsw.Connection(str(path), flags=flags, vfs=opening.vfs)
        try:
            _prepare(connection, opening)
        except BaseException:
            connection.close()
            raise
    return connection


def _make(path: Path) -> None:
    """Make the file for its owner only; SQLite gives its logs the same permissions."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    os.close(descriptor)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _prepare(connection: apsw.Connection, opening: Opening) -> None:
    connection.set_busy_timeout(int(_BUSY_SECONDS * 1000))
    if opening.exclusive:
        connection.pragma("locking_mode", "exclusive")
    version = _version_of(connection, opening.path)
    if connection.readonly("main"):
        raise StoreUnusable(f"the store {opening.path} is read-only: make it writable, or name another")
    if opening.most_pages is not None:
        connection.pragma("max_page_count", opening.most_pages)
    if connection.pragma("journal_mode", "wal") != "wal":
        raise StoreUnusable(f"the store {opening.path} is on a file system without what write-ahead logging needs")
    connection.pragma("synchronous", str(opening.durability))
    connection.pragma("journal_size_limit", _LARGEST_LOG)
    connection.pragma("foreign_keys", 1)
    connection.pragma("temp_store", "memory")
    migrate(connection, version)


def _version_of(connection: apsw.Connection, path: Path) -> int:
    """Give the version of the tables; 0 for an empty file."""
    mark, version = connection.pragma("application_id"), connection.pragma("user_version")
    if not isinstance(version, int):
        raise StoreUnusable(f"{path} does not say which version it is of")
    empty = connection.execute("SELECT count(*) FROM sqlite_schema").get == 0
    if empty and not version and not mark:
        return 0
    if mark != APPLICATION_ID:
        raise StoreUnusable(f"{path} is a database of another program: name a file of its own for the store")
    if version > NEWEST:
        raise StoreUnusable(
            f"the store {path} was written by a later version of understudy (its tables are of version {version}, "
            f"this one knows {NEWEST}): use that version, or a copy from before"
        )
    return version


@attrs.frozen
class Owner:
    """Who a store belongs to: a process, and the file it reads its keys from, if it does."""

    process: str
    keys_file: str | None


def _lock_path(path: Path) -> Path:
    return path.with_name(f"{path.name}-owner")


@contextmanager
def owned(path: Path, keys_file: Path | None = None) -> Iterator[None]:
    """Be the one runtime, or tool, that the store belongs to.

    Raises:
        StoreUnusable: somebody else is, or the folder does not let us be.
    """
    with explained(path):
        try:
            descriptor = os.open(_lock_path(path), os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            raise StoreUnusable(f"the store {path} cannot be made: there is no folder {path.parent}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _read_owner(descriptor)
            raise StoreUnusable(
                f"the store {path} is in use by process {owner.process}: wait for it to end, or stop it"
            ) from None
        os.truncate(descriptor, 0)
        with suppress(OSError):  # a full disk: the lock holds all the same
            os.pwrite(descriptor, f"{os.getpid()}\n{keys_file.absolute() if keys_file else ''}".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def owner_of(path: Path) -> Owner | None:
    """Say who the store belongs to just now; None when nobody has it open."""
    try:
        descriptor = os.open(_lock_path(path), os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_owner(descriptor)
    finally:
        os.close(descriptor)
    return None


def _read_owner(descriptor: int) -> Owner:
    process, _, keys_file = os.pread(descriptor, 4096, 0).decode(errors="replace").partition("\n")
    return Owner(process or "of unknown number", keys_file or None)


@contextmanager
def explained(path: Path, done: str = "opened") -> Iterator[None]:
    """Turn the errors of opening, or of what else is to be `done`, into what they mean."""
    try:
        yield
    except apsw.Error as fault:
        raise StoreUnusable(f"the store {path} cannot be {done}: {_meaning(fault)}") from fault
    except OSError as fault:
        where = f": {fault.filename}" if fault.filename else ""
        raise StoreUnusable(f"the store {path} cannot be {done}: {fault.strerror}{where}") from fault


@contextmanager
def serving(path: Path) -> Iterator[None]:
    """Turn the errors of reading and writing into what they mean."""
    try:
        yield
    except apsw.Error as fault:
        raise unavailable(path, fault) from fault
    except (RecordUnreadable, SealBroken) as fault:
        raise TaskUnreadable(f"the store {path} holds what cannot be read: {fault}") from fault


def unavailable(path: Path, fault: apsw.Error) -> Unavailable:
    """Say what an error of reading or writing means."""
    later = ", and what runs goes on by itself" if isinstance(fault, apsw.FullError) else ""
    return JournalUnavailable(f"the store {path} is unavailable: {_meaning(fault)}{later}")


def _meaning(fault: apsw.Error) -> str:
    match fault:
        case apsw.FullError():
            return "the disk is full; free some space"
        case apsw.ReadOnlyError():
            return "it is read-only; make it writable"
        case apsw.BusyError() | apsw.LockedError():
            return "another program keeps it locked; end that program, or wait for it"
        case apsw.NotADBError():
            return "it is not an SQLite database, or it was overwritten; name another file, or restore a backup"
        case apsw.CorruptError():
            return "it is damaged; `understudy store check` says where, and a backup can be put in its place"
        case apsw.CantOpenError() | apsw.PermissionsError():
            return "there is no such file or folder, or it may not be opened; check the path and its permissions"
        case apsw.IOError():
            return f"reading or writing failed ({fault}); check the disk, then start again"
        case _:
            return f"{type(fault).__name__}: {fault}"
