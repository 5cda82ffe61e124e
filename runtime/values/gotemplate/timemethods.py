"""What the methods of Go's time package give: months, weekdays, durations, and what a moment can be asked."""

from typing import Final

from runtime.values.gotemplate.durations import HOUR, MINUTE, SECOND, format_duration, round_duration
from runtime.values.gotemplate.errors import FunctionError
from runtime.values.gotemplate.functions import DURATION, INT, LOCATION, STRING, TIME, Function
from runtime.values.gotemplate.layouts import LONG_DAYS, LONG_MONTHS
from runtime.values.gotemplate.literals import MAX_INT64, wrap_int64
from runtime.values.gotemplate.times import DAY, LOCAL_ZONE, YEAR_ONE, Location, Time, Zone, days_before
from runtime.values.gotemplate.values import Enumerated, Float, GoType, Int, Int64, Kind


class Month(Enumerated):
    """Go's time.Month."""

    __slots__ = ()
    go_type = GoType("time.Month", Kind.INT)

    def go_string(self) -> str:
        """Print the name."""
        return LONG_MONTHS[self - 1]


class Weekday(Enumerated):
    """Go's time.Weekday."""

    __slots__ = ()
    go_type = GoType("time.Weekday", Kind.INT)

    def go_string(self) -> str:
        """Print the name."""
        return LONG_DAYS[self]


class Duration(Enumerated):
    """Go's time.Duration."""

    __slots__ = ()
    go_type = GoType("time.Duration", Kind.INT64)

    def go_string(self) -> str:
        """Print with units."""
        return format_duration(self)


def _add_date(time: Time, years: int, months: int, days: int) -> Time:
    clock = time.clock()
    year, month = divmod((clock.year + years) * 12 + clock.month - 1 + months, 12)
    shift = days_before(year, month + 1, 1) + clock.day - 1 + days - days_before(clock.year, clock.month, clock.day)
    return Time(time.seconds + shift * DAY, time.nanos, time.zone)


def _same(time: Time, other: Time) -> bool:
    return time.since(other) == 0


def _past(time: Time, unit: int) -> int:
    """Give the nanoseconds since the last whole unit, counted from the year 1."""
    return ((time.seconds - YEAR_ONE) * SECOND + time.nanos) % unit


def _truncate_time(time: Time, unit: int) -> Time:
    return time if unit <= 0 else time.add(-_past(time, unit))


def _round_time(time: Time, unit: int) -> Time:
    if unit <= 0:
        return time
    past = _past(time, unit)
    return time.add(-past if past + past < unit else unit - past)


def _moved(time: Time, zone: Zone | None) -> Time:
    if zone is None:
        raise FunctionError("time: missing Location in call to Time.In")
    return Time(time.seconds, time.nanos, zone)


def _is_summer(time: Time) -> bool:
    return time.zone.is_summer(time.seconds)


def _several(count: int) -> Function:
    """Make a method that Go's templates refuse, as it gives several results."""
    return Function(lambda time: time, results=count)


Time.go_methods = {
    "String": Function(Time.go_string),
    "GoString": Function(Time.go_source),
    "Format": Function(Time.format, (STRING,)),
    "Unix": Function(lambda time: Int64(time.seconds)),
    "UnixNano": Function(lambda time: Int64(wrap_int64(time.seconds * SECOND + time.nanos))),
    "UnixMicro": Function(lambda time: Int64(wrap_int64(time.seconds * 1_000_000 + time.nanos // 1_000))),
    "UnixMilli": Function(lambda time: Int64(time.seconds * 1000 + time.nanos // 1_000_000)),
    "Nanosecond": Function(lambda time: Int(time.nanos)),
    "UTC": Function(lambda time: Time(time.seconds, time.nanos)),
    "Local": Function(lambda time: Time(time.seconds, time.nanos, LOCAL_ZONE)),
    "In": Function(lambda time, location: _moved(time, location and location.zone), (LOCATION,)),
    "Location": Function(lambda time: Location(time.zone)),
    "IsDST": Function(_is_summer),
    "IsZero": Function(lambda time: time.seconds == YEAR_ONE and not time.nanos),
    "Month": Function(lambda time: Month(time.clock().month)),
    "Weekday": Function(lambda time: Weekday(time.clock().weekday)),
    "AddDate": Function(_add_date, (INT, INT, INT)),
    "Add": Function(lambda time, duration: time.add(int(duration)), (DURATION,)),
    "Sub": Function(lambda time, other: Duration(time.since(other)), (TIME,)),
    "Truncate": Function(_truncate_time, (DURATION,)),
    "Round": Function(_round_time, (DURATION,)),
    "Before": Function(lambda time, other: time.since(other) < 0, (TIME,)),
    "After": Function(lambda time, other: time.since(other) > 0, (TIME,)),
    "Equal": Function(_same, (TIME,)),
    "Date": _several(3),
    "Clock": _several(3),
    "ISOWeek": _several(2),
    "Zone": _several(2),
    **{
        name.title().replace("_", ""): Function(lambda time, name=name: Int(getattr(time.clock(), name)))
        for name in ("year", "day", "hour", "minute", "second", "year_day")
    },
}

_MILLI: Final = 1_000_000
_MICRO: Final = 1_000


def _truncated(span: int, unit: int) -> int:
    """Cut to a multiple of the unit, towards zero."""
    return span if unit <= 0 else (abs(span) // unit * unit) * (-1 if span < 0 else 1)


def _in_units(span: int, unit: int) -> Float:
    whole, rest = divmod(abs(span), unit)
    return Float((whole + rest / unit) * (-1 if span < 0 else 1))


Duration.go_methods = {
    "String": Function(Duration.go_string),
    "Abs": Function(lambda span: Duration(min(abs(span), MAX_INT64))),
    "Hours": Function(lambda span: _in_units(span, HOUR)),
    "Minutes": Function(lambda span: _in_units(span, MINUTE)),
    "Seconds": Function(lambda span: _in_units(span, SECOND)),
    "Milliseconds": Function(lambda span: Int64(_truncated(span, _MILLI) // _MILLI)),
    "Microseconds": Function(lambda span: Int64(_truncated(span, _MICRO) // _MICRO)),
    "Nanoseconds": Function(Int64),
    "Round": Function(lambda span, unit: Duration(round_duration(span, unit)), (DURATION,)),
    "Truncate": Function(lambda span, unit: Duration(_truncated(span, unit)), (DURATION,)),
}
Location.go_methods = {"String": Function(Location.go_string)}
