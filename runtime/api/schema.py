"""The JSON Schemas of messages, made from their classes. Draft 2020-12, the one that OpenAPI 3.1 speaks."""

import re
import types
from collections.abc import Mapping
from enum import EnumType
from functools import cache
from typing import Any, Final, cast, get_args, get_origin

import attrs

from runtime.api.fields import ABOUT, RULES
from runtime.described import described
from runtime.values.json import Json

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
TAG: Final = "type"
"""The member of a message in JSON that says which one it is; no message has a field of that name."""

_SCALARS: Final[Mapping[Any, str]] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}
_OF_ITEMS: Final = frozenset({"minLength", "maxLength"})


def tag_of(message: type) -> str:
    """Give the tag of a class of messages, or of facts: ``RunTask`` is ``run_task``."""
    return name_of(message.__name__)


@cache
def name_of(name: str) -> str:
    """Give what a class of that name is called."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def schema_of(cls: type, tag: str = "") -> dict[str, Json]:
    """Give the schema of one attrs class; with a `tag`, as a message of that tag."""
    properties: dict[str, Json] = {TAG: {"const": tag}} if tag else {}
    required = [TAG] if tag else []
    for field in attrs.fields(cls):
        properties[field.name] = _field_schema(field)
        if field.default is attrs.NOTHING:
            required.append(field.name)
    return {
        "title": cls.__name__,
        "description": described(cls),
        "type": "object",
        "properties": properties,
        "required": cast("Json", required),
        "additionalProperties": False,
    }


def _field_schema(field: "attrs.Attribute[Any]") -> dict[str, Json]:
    schema = dict(type_schema(field.type, field.metadata.get(RULES, {})))
    if ABOUT in field.metadata:
        schema["description"] = field.metadata[ABOUT]
    return schema


def type_schema(kind: Any, rules: Mapping[str, Json]) -> Mapping[str, Json]:
    """Give the schema of what is annotated so; `rules` say more of it, those of texts of the items of a list."""
    origin, arguments = get_origin(kind), get_args(kind)
    of_items = {rule: value for rule, value in rules.items() if rule in _OF_ITEMS}
    of_all = {rule: value for rule, value in rules.items() if rule not in _OF_ITEMS}
    if kind is Any or kind is object:  # which is what Json is while the program runs
        return dict(rules)
    if kind in _SCALARS:
        return {"type": _SCALARS[kind], **rules}
    if isinstance(kind, EnumType):
        return {"enum": [str(one) for one in cast("Any", kind)]}
    if origin is types.UnionType:
        return {"anyOf": [dict(type_schema(one, rules if one is not type(None) else {})) for one in arguments]}
    if origin is tuple:
        return {"type": "array", "items": dict(type_schema(arguments[0], of_items)), **of_all}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": dict(type_schema(arguments[1], of_items)), **of_all}
    if attrs.has(kind):
        return schema_of(kind)
    raise TypeError(f"a message may not hold a {kind}")
