from typing import Any

import pytest
from referencing.exceptions import Unresolvable

from runtime.templates.schema_paths import SchemaPaths
from runtime.templates.schemas import check_schema, compile_schema, normalise_schema, violation
from runtime.values.json import loads

DRAFT = "http://json-schema.org/draft-0{}/schema#"


@pytest.mark.parametrize(
    ("schema", "draft", "kept"),
    [
        ({}, DRAFT.format(7), {}),
        ({"type": "object"}, DRAFT.format(7), {"type": "object"}),
        ({"version": 4}, DRAFT.format(4), {}),
        ({"version": 6.0}, DRAFT.format(6), {}),
        ({"version": 7}, DRAFT.format(7), {}),
        ({"version": 5}, DRAFT.format(7), {"version": 5}),
        ({"version": "4"}, DRAFT.format(7), {"version": "4"}),
        ({"version": True}, DRAFT.format(7), {"version": True}),
        ({"$schema": DRAFT.format(4), "version": 7}, DRAFT.format(4), {"version": 7}),
        ({"$schema": "x"}, "x", {}),
    ],
)
def test_the_draft_is_kept_or_follows_the_version_or_is_seven(schema, draft, kept):
    assert normalise_schema(schema) == {"$schema": draft, **kept}


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"type": 3}, "type"),
        ({"properties": {"a b": {"minimum": "x"}}}, 'properties["a b"].minimum'),
        ({"allOf": [{}, {"required": "x"}]}, "allOf[1].required"),
        ({"pattern": "(?=x)"}, "pattern"),
        ({"patternProperties": {"(": {}}}, "patternProperties.("),
        ({"$ref": "#/definitions/gone"}, "$ref"),
        ({"items": {"$ref": "http://example.com/schema"}}, "items.$ref"),
        ({"$schema": 5}, "$schema"),
        ({"version": 4, "exclusiveMinimum": 5}, "exclusiveMinimum"),
        ({"enum": list(range(30_000))}, ""),
    ],
)
def test_a_schema_that_does_not_compile_is_refused_where_it_breaks(schema, path):
    faults, _ = check_schema(normalise_schema(schema))
    assert [fault.path for fault in faults][:1] == [path]


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"properties": {"pattern": {"type": "string"}}},
        {"enum": [{"pattern": "("}], "default": {"pattern": "("}},
        {"$schema": "https://json-schema.org/draft-07/schema"},
        {"$schema": "http://json-schema.org/schema#"},
        {"exclusiveMinimum": 5},
        {"unknownKeyword": {"type": 3}},
        {"$id": "x.json", "properties": {"a": {"$ref": "x.json#/allOf/0"}}, "allOf": [{}]},
        {"properties": {"a": {"$ref": "http://json-schema.org/draft-07/schema#"}}},
        {"properties": {"a": {"$ref": "b.json"}, "b": {"$id": "b.json"}}},
        {"properties": {"a": {"$ref": "#named"}}, "definitions": {"b": {"$id": "#named"}}},
        {"$ref": "#/definitions/a%20b", "definitions": {"a b": {}}},
    ],
)
def test_a_schema_that_compiles_is_fine(schema):
    assert check_schema(normalise_schema(schema)) == ([], [])


def test_a_schema_that_is_nested_too_deeply_is_refused():
    schema: dict[str, Any] = {}
    for _ in range(500):
        schema = {"not": schema}
    ((fault,), _) = check_schema(normalise_schema(schema))
    assert fault.message == "the schema is nested too deeply"


@pytest.mark.parametrize(
    ("schema", "output", "valid"),
    [
        ({"pattern": r"^\d+$"}, "12", True),
        ({"pattern": r"^\d+$"}, "1x", False),
        ({"pattern": "x"}, 5, True),
        ({"pattern": "^(a+)+$"}, "a" * 100_000 + "b", False),
        ({"patternProperties": {"^a": {"type": "integer"}}}, {"a1": 1, "b": "x"}, True),
        ({"patternProperties": {"^a": {"type": "integer"}}}, {"a1": "x"}, False),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1}, True),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"b": 1}, False),
        ({"patternProperties": {"^x": {}}, "additionalProperties": False}, {"x1": 1}, True),
        ({"patternProperties": {"^x": {}}, "additionalProperties": {"type": "null"}}, {"x1": 1, "y": 1}, False),
        ({"additionalProperties": {"type": "null"}}, {"y": None}, True),
        ({"additionalProperties": False}, [1], True),
        ({"$ref": "http://json-schema.org/draft-07/schema#"}, {"type": 3}, False),
        ({"properties": {"a": {"$ref": "#"}}, "required": ["b"]}, {"b": 1, "a": {"b": 1, "a": {}}}, False),
        ({"version": 4, "minimum": 5, "exclusiveMinimum": True}, 5, False),
    ],
)
def test_an_output_is_judged_by_its_schema(schema, output, valid):
    assert compile_schema(normalise_schema(schema)).is_valid(output) is valid


def test_a_schema_fetches_nothing():
    with pytest.raises(Unresolvable):
        compile_schema({"$ref": "http://127.0.0.1:1/schema"}).is_valid({})


@pytest.mark.parametrize(
    ("schema", "path", "missing"),
    [
        ({"properties": {"a": {}}}, "a", None),
        ({"properties": {"a": {}}}, "b", "b"),
        ({"properties": {"a": {}}}, "a.b", "b"),
        ({"properties": {"a": True}}, "a.b", "b"),
        ({"type": "object"}, "a", "a"),
        ({"properties": {"a": {"properties": {"b": {}}}}}, "a.b", None),
        ({"properties": {"a": {"properties": {"b": {}}}}}, "b", "b"),
        ({"$ref": "#"}, "a", "a"),
        ({"properties": {"a": {"$ref": "#"}}}, "a.a.a.a", None),
        (
            {"$id": "x.json", "properties": {"a": {"$ref": "x.json#/d/b"}}, "d": {"b": {"properties": {"c": 1}}}},
            "a.c",
            None,
        ),
        ({"d": {"a/b~": {"properties": {"c": {}}}}, "$ref": "#/d/a~1b~0"}, "c", None),
        ({"$ref": "#/gone"}, "a", None),
        ({"$ref": "other.json#/a"}, "a", None),
        ({"allOf": [{"properties": {"a": {}}}], "oneOf": [{"anyOf": [{"properties": {"b": {}}}]}]}, "b", None),
        ({"if": {}, "then": {"properties": {"a": {}}}, "else": {"not": {"properties": {"b": {}}}}}, "b", None),
        ({"allOf": [{"properties": {"a": {"properties": {"x": {}}}}}, {"properties": {"a": {}}}]}, "a.x", None),
        ({"additionalProperties": True}, "a.b", None),
        ({"additionalProperties": False}, "a", "a"),
        ({"patternProperties": {}}, "a", None),
        ({"items": {"properties": {"a": {}}}}, "a", "a"),
    ],
)
def test_the_first_name_that_no_value_can_have_is_missing(schema, path, missing):
    paths = SchemaPaths(schema)
    assert paths.missing(path.split(".")) == missing
    assert paths.missing(path.split(".")) == missing


@pytest.mark.parametrize(
    ("divisor", "value", "fits"),
    [
        ("0.01", "19.99", True),
        ("0.01", "19.995", False),
        ("0.1", "0.30", True),
        ("0.3", "-0.9", True),
        ("3", "9" * 1000, True),
        ("1e-300", "1e300", True),
        ("1", "1e99999999999999999999", False),  # nobody divides that
        ("2", "true", True),  # it is no number
    ],
)
def test_what_is_a_multiple_is_told_from_literals_and_not_from_floats(divisor, value, fits):
    schema = normalise_schema({"multipleOf": loads(divisor)})
    assert check_schema(schema) == ([], [])
    assert (violation(schema, loads(value)) == "") is fits
