"""Floats as text: what strconv.FormatFloat gives for each of its formats."""

import math
from collections.abc import Callable
from typing import Final

SHORTEST: Final = -1

_MANTISSA_BITS: Final = 52
_LOWEST_EXPONENT: Final = -1074
_HEX_DIGITS: Final = 13


def _special(value: float) -> str | None:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return None


def _digits(value: float, precision: int) -> tuple[str, int]:
    """Give the significant digits without trailing zeros, and where the decimal point stands in them."""
    if not value:
        return "", 0
    text = repr(abs(value)) if precision == SHORTEST else format(abs(value), f".{precision - 1}e")
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    digits = whole + fraction
    bare = digits.lstrip("0")
    return bare.rstrip("0"), point - (len(digits) - len(bare))


def _sign(value: float) -> str:
    return "-" if math.copysign(1.0, value) < 0 else ""


def _exponential(digits: str, point: int, precision: int, mark: str) -> str:
    exponent = point - 1 if digits else 0
    first, rest = (digits[0], digits[1:]) if digits else ("0", "")
    rest = rest[:precision].ljust(precision, "0")
    return f"{first}{'.' if rest else ''}{rest}{mark}{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _plain(digits: str, point: int, precision: int) -> str:
    whole = digits[:point].ljust(point, "0") if point > 0 else "0"
    fraction = ("0" * min(-point, precision) + digits if point <= 0 else digits[point:]) if precision else ""
    fraction = fraction[:precision].ljust(precision, "0")
    return f"{whole}{'.' if fraction else ''}{fraction}"


def _general(value: float, precision: int, mark: str) -> str:
    shortest = precision == SHORTEST
    if precision == 0:
        precision = 1
    digits, point = _digits(value, precision)
    limit = 6 if shortest else precision
    if not shortest and limit > len(digits) >= point:
        limit = len(digits)
    if not -4 <= point - 1 < limit:
        return _exponential(digits, point, max(len(digits) - 1, 0), mark)
    return _plain(digits, point, max(len(digits) - point, 0))


def _format_e(value: float, precision: int, mark: str) -> str:
    if precision == SHORTEST:
        digits, point = _digits(value, SHORTEST)
        return _exponential(digits, point, max(len(digits) - 1, 0), mark)
    return format(abs(value), f".{precision}{mark}")


def _format_f(value: float, precision: int, _mark: str) -> str:
    if precision == SHORTEST:
        digits, point = _digits(value, SHORTEST)
        return _plain(digits, point, max(len(digits) - point, 0))
    return format(abs(value), f".{precision}f")


def _parts(value: float) -> tuple[int, int]:
    """Give a float's mantissa as an integer and its binary exponent."""
    fraction, exponent = math.frexp(abs(value))
    if not fraction:
        return 0, _LOWEST_EXPONENT
    exponent -= _MANTISSA_BITS + 1
    mantissa = int(math.ldexp(fraction, _MANTISSA_BITS + 1))
    if exponent < _LOWEST_EXPONENT:  # a denormal: fewer bits
        mantissa >>= _LOWEST_EXPONENT - exponent
        exponent = _LOWEST_EXPONENT
    return mantissa, exponent


def _format_b(value: float, _precision: int, _mark: str) -> str:
    mantissa, exponent = _parts(value)
    return f"{mantissa}p{exponent:+d}"


def _format_x(value: float, precision: int, mark: str) -> str:
    mantissa, exponent = _parts(value)
    if mantissa:
        shift = _MANTISSA_BITS + 1 - mantissa.bit_length()
        mantissa <<= shift
        exponent += _MANTISSA_BITS - shift
    else:
        exponent = 0
    digits = _HEX_DIGITS
    if 0 <= precision < _HEX_DIGITS:
        drop = 4 * (_HEX_DIGITS - precision)
        half = 1 << (drop - 1)
        kept, rest = mantissa >> drop, mantissa & ((1 << drop) - 1)
        kept += rest > half or (rest == half and kept & 1)
        digits = precision
        if kept >> (4 * digits + 1):
            kept >>= 1
            exponent += 1
        mantissa = kept
    whole, fraction = divmod(mantissa, 1 << (4 * digits))
    text = f"{fraction:0{digits}x}" if digits else ""
    text = text.rstrip("0") if precision == SHORTEST else text.ljust(precision, "0")
    made = f"0x{whole}{'.' if text else ''}{text}p{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    return made.upper() if mark == "X" else made


_FORMATS: Final[dict[str, Callable[[float, int, str], str]]] = {
    "e": _format_e,
    "E": _format_e,
    "f": _format_f,
    "g": lambda value, precision, _mark: _general(value, precision, "e"),
    "G": lambda value, precision, _mark: _general(value, precision, "E"),
    "b": _format_b,
    "x": _format_x,
    "X": _format_x,
}


def format_float(value: float, form: str, precision: int = SHORTEST) -> str:
    """Give a float's text in one of the formats b e E f g G x X, with as many digits as it needs or as are asked for."""
    return _special(value) or _sign(value) + _FORMATS[form](value, precision, form)


def plain_text(value: float) -> str:
    """Give the text %v prints."""
    return _special(value) or _sign(value) + _general(value, SHORTEST, "e")
