"""The ten operators of conditions (spec section 5.5), over texts that are rendered already."""

from decimal import Decimal, InvalidOperation
from typing import assert_never

from runtime.templates.model import Operator
from runtime.values.regex import PatternInvalid, compile_pattern

_LONGEST_NUMBER = 1000


class ConditionError(Exception):
    """An assertion could not be evaluated; what that does to the step is the caller's business."""


def _number(text: str, operator: Operator) -> Decimal:
    try:
        number = Decimal(text.strip()) if _reads_as_number(text) else Decimal("nan")
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise ConditionError(f'{operator} needs numbers on both sides, not "{text[:100]}"')
    return number


def _reads_as_number(text: str) -> bool:
    """Say whether only what people take for a number is in it: Python takes underscores and every script's digits."""
    return len(text) <= _LONGEST_NUMBER and text.isascii() and "_" not in text


def _found(pattern: str, text: str) -> bool:
    try:
        return compile_pattern(pattern).search(text)
    except PatternInvalid as fault:
        raise ConditionError(str(fault)) from fault


def _listed(needle: str, values: str, separator: str) -> bool:
    return needle in [item.strip() for item in (values.split(separator) if separator else [values])]


def holds(operator: Operator, value: str, expected: str, *, separator: str = ",") -> bool:
    """Say whether an assertion is met.

    ``<no value>`` counts as nothing on both sides. The ordering operators compare decimal numbers (Q8); REGEXP
    searches, unanchored; IN looks for `expected` among the items of `value`.

    Raises:
        ConditionError: a side is not a number where one is needed, or the pattern does not compile (Q9).
    """
    value = value.replace("<no value>", "")
    expected = expected.replace("<no value>", "")
    match operator:
        case Operator.EQ:
            return value == expected
        case Operator.NE:
            return value != expected
        case Operator.GT:
            return _number(value, operator) > _number(expected, operator)
        case Operator.LT:
            return _number(value, operator) < _number(expected, operator)
        case Operator.GE:
            return _number(value, operator) >= _number(expected, operator)
        case Operator.LE:
            return _number(value, operator) <= _number(expected, operator)
        case Operator.REGEXP:
            return _found(expected, value)
        case Operator.NOTREGEXP:
            return not _found(expected, value)
        case Operator.IN:
            return _listed(expected, value, separator)
        case Operator.NOTIN:
            return not _listed(expected, value, separator)
        case _:
            assert_never(operator)
