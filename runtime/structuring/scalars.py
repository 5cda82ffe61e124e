"""Scalars: each function takes a JSON value and gives the typed one, or raises `ValueError` or `TypeError`."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runtime.duration import Duration, parse_duration
from runtime.errors import did_you_mean
from runtime.structuring.place import Place, Reader, Templated, kind, words
from runtime.values.json import Json, dumps, normalise

_NUMBER = re.compile(r"-?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,4})?", re.ASCII)


def scalar(read: Callable[[Json], Any]) -> Reader:
    """Make a reader of a function of the value alone."""

    def reader(place: Place) -> Any:
        value = place.value
        if place.report.checking and isinstance(value, str) and "{{" in value:
            return Templated(value)
        try:
            return read(value)
        except (ValueError, TypeError, ArithmeticError) as problem:
            return place.fault(words(problem))

    return reader


def boolean(value: Json) -> bool:
    """Take a boolean or its text."""
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in {"true", "false"}:
        raise ValueError("must be true or false")
    return word == "true"


def number(value: Json) -> float:
    """Take a number or its text."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise TypeError(f"must be a number, not {kind(value)}")


def whole_number(value: Json) -> int:
    """Take a number without a fraction, or its text, exactly."""
    match value:
        case int() if not isinstance(value, bool):
            return value
        case str() if _NUMBER.fullmatch(value.strip()) and not set(".eE") & set(value):
            return int(value)
    near = number(value)
    if not near.is_integer():
        raise ValueError("must be a whole number")
    return int(near)


def text(value: Json) -> str:
    """Take a text, or the text of a number or a boolean."""
    match value:
        case str():
            return value
        case bool() | int() | float():
            return dumps(value)
        case _:
            raise TypeError(f"must be text, not {kind(value)}")


def duration(value: Json) -> Duration:
    """Take a duration text."""
    if not isinstance(value, str):
        raise TypeError(f'must be a duration such as "30s" or "1m30s", not {kind(value)}')
    return Duration(parse_duration(value.strip()))


def choice(values: Sequence[Any], results: Sequence[Any]) -> Callable[[Json], Any]:
    """Take one of `values`, and give the result at its place."""
    table: Mapping[str, Any] = {text(normalise(value)): result for value, result in zip(values, results, strict=True)}

    def read(value: Json) -> Any:
        word = text(value)
        if word in table:
            return table[word]
        hint = did_you_mean(word, list(table))
        raise ValueError(f"must be one of {', '.join(table)}{f'; {hint}' if hint else ''}")

    return read


SCALARS: Mapping[Any, Callable[[Json], Any]] = {
    Any: lambda value: value,
    object: lambda value: value,
    bool: boolean,
    int: whole_number,
    float: number,
    str: text,
    Duration: duration,
}
