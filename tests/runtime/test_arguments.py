"""What a program says in Python is refused in its own frame where it could not be stored, or not be read again."""

import pytest
import trio

from runtime import Action, FlowHandle, Flows, InputInvalid, Signal, Step, StepSpec, generator, open_runtime
from runtime.api.submission import Submission
from runtime.arguments import check
from runtime.flow.rows import RetryRule
from runtime.journal.listing import Role, Wanted
from tests.support.plans import plan

LONG = "x" * 256
HALF = "\ud800"
CIRCULAR: list[object] = []
CIRCULAR.append(CIRCULAR)
BLOCKED = plan(a=Step(action=Action(type="echo", configuration={"error_message": "no", "error_type": "client"})))

ANY = {"steps": [{"name": "a", "signal": {"type": "echo"}}]}
SAID = {
    "task_id": lambda rt, _: rt.submit(BLOCKED, task_id=HALF),
    "task_id ": lambda rt, _: rt.submit(BLOCKED, task_id=5),
    "requester": lambda rt, _: rt.submit(BLOCKED, requester=None),
    "tags.a": lambda rt, _: rt.submit(BLOCKED, tags={"a": 1}),
    "tags": lambda rt, _: rt.submit(BLOCKED, tags=["a"]),
    "delay": lambda rt, _: rt.submit(BLOCKED, delay="5s"),
    "delay ": lambda rt, _: rt.submit(BLOCKED, delay=float("nan")),
    "delay  ": lambda rt, _: rt.submit(BLOCKED, delay=1e12),
    "run": lambda rt, _: rt.submit(BLOCKED, run="no"),
    "comment": lambda rt, _: rt.submit(BLOCKED, comment=HALF),
    "reason": lambda _, task: task.cancel(5),
    "reason ": lambda _, task: task.cancel(HALF),
    "task_id  ": lambda rt, _: rt.status(HALF),
    "task_id          ": lambda rt, _: rt.status([]),
    "task_id           ": lambda rt, _: rt.wait({}),
    "flow_id      ": lambda rt, _: rt.read_flow([]),
    "flow_id       ": lambda rt, _: rt.rest_of_flow({}),
    "resolver_groups": lambda rt, task: rt.resolve(task.id, resolver_groups=5),
    "resolver_groups ": lambda rt, task: rt.resolve(task.id, resolver_groups="root"),
    "sources[1]": lambda rt, _: rt.sync_templates(["one.yaml", 5]),
    "tags   ": lambda _, task: task.operator("ann").tag(5),
    "tags    ": lambda _, task: task.operator("ann").edit_task(tags=["a"]),
    "content": lambda _, task: task.operator("ann").comment(HALF),
    "username": lambda _, task: task.operator(HALF).comment("x"),
    "tags ": lambda _, task: task.operator("ann").tag([1]),
    "attempt": lambda _, task: task.interrupt_step("a", attempt="1"),
    "retry": lambda _, task: task.interrupt_step("a", retry=None),
    "step": lambda _, task: task.operator("ann").set_step_state(5, "DONE"),
    "steps": lambda _, task: task.operator("ann").edit_steps(5),
    "steps.a": lambda _, task: task.operator("ann").edit_steps({"a": 5}),
    "input": lambda _, task: task.operator("ann").edit_task(inputs=5),
    "watcher_usernames[0]": lambda _, task: task.operator("ann").edit_task(watcher_usernames=[HALF]),
    "resolver_inputs.x": lambda rt, task: rt.resolve(task.id, {"x": HALF}),
    "body": lambda rt, _: rt.call_back("x", "y", HALF),
    "flow_id": lambda rt, _: rt.flow(ANY, flow_id=HALF),
    "metadata.a": lambda rt, _: rt.flow(ANY, metadata={"a": CIRCULAR}),
    "inputs.a": lambda rt, _: rt.flow(ANY, inputs={"a": object()}),
    "start": lambda rt, _: rt.flow(ANY, start="no"),
    "task_id   ": lambda rt, _: rt.look_up(HALF),
    "resolution_id": lambda rt, _: rt.task_of_resolution(HALF),
    "tags.b": lambda rt, _: rt.count({"b": HALF}),
    "template": lambda rt, _: rt.find(Wanted(template=HALF)),
    "about[1]": lambda rt, _: rt.find_flows(Wanted(about=(Role.REQUESTER, HALF))),
    "task_id    ": lambda rt, _: rt.submit(BLOCKED, task_id=LONG),
    "requester ": lambda rt, _: rt.submit(BLOCKED, requester=LONG),
    "tags.c": lambda rt, _: rt.submit(BLOCKED, tags={"c": "x" * 1001}),
    "tags.d": lambda _, task: task.operator("ann").tag({"d": "\U0001f600" * 1000}),
    f"tags.{LONG[:100]}": lambda rt, _: rt.submit(BLOCKED, tags={LONG: "x"}),
    "resolver_groups[0]": lambda rt, task: rt.resolve(task.id, resolver_groups=[LONG]),
    "watcher_groups[0]": lambda _, task: task.operator("ann").edit_task(watcher_groups=[LONG]),
    "owner_id": lambda rt, _: rt.flow(ANY, owner_id=LONG),
    "metadata.b": lambda rt, _: rt.flow(ANY, metadata={"b": LONG * 4}),
    "flow_id ": lambda rt, _: rt.flow(ANY, flow_id=LONG),
    "template ": lambda rt, _: rt.submit(5),
    "template  ": lambda rt, _: rt.register(None),
    "flow": lambda rt, _: rt.flow(5),
    "sources": lambda rt, _: rt.sync_templates(5),
    "limit": lambda rt, _: rt.find(Wanted(), limit="5"),
    "before": lambda rt, _: rt.find_flows(Wanted(), before=5),
    "callback_id": lambda rt, _: rt.call_back(5, "y"),
    "capacity": lambda rt, _: rt.subscribe(capacity="5"),
    "task_id     ": lambda rt, _: rt.subscribe(5),
    "grace_seconds": lambda rt, _: rt.shutdown(grace_seconds="5"),
    "input.x": lambda rt, _: rt.submit(BLOCKED, {"x": 1}),
    "submissions": lambda rt, _: rt.take_on(5),
    "submissions[1]": lambda rt, _: rt.take_on([Submission(BLOCKED, {}), "x"]),
    "submissions[0].template": lambda rt, _: rt.take_on([Submission(5, {})]),  # type: ignore[arg-type]
    "task": lambda rt, _: rt.whereabouts({}),
    "message": lambda rt, _: rt.tell_flow({}),
    "request": lambda rt, _: rt.take_flow_on(Wanted()),
    "by_groups": lambda rt, _: taken_on(rt, by_groups=5),
    "by_groups[1]": lambda rt, _: taken_on(rt, by_groups=["a", 5]),
    "step_id": lambda rt, _: rt.flow_handle("x").approval([]),
    "groups": lambda rt, _: rt.flow_handle("x").respond("a", "approve", groups="ops"),
    "groups[0]": lambda rt, _: rt.flow_handle("x").set_approval_option("prompt", groups=[5]),
    "": lambda rt, _: rt.find({}),  # type: ignore[arg-type]
    " ": lambda rt, _: rt.find_flows({"template": "x"}),  # type: ignore[arg-type]
    "state": lambda rt, _: rt.find(Wanted(state="DONE")),  # type: ignore[arg-type]
}


async def taken_on(rt, **settings):
    return await rt.take_flow_on(await rt.flow_request(ANY, **settings))


async def test_whatever_is_said_that_cannot_be_stored_is_refused_and_leaves_no_trace(tmp_path):
    """Met by an actor, it would end that: a task whose record cannot be written, or, worse, cannot be read again."""
    with trio.fail_after(20):
        async with open_runtime(f"sqlite:///{tmp_path}/tasks.db") as rt:
            task = await rt.submit(BLOCKED)
            before = await task.wait()
            for path, say in SAID.items():
                with pytest.raises(InputInvalid) as refusal:
                    await say(rt, task)
                assert refusal.value.faults[0].path == path.strip()
            assert await task.status() == before


ROWS = {
    "steps[0].name": StepSpec(name=5),  # type: ignore[arg-type]
    "steps[0].signal.data": StepSpec(name="s", signal=Signal(type="echo", data={"output": HALF})),
    "steps[0].signal.data.output": StepSpec(name="s", signal=Signal(type="echo", data={"output": object()})),  # type: ignore[dict-item]
    "steps[0].signal.type": StepSpec(name="s", signal=Signal(type=7)),  # type: ignore[arg-type]
    "steps[0].approvers[1]": StepSpec(name="s", approvers=("ann", HALF)),
    "steps[0].approver_groups[0]": StepSpec(name="s", approver_groups=(LONG,)),
    "steps[0].metadata.x": StepSpec(name="s", metadata={"x": 1}),  # type: ignore[dict-item]
    "steps[0].retry": StepSpec(name="s", retry=5),  # type: ignore[arg-type]
    "steps[0].retry.max_retries": StepSpec(name="s", retry=RetryRule(max_retries=1.5)),  # type: ignore[arg-type]
}


@generator("rows")
async def rows(flow):
    await trio.lowlevel.checkpoint()
    return [ROWS[flow.metadata["which"]]]


async def test_a_generator_that_gives_what_cannot_be_stored_fails_its_flow_with_the_path(tmp_path):
    with trio.fail_after(20):
        async with open_runtime(f"sqlite:///{tmp_path}/tasks.db", flows=Flows(generators=[rows])) as rt:
            for which in ROWS:
                flow: FlowHandle = await rt.flow("rows", metadata={"which": which})
                assert f": {which}: " in str((await flow.wait()).error)


def test_as_many_faults_are_told_as_somebody_reads():
    with pytest.raises(InputInvalid) as refusal:
        check(StepSpec(name="s", approvers=(1,) * 1000))  # type: ignore[arg-type]
    assert len(refusal.value.faults) == 20
