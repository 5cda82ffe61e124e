"""A disk that loses its power: what was written since a file was last synced is dropped, or torn, at random.

`Disk` is a file system for SQLite that keeps, for every file, its content as of the last sync and what was written
since. `after_power_loss` gives what a real disk might hold then: the synced content, and of the later writes any
subset, each perhaps only in part.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import attrs

SECTOR = 512


@attrs.define
class _Written:
    """One file: what a sync made sure of, and what is on its way."""

    synced: bytearray = attrs.field(factory=bytearray)
    pending: list[tuple[int, bytes | None]] = attrs.field(factory=list)
    """Writes as (offset, bytes); a truncation as (size, None)."""

    def sync(self) -> None:
        for change in self.pending:
            _apply(self.synced, *change)
        self.pending.clear()

    def survivors(self, rng: random.Random) -> bytes:
        content = bytearray(self.synced)
        for offset, data in self.pending:
            fate = rng.random()
            if fate < 0.4:
                continue
            if data is not None and fate < 0.6:  # torn: only some of its sectors arrived
                for start in range(0, len(data), SECTOR):
                    if rng.random() < 0.5:
                        _apply(content, offset + start, data[start : start + SECTOR])
                continue
            _apply(content, offset, data)
        return bytes(content)


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


class Disk(apsw.VFS):
    """The file system; files live in a real folder meanwhile. `before_step` is called before each write and sync."""

    def __init__(self, name: str, before_step: Callable[[], None]) -> None:
        self.name = name
        self.files: dict[str, _Written] = {}
        self.before_step = before_step
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> "_File":
        return _File(self, name, flags)

    def xDelete(self, name: str, sync_folder: bool) -> None:
        super().xDelete(name, sync_folder)
        self.files.pop(name, None)

    def after_power_loss(self, rng: random.Random) -> dict[str, bytes]:
        """Give what might be left, by file name."""
        return {Path(name).name: written.survivors(rng) for name, written in self.files.items()}


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name or "")
        self._disk = disk
        self._written = disk.files.setdefault(path, _Written()) if path else _Written()

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.before_step()
        super().xWrite(data, offset)
        self._written.pending.append((offset, bytes(data)))

    def xTruncate(self, size: int) -> None:
        self._disk.before_step()
        super().xTruncate(size)
        self._written.pending.append((size, None))

    def xSync(self, flags: int) -> None:
        self._disk.before_step()
        super().xSync(flags)
        self._written.sync()
