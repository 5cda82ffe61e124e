"""JSON as Go's encoding/json writes it.

Most values hold only what Python's own encoder writes as Go does, but for a few characters; they are measured first
and then written by it. The rest is written here, piece by piece.
"""

import math
import re
from _json import make_encoder
from collections.abc import Iterator, Mapping, Sequence
from json.encoder import encode_basestring
from typing import Final

from runtime.values.gotemplate.errors import Exhausted
from runtime.values.gotemplate.floats import format_float
from runtime.values.gotemplate.limits import DEEPEST, Budget
from runtime.values.gotemplate.sorting import sorted_keys
from runtime.values.gotemplate.text import is_lone
from runtime.values.gotemplate.times import Time
from runtime.values.gotemplate.values import (
    JSON_NUMBER,
    MISSING,
    NIL_TYPES,
    Certificate,
    Float,
    Int,
    Int64,
    Ints,
    Kind,
    Lists,
    StringMap,
    Strings,
    Struct,
    Value,
    go_type,
)

_LARGEST_AT_ONCE: Final = 1 << 19  # bytes charged for what Python's encoder writes in one call: a few milliseconds
_ESCAPED_AT_ONCE: Final = 50_000  # characters, each of which can become a text of its own for the moment
_JOINED_AT_ONCE: Final = 20_000  # pieces
_SHORT: Final = 64  # characters of a string that are charged with its container

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_SMALLEST_PLAIN: Final = 1e-6
_LARGEST_PLAIN: Final = 1e21

# What Python's encoder writes otherwise than Go, or leaves alone. Escapes are matched whole, to be told apart.
_SPECIAL: Final = re.compile(r"\\.|[\u2028\u2029\ud800-\udfff]")
_SPECIAL_HTML: Final = re.compile(r"\\.|[<>&\u2028\u2029\ud800-\udfff]")
_ESCAPES: Final = {"\\b": "\\u0008", "\\f": "\\u000c"}

_PLAIN_MAPS: Final = frozenset({dict, StringMap})
_PLAIN_CONTAINERS: Final = _PLAIN_MAPS | {list, tuple, Strings, Ints, Lists}
_PLAIN: Final = frozenset({int, bool, type(None), Int, Int64})


class Unwritable(ValueError):
    """A value cannot be written as JSON; the text is Go's."""


def _refuse(value: Value) -> Value:
    raise Unwritable(f"json: unsupported type: {go_type(value).name}")


_encode: Final = make_encoder(None, _refuse, encode_basestring, None, ":", ",", True, False, False)


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if char[0] == "\\":
        return _ESCAPES.get(char, char)
    if char >= "\ud800":
        return "\\ufffd" if is_lone(char) else "\ufffd"
    return f"\\u{ord(char):04x}"


def _parts(text: str) -> Iterator[str]:
    """Cut a long text where no escape is cut."""
    start = 0
    while start < len(text):
        end = start + _ESCAPED_AT_ONCE
        part = text[start:end]
        if (len(part) - len(part.rstrip("\\"))) % 2:  # the last backslash escapes what comes after the cut
            end += 1
            part = text[start:end]
        yield part
        start = end


def _float_text(value: float) -> str:
    if not math.isfinite(value):
        raise Unwritable(f"json: unsupported value: {format_float(value, 'g')}")
    if not value or _SMALLEST_PLAIN <= abs(value) < _LARGEST_PLAIN:
        return format_float(value, "f")
    text = format_float(value, "e")
    return re.sub(r"e-0(\d)$", r"e-\1", text)


def _charge_string(budget: Budget, text: str) -> None:
    budget.hold(6 * len(text))
    if not text.isascii() or not text.isprintable():
        budget.spend(6 * len(text))


def _enter(budget: Budget, length: int, depth: int) -> None:
    """Charge for a container before it is written."""
    budget.memory -= 32 * length + 32
    budget.steps -= 17 * length + 17
    if budget.memory < 0 or budget.steps < 0:
        budget.hold(0)
    if depth > DEEPEST:
        raise Exhausted(f"writing JSON nested more than {DEEPEST} deep", "depth")


def _is_plain(budget: Budget, value: Value, depth: int = 0) -> bool:
    """Charge for a value, and tell whether Python's encoder can write it."""
    kind = type(value)
    if kind in _PLAIN_CONTAINERS:
        _enter(budget, len(value), depth)
        items = value
        if kind in _PLAIN_MAPS:
            items = value.values()
            for key in value:
                if len(key) > _SHORT:
                    _charge_string(budget, key)
        for item in items:
            inner = type(item)
            if inner is str:
                if len(item) > _SHORT:
                    _charge_string(budget, item)
            elif inner not in _PLAIN and not _is_plain(budget, item, depth + 1):
                return False
        return True
    if kind is str:
        if len(value) > _SHORT:
            _charge_string(budget, value)
        return True
    return kind in _PLAIN or (kind is float and math.isfinite(value))


class _Writer:
    """Writes what Python's encoder cannot."""

    def __init__(self, budget: Budget, indent: str) -> None:
        self.budget = budget
        self.indent = indent
        self.out: list[str] = []
        self.joined: list[str] = []

    def text(self) -> str:
        return "".join([*self.joined, *self.out])

    def join(self) -> None:
        """Make one of the pieces so far, so that the last joining has not so many of them to look at and let go."""
        self.joined.append("".join(self.out))
        self.out.clear()

    def string(self, text: str) -> None:
        if len(text) > _SHORT:
            _charge_string(self.budget, text)
        self.out.append(encode_basestring(text))

    def value(self, value: Value, depth: int) -> None:
        if value is None or value is MISSING or isinstance(value, NIL_TYPES):
            self.out.append("null")
        elif value is True or value is False:
            self.out.append("true" if value else "false")
        elif isinstance(value, str):
            self.string(value)
        elif isinstance(value, Struct):
            self.struct(value, depth)
        elif (kind := go_type(value).kind) is Kind.MAP:
            self.mapping(value, depth)
        elif kind is Kind.SLICE:
            self.sequence(value, depth)
        else:
            self.number(value)

    def number(self, value: Value) -> None:
        kind = go_type(value)
        if kind is JSON_NUMBER:
            text = str(value)
            if not _NUMBER.fullmatch(text):
                raise Unwritable(f'json: invalid number literal "{text}"')
            self.out.append(text)
        elif isinstance(value, complex):
            raise Unwritable("json: unsupported type: complex128")
        else:
            self.out.append(_float_text(value) if isinstance(value, Float) else int.__repr__(value))

    def struct(self, value: Struct, depth: int) -> None:
        if isinstance(value, Time):
            self.string(value.json())
        elif isinstance(value, Certificate):
            self.mapping({"Cert": value.cert, "Key": value.key}, depth)
        else:
            self.string(value.go_string() or "")

    def line(self, depth: int) -> str:
        return "\n" + self.indent * depth if self.indent else ""

    def mapping(self, value: Mapping[str, Value], depth: int) -> None:
        _enter(self.budget, len(value), depth)
        if not value:
            self.out.append("{}")
            return
        colon = ": " if self.indent else ":"
        line = self.line(depth + 1)
        mark = "{" + line
        for key in sorted_keys(self.budget, value):
            self.out.append(mark)
            self.string(key)
            self.out.append(colon)
            self.value(value[key], depth + 1)
            mark = "," + line
        self.out.append(self.line(depth) + "}")
        if len(self.out) > _JOINED_AT_ONCE:
            self.join()

    def sequence(self, value: Sequence[Value], depth: int) -> None:
        _enter(self.budget, len(value), depth)
        if not value:
            self.out.append("[]")
            return
        line = self.line(depth + 1)
        mark = "[" + line
        for item in value:
            self.out.append(mark)
            self.value(item, depth + 1)
            mark = "," + line
        self.out.append(self.line(depth) + "]")
        if len(self.out) > _JOINED_AT_ONCE:
            self.join()


def write_json(budget: Budget, value: Value, *, html: bool = True, indent: str = "") -> str:
    """Write a value; by default the characters that matter to HTML are escaped, as Go does.

    Raises:
        Unwritable: it holds something that JSON has no form for.
    """
    before = budget.memory
    if not indent and _is_plain(budget, value) and before - budget.memory <= _LARGEST_AT_ONCE:
        text = "".join(_encode(value, 0))
    else:
        writer = _Writer(budget, indent)
        writer.value(value, 0)
        text = writer.text()
    if text.isascii() and "\\" not in text and not (html and ("<" in text or ">" in text or "&" in text)):
        return text
    special = _SPECIAL_HTML if html else _SPECIAL
    if len(text) > _SHORT:
        budget.spend(4 * len(text))
    if len(text) <= _ESCAPED_AT_ONCE:
        return special.sub(_escape, text)
    return "".join(special.sub(_escape, part) for part in _parts(text))
