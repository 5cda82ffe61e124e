"""Go's reflect.DeepEqual, within a budget."""

from collections.abc import Mapping, Sequence

from runtime.values.gotemplate.limits import Budget
from runtime.values.gotemplate.values import JSON_NUMBER, MISSING, Kind, Struct, Value, go_type, is_nil


def deep_equal(budget: Budget, left: Value, right: Value) -> bool:
    """Tell whether two values are of the same type and equal, all the way down. Nil differs from empty."""
    budget.spend(20)
    if left is None or right is None or left is MISSING or right is MISSING:
        return (left is None or left is MISSING) and (right is None or right is MISSING)
    kind = go_type(left)
    if kind is not go_type(right) and kind != go_type(right):
        return False
    if kind.kind is Kind.SLICE:
        return _equal_lists(budget, left, right)
    if kind.kind is Kind.MAP:
        return _equal_maps(budget, left, right)
    if kind is JSON_NUMBER:
        return str(left) == str(right)
    if kind.kind is Kind.STRING:
        budget.spend(len(left) >> 6)
    if isinstance(left, Struct) and kind.kind is Kind.PTR:
        return bool(left.go_values() == right.go_values())
    return bool(left == right)


def _equal_lists(budget: Budget, left: Sequence[Value], right: Sequence[Value]) -> bool:
    if len(left) != len(right) or is_nil(left) != is_nil(right):
        return False
    return left is right or all(deep_equal(budget, one, other) for one, other in zip(left, right, strict=True))


def _equal_maps(budget: Budget, left: Mapping[str, Value], right: Mapping[str, Value]) -> bool:
    if len(left) != len(right) or is_nil(left) != is_nil(right):
        return False
    return left is right or all(key in right and deep_equal(budget, item, right[key]) for key, item in left.items())
