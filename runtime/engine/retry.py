"""The delays between runs (spec section 6.9). All in seconds."""

from collections.abc import Iterable
from typing import Final, assert_never

from runtime.templates.model import RetryPattern

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0

LONGEST_WITHOUT_CANDIDATE: Final = _HOUR


def retry_delay(pattern: RetryPattern, tries: int) -> float:
    """Give the delay after `tries` attempts of one step."""
    match pattern:
        case RetryPattern.SECONDS:
            # Past 20 tries the cap holds anyway; the bound keeps the power from overflowing.
            return min(8 * 1.25 ** min(tries, 20), 10 * _MINUTE)
        case RetryPattern.MINUTES:
            return min(1.6 * tries, 30) * _MINUTE
        case RetryPattern.HOURS:
            return min(_HOUR + 10 * _MINUTE * (tries - 1), 3 * _HOUR)
        case _:
            assert_never(pattern)


def next_delay(retriable: Iterable[tuple[RetryPattern, int]]) -> float:
    """Give the delay until the next run: the shortest one of the steps to retry, an hour where there is none."""
    return min((retry_delay(pattern, tries) for pattern, tries in retriable), default=LONGEST_WITHOUT_CANDIDATE)
