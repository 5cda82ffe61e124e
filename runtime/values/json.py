"""JSON values as the runtime holds them: plain Python, with number literals that survive.

A number keeps its exact literal from the document that brought it to the text a template prints. Most literals are
what Python would print anyway (``12``, ``1.5``, ``-2.3``), so they are held as plain `int` and `float`; a literal that
Python would print differently (``1.50``, ``1e3``, ``-0``) is held as a `Number`. `int`, `float` and `Number` are
therefore all "a JSON number", `bool` is not.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import msgspec

if TYPE_CHECKING:
    Json: TypeAlias = "bool | int | float | Number | str | Sequence[Json] | Mapping[str, Json] | None"
else:
    Json = Any  # a recursive text cannot be resolved in the modules that annotate with it

_LONGEST_INT = 4000  # CPython refuses to convert decimal texts of more digits; such a number stays a literal
_LARGEST_INT = 10**_LONGEST_INT
_SURROGATE = re.compile(r"[\ud800-\udfff]|\\u[dD][89a-fA-F]")


class Number(float):
    """A JSON number whose literal Python would not reproduce; compares and computes as the float it is nearest to."""

    __slots__ = ("literal",)

    literal: str

    def __new__(cls, literal: str) -> Self:
        """Hold a literal that `float` accepts."""
        self = super().__new__(cls, literal)
        self.literal = literal
        return self

    def __repr__(self) -> str:
        """Print the literal, so that templates do."""
        return self.literal

    __str__ = __repr__

    def __reduce__(self) -> tuple[type["Number"], tuple[str]]:
        """Copy and pickle by literal."""
        return Number, (self.literal,)


def parse_number(literal: str) -> int | float:
    """Turn a JSON number literal into the value that prints as exactly that literal."""
    if literal.lstrip("-").isdecimal():
        if len(literal) <= _LONGEST_INT:
            value = int(literal)
            if str(value) == literal:
                return value
        return Number(literal)
    number = float(literal)
    return number if repr(number) == literal and "e" not in literal else Number(literal)


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def loads(text: str | bytes) -> Json:
    """Decode JSON (bytes are UTF-8), keeping number literals.

    Every text of the result can be encoded: what is not Unicode, a lone surrogate included, becomes U+FFFD.

    Raises:
        ValueError: the text is not JSON, or it is nested too deeply (`RecursionError` never escapes).
    """
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    try:
        value: Json = json.loads(text, parse_int=parse_number, parse_float=parse_number, parse_constant=_no_constant)
        return _mended(value) if _SURROGATE.search(text) else value
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _mended(value: Json) -> Json:
    match value:
        case str():
            return unicode_of(value)
        case list():
            return [_mended(item) for item in value]
        case dict():
            return {unicode_of(key): _mended(item) for key, item in value.items()}
        case _:
            return value


def unicode_of(text: str) -> str:
    """Give what can be encoded: surrogate pairs are joined, and those that have no other half replaced, as Go does."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _beyond_msgspec(value: object) -> object:
    match value:
        case Number():
            return msgspec.Raw(value.literal.encode())
        case Mapping():
            return dict(value)
        case Sequence():
            return list(value)
        case _:
            raise TypeError(f"a value of type {type(value).__name__} is not JSON")


def dumps(value: Json) -> str:
    """Encode compactly, members sorted, non-ASCII kept, number literals as they came.

    The value must be JSON already (`normalise` makes sure): NaN and infinities would silently become null.

    Raises:
        TypeError: the value holds something that is not JSON.
        ValueError: it is circular or nested too deeply, or holds what no JSON text can (see `normalise`).
    """
    try:
        return msgspec.json.encode(value, enc_hook=_beyond_msgspec, order="sorted").decode()
    except RecursionError:
        raise ValueError("nested too deeply") from None


class NotJson(ValueError):
    """A value is not JSON. `path` leads to the part at fault."""

    def __init__(self, problem: str, path: str = "") -> None:
        self.problem = problem
        self.path = path
        super().__init__(f"{path.removeprefix('.') or 'the value'}: {problem}")


_DEEPEST = 200


def normalise(value: object, _depth: int = _DEEPEST) -> Json:
    """Check that a value from outside is JSON, and give it in plain, unshared form: dicts, lists and scalars.

    Tuples become lists, mappings dicts, enums their value; a lone surrogate in a text becomes U+FFFD. The result
    shares no container with the argument, so nobody can change it afterwards, and `dumps` takes it.

    Raises:
        NotJson: it holds something that is not JSON, is circular, or nested deeper than 200.
    """
    if type(value) is str:  # exactly these are most of what comes, and to match what is like them takes far longer
        return unicode_of(value)
    if type(value) is int and -_LARGEST_INT < value < _LARGEST_INT:
        return value
    if type(value) is dict and _depth > 0:
        return {
            key if type(key) is str and key.isascii() else _key(key): (
                item if type(item) is str and item.isascii() else _member(item, _depth, ".", key)
            )
            for key, item in value.items()
        }
    match value:
        case None | bool() | Number():
            return value
        case Enum():
            return normalise(value.value, _depth)
        case str() | int() | float():
            return _scalar(value)
        case list() | tuple() | Mapping() if _depth == 0:
            raise NotJson("nested too deeply, or circular")
        case list() | tuple():
            return [_member(item, _depth, "[", index) for index, item in enumerate(value)]
        case Mapping():
            return {_key(key): _member(item, _depth, ".", key) for key, item in value.items()}
        case _:
            raise NotJson(f"a value of type {type(value).__name__} is not JSON")


def _scalar(value: str | float) -> Json:
    match value:
        case str():
            return unicode_of(str(value))
        case int() if abs(value) < _LARGEST_INT:
            return int(value)
        case int():
            raise NotJson(f"an integer of more than {_LONGEST_INT} digits cannot be printed")
        case _ if math.isfinite(value):
            return float(value)
        case _:
            raise NotJson(f"{value} is not JSON")


def _member(value: object, depth: int, mark: str, name: object) -> Json:
    try:
        return normalise(value, depth - 1)
    except NotJson as fault:
        step = f"[{name}]" if mark == "[" else f".{name}"
        raise NotJson(fault.problem, (step + fault.path)[:200]) from None


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise NotJson(f"the key {key!r} is not text")
    return unicode_of(str(key))
