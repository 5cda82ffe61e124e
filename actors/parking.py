"""One task that sleeps until something synchronous wakes it.

The rendezvous under mailboxes, answers, timers and supervisors. A trio memory
channel or event would do, at several times the price: here a wait is one trip
through the scheduler and a wake is one call. There is one sleeper at most,
because each of these has one owner.
"""

from collections.abc import AsyncGenerator, Awaitable, Generator
from contextvars import Context
from typing import Protocol, TypeVar

import trio
from outcome import Outcome
from trio.lowlevel import Abort, RaiseCancelT, Task, current_task, reschedule, wait_task_rescheduled

__all__ = ("Absent", "Parking")


R = TypeVar("R")


class _Woken(Outcome[None]):
    """What every wait here comes to: nothing. One for all: a new `outcome.Value` each time is a sixth of an ask."""

    def unwrap(self) -> None:
        return None

    def send(self, gen: Generator[R, None, object]) -> R:
        return gen.send(None)

    async def asend(self, agen: AsyncGenerator[R, None]) -> R:
        return await agen.asend(None)


_WOKEN = _Woken()


class Absent(Protocol):
    """One who would sleep here, had it a task to sleep in. `context` is what it would run in."""

    context: Context

    def come(self) -> None:
        """Be given one. Sync."""


class Parking:
    """Base of everything that one task waits on. Subclasses set `_parked = None` when made."""

    __slots__ = ("_parked",)

    _parked: Task | Absent | None

    def wake(self) -> None:
        """Let the sleeper go on, if there is one. Sync; it runs at the next turn of the scheduler."""
        sleeper = self._parked
        if sleeper is not None:
            self._parked = None
            if isinstance(sleeper, Task):
                reschedule(sleeper, _WOKEN)
            else:
                sleeper.come()

    def park(self) -> Awaitable[object]:
        """Sleep until `wake`: await what this gives, at once. Cancel leaves nothing behind. Always a checkpoint.

        No coroutine of its own: every sleeping actor would keep its frame.

        Raises:
            trio.BusyResourceError: another task already waits here.
        """
        if self._parked is not None:
            raise trio.BusyResourceError("another task already waits here")
        self._parked = current_task()
        return wait_task_rescheduled(self._abandon)  # noqa: ASYNC105 - the caller awaits it

    def _abandon(self, _raise_cancel: RaiseCancelT) -> Abort:
        self._parked = None
        return Abort.SUCCEEDED
