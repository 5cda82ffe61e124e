"""Number literals of templates, with every type each could take."""

import re
from typing import Final

from runtime.values.gotemplate.literals import (
    MAX_INT64,
    MAX_UINT64,
    MIN_INT64,
    BadLiteral,
    char_code,
    parse_float,
    parse_int,
)
from runtime.values.gotemplate.nodes import Number
from runtime.values.gotemplate.text import quote

_COMPLEX: Final = re.compile(r"([+-]?[0-9_.]+(?:[eE][+-]?[0-9]+)?)([+-][0-9_.]+(?:[eE][+-]?[0-9]+)?)i")


def _whole(number: float, low: int, high: int) -> int | None:
    if number != number or not low <= number <= high or number != int(number):  # noqa: PLR0124 - not a number
        return None
    return int(number)


def _complex(pos: int, text: str, value: complex) -> Number:
    if value.imag:
        return Number(pos=pos, text=text, as_complex=value)
    return Number(
        pos=pos,
        text=text,
        as_complex=value,
        as_float=value.real,
        as_int=_whole(value.real, MIN_INT64, MAX_INT64),
        as_uint=_whole(value.real, 0, MAX_UINT64),
    )


def char_number(pos: int, text: str) -> Number:
    """Read a character literal as the number it is.

    Raises:
        BadLiteral: it is malformed.
    """
    code = char_code(text)
    return Number(pos=pos, text=text, as_int=code, as_uint=code, as_float=float(code))


def complex_number(pos: int, text: str) -> Number:
    """Read a literal like 1+2i.

    Raises:
        BadLiteral: it is malformed.
    """
    match = _COMPLEX.fullmatch(text)
    parts = [parse_float(part) for part in match.groups()] if match else [None]
    if None in parts:
        raise BadLiteral("syntax error scanning complex number")
    return _complex(pos, text, complex(*(part or 0.0 for part in parts)))


def number(pos: int, text: str) -> Number:
    """Read a number literal.

    Raises:
        BadLiteral: it is malformed, or an integer beyond 64 bits.
    """
    if text.endswith("i"):
        imaginary = parse_float(text[:-1])
        if imaginary is not None:
            return _complex(pos, text, complex(0, imaginary))
    whole = parse_int(text)
    if whole is not None and MIN_INT64 <= whole <= MAX_UINT64:
        return Number(
            pos=pos,
            text=text,
            as_int=whole if whole <= MAX_INT64 else None,
            as_uint=whole if whole >= 0 and (text[0] not in "+-" or not whole) else None,
            as_float=float(whole),
        )
    return _float(pos, text)


def _float(pos: int, text: str) -> Number:
    value = parse_float(text)
    if value is None:
        raise BadLiteral(f"illegal number syntax: {quote(text)}")
    if not any(mark in text for mark in ".eEpP"):
        raise BadLiteral(f"integer overflow: {quote(text)}")
    return Number(
        pos=pos,
        text=text,
        as_float=value,
        as_int=_whole(value, MIN_INT64, MAX_INT64),
        as_uint=_whole(value, 0, MAX_UINT64),
    )
