"""A heap of things due, with lazy deletion. Pure: the time is an argument.

Dropping or moving an entry leaves the old one in the heap, where it is skipped
when it surfaces; when the dead outnumber the living the heap is rebuilt, so it
never holds more than twice what is scheduled (and a few).
"""

from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

__all__ = ("Schedule",)

K = TypeVar("K")
V = TypeVar("V")

_SMALL = 64  # below this many entries, rebuilding is not worth its while


class Schedule(Generic[K, V]):
    """Values by key, each due at a time. Entries due at the same time come out in the order they were put."""

    __slots__ = ("_count", "_heap", "_live")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, K]] = []
        self._live: dict[K, tuple[int, V]] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, key: K) -> bool:
        return key in self._live

    def put(self, key: K, due: float, value: V) -> None:
        """Schedule; an entry of the same key is replaced."""
        self._count += 1
        self._live[key] = (self._count, value)
        heappush(self._heap, (due, self._count, key))
        self._prune()

    def drop(self, key: K) -> bool:
        """Unschedule; False if there was nothing of that key."""
        return self._live.pop(key, None) is not None

    def next_due(self) -> float | None:
        """When the first entry is due, or None if there is none."""
        self._skip_dead()
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> tuple[K, V] | None:
        """Take out the first entry if it is due at `now`."""
        self._skip_dead()
        if not self._heap or self._heap[0][0] > now:
            return None
        _, _, key = heappop(self._heap)
        return key, self._live.pop(key)[1]

    def _dead(self, entry: tuple[float, int, K]) -> bool:
        live = self._live.get(entry[2])
        return live is None or live[0] != entry[1]

    def _skip_dead(self) -> None:
        while self._heap and self._dead(self._heap[0]):
            heappop(self._heap)

    def _prune(self) -> None:
        if len(self._heap) > 2 * len(self._live) + _SMALL:
            self._heap = [entry for entry in self._heap if not self._dead(entry)]
            heapify(self._heap)
