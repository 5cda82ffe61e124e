"""Conversions that never fail, as Sprig's numeric functions make them of anything."""

from runtime.values.gotemplate.limits import Budget
from runtime.values.gotemplate.literals import MAX_INT64, MIN_INT64, parse_float, parse_int, truncate, wrap_int64
from runtime.values.gotemplate.printing import text_of
from runtime.values.gotemplate.timemethods import Duration
from runtime.values.gotemplate.values import JSON_NUMBER, MISSING, Float, Int, Int64, Kind, Struct, Value, go_type


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and go_type(value) is not JSON_NUMBER and not isinstance(value, Duration)


def _trim_zero_decimal(text: str) -> str:
    head, point, tail = text.rpartition(".")
    return head if point and tail and not tail.strip("0") else text


def to_int64(value: Value) -> int:
    """Convert anything to int64; what is no number is 0."""
    if type(value) is Int or type(value) is Int64:
        return int(value)
    if isinstance(value, bool):
        return int(value)
    if _is_number(value):
        return truncate(value) if isinstance(value, float) else wrap_int64(int(value))
    if isinstance(value, str) or (value is not None and value is not MISSING and go_type(value) is JSON_NUMBER):
        number = parse_int(_trim_zero_decimal(str(value)))
        return number if number is not None and MIN_INT64 <= number <= MAX_INT64 else 0
    return 0


def to_float64(value: Value) -> Float:
    """Convert anything to float64; what is no number is 0."""
    if isinstance(value, bool):
        return Float(value)
    if _is_number(value):
        return Float(value)
    if isinstance(value, str) or (value is not None and value is not MISSING and go_type(value) is JSON_NUMBER):
        number = parse_float(str(value))
        return Float(0 if number is None else number)
    return Float(0)


def to_text(budget: Budget, value: Value) -> str:
    """Convert anything to a string as Sprig does."""
    if isinstance(value, str):
        return value
    if isinstance(value, Struct):
        text = value.go_string()
        if text is not None:
            return text
    return text_of(budget, value)


def to_texts(budget: Budget, value: Value) -> list[str]:
    """Convert a list to strings, leaving out nulls; anything else becomes a list of one."""
    if value is None or value is MISSING:
        return []
    if isinstance(value, str):
        return [value]
    if go_type(value).kind is Kind.SLICE:
        budget.hold(64 * len(value))
        budget.spend(10 * len(value))
        return [to_text(budget, item) for item in value if item is not None]
    return [to_text(budget, value)]
