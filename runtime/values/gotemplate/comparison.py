"""Go's comparisons, as templates make them: by basic kind, and with their errors."""

from enum import Enum
from typing import Final

from runtime.values.gotemplate.errors import FunctionError
from runtime.values.gotemplate.limits import Budget
from runtime.values.gotemplate.printing import sprintf
from runtime.values.gotemplate.values import INTS, MISSING, UINTS, Kind, Value, go_type, is_nil, string_of

_BAD_TYPE: Final = "invalid type for comparison"
_INCOMPATIBLE: Final = "incompatible types for comparison"


class _Basic(Enum):
    BOOL = "bool"
    COMPLEX = "complex"
    INT = "int"
    FLOAT = "float"
    STRING = "string"


def _basic(value: Value) -> _Basic | None:
    if value is None or value is MISSING:
        return None
    kind = go_type(value).kind
    if kind is Kind.STRING:
        return _Basic.STRING
    if kind in INTS or kind in UINTS:  # Go compares the two by value too
        return _Basic.INT
    return {Kind.BOOL: _Basic.BOOL, Kind.FLOAT64: _Basic.FLOAT, Kind.COMPLEX128: _Basic.COMPLEX}.get(kind)


def _absent(value: Value) -> bool:
    return value is None or value is MISSING


def _equal(budget: Budget, first: Value, other: Value) -> bool:
    if type(first) is str and type(other) is str:
        budget.steps -= len(first) >> 8
        return first == other
    left, right = _basic(first), _basic(other)
    if left is not right:
        if _absent(first) or _absent(other):
            return False
        raise FunctionError(_INCOMPATIBLE)
    if left is _Basic.STRING:
        text = string_of(first)
        budget.spend(len(text) >> 8)
        return text == string_of(other)
    if left is not None:
        return bool(first == other)
    return _equal_others(budget, first, other)


def _equal_others(budget: Budget, first: Value, other: Value) -> bool:
    if not _absent(first) and not _absent(other) and go_type(first).kind is not go_type(other).kind:
        texts = [sprintf(budget, "%s", [value]) for value in (first, other)]
        raise FunctionError(
            f"non-comparable types {texts[0]}: {go_type(first).name}, {go_type(other).name}: {_text(budget, other)}"
        )
    if is_nil(first) or is_nil(other):
        return is_nil(first) == is_nil(other)
    if go_type(other).kind in {Kind.SLICE, Kind.MAP}:
        raise FunctionError(f"non-comparable type {sprintf(budget, '%s', [other])}: {go_type(other).name}")
    return bool(first == other)


def _text(budget: Budget, value: Value) -> str:
    return sprintf(budget, "%v", [value])


def equal(budget: Budget, first: Value, others: tuple[Value, ...]) -> bool:
    """Tell whether the first equals one of the others.

    Raises:
        FunctionError: there are no others, or the two cannot be compared.
    """
    if not others:
        raise FunctionError("missing argument for comparison")
    if len(others) == 1:
        return _equal(budget, first, others[0])
    return any(_equal(budget, first, other) for other in others)


def less(first: Value, other: Value) -> bool:
    """Tell whether the first is less than the other.

    Raises:
        FunctionError: the two have no order.
    """
    left, right = _basic(first), _basic(other)
    if left is None or right is None:
        raise FunctionError(_BAD_TYPE)
    if left is not right:
        raise FunctionError(_INCOMPATIBLE)
    if left is _Basic.BOOL or left is _Basic.COMPLEX:
        raise FunctionError(_BAD_TYPE)
    if left is _Basic.STRING:
        return string_of(first) < string_of(other)
    return bool(first < other)
