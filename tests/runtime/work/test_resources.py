"""Steps that share limited resources, on a virtual clock."""

import attrs
import pytest
import trio
import trio.testing

from actors import ShutdownContext, StopReason
from runtime import (
    Action,
    Limits,
    Output,
    OutputStrategy,
    ResolutionState,
    ResourceFigures,
    Step,
    TaskState,
    open_runtime,
)
from runtime.journal.protocol import JournalUnavailable
from runtime.runner import ClientError, NotProvisioned, Outcome, Runner
from runtime.work.resources import Everywhere
from tests.support.plans import echo, plan, step


class Gauge:
    """A function that says how many run at once, and in which order they began."""

    def __init__(self) -> None:
        self.now = self.peak = 0
        self.order: list[str] = []

    async def __call__(self, name: str) -> str:
        self.order.append(name)
        self.now += 1
        self.peak = max(self.peak, self.now)
        try:
            await trio.sleep(1)
        finally:
            self.now -= 1
        return name


def steps(gauge, count, **others):
    async def work(name):
        return await gauge(name)

    return {f"s{n:02}": Step(action=Action.calling(work, name=f"s{n:02}"), **others) for n in range(count)}


async def test_no_more_steps_than_the_limit_hold_a_resource_across_all_tasks(autojump_clock, clock):
    gauge = Gauge()
    template = plan(**steps(gauge, 5, resources=["lock"]))
    async with open_runtime(clock=clock, limits=Limits(resources={"lock": 2})) as rt:
        tasks = [await rt.submit(template) for _ in range(3)]
        await trio.testing.wait_all_tasks_blocked()
        waiting = [rt.queued(task.id) for task in tasks]
        assert [set(names.values()) for names in waiting] == [{"lock (2)"}] * 3
        assert sum(map(len, waiting)) == 13
        for task in tasks:
            assert (await task.wait()).state is TaskState.DONE
        assert await rt.resources() == {"lock": ResourceFigures(limit=2, granted=15)}
        assert not rt._resources._awaited
    assert gauge.peak == 2
    assert trio.current_time() >= 7.5


@pytest.mark.parametrize("label", ["runner:function", "steps"])
async def test_a_limit_per_runner_or_in_total_needs_no_label_in_the_template(autojump_clock, clock, label):
    gauge = Gauge()
    limits = Limits(resources={label: 1, "runner:http": 0})
    async with open_runtime(clock=clock, limits=limits) as rt:
        assert (await (await rt.submit(plan(**steps(gauge, 4)))).wait()).state is TaskState.DONE
    assert (gauge.peak, len(gauge.order)) == (1, 4)


async def test_steps_without_a_limited_label_never_wait(autojump_clock, clock):
    gauge = Gauge()
    limits = Limits(resources={"other": 0, "runner:http": 1})
    async with open_runtime(clock=clock, limits=limits) as rt:
        await (await rt.submit(plan(**steps(gauge, 20, resources=["free"])))).wait()
        assert {one.granted for one in (await rt.resources()).values()} == {0}
    assert gauge.peak == 20


async def test_a_step_that_gets_nothing_in_time_is_retried_with_what_it_had(autojump_clock, clock):
    waited = []

    async def work() -> str:
        waited.append(trio.current_time())
        await trio.sleep(30)
        return "done"

    template = plan(a=Step(action=work, resources=["lock"]), b=Step(action=work, resources=["lock"]))
    limits = Limits(resources={"lock": 1}, acquire_timeout=5)
    async with open_runtime(clock=clock, limits=limits) as rt:
        task = await rt.submit(template)
        await trio.sleep(6)
        late = next(one for one in (await task.status()).steps.values() if one.state == "TO_RETRY")
        assert late.error == "resources were not free within 5s: lock (1)"
        assert (await rt.resources())["lock"].abandoned == 1
        view = await task.wait()
    assert [one.state for one in view.steps.values()] == ["DONE", "DONE"]
    assert len(waited) == 2


async def test_a_resource_with_limit_zero_is_switched_off_at_once(autojump_clock, clock):
    template = plan(a=step(action=echo("x"), resources=["off"]))
    async with open_runtime(clock=clock, limits=Limits(resources={"off": 0})) as rt:
        task = await rt.submit(template)
        await trio.testing.wait_all_tasks_blocked()
        view = await task.status()
        assert (view.resolution, view.steps["a"].state) == (ResolutionState.ERROR, "TO_RETRY")
        assert view.steps["a"].error == 'resource "off" is switched off: its limit is 0'
        await task.cancel()


@pytest.mark.parametrize(
    ("output", "kept"),
    [
        (None, {"id": 7}),
        (Output(strategy=OutputStrategy.TEMPLATE, format={"n": "{{.step.this.output.id}}"}), {"n": "7"}),
        (Output(strategy=OutputStrategy.MERGE, format={"t": "{{.step.this.try_count}}"}), {"id": 7, "t": "0"}),
    ],
)
async def test_a_shortage_keeps_the_output_of_the_attempt_before(autojump_clock, clock, output, kept):
    tries = []

    async def work() -> Outcome:
        tries.append(1)
        if len(tries) == 1:
            raise ClientError("not yet", output={"id": 7}, metadata={"m": 1})
        return Outcome(output="fine")

    async def hog() -> None:
        await trio.sleep(100)

    action = attrs.evolve(Action.calling(work), output=output)
    template = plan(a=Step(action=action, resources=["lock"]))
    limits = Limits(resources={"lock": 1}, acquire_timeout=1)
    async with open_runtime(clock=clock, limits=limits) as rt:
        task = await rt.submit(template)
        assert (await task.wait()).steps["a"].output == kept
        await rt.submit(plan(h=Step(action=hog, resources=["lock"])))
        await trio.testing.wait_all_tasks_blocked()
        await task.run()
        await trio.sleep(2)
        view = (await task.status()).steps["a"]
        assert (view.state, view.output, view.metadata) == ("TO_RETRY", kept, {"m": 1})
        await task.cancel()


async def test_cancelling_gives_everything_back_whether_held_or_waited_for(autojump_clock, clock):
    gauge = Gauge()
    async with open_runtime(clock=clock, limits=Limits(resources={"lock": 1})) as rt:
        task = await rt.submit(plan(**steps(gauge, 10, resources=["lock"])))
        await trio.testing.wait_all_tasks_blocked()
        figures = (await rt.resources())["lock"]
        assert (figures.held, figures.waiting) == (1, 9)
        await task.cancel()
        assert (await (await rt.submit(plan(**steps(gauge, 1, resources=["lock"])))).wait()).state is TaskState.DONE
        figures = (await rt.resources())["lock"]
        assert (figures.held, figures.waiting, figures.granted + figures.abandoned) == (0, 0, 11)


class Broken(Runner[object]):
    """A runner that cannot even say what it needs."""

    name = "broken"
    config = object

    def resources(self, _config):
        raise LookupError("nowhere")

    async def run(self, _request):
        return Outcome()


async def test_a_runner_that_cannot_say_what_it_needs_fails_its_step_only(autojump_clock, clock):
    limits = Limits(resources={"lock": 1})
    async with open_runtime(runners=[Broken()], clock=clock, limits=limits) as rt:
        task = await rt.submit(plan(a=step(action=Action(type="broken"), max_retries=1)))
        await trio.testing.wait_all_tasks_blocked()
        assert (await task.status()).steps["a"].error == "LookupError: nowhere"
        await task.cancel()


@pytest.mark.parametrize("count", [4, 40])
async def test_steps_that_wait_when_the_runtime_shuts_down_are_not_begun_and_nobody_has_to_look_at_them(
    autojump_clock, clock, count
):
    gauge = Gauge()
    async with open_runtime(clock=clock, limits=Limits(resources={"lock": 1}), grace_seconds=30) as rt:
        task = await rt.submit(plan(**steps(gauge, count, resources=["lock"])))
        await trio.testing.wait_all_tasks_blocked()
        rt.shutdown()
        await rt.drained()
        view = await task.status()
    assert len(gauge.order) == 1
    states = sorted(one.state for one in view.steps.values())
    assert states == ["DONE", *["TO_RETRY"] * (count - 1)]


async def test_of_a_wide_task_few_more_steps_ask_for_a_resource_than_may_hold_it(autojump_clock, clock):
    gauge = Gauge()
    async with open_runtime(clock=clock, limits=Limits(resources={"lock": 4})) as rt:
        task = await rt.submit(plan(**steps(gauge, 100, resources=["lock"])))
        await trio.sleep(1.5)
        held = (await rt.resources())["lock"]
        assert (held.held, held.waiting) == (4, 20)
        view = await task.status()
        assert sum(one.state == "RUNNING" for one in view.steps.values()) == 96
        assert (await task.wait()).state is TaskState.DONE
    assert gauge.peak == 4


async def test_a_cancel_reaches_the_steps_that_have_not_even_asked(autojump_clock, clock):
    gauge = Gauge()
    async with open_runtime(clock=clock, limits=Limits(resources={"lock": 1})) as rt:
        task = await rt.submit(plan(**steps(gauge, 50, resources=["lock"])))
        await trio.sleep(0.5)
        await task.cancel()
        await trio.testing.wait_all_tasks_blocked()
        assert not any(one.state == "RUNNING" for one in (await task.status()).steps.values())
        assert (await (await rt.submit(plan(**steps(gauge, 1, resources=["lock"])))).wait()).state is TaskState.DONE
    assert len(gauge.order) == 2


class Unfree:
    """A store in which a resource never becomes free, or which is away."""

    def __init__(self, fault=None):
        self.fault = fault
        self.given_back = []

    async def hold(self, *_what):
        await trio.lowlevel.checkpoint()
        if self.fault:
            raise self.fault
        return False

    def unhold(self, ticket):
        self.given_back.append(ticket)


@pytest.mark.parametrize("fault", [None, JournalUnavailable("away")])
async def test_who_waits_for_what_all_instances_share_gives_up_in_time_and_when_the_runtime_ends(autojump_clock, fault):
    journal, shutdown = Unfree(fault), ShutdownContext(10)
    everywhere = Everywhere(journal, shutdown)
    limits = Limits(resources={"api": 1}, everywhere=frozenset({"api"}))
    for problem in (r"in all instances: api \(1\)", "shutting down"):
        began = trio.current_time()
        with pytest.raises(NotProvisioned, match=problem):
            async with everywhere.holding(limits, ["api", "other"], 7, began + 5):
                pass
        assert trio.current_time() - began == (0 if shutdown.reason else pytest.approx(5, abs=0.3))
        shutdown.begin(StopReason.shutdown("test"))
    assert journal.given_back == [7, 7]
