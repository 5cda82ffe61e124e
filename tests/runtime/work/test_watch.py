"""Signs of life, progress, and the grace of runners that want one, on a virtual clock."""

import pytest
import trio
import trio.testing

from runtime import Action, TaskState, open_runtime
from runtime.api.messages import StepProgressed
from runtime.runner import Outcome, Runner
from tests.support.plans import plan, step


class Watched(Runner[object]):
    """A runner that does what a test says."""

    name = "watched"
    config = object

    def __init__(self, work, **attributes):
        super().__init__()
        self._work = work
        for name, value in attributes.items():
            setattr(self, name, value)

    async def run(self, request):
        return Outcome(output=await self._work(request.life))


def runtime(clock, work, **attributes):
    return open_runtime(runners=[Watched(work, **attributes)], clock=clock)


PLAN = plan(a=step(action=Action(type="watched"), max_retries=1))


async def test_progress_is_told_to_who_listens_and_stored_nowhere(autojump_clock, clock):
    async def work(life):
        life.progress(0.5, "half")
        life.progress(7)
        life.progress(message="x" * 5000)
        return "done"

    async with runtime(clock, work) as rt, rt.subscribe() as events:
        task = await rt.submit(PLAN)
        assert (await task.wait()).steps["a"].output == "done"
        rt.shutdown()
        await rt.drained()
        said = [event async for event in events if isinstance(event, StepProgressed)]
    assert [(one.done, one.message[:4], one.attempt) for one in said] == [
        (0.5, "half", 1),
        (1.0, "", 1),
        (None, "xxxx", 1),
    ]
    assert len(said[2].message) == 1000
    assert {one.task_id for one in said} == {task.id}


async def test_an_attempt_without_a_sign_of_life_is_cut_and_retried(autojump_clock, clock):
    tries = []

    async def work(life):
        tries.append(trio.current_time())
        for _ in range(5):
            await trio.sleep(9)
            life.heartbeat()
        if len(tries) == 1:
            await trio.sleep_forever()
        return "done"

    async with runtime(clock, work, heartbeat_seconds=10) as rt:
        view = await (await rt.submit(PLAN)).wait()
    assert (view.steps["a"].output, len(tries)) == ("done", 2)
    assert tries[1] - tries[0] == pytest.approx(55 + 10)  # cut ten seconds after the last sign, and the retry's delay


async def test_what_was_cut_for_silence_says_so(autojump_clock, clock):
    async def work(_life):
        await trio.sleep_forever()

    async with runtime(clock, work, heartbeat_seconds=10) as rt:
        task = await rt.submit(PLAN)
        await trio.sleep(11)
        step = (await task.status()).steps["a"]
        assert (step.state, step.error) == ("SERVER_ERROR", "no sign of life for 10s: the attempt was cut")
        await task.cancel()


@pytest.mark.parametrize(("grace", "took"), [(3, 3), (60, 10)])
async def test_a_cancel_comes_with_the_grace_that_the_runner_wants_in_bounds(autojump_clock, clock, grace, took):
    stopped = []

    async def work(life):
        assert not life.stopping
        await life.wait_stopping()
        assert life.stopping
        stopped.append(trio.current_time())
        await trio.sleep_forever()

    async with runtime(clock, work, grace_seconds=grace) as rt:
        task = await rt.submit(PLAN)
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        await task.cancel()
        view = await task.wait()
        await trio.testing.wait_all_tasks_blocked()
        assert view.state is TaskState.CANCELLED
        while rt_steps := [one for one in (await task.status()).steps.values() if one.state == "RUNNING"]:
            assert rt_steps
            await trio.sleep(0.5)
    assert stopped == [began]
    assert trio.current_time() - began == pytest.approx(took, abs=0.6)


async def test_one_that_leaves_things_in_order_at_once_is_not_waited_for(autojump_clock, clock):
    order = []

    async def work(life):
        await life.wait_stopping()
        await trio.sleep(0.25)
        order.append("left in order")

    async with runtime(clock, work, grace_seconds=5) as rt:
        task = await rt.submit(PLAN)
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        await task.cancel()
        await task.wait()
    assert order == ["left in order"]
    assert trio.current_time() - began == pytest.approx(0.25)


async def test_errors_and_results_pass_through_the_watch(autojump_clock, clock):
    tries = []

    async def work(_life):
        tries.append(1)
        if len(tries) == 1:
            raise LookupError("gone")
        return "found"

    async with runtime(clock, work, heartbeat_seconds=10, grace_seconds=1) as rt:
        task = await rt.submit(PLAN)
        await trio.testing.wait_all_tasks_blocked()
        assert (await task.status()).steps["a"].error == "LookupError: gone"
        assert (await task.wait()).steps["a"].output == "found"
