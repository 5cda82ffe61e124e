"""How often something may fail, and how long to wait before the next try.

`RestartWindow` is the rule (so many in so long), `Stamps` the memory of one
child or one group under that rule. `Backoff` turns the number of failures in
the window into a delay: the first retry is immediate by default, the others
double, with jitter so that children that fail together do not return together.
All pure: time and chance come in as arguments.
"""

from bisect import bisect_right

import attrs

__all__ = ("Backoff", "RestartWindow", "Stamps")


@attrs.frozen(kw_only=True)
class RestartWindow:
    """At most `limit` restarts in any `period_seconds`."""

    limit: int = 5
    period_seconds: float = 10.0

    def faults(self) -> list[str]:
        """Name what is wrong with it."""
        found = []
        if self.limit < 0:
            found.append(f"limit is {self.limit}: it must be 0 or more")
        if not self.period_seconds > 0:
            found.append(f"period_seconds is {self.period_seconds}: it must be above 0")
        return found


class Stamps:
    """The failures that still count under one window. `count`: how many did at the last call of `allow`."""

    __slots__ = ("_stamps", "count", "window")

    def __init__(self, window: RestartWindow) -> None:
        self.window = window
        self.count = 0
        self._stamps: list[float] = []  # not a deque: it takes 600 bytes for what is mostly one number

    def allow(self, now: float) -> bool:
        """Note a failure at `now`; False when that is one too many. Holds few more than twice what its limit is."""
        stamps = self._stamps
        if not stamps and self.window.limit > 0:  # the first one, as nearly all are
            stamps.append(now)
            self.count = 1
            return True
        stamps.append(now)
        gone = bisect_right(stamps, now - self.window.period_seconds)
        self.count = len(stamps) - gone
        allowed = self.count <= self.window.limit
        if not allowed:  # one fewer is enough to know the same of the next
            self.count -= 1
            del stamps[: gone + 1]
        elif gone > self.count:
            del stamps[:gone]
        return allowed


@attrs.frozen(kw_only=True)
class Backoff:
    """Delay before the n-th restart in a window: `first_seconds`, then `base_seconds * factor ** (n - 2)`, capped.

    `jitter` is the share of the delay that chance may take away: 0.2 gives between 80 % and 100 % of it.
    """

    first_seconds: float = 0.0
    base_seconds: float = 0.1
    factor: float = 2.0
    most_seconds: float = 5.0
    jitter: float = 0.2

    def faults(self) -> list[str]:
        """Name what is wrong with it."""
        found = [
            f"{name} is {value}: it must be 0 or more"
            for name, value in (
                ("first_seconds", self.first_seconds),
                ("base_seconds", self.base_seconds),
                ("most_seconds", self.most_seconds),
            )
            if not value >= 0
        ]
        if not self.factor >= 1:
            found.append(f"factor is {self.factor}: it must be 1 or more")
        if not 0 <= self.jitter <= 1:
            found.append(f"jitter is {self.jitter}: it must be between 0 and 1")
        return found

    def delay(self, count: int, chance: float) -> float:
        """Seconds to wait before restart number `count` (from 1) of a window; `chance` is uniform in [0, 1)."""
        # The exponent is bounded so that a huge count cannot overflow.
        seconds = self.first_seconds if count <= 1 else self.base_seconds * self.factor ** min(count - 2, 64)
        return min(seconds, self.most_seconds) * (1.0 - self.jitter * chance)
