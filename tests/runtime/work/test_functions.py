"""Steps that call functions: from files to results."""

from pathlib import Path

import pytest
import trio

from runtime import FunctionInvalid, TaskState, TemplateInvalid, open_runtime
from runtime.journal.memory import MemoryJournal

FIXTURES = Path(__file__).parents[2] / "fixtures/utask/engine/functions_tests"
GREET = {
    "greet": "action: {type: echo, configuration: {output: 'Hello {{.function_args.name}}'}}",
}


def document(**steps):
    return {"name": "test", "description": "a test", "title_format": "a test", "steps": steps}


def calling(name, /, *dependencies, output=None, **configuration):
    action = {"type": name, "configuration": configuration, "output": output}
    return {"action": action, "dependencies": list(dependencies)}


def shows(text, *dependencies):
    return calling("echo", *dependencies, output=None) | {"action": {"type": "echo", "configuration": {"output": text}}}


def check(value, expected, **then):
    return {"type": "check", "if": [{"value": value, "operator": "EQ", "expected": expected}], "then": then}


@pytest.fixture
def outcome(tmp_path):
    """Run a template that may call these functions to its rest."""

    async def run(data, files=None):
        for name, text in (files or {}).items():
            (tmp_path / f"{name}.yaml").write_text(f"name: {name}\n{text}\n")
        async with open_runtime(functions=tmp_path if files else FIXTURES) as rt:
            task = await rt.submit(data)
            with trio.fail_after(10):
                return await task.wait()

    return run


async def test_nested_functions_hand_arguments_in_and_outputs_and_states_out(outcome):
    base = {"strategy": "merge", "format": {"own": "{{.input.word}}", "nested1": "hidden"}}
    first = calling("echo::hello::nested1", output=base, name="{{.input.word}}")
    first |= {
        "custom_states": ["OWN_STATE"],
        "conditions": [check("{{.step.this.state}}", "NESTED1_STATE", this="OWN_STATE")],
    }
    data = document(first=first, second=shows("{{.step.first.state}}", "first:OWN_STATE,NESTED1_STATE"))
    data["inputs"] = [{"name": "word", "default": "foobar"}]
    view = await outcome(data)
    assert view.state is TaskState.DONE
    assert view.steps["first"].state == "OWN_STATE"
    assert view.steps["first"].output == {
        "value": "Hello foobar !",
        "base_nested": "nested2",
        "nested2": "foo",
        "nested1": "foo",
        "own": "foobar",
    }
    assert view.steps["second"].output == "OWN_STATE"


async def test_a_state_that_a_function_contributes_can_be_depended_on_and_set(outcome):
    first = calling("echo::custom::state") | {"conditions": [check("a", "a", this="STATE_HELLO")]}
    view = await outcome(document(first=first, second=shows("x", "first:STATE_HELLO"), third=shows("x", "first")))
    assert [view.steps[name].state for name in ("first", "second", "third")] == ["STATE_HELLO", "DONE", "PRUNE"]


async def test_outputs_are_reshaped_innermost_first_each_with_the_arguments_of_its_own_call(outcome):
    files = {
        "inner": "action: {type: echo, configuration: {output: {w: '{{.function_args.w}}'}},"
        " output: {strategy: template, format: {inner: '{{.step.this.output.w}}{{.function_args.w}}'}}}",
        "outer": "action: {type: inner, configuration: {w: '{{.function_args.w}}+'},"
        " output: {strategy: merge, format: {outer: '{{.function_args.w}}', inner: hidden}}}",
    }
    output = {"strategy": "template", "format": {"all": "{{.step.this.output | toJson}} {{.function_args}}"}}
    view = await outcome(document(a=calling("outer", output=output, w="1")), files)
    assert view.steps["a"].output == {"all": '{"inner":"1+1+","outer":"1"} <no value>'}


async def test_arguments_are_gone_outside_the_call(outcome):
    view = await outcome(
        document(a=calling("greet", name="Ada"), b=shows("{{.function_args.name}} {{.step.a.output}}", "a")), GREET
    )
    assert view.steps["b"].output == "<no value> Hello Ada"


async def test_the_pre_hook_of_a_function_sees_the_arguments_of_its_call_and_the_innermost_one_counts(outcome):
    files = {
        "inner": "pre_hook: {type: greet, configuration: {name: '{{.function_args.who}}'}}\n"
        "action: {type: echo, configuration: {output: '<{{.pre_hook.output}}|{{.function_args.who}}>'}}",
        "outer": "action: {type: inner, configuration: {who: '{{.function_args.name}}!'}}",
    }
    view = await outcome(document(a=calling("outer", name="Ada")), GREET | files)
    assert view.steps["a"].output == "<Hello Ada!|Ada!>"


async def test_a_pre_hook_may_call_a_function_and_the_caller_sees_the_result_in_the_arguments(outcome):
    a = calling("greet", name="{{.pre_hook.output}}")
    a["pre_hook"] = {"type": "greet", "configuration": {"name": "Ada"}}
    view = await outcome(document(a=a), GREET)
    assert view.steps["a"].output == "Hello Hello Ada"


async def test_the_base_configuration_of_the_step_reaches_the_runner(outcome):
    files = {"f": "action: {type: echo, configuration: {output: {own: '1'}}}"}
    data = document(a=calling("f"))
    data["steps"]["a"]["action"]["base_configuration"] = "base"
    data["base_configurations"] = {"base": {"output": {"base": "2"}, "metadata": {"m": "3"}}}
    view = await outcome(data, files)
    assert (view.steps["a"].output, view.steps["a"].metadata) == ({"own": "1", "base": "2"}, {"m": "3"})


async def test_conditions_of_functions_come_first_innermost_first_and_a_final_one_ends_them_all(outcome):
    files = {
        "inner": "action: {type: echo}\ncustom_states: [INNER]\n"
        "conditions: [{type: check, if: [{value: '{{.step.this.state}}', operator: EQ, expected: DONE}],"
        " then: {this: INNER}, message: 'was {{.step.this.state}}'}]",
        "outer": "action: {type: inner}\ncustom_states: [OUTER]\n"
        "conditions: [{type: check, if: [{value: '{{.step.this.state}}', operator: EQ, expected: INNER}],"
        " then: {this: OUTER}, final: true, message: '{{.step.this.error}}, is {{.step.this.state}}'}]",
    }
    a = calling("outer") | {"conditions": [check("a", "a", this="CLIENT_ERROR")]}
    view = await outcome(document(a=a), files)
    assert (view.steps["a"].state, view.steps["a"].error) == ("OUTER", "was DONE, is INNER")


async def test_a_skip_condition_of_a_function_is_asked_of_the_children_of_a_loop(outcome):
    files = {
        "f": "action: {type: echo, configuration: {output: '{{.function_args.word}}'}}\n"
        "conditions: [{type: skip, if: [{value: '{{.iterator}}', operator: NE, expected: b}], then: {this: PRUNE}}]"
    }
    a = calling("f", word="<{{.iterator}}>") | {"foreach": '["a","b"]'}
    view = await outcome(document(a=a), files)
    assert view.steps["a"].state == "DONE"
    assert [child["output"] for child in view.steps["a"].children] == ["<b>"]


@pytest.mark.parametrize("hooked", ["", "pre_hook: {type: echo}"])
async def test_arguments_that_cannot_be_rendered_are_fatal(outcome, hooked):
    files = {"f": f"{hooked}\naction: {{type: echo}}"}
    view = await outcome(document(a=calling("f", x="{{fail `oops`}}")), files)
    assert (view.steps["a"].state, view.steps["a"].try_count) == ("FATAL_ERROR", 0)
    assert "failed to template configuration" in view.steps["a"].error
    assert view.steps["a"].error.startswith("prehook: ") is bool(hooked)


class LastingJournal(MemoryJournal):
    """A journal that outlives the runtime it was given to."""

    async def close(self) -> None:
        pass


async def test_a_task_keeps_the_functions_it_was_submitted_with(tmp_path):
    (tmp_path / "greet.yaml").write_text(f"name: greet\n{GREET['greet']}")
    journal = LastingJournal()
    async with open_runtime(functions=[tmp_path], journal=journal) as rt:
        task = await rt.submit(document(a=calling("greet", name="Ada")), run=False)
    async with open_runtime(journal=journal) as rt:
        await rt.run(task.id)
        with trio.fail_after(10):
            view = await rt.wait(task.id)
        assert view.steps["a"].output == "Hello Ada"
        with pytest.raises(TemplateInvalid, match='no runner called "greet"'):
            await rt.submit(document(a=calling("greet", name="Ada")))


async def test_a_bad_function_file_stops_the_runtime_from_opening(tmp_path):
    (tmp_path / "f.yaml").write_text("name: f")
    with pytest.raises(FunctionInvalid, match=r"f\.yaml: action: required, and missing"):
        async with open_runtime(functions=tmp_path):
            pytest.fail("it opened")
