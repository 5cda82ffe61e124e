"""Cancels x every fault point: what a step has started ends with it, and what that has, wherever the world ends meanwhile."""

import itertools
from contextlib import contextmanager, suppress

import pytest
import trio

from actors import VirtualClock
from runtime import Conflict, Wanted, open_runtime
from runtime.faults import FaultPoint
from runtime.templates.model import Action, Template
from tests.crash import flows
from tests.crash.flows import World
from tests.crash.test_postgres_product import Store, time_passes
from tests.crash.test_product import Doom, StoredJournal
from tests.runtime.flow.test_programs import BATCH, SUBTASK, Hangs
from tests.support.plans import step
from tests.support.postgres import fresh_store
from tests.support.times import EPOCH

__all__ = ("time_passes",)


def waits(name, **action):
    """Give a task that runs by itself, and whose one step waits for ever: it hangs, or waits for what it has started."""
    steps = {"a": step(idempotent=True, action=Action(**action))}
    return Template(name=name, steps=steps, auto_runnable=True, allow_all_resolver_usernames=True)


def of_one_step(signal, **fields):
    return {"kind": "flow", "steps": [{"name": "s", "signal": signal, **fields}]}


TEMPLATES = [
    waits("child", type="hangs"),
    waits("parent", type="batch", configuration={"template_name": "child", "json_inputs": "[{}, {}]"}),
    waits("grandparent", type="subtask", configuration={"template": "parent"}),
    waits("asker", type="flow", configuration={"flow": of_one_step(SUBTASK)}),
]
SIGNALS = {
    "task": (SUBTASK, 1),
    "batch": (BATCH, 3),
    "family": ({"type": "subtask", "data": {"template": "grandparent"}}, 4),
    "flow": ({"type": "flow", "data": {"flow": of_one_step(SUBTASK)}}, 1),
    "flow_of_a_task": ({"type": "subtask", "data": {"template": "asker"}}, 2),
}


async def live(store, person, *, point=None, nth=0):
    """One life of a runtime, with a person who uses it; false when the world ended."""
    flows.WORLD.over = False
    with trio.CancelScope() as scope:
        faults, clock = Doom(point, nth, scope) if point else None, VirtualClock(EPOCH)
        journal = await store.reopened()
        async with open_runtime(journal=journal, clock=clock, runners=[Hangs()], faults=faults) as rt:
            for template in TEMPLATES:
                await rt.register(template)
            await person(rt)
    return not flows.WORLD.over


async def crash_anywhere(point, stores, person):
    """Have the world end when a point is reached for the first time, the second, and so on; the person goes on each time."""
    for nth in itertools.count(1):
        flows.WORLD = World()
        with stores() as store:
            survived = await live(store, person, point=point, nth=nth)
            assert survived or await live(store, person)
        if survived:
            assert nth > 1
            return


@contextmanager
def in_memory():
    yield StoredJournal()


@contextmanager
def on_postgres(url):
    with fresh_store(url) as address:
        yield Store(address)


def gives_up(how, kind):
    """Give a person who has a flow run, and gives its step up; who looks whether everything has ended with it then."""
    signal, count = SIGNALS[kind]
    document = of_one_step(signal, timeout_seconds=60 if how == "late" else 0)

    async def person(rt):
        flow = await rt.flow(document, flow_id="f")
        await trio.sleep(30)
        with suppress(Conflict):
            if how == "cancel":
                await flow.cancel()
            elif how == "interrupt":
                await flow.interrupt_step("s1")
        view = await flow.wait()
        assert view.status.status == ("cancelled" if how == "cancel" else "error")
        await everything_has_ended(rt, count)

    return person


async def everything_has_ended(rt, count):
    await trio.sleep(60)
    tasks = [one.task_id for one in await rt.find(Wanted(flows=False))]
    assert len(tasks) == count
    assert {(await rt.status(one)).state for one in tasks} == {"CANCELLED"}
    for one in await rt.find(Wanted(flows=True)):
        assert (await rt.flow_handle(one.task_id).status()).status.status in {"cancelled", "error"}
    assert not await rt._journal.awake()


@pytest.mark.parametrize("kind", SIGNALS)
@pytest.mark.parametrize("how", ["cancel", "interrupt", "late"])
@pytest.mark.parametrize("point", FaultPoint)
async def test_what_a_step_of_a_flow_has_started_ends_with_it_wherever_it_crashes(autojump_clock, point, how, kind):
    await crash_anywhere(point, in_memory, gives_up(how, kind))


@pytest.mark.parametrize("point", FaultPoint)
async def test_the_flow_of_a_task_that_is_cancelled_ends_with_all_it_has_started_wherever_it_crashes(
    autojump_clock, point
):
    async def person(rt):
        await rt.submit("asker", task_id="t")
        await trio.sleep(30)
        with suppress(Conflict):
            await rt.cancel("t")
        await everything_has_ended(rt, 2)

    await crash_anywhere(point, in_memory, person)


@pytest.mark.parametrize("point", FaultPoint)
async def test_postgres_slow_what_a_step_has_started_ends_with_it_though_another_instance_goes_on(
    mock_clock, time_passes, postgres_url, point
):
    """A task of the flow, the flow of that, and the task of that."""
    await crash_anywhere(point, lambda: on_postgres(postgres_url), gives_up("cancel", "flow_of_a_task"))
