"""Go's time.Duration, an integer of nanoseconds: reading and writing it."""

from typing import Final

from runtime.values.gotemplate.values import encode

MICROSECOND: Final = 1_000
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE

_UNITS: Final = {
    "ns": 1,
    "us": MICROSECOND,
    "µs": MICROSECOND,
    "μs": MICROSECOND,
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
}
_LIMIT: Final = 1 << 63
_LONGEST: Final = 2000  # characters of a duration
_DIGITS: Final = frozenset("0123456789")


class BadDuration(ValueError):
    """A text is not a duration; the message is Go's."""


def quote_value(text: str) -> str:
    """Quote as package time quotes what it could not parse."""
    out: list[str] = []
    for byte in encode(text):
        char = chr(byte)
        if not " " <= char <= "\x7f":
            out.append(f"\\x{byte:02x}")
        else:
            out.append(f"\\{char}" if char in '"\\' else char)
    return '"' + "".join(out) + '"'


def _span(text: str, at: int, *, digits: bool) -> int:
    while at < len(text) and (text[at] in _DIGITS) is digits and (digits or text[at] != "."):
        at += 1
    return at


def _bad(text: str) -> BadDuration:
    return BadDuration(f"time: invalid duration {quote_value(text)}")


def parse_duration(text: str) -> int:
    """Read a duration like -1h15m30.5s.

    Raises:
        BadDuration: it is none, or beyond 64 bits.
    """
    if len(text) > _LONGEST:
        raise _bad(text[:_LONGEST])
    at = 1 if text[:1] in {"-", "+"} else 0
    if text[at:] == "0":
        return 0
    if at >= len(text):
        raise _bad(text)
    total = 0
    while at < len(text):
        value, at = _component(text, at)
        total += value
        if total > _LIMIT:
            raise _bad(text)
    if text[0] == "-":
        return -total
    if total >= _LIMIT:
        raise _bad(text)
    return total


def _component(text: str, at: int) -> tuple[int, int]:
    whole_end = _span(text, at, digits=True)
    fraction_start = fraction_end = whole_end
    if text[whole_end : whole_end + 1] == ".":
        fraction_start = whole_end + 1
        fraction_end = _span(text, fraction_start, digits=True)
    whole, fraction = text[at:whole_end], text[fraction_start:fraction_end]
    if not whole and not fraction:
        raise _bad(text)
    if len(whole) > 20 or int(whole or 0) > _LIMIT:
        raise _bad(text)
    unit_end = _span(text, fraction_end, digits=False)
    unit_name = text[fraction_end:unit_end]
    if not unit_name:
        raise BadDuration(f"time: missing unit in duration {quote_value(text)}")
    unit = _UNITS.get(unit_name)
    if unit is None:
        raise BadDuration(f"time: unknown unit {quote_value(unit_name)} in duration {quote_value(text)}")
    value = int(whole or 0)
    if value > _LIMIT // unit:
        raise _bad(text)
    value *= unit
    if fraction := fraction[:18]:
        value += int(float(int(fraction)) * (float(unit) / 10.0 ** len(fraction)))
    return value, unit_end


def _decimal(value: int, scale: int) -> str:
    whole, rest = divmod(value, scale)
    fraction = str(rest).rjust(len(str(scale)) - 1, "0").rstrip("0")
    return f"{whole}.{fraction}" if fraction else str(whole)


def format_duration(nanoseconds: int) -> str:
    """Write a duration as its String method does."""
    sign = "-" if nanoseconds < 0 else ""
    value = abs(nanoseconds)
    if not value:
        return "0s"
    for unit, scale, below in (("ns", 1, MICROSECOND), ("µs", MICROSECOND, MILLISECOND), ("ms", MILLISECOND, SECOND)):
        if value < below:
            return f"{sign}{_decimal(value, scale)}{unit}"
    minutes, seconds = divmod(value, MINUTE)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(seconds, SECOND)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else f"{sign}{text}"


def wrap(nanoseconds: int) -> int:
    """Bring a duration into 64 bits as overflow does."""
    return (nanoseconds + _LIMIT) % (1 << 64) - _LIMIT


def round_duration(nanoseconds: int, unit: int) -> int:
    """Round to a multiple of a unit, halves away from zero, at most to what 64 bits hold; a unit below 1 changes nothing."""
    if unit <= 0:
        return nanoseconds
    past = abs(nanoseconds) % unit
    size = abs(nanoseconds) - past if past + past < unit else abs(nanoseconds) + unit - past
    return min(size, _LIMIT - 1) if nanoseconds >= 0 else -min(size, _LIMIT)
