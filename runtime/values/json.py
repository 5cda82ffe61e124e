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
_SMALL_INT = 2**63
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


def _once(members: Sequence[tuple[str, Json]]) -> Mapping[str, Json]:
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("a member is given twice")
    return found


def loads(text: str | bytes, *, once: bool = False) -> Json:
    """Decode JSON (bytes are UTF-8), keeping number literals. A member that is given twice is the last, or with `once` refused.

    Every text of the result can be encoded: what is not Unicode, a lone surrogate included, becomes U+FFFD.

    Raises:
        ValueError: the text is not JSON, or it is nested too deeply (`RecursionError` never escapes).
    """
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    try:
        value: Json = json.loads(
            text,
            parse_int=parse_number,
            parse_float=parse_number,
            parse_constant=_no_constant,
            object_pairs_hook=_once if once else None,
        )
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

    def below(self, step: str) -> Self:
        """Give the same fault as seen from one level above, where `step` leads to it."""
        return type(self)(self.problem, (step + self.path)[:200])


class ValueTooLarge(ValueError):
    """A value is larger than it may be; see `normalise` for how that is measured."""


_DEEPEST = 200
_MEMBER = 8
"""What a member of a list or a mapping counts, beside its texts."""


def normalise(value: object, most: float = math.inf, _depth: int = _DEEPEST, _room: list[float] | None = None) -> Json:
    """Check that a value from outside is JSON, and give it in plain, unshared form: dicts, lists and scalars.

    Tuples become lists, mappings dicts, enums their value; a lone surrogate in a text becomes U+FFFD. The result
    shares no container with the argument, so nobody can change it afterwards, and `dumps` takes it.

    It may be as large as `most`: the characters of all its texts, keys and long numbers, and eight for each member of a
    list or a mapping. That is about its length as JSON, and known without encoding it.

    Raises:
        NotJson: it holds something that is not JSON, is circular, or nested deeper than 200.
        ValueTooLarge: it is larger than `most`. What is far larger is not read to its end.
    """
    if _room is None:  # which all that belongs to one value takes from
        _room = [most]
    if type(value) is str:  # exactly these are most of what comes, and to match what is like them takes far longer
        _room[0] -= len(value)
        if _room[0] < 0:
            raise ValueTooLarge
        return value if value.isascii() else unicode_of(value)
    if type(value) is int and -_SMALL_INT < value < _SMALL_INT:
        return value
    if type(value) is dict and _depth > 0:
        plain: dict[str, Json] = {}
        size = 0
        try:
            for key, item in value.items():
                name = key if type(key) is str and key.isascii() else _key(key)
                if type(item) is str and item.isascii():
                    plain[name] = item
                    size += len(name) + len(item) + _MEMBER
                elif item is None or item is True or item is False:
                    plain[name] = item
                    size += len(name) + _MEMBER
                else:
                    size += len(name) + _MEMBER
                    plain[name] = normalise(item, most, _depth - 1, _room)
        except NotJson as fault:
            raise fault.below(f".{key}" if isinstance(key, str) else "") from None
        _room[0] -= size
        if _room[0] < 0:
            raise ValueTooLarge
        return plain
    match value:
        case None | bool():
            return value
        case Number():
            _take(len(value.literal), _room)
            return value
        case Enum():
            return normalise(value.value, most, _depth, _room)
        case str() | int() | float():
            return _scalar(value, _room)
        case list() | tuple() | Mapping() if _depth == 0:
            raise NotJson("nested too deeply, or circular")
        case list() | tuple():
            return _list(value, _depth, _room)
        case Mapping():
            return normalise(dict(value.items()), most, _depth, _room)
        case _:
            raise NotJson(f"a value of type {type(value).__name__} is not JSON")


def _take(size: int, room: list[float]) -> None:
    room[0] -= size
    if room[0] < 0:
        raise ValueTooLarge


def _list(value: Sequence[object], depth: int, room: list[float]) -> Json:
    _take(_MEMBER * len(value), room)
    plain: list[Json] = []
    try:
        for item in value:
            plain.append(normalise(item, math.inf, depth - 1, room))  # noqa: PERF401 - how far it got is the path to a fault
    except NotJson as fault:
        raise fault.below(f"[{len(plain)}]") from None
    return plain


def _text(text: str, room: list[float]) -> str:
    _take(len(text), room)
    return unicode_of(text)


def _scalar(value: str | float, room: list[float]) -> Json:
    match value:
        case str():
            return _text(str(value), room)
        case int() if abs(value) < _LARGEST_INT:
            _take(value.bit_length() // 3, room)
            return int(value)
        case int():
            raise NotJson(f"an integer of more than {_LONGEST_INT} digits cannot be printed")
        case _ if math.isfinite(value):
            return float(value)
        case _:
            raise NotJson(f"{value} is not JSON")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise NotJson(f"the key {key!r} is not text")
    return unicode_of(str(key))
