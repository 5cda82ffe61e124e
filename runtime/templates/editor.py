"""JSON Schemas for editors: of templates and of functions, made from the model classes and the runners' configurations.

Draft 7, which editors speak. A schema is no less strict than what reads the document where an editor can help (a key that
nobody reads is refused, an enumeration names its values), and no stricter than it anywhere else: every template that is
valid passes. References between the parts of a template are validation's business.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, cast, get_args, get_origin, get_type_hints

import attrs

from runtime.described import described
from runtime.duration import Duration
from runtime.runner import Runners, RunnerUnknown
from runtime.templates.model import (
    Action,
    Assertion,
    Condition,
    ConditionScope,
    Function,
    Input,
    Output,
    RetryPattern,
    Step,
    Template,
    Variable,
)
from runtime.values.json import Json

DRAFT: Final = "http://json-schema.org/draft-07/schema#"

Schema = Mapping[str, Json]

_TEXT: Final[Schema] = {"type": ["string", "number", "boolean", "null"]}
"""Text, or a number or boolean that becomes its text; null is the same as absent, everywhere."""

_DURATION: Final[Schema] = {
    "type": ["string", "integer", "null"],
    "description": "Like 1.5s or 300ms; else nanoseconds.",
}
_PARTS: Final = (Action, Assertion, Condition, Input, Output, Step, Variable)

_WRITTEN: Final = {"if_": "if"}
"""Fields that a document calls otherwise."""

_UNWRITTEN: Final[Mapping[type, frozenset[str]]] = {
    Action: frozenset({"call"}),
    Template: frozenset({"functions"}),
}
"""Fields that no document has."""

_REQUIRED: Final[Mapping[type, Sequence[str]]] = {
    Template: ("name", "description", "title_format"),
    Function: ("name", "action"),
    Step: ("action",),
    Condition: ("type",),
    Assertion: ("operator",),
}
"""Members that have to be there; what only Python gives a default to is among them."""

_MORE: Final[Mapping[type, Mapping[str, Schema]]] = {
    Action: {"base_output": {"description": "Short for an output of strategy merge with this format."}},
    Function: {"description": _TEXT},
    Step: {"name": {**_TEXT, "description": "Ignored: a step is called by its key."}, "execution_delay": _DURATION},
}
"""Members that documents have besides the fields, or in another form."""


def template_schema(runners: Runners) -> Schema:
    """Give the schema of template files; an action's configuration is checked for the types in `runners`."""
    return _document(Template, "A task template.", runners)


def function_schema(runners: Runners) -> Schema:
    """Give the schema of function files."""
    return _document(Function, "A function: an action that steps call by its name.", runners)


def _document(root: type, title: str, runners: Runners) -> Schema:
    parts: dict[str, Json] = {part.__name__: dict(_object(part)) for part in _PARTS}
    configurations = cast("list[Json]", list(_configurations(runners)))
    if configurations:
        parts["Action"] = {**cast("dict[str, Json]", parts["Action"]), "allOf": configurations}
    return {"$schema": DRAFT, "title": title, **_object(root), "definitions": parts}


def _object(cls: type) -> Schema:
    """Give the schema of one model class as documents hold it."""
    hints = get_type_hints(cls)
    properties: dict[str, Json] = {
        _WRITTEN.get(field.name, field.name): dict(_of_model(hints[field.name]))
        for field in attrs.fields(cls)
        if field.name not in _UNWRITTEN.get(cls, ())
    }
    properties.update({name: dict(schema) for name, schema in _MORE.get(cls, {}).items()})
    return {
        "type": "object",
        "description": described(cls).partition("\n")[0],
        "properties": properties,
        "required": list(_REQUIRED.get(cls, ())),
        "additionalProperties": False,
    }


def _of_model(kind: Any) -> Schema:
    """Give the schema of a field of the model: what `runtime.templates.loading` takes for it."""
    origin, args = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, UnionType):
        return _of_model(next(arg for arg in args if arg is not NoneType))
    if kind in _PARTS:
        return {"anyOf": [{"$ref": f"#/definitions/{kind.__name__}"}, {"type": "null"}]}
    if kind is str:
        return _TEXT
    if kind is bool:
        return {"type": ["boolean", "null"]}
    if kind in (int, float):
        return {"type": ["integer", "null"]}
    if inspect.isclass(origin) and issubclass(origin, Enum):
        return _choice(origin)
    if origin is tuple:
        return {"type": ["array", "null"], "items": dict(_of_model(args[0]))}
    if origin is Mapping:
        return {"type": ["object", "null"], "additionalProperties": dict(_of_model(args[1]))}
    return {}


def _choice(kind: type[Enum]) -> Schema:
    values: list[Json] = [str(one.value) for one in kind]
    lower = [value.lower() for value in values if isinstance(value, str) and value.isupper()]
    needed = kind not in (ConditionScope, RetryPattern) and bool(lower)
    return {"enum": [*values, *lower, *([] if needed else ["", None])]}


def _configurations(runners: Runners) -> "Sequence[Schema]":
    """Give, for each runner that can be loaded here, what follows for the configuration of its actions."""
    found: list[Schema] = []
    for name in runners.names:
        try:
            config = runners.get(name).config
        except RunnerUnknown:
            continue  # what it needs is not installed: its configuration is not checked
        if attrs.has(config):
            then: dict[str, Json] = {"properties": {"configuration": dict(_lenient(_of_config(config)))}}
            when: dict[str, Json] = {"properties": {"type": {"const": name}}, "required": ["type"]}
            found.append({"if": when, "then": then})
    return found


def _lenient(schema: Schema) -> Schema:
    """Take a text that holds a template for anything, and null as absent."""
    return {"anyOf": [dict(schema), {"type": "string", "pattern": r"\{\{"}, {"type": "null"}]}


def _of_config(kind: Any) -> Schema:
    """Give the schema of what `runtime.structuring` makes this type of. A text may stand for every scalar."""
    origin, args = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, UnionType):
        return {"anyOf": [dict(_of_config(arg)) for arg in args if arg is not NoneType]}
    if kind is Duration:
        return {"type": ["string", "number"]}
    if kind in (str, bool, int, float):
        return {"type": ["string", "number", "boolean"]}
    if origin is Literal:
        return {"enum": [str(arg) for arg in args]}
    if not inspect.isclass(origin):
        return {}
    return _of_class(origin, args)


def _of_class(kind: type, args: Sequence[Any]) -> Schema:
    if issubclass(kind, Enum):
        return {"enum": [str(one.value) for one in kind]}
    if attrs.has(kind):
        hints = get_type_hints(kind)
        fields = attrs.fields(kind)
        properties: dict[str, Json] = {
            field.alias or field.name: dict(_lenient(_of_config(hints[field.name]))) for field in fields
        }
        return {"type": "object", "properties": properties, "additionalProperties": False}
    if issubclass(kind, Mapping):
        return {"type": "object", "additionalProperties": dict(_lenient(_of_config(args[1]))) if args else True}
    if issubclass(kind, Sequence) and not issubclass(kind, str):
        return {"type": "array", "items": dict(_lenient(_of_config(args[0]))) if args and Ellipsis in args else {}}
    return {}


MAKERS: Final[Mapping[str, Callable[[Runners], Schema]]] = {"template": template_schema, "function": function_schema}
"""How the schema of each kind of document is made."""
