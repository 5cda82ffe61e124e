"""A memory for steps that is shared by all tasks of one runtime: keys in namespaces, with times to live, bounded.

It is a cache: what is in it may be gone at any time, and is when the runtime is closed. It is in memory only, so no
secret in it reaches a disk.
"""

import math
from collections import OrderedDict
from typing import Final

import attrs
import trio

from runtime.values.json import Json, dumps

MOST_ENTRIES: Final = 10_000
MOST_BYTES: Final = 64 * 1024 * 1024
"""How much all entries may come to, as JSON; beyond, those that were not asked for longest are forgotten."""


class TooLarge(ValueError):
    """A value is larger than a cache may be."""


@attrs.frozen
class _Entry:
    value: Json
    size: int
    until: float


class Cache:
    """See the module's docstring. Sync, and to be used inside trio: times to live are counted on its clock."""

    def __init__(self, *, most_entries: int = MOST_ENTRIES, most_bytes: int = MOST_BYTES) -> None:
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._bytes = 0
        self._most_entries = most_entries
        self._most_bytes = most_bytes

    def __len__(self) -> int:
        return len(self._entries)

    def set(self, namespace: str, key: str, value: Json, *, ttl: float = 0) -> None:
        """Keep a value for `ttl` seconds; for as long as there is room when that is 0.

        Raises:
            TooLarge: there is no room for it, even alone.
        """
        size = len(dumps(value)) + len(key) + len(namespace)
        if size > self._most_bytes:
            raise TooLarge(f"the value is {size} bytes long, and {self._most_bytes} are the most that is kept")
        self.delete(namespace, key)
        self._entries[namespace, key] = _Entry(value, size, trio.current_time() + (ttl or math.inf))
        self._bytes += size
        while len(self._entries) > self._most_entries or self._bytes > self._most_bytes:
            self._bytes -= self._entries.popitem(last=False)[1].size

    def get(self, namespace: str, key: str) -> tuple[bool, Json]:
        """Say whether the key is known, and its value."""
        entry = self._entries.get((namespace, key))
        if entry is None:
            return False, None
        if entry.until <= trio.current_time():
            self.delete(namespace, key)
            return False, None
        self._entries.move_to_end((namespace, key))
        return True, entry.value

    def delete(self, namespace: str, key: str) -> None:
        """Forget a key; nothing happens when it is not known."""
        entry = self._entries.pop((namespace, key), None)
        if entry is not None:
            self._bytes -= entry.size
