"""The schemas for editors: every template that is valid passes, and what an editor can catch is caught."""

import copy
import json
from pathlib import Path

import attrs
import jsonschema
import pytest

from runtime.runner import Runners
from runtime.templates.editor import function_schema, template_schema
from runtime.templates.functions import load_functions
from runtime.templates.model import Action, Assertion, Condition, Function, Input, Output, Step, Template, Variable
from runtime.templates.validation import check_file
from runtime.templates.yaml import read_yaml
from tests.runtime.templates.helpers import TYPES
from tests.runtime.templates.test_fixtures import FIXTURES, REFUSED, TEMPLATES, WARNED

UNREAD = {
    **WARNED,
    "execScript.yaml": ["timeout_seconds"],
    "execScriptWithEnvironment.yaml": ["timeout_seconds"],
}
"""Keys that nobody reads, of which `understudy validate` warns."""

TEMPLATE = json.loads(json.dumps(template_schema(Runners())))
FUNCTION = json.loads(json.dumps(function_schema(Runners())))
TEMPLATES_CHECK = jsonschema.Draft7Validator(TEMPLATE)
FUNCTIONS_CHECK = jsonschema.Draft7Validator(FUNCTION)


def faults(check, document):
    return [f"{error.json_path}: {error.message[:200]}" for error in check.iter_errors(document)]


def data(path: Path):
    return json.loads(json.dumps(read_yaml(path).data, default=float))


def test_they_are_schemas():
    jsonschema.Draft7Validator.check_schema(TEMPLATE)
    jsonschema.Draft7Validator.check_schema(FUNCTION)


@pytest.mark.parametrize("path", [path for path in TEMPLATES if path.name not in REFUSED], ids=lambda path: path.name)
def test_every_template_that_is_valid_passes(path):
    check_file(path, TYPES)
    found = faults(TEMPLATES_CHECK, data(path))
    assert len(found) == len(UNREAD.get(path.name, []))


@pytest.mark.parametrize(
    "path", sorted((FIXTURES / "engine/functions_tests").glob("*.yaml")), ids=lambda path: path.name
)
def test_every_function_passes(path):
    load_functions(path.parent, Runners())
    assert faults(FUNCTIONS_CHECK, data(path)) == []


BASE = {
    "name": "base",
    "description": "base",
    "title_format": "base",
    "steps": {"a": {"action": {"type": "echo", "configuration": {"output": {"x": 1}}}}},
}


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.pop("title_format"),
        lambda t: t.update(titel="x"),
        lambda t: t["steps"]["a"].update(dependancies=[]),
        lambda t: t["steps"]["a"].update(retry_pattern="days"),
        lambda t: t["steps"]["a"].update(max_retries="many"),
        lambda t: t["steps"]["a"].update(state="DONE"),
        lambda t: t["steps"]["a"].pop("action"),
        lambda t: t["steps"]["a"]["action"]["configuration"].update(outptu=1),
        lambda t: t["steps"]["a"]["action"].update(output={"strategy": "mix"}),
        lambda t: t["steps"]["a"].update(conditions=[{"type": "later"}]),
        lambda t: t["steps"]["a"].update(conditions=[{"type": "skip", "if": [{"value": "x", "operator": "LIKE"}]}]),
        lambda t: t.update(inputs=[{"name": "x", "type": "date"}]),
        lambda t: t.update(auto_runnable="yes"),
    ],
)
def test_what_an_editor_can_catch_is_caught(change):
    document = copy.deepcopy(BASE)
    assert faults(TEMPLATES_CHECK, document) == []
    change(document)
    assert faults(TEMPLATES_CHECK, document)


@pytest.mark.parametrize("kind", ["tag", "callback", "batch", "cache", "ssh"])
def test_actions_that_the_originals_schemas_refused_or_did_not_know_pass(kind):
    """Q77: they lag behind the engine."""
    configurations = {
        "tag": {"tags": {"x": "{{.input.y}}", "gone": None}},
        "callback": {"action": "create", "schema": "{}"},
        "batch": {"template_name": "x", "inputs": [{"a": 1}], "sub_batch_size": "5"},
        "cache": {"action": "set", "key": "k", "value": {"any": 1}, "ttl": "60"},
        "ssh": {"user": "u", "target": "t", "ssh_key": "{{.config.key}}", "result": {"a": "$A"}},
    }
    document = {**BASE, "steps": {"a": {"action": {"type": kind, "configuration": configurations[kind]}}}}
    assert faults(TEMPLATES_CHECK, document) == []


def test_every_field_of_the_model_is_there_and_every_key_of_the_originals_schema():
    parts = TEMPLATE["definitions"]
    for cls in (Action, Assertion, Condition, Input, Output, Step, Variable):
        fields = {field.name.rstrip("_") for field in attrs.fields(cls)} - {"call"}
        assert fields <= parts[cls.__name__]["properties"].keys()
    assert {field.name for field in attrs.fields(Template)} - {"functions"} <= TEMPLATE["properties"].keys()
    assert {field.name for field in attrs.fields(Function)} <= FUNCTION["properties"].keys()
    original = json.loads((FIXTURES / "hack/template-schema.json").read_text())
    assert original["properties"].keys() <= TEMPLATE["properties"].keys()
    for name in ("Step", "Condition", "Input", "Variable"):
        assert original["definitions"][name]["properties"].keys() <= parts[name]["properties"].keys()
