"""Comparing what was seen with what was expected: plain JSON, or matchers (objects whose members all start with ``$``)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

ABSENT: Any = None
"""What is not there is compared as null."""


@attrs.define
class Scope:
    """What matchers refer to: values saved before, the resolution looked at, the step of it, and the present."""

    saved: dict[str, Any]
    now: float
    document: Any = None
    max_retries: int = 0


def at(document: Any, path: str | Sequence[str | int]) -> Any:
    """Give what a path leads to, a text with dots or a list of parts; None where there is nothing."""
    for part in path.split(".") if isinstance(path, str) else path:
        if isinstance(document, Mapping):
            document = document.get(part)
        elif isinstance(document, Sequence) and not isinstance(document, str) and str(part).isdigit():
            document = document[int(part)] if int(part) < len(document) else None
        else:
            document = None
    return document


def differences(expected: Any, seen: Any, scope: Scope, path: str = "") -> Iterator[str]:
    """Name every difference."""
    if isinstance(expected, Mapping) and expected and all(key.startswith("$") for key in expected):
        for matcher, operand in expected.items():
            problem = _MATCHERS[matcher](operand, seen, scope)
            if problem:
                yield f"{path or 'value'}: {problem}, seen {_short(seen)}"
    elif isinstance(expected, Mapping):
        if not isinstance(seen, Mapping):
            yield f"{path}: expected an object, seen {_short(seen)}"
            return
        for key in expected.keys() | seen.keys():
            inner = f"{path}.{key}" if path else str(key)
            if key not in expected:
                yield f"{inner}: not expected, seen {_short(seen[key])}"
            else:
                yield from differences(expected[key], seen.get(key), scope, inner)
    elif isinstance(expected, list):
        if not isinstance(seen, Sequence) or isinstance(seen, str) or len(seen) != len(expected):
            yield f"{path}: expected {_short(expected)}, seen {_short(seen)}"
            return
        for index, (one, other) in enumerate(zip(expected, seen, strict=True)):
            yield from differences(one, other, scope, f"{path}[{index}]")
    elif not _equal(expected, seen):
        yield f"{path or 'value'}: expected {_short(expected)}, seen {_short(seen)}"


def _equal(expected: Any, seen: Any) -> bool:
    if isinstance(expected, bool) or isinstance(seen, bool) or expected is None or seen is None:
        return expected is seen
    if isinstance(expected, str) != isinstance(seen, str):
        return False
    return bool(expected == seen)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "..."


def _has(operand: Any, seen: Any, scope: Scope) -> str:
    if not isinstance(seen, Mapping):
        return "should be an object"
    inner = [
        problem for key, value in operand.items() for problem in differences(value, seen.get(key), scope, str(key))
    ]
    return "; ".join(inner)


def _moment(value: Any, scope: Scope) -> float:
    if value == "now":
        return scope.now
    if isinstance(value, Mapping):
        value = scope.saved.get(value["$ref"])
    if isinstance(value, str) and value.startswith("${"):
        value = scope.saved.get(value[2:-1])
    if value is None:
        return float("-inf")
    return value if isinstance(value, float | int) else datetime.fromisoformat(value).timestamp()


_MATCHERS: Mapping[str, Callable[[Any, Any, Scope], str]] = {
    "$contains": lambda operand, seen, _: (
        "" if isinstance(seen, str) and operand in seen else f"should contain {operand!r}"
    ),
    "$present": lambda operand, seen, _: "" if (seen is not None) is operand else f"present should be {operand}",
    "$any": lambda _operand, _seen, _scope: "",
    "$ne": lambda operand, seen, _: "" if not _equal(operand, seen) else f"should differ from {operand!r}",
    "$ne_path": lambda operand, seen, scope: (
        "" if not _equal(at(scope.document, operand), seen) else f"should differ from {operand}"
    ),
    "$gt": lambda operand, seen, _: (
        "" if isinstance(seen, int | float) and seen > operand else f"should be above {operand}"
    ),
    "$has": _has,
    "$ref": lambda operand, seen, scope: (
        "" if _equal(scope.saved.get(operand), seen) else f"should be {operand} ({scope.saved.get(operand)!r})"
    ),
    "$max_retries_plus": lambda operand, seen, scope: (
        "" if seen == scope.max_retries + operand else f"should be max_retries ({scope.max_retries}) + {operand}"
    ),
    "$json_object_text": lambda _operand, seen, _: (
        "" if isinstance(seen, str) and seen.startswith("{") else "should be the text of a JSON object"
    ),
    "$zero_time": lambda _operand, seen, _: "" if seen is None else "should be no time",
    "$not_zero_time": lambda _operand, _seen, _scope: "",
    "$after": lambda operand, seen, scope: (
        "" if seen is not None and seen > _moment(operand, scope) else f"should be after {operand!r}"
    ),
    "$before": lambda operand, seen, scope: (
        "" if seen is None or seen < _moment(operand, scope) else f"should be before {operand!r}"
    ),
}
