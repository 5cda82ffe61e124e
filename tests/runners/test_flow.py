"""The actions ``flow`` and ``approval``, in tasks of a whole runtime."""

import gc
import tracemalloc

import pytest
import trio
import trio.testing

from actors import VirtualClock
from runners.echo import EchoConfig
from runtime import (
    Action,
    Conflict,
    Flows,
    GroupSpec,
    NotFound,
    Signal,
    StepSpec,
    TaskState,
    Template,
    generator,
    open_runtime,
)
from runtime.engine.records import FlowDismissed, TaskCancelled
from runtime.errors import TemplateInvalid
from runtime.flows import Generator
from runtime.runner import ClientError, Outcome, Runner
from runtime.work.unit import UnitActor
from tests.support.live_flow import Kept
from tests.support.plans import echo, plan, step

DOCUMENT = {
    "kind": "flow",
    "name": "greet",
    "steps": [
        {"name": "say", "group_idx": 1, "signal": {"type": "echo", "data": {"output": "Hello, {{`{{.input.name}}`}}"}}}
    ],
}


@generator("greet")
def greet(_flow):
    return [GroupSpec(steps=(StepSpec(name="say", signal=Signal(type="echo", data={"output": "{{.input.name}}"})),))]


def asking(action: str, **configuration) -> Template:
    return plan(
        {"x": "{{.step.a.output | toJson}}"},
        a=step(action=Action(type=action, configuration=configuration)),
    )


async def waits(rt, flow_id):
    """Wait until a flow that somebody else starts asks for an answer."""
    while True:
        try:
            view = await rt.flow_handle(flow_id).wait()
        except NotFound:
            await trio.lowlevel.checkpoint()
            continue
        if view.waits:
            return view


async def cancelled(rt, flow_id):
    """Wait until a flow was cancelled along with what waits for it."""
    for _ in range(1_000):
        if (await rt.flow_handle(flow_id).status()).status.status == "cancelled":
            return
        await trio.lowlevel.checkpoint()
    raise AssertionError(f"flow {flow_id} was not cancelled")


async def test_a_step_of_a_task_runs_a_flow_from_a_document_or_of_a_type(mock_clock):
    async with open_runtime(flows=Flows(generators=[greet])) as rt:
        for flow in ({**DOCUMENT}, "greet"):
            task = await rt.submit(asking("flow", flow=flow, input={"name": "Ada"}))
            view = await task.wait()
            assert view.state is TaskState.DONE
            output = view.steps["a"].output
            assert output["status"] == "success"
            assert output["id"] == f"{task.id}.a"
            assert output["steps"]["say"]["output"] in {"Hello, Ada", "Ada"}


async def test_a_question_that_was_denied_is_deleted_in_time_and_asked_anew_where_its_step_is_run_again(
    clock, autojump_clock
):
    async with open_runtime(clock=clock, keep_ended_seconds=3600) as rt:
        task = await rt.submit(asking("approval"), task_id="t")
        await rt.flow_handle((await waits(rt, "t.a")).id).deny("s1", by="ada")
        assert (await task.wait()).steps["a"].state == "CLIENT_ERROR"
        assert (await rt.flow_handle("t.a").status()).status.status == "error"
        await trio.sleep(3 * 3600)
        with pytest.raises(NotFound):
            await rt.flow_handle("t.a").status()
        await task.run()
        await rt.flow_handle((await waits(rt, "t.a")).id).approve("s1", by="ada")
        assert (await task.wait()).state is TaskState.DONE


async def test_a_flow_that_ends_otherwise_is_the_steps_error(mock_clock):
    async with open_runtime() as rt:
        view = await (await rt.submit(asking("flow", flow="nobody"))).wait()
        assert view.steps["a"].state == "CLIENT_ERROR"
        assert 'no type of flows "nobody"' in view.steps["a"].error
        bad = await (await rt.submit(asking("flow", flow={"kind": "flow", "steps": []}))).wait()
        assert "no steps" in bad.steps["a"].error
        with pytest.raises(TemplateInvalid, match=r"configuration\.flow"):
            await rt.submit(asking("flow", flow=5))


async def test_a_step_asks_a_person_and_goes_on_with_the_answer(mock_clock):
    async with open_runtime() as rt:
        task = await rt.submit(asking("approval", plan={"text": "raw"}, approvers=["ada"]))
        view = await waits(rt, f"{task.id}.a")
        flow = rt.flow_handle(view.id)
        assert (await flow.approval("s1")).contents == {"plan": {"text": "raw"}}
        await flow.approve("s1", "fine", by="ada")
        assert (await task.wait()).steps["a"].output == {
            "approved": True,
            "response": "approve",
            "note": "fine",
            "by": "ada",
        }


async def test_a_denial_is_the_steps_error_and_a_skip_is_an_answer(mock_clock):
    async with open_runtime() as rt:
        task = await rt.submit(asking("approval", plan="x"))
        await waits(rt, f"{task.id}.a")
        await rt.flow_handle(f"{task.id}.a").deny("s1", "no", by="ada")
        view = await task.wait()
        assert view.steps["a"].state == "CLIENT_ERROR"
        assert view.steps["a"].error == "denied by ada: no"
        task = await rt.submit(asking("approval", plan="x"))
        await waits(rt, f"{task.id}.a")
        await rt.flow_handle(f"{task.id}.a").respond("s1", "deny-skip-current")
        assert (await task.wait()).steps["a"].output["approved"] is False


async def test_a_question_that_nobody_answers_expires(autojump_clock):
    async with open_runtime(clock=VirtualClock(1_700_000_000.0)) as rt:
        view = await (await rt.submit(asking("approval", plan="x", expires="1h"))).wait()
        assert view.steps["a"].state == "CLIENT_ERROR"
        assert "not answered" in view.steps["a"].error


async def test_what_is_to_be_approved_is_no_template(mock_clock):
    template = plan(
        a=step(action=echo({"text": "{{`{{ .input.secret }}`}}"})),
        b=step(
            "a", action=Action(type="approval", configuration={"plan": "{{.step.a.output.text}}", "approve_all": True})
        ),
    )
    async with open_runtime() as rt:
        task = await rt.submit(template)
        assert (await task.wait()).state is TaskState.DONE
        flow = await rt.flow_handle(f"{task.id}.b").approval("s1")
        assert flow.contents == {"plan": "{{ .input.secret }}"}


async def test_cancelling_the_task_cancels_its_flow(mock_clock):
    async with open_runtime() as rt:
        task = await rt.submit(asking("approval", plan="x"))
        await waits(rt, f"{task.id}.a")
        await task.cancel()
        await task.wait()
        await cancelled(rt, f"{task.id}.a")
        with pytest.raises(Conflict):
            await rt.flow_handle(f"{task.id}.a").approve("s1")


async def test_a_question_is_still_open_after_a_restart(autojump_clock):
    journal, clock = Kept(), VirtualClock(1_700_000_000.0)
    async with open_runtime(journal=journal, clock=clock) as rt:
        await rt.submit(asking("approval", plan="x"), task_id="t")
        await waits(rt, "t.a")
    async with open_runtime(journal=journal, clock=clock) as rt:
        await rt.flow_handle("t.a").approve("s1")
        with trio.fail_after(100):
            view = await rt.wait("t")
        assert view.state is TaskState.DONE
        assert view.steps["a"].output["approved"] is True


@pytest.mark.parametrize("between", ["nothing", "a task"])
async def test_a_flow_that_would_wait_for_itself_is_refused(mock_clock, between):
    inner = {"flow": DOCUMENT, "owner_id": "app", "owner_type": "x", "input": {"name": "Ada"}}
    runs = Signal(type="flow", data=inner)
    if between == "a task":
        runs = Signal(type="subtask", data={"template": "between"})
    async with open_runtime(
        flows=Flows(generators=[Generator("outer", lambda _: [StepSpec(name="s", signal=runs)])])
    ) as rt:
        await rt.register(
            Template(
                name="between",
                steps={"a": step(action=Action(type="flow", configuration=inner))},
                auto_runnable=True,
                allow_all_resolver_usernames=True,
            )
        )
        outer = await rt.flow("outer", owner_id="app", owner_type="x")
        view = await outer.wait()
        assert view.failed == ("s1",)
        reason = view.step("s").status.metadata["reason"]
        assert "would wait for ever" in reason if between == "nothing" else "BLOCKED" in reason
        other = await rt.submit(asking("flow", **inner))
        assert (await other.wait()).state is TaskState.DONE  # it is newer, and takes the turn from one that failed
        assert (await outer.status()).ended


async def test_a_flow_inside_a_flow_is_found_again_after_a_crash(mock_clock):
    asks = {"kind": "flow", "steps": [{"name": "q", "execution_type": "approval", "plan_kind": "approve-all"}]}
    asks["steps"][0] |= {"signal": {"type": "echo", "data": {"output": {"x": 1}}}, "group_idx": 1}
    inner = Signal(type="flow", data={"flow": asks})
    kit = Flows(generators=[Generator("outer", lambda _: [StepSpec(name="s", signal=inner)])])
    journal = Kept()
    with trio.CancelScope() as crash:
        async with open_runtime(journal=journal, flows=kit) as rt:
            outer = await rt.flow("outer", flow_id="outer")
            await waits(rt, "outer.s1")
            crash.cancel()
            await trio.lowlevel.checkpoint()
    async with open_runtime(journal=journal, flows=kit) as rt:
        await rt.flow_handle("outer.s1").approve("s1")
        assert (await rt.flow_handle(outer.id).result()).status.status == "success"


def actors_of_units() -> int:
    gc.collect()
    return sum(isinstance(one, UnitActor) for one in gc.get_objects())


async def test_a_task_that_waits_for_a_person_holds_no_actor_and_nothing_in_memory(mock_clock, tmp_path):
    before, template = actors_of_units(), asking("approval", plan="x")

    async def ask(rt, count):
        for number in range(count):
            await rt.submit(template, task_id=f"t{count}-{number}")
        for number in range(count):
            await waits(rt, f"t{count}-{number}.a")
        for _ in range(100):  # the store is a thread, and others may keep it from writing
            await trio.testing.wait_all_tasks_blocked(0.01)
            if actors_of_units() == before:
                return
        pytest.fail("an actor is kept")

    async with open_runtime(f"sqlite:///{tmp_path}/tasks.db?synchronous=normal") as rt:
        await ask(rt, 3)
        await rt.flow_handle("t3-0.a").status()  # how to read it back is known from now on
        tracemalloc.start()
        try:
            await ask(rt, 25)
            grown = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        assert grown / 25 < 3_000, "bytes of a task that waits"
        view = await rt.status("t25-7")
        assert (view.state, view.steps["a"].state) == (TaskState.WAITING, "WAITING")
        await rt.flow_handle("t25-7.a").approve("s1", by="ada")
        assert (await rt.wait("t25-7")).state is TaskState.DONE


async def test_a_cancelled_task_or_a_step_that_somebody_settles_cancels_the_flow_it_waits_for(mock_clock):
    async with open_runtime() as rt:
        one, other = [await rt.submit(asking("approval", plan="x"), task_id=name) for name in ("one", "other")]
        for task in (one, other):
            await waits(rt, f"{task.id}.a")
        await trio.testing.wait_all_tasks_blocked()
        await one.cancel(requester="ada", reason="enough")
        await other.operator().pause()
        await other.operator().set_step_state("a", "DONE")
        for task in (one, other):
            await cancelled(rt, f"{task.id}.a")
        assert (await rt.flow_handle("one.a").status()).status.created_by_id == "ada"


class Deaf(Kept):
    """Loses the world as soon as a task is cancelled: nothing more is stored."""

    deaf = False

    async def append(self, entries):
        if self.deaf:
            await trio.sleep_forever()
        position = await super().append(entries)
        self.deaf = any(isinstance(record, TaskCancelled) for entry in entries for record in entry.records)
        return position


async def test_a_cancel_of_a_task_reaches_its_flow_though_the_process_dies_in_between(mock_clock):
    journal = Deaf()
    with trio.CancelScope() as crash:
        async with open_runtime(journal=journal) as rt:
            task = await rt.submit(asking("approval", plan="x"), task_id="t")
            await waits(rt, "t.a")
            await trio.testing.wait_all_tasks_blocked()
            await task.cancel(requester="ada", reason="enough")
            crash.cancel()
            await trio.lowlevel.checkpoint()
    assert crash.cancelled_caught
    journal.deaf = False
    async with open_runtime(journal=journal) as rt:
        await cancelled(rt, "t.a")
        status = (await rt.flow_handle("t.a").status()).status
        assert status.created_by_id == "ada"
        await trio.testing.wait_all_tasks_blocked()
        assert not await journal.awake(), "nobody has anything left to do"
        assert isinstance((await journal.read("t"))[-1], FlowDismissed)


async def test_a_step_that_is_done_anew_finds_the_flow_of_the_first_time(mock_clock):
    async with open_runtime() as rt:
        task = await rt.submit(asking("approval", plan="x"), task_id="t")
        await waits(rt, "t.a")
        await task.operator().pause()
        await task.operator().set_step_state("a", "TODO")
        await task.run()
        await trio.testing.wait_all_tasks_blocked()
        await rt.flow_handle("t.a").approve("s1")
        assert (await task.wait()).state is TaskState.DONE


class Flaky(Runner[EchoConfig]):
    """Fails the first time."""

    name = "flaky"
    config = EchoConfig
    failed = False

    async def run(self, _request):
        await trio.lowlevel.checkpoint()
        if not self.failed:
            self.failed = True
            raise ClientError("not today")
        return Outcome()


async def test_a_flow_that_is_run_again_after_its_failure_mends_the_task_that_it_blocked(mock_clock):
    document = {"kind": "flow", "mode": "flat", "steps": [{"name": "s", "signal": {"type": "flaky"}}]}
    async with open_runtime(runners=[Flaky()]) as rt:
        task = await rt.submit(asking("flow", flow=document), task_id="t")
        view = await task.wait()
        assert (view.state, view.steps["a"].state) == (TaskState.BLOCKED, "CLIENT_ERROR")
        await rt.flow_handle("t.a").retry("s1")
        with trio.fail_after(100):
            while (await task.status()).state is not TaskState.DONE:
                await trio.lowlevel.checkpoint()
