"""What a supervisor's one task sleeps on: until something is due, or until it is called.

A cancel scope costs 8 us, so giving each question one for its deadline would
make an ask half as dear again. Every supervisor has a task that waits for
delayed restarts anyway, and it keeps the deadlines of questions to its children
as well. Nearly all of those are taken back within microseconds, so there are
two generations: an entry is put into a dict, and only what is still there when
the sleeper wakes moves on to the heap. The sleeper has one scope, whose
deadline moves when something earlier is put, without a task switch; waking for
an entry that is gone by then is harmless.
"""

import math
from collections.abc import Callable, Hashable

import trio

from actors.parking import Parking
from actors.schedule import Schedule

__all__ = ("Alarm",)


class Alarm(Parking):
    """Callbacks by key, each due at a time on trio's clock."""

    __slots__ = ("_old", "_scope", "_wakes_at", "_young")

    def __init__(self) -> None:
        self._parked = None
        self._young: dict[Hashable, tuple[float, Callable[[], object]]] = {}
        self._old: Schedule[Hashable, Callable[[], object]] = Schedule()
        self._scope: trio.CancelScope | None = None
        self._wakes_at = math.inf

    def __contains__(self, key: Hashable) -> bool:
        return key in self._young or key in self._old

    def put(self, key: Hashable, due: float, callback: Callable[[], object]) -> None:
        """Have `callback()` called at `due`, or a moment later. Sync; the key must not be there."""
        self._young[key] = (due, callback)
        if due < self._wakes_at and self._scope is not None:
            self._wakes_at = self._scope.deadline = due

    def drop(self, key: Hashable) -> bool:
        """Forget it. Sync, idempotent; False if there was nothing."""
        return self._young.pop(key, None) is not None or self._old.drop(key)

    def fire(self, now: float) -> None:
        """Call everything that is due. Sync."""
        self._age()
        while (due := self._old.pop_due(now)) is not None:
            due[1]()

    async def sleep(self) -> None:
        """Sleep until something may be due or `wake` is called. A checkpoint."""
        self._age()
        next_due = self._old.next_due()
        self._wakes_at = math.inf if next_due is None else next_due
        self._scope = trio.CancelScope(deadline=self._wakes_at)
        try:
            with self._scope:
                await self.park()
        finally:
            self._scope = None

    def _age(self) -> None:
        for key, (due, callback) in self._young.items():
            self._old.put(key, due, callback)
        self._young.clear()
