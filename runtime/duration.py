"""Durations as µTask templates write them: Go's text form (``300ms``, ``-1.5h``, ``2h45m``)."""

import re
from decimal import Decimal
from typing import NewType

Duration = NewType("Duration", float)
"""Seconds, where a configuration writes a duration text."""

_UNITS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "μs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)([^\d.]*)", re.ASCII)
_LONGEST = Decimal(1 << 63).scaleb(-9)  # Go holds nanoseconds in 64 bits: about 292 years
_LONGEST_TEXT = 100


def parse_duration(text: str) -> float:
    """Give the seconds that a Go duration text names.

    Raises:
        ValueError: the text is not a duration, or longer than Go can hold; the message is Go's.
    """
    shown = f'"{text[:_LONGEST_TEXT]}"'
    body = text[1:] if text[:1] in {"+", "-"} else text
    seconds = Decimal(0) if body == "0" else _sum(body, shown)
    if seconds >= _LONGEST:
        raise ValueError(f"time: invalid duration {shown}")
    return float(-seconds if text.startswith("-") else seconds)


def _sum(body: str, shown: str) -> Decimal:
    seconds, end = Decimal(0), 0
    while end < len(body) or not body:
        part = _PART.match(body, end)
        if part is None or len(body) > _LONGEST_TEXT:
            raise ValueError(f"time: invalid duration {shown}")
        number, unit = part.groups()
        if unit not in _UNITS:
            raise ValueError(
                f'time: unknown unit "{unit}" in duration {shown}'
                if unit
                else f"time: missing unit in duration {shown}"
            )
        seconds += Decimal(number) * _UNITS[unit]
        end = part.end()
    return seconds
