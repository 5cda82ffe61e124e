"""Go's time layouts, written with the reference time: cut into their parts."""

import re
from enum import Enum, auto
from functools import lru_cache
from typing import Final

from runtime.values.gotemplate.errors import FunctionError

LONG_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
SHORT_MONTHS: Final = tuple(name[:3] for name in LONG_MONTHS)
LONG_DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
SHORT_DAYS: Final = tuple(name[:3] for name in LONG_DAYS)


LONGEST: Final = 2000  # characters of a layout, or of a date to read


def check_length(text: str) -> None:
    """Refuse what is too long to be a layout or a date.

    Raises:
        FunctionError: it is.
    """
    if len(text) > LONGEST:
        raise FunctionError(f"a date or its layout may have {LONGEST} characters")


class Std(Enum):
    """What a part of a layout stands for."""

    LONG_MONTH = auto()
    MONTH = auto()
    NUM_MONTH = auto()
    ZERO_MONTH = auto()
    LONG_WEEKDAY = auto()
    WEEKDAY = auto()
    DAY = auto()
    UNDER_DAY = auto()
    ZERO_DAY = auto()
    UNDER_YEAR_DAY = auto()
    ZERO_YEAR_DAY = auto()
    HOUR = auto()
    HOUR12 = auto()
    ZERO_HOUR12 = auto()
    MINUTE = auto()
    ZERO_MINUTE = auto()
    SECOND = auto()
    ZERO_SECOND = auto()
    LONG_YEAR = auto()
    YEAR = auto()
    UPPER_PM = auto()
    LOWER_PM = auto()
    ZONE_NAME = auto()
    OFFSET = auto()
    FRACTION = auto()


_OFFSET: Final = r"[-Z]07(?:0000|:00:00|00|:00)?"
_PART: Final = re.compile(
    rf"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|(?<=_)2006|2006|2|_2(?!006)|__2|3|4|5|PM|pm|{_OFFSET}"
    r"|[.,](?:0+|9+)(?![0-9])"
)
_NAMES: Final = {
    "January": Std.LONG_MONTH,
    "Jan": Std.MONTH,
    "1": Std.NUM_MONTH,
    "01": Std.ZERO_MONTH,
    "Monday": Std.LONG_WEEKDAY,
    "Mon": Std.WEEKDAY,
    "2": Std.DAY,
    "_2": Std.UNDER_DAY,
    "02": Std.ZERO_DAY,
    "__2": Std.UNDER_YEAR_DAY,
    "002": Std.ZERO_YEAR_DAY,
    "15": Std.HOUR,
    "3": Std.HOUR12,
    "03": Std.ZERO_HOUR12,
    "4": Std.MINUTE,
    "04": Std.ZERO_MINUTE,
    "5": Std.SECOND,
    "05": Std.ZERO_SECOND,
    "2006": Std.LONG_YEAR,
    "06": Std.YEAR,
    "PM": Std.UPPER_PM,
    "pm": Std.LOWER_PM,
    "MST": Std.ZONE_NAME,
}


def _std(text: str) -> Std:
    known = _NAMES.get(text)
    if known is not None:
        return known
    return Std.FRACTION if text[0] in ".," else Std.OFFSET


def parts(layout: str) -> tuple[tuple[str, Std | None, str], ...]:
    """Cut a layout: for each part the text before it, what it stands for, how it is written; the tail comes last.

    Raises:
        FunctionError: it is too long.
    """
    check_length(layout)
    return _parts(layout)


@lru_cache(maxsize=128)
def _parts(layout: str) -> tuple[tuple[str, Std | None, str], ...]:
    out: list[tuple[str, Std | None, str]] = []
    at = 0
    for match in _PART.finditer(layout):
        out.append((layout[at : match.start()], _std(match[0]), match[0]))
        at = match.end()
    out.append((layout[at:], None, ""))
    return tuple(out)
