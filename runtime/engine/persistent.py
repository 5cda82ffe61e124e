"""Maps of which every version stays as it is: a change gives another map that shares what did not change.

A trie (`rpds`) changes in O(log n), but a look-up in one costs ten times one in a dict, and a change as much as copying
a hundred entries does. So a map is a dict that is copied while it is small, as those of nearly all tasks are, and a trie
from then on: its cost is bounded either way. The dicts are plain ones, which Python copies and reads three times faster
than those of a class of their own; nobody changes one but who made the copy.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias, TypeVar

from rpds import HashTrieMap

K = TypeVar("K")
V = TypeVar("V")

MOST_COPIED: Final = 128
"""The size up to which a map is copied."""

PersistentMap: TypeAlias = "dict[K, V] | HashTrieMap[K, V]"
"""One of either size: they are read alike."""


def persistent(items: Mapping[K, V]) -> "PersistentMap[K, V]":
    """Give a map of these."""
    return dict(items) if len(items) <= MOST_COPIED else HashTrieMap(items)


def put(items: "PersistentMap[K, V]", key: K, value: V) -> "PersistentMap[K, V]":
    """Give a map with this in it."""
    if not isinstance(items, dict):
        return items.insert(key, value)
    if len(items) >= MOST_COPIED and key not in items:
        return HashTrieMap(items).insert(key, value)
    changed = items.copy()
    changed[key] = value
    return changed


def updated(items: "PersistentMap[K, V]", changes: dict[K, V]) -> "PersistentMap[K, V]":
    """Give a map with other values in the place of some."""
    return items | changes if isinstance(items, dict) else items.update(changes)


def without(items: "PersistentMap[K, V]", key: K) -> "PersistentMap[K, V]":
    """Give a map without that, be it in or not."""
    if not isinstance(items, dict):
        return items.discard(key)
    if key not in items:
        return items
    changed = items.copy()
    del changed[key]
    return changed
