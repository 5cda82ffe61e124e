"""JSON Schemas of step outputs: made ready, checked, and compiled without surprises.

Compiled schemas search patterns with RE2, so that no output can hang a search, and never fetch anything: a reference
that leads out of the schema is a fault.
"""

from collections.abc import Iterator, Mapping
from decimal import Context
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from runtime.errors import Fault
from runtime.templates.paths import item, member, shown, under
from runtime.values.json import Json
from runtime.values.regex import Pattern, PatternInvalid, RegexError, compile_pattern

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

Schema = Mapping[str, Json]

_DRAFTS: Final = {version: f"http://json-schema.org/draft-0{version}/schema#" for version in (4, 6, 7)}
_NEWEST: Final = _DRAFTS[7]
_UNVERSIONED: Final = "http://json-schema.org/schema#"
_LARGEST: Final = 20_000
_MOST_FAULTS: Final = 20
_MOST_TEXT: Final = 1_000


def normalise_schema(schema: Schema) -> Schema:
    """Give the schema with its draft in ``$schema``: kept, or derived from ``version: 4|6|7``, or draft 7."""
    if "$schema" in schema:
        return schema
    version = schema.get("version")
    if isinstance(version, (int, float)) and not isinstance(version, bool) and version in _DRAFTS:
        rest = {key: value for key, value in schema.items() if key != "version"}
        return {"$schema": _DRAFTS[int(version)], **rest}
    return {"$schema": _NEWEST, **schema}


def check_schema(schema: Schema) -> tuple[list[Fault], list[Fault]]:
    """Give the faults and the warnings of a normalised schema, their paths starting at the schema."""
    if _size(schema) > _LARGEST:
        return [Fault("", f"the schema is too large: it may have at most {_LARGEST:,} values")], []
    draft = schema["$schema"]
    if not isinstance(draft, str):
        return [Fault(member("", "$schema"), f"must be text, not {shown(draft)}")], []
    warnings = []
    if _draft_id(draft) is None:
        warnings.append(Fault(member("", "$schema"), f"unknown draft {shown(draft)}, read as draft 7"))
    return [*_structure_faults(schema), *_part_faults(schema)], warnings


def compile_schema(schema: Schema) -> "Validator":
    """Give a validator for a schema that `check_schema` has found no fault in.

    What it judges may still make it raise `referencing.exceptions.Unresolvable` (a reference that `check_schema` could
    not follow), `RecursionError` (references in a circle, or a value as deep as them), and
    `runtime.values.regex.RegexError` (a pattern too large for a text).
    """
    # Imported when needed: it takes a tenth of a second, and most templates have no schema.
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # noqa: PLC0415 - as said

    compiled: Validator = _validator_class(schema)(schema, registry=REGISTRY)
    return compiled


def violation(schema: Schema, value: Json) -> str:
    """Say how a value breaks a schema that `check_schema` has found no fault in; empty when it does not. Never raises."""
    return fault_found(compile_schema(schema), value)


def fault_found(validator: "Validator", value: Json) -> str:
    """Say how a value breaks a compiled schema: ``at path: why``; empty when it does not. Never raises."""
    # Imported when needed, as above.
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - as said
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - as said

    try:
        error = best_match(validator.iter_errors(value))
    except RecursionError:
        return "its schema cannot be applied to it: it goes in circles, or too deep"
    except (Unresolvable, RegexError) as unclear:
        return f"its schema cannot be applied to it: {unclear}"
    if error is None:
        return ""
    where = error.json_path.removeprefix("$").removeprefix(".")
    return f"{f'at {where}: ' if where else ''}{error.message[:_MOST_TEXT]}"


def _size(value: Json) -> int:
    stack = [value]
    size = 0
    while stack and size <= _LARGEST:
        top = stack.pop()
        size += 1
        if isinstance(top, Mapping):
            stack.extend(top.values())
        elif isinstance(top, (list, tuple)):
            stack.extend(top)
    return size


def _draft_id(draft: str) -> int | None:
    plain = draft.rstrip("#").replace("https:", "http:", 1)
    if plain == _UNVERSIONED.rstrip("#"):
        return 7
    return next((version for version, known in _DRAFTS.items() if known.rstrip("#") == plain), None)


def _structure_faults(schema: Schema) -> Iterator[Fault]:
    validator = _validator_class(schema)
    try:
        errors = list(islice(validator(validator.META_SCHEMA).iter_errors(schema), _MOST_FAULTS))
    except RecursionError:
        yield Fault("", "the schema is nested too deeply")
        return
    for error in errors:
        path = ""
        for part in error.absolute_path:
            path = item(path, part) if isinstance(part, int) else member(path, str(part))
        yield Fault(path, error.message if len(error.message) <= 200 else f"{error.message[:200]}…")


_DATA: Final = frozenset({"const", "default", "enum", "examples"})


def _part_faults(schema: Schema) -> Iterator[Fault]:
    """Name the patterns and references that lead nowhere. A part with a base of its own is not followed into."""
    rebased = False
    references: list[Fault] = []
    stack: list[tuple[Json, str]] = [(schema, "")]
    while stack:
        value, path = stack.pop()
        if isinstance(value, (list, tuple)):
            stack.extend((part, item(path, index)) for index, part in enumerate(value))
        elif isinstance(value, Mapping):
            rebased = rebased or (path != "" and own_id(value) != "")
            reference = value.get("$ref")
            problem = _reference_problem(schema, reference) if isinstance(reference, str) else ""
            if problem:
                references.append(Fault(member(path, "$ref"), problem))
            yield from _pattern_faults(value, path)
            stack.extend((part, member(path, key)) for key, part in value.items() if key not in _DATA)
    if not rebased:
        yield from references


def _reference_problem(schema: Schema, reference: str) -> str:
    base, _, pointer = reference.partition("#")
    if base and base != own_id(schema):
        return "" if _draft_id(base) else f"{shown(reference)} leads out of the schema, and nothing is fetched"
    if pointer[:1] in {"", "/"} and resolve(schema, reference) is None:
        return f"{shown(reference)} leads nowhere"
    return ""


def own_id(schema: Schema) -> str:
    """Give the address by which a schema calls itself, without a fragment, or an empty text."""
    address = schema.get("$id", schema.get("id"))
    return address.partition("#")[0] if isinstance(address, str) else ""


def resolve(schema: Schema, reference: str) -> Json:
    """Follow a reference within the schema; None where it leads elsewhere."""
    base, _, pointer = reference.partition("#")
    if (base and base != own_id(schema)) or pointer[:1] not in {"", "/"}:
        return None
    value: Json = schema
    for part in unquote(pointer).split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, (list, tuple)) and key.isdecimal() and len(key) < 6:
            value = value[int(key)] if int(key) < len(value) else None
        else:
            return None
    return value


def _pattern_faults(schema: Schema, path: str) -> Iterator[Fault]:
    for pattern, where in _patterns(schema):
        try:
            compile_pattern(pattern)
        except PatternInvalid as cause:
            yield Fault(under(path, where), f"invalid regex: {cause}")


def _patterns(schema: Schema) -> Iterator[tuple[str, str]]:
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        yield pattern, "pattern"
    keyed = schema.get("patternProperties")
    if isinstance(keyed, Mapping):
        for key in keyed:
            yield key, member("patternProperties", key)


def _validator_class(schema: Schema) -> Any:
    from jsonschema import Draft4Validator, Draft6Validator, Draft7Validator  # noqa: PLC0415 - as in compile_schema
    from jsonschema.validators import extend  # noqa: PLC0415 - as above

    draft = schema.get("$schema")
    classes = {4: Draft4Validator, 6: Draft6Validator, 7: Draft7Validator}
    version = (_draft_id(draft) if isinstance(draft, str) else None) or 7
    return extend(  # type: ignore[no-untyped-call]
        classes[version],
        {
            "pattern": _pattern,
            "patternProperties": _pattern_properties,
            "additionalProperties": _additional_properties,
            "multipleOf": _multiple_of,
        },
    )


def _compiled(schema: Schema) -> list[Pattern]:
    keyed = schema.get("patternProperties")
    return [compile_pattern(key) for key in keyed] if isinstance(keyed, Mapping) else []


def _pattern(_: Any, pattern: str, instance: object, __: Schema) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - as in compile_schema

    if isinstance(instance, str) and not compile_pattern(pattern).search(instance):
        yield ValidationError(f"{shown(instance)} does not match {shown(pattern)}")


def _pattern_properties(validator: Any, keyed: Schema, instance: object, _: Schema) -> Iterator[Any]:
    if not isinstance(instance, Mapping):
        return
    for text, inner in keyed.items():
        pattern = compile_pattern(text)
        for key, value in instance.items():
            if pattern.search(key):
                yield from validator.descend(value, inner, path=key, schema_path=text)


_EXACT: Final = Context(prec=5_000, traps=[])
"""Of more digits than any number that is meant; what is out of its reach is a multiple of nothing."""


def _multiple_of(_: Any, divisor: float, instance: object, __: Schema) -> Iterator[Any]:
    """Divide by literals: as floats, 19.99 is no multiple of 0.01."""
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - as in compile_schema

    if not isinstance(instance, (int, float)) or isinstance(instance, bool):
        return
    if _EXACT.remainder(_EXACT.create_decimal(str(instance)), _EXACT.create_decimal(str(divisor))) != 0:
        yield ValidationError(f"{shown(instance)} is not a multiple of {shown(divisor)}")


def _additional_properties(validator: Any, additional: Json, instance: object, schema: Schema) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - as in compile_schema

    if not isinstance(instance, Mapping):
        return
    declared = schema.get("properties")
    patterns = _compiled(schema)
    extras = [
        key
        for key in instance
        if not (isinstance(declared, Mapping) and key in declared) and not any(p.search(key) for p in patterns)
    ]
    if isinstance(additional, Mapping):
        for key in extras:
            yield from validator.descend(instance[key], additional, path=key)
    elif additional is False and extras:
        yield ValidationError(f"unexpected properties: {', '.join(map(shown, extras[:10]))}")
