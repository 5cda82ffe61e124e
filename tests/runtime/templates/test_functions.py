"""Function files: found, read, checked against each other, and as the types of actions."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runners.echo import Echo
from runners.script import Script
from runtime.errors import FunctionInvalid, TemplateInvalid
from runtime.runner import Runners
from runtime.templates.actions import ActionTypes, FunctionTypes, RunnerTypes, arguments_of
from runtime.templates.calls import calls_of, conditions_of, custom_states_of
from runtime.templates.functions import Library, load_functions
from runtime.templates.model import Action, Condition, ConditionType, Function, Step, Template
from runtime.templates.validation import check_data, validate
from runtime.values.json import dumps
from tests.runtime.templates.helpers import document, faults, step
from tests.support.strategies import ACTIONS, CONDITIONS, STATES, json_values

FIXTURES = Path(__file__).parents[2] / "fixtures/utask/engine/functions_tests"
RUNNERS = Runners([Echo(), Script()])
GREET = "action: {type: echo, configuration: {output: 'Hello {{ .function_args.name }}'}}"


@pytest.fixture
def library(tmp_path):
    def load(**files: str) -> Library:
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text if "name:" in text else f"name: {name}\n{text}\n")
        return load_functions(tmp_path, RUNNERS)

    return load


def calling(name: str, configuration: object = None, **fields: object) -> dict[str, object]:
    """A step that calls a function."""
    return step(action={"type": name, "configuration": configuration}, **fields)


def names(types: ActionTypes, name: str) -> list[str]:
    return [function.name for function in types.find(name).calls]


def test_every_function_of_the_fixtures_is_taken_without_a_warning():
    library = load_functions(FIXTURES, RUNNERS)
    assert not library.warnings
    assert names(library.types, "echo::hello::nested1") == [
        "echo::hello::nested1",
        "echo::hello::nested2",
        "echo::hello::world",
    ]
    states = library.types.find("echo::hello::nested1").custom_states
    assert states == ("NESTED1_STATE", "NESTED2_STATE1", "NESTED2_STATE2")


def test_a_folder_is_searched_at_every_depth_for_yaml_files_that_are_not_hidden(tmp_path):
    deep = tmp_path / "a/b"
    deep.mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    (deep / "f.yaml").write_text(f"name: f\ndescription: greets\n{GREET}")
    for ignored in (".f.yaml", "f.yml", ".hidden/f.yaml", "README.md"):
        (tmp_path / ignored).write_text("}")
    assert names(load_functions(str(tmp_path), RUNNERS).types, "f") == ["f"]


def test_several_files_and_folders_may_be_given(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/f.yaml").write_text("name: f\naction: {type: g, configuration: {name: x}}")
    (tmp_path / "g").write_text(f"name: g\n{GREET}")
    assert names(load_functions([tmp_path / "g", tmp_path / "folder"], RUNNERS).types, "f") == ["f", "g"]


def test_without_functions_the_runners_are_all_there_is():
    types = load_functions((), RUNNERS).types
    assert types.find("echo").calls == ()


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("{", "", "not YAML"),
        ("- name: x", "", "a function is an object, not a list"),
        ("name: f", "action", "required, and missing"),
        (GREET, "name", "required, and missing"),
        (f"name: ''\n{GREET}", "name", "must not be empty"),
        (f"name: echo\n{GREET}", "name", 'a runner is called "echo"'),
        ("name: f\naction: 3", "action", "must be an object, not 3"),
        ("name: f\naction: {}", "action.type", "Invalid executor action: required, and missing"),
        ("name: f\naction: {type: ehco}", "action.type", 'no runner called "ehco"'),
        (f"name: f\n{GREET}\ncustom_states: [A, DONE]", "custom_states[1]", 'Custom state "DONE" is not allowed'),
        (f"name: f\n{GREET}\ncustom_states: A", "custom_states", "must be a list"),
        (f"name: f\n{GREET}\npre_hook: {{type: nope}}", "pre_hook.type", 'no runner called "nope"'),
        (
            f"name: f\n{GREET}\npre_hook: {{type: echo, configuration: {{error_type: bad}}}}",
            "pre_hook.configuration.error_type",
            "Wrong error type",
        ),
        (f"name: f\n{GREET}\nconditions: [{{type: chek}}]", "conditions[0].type", "Unknown condition type"),
        (
            f"name: f\n{GREET}\nconditions: [{{type: check, if: [{{value: a, operator: REGEXP, expected: '['}}]}}]",
            "conditions[0].if[0].expected",
            "invalid regex",
        ),
        (
            f"name: f\n{GREET}\nconditions: [{{type: check, foreach: children}}]",
            "conditions[0].foreach",
            "can set foreach on a skip condition only",
        ),
        ("name: f\naction: {type: f}", "action.type", "call each other in a circle: f -> f"),
    ],
)
def test_a_bad_function_is_refused_with_its_file_and_path(tmp_path, text, path, message):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(FunctionInvalid) as refusal:
        load_functions(tmp_path, RUNNERS)
    assert str(refusal.value).startswith(f"invalid function {file}: ")
    assert refusal.value.faults[0].path == path
    assert message in str(refusal.value)


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(FunctionInvalid, match=r"invalid function .*nowhere: there is no such file"):
        load_functions(tmp_path / "nowhere", RUNNERS)


def test_two_functions_of_one_name_are_refused_naming_both_files(tmp_path, library):
    with pytest.raises(FunctionInvalid) as refusal:
        library(one=f"name: f\n{GREET}", two=f"name: f\n{GREET}")
    assert str(tmp_path / "one.yaml") in str(refusal.value)
    assert str(tmp_path / "two.yaml") in str(refusal.value)
    assert 'name: there are two functions called "f"' in str(refusal.value)


def test_functions_that_call_each_other_in_a_circle_are_refused(library):
    assert refused(
        library, a="action: {type: b}\npre_hook: {type: c}", b="action: {type: c}", c="action: {type: b}"
    ) == [
        "b.yaml: action.type: Invalid executor action: functions call each other in a circle: b -> c -> b",
        "c.yaml: action.type: Invalid executor action: functions call each other in a circle: c -> b -> c",
    ]


def test_an_unknown_runner_is_reported_in_the_file_that_names_it(library):
    with pytest.raises(FunctionInvalid, match=r'b\.yaml: action\.type: .* no runner called "ehco"'):
        library(a="action: {type: b}\npre_hook: {type: b}", b="action: {type: ehco}")


def refused(library, **files):
    """Give what is refused, without folders and hints."""
    with pytest.raises(FunctionInvalid) as refusal:
        library(**files)
    return [f"{Path(fault.path).name}: {fault.message}" for fault in refusal.value.faults]


def test_every_fault_of_every_file_is_named_at_once_and_nothing_that_follows_from_one(library):
    assert refused(
        library,
        a="action: {type: ehco}\ncustom_states: [DONE]",
        b="action: {type: f, configuration: {nme: x}}\npre_hook: {type: a}\nconditions: [{type: chek}]",
        c="action: {type: b}",
        f=GREET,
    ) == [
        'a.yaml: action.type: Invalid executor action: no runner called "ehco"',
        'a.yaml: custom_states[0]: Custom state "DONE" is not allowed as it\'s a reserved state',
        'b.yaml: action.configuration.name: Invalid executor action: missing function_args "name"',
        'b.yaml: conditions[0].type: Unknown condition type: "chek"',
    ]


def test_what_a_file_that_cannot_be_read_may_hold_is_not_said_to_be_missing(library):
    with pytest.raises(FunctionInvalid, match=r"^invalid function \S*a\.yaml: not YAML"):
        library(a="[", b="action: {type: in-a}\npre_hook: {type: in-a}")


def test_a_call_between_functions_has_to_give_the_arguments(library):
    with pytest.raises(FunctionInvalid) as refusal:
        library(f=GREET, g="action: {type: f, configuration: {nme: x}}")
    [fault] = refusal.value.faults
    assert (fault.path, fault.message) == (
        "action.configuration.name",
        'Invalid executor action: missing function_args "name"',
    )


def test_there_is_one_pre_hook_on_the_way_to_the_runner(library):
    hook = "pre_hook: {type: echo}"
    with pytest.raises(FunctionInvalid, match="pre_hook: Invalid executor action: pre_hook override"):
        library(f=f"{hook}\naction: {{type: echo}}", g=f"{hook}\naction: {{type: f}}")


def test_a_pre_hook_calls_no_function_that_has_one(library):
    with pytest.raises(
        FunctionInvalid, match=r'pre_hook\.type: Invalid pre_hook: function "f" has a pre_hook of its own'
    ):
        library(f="pre_hook: {type: echo}\naction: {type: echo}", g="pre_hook: {type: f}\naction: {type: echo}")


def test_what_nobody_reads_in_a_function_file_is_a_warning_by_file(tmp_path, library):
    found = library(
        f="action: {type: echo, base_configuration: b, configuration: {otput: 1}}\nidempotent: true", g=GREET
    ).warnings
    assert list(found) == [str(tmp_path / "f.yaml")]
    paths = [warning.path for warning in found[str(tmp_path / "f.yaml")]]
    assert paths == ["action.base_configuration", "action.configuration.otput", "idempotent"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{ .function_args.name }}", ("name",)),
        ("{{.function_args.a.b}} and {{- .function_args.c -}}", ("a.b", "c")),
        ("{{ .function_args.a }}{{ .function_args.a }}", ("a",)),
        ("{{ .function_args.a | upper }}{{ default .function_args.b 1 }}", ()),
        ("{{ .function_args.with_underscore }}{{ .function_args.x1 }}{{ .function_args }}", ()),
        ("{{ .step.a.function_args.b }}", ()),
    ],
)
def test_arguments_are_the_handles_that_are_nothing_else(text, found):
    configuration = {"deep": [{"text": text}], "number": 1}
    assert arguments_of(Function(name="f", action=Action(type="echo", configuration=configuration))) == found


PRE_HOOKED = f"pre_hook: {{type: echo}}\n{GREET}"
STATED = f"{GREET}\ncustom_states: [GREETED]"


def condition(then: str) -> str:
    return f"{STATED}\nconditions: [{{type: check, if: [{{value: a, operator: EQ, expected: a}}], then: {{{then}}}}}]"


NAMED = {"name": "x"}
CALLED = "Condition of function"


@pytest.mark.parametrize(
    ("function", "steps", "path", "message"),
    [
        (
            GREET,
            {"a": calling("f", {})},
            "steps.a.action.configuration.name",
            'Invalid executor action: missing function_args "name"',
        ),
        (
            GREET,
            {"a": calling("f")},
            "steps.a.action.configuration.name",
            'Invalid executor action: missing function_args "name"',
        ),
        (GREET, {"a": calling("f", [])}, "steps.a.action.configuration", "arguments of a function are an object"),
        (
            GREET.replace("name", "name.first"),
            {"a": calling("f", {"name": "Ada"})},
            "steps.a.action.configuration.name.first",
            'Invalid executor action: missing function_args "name.first"',
        ),
        (
            GREET,
            {"a": step(pre_hook={"type": "f"})},
            "steps.a.pre_hook.configuration.name",
            "Invalid executor action: missing function_args",
        ),
        (
            "action: {type: echo, configuration: {error_type: bad}}",
            {"a": calling("f")},
            "steps.a.action.configuration",
            'function "f": error_type: Wrong error type',
        ),
        (
            PRE_HOOKED,
            {"a": calling("f", NAMED, pre_hook={"type": "echo"})},
            "steps.a.pre_hook",
            "Invalid executor action: pre_hook override",
        ),
        (
            PRE_HOOKED,
            {"a": step(pre_hook={"type": "f", "configuration": NAMED})},
            "steps.a.pre_hook.type",
            'Invalid pre_hook: function "f" has a pre_hook of its own',
        ),
        (
            STATED,
            {"a": calling("f", NAMED), "b": step(dependencies=["a:OTHER"])},
            "steps.b.dependencies[0]",
            "step state not allowed",
        ),
        (condition("this: OTHER"), {"a": calling("f", NAMED)}, "steps.a.action.type", f'{CALLED} "f" implies invalid'),
        (condition("gone: DONE"), {"a": calling("f", NAMED)}, "steps.a.action.type", f'{CALLED} "f": no step with'),
        (
            condition("b: DONE"),
            {"a": calling("f", NAMED), "b": step()},
            "steps.a.action.type",
            f'{CALLED} "f" cannot impact the state of step b',
        ),
    ],
)
def test_a_bad_call_is_refused_where_it_is_made(library, function, steps, path, message):
    types = library(f=function).types
    [fault] = faults(document(steps=steps), types)
    assert fault[0] == path
    assert message in fault[1]


@pytest.mark.parametrize(
    "steps",
    [
        {"a": calling("f", {"name": None})},
        {"a": calling("f", {"name": "{{.input.x}}"})},
        {"a": calling("f", NAMED), "b": step(dependencies=["a:DONE,GREETED"])},
        {
            "a": calling(
                "f", NAMED, conditions=[{"type": "check", "then": {"this": "GREETED"}}], pre_hook={"type": "echo"}
            )
        },
    ],
)
def test_a_good_call_is_taken(library, steps):
    types = library(f=condition("this: GREETED")).types
    assert faults(document(inputs=[{"name": "x"}], steps=steps), types) == []


def test_a_misspelled_function_is_named_with_the_nearest(library):
    types = library(greet=GREET).types
    with pytest.raises(TemplateInvalid, match=r'did you mean "greet"\?'):
        check_data(document(steps={"a": calling("gret")}), types)


def test_a_valid_template_holds_the_functions_it_uses_and_no_others(library):
    types = library(
        outer="action: {type: inner}\npre_hook: {type: hook}",
        inner="action: {type: echo}",
        hook="action: {type: hooked}",
        hooked="action: {type: echo}",
        unused="action: {type: echo}",
        own="action: {type: echo}",
    ).types
    data = document(steps={"a": calling("outer"), "b": step(pre_hook={"type": "own"})})
    template = check_data(data, types).template
    assert list(template.functions) == ["hook", "hooked", "inner", "outer", "own"]
    assert validate(template, types).template == template


def test_functions_that_a_template_brings_along_count_for_nothing():
    stray = Function(name="f", action=Action(type="echo"))
    bringing = Template(name="test", steps={"a": Step(action=Action(type="echo"))}, functions={"f": stray})
    assert not validate(bringing, RUNNERS).template.functions


DOCUMENTS = st.fixed_dictionaries(
    {"name": st.sampled_from(["f", "echo", ""])},
    optional={
        "action": ACTIONS,
        "pre_hook": ACTIONS,
        "conditions": st.lists(CONDITIONS, max_size=2),
        "custom_states": st.lists(STATES, max_size=2),
        "other": json_values(max_leaves=3),
    },
)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(DOCUMENTS | json_values())
def test_any_function_file_is_taken_or_refused_with_its_faults(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("functions") / "f.yaml"
    file.write_text(dumps(data))
    try:
        types = load_functions(file, RUNNERS).types
    except FunctionInvalid as refusal:
        assert refusal.faults
        assert all(fault.message for fault in refusal.faults)
    else:
        assert names(types, "f") == ["f"]


@st.composite
def chains(draw):
    """A chain of functions, each calling the next."""
    states = st.lists(st.sampled_from("ABCD"), max_size=3)
    depth = draw(st.integers(0, 5))
    return [
        Function(
            name=f"f{level}",
            action=Action(type=f"f{level + 1}" if level + 1 < depth else "echo"),
            conditions=[Condition(type=ConditionType.CHECK, message=f"f{level}")] * draw(st.integers(0, 2)),
            custom_states=draw(states),
        )
        for level in range(depth)
    ]


@given(chains(), st.lists(st.sampled_from("ABCD"), max_size=3))
def test_conditions_come_innermost_first_and_states_outermost_first_each_once(chain, own):
    functions = {function.name: function for function in chain}
    mine = Condition(type=ConditionType.CHECK, message="own")
    caller = Step(action=Action(type="f0" if chain else "echo"), conditions=[mine], custom_states=own)
    assert list(calls_of(caller.action, functions)) == chain
    messages = [one.message for one in conditions_of(caller, functions)]
    expected = [one.message for function in chain for one in function.conditions]
    assert messages == [*sorted(expected, reverse=True), "own"]
    states = custom_states_of(caller, functions)
    assert len(set(states)) == len(states)
    assert set(states) == {*own, *(state for function in chain for state in function.custom_states)}
    assert states[: len(dict.fromkeys(own))] == tuple(dict.fromkeys(own))
    if chain:
        kind = FunctionTypes(functions, RunnerTypes(RUNNERS)).find("f0")
        assert tuple(dict.fromkeys((*own, *kind.custom_states))) == states
