"""Reading times by layout, as Go's time.ParseInLocation does, with its errors. The local zone is UTC."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from runtime.values.gotemplate.durations import quote_value
from runtime.values.gotemplate.layouts import LONG_DAYS, LONG_MONTHS, SHORT_DAYS, SHORT_MONTHS, Std, check_length, parts
from runtime.values.gotemplate.times import LOCAL_ZONE, Time, Zone, days_before, days_in, is_leap
from runtime.values.gotemplate.values import decode, encode

_NUMBER: Final = re.compile(r"[0-9]+")
_SHORT_NUMBER: Final = re.compile(r"[0-9]{1,2}")
_THREE: Final = re.compile(r"[0-9]{1,3}")
_SIGNED: Final = re.compile(r"[+-]?[0-9]+")
_ZONE_NAME: Final = re.compile(
    r"ChST|MeST|GMT(?:[+-](?:2[0-3]|1[0-9]|0?[0-9])(?![0-9]))?|[+-](?:2[0-3]|[01]?[0-9])(?![0-9])"
)
_CAPITALS: Final = re.compile(r"[A-Z]{1,6}")
_NANO_DIGITS: Final = 9


class BadTime(ValueError):
    """A text is not a time of a layout; the message is Go's."""


class _Bad(Exception):
    """A part of the text does not fit its part of the layout."""


class _OutOfRange(Exception):
    """A part is a number out of its range."""


def _view(text: str) -> str:
    """See each byte of a text as a character, as widths are in bytes."""
    return text if text.isascii() else encode(text).decode("latin-1")


def _quote(view: str) -> str:
    return quote_value(view if view.isascii() else decode(view.encode("latin-1")))


def _integer(text: str) -> int:
    """Read an integer that may have a sign."""
    if not _SIGNED.fullmatch(text):
        raise _Bad
    return int(text)


class _Reader:
    def __init__(self, layout: str, text: str) -> None:
        self.layout = _view(layout)
        self.whole = self.text = _view(text)
        self.year = 0
        self.month = self.day = self.year_day = -1
        self.hour = self.minute = self.second = self.nanos = 0
        self.morning = self.afternoon = False
        self.utc = False
        self.offset: int | None = None
        self.zone_name = ""

    def fail(self, written: str) -> BadTime:
        return BadTime(
            f"parsing time {_quote(self.whole)} as {_quote(self.layout)}: cannot parse {_quote(self.text)}"
            f" as {_quote(written)}"
        )

    def trouble(self, message: str) -> BadTime:
        return BadTime(f"parsing time {_quote(self.whole)}: {message}")

    def run(self) -> Time:
        pieces = parts(self.layout)
        for index, (before, std, written) in enumerate(pieces):
            if not self.skip(before):
                raise self.fail(before)
            if std is None:
                if self.text:
                    raise self.trouble(f"extra text: {_quote(self.text)}")
                break
            following = pieces[index + 1][1]
            try:
                self.read(std, written, following)
            except _Bad:
                raise self.fail(written) from None
            except _OutOfRange as fault:
                raise self.trouble(f"{fault} out of range") from None
        return self.made()

    def skip(self, prefix: str) -> bool:
        while prefix:
            if prefix[0] == " ":
                if self.text and self.text[0] != " ":
                    return False
                prefix = prefix.lstrip(" ")
                self.text = self.text.lstrip(" ")
                continue
            if not self.text or self.text[0] != prefix[0]:
                return False
            prefix = prefix[1:]
            self.text = self.text[1:]
        return True

    def read(self, std: Std, written: str, following: Std | None) -> None:
        simple = _READERS.get(std)
        if simple is not None:
            simple(self)
            return
        match std:
            case Std.SECOND | Std.ZERO_SECOND:
                self.read_second(std, following)
            case Std.OFFSET:
                self.read_offset(written)
            case Std.FRACTION:
                self.read_fraction(written)

    def number(self, *, fixed: bool) -> int:
        match = _SHORT_NUMBER.match(self.text)
        if match is None or (fixed and match.end() != 2):
            raise _Bad
        self.text = self.text[match.end() :]
        return int(match[0])

    def bounded(self, what: str, low: int, high: int, *, fixed: bool) -> int:
        value = self.number(fixed=fixed)
        if not low <= value < high:
            raise _OutOfRange(what)
        return value

    def name(self, names: tuple[str, ...]) -> int:
        for index, name in enumerate(names):
            if self.text[: len(name)].lower() == name.lower():
                self.text = self.text[len(name) :]
                return index
        raise _Bad

    def take(self, width: int) -> str:
        if len(self.text) < width:
            raise _Bad
        taken, self.text = self.text[:width], self.text[width:]
        return taken

    def read_short_year(self) -> None:
        held = self.text
        try:
            value = _integer(self.take(2))
        except _Bad:
            self.text = held
            raise
        self.year = value + (1900 if value >= 69 else 2000)

    def read_year(self) -> None:
        if len(self.text) < 4 or not _NUMBER.match(self.text):
            raise _Bad
        self.year = _integer(self.take(4))

    def read_month(self, *, fixed: bool) -> None:
        self.month = self.bounded("month", 1, 13, fixed=fixed)

    def read_day(self, *, fixed: bool, under: bool = False) -> None:
        if under:
            self.text = self.text.removeprefix(" ")
        self.day = self.number(fixed=fixed)

    def read_year_day(self, *, fixed: bool) -> None:
        if not fixed:
            self.text = self.text.removeprefix(" ").removeprefix(" ")
        match = _THREE.match(self.text)
        if match is None or (fixed and match.end() != 3):
            raise _Bad
        self.text = self.text[match.end() :]
        self.year_day = int(match[0])

    def read_second(self, std: Std, following: Std | None) -> None:
        fault: _Bad | None = None
        try:
            self.second = self.bounded("second", 0, 60, fixed=std is Std.ZERO_SECOND)
        except _Bad as bad:
            fault = bad
        match = _NUMBER.match(self.text, 1) if self.text[:1] in {".", ","} else None
        if match is not None and following is not Std.FRACTION:
            self.nanoseconds(match.end())  # a fraction makes up for missing seconds, in Go too
        elif fault is not None:
            raise fault

    def nanoseconds(self, width: int) -> None:
        taken, self.text = self.text[:width], self.text[width:]
        digits = taken[1:][:_NANO_DIGITS]
        if taken[0] not in ".,":
            raise _Bad
        value = _integer(digits)
        if value < 0:
            raise _OutOfRange("fractional second")
        self.nanos = value * 10 ** (_NANO_DIGITS - len(digits))

    def read_fraction(self, written: str) -> None:
        if written[1] == "0":
            if len(self.text) < len(written):
                raise _Bad
            self.nanoseconds(len(written))
        elif self.text[:1] in {".", ","} and (match := _NUMBER.match(self.text, 1)):
            self.nanoseconds(min(match.end(), _NANO_DIGITS + 1))

    def read_pm(self, *names: str) -> None:
        word = self.take(2)
        if word not in names:
            raise _Bad
        self.afternoon = word == names[0]
        self.morning = word == names[1]

    def read_offset(self, written: str) -> None:
        form = written[1:]
        if written[0] == "Z" and form in {"0700", "07", "07:00"} and self.text.startswith("Z"):
            self.text = self.text[1:]
            self.utc = True
            return
        width = len(written)
        colons = [at + 1 for at, char in enumerate(form) if char == ":"]
        if len(self.text) < width or any(self.text[at] != ":" for at in colons):
            raise _Bad
        taken, self.text = self.text[:width], self.text[width:]
        fields = taken[1:].replace(":", "") if colons else taken[1:]
        hours, minutes, seconds = (_integer(fields[at : at + 2] or "0") for at in (0, 2, 4))
        if taken[0] not in "+-":
            raise _Bad
        self.offset = (hours * 60 + minutes) * 60 + seconds
        if taken[0] == "-":
            self.offset = -self.offset

    def read_zone_name(self) -> None:
        if self.text.startswith("UTC"):
            self.text = self.text[3:]
            self.utc = True
            return
        match = _ZONE_NAME.match(self.text)
        width = match.end() if match and len(self.text) >= 3 else _named_width(self.text)
        if not width:
            raise _Bad
        self.zone_name, self.text = self.text[:width], self.text[width:]

    def made(self) -> Time:
        if self.afternoon and self.hour < 12:
            self.hour += 12
        elif self.morning and self.hour == 12:
            self.hour = 0
        self.settle_day()
        seconds = (
            (days_before(self.year, self.month, self.day) * 24 + self.hour) * 3600 + self.minute * 60 + self.second
        )
        if self.utc:
            return Time(seconds, self.nanos)
        if self.offset is not None and self.offset != -1:
            zone = (
                LOCAL_ZONE if not self.offset and self.zone_name in {"", "UTC"} else Zone(self.zone_name, self.offset)
            )
            return Time(seconds - self.offset, self.nanos, zone)
        if self.zone_name:
            offset = int(self.zone_name[3:] or 0) * 3600 if self.zone_name.startswith("GMT") else 0
            return Time(seconds, self.nanos, Zone(self.zone_name, offset))
        return Time(seconds, self.nanos, LOCAL_ZONE)

    def settle_day(self) -> None:
        if self.year_day >= 0:
            self.settle_year_day()
        self.month = 1 if self.month < 0 else self.month
        self.day = 1 if self.day < 0 else self.day
        if not 1 <= self.day <= days_in(self.month, self.year):
            raise self.trouble("day out of range")

    def settle_year_day(self) -> None:
        if not 1 <= self.year_day <= 365 + is_leap(self.year):
            raise self.trouble("day-of-year out of range")
        month, day = 1, self.year_day
        while day > days_in(month, self.year):
            day -= days_in(month, self.year)
            month += 1
        if self.month >= 0 and self.month != month:
            raise self.trouble("day-of-year does not match month")
        if self.day >= 0 and self.day != day:
            raise self.trouble("day-of-year does not match day")
        self.month, self.day = month, day


def _named_width(text: str) -> int:
    match = _CAPITALS.match(text)
    width = match.end() if match else 0
    if width == 5:
        return 5 if text[4] == "T" else 0
    if width == 4:
        return 4 if text[3] == "T" or text.startswith("WITA") else 0
    return 3 if width == 3 else 0


def _set_month(reader: _Reader, names: tuple[str, ...]) -> None:
    reader.month = reader.name(names) + 1


def _set_hour(reader: _Reader, high: int, *, fixed: bool) -> None:
    reader.hour = reader.bounded("hour", 0, high, fixed=fixed)


def _set_minute(reader: _Reader, *, fixed: bool) -> None:
    reader.minute = reader.bounded("minute", 0, 60, fixed=fixed)


_READERS: Final[Mapping[Std, Callable[[_Reader], object]]] = {
    Std.YEAR: _Reader.read_short_year,
    Std.LONG_YEAR: _Reader.read_year,
    Std.MONTH: lambda reader: _set_month(reader, SHORT_MONTHS),
    Std.LONG_MONTH: lambda reader: _set_month(reader, LONG_MONTHS),
    Std.NUM_MONTH: lambda reader: reader.read_month(fixed=False),
    Std.ZERO_MONTH: lambda reader: reader.read_month(fixed=True),
    Std.WEEKDAY: lambda reader: reader.name(SHORT_DAYS),
    Std.LONG_WEEKDAY: lambda reader: reader.name(LONG_DAYS),
    Std.DAY: lambda reader: reader.read_day(fixed=False),
    Std.UNDER_DAY: lambda reader: reader.read_day(fixed=False, under=True),
    Std.ZERO_DAY: lambda reader: reader.read_day(fixed=True),
    Std.UNDER_YEAR_DAY: lambda reader: reader.read_year_day(fixed=False),
    Std.ZERO_YEAR_DAY: lambda reader: reader.read_year_day(fixed=True),
    Std.HOUR: lambda reader: _set_hour(reader, 24, fixed=False),
    Std.HOUR12: lambda reader: _set_hour(reader, 13, fixed=False),
    Std.ZERO_HOUR12: lambda reader: _set_hour(reader, 13, fixed=True),
    Std.MINUTE: lambda reader: _set_minute(reader, fixed=False),
    Std.ZERO_MINUTE: lambda reader: _set_minute(reader, fixed=True),
    Std.UPPER_PM: lambda reader: reader.read_pm("PM", "AM"),
    Std.LOWER_PM: lambda reader: reader.read_pm("pm", "am"),
    Std.ZONE_NAME: _Reader.read_zone_name,
}


def parse_time(layout: str, text: str) -> Time:
    """Read a time.

    Raises:
        BadTime: the text does not fit the layout, or names no moment.
        FunctionError: the text or the layout is too long.
    """
    check_length(text)
    return _Reader(layout, text).run()
