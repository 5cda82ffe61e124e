"""The evaluator: texts, trees and results; what runs where; what cancelling does."""

import subprocess
import sys
import threading
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
import trio

from runtime.errors import TemplatingError
from runtime.templates.model import Variable
from runtime.values.evaluator import EvalCache, Evaluator
from runtime.values.gotemplate import Limits, template
from runtime.values.json import Number, dumps, loads
from runtime.values.snapshot import StepView, Values
from tests.runtime.values.rendering import some_values

EPOCH = datetime.fromtimestamp(0, UTC)
GREETING = (
    '{{if (eq .input.language "english")}}{{eval "english-message"}}'
    '\n{{else if (eq .input.language "spanish")}}{{eval "spanish-message"}}{{end}}'
)
SPANISH = "// a short javascript snippet\nvar h = 'Hola';\nvar m = 'mundo';\nh + ' ' + m + '!';"


@pytest.fixture
def evaluator():
    evaluator = Evaluator(now=lambda: EPOCH)
    yield evaluator
    evaluator.close()


def scripts(**expressions) -> Values:
    return some_values(variables=[Variable(name=name, expression=text) for name, text in expressions.items()])


@pytest.mark.parametrize(("language", "greeting"), [("english", "Hello World!\n"), ("spanish", "Hola mundo!")])
async def test_the_hello_world_greeting_in_both_languages(evaluator, language, greeting):
    values = Values(
        input={"language": language},
        variables=[
            Variable(name="english-message", value="Hello World!"),
            Variable(name="spanish-message", expression=SPANISH),
        ],
    )
    assert await evaluator.render(GREETING, values) == greeting


async def test_every_text_at_any_depth_is_rendered_and_nothing_else_changes(evaluator):
    tree = loads(
        '{"{{.input.name}}": "{{.input.n}}", "l": ["x{{.input.yes}}", {"deep": ["{{.input.list}}"]}, 1.50, 7, null, true]}'
    )
    rendered = await evaluator.render_tree(tree, some_values())
    assert dumps(rendered) == (
        '{"l":["xtrue",{"deep":["[a 1 map[x:<nil>]]"]},1.50,7,null,true],"{{.input.name}}":"12"}'
    )
    assert isinstance(rendered["l"][2], Number)


async def test_what_holds_nothing_to_render_is_given_back_as_it_is(evaluator):
    tree = {"a": ["b", 1]}
    assert await evaluator.render_tree(tree, some_values()) is tree
    assert await evaluator.render_tree("{{a root text stays}}", some_values()) == "{{a root text stays}}"
    assert await evaluator.render_tree(None, some_values()) is None
    assert await evaluator.render("plain", some_values()) == "plain"


@pytest.mark.parametrize(
    "text",
    ['{"fooo": {"foo": "{{.input.name}} -> {{.input.n.notexisting}}"}}', '["x", {"y": "{{.input.n.notexisting}}"}]'],
)
async def test_one_text_that_fails_fails_the_whole_tree(evaluator, text):
    with pytest.raises(TemplatingError, match="can't evaluate field notexisting in type interface"):
        await evaluator.render_tree(loads(text), some_values())


async def test_a_value_too_deep_to_walk_is_an_error(evaluator):
    def nested(depth: int) -> Any:
        value: Any = "{{.input.n}}"
        for _ in range(depth):
            value = [value]
        return value

    assert dumps(await evaluator.render_tree(nested(200), some_values())) == "[" * 200 + '"12"' + "]" * 200
    for depth in (250, 5_000):
        with pytest.raises(TemplatingError, match="nested more than 250 deep"):
            await evaluator.render_tree(nested(depth), some_values())


async def test_a_result_renders_keys_and_texts_through_objects_only(evaluator):
    layout = {
        "{{.input.name}}": "{{.input.n}}",
        "object": {"{{.input.n}}": "{{.input.name}}", "n": 1},
        "list": ["{{.input.name}}"],
    }
    assert await evaluator.render_result(layout, some_values()) == (
        {"utask": "12", "object": {"12": "utask", "n": 1}, "list": ["{{.input.name}}"]},
        None,
    )
    assert await evaluator.render_result({}, some_values()) == ({}, None)


async def test_a_result_keeps_what_rendered_beside_the_first_error(evaluator):
    layout = {"good": "{{.input.n}}", "bad": "{{.input.n.x}}", "inner": {"worse": "{{nofunc}}", "fine": "{{1}}"}}
    result, fault = await evaluator.render_result(layout, some_values())
    assert result == {"good": "12", "inner": {"fine": "1"}}
    assert isinstance(fault, TemplatingError)
    assert "can't evaluate field x" in str(fault)


async def test_rendering_a_whole_tree_waits_once(evaluator):
    tree = {str(number): "{{.input.n}}" for number in range(50)}
    turns = 0

    async def count():
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(count)
        await trio.lowlevel.checkpoint()
        before = turns
        await evaluator.render_tree(tree, some_values())
        nursery.cancel_scope.cancel()
    assert turns - before <= 2


async def test_scripts_and_errors_reach_the_caller(evaluator):
    values = scripts(good="2 + 2", bad="throw new Error('boom')", templated="'{{.input.name}}'.length")
    with trio.fail_after(30):
        assert await evaluator.render('{{eval "good"}} {{eval "templated"}}', values) == "4 5"
        with pytest.raises(TemplatingError) as caught:
            await evaluator.render('{{eval "bad"}}', values)
    assert 'error calling eval: variable "bad": Error: boom' in str(caught.value)


async def test_a_variables_own_timeout_is_obeyed(evaluator):
    values = some_values(variables=[Variable(name="loop", expression="for(;;);", expression_timeout="30ms")])
    with trio.fail_after(30), pytest.raises(TemplatingError, match=r"timed out after 0\.03s"):
        await evaluator.render('{{eval "loop"}}', values)


async def test_eval_runs_each_time_and_eval_cache_once_for_one_rendering(evaluator):
    values = scripts(chance="Math.random()")
    tree = ['{{evalCache "chance"}}', '{{evalCache "chance"}}', '{{eval "chance"}}']
    with trio.fail_after(30):
        first, second, third = await evaluator.render_tree(tree, values)
        (again,) = await evaluator.render_tree(tree[:1], values)
        cache = EvalCache()
        kept = [await evaluator.render(tree[0], values, cache=cache) for _ in range(2)]
    assert first == second
    assert len({first, third, again, kept[0]}) == 4
    assert kept[0] == kept[1]


async def test_cancelling_ends_a_running_script_at_once_and_the_next_one_runs(evaluator):
    values = scripts(endless="for(;;);", quick="1 + 1")
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(evaluator.render, '{{eval "endless"}}', values)
            while evaluator.load()._javascript._worker is None:
                await trio.lowlevel.checkpoint()
            process = evaluator.load()._javascript._worker._process
            nursery.cancel_scope.cancel()
        assert await evaluator.render('{{eval "quick"}}', values) == "2"
    assert process.returncode is not None


async def test_cancelling_before_the_script_begins_frees_the_thread_too(evaluator):
    values = scripts(endless="for(;;);", quick="1 + 1")
    with trio.fail_after(30):
        for _ in range(3):
            with trio.move_on_after(0):
                await evaluator.render('{{eval "endless"}}', values)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(evaluator.render, '{{eval "endless"}}', values)
                nursery.start_soon(evaluator.render, '{{eval "endless"}}', values)
                await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
        assert await evaluator.render('{{eval "quick"}}', values) == "2"


async def test_cancelling_one_that_waits_its_turn_leaves_the_running_one_alone(evaluator):
    values = scripts(slow="var s = 0; for (var i = 0; i < 3e6; i++) s += i; s")
    results = []

    async def slow():
        results.append(await evaluator.render('{{eval "slow"}}', values))

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(slow)
            while evaluator.load()._javascript._worker is None:
                await trio.lowlevel.checkpoint()
            with trio.move_on_after(0):
                await evaluator.render('{{eval "slow"}}', values)
    assert results == ["4499998500000"]


async def test_other_tasks_go_on_while_a_script_runs(evaluator):
    values = scripts(endless="for(;;);")
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(evaluator.render, '{{eval "endless"}}', values)
            while evaluator.load()._javascript._worker is None:
                await trio.lowlevel.checkpoint()
            for _ in range(100):
                await trio.lowlevel.checkpoint()
            assert nursery.child_tasks
            nursery.cancel_scope.cancel()


async def test_a_template_on_the_thread_is_ended_by_its_cancellation(evaluator):
    values = scripts(quick="1 + 1")
    endless = '{{range until 40000}}{{evalCache "quick"}}{{end}}'
    with trio.fail_after(30):
        with trio.move_on_after(0.01):
            await evaluator.render(endless, values)
        assert await evaluator.render('{{eval "quick"}}', values) == "2"


async def test_what_is_too_long_for_the_loop_ends_on_the_thread_or_at_the_limits(evaluator):
    long = "{{range until 20000}}{{.}}{{end}}"
    assert len(await evaluator.render(long, some_values())) == 88_890
    strict = Evaluator(now=lambda: EPOCH, limits=Limits(steps=70_000))
    with pytest.raises(TemplatingError, match="maximum of 70000 steps"):
        await strict.render(long, some_values())


async def test_no_hostile_text_is_parsed_or_rendered_at_length_on_the_event_loop(monkeypatch, evaluator):
    """What goes to the thread is counted; what stays inline is small by its limits, which test_limits is about."""
    on_thread = []
    to_thread = trio.to_thread.run_sync

    async def counted(*args, **more):
        on_thread.append(args)
        return await to_thread(*args, **more)

    monkeypatch.setattr(trio.to_thread, "run_sync", counted)
    assert await evaluator.render("{{.input.name}}", some_values()) == "utask"
    assert not on_thread
    assert await evaluator.render("x" * 3_000 + "{{.input.name}}", some_values())
    assert await evaluator.render("{{range until 20000}}{{.}}{{end}}", some_values())
    assert len(on_thread) == 2


async def test_variables_are_rendered_at_the_cost_of_the_text_that_reads_them():
    """Otherwise twenty variables that each read the next one twice would take a million times as long as one."""
    chain = [Variable(name=f"v{n}", value=f'{{{{eval "v{n + 1}"}}}}{{{{eval "v{n + 1}"}}}}') for n in range(15)]
    values = some_values(variables=[*chain, Variable(name="v15", value="{{range until 10}}x{{end}}")])
    strict = Evaluator(now=lambda: EPOCH, limits=Limits(steps=100_000))
    with pytest.raises(TemplatingError, match="maximum of 100000 steps"):
        await strict.render('{{eval "v0"}}', values)


async def test_a_variables_long_text_is_not_parsed_on_the_event_loop(monkeypatch, evaluator):
    parsed_on = []
    parse = template.parse
    monkeypatch.setattr(template, "parse", lambda *args: parsed_on.append(threading.get_ident()) or parse(*args))
    long = Variable(name="long", value="{{1}}" * 3_000)
    assert await evaluator.render('{{eval "long"}}', Values(variables=[long])) == "1" * 3_000
    assert [where == threading.get_ident() for where in parsed_on].count(True) == 1  # the text that reads it


async def test_the_texts_of_one_value_are_bounded_together(evaluator):
    with pytest.raises(TemplatingError, match=r"too many, or too long together|exceeded maximum"):
        await evaluator.render_tree(["{{range until 100000}}x{{end}}"] * 1_000, Values())
    with pytest.raises(TemplatingError, match="too many, or too long together"):
        await evaluator.render_tree(["{{repeat 1000000 `x`}}"] * 50, Values())


async def test_a_value_of_many_items_is_walked_elsewhere(evaluator):
    wide = [{"a": ["b", 1, None]} for _ in range(5_000)]
    assert await evaluator.render_tree(wide, Values()) is wide
    assert (await evaluator.render_tree([*wide, "{{1}}"], Values()))[-1] == "1"


async def test_this_and_the_loop_item_are_seen(evaluator):
    values = attrs.evolve(some_values(), iterator={"id": 7}).with_this(
        StepView(state="DONE", output={"id": 1619464078})
    )
    assert await evaluator.render("{{.step.this.output.id}} {{.iterator.id}}", values) == "1619464078 7"


def test_importing_the_evaluator_does_not_load_the_script_engine():
    """A program that renders nothing does not pay for the engine."""
    code = "import sys, runtime.values.renderer; print([n for n in sys.modules if n in ('quickjs', '_quickjs')])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
