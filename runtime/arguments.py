"""What a program says is looked at in its own frame: that it is of the declared types, and can be stored.

What comes over HTTP was checked against the schema of its message. What a program passes in Python was checked by nobody,
and an actor must meet valid messages only: one that cannot be stored would end it, and one that cannot be read again
would be lost with its task.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from itertools import compress, islice, repeat
from operator import is_not
from types import NoneType, UnionType
from typing import Annotated, Any, Final, TypeAlias, Union, get_args, get_origin, get_type_hints

import attrs

from runtime.errors import Fault, InputInvalid
from runtime.lengths import Longest
from runtime.values.json import NotJson, dumps, normalise, unicode_of

_Check: TypeAlias = Callable[[Any, str], Iterable[Fault]]
_MOST_FAULTS: Final = 20
_UNIONS: Final = (UnionType, Union)  # the latter where one of them is annotated
_MOST_BITS: Final = 64
_MOST_SECONDS: Final = 2**63 / 1e9
"""Go's longest duration, 292 years: what is that far off has a date that can be written, and read."""

_CHECKED_ELSEWHERE: Final = ("runtime.templates.", "runtime.engine.")
"""Where templates are, which are validated, and what is made of them."""


def check(message: object, *, but: frozenset[str] = frozenset()) -> None:
    """See that the fields of a message, or of anything with such, are what they are declared as; `but` are seen elsewhere.

    Texts, numbers, JSON, lists and mappings of them, and what has such fields are looked at; templates were validated.

    Raises:
        InputInvalid: with every fault and its path.
    """
    try:
        faults = list(islice(faults_of(message, but=but), _MOST_FAULTS))
    except attrs.exceptions.NotAnAttrsClassError:
        faults = [Fault("", f"must be an object of the declared class, not {type(message).__name__}")]
    if faults:
        raise InputInvalid(faults)


def check_text(text: object, path: str) -> None:
    """See that one text is one, and can be stored.

    Raises:
        InputInvalid: it is not, with its path.
    """
    if faults := _text(text, path):
        raise InputInvalid(faults)


def texts(values: Iterable[str]) -> tuple[str, ...]:
    """Take a list of texts. A text is none: each of its letters would be one.

    Raises:
        TypeError: it is one text.
    """
    if isinstance(values, str):
        raise TypeError(f"must be a list of texts, not the text {values!r}")
    return tuple(values)


def sorted_texts(values: object, path: str) -> tuple[str, ...]:
    """Give the texts of a list in their order; one text is no list.

    Raises:
        InputInvalid: it is no list of texts that can be stored, with its path.
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InputInvalid([Fault(path, f"must be a list of texts, not {_kind(values)}")])
    listed = list(values)
    if faults := [fault for index, one in enumerate(listed) for fault in _text(one, f"{path}[{index}]")]:
        raise InputInvalid(faults[:_MOST_FAULTS])
    return tuple(sorted(listed))


def check_kind(value: object, kinds: type | UnionType, path: str, wanted: str) -> None:
    """See that something is of one of these kinds, of which `wanted` tells; True and False are no numbers.

    Raises:
        InputInvalid: it is not, with its path.
    """
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise InputInvalid([Fault(path, f"must be {wanted}, not {_kind(value)}")])


def faults_of(message: object, path: str = "", *, but: frozenset[str] = frozenset()) -> Iterator[Fault]:
    """Give what is wrong with the fields of something, which is at that path; see `check`."""
    cls: Any = type(message)
    names, defaults, checks = _checks(cls, but)
    values = [*map(getattr, repeat(message), names)]
    said = map(is_not, values, defaults)  # most of most messages is as it is by default, and passed over in C
    for name, checked, value in compress(zip(names, checks, values, strict=True), said):
        yield from checked(value, f"{path}.{name}" if path else name)


@cache
def _checks(cls: Any, but: frozenset[str]) -> tuple[Sequence[str], Sequence[object], Sequence[_Check]]:
    """Give the names of the fields that are looked at, their defaults, and how each is checked."""
    hints, found = get_type_hints(cls, include_extras=True), []
    for field in attrs.fields(cls):
        checked = None if field.name in but else _check_of(hints[field.name])
        if checked is not None:
            found.append((field, checked))
    return [field.name for field, _ in found], [field.default for field, _ in found], [checked for _, checked in found]


def _check_of(hint: Any) -> _Check | None:
    """Give how values of a type are checked; None for what is not looked at."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    members = get_args(hint)
    match get_origin(hint):
        case origin if origin is Annotated:
            return _no_longer(members[1])
        case origin if origin is tuple:
            return (
                _each(_check_of(members[0])) if members[-1] is Ellipsis else _row([_check_of(one) for one in members])
            )
        case origin if origin is Mapping:
            return _mapping(_check_of(members[0]) or _text, _check_of(members[1]))
        case origin if origin in _UNIONS and NoneType in members and len(members) == 2:
            return _optional(_check_of(next(one for one in members if one is not NoneType)))
        case None if isinstance(hint, type) and (issubclass(hint, Enum) or _has_fields(hint)):
            return _instance(hint)
        case _:
            return None


def _has_fields(hint: Any) -> bool:
    return attrs.has(hint) and not hint.__module__.startswith(_CHECKED_ELSEWHERE)


def _instance(cls: type) -> _Check:
    def checked(value: Any, path: str) -> Iterator[Fault]:
        if not isinstance(value, cls):
            yield Fault(path, f"must be a value of {cls.__name__}, not {_kind(value)}")
        elif attrs.has(cls):
            yield from faults_of(value, path)

    return checked


def _text(value: Any, path: str) -> Sequence[Fault]:
    if not isinstance(value, str):
        return [Fault(path, f"must be text, not {_kind(value)}")]
    if unicode_of(value) != value:
        return [Fault(path, "it holds half a character (a lone surrogate), which cannot be stored")]
    return ()


def _no_longer(longest: Longest) -> _Check:
    def checked(value: Any, path: str) -> Iterable[Fault]:
        return _text(value, path) or longest.faults(value, path)

    return checked


def _truth(value: Any, path: str) -> Iterator[Fault]:
    if not isinstance(value, bool):
        yield Fault(path, f"must be True or False, not {_kind(value)}")


def _whole(value: Any, path: str) -> Iterator[Fault]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield Fault(path, f"must be a whole number, not {_kind(value)}")
    elif value.bit_length() >= _MOST_BITS:
        yield Fault(path, f"must be a number of less than {_MOST_BITS} bits, or it could not be read from a store")


def _seconds(value: Any, path: str) -> Iterator[Fault]:
    if not isinstance(value, int | float) or isinstance(value, bool):
        yield Fault(path, f"must be a number, not {_kind(value)}")
    elif not 0 <= value < math.inf:
        yield Fault(path, "must be 0 or more")
    elif value > _MOST_SECONDS:
        yield Fault(path, f"must be at most {_MOST_SECONDS:,.0f}: as many seconds are 292 years")


def _json(value: Any, path: str) -> Iterator[Fault]:
    try:
        normalise(value)
        dumps(value)
    except NotJson as fault:
        yield Fault(path + fault.path, fault.problem)
    except (ValueError, TypeError) as fault:
        yield Fault(path, f"it cannot be stored: {fault}")


def _row(checks: Sequence[_Check | None]) -> _Check:
    def check(value: Any, path: str) -> Iterator[Fault]:
        if not isinstance(value, tuple) or len(value) != len(checks):
            yield Fault(path, f"must be a tuple of {len(checks)}, not {type(value).__name__}")
            return
        for index, (one, checked) in enumerate(zip(value, checks, strict=True)):
            if checked is not None:
                yield from checked(one, f"{path}[{index}]")

    return check


def _each(member: _Check | None) -> _Check:
    def checked(value: Any, path: str) -> Iterator[Fault]:
        if not isinstance(value, tuple | list):
            yield Fault(path, f"must be a tuple, not {_kind(value)}")
        elif member is not None:
            for index, one in enumerate(value):
                yield from member(one, f"{path}[{index}]")

    return checked


def _mapping(name: _Check, member: _Check | None) -> _Check:
    def checked(value: Any, path: str) -> Iterator[Fault]:
        if not isinstance(value, Mapping):
            yield Fault(path, f"must be a mapping, not {_kind(value)}")
            return
        for key, one in value.items():
            yield from name(key, f"{path}.{unicode_of(str(key)[:100])}")
            if member is not None:
                yield from member(one, f"{path}.{unicode_of(str(key)[:100])}")

    return checked


def _optional(member: _Check | None) -> _Check:
    def checked(value: Any, path: str) -> Iterator[Fault]:
        if value is not None and member is not None:
            yield from member(value, path)

    return checked


def _kind(value: object) -> str:
    return "None" if value is None else type(value).__name__


_PLAIN: Final[Mapping[Any, _Check]] = {str: _text, bool: _truth, int: _whole, float: _seconds, Any: _json}
