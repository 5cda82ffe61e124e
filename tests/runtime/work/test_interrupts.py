"""A step that hangs is cut by somebody, wherever it hangs, and its retries go on. On a virtual clock."""

from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from runtime import Action, Conflict, Limits, NotFound, Step, TaskState, open_runtime
from runtime.api.messages import Recorded, StepStateChanged
from tests.runtime.work.test_watch import Watched
from tests.support.plans import echo, plan, step
from tests.support.times import EPOCH

SAID = "interrupted by ann: it hangs"


@pytest.fixture
def hanging():
    """Hangs the first time, and says how that ended."""
    seen = []

    async def work() -> str:
        seen.append("began")
        if len(seen) == 1:
            try:
                await trio.sleep_forever()
            finally:
                seen.append("cut")
        return "at last"

    work.seen = seen
    return work


@asynccontextmanager
async def opened(**options):
    with trio.fail_after(1000):
        async with open_runtime(**options) as rt:
            yield rt


async def started(task, name="a"):
    """Wait until a step is in flight; give the number of its attempt."""
    await trio.testing.wait_all_tasks_blocked()
    attempt = (await task.status()).steps[name].attempt
    assert attempt
    return attempt


async def test_a_function_stuck_in_an_await_is_cut_and_called_again_as_its_retries_say(autojump_clock, clock, hanging):
    async with opened(clock=clock) as rt:
        task = await rt.submit(plan(a=Step(action=hanging), b=step("a")))
        attempt = await started(task)
        async with rt.subscribe(task.id) as events:
            await task.interrupt_step("a", "it hangs", requester="ann", attempt=attempt)
            seen = [event async for event in until_returned(events)]
        view = await task.status()
        assert (view.steps["a"].state, view.steps["a"].error, view.steps["a"].try_count) == ("SERVER_ERROR", SAID, 1)
        assert (view.state, view.next_retry) == (TaskState.RUNNING, pytest.approx(clock.wall() + 10))
        assert [one.what for one in seen if isinstance(one, Recorded)] == ["attempt_interrupted"]
        assert [(one.state, one.error) for one in seen if isinstance(one, StepStateChanged)] == [("SERVER_ERROR", SAID)]
        with pytest.raises(Conflict, match="it waits to be tried again"):
            await task.interrupt_step("a", attempt=attempt)
        view = await task.wait()
        assert (view.state, view.steps["a"].output, view.steps["a"].attempt) == (TaskState.DONE, "at last", 0)
        assert hanging.seen == ["began", "cut", "began"]


async def until_returned(events):
    async for event in events:
        yield event
        if isinstance(event, StepStateChanged):
            return


async def test_others_of_its_task_go_on(autojump_clock, clock, hanging):
    async def slow() -> None:
        await trio.sleep(5)

    async with opened(clock=clock) as rt:
        task = await rt.submit(plan(a=Step(action=hanging), b=Step(action=slow), c=step("b")))
        await started(task)
        await rt.interrupt_step(task.id, "a", retry=False)
        view = await task.wait()
        assert {name: one.state for name, one in view.steps.items()} == {"a": "FATAL_ERROR", "b": "DONE", "c": "DONE"}
        assert view.steps["a"].error == "interrupted by user"
        await task.run()
        assert (await task.wait()).state is TaskState.DONE


async def test_a_runner_has_its_grace_first(autojump_clock, clock):
    """What it gives then is not kept, as after any cancel: the grace is for leaving things in order."""
    left = []

    async def work(life):
        await life.wait_stopping()
        await trio.sleep(3)
        left.append("in order")
        return "put down"

    async with opened(runners=[Watched(work, grace_seconds=5)], clock=clock) as rt:
        task = await rt.submit(plan(a=step(action=Action(type="watched"))))
        await started(task)
        await task.interrupt_step("a", "it hangs", requester="ann", retry=False)
        assert clock.wall() < EPOCH + 1  # it is stored, and the step still has its grace
        assert (await task.status()).steps["a"].state == "RUNNING"
        await task.interrupt_step("a", retry=False)
        one = (await task.wait()).steps["a"]
        assert (one.state, one.error, one.output, one.try_count) == ("FATAL_ERROR", SAID, None, 1)
        assert left == ["in order"]


async def test_a_runner_that_outstays_its_grace_is_cut(autojump_clock, clock):
    async def work(_life):
        await trio.sleep_forever()

    async with opened(runners=[Watched(work, grace_seconds=5)], clock=clock) as rt:
        task = await rt.submit(plan(a=step(action=Action(type="watched"))))
        await started(task)
        await task.interrupt_step("a", "it hangs", requester="ann", retry=False)
        assert (await task.wait()).steps["a"].error == SAID
        assert EPOCH + 5 <= clock.wall() < EPOCH + 6


async def hog() -> None:
    await trio.sleep_forever()


@pytest.mark.parametrize(
    "waits",
    [
        step(execution_delay=20),
        step(pre_hook=Action.calling(hog)),
        step(resources=["lock"]),
        step(foreach="[1]", resources=["lock"]),
    ],
    ids=["in its delay", "in its pre-hook", "in line for a resource", "as a child of a loop"],
)
async def test_it_is_cut_wherever_it_waits(autojump_clock, clock, waits):
    async with opened(clock=clock, limits=Limits(resources={"lock": 1}, acquire_timeout=7200)) as rt:
        holder = await rt.submit(plan(h=Step(action=hog, resources=["lock"])))
        await started(holder, "h")
        task = await rt.submit(plan(a=waits))
        name = "a-0" if waits.foreach else "a"
        await started(task, name)
        await task.interrupt_step(name, retry=False)
        await task.wait()
        assert clock.wall() < EPOCH + 1
        assert (await task.status()).steps[name].state == "FATAL_ERROR"
        assert (await rt.resources())["lock"].waiting == 0
        await holder.interrupt_step("h", retry=False)
        await holder.wait()
        assert (await rt.resources())["lock"].held == 0


async def test_one_of_many_that_stand_in_line_for_their_turn_is_cut_there(autojump_clock, clock):
    """Of a wide task most steps have not even begun."""
    names = [f"s{number}" for number in range(60)]
    async with opened(clock=clock, limits=Limits(resources={"lock": 1}, acquire_timeout=7200)) as rt:
        task = await rt.submit(plan(**{name: Step(action=hog, resources=["lock"]) for name in names}))
        await started(task, names[-1])
        for name in reversed(names):
            await task.interrupt_step(name, retry=False)
        view = await task.wait()
        assert {one.state for one in view.steps.values()} == {"FATAL_ERROR"}
        assert clock.wall() < EPOCH + 1


async def test_what_is_not_there_or_not_running_is_said_in_typed_errors(autojump_clock, clock):
    async with opened(clock=clock) as rt:
        with pytest.raises(NotFound, match='no task "nobody"'):
            await rt.interrupt_step("nobody", "a")
        task = await rt.submit(plan(fetch=step(action=echo("x"))))
        await task.wait()
        with pytest.raises(NotFound, match='did you mean "fetch"'):
            await task.interrupt_step("fecth")
        with pytest.raises(Conflict, match="it is DONE"):
            await task.interrupt_step("fetch")
        asks = await rt.submit(
            plan(ask=step(action=Action(type="approval", configuration={"plan": "x"}))), task_id="asks"
        )
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Conflict, match=r"it waits for flow asks\.ask"):
            await asks.interrupt_step("ask")
