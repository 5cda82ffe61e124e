"""Sprig's arithmetic: int64 that overflows as Go's does, floats by way of decimals."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Final

from runtime.values.gotemplate.casts import to_float64, to_int64
from runtime.values.gotemplate.errors import FunctionError
from runtime.values.gotemplate.functions import ANY, FLOAT64, INT, Host, Table
from runtime.values.gotemplate.literals import MAX_INT64, MIN_INT64, wrap_int64
from runtime.values.gotemplate.printing import sprint
from runtime.values.gotemplate.values import Float, Int, Int64, Value

_TABLE: Final = Table()
FUNCTIONS: Final = _TABLE.functions

_QUOTIENT_DIGITS: Final = 16
_LARGEST_POWER: Final = 400  # of ten: beyond a float
_DECIMAL: Final = 200  # steps for one operation on decimals


@_TABLE.add("int64", params=(ANY,))
def _int64(value: Value) -> Int64:
    return Int64(to_int64(value))


@_TABLE.add("int", params=(ANY,))
def _int(value: Value) -> Int:
    return Int(to_int64(value))


@_TABLE.add("float64", params=(ANY,))
def _float64(value: Value) -> Float:
    return to_float64(value)


@_TABLE.add("toDecimal", params=(ANY,), host=True)
def _to_decimal(host: Host, value: Value) -> Int64:
    text = sprint(host.budget, [value])
    digits = text[1:] if text[:1] in {"+", "-"} else text
    if not digits or digits.strip("01234567") or len(digits) > 400:
        return Int64(0)
    number = -int(digits, 8) if text[0] == "-" else int(digits, 8)
    return Int64(number if MIN_INT64 <= number <= MAX_INT64 else 0)


@_TABLE.add("add1", params=(ANY,))
def _add1(value: Value) -> Int64:
    return Int64(wrap_int64(to_int64(value) + 1))


@_TABLE.add("add", params=(ANY,), variadic=True)
def _add(*values: Value) -> Int64:
    return Int64(wrap_int64(sum(map(to_int64, values))))


@_TABLE.add("sub", params=(ANY, ANY))
def _sub(left: Value, right: Value) -> Int64:
    return Int64(wrap_int64(to_int64(left) - to_int64(right)))


def _divided(left: Value, right: Value) -> tuple[int, int]:
    """Divide towards zero."""
    dividend, divisor = to_int64(left), to_int64(right)
    if not divisor:
        raise FunctionError("runtime error: integer divide by zero")
    quotient = abs(dividend) // abs(divisor)
    if (dividend < 0) != (divisor < 0):
        quotient = -quotient
    return quotient, dividend - quotient * divisor


@_TABLE.add("div", params=(ANY, ANY))
def _div(left: Value, right: Value) -> Int64:
    return Int64(wrap_int64(_divided(left, right)[0]))


@_TABLE.add("mod", params=(ANY, ANY))
def _mod(left: Value, right: Value) -> Int64:
    return Int64(_divided(left, right)[1])


@_TABLE.add("mul", params=(ANY, ANY), variadic=True)
def _mul(first: Value, *others: Value) -> Int64:
    product = to_int64(first)
    for other in others:
        product = wrap_int64(product * to_int64(other))
    return Int64(product)


@_TABLE.add("max", "biggest", params=(ANY, ANY), variadic=True)
def _max(*values: Value) -> Int64:
    return Int64(max(map(to_int64, values)))


@_TABLE.add("min", params=(ANY, ANY), variadic=True)
def _min(*values: Value) -> Int64:
    return Int64(min(map(to_int64, values)))


def _extreme(values: tuple[Value, ...], better: Callable[[float, float], bool]) -> Float:
    best: float = to_float64(values[0])
    for value in values[1:]:
        other = to_float64(value)
        if math.isinf(best) and better(best, 0.0):
            continue
        signs = math.copysign(1, other), math.copysign(1, best)
        if math.isnan(other) or (not math.isnan(best) and better(other, best)) or (best == other and better(*signs)):
            best = other
    return Float(best)


@_TABLE.add("maxf", params=(ANY, ANY), variadic=True)
def _maxf(*values: Value) -> Float:
    return _extreme(values, lambda one, other: one > other)


@_TABLE.add("minf", params=(ANY, ANY), variadic=True)
def _minf(*values: Value) -> Float:
    return _extreme(values, lambda one, other: one < other)


@_TABLE.add("floor", params=(ANY,))
def _floor(value: Value) -> Float:
    number = to_float64(value)
    return Float(math.copysign(math.floor(number), number)) if math.isfinite(number) else number


@_TABLE.add("ceil", params=(ANY,))
def _ceil(value: Value) -> Float:
    number = to_float64(value)
    return Float(math.copysign(math.ceil(number), number)) if math.isfinite(number) else number


def _power_of_ten(exponent: int) -> float:
    """Raise ten to a power as Go does, by squaring, rounding errors included."""
    if abs(exponent) > _LARGEST_POWER:
        return math.inf if exponent > 0 else 0.0
    mantissa, power = 1.0, 0
    square, twos = math.frexp(10.0)
    rest = abs(exponent)
    while rest:
        if rest & 1:
            mantissa *= square
            power += twos
        square *= square
        twos *= 2
        if square < 0.5:
            square += square
            twos -= 1
        rest >>= 1
    if exponent < 0:
        mantissa, power = 1 / mantissa, -power
    try:
        return math.ldexp(mantissa, power)
    except OverflowError:
        return math.inf


@_TABLE.add("round", params=(ANY, INT, FLOAT64), variadic=True)
def _round(value: Value, places: int, *options: float) -> Float:
    turn = options[0] if options else 0.5
    power = _power_of_ten(places)
    digit = power * to_float64(value)
    if not math.isfinite(digit):
        return Float(math.nan if math.isinf(power) or math.isnan(digit) else digit / power)
    rest = math.fmod(digit, 1.0)
    whole = math.copysign(math.ceil(digit) if rest >= turn else math.floor(digit), digit)
    if not power:
        return Float(math.nan if not whole else math.copysign(math.inf, whole))
    return Float(whole / power)


def _fraction(value: Value) -> Fraction:
    number = to_float64(value)
    if not math.isfinite(number):
        raise FunctionError(f"Cannot create a Decimal from {_special(number)}")
    return Fraction(repr(float(number)))


def _special(number: float) -> str:
    return "NaN" if math.isnan(number) else "+Inf" if number > 0 else "-Inf"


def _decimals(
    host: Host, first: Value, others: tuple[Value, ...], operation: Callable[[Fraction, Fraction], Fraction]
) -> Float:
    host.budget.spend(_DECIMAL * (len(others) + 1))
    result = _fraction(first)
    for other in others:
        result = operation(result, _fraction(other))
    try:
        return Float(float(result))
    except OverflowError:
        return Float(math.inf if result > 0 else -math.inf)


@_TABLE.add("add1f", params=(ANY,), host=True)
def _add1f(host: Host, value: Value) -> Float:
    return _decimals(host, value, (Int(1),), lambda left, right: left + right)


@_TABLE.add("addf", params=(ANY,), variadic=True, host=True)
def _addf(host: Host, *values: Value) -> Float:
    return _decimals(host, Float(0), values, lambda left, right: left + right)


@_TABLE.add("subf", params=(ANY, ANY), variadic=True, host=True)
def _subf(host: Host, first: Value, *others: Value) -> Float:
    return _decimals(host, first, others, lambda left, right: left - right)


@_TABLE.add("mulf", params=(ANY, ANY), variadic=True, host=True)
def _mulf(host: Host, first: Value, *others: Value) -> Float:
    return _decimals(host, first, others, lambda left, right: left * right)


def _quotient(left: Fraction, right: Fraction) -> Fraction:
    if not right:
        raise FunctionError("decimal division by 0")
    scale = 10**_QUOTIENT_DIGITS
    exact = abs(left / right) * scale
    rounded = (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
    return Fraction(rounded if (left < 0) is (right < 0) else -rounded, scale)


@_TABLE.add("divf", params=(ANY, ANY), variadic=True, host=True)
def _divf(host: Host, first: Value, *others: Value) -> Float:
    return _decimals(host, first, others, _quotient)
