"""Pre-hooks: what runs before each attempt of a step, on a virtual clock."""

import pytest
import trio

from runtime import Action, Condition, ResolutionState, Step, TaskState, open_runtime
from runtime.runner import ClientError, NotAssigned, NotProvisioned, Outcome, StepFailed
from runtime.templates.model import Assertion, ConditionType, Operator
from tests.support.plans import echo, plan, step
from tests.support.times import EPOCH

HOOKED = "{{.pre_hook.output.value}}/{{.pre_hook.metadata.size}}"


async def outcome(template, clock):
    """Run a template to its rest."""
    async with open_runtime(clock=clock) as rt:
        return await (await rt.submit(template)).wait()


async def test_the_action_sees_what_the_pre_hook_gave_and_nothing_else_does(autojump_clock, clock):
    seen = Condition(
        type=ConditionType.CHECK,
        if_=[Assertion(value="{{.pre_hook.output.value}}", operator=Operator.EQ, expected="x")],
        then={"this": "PRUNE"},
    )
    hook = echo({"value": "x"}, metadata={"size": 1.50})
    template = plan(a=step(action=echo(HOOKED), pre_hook=hook, conditions=[seen]), b=step("a", action=echo(HOOKED)))
    view = await outcome(template, clock)
    assert (view.steps["a"].output, view.steps["a"].state) == ("x/1.5", "DONE")
    assert view.steps["b"].output == "<no value>/<no value>"


async def test_a_pre_hook_is_rendered_and_run_before_each_attempt_and_may_be_a_python_function(autojump_clock, clock):
    tries = []

    async def look(seen: str) -> str:
        tries.append(seen)
        return seen

    async def flaky(hooked: str) -> str:
        if len(tries) < 3:
            raise StepFailed(hooked)
        return hooked

    hook = Action.calling(look, seen="{{.step.this.error}}")
    action = Action.calling(flaky, hooked="{{.pre_hook.output}}{{len .pre_hook.output}}")
    view = await outcome(plan(a=Step(action=action, pre_hook=hook)), clock)
    assert tries == ["", "0", "01"]
    assert (view.steps["a"].output, view.steps["a"].try_count) == ("012", 3)


async def test_what_a_pre_hook_gives_is_reshaped_like_that_of_an_action(autojump_clock, clock):
    output = {"strategy": "template", "format": {"value": "<{{.step.this.output}}>"}}
    data = {
        "name": "test", "description": "test", "title_format": "test",
        "steps": {
            "a": {
                "pre_hook": {"type": "echo", "configuration": {"output": "x"}, "output": output},
                "action": {"type": "echo", "configuration": {"output": "{{.pre_hook.output.value}}"}},
            }
        },
    }  # fmt: skip
    assert (await outcome(data, clock)).steps["a"].output == "<x>"


@pytest.mark.parametrize(
    ("error", "state", "resolution"),
    [
        (ClientError("no"), "CLIENT_ERROR", ResolutionState.BLOCKED_BADREQUEST),
        (StepFailed("no"), "SERVER_ERROR", ResolutionState.ERROR),
        (NotProvisioned("no"), "TO_RETRY", ResolutionState.ERROR),
        (NotAssigned("no"), "WAITING", ResolutionState.WAITING),
    ],
)
async def test_a_pre_hook_that_fails_gives_the_step_the_state_that_an_action_would_and_ends_the_attempt(
    autojump_clock, clock, error, state, resolution
):
    ran = []

    async def refuse() -> None:
        raise error

    async def act() -> None:
        ran.append(1)

    async with open_runtime(clock=clock) as rt:
        async with rt.subscribe() as events:
            task = await rt.submit(plan(a=Step(action=act, pre_hook=Action.calling(refuse))))
            async for event in events:
                if getattr(event, "resolution", None) == resolution:
                    break
        view = await task.status()
    assert not ran
    assert (view.steps["a"].state, view.steps["a"].error, view.resolution) == (state, "prehook: no", resolution)
    assert view.steps["a"].try_count >= 1


async def test_a_pre_hook_that_always_fails_uses_up_the_retries(autojump_clock, clock):
    async def refuse() -> None:
        raise StepFailed("no")

    view = await outcome(plan(a=step(pre_hook=Action.calling(refuse), max_retries=2)), clock)
    assert (view.steps["a"].state, view.steps["a"].try_count) == ("FATAL_ERROR", 3)
    assert view.steps["a"].error.endswith("prehook: no")


@pytest.mark.parametrize(
    "hook", [echo("{{ fail `oops` }}"), Action(type="echo", configuration={"unmarshal": "{{`maybe`}}"})]
)
async def test_a_pre_hook_that_cannot_be_rendered_is_fatal_and_not_a_try(autojump_clock, clock, hook):
    view = await outcome(plan(a=step(pre_hook=hook)), clock)
    assert (view.steps["a"].state, view.steps["a"].try_count) == ("FATAL_ERROR", 0)
    assert view.steps["a"].error.startswith("prehook: ")
    assert view.resolution is ResolutionState.BLOCKED_FATAL


async def test_a_failing_pre_hook_leaves_the_output_of_the_step_alone(autojump_clock, clock):
    tries = []

    async def hook() -> None:
        tries.append(1)
        if len(tries) == 2:
            raise ClientError("no", output="the hook's", metadata={"hook": True})

    async def act() -> None:
        raise StepFailed("again", output="kept", metadata={"kept": True})

    view = await outcome(plan(a=Step(action=act, pre_hook=Action.calling(hook))), clock)
    assert (view.steps["a"].state, view.steps["a"].output) == ("CLIENT_ERROR", "kept")
    assert view.steps["a"].metadata == {"kept": True}


@pytest.mark.parametrize(("hook_seconds", "delay", "began"), [(3, 5, 5), (5, 3, 5), (2, 0, 2)])
async def test_the_execution_delay_and_the_pre_hook_pass_side_by_side(
    autojump_clock, clock, hook_seconds, delay, began
):
    async def hook() -> None:
        await trio.sleep(hook_seconds)

    async def act() -> object:
        return clock.wall() - EPOCH

    view = await outcome(plan(a=Step(action=act, pre_hook=Action.calling(hook), execution_delay=delay)), clock)
    assert view.steps["a"].output == pytest.approx(began, abs=0.01)


async def test_a_pre_hook_that_fails_does_not_wait_for_the_execution_delay(autojump_clock, clock):
    async def hook() -> None:
        await trio.sleep(1)
        raise ClientError("no")

    view = await outcome(plan(a=step(pre_hook=Action.calling(hook), execution_delay=20)), clock)
    assert view.steps["a"].state == "CLIENT_ERROR"
    assert clock.wall() - EPOCH == pytest.approx(1, abs=0.5)


async def test_every_child_of_a_loop_has_its_pre_hook(autojump_clock, clock):
    each = step(foreach='["a","b"]', pre_hook=echo("<{{.iterator}}>"), action=echo("{{.pre_hook.output}}"))
    children = (await outcome(plan(each=each), clock)).steps["each"].children
    assert [child["output"] for child in children] == ["<a>", "<b>"]


async def test_a_skipped_step_runs_no_pre_hook(autojump_clock, clock):
    ran = []

    async def hook() -> None:
        ran.append(1)

    skip = Condition(type=ConditionType.SKIP, then={"this": "DONE"})
    view = await outcome(plan(a=step(pre_hook=Action.calling(hook), conditions=[skip])), clock)
    assert view.steps["a"].state == "DONE"
    assert not ran


async def test_tags_of_a_pre_hook_are_set_and_those_of_the_action_win(autojump_clock, clock):
    async def hook() -> Outcome:
        return Outcome(tags={"a": "hook", "b": "hook"})

    async def act() -> Outcome:
        return Outcome(tags={"b": "action"})

    view = await outcome(plan(a=Step(action=act, pre_hook=Action.calling(hook))), clock)
    assert view.tags == {"a": "hook", "b": "action"}


async def test_cancelling_the_task_cuts_a_running_pre_hook(autojump_clock, clock):
    started, ended = trio.Event(), []

    async def hook() -> None:
        started.set()
        try:
            await trio.sleep_forever()
        finally:
            ended.append(1)

    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(plan(a=step(pre_hook=Action.calling(hook), execution_delay=1)))
        await started.wait()
        await task.cancel("enough")
        view = await task.wait()
    assert (view.state, ended) == (TaskState.CANCELLED, [1])
