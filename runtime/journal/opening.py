"""From what a user says of a store to a journal: ``sqlite:///tasks.db``, or simply ``tasks.db``; ``postgresql://...``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from runtime.errors import did_you_mean
from runtime.extras import needed_by
from runtime.journal.keys import KeyRing
from runtime.journal.protocol import Journal, StoreUnusable

if TYPE_CHECKING:
    from runtime.journal.postgres.address import StoreAddress

_FORM: Final = "sqlite:///PATH (a relative path), sqlite:////PATH (an absolute one), or the path alone; or postgresql://HOST/DATABASE"


def store_path(store: "str | os.PathLike[str]") -> tuple[Path, str]:
    """Give the file that a store's address means, and its durability.

    Raises:
        StoreUnusable: it is not an address of a file.
    """
    if isinstance(store, os.PathLike) or "://" not in store:
        return _file(os.fspath(store)), "full"
    parts = urlsplit(store)
    if parts.scheme != "sqlite":
        raise StoreUnusable(f'there are no stores of kind "{parts.scheme}": name one as {_FORM}')
    path = unquote(parts.path.removeprefix("/"))
    if parts.netloc or not path:
        raise StoreUnusable(f'"{store}" does not name a file: name the store as {_FORM}')
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    durability = options.pop("synchronous", "full")
    if options:
        hint = did_you_mean(next(iter(options)), ["synchronous"])
        raise StoreUnusable(f'"{store}": no such option: {next(iter(options))}{f" ({hint})" if hint else ""}')
    if durability not in {"full", "normal"}:
        raise StoreUnusable(f'"{store}": synchronous is "full" or "normal", not "{durability}"')
    return _file(path), durability


def _file(text: str) -> Path:
    path = Path(text)
    try:
        os.fsencode(path)
        named = path.name not in {"", ".."} and "\0" not in text and not os.path.isdir(path)  # noqa: PTH112 - it never fails
    except (ValueError, OSError):  # half a character, say, or more of them than a name may have
        named = False
    if not named:
        raise StoreUnusable(f"{text[:200]!r} cannot be the file of a store: name a file, as {_FORM}")
    return path


def existing(store: "str | os.PathLike[str]") -> str:
    """Give the name of a store as it may be shown, for those who only look for something: they make none.

    Raises:
        StoreUnusable: it is a file that is not there, or its address is none.
    """
    if is_shared(store):
        return store_address(str(store)).shown
    path, _ = store_path(store)
    if not os.path.exists(path):  # noqa: PTH110 - as above
        raise StoreUnusable(f"there is no store {path}")
    return str(path)


async def open_journal(store: "str | os.PathLike[str]", keys: "str | os.PathLike[str] | None" = None) -> Journal:
    """Open or make a store. `keys` is the file of its key ring; without it the environment is looked at.

    Raises:
        StoreUnusable: with the reason and what to do about it.
    """
    ring = KeyRing.find(keys)
    if is_shared(store):
        return await _open_postgres(str(store), ring)
    from runtime.journal.sqlite.database import Durability, Opening  # noqa: PLC0415 - who needs no store loads no SQLite
    from runtime.journal.sqlite.journal import SqliteJournal  # noqa: PLC0415

    path, durability = store_path(store)
    return await SqliteJournal.open(Opening(path=path, durability=Durability(durability)), ring)


def is_shared(store: "str | os.PathLike[str]") -> bool:
    """Say whether an address is that of a PostgreSQL database, which instances may share."""
    return isinstance(store, str) and store.startswith(("postgresql://", "postgres://"))


def store_address(store: str) -> "StoreAddress":
    """Give what the address of a store on PostgreSQL says.

    Raises:
        StoreUnusable: one of its options is none, or there is no driver.
    """
    try:
        with needed_by("a store on PostgreSQL"):
            from runtime.journal.postgres.address import StoreAddress  # noqa: PLC0415 - costs those who have such a store
            from runtime.journal.postgres.driver import TrioConnection  # noqa: F401, PLC0415 - asked for its own sake
    except ImportError as missing:
        raise StoreUnusable(str(missing)) from missing
    return StoreAddress.parse(store)


async def _open_postgres(store: str, ring: KeyRing | None) -> Journal:
    address = store_address(store)
    from runtime.journal.postgres.journal import PostgresJournal  # noqa: PLC0415 - once the driver is there

    return await PostgresJournal.open(address, ring)
