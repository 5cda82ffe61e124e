"""Sprig's ``regex*`` functions, on RE2: Go's dialect, searched in linear time."""

import re
from collections.abc import Callable, Iterator
from itertools import islice

import attrs
import re2  # type: ignore[import-untyped]  # the binding ships no types; nothing untyped leaves this module

from runtime.values.meter import Meter
from runtime.values.regex import PatternInvalid, compile_pattern

_REFERENCE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})", re.ASCII)
_A_MATCH = 256  # units of work, and so is every group of it that is read
_STEPS_A_UNIT = 2  # RE2's steps are quick next to what else a unit of work stands for


@attrs.frozen
class Found:
    """One match: where it is, and what its groups hold."""

    start: int
    end: int
    group: Callable[[int | str], str | None]


@attrs.frozen
class Expression:
    """A compiled regular expression and the meter that its searches are charged to."""

    meter: Meter
    compiled: "re2._Regexp"

    @classmethod
    def of(cls, meter: Meter, pattern: str) -> "Expression":
        """Compile a pattern.

        Raises:
            PatternInvalid: it is not one, or it is too large.
        """
        compile_pattern(pattern)  # for its checks and its errors
        options = re2.Options()
        options.log_errors = False
        return cls(meter, re2.compile(pattern, options))

    def matches(self, text: str) -> Iterator[Found]:
        """Find every match, as Go's ``All`` methods do: an empty one is not counted at the end of another."""
        self.meter.charge(self.compiled.programsize * (len(text) + 1) // _STEPS_A_UNIT)
        end = -1
        for match in self.compiled.finditer(text):
            start, stop = match.span()
            if start == stop == end:
                continue
            end = stop
            self.meter.charge(_A_MATCH)
            yield Found(start, stop, match.group)

    def replace(self, text: str, replacement: Callable[[Found], str]) -> str:
        """Replace every match."""
        pieces: list[str] = []
        end = 0
        for found in self.matches(text):
            new = replacement(found)
            self.meter.charge(len(new))
            pieces += (text[end : found.start], new)
            end = found.end
        return "".join((*pieces, text[end:]))

    def expanded(self, template: str) -> Callable[[Found], str]:
        """Give what fills ``$1`` and ``${name}`` in, as Go's ``Expand`` does; a group that is not there is empty."""
        names = self.compiled.groupindex

        def group(found: Found, reference: re.Match[str]) -> str:
            self.meter.charge(_A_MATCH)
            name = reference[1] or reference[2]
            if name is None:
                return "$"
            if name.isdecimal():
                index = int(name[:4])
                return (found.group(index) or "") if index <= self.compiled.groups else ""
            return (found.group(name) or "") if name in names else ""

        def expand(found: Found) -> str:
            return _REFERENCE.sub(lambda reference: group(found, reference), template)

        return expand


def find(meter: Meter, pattern: str, text: str) -> str:
    """Give the first match, or empty text."""
    return next((text[found.start : found.end] for found in Expression.of(meter, pattern).matches(text)), "")


def find_all(meter: Meter, pattern: str, text: str, count: int) -> list[str]:
    """Give the first `count` matches, or all where it is negative."""
    found = Expression.of(meter, pattern).matches(text)
    return [text[each.start : each.end] for each in islice(found, count if count >= 0 else None)]


def must_match(meter: Meter, pattern: str, text: str) -> bool:
    """Say whether the pattern matches anywhere."""
    return any(True for _ in Expression.of(meter, pattern).matches(text))


def match(meter: Meter, pattern: str, text: str) -> bool:
    """Say whether the pattern matches anywhere; one that is no pattern does not."""
    try:
        return must_match(meter, pattern, text)
    except PatternInvalid:
        return False


def replace_all(meter: Meter, pattern: str, text: str, replacement: str) -> str:
    """Replace every match; ``$1`` and ``${name}`` stand for groups."""
    expression = Expression.of(meter, pattern)
    return expression.replace(text, expression.expanded(replacement))


def replace_all_literal(meter: Meter, pattern: str, text: str, replacement: str) -> str:
    """Replace every match with this very text."""
    return Expression.of(meter, pattern).replace(text, lambda _: replacement)


def split(meter: Meter, pattern: str, text: str, count: int) -> list[str]:
    """Split around matches into at most `count` pieces, or all where it is negative."""
    if count == 0:
        return []
    if pattern and not text:
        return [""]
    pieces: list[str] = []
    begin = end = 0
    for found in Expression.of(meter, pattern).matches(text):
        if count > 0 and len(pieces) == count - 1:
            break
        end = found.start
        if found.end != 0:
            pieces.append(text[begin:end])
        begin = found.end
    if end != len(text):
        pieces.append(text[begin:])
    return pieces


def quote_meta(text: str) -> str:
    """Escape what has a meaning in a pattern, as Go does."""
    return re.sub(r"[\\.+*?()|\[\]{}^$]", r"\\\g<0>", text)
