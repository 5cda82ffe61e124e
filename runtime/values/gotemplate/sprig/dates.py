"""Sprig's functions on dates. The local zone is UTC; the present is the rendering's."""

from typing import Final

from runtime.values.gotemplate.durations import (
    HOUR,
    MINUTE,
    SECOND,
    BadDuration,
    format_duration,
    parse_duration,
    round_duration,
    wrap,
)
from runtime.values.gotemplate.errors import FunctionError
from runtime.values.gotemplate.functions import ANY, STRING, TIME, Host, Table
from runtime.values.gotemplate.literals import clamped_decimal
from runtime.values.gotemplate.timeparse import BadTime, parse_time
from runtime.values.gotemplate.times import LOCAL_ZONE, Time, find_zone, now, zero
from runtime.values.gotemplate.values import Int, Int64, Value

_TABLE: Final = Table()
FUNCTIONS: Final = _TABLE.functions

_DAY: Final = 24 * HOUR
_FORMATTING: Final = 150  # steps
_FINDING: Final = 500  # steps to find a zone that is not known yet
_UNITS: Final = ((365 * _DAY, "y"), (30 * _DAY, "mo"), (_DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"))


def _moment(host: Host, value: Value) -> Time:
    if isinstance(value, Time):
        return value
    return Time(int(value), 0, LOCAL_ZONE) if isinstance(value, Int | Int64) else now(host.now)


def _in_zone(host: Host, layout: str, value: Value, zone: str) -> str:
    host.budget.spend(_FORMATTING if zone in {"UTC", "Local"} else _FINDING)
    moment = _moment(host, value)
    return Time(moment.seconds, moment.nanos, find_zone(zone)).format(layout)


@_TABLE.add("now", host=True)
def _now(host: Host) -> Time:
    return now(host.now)


@_TABLE.add("date", params=(STRING, ANY), host=True)
def _date(host: Host, layout: str, value: Value) -> str:
    return _in_zone(host, layout, value, "Local")


@_TABLE.add("dateInZone", "date_in_zone", params=(STRING, ANY, STRING), host=True)
def _date_in_zone(host: Host, layout: str, value: Value, zone: str) -> str:
    return _in_zone(host, layout, value, zone)


@_TABLE.add("htmlDate", params=(ANY,), host=True)
def _html_date(host: Host, value: Value) -> str:
    return _in_zone(host, "2006-01-02", value, "Local")


@_TABLE.add("htmlDateInZone", params=(ANY, STRING), host=True)
def _html_date_in_zone(host: Host, value: Value, zone: str) -> str:
    return _in_zone(host, "2006-01-02", value, zone)


@_TABLE.add("dateModify", "date_modify", params=(STRING, TIME))
def _date_modify(duration: str, moment: Time) -> Time:
    try:
        return moment.add(parse_duration(duration))
    except BadDuration:
        return moment


@_TABLE.add("mustDateModify", "must_date_modify", params=(STRING, TIME))
def _must_date_modify(duration: str, moment: Time) -> Time:
    try:
        return moment.add(parse_duration(duration))
    except BadDuration as fault:
        raise FunctionError(str(fault)) from None


@_TABLE.add("ago", params=(ANY,), host=True)
def _ago(host: Host, value: Value) -> str:
    return format_duration(round_duration(now(host.now).since(_moment(host, value)), SECOND))


@_TABLE.add("duration", params=(ANY,))
def _duration(value: Value) -> str:
    seconds = 0
    if isinstance(value, str):
        seconds = clamped_decimal(value)
    elif isinstance(value, Int64):
        seconds = int(value)
    return format_duration(wrap(seconds * SECOND))


@_TABLE.add("durationRound", params=(ANY,), host=True)
def _duration_round(host: Host, value: Value) -> str:
    span = 0
    if isinstance(value, str):
        try:
            span = parse_duration(value)
        except BadDuration:
            span = 0
    elif isinstance(value, Int64):
        span = int(value)
    elif isinstance(value, Time):
        span = now(host.now).since(value)
    for unit, name in _UNITS:
        if abs(span) > unit:
            return f"{abs(span) // unit}{name}"
    return "0s"


@_TABLE.add("toDate", params=(STRING, STRING), host=True)
def _to_date(host: Host, layout: str, text: str) -> Time:
    host.budget.spend(2 * _FORMATTING)
    try:
        return parse_time(layout, text)
    except BadTime:
        return zero()


@_TABLE.add("mustToDate", params=(STRING, STRING), host=True)
def _must_to_date(host: Host, layout: str, text: str) -> Time:
    host.budget.spend(2 * _FORMATTING)
    try:
        return parse_time(layout, text)
    except BadTime as fault:
        raise FunctionError(str(fault)) from None


@_TABLE.add("unixEpoch", params=(TIME,))
def _unix_epoch(moment: Time) -> str:
    return str(moment.seconds)
