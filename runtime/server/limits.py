"""How much anybody may ask for: pure, over times that are given."""

from collections import OrderedDict
from typing import Final

import attrs

_CALLERS_KNOWN: Final = 10_000


@attrs.frozen(kw_only=True)
class ServerLimits:
    """What one server takes.

    `requests_per_second` and `burst` hold for each caller, `in_flight` for all of them together, and so do
    `subscribers` of events. A request is answered within `request_seconds`, or refused; 503 and 429 say when to come
    back.
    """

    body_bytes: int = 262_144
    requests_per_second: float = 100.0
    burst: int = 200
    in_flight: int = 200
    subscribers: int = 200
    request_seconds: float = 30.0
    events_per_frame: int = 65_536


class RateLimit:
    """A bucket of tokens for each caller, refilled with time; those that were not seen for longest are forgotten."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, now: float) -> float:
        """Take a token; give 0, or how many seconds it is until there is one. `now` is in seconds of any clock."""
        tokens, since = self._buckets.pop(caller, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._per_second)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._per_second
        self._buckets[caller] = (tokens - 1 if tokens >= 1 else tokens, now)
        if len(self._buckets) > _CALLERS_KNOWN:
            self._buckets.popitem(last=False)
        return wait
