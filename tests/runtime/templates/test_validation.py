from typing import Any

import attrs
import pytest

from runners.echo import Echo
from runtime.errors import Fault, TemplateInvalid
from runtime.runner import Checked, Runner, Runners
from runtime.templates.actions import ActionType
from runtime.templates.model import Action, ConditionScope, ForeachStrategy, Step, Template
from runtime.templates.validation import check_data, check_file, validate
from tests.runtime.templates.helpers import (
    TYPES,
    KnownTypes,
    checked,
    document,
    faults,
    pairs,
    step,
    warnings,
    with_step,
)


def only(section: str, /, **fields: Any) -> dict[str, Any]:
    return document(**{section: [fields]})


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        (document(name="ab"), "name", "must have at least 3 bytes, not 2"),
        (document(name="  ab "), "name", "must have at least 3 bytes, not 2"),
        (document(description="x" * 1001), "description", "must have at most 1000 bytes, not 1001"),
        (document(title_format="é" * 501), "title_format", "must have at most 1000 bytes, not 1002"),
        (document(long_description="ab"), "long_description", "must have at least 3 bytes, not 2"),
        (document(long_description="x" * 100_001), "long_description", "must have at most 100000 bytes, not 100001"),
        (document(doc_link=""), "doc_link", "must have at least 3 bytes, not 0"),
        (
            document(tags={"_utask_parent_task_id": "x"}),
            "tags._utask_parent_task_id",
            "the tag _utask_parent_task_id is reserved",
        ),
        (
            document(auto_runnable=True, resolver_inputs=[{"name": "x"}]),
            "auto_runnable",
            "auto_runnable is not allowed with resolver_inputs",
        ),
        (
            document(allow_all_resolver_usernames=True),
            "allow_all_resolver_usernames",
            "allow_all_resolver_usernames is only allowed with auto_runnable",
        ),
        (
            only("inputs", name="x", regex="a", legal_values=["a"]),
            "inputs[0].regex",
            "regex and legal_values cannot both be configured",
        ),
        (only("inputs", name="x", regex="("), "inputs[0].regex", "invalid regex: missing ): ("),
        (only("resolver_inputs", name="x", regex="a**"), "resolver_inputs[0].regex", "invalid regex: bad repetition"),
        (
            only("inputs", name="x", legal_values=["a", 1]),
            "inputs[0].legal_values[1]",
            "wrong type for a legal value: must be text, not 1",
        ),
        (
            only("inputs", name="x", type="number", legal_values=[True]),
            "inputs[0].legal_values[0]",
            "wrong type for a legal value: must be a number, not true",
        ),
        (only("inputs", name="x", type="bool", default="a"), "inputs[0].default", "must be true or false"),
        (only("inputs", name="x", default="b", regex="^a"), "inputs[0].default", 'does not match the regex "^a"'),
        (only("inputs", name="x", default='"'), "inputs[0].default", 'a double quote (") is not allowed'),
        (
            only("inputs", name="x", default="b", legal_values=["a"]),
            "inputs[0].default",
            '"b" is not one of the legal values: "a"',
        ),
        (only("inputs", name="x", collection=True, default="b"), "inputs[0].default", 'must be a list, not "b"'),
        (only("inputs", name="x", collection=True, default=["b", 1]), "inputs[0].default[1]", "must be text, not 1"),
        (only("variables", value=1), "variables[0].name", "variable name can't be empty"),
        (only("variables", name="x"), "variables[0]", "expression and value can't be empty at the same time"),
        (
            only("variables", name="x", value=0, expression="1"),
            "variables[0]",
            "expression and value can't be used at the same time",
        ),
        (
            only("variables", name="x", value=1, expression_timeout="3s"),
            "variables[0].expression_timeout",
            "expression timeout cannot be defined when value is defined",
        ),
        (
            only("variables", name="x", expression="1", expression_timeout="foo"),
            "variables[0].expression_timeout",
            'invalid duration "foo"',
        ),
        (document(steps={"this": step()}), "steps.this", "'this' step name is reserved"),
        (with_step(action={}), "steps.one.action.type", "Invalid executor action: required, and missing"),
        (
            with_step(action={"type": "ehco"}),
            "steps.one.action.type",
            'Invalid executor action: no runner called "ehco"',
        ),
        (with_step(pre_hook={"type": "x"}), "steps.one.pre_hook.type", 'no runner called "x"'),
        (
            with_step(action={"type": "echo", "base_configuration": "b"}),
            "steps.one.action.base_configuration",
            'Invalid executor action: no base configuration with that name: "b"',
        ),
        (with_step(foreach_strategy="sequence"), "steps.one.foreach_strategy", "foreach_strategy is set, but foreach"),
        (with_step(execution_delay=-1), "steps.one.execution_delay", "-1e-09s is not between 0s and 20s"),
        (with_step(execution_delay="21s"), "steps.one.execution_delay", "Invalid execution delay: 21s is not between"),
        (
            with_step(custom_states=["A", "SERVER_ERROR"]),
            "steps.one.custom_states[1]",
            'Custom state "SERVER_ERROR" is not allowed as it\'s a reserved state',
        ),
        (with_step(custom_states=["ANY"]), "steps.one.custom_states[0]", 'Custom state "ANY" is not allowed'),
        (
            with_step(json_schema={"type": "objekt"}),
            "steps.one.json_schema.type",
            "invalid json_schema: 'objekt' is not valid under any of the given schemas",
        ),
        (
            with_step(json_schema={"properties": {"a": {"pattern": "("}}}),
            "steps.one.json_schema.properties.a.pattern",
            "invalid json_schema: invalid regex: missing ): (",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_rule_of_a_template_names_what_breaks_it(data, path, message):
    ((where, problem),) = faults(data)
    assert where == path
    assert message in problem


@pytest.mark.parametrize(
    "data",
    [
        document(),
        document(name=" ABC "),
        document(doc_link="not a url"),
        document(auto_runnable=True, allow_all_resolver_usernames=True),
        document(inputs=[{"name": "x", "collection": True, "default": ["a", "b"]}]),
        document(inputs=[{"name": "x", "type": "string", "optional": True, "default": ""}]),
        document(inputs=[{"name": "x", "type": "number", "legal_values": [1, 2.5], "default": 2.5}]),
        document(inputs=[{"name": "x", "type": "password", "regex": "^.{8}", "default": "12345678"}]),
        document(
            variables=[{"name": "x", "value": False}, {"name": "y", "expression": "1", "expression_timeout": "0"}]
        ),
        with_step(execution_delay="20s"),
        with_step(foreach="[]", foreach_strategy="sequence"),
        with_step(custom_states=["NOT_FOUND"]),
        document(base_configurations={"b": {}}, steps={"a": step(action={"type": "echo", "base_configuration": "b"})}),
    ],
)
def test_what_keeps_the_rules_is_valid(data):
    assert faults(data) == []


def steps_of(**steps: Any) -> dict[str, Any]:
    return document(steps=steps)


def two(dependency: Any, **target: Any) -> dict[str, Any]:
    dependencies = dependency if isinstance(dependency, list) else [dependency]
    return steps_of(one=step(custom_states=["NOT_FOUND", "OK"], **target), two=step(dependencies=dependencies))


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        (two("oen"), "steps.two.dependencies[0]", 'Invalid dependency, no step with that name: "oen"'),
        (two("this"), "steps.two.dependencies[0]", 'Invalid dependency, no step with that name: "this"'),
        (two(" one"), "steps.two.dependencies[0]", 'no step with that name: " one"'),
        (
            two(["one", "one:OK"]),
            "steps.two.dependencies[1]",
            'Invalid dependency, step "one" is listed more than once',
        ),
        (two("one:OK,DONE,OK"), "steps.two.dependencies[0]", "Invalid dependency, duplicated state detected"),
        (
            two("one:ANY,OK"),
            "steps.two.dependencies[0]",
            "Invalid dependency, no other state allowed if ANY is declared",
        ),
        (two("one:"), "steps.two.dependencies[0]", 'Invalid dependency on step one, step state not allowed: ""'),
        (two("one:OK, DONE"), "steps.two.dependencies[0]", 'step state not allowed: " DONE"'),
        (two("one:PRUNE"), "steps.two.dependencies[0]", 'step state not allowed: "PRUNE"'),
        (two("one:OK:DONE"), "steps.two.dependencies[0]", 'step state not allowed: "OK:DONE"'),
        (steps_of(a=step(dependencies=["a"])), "steps.a.dependencies[0]", "Invalid: circular dependency [a] <-> a"),
        (
            steps_of(z=step(), c=step(dependencies=["z", "b"]), b=step(dependencies=["c:ANY"])),
            "steps.c.dependencies[1]",
            "Invalid: circular dependency [b c] <-> b",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_rule_of_dependencies_names_what_breaks_it(data, path, message):
    ((where, problem),) = faults(data)
    assert where == path
    assert message in problem


@pytest.mark.parametrize("dependency", ["one", "one:DONE", "one:ANY", "one:NOT_FOUND", "one:DONE,NOT_FOUND,OK", []])
def test_a_dependency_names_done_any_or_the_targets_own_states(dependency):
    assert faults(two(dependency)) == []


def test_states_of_the_action_type_count_as_the_steps_own():
    types = KnownTypes({"special": ActionType(check=lambda _, __: Checked(), custom_states=("HELLO",))})
    data = two("one:HELLO", action={"type": "special"})
    assert faults(data, types) == []
    assert faults(two("one:HELLO")) == [
        ("steps.two.dependencies[0]", 'Invalid dependency on step one, step state not allowed: "HELLO"')
    ]


def test_separate_cycles_are_separate_faults():
    data = steps_of(
        a=step(dependencies=["b"]), b=step(dependencies=["a"]), c=step(dependencies=["c"]), d=step(dependencies=["a"])
    )
    assert faults(data) == [
        ("steps.a.dependencies[0]", "Invalid: circular dependency [a b] <-> b"),
        ("steps.c.dependencies[0]", "Invalid: circular dependency [c] <-> c"),
    ]


def test_a_long_cycle_is_named_in_short():
    data = steps_of(**{f"s{number:04}": step(dependencies=[f"s{(number + 1) % 5000:04}"]) for number in range(5000)})
    ((_, message),) = faults(data)
    assert message.endswith("s0018 s0019 … and 4980 more] <-> s0001")


def test_a_chain_of_thousands_of_steps_is_valid():
    names = [f"s{number}" for number in range(5000)]
    links = zip(names, [[], *([name] for name in names)], strict=False)
    assert faults(steps_of(**{name: step(dependencies=needs) for name, needs in links})) == []


def conditional(then: Any, **condition: Any) -> dict[str, Any]:
    """Steps before <- one <- after, and apart; the condition is one's."""
    return steps_of(
        before=step(custom_states=["B"]),
        one=step(
            dependencies=["before"], custom_states=["O"], conditions=[{"type": "check", "then": then, **condition}]
        ),
        middle=step(dependencies=["one"]),
        after=step(dependencies=["middle"]),
        apart=step(),
    )


PATH = "steps.one.conditions[0]"


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        (conditional({"gone": "DONE"}), f"{PATH}.then.gone", 'no step with that name: "gone"'),
        (conditional({"one": "DONE"}), f"{PATH}.then.one", 'Step condition names its own step "one"'),
        (conditional({"apart": "DONE"}), f"{PATH}.then.apart", "cannot impact the state of step apart"),
        (conditional({"this": "RUNNING"}), f"{PATH}.then.this", 'invalid state for step one: "RUNNING"'),
        (conditional({"this": "SERVER_ERROR"}), f"{PATH}.then.this", 'invalid state for step one: "SERVER_ERROR"'),
        (conditional({"this": "B"}), f"{PATH}.then.this", 'invalid state for step one: "B"'),
        (conditional({"before": "O"}), f"{PATH}.then.before", 'invalid state for step before: "O"'),
        (conditional({"this": ""}), f"{PATH}.then.this", 'invalid state for step one: ""'),
        (
            conditional({}, type="skip", foreach="children"),
            f"{PATH}.foreach",
            "Step condition cannot set foreach on a non-foreach step",
        ),
        (
            conditional({}, **{"if": [{"operator": "regexp", "value": "x", "expected": "("}]}),
            f"{PATH}.if[0].expected",
            "invalid regex: missing ): (",
        ),
        (
            conditional({}, **{"if": [{"operator": "NOTREGEXP", "value": "x", "expected": "(?=x)"}]}),
            f"{PATH}.if[0].expected",
            "invalid regex: invalid perl operator: (?=",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_rule_of_conditions_names_what_breaks_it(data, path, message):
    ((where, problem),) = faults(data)
    assert where == path
    assert message in problem


def test_a_condition_may_change_itself_what_it_needs_and_what_needs_it():
    states = ["DONE", "PRUNE", "TO_RETRY", "RETRY_NOW", "FATAL_ERROR", "CLIENT_ERROR"]
    for state in states:
        assert faults(conditional({"this": state, "before": state, "after": state})) == []
    assert faults(conditional({"this": "O", "before": "B"})) == []


def test_a_pattern_that_will_be_rendered_has_to_compile_as_it_is_written():
    assert faults(conditional({}, **{"if": [{"operator": "REGEXP", "value": "x", "expected": "{{.iterator}}"}]})) == []


def test_a_loop_may_be_named_by_the_conditions_of_its_children():
    condition = {"type": "check", "then": {"one": "TO_RETRY"}}
    assert faults(with_step(foreach="[]", conditions=[condition])) == []


def test_foreach_belongs_to_skip_conditions_of_loops():
    data = with_step(foreach="[]", conditions=[{"type": "check", "foreach": "children"}])
    ((path, message),) = faults(data)
    assert path == "steps.one.conditions[0].foreach"
    assert "Step condition can set foreach on a skip condition" in message


def test_what_the_rules_fill_in_is_in_the_template_that_comes_back():
    data = steps_of(
        loop=step(
            foreach="[]",
            conditions=[{"type": "skip"}, {"type": "skip", "foreach": "parent"}, {"type": "check"}],
            json_schema={"version": 6},
        ),
        plain=step(conditions=[{"type": "skip"}]),
    )
    steps = checked(data).template.steps
    assert steps["loop"].foreach_strategy is ForeachStrategy.PARALLEL
    assert [one.foreach for one in steps["loop"].conditions] == [ConditionScope.CHILDREN, ConditionScope.PARENT, None]
    assert steps["loop"].json_schema == {"$schema": "http://json-schema.org/draft-06/schema#"}
    assert steps["plain"].foreach_strategy is None
    assert steps["plain"].conditions[0].foreach is None


@attrs.frozen(kw_only=True)
class NoConfig:
    pass


class Broken(Runner[NoConfig]):
    """A third party's runner whose own check is at fault."""

    name = "broken"
    config = NoConfig

    def check(self, configuration: Any, base: Any = None) -> Checked[NoConfig]:  # noqa: ARG002 - the protocol's
        raise ZeroDivisionError("oops")

    async def run(self, request: Any) -> Any:
        raise NotImplementedError


def test_a_runner_checks_its_configuration_over_the_base():
    runners = Runners([Echo()])
    data = document(
        base_configurations={"b": {"error_type": "severe"}},
        steps={
            "one": step(action={"type": "echo", "base_configuration": "b", "configuration": {"otput": 1}}),
            "two": step(pre_hook={"type": "echo", "configuration": 3}),
        },
    )
    with pytest.raises(TemplateInvalid) as refusal:
        check_data(data, runners)
    (one, two) = refusal.value.faults
    assert one.path == "steps.one.action.configuration.error_type"
    assert two.path == "steps.two.pre_hook.configuration"
    del data["steps"]["two"]
    data["base_configurations"]["b"]["error_type"] = "client"
    assert [warning.path for warning in check_data(data, runners).warnings] == ["steps.one.action.configuration.otput"]


def test_a_runner_that_breaks_while_it_checks_is_a_fault_and_no_more():
    with pytest.raises(TemplateInvalid) as refusal:
        check_data(with_step(action={"type": "broken"}), Runners([Broken()]))
    assert refusal.value.faults == (
        Fault("steps.one.action.configuration", "the broken runner failed to check it: ZeroDivisionError: oops"),
    )


def test_an_unknown_runner_is_named_with_the_nearest():
    with pytest.raises(TemplateInvalid, match=r'did you mean "echo"\?'):
        check_data(with_step(action={"type": "ehco"}), Runners([Echo()]))


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        (document(retry_max=-1), "retry_max", "a negative number of runs blocks every task after its first"),
        (document(inputs=[{"name": "x"}, {"name": "x"}]), "inputs[1].name", 'the name "x" is given twice'),
        (document(resolver_inputs=[{}]), "resolver_inputs[0]", "without a name it cannot be used"),
        (
            document(variables=[{"name": "x", "value": 1}, {"name": "x", "value": 2}]),
            "variables[1].name",
            'the name "x" is given twice',
        ),
        (
            with_step(custom_states=["A,B"]),
            "steps.one.custom_states[0]",
            'no dependency can name the custom state "A,B"',
        ),
        (
            with_step(json_schema={"$schema": "https://json-schema.org/draft/2020-12/schema"}),
            "steps.one.json_schema.$schema",
            'unknown draft "https://json-schema.org/draft/2020-12/schema", read as draft 7',
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_allowed_and_hardly_meant_is_a_warning(data, path, message):
    assert warnings(data) == [(path, message)]
    with pytest.raises(TemplateInvalid) as refusal:
        check_data(data, TYPES, strict=True)
    assert pairs(refusal.value.faults) == [(path, message)]


def test_a_fault_is_not_reported_again_by_what_it_breaks():
    data = document(
        inputs={},
        variables=[{"name": "x", "value": 1, "expression": []}],
        steps={
            "one": 5,
            "two": step(custom_states="A", foreach=[], foreach_strategy="sequence"),
            "three": step(
                dependencies=["one", "two:A"],
                action={"type": [], "configuration": "{{.input.x}}{{.step.one.output.a}}"},
                conditions=[{"type": "skip", "then": {"two": "A"}}],
            ),
        },
    )
    assert [path for path, _ in faults(data)] == [
        "inputs",
        "variables[0].expression",
        "steps.one",
        "steps.two.custom_states",
        "steps.two.foreach",
        "steps.three.action.type",
    ]


def test_faults_of_reading_and_of_meaning_come_together_in_document_order():
    data = document(steps={"one": step(dependencies=["two"]), "three": step(max_retries="x", custom_states=["DONE"])})
    assert [path for path, _ in faults(data)] == [
        "steps.one.dependencies[0]",
        "steps.three.max_retries",
        "steps.three.custom_states[0]",
    ]


def test_a_fault_of_meaning_has_its_line(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(
        "name: abc\ndescription: abc\ntitle_format: abc\nsteps:\n"
        "  getTime: {action: {type: echo}}\n"
        "  sayHello:\n    action: {type: echo}\n    dependencies:\n      - getTiem\n"
    )
    with pytest.raises(TemplateInvalid) as refusal:
        check_file(path, TYPES)
    assert str(refusal.value) == (
        f"invalid task template {path}: steps.sayHello.dependencies[0]: "
        'Invalid dependency, no step with that name: "getTiem" (line 9; did you mean "getTime"?)'
    )


def test_nothing_a_terminal_would_obey_is_in_a_refusal():
    data = steps_of(**{"a\x1b[2Jb\n": step(dependencies=["a\x1b[2Jb\n:X"]), "\u202e": 5})
    with pytest.raises(TemplateInvalid) as refusal:
        checked(data)
    assert all(str(fault).isprintable() for fault in refusal.value.faults)
    assert len(refusal.value.faults) == 3


async def act() -> None:
    pass


def test_a_template_built_in_python_is_made_plain():
    configuration: dict[str, Any] = {"a": (1, {"b": None})}
    template = Template(
        name="test",
        inputs=[],
        steps={
            "one": Step(action=Action(type="echo", configuration=configuration), retry_pattern="hours"),  # type: ignore[arg-type]
            "two": Step(action=act),
        },
    )
    plain = validate(template, TYPES).template
    configuration["a"] = ()
    assert plain.steps["one"].action.configuration == {"a": [1, {"b": None}]}
    assert plain.steps["one"].retry_pattern == "hours"
    assert plain.steps["two"].action.call is act


def test_a_template_built_in_python_of_the_wrong_types_is_refused_with_paths():
    template: Any = Template(
        name="test",
        description=5,  # type: ignore[arg-type]
        tags={1: "x"},  # type: ignore[dict-item]
        steps={
            "a b": Step(
                action=Action(type="echo", configuration={"x": [object()]}),  # type: ignore[list-item]
                dependencies=[4],  # type: ignore[list-item]
                max_retries=True,
                retry_pattern="days",  # type: ignore[arg-type]
                conditions=["x"],  # type: ignore[list-item]
            )
        },
    )
    with pytest.raises(TemplateInvalid) as refusal:
        validate(template, TYPES)
    assert pairs(refusal.value.faults) == [
        ("description", "must be str, not int"),
        ("tags", "the key 1 is not text"),
        ('steps["a b"].action.configuration.x[0]', "a value of type object is not JSON"),
        ('steps["a b"].retry_pattern', '"days" is not one of seconds, minutes, hours'),
        ('steps["a b"].max_retries', "must be int, not bool"),
        ('steps["a b"].dependencies[0]', "must be str, not int"),
        ('steps["a b"].conditions[0]', "must be Condition, not str"),
    ]


def test_a_text_for_a_list_of_texts_is_a_mistake_in_the_program():
    with pytest.raises(TypeError, match="must be a list of texts"):
        Step(action=act, dependencies="one")
