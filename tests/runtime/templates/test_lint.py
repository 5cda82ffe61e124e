import pytest

from runtime.runner import Checked
from runtime.templates.actions import ActionType
from tests.runtime.templates.helpers import KnownTypes, document, faults, step, warnings

SCHEMA = {
    "definitions": {"person": {"properties": {"name": {"type": "string"}, "friend": {"$ref": "#/definitions/person"}}}},
    "properties": {
        "who": {"$ref": "#/definitions/person"},
        "either": {"anyOf": [{"properties": {"a": {}}}, {"properties": {"b": True}}]},
        "open": {"additionalProperties": {"type": "string"}},
        "elsewhere": {"$ref": "http://json-schema.org/draft-07/schema#"},
    },
    "if": {"properties": {"maybe": {}}},
}
TYPES = KnownTypes(
    {
        "described": ActionType(
            check=lambda _, __: Checked(), metadata_schema={"properties": {"status": {"type": "integer"}}}
        )
    }
)


def template(text):
    return document(
        inputs=[{"name": "language"}],
        resolver_inputs=[{"name": "approval"}],
        variables=[{"name": "known", "value": 1}],
        steps={
            "getTime": step(json_schema=SCHEMA),
            "free": step(),
            "described": step(action={"type": "described"}),
            "last": step(action={"type": "echo", "configuration": {"output": [text]}}),
        },
    )


PATH = "steps.last.action.configuration.output[0]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{.step.getTiem.output}}", "Wrong step key: getTiem"),
        ("{{.step.getTiem}}", "Wrong step key: getTiem"),
        ("{{if true}}{{.step.gone.metadata.x}}{{end}}", "Wrong step key: gone"),
        ("{{.step.free.output.x}} {{.step.gone}}", "Wrong step key: gone"),
        ("{{.input.langage}}", "Wrong input key: langage"),
        ("{{range .input.list}}{{.}}{{end}}", "Wrong input key: list"),
        ("{{.resolver_input.language}}", "Wrong resolver_input key: language"),
        ("{{.task.owner}}", "Wrong task key: owner"),
        ("{{.step.getTime.output.name}}", "Variable name does not exist"),
        ("{{.step.getTime.output.who.age}}", "Variable age does not exist"),
        ("{{.step.getTime.output.who.friend.friend.gone.name}}", "Variable gone does not exist"),
        ("{{.step.getTime.output.either.c}}", "Variable c does not exist"),
        ("{{.step.described.metadata.code}}", "Variable code does not exist"),
    ],
)
def test_a_handle_that_leads_nowhere_is_a_fault(text, message):
    assert faults(template(text), TYPES) == [(PATH, message)]


@pytest.mark.parametrize(
    "text",
    [
        "{{.step.getTime}}",
        "{{.step.this.output.whatever}}",
        "{{.step.free.output.what.ever}}",
        "{{.step.getTime.output}}",
        "{{.step.getTime.output.who.friend.friend.name}}",
        "{{.step.getTime.output.either.a}}{{.step.getTime.output.either.b}}",
        "{{.step.getTime.output.open.anything}}",
        "{{.step.getTime.output.elsewhere.any.thing}}",
        "{{.step.getTime.output.maybe}}",
        "{{.step.getTime.metadata.x}}",
        "{{.step.described.metadata.status}}",
        "{{.step.free.children}}{{.step.free.error}}{{.step.free.state}}{{.step.free.try_count}}",
        "{{.input.language}}{{.resolver_input.approval}}{{eval `known`}}",
        "{{.task.last_activity}}{{.task.resolver_groups}}{{.task.task_id}}",
        "{{.config.a.b}}{{.iterator.x}}{{.pre_hook.output}}{{.function_args.x}}{{.var.x}}",
        '{{field "step" "my-step" "output"}}',
        "{{range .input.language}}{{.step.gone}}{{end}}",
        "{{/* .step.gone */}}",
        "{{`{{.step.gone}}`}}",
        ".step.gone",
    ],
)
def test_a_handle_that_may_lead_somewhere_is_fine(text):
    assert faults(template(text), TYPES) == []
    assert warnings(template(text), TYPES) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{.steps.free}}", "unknown name .steps"),
        ("{{.step.free.outputs}}", "a step has no outputs"),
        ("{{eval `unknown`}}", 'no variable with that name: "unknown"'),
        ("{{.step.my-step.output}}", "not a template: a name with - in it cannot be reached by dots: use field"),
        ("{{if .input.language", "not a template: an action is not closed: }} is missing"),
    ],
)
def test_what_only_fails_when_it_is_used_is_a_warning(text, message):
    found = warnings(template(text), TYPES)
    assert (PATH, message) in found


BAD = "{{.step.gone}}"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"title_format": BAD}, "title_format"),
        ({"result_format": {"a": {"b": BAD}}}, "result_format.a.b"),
        ({"tags": {"a": BAD}}, "tags.a"),
        ({"variables": [{"name": "x", "value": BAD}]}, "variables[0].value"),
        ({"variables": [{"name": "x", "expression": BAD}]}, "variables[0].expression"),
        ({"base_configurations": {"b": {"c": [BAD]}}}, "base_configurations.b.c[0]"),
        ({"steps": {"a": step(foreach=BAD)}}, "steps.a.foreach"),
        ({"steps": {"a": step(action={"type": "echo", "configuration": BAD})}}, "steps.a.action.configuration"),
        (
            {"steps": {"a": step(action={"type": "echo", "base_output": {"x": BAD}})}},
            "steps.a.action.output.format.x",
        ),
        (
            {"steps": {"a": step(pre_hook={"type": "echo", "configuration": [BAD]})}},
            "steps.a.pre_hook.configuration[0]",
        ),
        (
            {"steps": {"a": step(conditions=[{"type": "skip", "if": [{"value": BAD, "operator": "EQ"}]}])}},
            "steps.a.conditions[0].if[0].value",
        ),
        (
            {"steps": {"a": step(conditions=[{"type": "skip", "if": [{"expected": BAD, "operator": "EQ"}]}])}},
            "steps.a.conditions[0].if[0].expected",
        ),
        ({"steps": {"a": step(conditions=[{"type": "skip", "message": BAD}])}}, "steps.a.conditions[0].message"),
    ],
)
def test_every_text_that_is_rendered_is_looked_at(fields, path):
    assert faults(document(**fields)) == [(path, "Wrong step key: gone")]


def test_texts_that_are_not_rendered_are_left_alone():
    data = document(
        description=BAD,
        long_description=BAD,
        inputs=[{"name": "x", "description": BAD, "default": BAD}],
        steps={"a": step(description=BAD, json_schema={"title": BAD})},
    )
    assert faults(data) == []
    assert warnings(data) == []


def test_a_key_of_the_result_is_rendered_too():
    assert faults(document(result_format={BAD: 1})) == [('result_format["{{.step.gone}}"]', "Wrong step key: gone")]
