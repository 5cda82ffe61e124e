"""What the tests of templates share: action types without runners, and the faults of a document as a table."""

from typing import Any

import attrs

from runtime.errors import Fault, TemplateInvalid
from runtime.runner import Checked, RunnerUnknown
from runtime.templates.actions import ActionType
from runtime.templates.validation import Validated, check_data
from runtime.values.json import Json


def _anything_goes(_: Json, __: Json) -> Checked[Any]:
    return Checked()


@attrs.frozen
class KnownTypes:
    """Action types by name; a configuration is never at fault unless the type says so."""

    types: dict[str, ActionType] = attrs.field(factory=dict)

    def find(self, name: str) -> ActionType:
        if name in {"echo", "http", "script", "subtask", "callback"} or name.startswith("echo::"):
            return ActionType(check=_anything_goes)
        try:
            return self.types[name]
        except KeyError:
            raise RunnerUnknown(name, "known: echo") from None


TYPES = KnownTypes()


def document(**fields: Any) -> dict[str, Any]:
    """A valid template with these fields."""
    return {"name": "test", "description": "a test", "title_format": "a test", **fields}


def with_step(**fields: Any) -> dict[str, Any]:
    """A valid template whose only step has these fields."""
    return document(steps={"one": step(**fields)})


def step(**fields: Any) -> dict[str, Any]:
    return {"action": {"type": "echo"}, **fields}


def checked(data: dict[str, Any], types: KnownTypes = TYPES) -> Validated:
    return check_data(data, types)


def faults(data: dict[str, Any], types: KnownTypes = TYPES) -> list[tuple[str, str]]:
    """Every fault of a document as (path, message)."""
    try:
        check_data(data, types)
    except TemplateInvalid as refusal:
        return pairs(refusal.faults)
    return []


def warnings(data: dict[str, Any], types: KnownTypes = TYPES) -> list[tuple[str, str]]:
    return pairs(check_data(data, types).warnings)


def pairs(found: tuple[Fault, ...]) -> list[tuple[str, str]]:
    return [(fault.path, fault.message) for fault in found]
