"""Copies of values, all the way down, within a budget."""

from collections.abc import Mapping

from runtime.values.gotemplate.errors import Exhausted
from runtime.values.gotemplate.limits import DEEPEST, Budget
from runtime.values.gotemplate.values import NIL_TYPES, Kind, Value, go_type


def deep_copy(budget: Budget, value: Value, depth: int = 0) -> Value:
    """Copy containers; scalars are shared. Nil stays nil.

    Raises:
        Exhausted: the value is larger or deeper than the budget allows.
    """
    if isinstance(value, str | int | float | complex) or value is None or isinstance(value, NIL_TYPES):
        return value
    if depth > DEEPEST:
        raise Exhausted(f"copying a value nested more than {DEEPEST} deep", "depth")
    if isinstance(value, Mapping):
        budget.hold(64 + 16 * len(value))
        budget.spend(10 * len(value) + 10)
        made = type(value)() if isinstance(value, dict) else {}
        for key, item in value.items():
            made[key] = deep_copy(budget, item, depth + 1)
        return made
    if go_type(value).kind is Kind.SLICE:
        budget.hold(64 + 8 * len(value))
        budget.spend(10 * len(value) + 10)
        items = [deep_copy(budget, item, depth + 1) for item in value]
        return type(value)(items) if isinstance(value, list) else items
    return value
