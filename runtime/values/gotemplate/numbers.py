"""Number literals of templates, with every type each could take."""

import math
import re
from typing import Final

from runtime.values.gotemplate.literals import (
    MAX_INT64,
    MAX_UINT64,
    MIN_INT64,
    BadLiteral,
    char_code,
    is_float,
    parse_decimal,
    parse_float,
    parse_int,
)
from runtime.values.gotemplate.nodes import Number
from runtime.values.gotemplate.text import quote

# A float, and what follows it, as package fmt takes them off a text: whether they are floats is seen later.
_FLOAT_LIKE: Final = (
    r"((?>[+-]?[iI]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?"
    r"|[0-9_]*(?:\.[0-9_]*)?(?:[eEpP][+-]?[0-9_]*)?)))"
)
_COMPLEX: Final = re.compile(rf"{_FLOAT_LIKE}([+-]){_FLOAT_LIKE}i")


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
    match = _COMPLEX.match(text)
    if match is None:
        raise BadLiteral("syntax error scanning complex number")
    return _complex(pos, text, complex(_scan_float(match[1]), _scan_float(match[2] + match[3])))


def _scan_float(text: str) -> float:
    """Read a float as package fmt does: as package strconv, but for decimals with a binary exponent."""
    mantissa, mark, exponent = text.partition("p")
    if not mark or "x" in text.lower():
        return _strict_float(text, text)
    power = parse_decimal(exponent)
    value = _strict_float(mantissa, text)
    if power is None:
        raise BadLiteral(f"strconv.Atoi: parsing {quote(exponent)}: invalid syntax")
    try:
        return math.ldexp(value, power)
    except OverflowError:
        return math.copysign(math.inf, value)


def _strict_float(text: str, shown: str) -> float:
    value = parse_float(text)
    if value is None:
        problem = "value out of range" if is_float(text) else "invalid syntax"
        raise BadLiteral(f"strconv.ParseFloat: parsing {quote(shown)}: {problem}")
    return value


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
