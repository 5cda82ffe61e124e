"""subtask and batch in a runtime, on a virtual clock."""

import attrs
import pytest
import trio
import trio.testing

from runners.batch import Batch
from runtime import (
    Action,
    Input,
    Output,
    OutputStrategy,
    ResolutionState,
    Step,
    StepState,
    TaskState,
    TemplateInvalid,
    open_runtime,
)
from runtime.runner import PARENT_TAG, ClientError, RunnerSettings
from runtime.testing import laws
from tests.support.plans import echo, plan, step
from tests.support.times import EPOCH


def child(name="child", **fields):
    template = plan(
        a=fields.pop("a", step(action=echo("{{.input.n}}"))),
        inputs=[Input(name="n", optional=True), Input(name="m", optional=True)],
    )
    result = {"n": "{{.step.a.output}}"}
    return attrs.evolve(template, name=name, auto_runnable=True, result_format=result, **fields)


def parent(runner, **configuration):
    return plan(s=Step(action=Action(type=runner, configuration=configuration)))


async def test_a_subtask_gives_what_its_task_came_to(autojump_clock, clock):
    configuration = {
        "template": "child",
        "input": {"n": "1", "m": "2"},
        "json_input": '{"n": "{{.task.requester_username}}"}',
        "tags": {"colour": "red"},
        "watcher_usernames": '["wendy"]',
    }
    async with open_runtime(clock=clock) as rt:
        await rt.register(child())
        view = await (await rt.submit(parent("subtask", **configuration), requester="ada")).wait()
        output = view.steps["s"].output
        made = await rt.status(output["id"])
        [said] = (await rt.read(output["id"])).notes.comments.values()
    assert view.state is TaskState.DONE
    assert (said.username, said.content) == ("ada", f"Auto created subtask, parent task {view.id}")
    assert output == {
        "id": made.id,
        "state": "DONE",
        "result": {"n": "ada"},
        "resolver_username": "ada",
        "requester_username": "ada",
    }
    assert made.tags == {"colour": "red", PARENT_TAG: view.id}
    assert view.steps["s"].metadata is None


async def test_an_output_that_reaches_into_the_result_of_a_subtask_waits_for_it(autojump_clock, clock):
    output = Output(strategy=OutputStrategy.TEMPLATE, format={"n": "{{.step.this.output.result.n}}"})
    action = Action(type="subtask", configuration={"template": "child", "input": {"n": "1"}}, output=output)
    async with open_runtime(clock=clock) as rt:
        await rt.register(attrs.evolve(child(), auto_runnable=False))
        task = await rt.submit(plan(s=Step(action=action)))
        await trio.testing.wait_all_tasks_blocked()
        waiting = (await task.status()).steps["s"]
        assert waiting.state == StepState.WAITING
        await rt.resolve(waiting.output["id"])
        view = await task.wait()
    assert view.steps["s"].output == {"n": "1"}


async def test_a_subtask_that_fails_fails_its_step_which_goes_on_when_it_was_mended(autojump_clock, clock):
    tries = []

    async def work():
        tries.append(1)
        if len(tries) == 1:
            raise ClientError("not like this")
        return "mended"

    async with open_runtime(clock=clock) as rt:
        await rt.register(child(a=Step(action=work)))
        task = await rt.submit(parent("subtask", template="child"))
        view = await task.wait()
        assert (view.resolution, view.steps["s"].state) == (ResolutionState.BLOCKED_BADREQUEST, StepState.CLIENT_ERROR)
        made = view.steps["s"].output["id"]
        assert view.steps["s"].error.startswith(f"task {made} is BLOCKED")
        await rt.run(made)
        await trio.sleep(1)
        output = (await task.status()).steps["s"].output
        assert (output["id"], output["result"]) == (made, {"n": "mended"})


async def test_a_subtask_that_is_cancelled_fails_its_step(autojump_clock, clock):
    async def forever():
        await trio.sleep_forever()

    async with open_runtime(clock=clock) as rt:
        await rt.register(child(a=Step(action=forever)))
        task = await rt.submit(parent("subtask", template="child"))
        await trio.testing.wait_all_tasks_blocked()
        step_now = (await task.status()).steps["s"]
        assert (step_now.state, step_now.output["state"]) == (StepState.WAITING, "TODO")
        await rt.cancel(step_now.output["id"])
        view = await task.wait()
    assert view.steps["s"].state == StepState.CLIENT_ERROR
    assert "is CANCELLED" in view.steps["s"].error


async def test_a_subtask_may_start_later(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt:
        await rt.register(child())
        task = await rt.submit(parent("subtask", template="child", delay="90s"))
        await task.wait()
    assert clock.wall() == pytest.approx(EPOCH + 90, abs=1)


@pytest.mark.parametrize(
    ("configuration", "path"),
    [
        ({"template": "nobody"}, "template"),
        ({"template": "child", "tags": {PARENT_TAG: "x"}}, f"tags.{PARENT_TAG}"),
        ({"template": "child", "json_input": "[]"}, "json_input"),
        ({"template": "child", "json_input": "{"}, "json_input"),
        ({"template": "child", "watcher_groups": "x"}, "watcher_groups"),
        ({"template": "child", "resolver_usernames": [1]}, "resolver_usernames"),
        ({"template": "child", "delay": "-1s"}, "delay"),
    ],
)
async def test_a_subtask_that_can_never_be_started_is_refused(autojump_clock, clock, configuration, path):
    async with open_runtime(clock=clock) as rt:
        await rt.register(child())
        with pytest.raises(TemplateInvalid) as refused:
            await rt.submit(parent("subtask", **configuration))
    assert [fault.path for fault in refused.value.faults] == [f"steps.s.action.configuration.{path}"]


async def test_templates_pass_and_are_looked_at_when_rendered(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt:
        await rt.register(child())
        unknown = parent("subtask", template="{{.task.task_id}}")
        view = await (await rt.submit(unknown)).wait()
        assert view.steps["s"].state == StepState.CLIENT_ERROR
        broken = parent("subtask", template="child", json_input="{{.task.task_id}}")
        task = await rt.submit(broken)
        await trio.testing.wait_all_tasks_blocked()
        assert "json_input is not JSON" in (await task.status()).steps["s"].error
        await task.cancel()


async def test_a_batch_makes_a_task_per_input_and_says_what_they_came_to_in_order(autojump_clock, clock):
    configuration = {
        "template_name": "child",
        "json_inputs": '[{"n": "a"}, {"n": "b"}, {"n": "c"}]',
        "common_inputs": {"m": "all"},
        "tags": {"batch": "yes"},
        "comment": "the nightly one",
    }
    async with open_runtime(clock=clock) as rt:
        await rt.register(child())
        view = await (await rt.submit(parent("batch", **configuration))).wait()
        metadata = view.steps["s"].metadata
        made = [await rt.status(task["id"]) for task in metadata["tasks"]]
    assert (view.state, view.steps["s"].output) == (TaskState.DONE, None)
    assert (metadata["remaining_tasks"], metadata["tasks_started"], metadata["comment"]) == (0, 3, "the nightly one")
    assert [task["result"] for task in metadata["tasks"]] == [{"n": "a"}, {"n": "b"}, {"n": "c"}]
    assert {one.tags["batch"] for one in made} == {"yes"}


async def test_a_batch_keeps_so_many_under_way_and_starts_the_next_as_one_ends(autojump_clock, clock):
    now, peak, began = [0], [0], []

    async def work(n):
        began.append((n, trio.current_time()))
        now[0] += 1
        peak[0] = max(peak[0], now[0])
        await trio.sleep(10 if n == "0" else 1)
        now[0] -= 1

    inputs = [{"n": str(n)} for n in range(7)]
    async with open_runtime(clock=clock) as rt:
        await rt.register(child(a=Step(action=Action.calling(work, n="{{.input.n}}"))))
        task = await rt.submit(parent("batch", template_name="child", inputs=inputs, sub_batch_size="2"))
        await trio.testing.wait_all_tasks_blocked()
        metadata = (await task.status()).steps["s"].metadata
        assert (metadata["remaining_tasks"], metadata["tasks_started"]) == (7, 2)
        view = await task.wait()
    assert view.state is TaskState.DONE
    assert peak[0] == 2
    assert max(at for _, at in began) == pytest.approx(5, abs=0.5), "nobody waits for the slow one"


async def test_a_batch_of_nothing_is_done_at_once(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt:
        await rt.register(child())
        view = await (await rt.submit(parent("batch", template_name="child", inputs=[]))).wait()
    assert view.state is TaskState.DONE
    assert view.steps["s"].metadata["tasks"] == []


async def test_a_batch_with_a_blocked_task_waits_for_it_to_be_mended(autojump_clock, clock):
    tries = []

    async def work(n):
        tries.append(n)
        if n == "bad" and tries.count("bad") == 1:
            raise ClientError("not like this")

    async with open_runtime(clock=clock) as rt:
        await rt.register(child(a=Step(action=Action.calling(work, n="{{.input.n}}"))))
        task = await rt.submit(parent("batch", template_name="child", inputs=[{"n": "good"}, {"n": "bad"}]))
        await trio.sleep(1)
        view = await task.status()
        assert view.resolution is ResolutionState.WAITING
        assert view.steps["s"].error == "waits for 1 of 2 tasks, 1 of them blocked"
        [stuck] = [one async for one in _tasks_of(rt, view) if one.state is TaskState.BLOCKED]
        await rt.run(stuck.id)
        assert (await task.wait()).state is TaskState.DONE


async def _tasks_of(rt, view):
    for batch in (await rt.read(view.id)).wished.batches.values():
        for task_id in batch.spawned.tasks:
            yield await rt.status(task_id)


async def test_an_input_given_twice_is_the_authors_fault():
    batch = Batch(RunnerSettings(templates={"child"}))
    configuration = {"template_name": "child", "inputs": [{"n": 1}], "common_json_inputs": '{"n": 2}'}
    failed = await laws.fails_as_declared(batch, configuration)
    assert isinstance(failed, ClientError)
    assert failed.message == "inputs are given in common and of a task's own: n"


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"template_name": "nobody"}, "template_name"),
        ({"tags": {PARENT_TAG: "x"}}, f"tags.{PARENT_TAG}"),
        ({"json_inputs": "{}"}, "json_inputs"),
        ({"json_inputs": "[1]"}, "json_inputs"),
        ({"inputs": [{}], "json_inputs": "[]"}, "inputs"),
        ({"common_inputs": {"a": 1}, "common_json_inputs": "{}"}, "common_inputs"),
        ({"common_json_inputs": "[]"}, "common_json_inputs"),
        ({"sub_batch_size": "-1"}, "sub_batch_size"),
        ({"sub_batch_size": "x"}, "sub_batch_size"),
        ({"resolver_groups": {}}, "resolver_groups"),
    ],
)
def test_a_batch_that_can_never_be_started_is_refused(wrong, path):
    batch = Batch(RunnerSettings(templates={"child"}))
    assert [fault.path for fault in batch.check({"template_name": "child", **wrong}).faults] == [path]
    assert not batch.check({"template_name": "child", "sub_batch_size": ""}).faults
