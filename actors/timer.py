"""Timers: one table of what is due, one sleeping task, for any number of waits.

A timer is a message for an actor and a time. `arm` takes wall time, which can
be stored and armed again after a restart; `arm_in` counts seconds on the
monotonic clock. The two are kept in separate schedules and never converted for
longer than one sleep: the sleeper looks at both clocks again at least every
`recheck_seconds`, so when the calendar jumps (a suspended machine, NTP) a wall
timer is late by that much at most and none is lost. Everything a jump makes due
at once is posted in slices, with a checkpoint between them.

Everything but the sleeping is sync. Disarming is a dict pop; a message already
posted is still delivered, so a message that may come late should carry what
makes it recognisable (an attempt number). When the target's mailbox is full the
timer is armed again `retry_seconds` later; when the target has stopped, the
timer is dropped: who restarts an actor arms its timers anew.

The table lives in this object and not in the sleeping task, so a restart of
that task loses nothing. Run it as a child:

    timers = Timers(clock)
    ChildSpec(id="timers", start=infrastructure(timers.run), restart=Restart.PERMANENT, stop_within=0)
"""

import math
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

import attrs
import trio

from actors.address import Address
from actors.clock import Clock
from actors.errors import ActorStopped, MailboxFull
from actors.infrastructure import Inbox
from actors.parking import Parking
from actors.schedule import Schedule
from actors.shutdown import Phase, ShutdownContext

__all__ = ("TimerStatistics", "Timers")

M = TypeVar("M")

_SLICE = 256  # how many timers fire between two checkpoints


@attrs.frozen(kw_only=True)
class TimerStatistics:
    """What the timers have done so far. `deferred` counts tries that met a full mailbox."""

    armed: int
    fired: int
    deferred: int
    dropped: int


class _Entry(Generic[M]):
    __slots__ = ("message", "target")

    def __init__(self, target: Address[M], message: M) -> None:
        self.target = target
        self.message = message

    def post(self) -> None:
        self.target.post(self.message)


class Timers(Parking):
    """See the module docstring. With a `shutdown`, nothing fires once it has begun."""

    __slots__ = (
        "_clock",
        "_deferred",
        "_dropped",
        "_fired",
        "_monotonic",
        "_recheck",
        "_retry",
        "_scope",
        "_shutdown",
        "_wall",
    )

    def __init__(
        self,
        clock: Clock,
        *,
        shutdown: ShutdownContext | None = None,
        recheck_seconds: float = 10.0,
        retry_seconds: float = 0.05,
    ) -> None:
        self._parked = None
        self._clock = clock
        self._shutdown = shutdown
        self._recheck = recheck_seconds
        self._retry = retry_seconds
        self._wall: Schedule[Hashable, _Entry[Any]] = Schedule()
        self._monotonic: Schedule[Hashable, _Entry[Any]] = Schedule()
        self._scope: trio.CancelScope | None = None
        self._fired = 0
        self._deferred = 0
        self._dropped = 0

    def arm(self, key: Hashable, due_wall: float, target: Address[M], message: M) -> None:
        """Post `message` to `target` when the calendar says `due_wall`; at once if it already does. Sync.

        A timer of the same key, of either kind, is replaced.
        """
        self._monotonic.drop(key)
        self._wall.put(key, due_wall, _Entry(target, message))
        self._hasten(min(due_wall - self._clock.wall(), self._recheck))

    def arm_in(self, key: Hashable, seconds: float, target: Address[M], message: M) -> None:
        """Post `message` to `target` in so many seconds, whatever the calendar does. Sync; replaces as `arm` does."""
        self._wall.drop(key)
        self._monotonic.put(key, self._clock.monotonic() + seconds, _Entry(target, message))
        self._hasten(seconds)

    def disarm(self, key: Hashable) -> bool:
        """Forget a timer. Sync, idempotent; False if it is not armed. A message already posted is still delivered."""
        in_wall = self._wall.drop(key)
        return self._monotonic.drop(key) or in_wall

    def __len__(self) -> int:
        return len(self._wall) + len(self._monotonic)

    def statistics(self) -> TimerStatistics:
        """Give a frozen picture of now. Sync."""
        return TimerStatistics(armed=len(self), fired=self._fired, deferred=self._deferred, dropped=self._dropped)

    async def run(self, inbox: Inbox[Any]) -> None:
        """Sleep and fire until cancelled. A cancel leaves every timer armed."""
        inbox.started()
        while True:
            await self._sleep()
            while self._fire_slice():
                await trio.lowlevel.checkpoint()

    async def _sleep(self) -> None:
        """Sleep until something may be due. Arming something earlier moves the scope's deadline, with no task switch."""
        self._scope = trio.CancelScope(deadline=self._next_look())
        try:
            with self._scope:
                await self.park()
        finally:
            self._scope = None

    def _next_look(self) -> float:
        """Say when to look at the clocks again, on the monotonic one."""
        if self._quiet:
            return math.inf
        due = self._monotonic.next_due()
        look = math.inf if due is None else due
        due_wall = self._wall.next_due()
        if due_wall is not None:
            in_seconds = min(due_wall - self._clock.wall(), self._recheck)
            look = min(look, self._clock.monotonic() + in_seconds)
        return look

    @property
    def _quiet(self) -> bool:
        return self._shutdown is not None and self._shutdown.phase is not Phase.RUNNING

    def _hasten(self, seconds: float) -> None:
        if self._scope is not None:
            look = self._clock.monotonic() + seconds
            if look < self._scope.deadline:  # noqa: PLR1730 - to set it costs far more than to read it
                self._scope.deadline = look

    def _fire_slice(self) -> bool:
        """Fire some of what is due; True if there may be more."""
        if self._quiet:
            return False
        for _ in range(_SLICE):
            due = self._monotonic.pop_due(self._clock.monotonic()) or self._wall.pop_due(self._clock.wall())
            if due is None:
                return False
            self._fire(*due)
        return True

    def _fire(self, key: Hashable, entry: _Entry[Any]) -> None:
        try:
            entry.post()
        except MailboxFull:
            self._deferred += 1
            self._monotonic.put(key, self._clock.monotonic() + self._retry, entry)
        except ActorStopped:
            self._dropped += 1
        else:
            self._fired += 1
