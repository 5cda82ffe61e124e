"""JSON as Go's encoding/json reads it, and what it says of text that is none."""

import json
from json.scanner import py_make_scanner  # type: ignore[attr-defined] # the stubs leave it out
from typing import Final

from runtime.values.gotemplate.limits import DEEPEST, Budget
from runtime.values.gotemplate.text import quote
from runtime.values.gotemplate.values import Float, Value, encode, size

_WORDS: Final = {"t": "true", "f": "false", "n": "null"}
_DIGITS: Final = "0123456789"
_HEX: Final = "0123456789abcdefABCDEF"


class Unreadable(ValueError):
    """A text is not JSON; the text is Go's where it is simple."""


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


def _decoder(*, stepwise: bool) -> json.JSONDecoder:
    """Make a decoder that reads all in one call, which is faster, or value by value, so that others can run meanwhile."""
    made = json.JSONDecoder(
        parse_int=_read_float, parse_float=_read_float, parse_constant=_no_constant, object_pairs_hook=_pairs
    )
    if stepwise:
        made.scan_once = py_make_scanner(made)  # type: ignore[attr-defined] # the stubs leave it out
    return made


_LARGEST_AT_ONCE: Final = 100_000  # characters: a few milliseconds
_STEPS_A_VALUE: Final = 16
_DECODER: Final = _decoder(stepwise=False)
_STEPWISE_DECODER: Final = _decoder(stepwise=True)


def read_json(budget: Budget, text: str) -> Value:
    """Read JSON; numbers become float64.

    Raises:
        Unreadable: the text is not JSON.
    """
    budget.hold(size(text) * 16)
    budget.spend(len(text) + _STEPS_A_VALUE * text.count(","))
    try:
        value = (_DECODER if len(text) <= _LARGEST_AT_ONCE else _STEPWISE_DECODER).decode(text)
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
