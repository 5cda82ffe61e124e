"""Lists and objects that a configuration may also write as JSON texts, since texts are all that templates make."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runtime.runner import Fault, Json, StepFailed, loads, normalise


def names(value: Json, field: str) -> tuple[str, ...]:
    """Give a list of names that is written as a list, or as a JSON text of one; nothing is none.

    Raises:
        StepFailed: it is neither.
    """
    if isinstance(value, str):
        value = _decoded(value, field) if value.strip() else ()
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise StepFailed(f"{field} has to be a list of texts")
    return tuple(str(name) for name in value)


def mapping(text: str, field: str) -> dict[str, Json]:
    """Read a JSON object from a text; nothing is an empty one.

    Raises:
        StepFailed: it is something else.
    """
    value = _decoded(text, field) if text.strip() else {}
    if not isinstance(value, Mapping):
        raise StepFailed(f"{field} is JSON, but not an object")
    return dict(value)


def mappings(text: str, field: str) -> list[dict[str, Json]]:
    """Read a JSON list of objects from a text; nothing is an empty one.

    Raises:
        StepFailed: it is something else.
    """
    value = _decoded(text, field) if text.strip() else []
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise StepFailed(f"{field} is JSON, but not a list of objects")
    return [dict(item) for item in value if isinstance(item, Mapping)]


PEOPLE = ("resolver_usernames", "resolver_groups", "watcher_usernames", "watcher_groups")
"""The fields that say who may resolve tasks that a step starts, and who watches them."""


def people(config: object) -> dict[str, Any]:
    """Read them.

    Raises:
        StepFailed: one of them is no list of names.
    """
    return {field: names(getattr(config, field), field) for field in PEOPLE}


def faults_of(config: object, *readers: Mapping[str, Callable[[Any, str], object]]) -> Iterator[Fault]:
    """Read every field that holds no template yet; name those that cannot be read."""
    for field, read in (pair for some in readers for pair in some.items()):
        value: Json = getattr(config, field)
        if not _is_template(value):
            try:
                read(value, "it")
            except StepFailed as fault:
                yield Fault(field, fault.message.removeprefix("it "))


def _is_template(value: Json) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_is_template, value))
    return isinstance(value, str) and "{{" in value


def _decoded(text: str, field: str) -> Json:
    try:
        return normalise(loads(text))
    except ValueError as fault:
        raise StepFailed(f"{field} is not JSON: {fault}") from None
