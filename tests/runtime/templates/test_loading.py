from typing import Any

import attrs
import pytest

from runtime.errors import TemplateInvalid
from runtime.templates.loading import RUN_FIELDS, draft_of_file, template_of
from runtime.templates.model import (
    Action,
    Assertion,
    Condition,
    ConditionScope,
    ConditionType,
    ForeachStrategy,
    Input,
    InputType,
    Operator,
    Output,
    OutputStrategy,
    RetryPattern,
    Step,
    Template,
    Variable,
)
from tests.runtime.templates.helpers import document, pairs, step, with_step


def faults(data, *, strict=False):
    try:
        template_of(data, strict=strict)
    except TemplateInvalid as refusal:
        return pairs(refusal.faults)
    return []


def test_every_field_of_the_model_is_read():
    loaded = template_of(
        {
            "name": " My Template ",
            "description": "d",
            "title_format": "t",
            "long_description": "l",
            "doc_link": "k",
            "result_format": {"a": "b", "c": [1]},
            "allowed_resolver_usernames": ["u"],
            "allowed_resolver_groups": ["g"],
            "allow_all_resolver_usernames": True,
            "auto_runnable": True,
            "blocked": True,
            "hidden": True,
            "retry_max": 5,
            "allow_task_start_over": True,
            "tags": {"x": "y"},
            "inputs": [
                {
                    "name": "n",
                    "description": "d",
                    "type": "number",
                    "regex": "r",
                    "legal_values": [1, "2"],
                    "collection": True,
                    "optional": True,
                    "default": [1],
                    "hidden": True,
                }
            ],
            "resolver_inputs": [{"name": "r"}],
            "variables": [
                {"name": "v", "value": [1]},
                {"name": "w", "expression": "1", "expression_timeout": "3s"},
            ],
            "base_configurations": {"b": {"c": 1}, "empty": None},
            "steps": {
                "one": {
                    "name": "one",
                    "description": "d",
                    "idempotent": True,
                    "action": {
                        "type": "echo",
                        "configuration": {"a": 1},
                        "base_configuration": "b",
                        "output": {"strategy": "template", "format": [1]},
                    },
                    "pre_hook": {"type": "echo", "base_output": {"a": 1}, "output": {"strategy": "none"}},
                    "json_schema": {"type": "object"},
                    "retry_pattern": "hours",
                    "max_retries": -1,
                    "execution_delay": "1m30s",
                    "dependencies": ["two:ANY"],
                    "custom_states": ["A"],
                    "conditions": [
                        {
                            "type": "skip",
                            "if": [
                                {
                                    "value": "v",
                                    "operator": "notin",
                                    "expected": "e",
                                    "list_separator": ";",
                                    "message": "m",
                                }
                            ],
                            "then": {"this": "DONE"},
                            "final": True,
                            "foreach": "parent",
                            "message": "n",
                        }
                    ],
                    "foreach": "[]",
                    "foreach_strategy": "sequence",
                    "resources": ["r"],
                }
            },
        }
    )
    assertion = Assertion(value="v", operator=Operator.NOTIN, expected="e", list_separator=";", message="m")
    condition = Condition(
        type=ConditionType.SKIP,
        if_=[assertion],
        then={"this": "DONE"},
        final=True,
        foreach=ConditionScope.PARENT,
        message="n",
    )
    one = Step(
        description="d",
        idempotent=True,
        action=Action(
            type="echo",
            configuration={"a": 1},
            base_configuration="b",
            output=Output(strategy=OutputStrategy.TEMPLATE, format=[1]),
        ),
        pre_hook=Action(type="echo", output=Output(strategy=OutputStrategy.MERGE, format={"a": 1})),
        json_schema={"type": "object"},
        retry_pattern=RetryPattern.HOURS,
        max_retries=-1,
        execution_delay=90,
        dependencies=["two:ANY"],
        custom_states=["A"],
        conditions=[condition],
        foreach="[]",
        foreach_strategy=ForeachStrategy.SEQUENCE,
        resources=["r"],
    )
    given = Input(
        name="n",
        description="d",
        type=InputType.NUMBER,
        regex="r",
        legal_values=[1, "2"],
        collection=True,
        optional=True,
        default=[1],
        hidden=True,
    )
    assert loaded.warnings == ()
    assert loaded.template == Template(
        name="my template",
        description="d",
        title_format="t",
        long_description="l",
        doc_link="k",
        result_format={"a": "b", "c": [1]},
        allowed_resolver_usernames=["u"],
        allowed_resolver_groups=["g"],
        allow_all_resolver_usernames=True,
        auto_runnable=True,
        blocked=True,
        hidden=True,
        retry_max=5,
        allow_task_start_over=True,
        tags={"x": "y"},
        inputs=[given],
        resolver_inputs=[Input(name="r")],
        variables=[Variable(name="v", value=[1]), Variable(name="w", expression="1", expression_timeout="3s")],
        base_configurations={"b": {"c": 1}, "empty": {}},
        steps={"one": one},
    )


def test_null_is_the_same_as_absent_everywhere():
    keys = [field.name.removesuffix("_") for field in attrs.fields(Step) if field.name != "action"]
    nulls = dict.fromkeys(keys)
    plain = template_of(document(steps={"one": step()})).template
    assert template_of(document(steps={"one": {**nulls, "action": {"type": "echo", "output": None}}})).template == plain
    roots = {field.name for field in attrs.fields(Template)} - {"name", "description", "title_format"}
    assert template_of(document(**dict.fromkeys(roots))).template == template_of(document()).template


@pytest.mark.parametrize(
    ("value", "text"), [(404, "404"), (True, "true"), (False, "false"), (-1.5, "-1.5"), ("yes", "yes")]
)
def test_where_text_is_wanted_a_number_or_a_boolean_becomes_its_text(value, text):
    condition = {
        "type": "check",
        "if": [{"value": value, "operator": "EQ", "expected": value}],
        "then": {"this": value},
    }
    loaded = template_of(
        document(tags={"a": value}, steps={"one": step(conditions=[condition], custom_states=[value])})
    )
    (read,) = loaded.template.steps["one"].conditions
    assert (read.if_[0].value, read.if_[0].expected, read.then) == (text, text, {"this": text})
    assert loaded.template.steps["one"].custom_states == (text,)
    assert loaded.template.tags == {"a": text}


def test_a_number_keeps_its_literal_as_text_and_as_value(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text("name: 1.50\ndescription: abc\ntitle_format: 1e3\nvariables: [{name: x, value: 1.50}]\n")
    template = draft_of_file(path).template
    assert (template.name, template.title_format, str(template.variables[0].value)) == ("1.50", "1e3", "1.50")


@pytest.mark.parametrize(
    ("delay", "seconds"), [(0, 0), (1_500_000_000, 1.5), ("1.5s", 1.5), ("300ms", 0.3), ("", 0), (2e9, 2), ("0", 0)]
)
def test_a_delay_is_nanoseconds_or_a_text(delay, seconds):
    assert template_of(with_step(execution_delay=delay)).template.steps["one"].execution_delay == seconds


@pytest.mark.parametrize(("whole", "number"), [(3, 3), (5.0, 5), (1e3, 1000), (-1, -1), (None, 0)])
def test_a_whole_number_may_be_written_with_a_fraction_of_nothing(whole, number):
    assert template_of(with_step(max_retries=whole)).template.steps["one"].max_retries == number


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        (document(name=None), "name", "required, and missing"),
        (document(description=None), "description", "required, and missing"),
        (document(title_format={}), "title_format", "must be text, not an object"),
        (document(long_description=[]), "long_description", "must be text, not a list"),
        (document(result_format="x"), "result_format", 'must be an object, not "x"'),
        (document(blocked="true"), "blocked", 'must be true or false, not "true"'),
        (document(hidden=1), "hidden", "must be true or false, not 1"),
        (document(retry_max="3"), "retry_max", 'must be a whole number, not "3"'),
        (document(retry_max=1.5), "retry_max", "must be a whole number, not 1.5"),
        (document(retry_max=True), "retry_max", "must be a whole number, not true"),
        (document(retry_max=1 << 63), "retry_max", "9223372036854775808 is too large a number"),
        (document(allowed_resolver_groups="g"), "allowed_resolver_groups", 'must be a list, not "g"'),
        (document(allowed_resolver_groups=["g", []]), "allowed_resolver_groups[1]", "must be text, not a list"),
        (document(tags={"a b": {}}), 'tags["a b"]', "must be text, not an object"),
        (document(inputs={}), "inputs", "must be a list, not an object"),
        (document(inputs=["x"]), "inputs[0]", 'must be an object, not "x"'),
        (document(inputs=[{"type": "date"}]), "inputs[0].type", 'invalid input type: "date"'),
        (document(inputs=[{"legal_values": "x"}]), "inputs[0].legal_values", 'must be a list, not "x"'),
        (document(variables=[3]), "variables[0]", "must be an object, not 3"),
        (document(base_configurations={"b": 1}), "base_configurations.b", "must be an object, not 1"),
        (document(steps=[]), "steps", "must be an object, not a list"),
        (document(steps={"a.b": 5}), 'steps["a.b"]', "must be an object, not 5"),
        (document(steps={"a": {}}), "steps.a.action", "required, and missing"),
        (with_step(action="echo"), "steps.one.action", 'must be an object, not "echo"'),
        (with_step(pre_hook=[]), "steps.one.pre_hook", "must be an object, not a list"),
        (
            with_step(action={"type": "echo", "output": {"strategy": "mix"}}),
            "steps.one.action.output.strategy",
            'Invalid output strategy: "mix"',
        ),
        (with_step(json_schema=True), "steps.one.json_schema", "must be an object, not true"),
        (with_step(retry_pattern="days"), "steps.one.retry_pattern", 'Invalid retry pattern: "days"'),
        (with_step(execution_delay="soon"), "steps.one.execution_delay", 'time: invalid duration "soon"'),
        (with_step(execution_delay=0.5), "steps.one.execution_delay", "must be a whole number, not 0.5"),
        (with_step(dependencies="two"), "steps.one.dependencies", 'must be a list, not "two"'),
        (with_step(foreach=[1]), "steps.one.foreach", "must be text, not a list"),
        (with_step(foreach_strategy="x"), "steps.one.foreach_strategy", 'Unknown foreach strategy: "x"'),
        (with_step(conditions=[{}]), "steps.one.conditions[0].type", 'Unknown condition type: ""'),
        (with_step(conditions=[{"type": "x"}]), "steps.one.conditions[0].type", 'Unknown condition type: "x"'),
        (
            with_step(conditions=[{"type": "skip", "foreach": "x"}]),
            "steps.one.conditions[0].foreach",
            'Unknown condition foreach: "x"',
        ),
        (
            with_step(conditions=[{"type": "skip", "if": [{"operator": "LIKE"}]}]),
            "steps.one.conditions[0].if[0].operator",
            'Unknown condition operator: "LIKE"',
        ),
        (
            with_step(conditions=[{"type": "skip", "then": ["this"]}]),
            "steps.one.conditions[0].then",
            "must be an object, not a list",
        ),
        ({1: 2}, "", "the key 1 is not text"),
        ({"name": {"a": [object()]}}, "name.a[0]", "a value of type object is not JSON"),
        ({"name": float("nan")}, "name", "nan is not JSON"),
        ([], "", "a template is an object, not a list"),
        ("name", "", 'a template is an object, not "name"'),
        (None, "", "a template is an object, not null"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_of_the_wrong_type_is_a_fault_with_its_path(data, path, message):
    ((where, problem),) = faults(data)
    assert where == path
    assert message in problem


@pytest.mark.parametrize("field", RUN_FIELDS)
def test_what_belongs_to_a_running_step_is_refused_by_name(field):
    assert faults(with_step(**{field: "x"})) == [(f"steps.one.{field}", f"Step {field} must not be set")]
    empties: tuple[Any, ...] = (None, "", [], {}, 0)
    for empty in empties:
        assert faults(with_step(**{field: empty})) == []


def test_all_faults_are_found_at_once_in_document_order():
    data = {"steps": {"a": step(max_retries=[]), "b": {}}, "blocked": 3, "description": "d", "title_format": "t"}
    assert [path for path, _ in faults(data)] == ["name", "steps.a.max_retries", "steps.b.action", "blocked"]


def test_an_unknown_key_is_a_warning_with_the_nearest_known_key():
    data = document(alowed_resolver_groups=[], steps={"a": {"dependency": [], "action": {"type": "echo", "x": 1}}})
    assert [str(warning) for warning in template_of(data).warnings] == [
        'alowed_resolver_groups: unknown key "alowed_resolver_groups", ignored (did you mean "allowed_resolver_groups"?)',
        'steps.a.dependency: unknown key "dependency", ignored (did you mean "dependencies"?)',
        'steps.a.action.x: unknown key "x", ignored',
    ]


def test_strictly_an_unknown_key_is_a_fault():
    assert faults(document(color="red"), strict=True) == [("color", 'unknown key "color", ignored')]


def test_what_has_no_effect_is_a_warning():
    data = with_step(name="two", action={"type": "echo", "output": {"format": {}}})
    assert pairs(template_of(data).warnings) == [
        ("steps.one.action.output.format", "without effect: the strategy is none"),
        ("steps.one.name", "ignored: a step is called by its key"),
    ]


def test_faults_and_warnings_name_their_lines(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text("name: abc\ndescription: abc\nsteps:\n  a:\n    action: {type: echo}\n    max_retries: x\n")
    with pytest.raises(TemplateInvalid) as refusal:
        draft_of_file(path).verdict(strict=False)
    assert [str(fault) for fault in refusal.value.faults] == [
        "title_format: required, and missing",
        'steps.a.max_retries: must be a whole number, not "x" (line 6)',
    ]


def test_a_file_that_holds_no_template_is_refused_by_its_name(tmp_path):
    path = tmp_path / "t.yaml"
    for content, problem in [("- a", "a template is an object, not a list"), ("a: [", "not YAML"), ("", "is empty")]:
        path.write_text(content)
        with pytest.raises(TemplateInvalid, match=problem) as refusal:
            draft_of_file(path).verdict(strict=False)
        assert refusal.value.source == str(path)
    for name in (str(tmp_path / "none"), str(tmp_path), "a\0b", "\ud800", ""):
        with pytest.raises(TemplateInvalid) as refusal:
            draft_of_file(name).verdict(strict=False)
        str(refusal.value).encode()


def test_thousands_of_faults_cost_little_and_are_counted():
    data = document(steps={f"s{number}": {"action": 1} for number in range(5000)})
    with pytest.raises(TemplateInvalid) as refusal:
        template_of(data)
    assert len(refusal.value.faults) == 1001
    assert refusal.value.faults[-1].message == "and 4000 more"
