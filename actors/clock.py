"""Time as an argument: the only module that looks at a real clock.

`monotonic` measures how long (deadlines, restart windows, delays); it has the
scale of `trio.current_time()`, so a virtual trio clock moves it. `wall` says
when, survives in a journal, and may jump. The two are never mixed: what is
stored is wall time, what is waited for is monotonic, and `Timers` is the one
place that turns the first into the second.
"""

import time
from typing import Protocol

import trio

__all__ = ("Clock", "SystemClock", "VirtualClock")


class Clock(Protocol):
    """What the time is, in both senses."""

    def monotonic(self) -> float:
        """Seconds that never go back, on the scale of `trio.current_time()`."""

    def wall(self) -> float:
        """Seconds since the Unix epoch; may jump in both directions."""


class SystemClock:
    """The machine's clocks. Must be read inside a trio run."""

    __slots__ = ()

    def monotonic(self) -> float:
        """Read trio's clock."""
        return trio.current_time()

    def wall(self) -> float:
        """Read the machine's calendar."""
        return time.time()  # noqa: TID251 - this is the clock


class VirtualClock:
    """A calendar that follows trio's clock from `epoch`, so tests on a mock clock are deterministic.

    `jump` moves the calendar alone, as NTP or a suspended machine would.
    """

    __slots__ = ("_epoch",)

    def __init__(self, epoch: float) -> None:
        self._epoch = epoch

    def monotonic(self) -> float:
        """Read trio's clock."""
        return trio.current_time()

    def wall(self) -> float:
        """Read the calendar that trio's clock drives."""
        return self._epoch + trio.current_time()

    def jump(self, seconds: float) -> None:
        """Move the calendar by `seconds`, which may be negative. Monotonic time does not move."""
        self._epoch += seconds
