"""Steps of flows hold limited resources as steps of tasks do, and never what they themselves wait for."""

import pytest
import trio
import trio.testing

from actors import VirtualClock
from runtime import Action, Limits, Signal, Step, TaskState, Template, open_runtime
from runtime.runner import Outcome, Runner
from tests.support.live_flow import Kept
from tests.support.plain_flow import START
from tests.support.plans import plan, step


class Gauge(Runner[object]):
    """Work that takes a minute; how much of it was done at once."""

    name = "work"
    config = object

    def __init__(self):
        super().__init__()
        self.now = self.peak = self.count = 0

    async def run(self, _request):
        self.count += 1
        self.now += 1
        self.peak = max(self.peak, self.now)
        try:
            await trio.sleep(60)
        finally:
            self.now -= 1
        return Outcome()


def flow(count=3, name="deploy", **settings):
    steps = [{"name": f"s{number}", "signal": {"type": "work"}, **settings} for number in range(count)]
    return {"kind": "flow", "name": name, "groups": [{"steps": steps, "parallel": True}]}


def opened(limits=None, **options):
    return open_runtime(limits=limits, clock=VirtualClock(START), **options)


async def test_a_step_of_a_flow_names_the_resource_that_others_hold(autojump_clock):
    async with opened(Limits(resources={"lock": 1}), runners=[Gauge()]) as rt:
        started = await rt.flow(flow(count=2, resources=["lock"]))
        await trio.sleep(1)
        assert sorted(one.queued for one in (await started.status()).steps) == ["", "lock (1)"]
        assert [one.queued for one in (await started.wait()).steps] == ["", ""]


@pytest.mark.parametrize(
    ("label", "settings"),
    [("steps", {}), ("runner:work", {}), ("flow:deploy", {}), ("lock", {"resources": ["lock"]})],
)
async def test_each_kind_of_limit_holds_for_steps_of_flows_which_wait_as_long_as_it_takes(
    autojump_clock, label, settings
):
    gauge = Gauge()
    limits = Limits(resources={label: 2}, acquire_timeout=1.0)
    async with opened(limits, runners=[gauge]) as rt:
        flows = [await rt.flow(flow(**settings)) for _ in range(2)]
        for one in flows:
            assert (await one.wait()).status.status == "success"
        figures = (await rt.resources())[label]
        assert (figures.granted, figures.held) == (6, 0)
    assert gauge.peak == 2


async def test_steps_of_tasks_and_of_flows_share_what_there_is(autojump_clock):
    gauge = Gauge()
    async with opened(Limits(resources={"steps": 1}), runners=[gauge]) as rt:
        task = await rt.submit(plan(a=Step(action=Action(type="work"))))
        other = await rt.flow(flow(2))
        assert (await task.wait()).state is TaskState.DONE
        assert (await other.wait()).status.status == "success"
    assert (gauge.peak, gauge.count) == (1, 3)


async def test_a_step_whose_resource_is_switched_off_says_so_at_once_and_can_be_retried(autojump_clock):
    async with opened(Limits(resources={"flow:deploy": 0}), runners=[Gauge()]) as rt:
        view = await (await rt.flow(flow(1))).wait()
    assert view.failed == ("s1",)
    assert view.step("s0").status.metadata["reason"] == 'resource "flow:deploy" is switched off: its limit is 0'


def wrapped(kind):
    """A document of which each step waits for other work of the runtime."""
    inner = flow(2, name="inner")
    outer = {
        "flow in flow": {"type": "flow", "data": {"flow": inner}},
        "task in flow": {"type": "subtask", "data": {"template": "child"}},
        "flow in task in flow": {"type": "subtask", "data": {"template": "flows"}},
    }[kind]
    steps = [{"name": f"s{number}", "signal": outer} for number in range(3)]
    return {"kind": "flow", "name": "outer", "groups": [{"steps": steps, "parallel": True}]}


@pytest.mark.parametrize("kind", ["flow in flow", "task in flow", "flow in task in flow"])
async def test_whatever_a_step_of_a_flow_waits_for_can_have_what_it_needs(autojump_clock, kind):
    """With one of everything, for ever patient: who held something while waiting would wait for ever."""
    gauge = Gauge()
    labels = ("steps", "runner:flow", "runner:subtask", "runner:work", "flow:outer", "flow:inner")
    limits = Limits(resources=dict.fromkeys(labels, 1), executions=1, acquire_timeout=0)
    free = {"auto_runnable": True, "allow_all_resolver_usernames": True}
    child = Template(name="child", steps={"a": Step(action=Action(type="work"))}, **free)
    run = Action(type="flow", configuration={"flow": flow(2, name="inner")})
    flows = Template(name="flows", steps={"a": Step(action=run), "b": Step(action=run)}, **free)
    with trio.fail_after(100_000):
        async with opened(limits, runners=[gauge]) as rt:
            await rt.register(child)
            await rt.register(flows)
            view = await (await rt.flow(wrapped(kind))).wait()
            assert view.status.status == "success", view.error
    assert gauge.peak == 1


async def test_people_are_asked_whatever_is_limited(autojump_clock):
    limits = Limits(resources={"steps": 1, "runner:approval": 1})
    async with opened(limits) as rt:
        template = plan(a=step(action=Action(type="approval")), b=step(action=Action(type="approval")), c=step("a"))
        task = await rt.submit(template)
        for name in "ab":
            question = rt.flow_handle(f"{task.id}.{name}")
            await trio.testing.wait_all_tasks_blocked()
            assert (await question.wait()).waits
            await question.approve("s1")
        assert (await task.wait()).state is TaskState.DONE


async def test_a_step_that_still_waits_when_the_runtime_shuts_down_has_not_begun_and_goes_on_later(autojump_clock):
    """Though its work may not be done twice: nobody has to look whether it was done once."""
    gauge, journal = Gauge(), Kept()
    limits = Limits(resources={"runner:work": 1})
    async with opened(limits, runners=[gauge], journal=journal, grace_seconds=1000) as rt:
        await rt.flow(flow(3), flow_id="f")
        await trio.testing.wait_all_tasks_blocked()
        assert gauge.count == 1
    assert gauge.count == 1
    async with opened(limits, runners=[gauge], journal=journal) as rt:
        view = await rt.flow_handle("f").wait()
        assert view.status.status == "success", view
    assert (gauge.peak, gauge.count) == (1, 3)


async def test_a_signal_for_steps_that_still_waits_when_the_runtime_shuts_down_is_asked_later(autojump_clock):
    gauge, journal = Gauge(), Kept()
    limits = Limits(resources={"steps": 1})
    signal = Signal(type="echo", data={"output": {"steps": [{"name": "a", "signal": {"type": "work"}}]}})
    async with opened(limits, runners=[gauge], journal=journal, grace_seconds=1000) as rt:
        await rt.flow(flow(1), flow_id="first")
        await trio.testing.wait_all_tasks_blocked()
        await rt.flow("any", generate_signal=signal, flow_id="f")
        await trio.testing.wait_all_tasks_blocked()
    async with opened(limits, runners=[gauge], journal=journal) as rt:
        view = await rt.flow_handle("f").wait()
    assert view.status.status == "success", view.error
