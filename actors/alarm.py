"""What a supervisor's one task sleeps on: until something is due, or until it is called.

A cancel scope costs 8 us, so giving each question one for its deadline would
make an ask half as dear again. Every supervisor has a task that waits for
delayed restarts anyway; the deadlines of questions to its children stand in the
same schedule, where setting one and taking it back is a heap push and a dict
pop. The sleeper has one scope, whose deadline moves when something earlier is
set, without a task switch; an early wake for an entry that is gone by then is
harmless.
"""

import math
from collections.abc import Callable, Hashable

import trio

from actors.parking import Parking
from actors.schedule import Schedule

__all__ = ("Alarm",)


class Alarm(Parking):
    """Callbacks by key, each due at a time on trio's clock."""

    __slots__ = ("_schedule", "_scope", "_wakes_at")

    def __init__(self) -> None:
        self._parked = None
        self._schedule: Schedule[Hashable, Callable[[], object]] = Schedule()
        self._scope: trio.CancelScope | None = None
        self._wakes_at = math.inf

    def __contains__(self, key: Hashable) -> bool:
        return key in self._schedule

    def put(self, key: Hashable, due: float, callback: Callable[[], object]) -> None:
        """Have `callback()` called at `due`, or a moment later. Sync; replaces what was under the key."""
        self._schedule.put(key, due, callback)
        if due < self._wakes_at and self._scope is not None:
            self._wakes_at = self._scope.deadline = due

    def drop(self, key: Hashable) -> bool:
        """Forget it. Sync, idempotent; False if there was nothing."""
        return self._schedule.drop(key)

    def fire(self, now: float) -> None:
        """Call everything that is due. Sync."""
        while (due := self._schedule.pop_due(now)) is not None:
            due[1]()

    async def sleep(self) -> None:
        """Sleep until something may be due or `wake` is called. A checkpoint."""
        next_due = self._schedule.next_due()
        self._wakes_at = math.inf if next_due is None else next_due
        self._scope = trio.CancelScope(deadline=self._wakes_at)
        try:
            with self._scope:
                await self.park()
        finally:
            self._scope = None
