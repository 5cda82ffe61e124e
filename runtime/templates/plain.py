"""Making sure of a template that was built in Python: every field of its declared type, every value plain JSON.

The model's classes do not check their arguments; this does, by their annotations, so that the rules that follow may
rely on them, and nobody can change a value after it was checked.
"""

import types
from collections.abc import Callable, Iterable, Mapping
from enum import EnumType
from typing import Any, get_args, get_origin

import attrs

from runtime.templates.faults import Faults
from runtime.templates.model import Template
from runtime.templates.paths import item, member, shown, under
from runtime.values.json import NotJson, normalise


def made_plain(template: Template, faults: Faults) -> Template:
    """Give the template in plain form; what is not of its type is a fault, and what comes back is of no use then."""
    made: Template = _Plain(faults).record(template, "")
    return made


class _Plain:
    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def record(self, value: Any, path: str) -> Any:
        """Check every field of an attrs object."""
        changes = {}
        for field in attrs.fields(type(value)):
            old = getattr(value, field.name)
            new = self.value(old, field.type, member(path, field.name.removesuffix("_")))
            if new is not old:
                changes[field.alias] = new
        return attrs.evolve(value, **changes) if changes else value

    def value(self, value: Any, kind: Any, path: str) -> Any:
        """Check a value against the annotation of its field."""
        if kind is Any:  # which is what Json is while the program runs
            return self._json(value, path)
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is types.UnionType:  # an optional field
            return None if value is None else self.value(value, arguments[0], path)
        if origin is tuple and isinstance(value, tuple):
            return tuple(self.value(one, arguments[0], item(path, index)) for index, one in enumerate(value))
        if origin is Mapping and isinstance(value, Mapping):
            return self._mapping(value, arguments[1], path)
        if isinstance(kind, EnumType) and type(value) is str:
            return self._choice(value, kind, path)
        if not _fits(value, origin or kind):
            self._faults.add(path, f"must be {_name(kind)}, not {_name(type(value))}")
            return value
        return self.record(value, path) if attrs.has(type(value)) else value

    def _mapping(self, value: Mapping[Any, Any], inner: Any, path: str) -> dict[str, Any]:
        made = {}
        for key, one in value.items():
            if isinstance(key, str):
                made[key] = self.value(one, inner, member(path, key))
            else:
                self._faults.add(path, f"the key {key!r} is not text")
        return made

    def _choice(self, value: str, kind: EnumType, path: str) -> object:
        try:
            return kind(value)
        except ValueError:
            choices: Iterable[object] = kind
            self._faults.add(path, f"{shown(value)} is not one of {', '.join(map(str, choices))}")
            return value

    def _json(self, value: object, path: str) -> Any:
        try:
            return normalise(value)
        except NotJson as cause:
            self._faults.add(under(path, cause.path.removeprefix(".")), cause.problem)
            return None


def _fits(value: object, kind: Any) -> bool:
    if kind is Callable:
        return callable(value)
    if kind is float:
        kind = (int, float)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _name(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind))
