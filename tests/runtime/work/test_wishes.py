"""What steps wish of the runtime: children, batches and callbacks, on a virtual clock, with runners made for the test."""

import math

import attrs
import pytest
import trio

from runtime import Action, Conflict, InputInvalid, NotFound, ResolutionState, Step, TaskState, open_runtime
from runtime.engine.draft import replay
from runtime.engine.rights import Administrators
from runtime.journal.listing import Wanted
from runtime.journal.memory import MemoryJournal
from runtime.runner import (
    PARENT_TAG,
    AwaitCallback,
    ChildTask,
    ClientError,
    NotAssigned,
    OpenCallback,
    Outcome,
    Runner,
    Spawn,
    new_callback,
)
from runtime.templates.model import Input
from tests.support.plans import echo, plan, step
from tests.support.times import EPOCH


@attrs.frozen(kw_only=True)
class ManyConfig:
    template: str
    inputs: list[dict[str, object]] = attrs.field(factory=lambda: [{}])
    at_most: int = 0


class Many(Runner[ManyConfig]):
    """Makes a task per input, and gives what they came to."""

    name = "many"
    config = ManyConfig

    async def run(self, request):
        if not request.spawned:
            tasks = [ChildTask(template=request.config.template, inputs=inputs) for inputs in request.config.inputs]
            wish = Spawn(tasks=tasks, at_most=request.config.at_most)
            raise NotAssigned("waits", metadata={"ids": [task.id for task in tasks]}, wishes=[wish])
        [batch] = request.spawned
        bad = [task.state for task in batch.tasks.values() if task.state != "DONE"]
        if bad:
            raise ClientError(", ".join(sorted(bad)), metadata=request.values["step"]["this"]["metadata"])
        return Outcome(output=[task.result for task in batch.tasks.values()])


@attrs.frozen(kw_only=True)
class CallConfig:
    id: str = ""


class Call(Runner[CallConfig]):
    name = "call"
    config = CallConfig

    async def run(self, request):
        if not request.config.id:
            wish = new_callback(request.task_id, {"type": "object"})
            return Outcome(output={"id": wish.id, "token": wish.secret}, wishes=[wish])
        called = request.callbacks[request.config.id]
        if called.called_at is None:
            raise NotAssigned("not called yet", wishes=[AwaitCallback(id=called.id)])
        return Outcome(output=called.body)


RUNNERS = [Many(), Call()]


def child(**fields):
    template = plan(a=step(action=echo("{{.input.n}}")), inputs=[Input(name="n", optional=True)])
    return attrs.evolve(
        template,
        name="child",
        auto_runnable=True,
        result_format={"n": "{{.step.a.output}}"},
        **fields,
    )


def parent(**configuration):
    return plan(spawn=Step(action=Action(type="many", configuration={"template": "child", **configuration})))


async def rested(rt, task, state):
    """The task, once it rests in this state of its resolution."""
    with trio.fail_after(600):
        while True:
            view = await task.status()
            if view.resolution == state and not view.running:
                return view
            await trio.sleep(0.01)


async def test_children_run_by_themselves_and_their_end_wakes_the_step_that_wished_for_them(autojump_clock, clock):
    async with open_runtime(clock=clock, runners=RUNNERS) as rt:
        await rt.register(child())
        task = await rt.submit(parent(inputs=[{"n": "1"}, {"n": "2"}]))
        view = await task.wait()
        assert view.state is TaskState.DONE
        assert sorted(result["n"] for result in view.steps["spawn"].output) == ["1", "2"]
        assert view.steps["spawn"].try_count == 2
        assert view.run_count == 2
        assert clock.wall() < EPOCH + 1  # woken, not polled


async def test_a_child_that_may_not_start_by_itself_waits_to_be_resolved(autojump_clock, clock):
    journal = MemoryJournal()
    async with open_runtime(clock=clock, runners=RUNNERS, journal=journal, administrators=Administrators()) as rt:
        await rt.register(child())
        task = await rt.submit(parent(), requester="ada")
        view = await rested(rt, task, ResolutionState.WAITING)
        [made] = view.steps["spawn"].metadata["ids"]
        seen = await rt.status(made)
        assert seen.state is TaskState.TODO
        assert seen.resolution_id == ""
        assert seen.requester_username == "ada"
        assert seen.tags[PARENT_TAG] == task.id
        with pytest.raises(Conflict, match="nobody has taken it on yet"):
            await rt.run(made)
        await rt.resolve(made, resolver="bob")
        with pytest.raises(Conflict, match="already"):
            await rt.resolve(made)
        assert (await task.wait()).state is TaskState.DONE
        await trio.sleep(1)
        assert await journal.awake(after=0, limit=10) == []
        seen = replay(await journal.read(made))
        assert seen.header.parent == task.id
        assert not seen.course.untold


async def test_a_child_that_its_parent_waits_for_is_deleted_only_once_it_has_ended(autojump_clock, clock):
    async with open_runtime(clock=clock, runners=RUNNERS, administrators=Administrators()) as rt:
        await rt.register(child())
        task = await rt.submit(parent(), requester="ada")
        [made] = (await rested(rt, task, ResolutionState.WAITING)).steps["spawn"].metadata["ids"]
        with pytest.raises(Conflict, match=f"task {task.id} waits for it to end; cancel it first"):
            await rt.delete(made)
        await rt.cancel(made)
        view = await task.wait()
        assert "WONTFIX" in view.steps["spawn"].error
        await rt.delete(made)
        with pytest.raises(NotFound):
            await rt.status(made)


async def test_no_more_than_the_given_number_of_children_run_at_once(autojump_clock, clock):
    running, most = 0, 0

    async def work():
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.sleep(10)
        running -= 1

    async with open_runtime(clock=clock, runners=RUNNERS) as rt:
        await rt.register(attrs.evolve(plan(a=Step(action=work)), name="child", auto_runnable=True))
        task = await rt.submit(parent(inputs=[{}] * 7, at_most=3))
        with trio.fail_after(600):
            assert (await task.wait()).state is TaskState.DONE
        assert most == 3
        assert EPOCH + 30 <= clock.wall() < EPOCH + 31  # the window slides


@pytest.mark.parametrize(
    ("template", "inputs", "problem"),
    [
        ("chidl", {}, 'task 1 of 2: no template "chidl" (did you mean "child"?)'),
        ("child", {"n": 5}, "task 2 of 2: invalid input: input.n: must be text"),
    ],
)
async def test_a_wish_that_cannot_be_granted_is_the_steps_client_error(
    autojump_clock, clock, template, inputs, problem
):
    async with open_runtime(clock=clock, runners=RUNNERS) as rt:
        await rt.register(child())
        task = await rt.submit(parent(template=template, inputs=[{}, inputs]))
        view = await task.wait()
        assert view.resolution is ResolutionState.BLOCKED_BADREQUEST
        assert problem in view.steps["spawn"].error
        assert view.steps["spawn"].metadata is None  # it would name tasks that there are not
        assert [one.task_id for one in await rt.find(Wanted())] == [task.id]


async def test_a_blocked_child_blocks_its_parent_and_one_that_is_mended_lets_it_go_on(autojump_clock, clock):
    broken = True

    async def work():
        if broken:
            raise ClientError("broken")

    async with open_runtime(clock=clock, runners=RUNNERS) as rt:
        await rt.register(attrs.evolve(plan(a=Step(action=work)), name="child", auto_runnable=True))
        task = await rt.submit(parent())
        view = await task.wait()
        assert view.resolution is ResolutionState.BLOCKED_BADREQUEST
        assert view.steps["spawn"].error == "BLOCKED"
        broken = False
        [made] = view.steps["spawn"].metadata["ids"]
        await rt.run(made)
        await rested(rt, task, ResolutionState.DONE)


@pytest.mark.parametrize("taken_on", [True, False])
async def test_a_cancelled_child_wakes_its_parent(autojump_clock, clock, taken_on):
    async with open_runtime(clock=clock, runners=RUNNERS, administrators=Administrators()) as rt:
        await rt.register(child())
        task = await rt.submit(parent())
        view = await rested(rt, task, ResolutionState.WAITING)
        [made] = view.steps["spawn"].metadata["ids"]
        if taken_on:
            await rt.resolve(made, run=False)
        await rt.cancel(made)
        assert (await task.wait()).steps["spawn"].error == ("CANCELLED" if taken_on else "WONTFIX")


async def test_a_callback_is_taken_once_from_who_knows_its_secret_and_wakes_who_awaits_it(autojump_clock, clock):
    async with open_runtime(clock=clock, runners=RUNNERS) as rt:
        template = plan(
            make=Step(action=Action(type="call")),
            hear=Step(
                action=Action(type="call", configuration={"id": "{{.step.make.output.id}}"}), dependencies=["make"]
            ),
        )
        task = await rt.submit(template)
        view = await rested(rt, task, ResolutionState.WAITING)
        made, token = view.steps["make"].output["id"], view.steps["make"].output["token"]
        assert view.steps["hear"].try_count == 1
        for name, secret in ((made, "wrong"), (made + "0", token), ("nonsense", token), (f"{task.id}.0", token)):
            with pytest.raises(NotFound):
                await rt.call_back(name, secret, {})
        with pytest.raises(InputInvalid, match="is not of type 'object'"):
            await rt.call_back(made, token, "text")
        await rt.call_back(made, token, {"ok": True})
        with pytest.raises(Conflict):
            await rt.call_back(made, token, {"ok": True})
        view = await task.wait()
        assert view.steps["hear"].output == {"ok": True}
        assert view.steps["hear"].try_count == 2


class Wishing(Runner[CallConfig]):
    """Wishes for this and that, all at once."""

    name = "wishing"
    config = CallConfig

    def __init__(self, *wishes):
        super().__init__()
        self.wishes = wishes

    async def run(self, _request):
        await trio.lowlevel.checkpoint()
        raise NotAssigned("waits", output="not kept", wishes=self.wishes)


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        (AwaitCallback(id="t.gone"), "there is no callback t.gone in this task"),
        (OpenCallback(id="t.c", secret="s", schema={"type": 5}), "the schema of the callback is invalid: "),
        (Spawn(tasks=[ChildTask(template="child", tags={PARENT_TAG: "me"})]), f"the tag {PARENT_TAG} is reserved"),
        (5, "a int is not a wish"),
    ],
)
async def test_of_wishes_of_which_one_cannot_be_granted_none_is(autojump_clock, clock, wish, why):
    granted = Spawn(tasks=[ChildTask(template="child", id="made")])
    async with open_runtime(clock=clock, runners=[Wishing(granted, wish)]) as rt:
        await rt.register(child())
        task = await rt.submit(plan(a=step(action=Action(type="wishing", configuration={}))))
        view = (await task.wait()).steps["a"]
        assert (view.state, view.error[: len(why)], view.output) == ("CLIENT_ERROR", why, None)
        with pytest.raises(NotFound):
            await rt.status("made")


@pytest.mark.parametrize("delay", [math.inf, math.nan, 1e12, "5s"])
async def test_a_child_that_would_begin_when_no_calendar_knows_is_not_made(autojump_clock, delay):
    """It could not be stored, or not be shown again."""

    class Late(Runner[object]):
        name = "late"
        config = object

        async def run(self, _request):
            raise NotAssigned("waits", wishes=[Spawn(tasks=[ChildTask(template="child", delay=delay)])])

    async with open_runtime(runners=[Late()]) as rt:
        await rt.register(child())
        task = await rt.submit(plan(spawn=Step(action=Action(type="late"))))
        assert (await task.wait()).steps["spawn"].state == "CLIENT_ERROR"
        assert "delay: must be" in (await task.status()).steps["spawn"].error
        assert len(await rt.find(Wanted())) == 1


async def test_a_child_may_be_late_already_when_it_is_made(autojump_clock):
    class Overdue(Runner[object]):
        name = "overdue"
        config = object

        async def run(self, request):
            if request.spawned:
                return Outcome()
            raise NotAssigned("waits", wishes=[Spawn(tasks=[ChildTask(template="child", delay=-5)])])

    async with open_runtime(runners=[Overdue()]) as rt:
        await rt.register(child())
        task = await rt.submit(plan(spawn=Step(action=Action(type="overdue"))))
        assert (await task.wait()).state is TaskState.DONE
