"""Looking after a store from outside, by its address, whatever it is made of. Sync, for tools."""

import os
from functools import partial
from pathlib import Path
from typing import Protocol

import trio

from runtime.journal.checking import Checked
from runtime.journal.keys import KeyRing
from runtime.journal.opening import is_shared, store_address, store_path
from runtime.journal.protocol import StoreUnusable


class Tended(Protocol):
    """A store, and what can be done to it besides using it. All of it raises `StoreUnusable` where it cannot be."""

    shown: str

    def check(self, ring: KeyRing | None) -> Checked:
        """Read everything, and say what is wrong with it."""
        ...

    def backup(self, destination: Path) -> int:
        """Copy it, as of this moment; gives the size in bytes."""
        ...

    def compact(self) -> tuple[int, int]:
        """Give back the room of what was deleted; gives the sizes in bytes before and after."""
        ...

    def collect(self, ring: KeyRing | None, ended_before: float) -> int:
        """Delete the tasks that ended before then; gives how many."""
        ...

    def rotate_keys(self, ring: KeyRing) -> int:
        """Seal everything with the primary key; gives how many rows that were."""
        ...


def tend(store: "str | os.PathLike[str]") -> Tended:
    """Give what looks after the store of an address.

    Raises:
        StoreUnusable: it is no address.
    """
    return _Database(str(store)) if is_shared(store) else _File(store_path(store)[0])


class _File:
    def __init__(self, path: Path) -> None:
        from runtime.journal.sqlite import upkeep  # noqa: PLC0415 - who has another store loads no SQLite

        self.shown = str(path)
        self._upkeep = upkeep
        self._path = path

    def check(self, ring: KeyRing | None) -> Checked:
        return self._upkeep.check(self._path, ring)

    def backup(self, destination: Path) -> int:
        return self._upkeep.backup(self._path, destination)

    def compact(self) -> tuple[int, int]:
        return self._upkeep.compact(self._path)

    def collect(self, ring: KeyRing | None, ended_before: float) -> int:
        return self._upkeep.collect(self._path, ring, ended_before)

    def rotate_keys(self, ring: KeyRing) -> int:
        return self._upkeep.rotate_keys(self._path, ring)


class _Database:
    def __init__(self, store: str) -> None:
        self._address = store_address(store)
        from runtime.journal.postgres import upkeep  # noqa: PLC0415 - as above; after the driver was asked for

        self.shown = self._address.shown
        self._upkeep = upkeep

    def check(self, ring: KeyRing | None) -> Checked:
        return trio.run(self._upkeep.check, self._address, ring)

    def backup(self, destination: Path) -> int:
        raise StoreUnusable(
            f"the store {self.shown} is copied by its server: "
            f"pg_dump --dbname={self.shown} --schema={self._address.schema} --file={destination}"
        )

    def compact(self) -> tuple[int, int]:
        raise StoreUnusable(f"the store {self.shown} is kept small by its server (autovacuum)")

    def collect(self, ring: KeyRing | None, ended_before: float) -> int:
        return trio.run(partial(self._upkeep.collect, self._address, ring, ended_before))

    def rotate_keys(self, ring: KeyRing) -> int:
        return trio.run(self._upkeep.rotate_keys, self._address, ring)
