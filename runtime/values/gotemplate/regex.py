"""Regular expressions of RE2's syntax, matched in linear time by RE2 itself. Python's own never sees a pattern."""

from functools import lru_cache
from typing import Final

import re2  # type: ignore[import-untyped]

from runtime.values.gotemplate.errors import FunctionError
from runtime.values.gotemplate.limits import Budget
from runtime.values.gotemplate.text import is_alphanumeric, is_lone, map_chars, rejoin, whole
from runtime.values.gotemplate.values import decode, encode

_MEMORY: Final = 1 << 20  # bytes for one compiled pattern
_NEWER: Final = "invalid or unsupported Perl syntax: `(?<`"
_MOST_REPEATS: Final = 1000
_LONGEST: Final = 10_000  # characters of a pattern
_META: Final = frozenset("\\.+*?()|[]{}^$")
_MULTIBYTE: Final = 0x80
_CONTINUATION: Final = 0xC0

# What RE2 calls a fault, and what Go calls it, where the two differ.
_TEXTS: Final = {
    "missing )": "missing closing )",
    "unexpected )": "unexpected )",
    "missing ]": "missing closing ]",
    "invalid character class range": "invalid character class range",
    "invalid escape sequence": "invalid escape sequence",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "trailing \\": "trailing backslash at end of expression",
    "invalid UTF-8": "invalid UTF-8",
    "pattern too large - compile failed": "expression too large",
}


class BadPattern(ValueError):
    """A pattern cannot be compiled; the message is Go's."""


def _repeat_count(operators: str) -> str:
    """Give the repeat count at the end of some operators, if it is one that Go refuses before all else."""
    start = operators.rfind("{")
    end = operators.find("}", start)
    if start < 0 or end < 0:
        return ""
    low, comma, high = operators[start + 1 : end].partition(",")
    if not low.isdigit() or (high and not high.isdigit()):
        return ""
    most = int(high[:9]) if high else int(low[:9])
    refused = max(int(low[:9]), most) > _MOST_REPEATS or (comma and most < int(low[:9]))
    return operators[start : end + 1] if refused else ""


def _fault(pattern: str, error: str) -> BadPattern:
    name, _, detail = error.partition(": ")
    text = _TEXTS.get(name, name)
    if detail.startswith("(?<"):
        return BadPattern(_NEWER)
    count = _repeat_count(detail)
    if name in {"bad repetition operator", "invalid repetition size"} and count:
        return BadPattern(f"invalid repeat count: `{count}`")
    if name == "missing )":
        detail = pattern
    elif name in {"trailing \\", "pattern too large - compile failed", "unexpected )"}:
        detail = pattern if name == "unexpected )" else ""
    elif name == "missing ]":
        detail = detail or pattern[pattern.rfind("[") :]
    elif name == "invalid UTF-8":
        detail = pattern[next((at for at, char in enumerate(pattern) if is_lone(char)), 0) :]
    if name == "trailing \\":
        return BadPattern(f"{text}: ``")
    return BadPattern(f"{text}: `{detail}`" if detail else text)


def _next_char(data: bytes, at: int) -> int:
    """Give the place after the character at a place."""
    at += 1
    while at < len(data) and data[at] & _CONTINUATION == _MULTIBYTE:
        at += 1
    return at


_TOKEN: Final = re2.compile(rb"\\Q(?s:.*?)(?:\\E|\z)|(?s:\\.)|\[\^?\]?(?:\[:\^?[a-z]*:\]|(?s:\\.)|[^\]\\])*\]|\(\?<")


def _newer_syntax(source: bytes) -> bool:
    """Tell whether a pattern names a group as only newer Go allows."""
    return b"(?<" in source and any(match.group() == b"(?<" for match in _TOKEN.finditer(source))


def matchable(text: str) -> bytes:
    """Give the bytes to match; what is not UTF-8 is U+FFFD to a pattern, as it is in Go."""
    return encode(whole(text))


class Pattern:
    """A compiled pattern. It works on bytes, as Go does. `size` counts the instructions it was compiled to."""

    __slots__ = ("_compiled", "size", "source")

    def __init__(self, source: str) -> None:
        options = re2.Options()
        options.max_mem = _MEMORY
        options.log_errors = False
        try:
            # Not by re2.compile: that would keep it, and the memory it may use, in a cache we cannot bound.
            self._compiled = re2._Regexp(encode(source), options)  # noqa: SLF001
        except re2.error as fault:
            error = fault.args[0]
            raise _fault(source, decode(error) if isinstance(error, bytes) else str(error)) from None
        if _newer_syntax(encode(source)):
            raise BadPattern(_NEWER)
        self.size: int = self._compiled.programsize
        self.source = source

    def _search(self, budget: Budget, data: bytes, at: int) -> "re2._Match | None":
        budget.spend(20 + (len(data) - at >> 6))
        return self._compiled.search(data, at)

    def find(self, budget: Budget, data: bytes, at: int) -> tuple[int, int] | None:
        """Give the bounds of the first match from a place on."""
        match = self._search(budget, data, at)
        return match.span() if match else None

    def matches(self, budget: Budget, data: bytes, count: int) -> "list[re2._Match]":
        """Give the matches, at most as many as asked for; an empty match right after a match does not count."""
        budget.spend(len(data) >> 6)
        found: list[re2._Match] = []
        at, before = 0, -1
        while at <= len(data) and (count < 0 or len(found) < count):
            match = self._search(budget, data, at)
            if match is None:
                break
            start, end = match.span()
            accept = True
            if end == at:
                accept = start != before
                at = _next_char(data, at) if at < len(data) else len(data) + 1
            else:
                at = end
            before = end
            if accept:
                budget.hold(128)
                found.append(match)
        return found

    def find_all(self, budget: Budget, data: bytes, count: int) -> list[tuple[int, int]]:
        """Give the bounds of the matches; see `matches`."""
        return [match.span() for match in self.matches(budget, data, count)]

    def replace(self, budget: Budget, text: str, replacement: str, *, literal: bool) -> str:
        """Replace every match; `$1` and `${name}` in the replacement stand for groups unless it is literal."""
        data = matchable(text)
        out: list[str] = []
        at = 0
        parts = [replacement] if literal else _template(replacement)
        for match in self._replaced(budget, data):
            start, end = match.span()
            piece = decode(data[at:start])
            filled = "".join(part if isinstance(part, str) else self._group(match, part[0]) for part in parts)
            budget.hold(len(piece) + len(filled) + 16)
            out += (piece, filled)
            at = end
        out.append(decode(data[at:]))
        return rejoin("".join(out))

    def _replaced(self, budget: Budget, data: bytes) -> "list[re2._Match]":
        """Give the matches that a replacement replaces: an empty one right after a match does not count."""
        budget.spend(len(data) >> 6)
        found: list[re2._Match] = []
        last, at = 0, 0
        while at <= len(data):
            match = self._search(budget, data, at)
            if match is None:
                break
            start, end = match.span()
            if end > last or start == 0:
                budget.hold(128)
                found.append(match)
            last = end
            after = _next_char(data, at) if at < len(data) else at + 1
            at = max(end, after)
        return found

    def _group(self, match: "re2._Match", name: str) -> str:
        is_number = name.isascii() and name.isdigit()
        number = int(name[:9]) if is_number else self._compiled.groupindex.get(encode(name), -1)
        if not 0 <= number <= self._compiled.groups:
            return ""
        return decode(match.group(number) or b"")


def _template(replacement: str) -> list[str | tuple[str]]:
    """Cut a replacement into texts and names of groups."""
    parts: list[str | tuple[str]] = []
    at = 0
    while (dollar := replacement.find("$", at)) >= 0:
        parts.append(replacement[at:dollar])
        name, at = _reference(replacement, dollar)
        parts.append((name,) if name else replacement[dollar:at])
    parts.append(replacement[at:])
    return ["$" if part == "$$" else part for part in parts]


def _reference(text: str, dollar: int) -> tuple[str, int]:
    """Read the reference after a dollar: its name, none if there is none, and where it ends."""
    if text.startswith("$", dollar + 1):
        return "", dollar + 2
    braced = text.startswith("{", dollar + 1)
    start = end = dollar + 1 + braced
    while end < len(text) and is_alphanumeric(text[end]):
        end += 1
    name = text[start:end]
    if not name or (braced and not text.startswith("}", end)):
        return "", dollar + 1
    return name, end + braced


@lru_cache(maxsize=16)
def _cached(source: str) -> Pattern:
    return Pattern(source)


def compile_pattern(source: str) -> Pattern:
    """Compile a pattern.

    Raises:
        BadPattern: it is malformed, or too large once compiled.
        FunctionError: it is too long.
    """
    if len(source) > _LONGEST:
        raise FunctionError(f"a pattern may have {_LONGEST} characters, this has {len(source)}")
    return _cached(source)


def quote_meta(text: str) -> str:
    """Escape what has a meaning in patterns."""
    if not any(char in _META for char in text):
        return text
    return map_chars(lambda char: f"\\{char}" if char in _META else char, text)
