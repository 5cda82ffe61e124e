"""JSON as Go's encoding/json writes and reads it."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from runtime.values.gotemplate.errors import Exhausted
from runtime.values.gotemplate.floats import format_float
from runtime.values.gotemplate.limits import DEEPEST, Budget
from runtime.values.gotemplate.text import is_lone, quote
from runtime.values.gotemplate.times import Time
from runtime.values.gotemplate.values import (
    JSON_NUMBER,
    MISSING,
    NIL_TYPES,
    Certificate,
    Float,
    Kind,
    Struct,
    Value,
    encode,
    go_type,
    size,
)

_SHORT: Final = 64  # characters of a string that are charged with its container

_WORDS: Final = {"t": "true", "f": "false", "n": "null"}
_DIGITS: Final = "0123456789"
_HEX: Final = "0123456789abcdefABCDEF"
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SPECIAL: Final = re.compile('[\x00-\x1f"\\\\\u2028\u2029\ud800-\udfff]')
_SPECIAL_HTML: Final = re.compile('[\x00-\x1f"\\\\<>&\u2028\u2029\ud800-\udfff]')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_SMALLEST_PLAIN: Final = 1e-6
_LARGEST_PLAIN: Final = 1e21


class Unwritable(ValueError):
    """A value cannot be written as JSON; the text is Go's."""


class Unreadable(ValueError):
    """A text is not JSON; the text is Go's where it is simple."""


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char >= "\ud800":
        return "\\ufffd" if is_lone(char) else "\ufffd"
    return f"\\u{ord(char):04x}"


def _float_text(value: float) -> str:
    if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124 - not a number
        raise Unwritable(f"json: unsupported value: {format_float(value, 'g')}")
    if not value or _SMALLEST_PLAIN <= abs(value) < _LARGEST_PLAIN:
        return format_float(value, "f")
    text = format_float(value, "e")
    return re.sub(r"e-0(\d)$", r"e-\1", text)


class _Writer:
    def __init__(self, budget: Budget, special: re.Pattern[str], indent: str) -> None:
        self.budget = budget
        self.special = special
        self.indent = indent
        self.out: list[str] = []

    def string(self, text: str) -> None:
        if len(text) > _SHORT:
            self.budget.hold(2 * len(text))
        if text.isascii() and text.isprintable() and not self.special.search(text):
            self.out.append(f'"{text}"')
            return
        if len(text) > _SHORT:
            self.budget.hold(4 * len(text))
            self.budget.spend(6 * len(text))
        self.out.append('"' + self.special.sub(_escape, text) + '"')

    def value(self, value: Value, depth: int) -> None:
        kind = type(value)
        if kind is str:
            self.string(value)
        elif kind is int:
            self.out.append(int.__repr__(value))
        elif kind is dict:
            self.mapping(value, depth)
        elif kind is list:
            self.sequence(value, depth)
        else:
            self.other(value, depth)

    def other(self, value: Value, depth: int) -> None:
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

    def enter(self, size: int, depth: int) -> None:
        """Charge for a container before it is written."""
        self.budget.hold(32 * size + 32)
        self.budget.spend(15 * size + 15)
        if depth > DEEPEST:
            raise Exhausted(f"writing JSON nested more than {DEEPEST} deep", "depth")

    def mapping(self, value: Mapping[str, Value], depth: int) -> None:
        self.enter(len(value), depth)
        if not value:
            self.out.append("{}")
            return
        colon = ": " if self.indent else ":"
        line = self.line(depth + 1)
        mark = "{" + line
        for key in sorted(value):
            self.out.append(mark)
            self.string(key)
            self.out.append(colon)
            self.value(value[key], depth + 1)
            mark = "," + line
        self.out.append(self.line(depth) + "}")

    def sequence(self, value: Sequence[Value], depth: int) -> None:
        self.enter(len(value), depth)
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


def write_json(budget: Budget, value: Value, *, html: bool = True, indent: str = "") -> str:
    """Write a value; by default the characters that matter to HTML are escaped, as Go does.

    Raises:
        Unwritable: it holds something that JSON has no form for.
    """
    writer = _Writer(budget, _SPECIAL_HTML if html else _SPECIAL, indent)
    writer.value(value, 0)
    return "".join(writer.out)


def _no_constant(text: str) -> Value:
    raise Unreadable(f"invalid character '{text[0]}' looking for beginning of value")


def _pairs(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    return {_whole(key): value for key, value in pairs}


def _whole(text: str) -> str:
    """Replace halves of surrogate pairs, as Go's decoder does."""
    return text if text.isascii() else "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)


def _tidy(value: Value, depth: int) -> Value:
    if depth > DEEPEST:
        raise Unreadable("exceeded max depth")
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, list):
        return [_tidy(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key: _tidy(item, depth + 1) for key, item in value.items()}
    return value


def _read_float(text: str) -> Float:
    value = Float(text)
    if value in {float("inf"), float("-inf")}:
        raise Unreadable(f"json: cannot unmarshal number {text} into Go value of type float64")
    return value


def read_json(budget: Budget, text: str) -> Value:
    """Read JSON; numbers become float64.

    Raises:
        Unreadable: the text is not JSON.
    """
    budget.hold(size(text) * 16)
    try:
        value = json.loads(
            text, parse_int=_read_float, parse_float=_read_float, parse_constant=_no_constant, object_pairs_hook=_pairs
        )
        return _tidy(value, 0)
    except json.JSONDecodeError as fault:
        raise Unreadable(_complaint(text, f"invalid JSON at character {fault.pos}")) from None
    except Unreadable as fault:
        raise Unreadable(_complaint(text, str(fault))) from None
    except RecursionError:
        raise Unreadable("exceeded max depth") from None


def _shown(char: str) -> str:
    return {"'": "'\\''", '"': "'\"'"}.get(char, f"'{quote(char)[1:-1]}'")


class _Scanner:
    """Finds what Go's scanner finds wrong with a text that is not JSON."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def wrong(self, context: str, *, within: bool = False) -> Unreadable:
        """Say what is wrong here. Within a word, a number or an escape, Go takes the end of the text for a space."""
        if self.at >= len(self.text) and not within:
            return Unreadable("unexpected end of JSON input")
        char = encode(self.text[self.at])[0] if self.at < len(self.text) else ord(" ")
        return Unreadable(f"invalid character {_shown(chr(char))} {context}")

    def space(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in " \t\r\n":
            self.at += 1

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def whole(self) -> None:
        self.value("looking for beginning of value", 0)
        self.space()
        if self.at < len(self.text):
            raise self.wrong("after top-level value")

    def value(self, context: str, depth: int) -> None:
        self.space()
        char = self.peek()
        if char == "{" and depth < DEEPEST:
            self.mapping(depth)
        elif char == "[" and depth < DEEPEST:
            self.sequence(depth)
        elif char == '"':
            self.string()
        elif char and char in _WORDS:
            self.word(_WORDS[char])
        elif char == "-" or (char and char in _DIGITS):
            self.number()
        else:
            raise self.wrong(context)

    def word(self, word: str) -> None:
        self.at += 1
        for expected in word[1:]:
            if self.peek() != expected:
                raise self.wrong(f"in literal {word} (expecting {_shown(expected)})", within=True)
            self.at += 1

    def string(self) -> None:
        self.at += 1
        while (char := self.peek()) != '"':
            if not char or char < " ":
                raise self.wrong("in string literal")
            self.at += 1
            if char == "\\":
                self.escape()
        self.at += 1

    def escape(self) -> None:
        char = self.peek()
        if not char or char not in 'bfnrt\\/"u':
            raise self.wrong("in string escape code", within=True)
        self.at += 1
        for _ in range(4 if char == "u" else 0):
            if not self.peek() or self.peek() not in _HEX:
                raise self.wrong("in \\u hexadecimal character escape", within=True)
            self.at += 1

    def digits(self, context: str) -> None:
        if not self.peek() or self.peek() not in _DIGITS:
            raise self.wrong(context, within=True)
        while self.peek() and self.peek() in _DIGITS:
            self.at += 1

    def number(self) -> None:
        if self.peek() == "-":
            self.at += 1
        if self.peek() == "0":
            self.at += 1
        else:
            self.digits("in numeric literal")
        if self.peek() == ".":
            self.at += 1
            self.digits("after decimal point in numeric literal")
        if self.peek() in {"e", "E"}:
            self.at += 1
            if self.peek() in {"+", "-"}:
                self.at += 1
            self.digits("in exponent of numeric literal")

    def sequence(self, depth: int) -> None:
        self.at += 1
        self.space()
        if self.peek() == "]":
            self.at += 1
            return
        while True:
            self.value("looking for beginning of value", depth + 1)
            self.space()
            char = self.peek()
            if char not in {",", "]"}:
                raise self.wrong("after array element")
            self.at += 1
            if char == "]":
                return

    def mapping(self, depth: int) -> None:
        self.at += 1
        self.space()
        if self.peek() == "}":
            self.at += 1
            return
        while True:
            self.space()
            if self.peek() != '"':
                raise self.wrong("looking for beginning of object key string")
            self.string()
            self.space()
            if self.peek() != ":":
                raise self.wrong("after object key")
            self.at += 1
            self.value("looking for beginning of value", depth + 1)
            self.space()
            char = self.peek()
            if char not in {",", "}"}:
                raise self.wrong("after object key:value pair")
            self.at += 1
            if char == "}":
                return


def _complaint(text: str, otherwise: str) -> str:
    """Say what is wrong with a text: first its syntax, as Go checks that before all else."""
    try:
        _Scanner(text).whole()
    except Unreadable as fault:
        return str(fault)
    return otherwise
