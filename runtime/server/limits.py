"""How much anybody may ask for: pure, over times that are given."""

from collections import OrderedDict
from typing import Final

import attrs

BODY_BYTES: Final = (1024, 10 * 2**20)
"""What a limit of the bytes of a request is, at least and at most (spec section 11)."""

_CALLERS_KNOWN: Final = 10_000


@attrs.frozen(kw_only=True)
class ServerLimits:
    """What one server takes; what is beyond is refused with 429 or 503, which say when to come back.

    Attributes:
        body_bytes: of one request; `bodies_bytes` of all that are being read.
        body_seconds: how long a request may take to arrive, `request_seconds` how long to be answered.
        requests_per_second, burst: of each caller.
        in_flight: how many requests are answered at once: enough to keep the machine busy, and few, for what is taken is
            to be answered soon.
        wait_seconds: how long a request waits for room before it is refused. Who waits costs nothing, and who is refused
            asks again; so one who asks too often waits as long for the word that it was too often.
        connections: of all, `connections_per_address` from one.
        idle_seconds: how long a connection may rest between requests, `stall_seconds` how long it may take nothing of
            what it is sent.
        subscribers: of events.
    """

    body_bytes: int = 262_144
    bodies_bytes: int = 32 * 2**20
    body_seconds: float = 10.0
    requests_per_second: float = 100.0
    burst: int = 200
    in_flight: int = 32
    request_seconds: float = 30.0
    wait_seconds: float = 1.0
    connections: int = 1000
    connections_per_address: int = 500
    idle_seconds: float = 30.0
    stall_seconds: float = 30.0
    subscribers: int = 200


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
