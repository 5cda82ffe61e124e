"""What Sprig's functions would cost, known before they run.

Most functions make about as much as they read, and what they read is charged when they are called. Those listed here
make more, or take longer than that: they are charged by these estimates first.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from runtime.values.meter import LimitExceeded
from runtime.values.views import ListView, MapView

Estimate = Callable[..., int]

_WIDEST = 1_000_000  # as in Go, where wider is a mistake
_VERB: Final = re.compile(r"%[-+# 0]*(?:\[\d*\])?(\d+|\*)?(?:\.(?:\[\d*\])?(\d+|\*)?)?")
_A_COSTLY_CALL = 8_000_000

HOST_FUNCTIONS: Final = frozenset({"env", "expandenv", "getHostByName"})
"""What reaches the machine the runtime runs on; no template may."""

COSTLY: Final = frozenset(
    {
        "bcrypt",
        "buildCustomCert",
        "derivePassword",
        "genCA",
        "genCAWithKey",
        "genPrivateKey",
        "genSelfSignedCert",
        "genSelfSignedCertWithKey",
        "genSignedCert",
        "genSignedCertWithKey",
        "htpasswd",
    }
)
"""What computes for long by design, too long for the event loop."""

SLOW: Final = frozenset(
    {
        "abbrev",
        "abbrevboth",
        "b32dec",
        "b64dec",
        "camelcase",
        "html",
        "initials",
        "js",
        "kebabcase",
        "lower",
        "nospace",
        "semver",
        "semverCompare",
        "snakecase",
        "swapcase",
        "title",
        "toDate",
        "mustToDate",
        "date",
        "dateInZone",
        "trim",
        "untitle",
        "upper",
        "urlParse",
        "urlquery",
        "wrap",
        "wrapWith",
    }
)
"""What looks at every character in Python."""


def _times(count: object, size: int) -> int:
    return abs(count) * size if isinstance(count, int) else 0


def _length(value: object) -> int:
    return len(value) if isinstance(value, str | list) else 0


def _repeat(count: object = 0, text: object = "") -> int:
    return _times(count, _length(text))


def _indent(spaces: object = 0, text: object = "") -> int:
    return _times(spaces, text.count("\n") + 1 if isinstance(text, str) else 0)


def _random(count: object = 0) -> int:
    return _times(count, 64)


def _shuffle(text: object = "") -> int:
    return _length(text) * 96


def _span(start: object = 0, stop: object = 0, step: object = 1) -> int:
    match start, stop, step:
        case int(), int(), int() if step:
            return abs(stop - start) // abs(step) * 16
        case _:
            return 0


def _until(count: object = 0) -> int:
    return _span(0, count)


def _seq(*numbers: object) -> int:
    match numbers:
        case (stop,):
            return _span(0, stop)
        case (start, step, stop):
            return _span(start, stop, step)
        case _:
            return _span(*numbers[:2])


def _join(separator: object = "", sequence: object = ()) -> int:
    return _length(separator) * _length(sequence)


def _replace(old: object = "", new: object = "", text: object = "") -> int:
    match old, text:
        case str(), str():
            return (text.count(old) if old else len(text) + 1) * _length(new)
        case _:
            return 0


def _wrap_with(_: object = 0, separator: object = "", text: object = "") -> int:
    return _length(separator) * (_length(text) + 1)


def _trim_all(characters: object = "", text: object = "") -> int:
    return _length(characters) * _length(text) // 16


def _pairs(sequence: object = (), *_: object) -> int:
    return _length(sequence) ** 2 // 2


def _without(sequence: object = (), *omitted: object) -> int:
    return _length(sequence) * len(omitted)


def _merge(*maps: object) -> int:
    return sum(len(each) for each in maps if isinstance(each, MapView | ListView))


def _printf(layout: object = "", *values: object) -> int:
    if not isinstance(layout, str):
        return 0
    widths = [width for pair in _VERB.findall(layout) for width in pair if width]
    stars = max((abs(value) for value in values if isinstance(value, int)), default=0) if "*" in widths else 0
    sizes = [stars if width == "*" else int(width[:9]) for width in widths]
    if max(sizes, default=0) > _WIDEST:
        raise LimitExceeded("characters in one printf field", _WIDEST)
    longest = max(map(_length, values), default=0)
    return sum(sizes) + layout.count("%[") * longest


def _costly(*_: object) -> int:
    return _A_COSTLY_CALL


ESTIMATES: Final[Mapping[str, Estimate]] = {
    **dict.fromkeys(COSTLY, _costly),
    **dict.fromkeys(("randAlpha", "randAlphaNum", "randAscii", "randBytes", "randNumeric"), _random),
    **dict.fromkeys(("uniq", "mustUniq"), _pairs),
    **dict.fromkeys(("without", "mustWithout"), _without),
    **dict.fromkeys(("merge", "mergeOverwrite", "mustMerge", "mustMergeOverwrite"), _merge),
    **dict.fromkeys(("trimAll", "trimall"), _trim_all),
    "indent": _indent,
    "join": _join,
    "nindent": _indent,
    "printf": _printf,
    "repeat": _repeat,
    "replace": _replace,
    "seq": _seq,
    "shuffle": _shuffle,
    "until": _until,
    "untilStep": _span,
    "wrapWith": _wrap_with,
}
