"""What is stopped and what is started, one thing after the other.

Stopping goes in waves: static children in reverse order, one a wave; dynamic
ones together in one, and first. Starting goes in order, and the next child is
not made before the one before it has begun (or has shaken hands): trio runs
the tasks of one tick in any order. All stops come before all starts, so that
"stop these and start those" is how a group is restarted, and more can be
planned at any time.

A plan only: it stops and starts nothing itself. Whoever follows it asks `next`
what to do, and says what has `ended` and what has `begun`.
"""

from collections.abc import Iterable

import attrs

from actors.reason import StopReason
from actors.table import Row

__all__ = ("Procession", "StartOne", "StopWave")


@attrs.frozen
class StopWave:
    """Ask these to stop."""

    rows: tuple[Row, ...]
    reason: StopReason


@attrs.frozen
class StartOne:
    """Start this one."""

    row: Row


class Procession:
    """See the module docstring. `rows` are the children, in start order."""

    __slots__ = ("_beginning", "_reason", "_rows", "_starts", "_wave", "_waves")

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows
        self._waves: list[list[Row]] = []
        self._wave: set[Row] = set()
        self._reason = StopReason.shutdown()
        self._starts: dict[Row, None] = {}  # the last in it is the first to start: that end of a dict is the cheap one
        self._beginning: Row | None = None

    @property
    def stopped(self) -> bool:
        """True when nothing is being stopped, and no stop is planned."""
        return not (self._waves or self._wave)

    @property
    def idle(self) -> bool:
        """True when nothing is being stopped or started, and nothing is planned."""
        return not (self._waves or self._wave or self._starts or self._beginning)

    def plan_stops(self, rows: Iterable[Row], reason: StopReason) -> None:
        """Stop these too."""
        wanted = {*rows, *(row for wave in self._waves for row in wave)}
        if not wanted:
            return
        everyone = [row for row in self._rows if row in wanted]
        together = [row for row in everyone if row.kind.dynamic]
        self._waves = [[row] for row in everyone if not row.kind.dynamic]
        if together:
            self._waves.append(together)
        self._reason = reason

    def plan_starts(self, rows: Iterable[Row]) -> None:
        """Start these too."""
        wanted = {*rows, *self._starts}
        self._starts = dict.fromkeys(reversed([row for row in self._rows if row in wanted]))

    def starts(self, row: Row) -> bool:
        """True if this one is to be started."""
        return row in self._starts

    def forget_start(self, row: Row) -> bool:
        """Do not start it after all. True if it was planned."""
        planned = row in self._starts
        self._starts.pop(row, None)
        return planned

    def forget_starts(self) -> None:
        """Start nothing any more."""
        self._starts.clear()

    def awaits(self, row: Row) -> bool:
        """True if nothing else is started before this one has begun."""
        return self._beginning is row

    def hold_for(self, row: Row) -> None:
        """Start nothing else before this one, which someone starts out of turn, has begun."""
        self._beginning = self._beginning or row

    def begun(self, row: Row) -> bool:
        """Note that one has begun, or will not. True if it was awaited."""
        awaited = self._beginning is row
        if awaited:
            self._beginning = None
        return awaited

    def ended(self, row: Row) -> bool:
        """Note that one has ended. True if it was being stopped."""
        stopped = row in self._wave
        self._wave.discard(row)
        return stopped

    def next(self, *, may_start: bool) -> StopWave | StartOne | None:
        """Say what to do now; None while what was said before is under way, or when all is done."""
        while self._waves and not self._wave:
            wave = tuple(row for row in self._waves.pop() if row.alive)
            self._wave.update(wave)
            if wave:
                return StopWave(wave, self._reason)
        if self._wave or not self._starts or self._beginning is not None or not may_start:
            return None
        self._beginning, _ = self._starts.popitem()
        return StartOne(self._beginning)
