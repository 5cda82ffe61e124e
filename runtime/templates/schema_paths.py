"""Which dotted paths a JSON Schema can produce: what the lint asks about ``.step.x.output.a.b``."""

from collections.abc import Iterable, Iterator, Mapping

import attrs

from runtime.templates.schemas import Schema, resolve
from runtime.values.json import Json


@attrs.frozen
class _Level:
    """What the schemas of one value say together: its properties, and whether it may have others."""

    properties: Mapping[str, tuple[Schema, ...]]
    open: bool


class SchemaPaths:
    """Which dotted paths the values of a schema can have, as far as its properties tell.

    Looks through references within the schema and every way of combining schemas, loosely: a property that any of them
    names is one.
    """

    def __init__(self, schema: Schema) -> None:
        self._root = schema
        self._levels: dict[tuple[int, ...], _Level] = {}

    def missing(self, path: Iterable[str]) -> str | None:
        """Give the first name on a path that no value can have, or None."""
        schemas: tuple[Schema, ...] = (self._root,)
        for name in path:
            level = self._level(schemas)
            schemas = level.properties.get(name, ())
            if not schemas:
                return None if level.open else name
        return None

    def _level(self, schemas: tuple[Schema, ...]) -> _Level:
        key = tuple(map(id, schemas))
        level = self._levels.get(key)
        if level is None:
            level = self._levels[key] = self._collect(schemas)
        return level

    def _collect(self, schemas: tuple[Schema, ...]) -> _Level:
        properties: dict[str, list[Schema]] = {}
        open_ = False
        stack: list[Json] = list(schemas)
        seen: set[int] = set()
        while stack:
            schema = stack.pop()
            if not isinstance(schema, Mapping) or id(schema) in seen:
                continue
            seen.add(id(schema))
            declared = schema.get("properties")
            for name, inner in declared.items() if isinstance(declared, Mapping) else ():
                properties.setdefault(name, []).append(inner if isinstance(inner, Mapping) else {})
            open_ = open_ or _is_open(schema)
            stack.extend(_combined(schema))
            reference = schema.get("$ref")
            if isinstance(reference, str):
                target = resolve(self._root, reference)
                open_ = open_ or target is None
                stack.append(target)
        return _Level({name: tuple(inner) for name, inner in properties.items()}, open_)


def _is_open(schema: Schema) -> bool:
    additional = schema.get("additionalProperties")
    return additional is True or isinstance(additional, Mapping) or "patternProperties" in schema


def _combined(schema: Schema) -> Iterator[Json]:
    for keyword in ("allOf", "anyOf", "oneOf"):
        several = schema.get(keyword)
        if isinstance(several, (list, tuple)):
            yield from several
    for keyword in ("if", "then", "else", "not"):
        yield schema.get(keyword)
