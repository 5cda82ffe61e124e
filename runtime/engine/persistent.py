"""Maps of which every version stays as it is: a change gives another map that shares what did not change.

A trie (`rpds`) changes in O(log n), but a look-up in one costs ten times one in a dict, and a change as much as copying
a hundred entries does. So a map is a dict that is copied while it is small, as those of nearly all tasks are, and a trie
from then on: its cost is bounded either way.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias, TypeVar

from rpds import HashTrieMap

K = TypeVar("K")
V = TypeVar("V")

MOST_COPIED: Final = 128
"""The size up to which a map is copied."""


class SmallMap(dict[K, V]):
    """One that is copied. Nobody changes it but those who make the copy."""

    __slots__ = ()

    def insert(self, key: K, value: V) -> "PersistentMap[K, V]":
        """Give a map with this in it."""
        if len(self) >= MOST_COPIED and key not in self:
            return HashTrieMap(self).insert(key, value)
        changed = SmallMap(self)
        changed[key] = value
        return changed

    def remove(self, key: K) -> "SmallMap[K, V]":
        """Give a map without that; a `KeyError` if it is not in."""
        changed = SmallMap(self)
        del changed[key]
        return changed

    def discard(self, key: K) -> "SmallMap[K, V]":
        """Give a map without that, be it in or not."""
        return self.remove(key) if key in self else self


PersistentMap: TypeAlias = "SmallMap[K, V] | HashTrieMap[K, V]"
"""One of either size: they are used alike."""


def persistent(items: Mapping[K, V]) -> "PersistentMap[K, V]":
    """Give a map of these."""
    return SmallMap(items) if len(items) <= MOST_COPIED else HashTrieMap(items)
