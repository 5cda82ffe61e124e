"""Several runtimes on one PostgreSQL store: whoever holds a task goes on with it, and everybody can be asked about it."""

import pytest
import trio

from runtime import Action, Conflict, NotFound, Step, TaskState, open_runtime
from runtime.api.messages import TaskStateChanged
from tests.support.plans import echo, plan, step


@pytest.fixture
def instance(postgres_store):
    """Open one more instance on the store; a lease is short, so that nobody waits for long."""

    def opened(**options):
        return open_runtime(f"{postgres_store}&lease=1", **options)

    return opened


@pytest.fixture(autouse=True)
def _in_time():
    calls.clear()


calls: list[str] = []
gates: dict[str, trio.Event] = {}


async def wait_at(gate: str) -> str:
    calls.append(gate)
    await gates.setdefault(gate, trio.Event()).wait()
    return gate


GATED = plan(a=Step(action=Action.calling(wait_at, gate="{{.task.task_id}}"), idempotent=True))


async def running(runtime, task_id):
    """Wait until the first step of a task runs."""
    while (await runtime.status(task_id)).running == 0:  # noqa: ASYNC110 - it may run elsewhere
        await trio.sleep(0.01)


async def test_postgres_a_task_runs_and_what_it_came_to_is_seen_everywhere(instance):
    with trio.fail_after(20):
        async with instance() as one, instance() as two:
            task = await one.submit(plan(a=step(action=echo("hello"))), task_id="t")
            assert (await task.wait()).state is TaskState.DONE
            assert (await two.status("t")).steps["a"].output == "hello"
            with pytest.raises(NotFound):
                await two.status("ghost")


async def test_postgres_the_same_submission_at_several_instances_is_one_task(instance):
    with trio.fail_after(20):
        async with instance() as one, instance() as two:
            async with trio.open_nursery() as nursery:
                for runtime in (one, two, one, two):
                    nursery.start_soon(lambda rt=runtime: rt.submit(GATED, task_id="same"))
            await running(one, "same")
            assert calls == ["same"]
            with pytest.raises(Conflict):
                await two.submit(plan(b=step()), task_id="same")
            gates["same"].set()
            assert (await two.wait("same")).state is TaskState.DONE


async def test_postgres_who_waits_elsewhere_hears_of_the_end(instance):
    with trio.fail_after(20):
        async with instance() as one, instance() as two:
            await one.submit(GATED, task_id="far")
            await running(two, "far")
            ended = []

            async def wait():
                ended.append(await two.wait("far"))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait)
                await trio.sleep(0.1)
                assert not ended
                gates["far"].set()
            assert ended[0].state is TaskState.DONE


async def test_postgres_a_command_finds_the_instance_that_holds_its_task(instance):
    with trio.fail_after(20):
        async with instance() as one, instance() as two:
            await one.submit(GATED, task_id="cut")
            await running(one, "cut")
            await two.cancel("cut", "enough", requester="ada")
            view = await one.wait("cut")
            assert (view.state, view.stop_reason) == (TaskState.CANCELLED, "ada: enough")
            with pytest.raises(Conflict):
                await two.cancel("cut")
            with pytest.raises(NotFound):
                await two.cancel("ghost")


async def test_postgres_a_task_that_sleeps_is_woken_by_whoever_is_asked(instance):
    with trio.fail_after(20):
        async with instance() as one, instance() as two:
            await one.submit(plan(a=step(action=echo("x"))), task_id="asleep", run=False)
            await two.run("asleep")
            assert (await one.wait("asleep")).state is TaskState.DONE


async def test_postgres_subscribers_hear_of_what_others_do(instance):
    with trio.fail_after(20):
        async with instance() as one, instance() as two, two.subscribe() as events:
            await trio.sleep(0.2)
            await one.submit(plan(a=step(action=echo("x"))), task_id="heard")
            states = []
            async for event in events:
                if isinstance(event, TaskStateChanged):
                    states.append(event.state)
                    if event.state is TaskState.DONE:
                        break
            assert states == [TaskState.TODO, TaskState.RUNNING, TaskState.DONE]


async def test_postgres_what_an_instance_leaves_behind_goes_on_elsewhere_at_once(instance):
    with trio.fail_after(20):
        async with instance() as two:
            async with instance(grace_seconds=0.1) as one:
                await one.submit(GATED, task_id="left")
                await running(one, "left")
            gates["left"].set()
            assert (await two.wait("left")).state is TaskState.DONE
            assert calls == ["left", "left"]


async def test_postgres_nothing_is_held_once_it_sleeps_or_has_ended(instance, postgres_store):
    with trio.fail_after(20):
        async with instance() as one:
            journal = one._journal
            for number in range(20):
                await one.submit(plan(a=step(action=echo("x"))), task_id=f"t{number}", run=bool(number % 2))
            for number in range(1, 20, 2):
                await one.wait(f"t{number}")
            while journal.held:  # noqa: ASYNC110 - nobody says so
                await trio.sleep(0.01)
