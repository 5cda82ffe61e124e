"""Go's time.Time: a moment and the zone to show it in; written and read by layout."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from runtime.values.gotemplate.durations import SECOND
from runtime.values.gotemplate.layouts import LONG_DAYS, LONG_MONTHS, Std, parts
from runtime.values.gotemplate.text import quote
from runtime.values.gotemplate.values import GoType, Int64, Kind, NilPointer, Struct, Uint64, Value

DAY: Final = 86_400
_DEFAULT_LAYOUT: Final = "2006-01-02 15:04:05.999999999 -0700 MST"
_JSON_LAYOUT: Final = "2006-01-02T15:04:05.999999999Z07:00"
YEAR_ONE: Final = -62_135_596_800  # the seconds from 1970 back to the year 1
_FIRST: Final = 9_223_372_028_715_321_600  # seconds from the first that Go's calendar has until 1970
_LAST_YEAR: Final = 9998
_LONGEST_NAME: Final = 100
_COMMON_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Zone:
    """A zone: its name and offset at a moment. This one never changes them."""

    __slots__ = ("name", "offset")

    def __init__(self, name: str, offset: int) -> None:
        self.name = name
        self.offset = offset

    def at(self, seconds: int) -> tuple[str, int]:
        """Give the abbreviation and the offset in seconds in force at a moment."""
        del seconds
        return self.name, self.offset

    def is_summer(self, seconds: int) -> bool:
        """Tell whether clocks are put forward at a moment."""
        del seconds
        return False

    def go_source(self) -> str:
        """Write as Go source."""
        if self is UTC_ZONE:
            return "time.UTC"
        return "time.Local" if self is LOCAL_ZONE else f"time.Location({quote(self.name)})"


class NamedZone(Zone):
    """A zone of the time zone database."""

    __slots__ = ("rules",)

    def __init__(self, name: str) -> None:
        super().__init__(name, 0)
        self.rules = ZoneInfo(name)

    def at(self, seconds: int) -> tuple[str, int]:
        """Give the abbreviation and the offset in seconds in force at a moment."""
        local = self._local(seconds)
        return local.tzname() or "", int((local.utcoffset() or timedelta()).total_seconds())

    def is_summer(self, seconds: int) -> bool:
        """Tell whether clocks are put forward at a moment."""
        return bool(self._local(seconds).dst())

    def _local(self, seconds: int) -> datetime:
        first = datetime(2, 1, 1, tzinfo=UTC)
        last = datetime(_LAST_YEAR, 1, 1, tzinfo=UTC)
        moment = min(max(seconds, int(first.timestamp())), int(last.timestamp()))
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=moment)).astimezone(self.rules)


UTC_ZONE: Final = Zone("UTC", 0)
LOCAL_ZONE: Final = Zone("UTC", 0)


class NilLocation(NilPointer):
    """A nil pointer to a time.Location, as a moment in UTC holds."""

    __slots__ = ()
    go_type = GoType("*time.Location", Kind.PTR)


class NilZone(NilPointer):
    """A nil pointer to a time.zone."""

    __slots__ = ()
    go_type = GoType("*time.zone", Kind.PTR)


class Location(Struct):
    """Go's pointer to a time.Location."""

    __slots__ = ("zone",)
    go_type = GoType("*time.Location", Kind.PTR)

    def __init__(self, zone: Zone) -> None:
        self.zone = zone

    def go_values(self) -> tuple[tuple[str, Value], ...]:
        """Give the fields, as they are for a zone without rules."""
        return (
            ("name", self.zone.name),
            ("zone", []),
            ("tx", []),
            ("extend", ""),
            ("cacheStart", Int64(0)),
            ("cacheEnd", Int64(0)),
            ("cacheZone", NilZone()),
        )

    def go_string(self) -> str:
        """Print the name."""
        return self.zone.name


def find_zone(name: str) -> Zone:
    """Find a zone by name as Go does; an unknown one is UTC. The local zone is UTC too."""
    if name == "Local":
        return LOCAL_ZONE
    if name in {"", "UTC"} or len(name) > _LONGEST_NAME:
        return UTC_ZONE
    return _find_zone(name)


@lru_cache(maxsize=64)
def _find_zone(name: str) -> Zone:
    try:
        return NamedZone(name)
    except (OSError, ValueError, KeyError):  # no such zone, or no name for one
        return UTC_ZONE


def is_leap(year: int) -> bool:
    """Tell whether a year has a 29th of February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in(month: int, year: int) -> int:
    """Give the number of days of a month."""
    return 29 if month == 2 and is_leap(year) else _COMMON_DAYS[month - 1]


def days_before(year: int, month: int, day: int) -> int:
    """Give the days from 1970 to a date of the proleptic Gregorian calendar."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def date_of(days: int) -> tuple[int, int, int]:
    """Give the date some days after 1970."""
    era, of_era = divmod(days + 719_468, 146_097)
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + (3 if shifted < 10 else -9)
    return year_of_era + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


class Clock:
    """A moment as a wall shows it in a zone."""

    __slots__ = ("day", "hour", "minute", "month", "offset", "second", "weekday", "year", "year_day", "zone")

    def __init__(self, seconds: int, zone: Zone) -> None:
        self.zone, self.offset = zone.at(seconds)
        days, rest = divmod((seconds + self.offset + _FIRST) % (1 << 64) - _FIRST, DAY)
        self.year, self.month, self.day = date_of(days)
        self.year_day = days - days_before(self.year, 1, 1) + 1
        self.weekday = (days + 4) % 7
        self.hour, rest = divmod(rest, 3600)
        self.minute, self.second = divmod(rest, 60)


class Time(Struct):
    """A moment: seconds since 1970, nanoseconds, a zone."""

    __slots__ = ("nanos", "seconds", "zone")
    go_type = GoType("time.Time", Kind.STRUCT)

    def __init__(self, seconds: int, nanos: int = 0, zone: Zone = UTC_ZONE) -> None:
        self.seconds = seconds
        self.nanos = nanos
        self.zone = zone

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Time) and (self.seconds, self.nanos, self.zone) == (
            other.seconds,
            other.nanos,
            other.zone,
        )

    def __hash__(self) -> int:
        return hash((self.seconds, self.nanos))

    def clock(self) -> Clock:
        """Show the moment in its zone."""
        return Clock(self.seconds, self.zone)

    def add(self, nanoseconds: int) -> "Time":
        """Give the moment some nanoseconds later."""
        seconds, nanos = divmod(self.nanos + nanoseconds, SECOND)
        return Time(self.seconds + seconds, nanos, self.zone)

    def since(self, earlier: "Time") -> int:
        """Give the nanoseconds from another moment to this one, at most what 64 bits hold."""
        span = (self.seconds - earlier.seconds) * SECOND + self.nanos - earlier.nanos
        return min(max(span, -(1 << 63)), (1 << 63) - 1)

    def format(self, layout: str) -> str:
        """Write the moment by a layout."""
        clock = self.clock()
        out: list[str] = []
        for before, std, written in parts(layout):
            out.append(before)
            if std is not None:
                out.append(_write(self, clock, std, written))
        return "".join(out)

    def go_string(self) -> str:
        """Print as %v does."""
        return self.format(_DEFAULT_LAYOUT)

    def go_values(self) -> tuple[tuple[str, Value], ...]:
        """Give the unexported fields that fmt shows under other verbs."""
        return (
            ("wall", Uint64(self.nanos)),
            ("ext", Int64(self.seconds - YEAR_ONE)),
            ("loc", NilLocation() if self.zone is UTC_ZONE else Location(self.zone)),
        )

    def go_source(self) -> str:
        """Print as Go source, as %#v does."""
        clock = self.clock()
        zone = self.zone.go_source()
        numbers = f"{clock.day}, {clock.hour}, {clock.minute}, {clock.second}, {self.nanos}"
        return f"time.Date({clock.year}, time.{LONG_MONTHS[clock.month - 1]}, {numbers}, {zone})"

    def json(self) -> str:
        """Write as JSON does, without quotes."""
        return self.format(_JSON_LAYOUT)


def now(nanoseconds: int) -> Time:
    """Make the moment some nanoseconds after 1970."""
    seconds, nanos = divmod(nanoseconds, SECOND)
    return Time(seconds, nanos, LOCAL_ZONE)


def zero() -> Time:
    """Make Go's zero time."""
    return Time(YEAR_ONE)


def _padded(number: int, width: int) -> str:
    return f"-{-number:0{width}d}" if number < 0 else f"{number:0{width}d}"


def _offset(offset: int, written: str) -> str:
    if written[0] == "Z" and not offset:
        return "Z"
    sign = "-" if offset < 0 else "+"
    minutes, seconds = divmod(abs(offset), 60)
    form = written[1:]
    colon = ":" if ":" in form else ""
    text = f"{sign}{minutes // 60:02d}"
    if form != "07":
        text += f"{colon}{minutes % 60:02d}"
    if form in {"070000", "07:00:00"}:
        text += f"{colon}{seconds:02d}"
    return text


def _zone_name(clock: Clock) -> str:
    return clock.zone or _offset(clock.offset, "-0700")


def _fraction(nanos: int, written: str) -> str:
    digits = f"{nanos:09d}"[: len(written) - 1].ljust(len(written) - 1, "0")
    if written[1] == "9":
        digits = digits.rstrip("0")
        return written[0] + digits if digits else ""
    return written[0] + digits


_NUMBERS: Final[Mapping[Std, tuple[str, int]]] = {
    Std.NUM_MONTH: ("month", 0),
    Std.ZERO_MONTH: ("month", 2),
    Std.DAY: ("day", 0),
    Std.ZERO_DAY: ("day", 2),
    Std.ZERO_YEAR_DAY: ("year_day", 3),
    Std.HOUR: ("hour", 2),
    Std.MINUTE: ("minute", 0),
    Std.ZERO_MINUTE: ("minute", 2),
    Std.SECOND: ("second", 0),
    Std.ZERO_SECOND: ("second", 2),
    Std.LONG_YEAR: ("year", 4),
}
_NOON: Final = 12
_WRITERS: Final[Mapping[Std, Any]] = {
    Std.YEAR: lambda clock: f"{abs(clock.year) % 100:02d}",
    Std.MONTH: lambda clock: LONG_MONTHS[clock.month - 1][:3],
    Std.LONG_MONTH: lambda clock: LONG_MONTHS[clock.month - 1],
    Std.WEEKDAY: lambda clock: LONG_DAYS[clock.weekday][:3],
    Std.LONG_WEEKDAY: lambda clock: LONG_DAYS[clock.weekday],
    Std.UNDER_DAY: lambda clock: f"{clock.day:2d}",
    Std.UNDER_YEAR_DAY: lambda clock: f"{clock.year_day:3d}",
    Std.HOUR12: lambda clock: str(clock.hour % _NOON or _NOON),
    Std.ZERO_HOUR12: lambda clock: f"{clock.hour % _NOON or _NOON:02d}",
    Std.UPPER_PM: lambda clock: "PM" if clock.hour >= _NOON else "AM",
    Std.LOWER_PM: lambda clock: "pm" if clock.hour >= _NOON else "am",
    Std.ZONE_NAME: _zone_name,
}


def _write(time: Time, clock: Clock, std: Std, written: str) -> str:
    if std in _NUMBERS:
        name, width = _NUMBERS[std]
        return _padded(getattr(clock, name), width)
    if std is Std.OFFSET:
        return _offset(clock.offset, written)
    if std is Std.FRACTION:
        return _fraction(time.nanos, written)
    return str(_WRITERS[std](clock))
