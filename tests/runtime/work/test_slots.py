"""Runs that wait in line for slots, which they hold from their beginning to their end, on a virtual clock."""

import gc
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from runtime import (
    Action,
    Conflict,
    Limits,
    ResolutionState,
    Step,
    TaskState,
    Template,
    open_runtime,
)
from runtime.configuration import ConfigurationInvalid
from runtime.journal.memory import MemoryJournal
from runtime.journal.protocol import entry_of
from runtime.journal.replaying import replay
from runtime.runner import Outcome, Runner, StepFailed
from runtime.work.intake import Intake
from runtime.work.limits import limits_of
from runtime.work.pools import Pools
from runtime.work.task import TaskActor
from tests.support.plans import echo, plan, step
from tests.support.times import EPOCH


@asynccontextmanager
async def opened(**options):
    with trio.fail_after(100_000):
        async with open_runtime(**options) as rt:
            yield rt


class Gauge(Runner[object]):
    """A runner whose steps take a second; how many of them did so at once."""

    config = object

    def __init__(self, name="work"):
        self.name = name
        self.now = self.peak = 0
        self.order = []

    async def run(self, request):
        self.order.append(f"{request.task_id}.{request.step}")
        self.now += 1
        self.peak = max(self.peak, self.now)
        await trio.sleep(1)
        self.now -= 1
        return Outcome()

    def chain(self, length=3, name="plan"):
        steps = {}
        for number in range(length):
            before = [f"s{number - 1}"] if number else []
            steps[f"s{number}"] = Step(action=Action(type=self.name), dependencies=before, idempotent=True)
        return Template(name=name, steps=steps)


class Kept(MemoryJournal):
    """Outlives its runtime."""

    async def close(self):
        pass


def task_actors():
    """Give those in this process; whoever holds them keeps what other tests have left of them."""
    gc.collect()
    return [one for one in gc.get_objects() if isinstance(one, TaskActor)]


async def test_a_run_holds_its_slot_from_its_beginning_to_its_end(autojump_clock, clock):
    gauge, of_others = Gauge(), task_actors()
    async with opened(clock=clock, limits=Limits(executions=2), runners=[gauge]) as rt:
        await trio.testing.wait_all_tasks_blocked()
        tasks = [await rt.submit(gauge.chain(), task_id=f"t{number}") for number in range(6)]
        await trio.testing.wait_all_tasks_blocked()
        waiting = await tasks[4].status()
        assert (waiting.state, waiting.resolution) == (TaskState.TODO, ResolutionState.TO_AUTORUN)
        figures = (await rt.resources())["executions"]
        assert (figures.held, figures.waiting) == (2, 4)
        assert len(task_actors()) - len(of_others) == 2  # those in line are not in memory
        for task in tasks:
            assert (await task.wait()).state is TaskState.DONE
        await trio.testing.wait_all_tasks_blocked()
        figures = (await rt.resources())["executions"]
        assert (figures.held, figures.waiting, figures.granted) == (0, 0, 6)
    assert gauge.peak == 2
    assert trio.current_time() >= 9
    first = [name.partition(".")[0] for name in gauge.order if name.endswith(".s0")]
    for turn in range(3):  # those that begin together do so in any order
        assert set(first[2 * turn : 2 * turn + 2]) == {f"t{2 * turn}", f"t{2 * turn + 1}"}


async def test_runs_of_a_template_hold_its_resource_and_others_pass_them_in_line(autojump_clock, clock):
    slow, quick = Gauge("slow"), Gauge("quick")
    limits = Limits(executions=2, resources={"template:slow": 1})
    async with opened(clock=clock, limits=limits, runners=[slow, quick]) as rt:
        held = [await rt.submit(slow.chain(name="slow")) for _ in range(4)]
        others = [await rt.submit(quick.chain(length=1, name="quick")) for _ in range(4)]
        for task in others:
            await task.wait()
        assert trio.current_time() < 5
        for task in held:
            assert (await task.wait()).state is TaskState.DONE
    assert (slow.peak, quick.peak) == (1, 1)


async def test_a_task_that_waits_for_its_retry_holds_no_slot(autojump_clock, clock):
    gauge, failures = Gauge(), []

    async def flaky():
        failures.append(1)
        if len(failures) == 1:
            raise StepFailed("not yet")

    async with opened(clock=clock, limits=Limits(executions=1), runners=[gauge]) as rt:
        task = await rt.submit(plan(a=Step(action=flaky)))
        other = await rt.submit(gauge.chain())
        assert (await other.wait()).state is TaskState.DONE
        assert (await task.status()).resolution is ResolutionState.ERROR
        view = await task.wait()
        assert (view.state, view.run_count) == (TaskState.DONE, 2)


async def test_a_parent_that_waits_for_its_child_gives_it_its_slot(autojump_clock, clock):
    steps = {"a": step(action=echo("x"))}
    child = Template(name="child", steps=steps, auto_runnable=True, allow_all_resolver_usernames=True)
    spawn = Action(type="subtask", configuration={"template": "child"})
    async with opened(clock=clock, limits=Limits(executions=1)) as rt:
        await rt.register(child)
        assert (await (await rt.submit(plan(a=Step(action=spawn)))).wait()).state is TaskState.DONE


@pytest.mark.parametrize("how", ["cancel", "pause"])
async def test_a_task_in_line_can_be_stopped_and_its_place_is_nobodys(autojump_clock, clock, how):
    gauge = Gauge()
    async with opened(clock=clock, limits=Limits(executions=1), runners=[gauge]) as rt:
        _, second, third = [await rt.submit(gauge.chain(length=1)) for _ in range(3)]
        await trio.testing.wait_all_tasks_blocked()
        await (second.cancel() if how == "cancel" else second.operator("ann").pause("wait"))
        assert (await third.wait()).state is TaskState.DONE
        await trio.testing.wait_all_tasks_blocked()
        figures = (await rt.resources())["executions"]
        assert (figures.held, figures.waiting) == (0, 0)
        if how == "pause":
            await second.run()
            assert (await second.wait()).state is TaskState.DONE
        else:
            with pytest.raises(Conflict):
                await second.run()
    assert len(gauge.order) == (3 if how == "pause" else 2)


async def test_asking_for_a_run_again_does_not_give_a_task_a_second_slot(autojump_clock, clock):
    gauge = Gauge()
    async with opened(clock=clock, limits=Limits(executions=1), runners=[gauge]) as rt:
        _, second = [await rt.submit(gauge.chain(length=2)) for _ in range(2)]
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(3):
            await second.run()
        assert (await second.wait()).state is TaskState.DONE
        await trio.testing.wait_all_tasks_blocked()
        assert (await rt.resources())["executions"].held == 0
    assert gauge.peak == 1


async def test_with_no_slots_at_all_nothing_ever_runs(autojump_clock, clock):
    async with opened(clock=clock, limits=Limits(executions=0)) as rt:
        task = await rt.submit(plan(a=step(action=echo("x"))))
        await trio.sleep(10_000)
        assert (await task.status()).resolution is ResolutionState.TO_AUTORUN


async def test_a_template_that_is_switched_off_blocks_its_tasks_and_is_tried_again_after_ten_minutes(
    autojump_clock, clock
):
    journal = Kept()

    async with opened(journal=journal, clock=clock, limits=Limits(resources={"template:plan": 0})) as rt:
        task = await rt.submit(plan(a=step(action=echo("x"))), task_id="t")
        view = await task.wait()
        assert (view.state, view.resolution) == (TaskState.BLOCKED, ResolutionState.TO_AUTORUN_DELAYED)
        async with rt.feed() as feed:
            assert TaskState.BLOCKED in [getattr(event, "state", None) for event in await feed.read()]
        assert view.next_retry == pytest.approx(EPOCH + 600, abs=1)
        assert view.stop_reason == 'runtime: resource "template:plan" is switched off: its limit is 0'
        await trio.sleep(700)
        assert (await task.status()).next_retry == pytest.approx(EPOCH + 1200, abs=1)
    async with opened(journal=journal, clock=clock) as rt:
        await trio.sleep(700)
        view = await rt.status("t")
        assert (view.state, view.stop_reason, view.run_count) == (TaskState.DONE, "", 1)


async def test_those_in_line_when_the_runtime_closes_keep_their_place_in_the_journal(autojump_clock, clock):
    gauge, journal = Gauge(), Kept()

    async with opened(
        journal=journal, clock=clock, limits=Limits(executions=1), grace_seconds=60, runners=[gauge]
    ) as rt:
        for number in range(4):
            await rt.submit(gauge.chain(length=1), task_id=f"t{number}")
    assert gauge.order == ["t0.s0"]
    for limits in (Limits(executions=1), None):
        async with opened(journal=journal, clock=clock, limits=limits, grace_seconds=60, runners=[gauge]) as rt:
            assert (await rt.wait("t1")).state is TaskState.DONE
            if limits is None:
                for number in range(4):
                    assert (await rt.wait(f"t{number}")).state is TaskState.DONE
    assert gauge.order[:2] == ["t0.s0", "t1.s0"]


async def test_what_a_crash_cut_off_goes_on_a_few_at_a_time(autojump_clock, clock):
    """And the journal of a process that died says RUNNING: those runs are over, and new ones wait in line."""
    gauge = Gauge()
    journal, dead = Kept(), Kept()

    with trio.CancelScope() as scope:
        async with opened(journal=journal, clock=clock, runners=[gauge]) as rt:
            for number in range(5):
                await rt.submit(gauge.chain(length=2), task_id=f"t{number}")
            await trio.sleep(0.5)
            for stored in await journal.tasks():
                records = await journal.read(stored.task_id)
                await dead.append([entry_of(replay(records), records)])
            scope.cancel()
    gauge.now = gauge.peak = 0
    limits = Limits(executions=4, executions_from_crashed=2)
    async with opened(journal=dead, clock=clock, limits=limits, runners=[gauge]) as rt:
        fresh = await rt.submit(gauge.chain(length=1), task_id="fresh")
        for number in range(5):
            view = await rt.wait(f"t{number}")
            assert (view.state, view.run_count) == (TaskState.DONE, 2)
        assert (await fresh.wait()).state is TaskState.DONE
        await trio.testing.wait_all_tasks_blocked()
        assert (await rt.resources())["executions:crashed"].granted == 5
    assert gauge.peak == 3  # two of those, and one that never crashed


def test_utask_cfg_says_what_is_limited():
    text = """{"resource_limits": {"socket": 3}, "resource_acquire_timeout": "30s", "max_concurrent_executions": 10,
               "max_concurrent_executions_from_crashed": 2, "notify_config": {}}"""
    limits = limits_of({"utask-cfg": text})
    assert limits == Limits(resources={"socket": 3}, acquire_timeout=30.0, executions=10, executions_from_crashed=2)


def test_what_utask_cfg_does_not_say_is_what_it_means_and_without_it_nothing_is_limited():
    def read(text):
        limits = limits_of({"utask-cfg": text})
        return limits.executions, limits.executions_from_crashed

    assert limits_of({}) == Limits()
    assert read('{"notify_config": {}}') == (100, 20)
    assert read('{"max_concurrent_executions": 5}') == (5, 5)
    assert read('{"max_concurrent_executions": 0}') == (0, 0)
    assert read('{"max_concurrent_executions": -1}') == (None, 20)
    assert read('{"max_concurrent_executions": -1, "max_concurrent_executions_from_crashed": -1}') == (None, None)


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        ('{"resource_limits": {"socket": "many"}}', "resource_limits.socket"),
        ('{"resource_acquire_timeout": 60}', "must be a duration"),
        ('{"max_concurrent_executions": 1, "max_concurrent_executions_from_crashed": 2}', "may not exceed"),
        ('{"max_concurrent_executions": -2}', "None is no limit"),
        ('{"resource_limits": {"socket": -1}}', "nothing is below that"),
        ('{"resource_limits": {"executions": 1}}', "is not a resource"),
    ],
)
async def test_limits_that_cannot_be_are_refused_before_anything_starts(item, fault):
    with pytest.raises((ConfigurationInvalid, ValueError), match=fault):
        async with open_runtime(config={"utask-cfg": item}):
            pass


@pytest.mark.parametrize(("part", "method"), [(Pools, "give_back"), (Intake, "_do")])
async def test_when_who_hands_out_or_wakes_crashes_nobody_in_line_is_lost(
    autojump_clock, clock, monkeypatch, part, method
):
    gauge, bugs, sound = Gauge(), [], getattr(part, method)

    def flawed(self, *messages):
        if bugs:
            raise ArithmeticError(f"bug {bugs.pop()}")
        return sound(self, *messages)

    monkeypatch.setattr(part, method, flawed)
    async with opened(clock=clock, limits=Limits(executions=1), runners=[gauge]) as rt:
        tasks = [await rt.submit(gauge.chain(length=2), task_id=f"t{number}") for number in range(4)]
        bugs.append(1)
        for task in tasks:
            assert (await rt.wait(task.id)).state is TaskState.DONE
        await trio.testing.wait_all_tasks_blocked()
        figures = (await rt.resources())["executions"]
        assert (figures.held, figures.waiting) == (0, 0)
    assert not bugs
    assert gauge.peak == 1
