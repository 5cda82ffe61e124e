"""Every fault point x every record: the end is that of the run that did not crash, and nothing ran twice unasked."""

import itertools
from contextlib import nullcontext, suppress

import attrs
import pytest
import trio

from actors import VirtualClock
from runtime import Conflict, Limits, ResolutionState, TaskState, open_runtime
from runtime.engine.records import AttemptInterrupted, StepInterrupted, StepReturned, StepStarted, TaskSubmitted
from runtime.faults import FaultPoint
from runtime.journal.codec import decode_template, decode_turn, encode_template, encode_turn
from runtime.journal.memory import MemoryJournal
from tests.crash import flows
from tests.crash.flows import FLOWS, World
from tests.runtime.work.test_wishes import RUNNERS, child
from tests.support.plans import echo, plan, step
from tests.support.times import EPOCH

CHILD = {"a": step(idempotent=True, action=echo("{{.input.n}}"))}
TASK = "t"


class StoredJournal(MemoryJournal):
    """Keeps what a file would keep, and outlives the world: once that is over, nothing is stored any more."""

    async def reopened(self):
        return self

    async def append(self, entries):
        stored = [attrs.evolve(entry, records=through_bytes(entry.records)) for entry in entries]
        if flows.WORLD.over:
            await trio.sleep_forever()
        return await super().append(stored)

    async def close(self):
        pass


def through_bytes(records):
    digest, body = encode_template(records[0].template) if isinstance(records[0], TaskSubmitted) else (b"", b"")
    return decode_turn(encode_turn(records, digest), lambda _digest: decode_template(body))


class Doom:
    """Ends the world when a point is reached for the nth time."""

    def __init__(self, point, nth, scope):
        self.point, self.left, self.scope = point, nth, scope

    def reach(self, point):
        if point is self.point:
            self.left -= 1
            if self.left == 0:
                flows.WORLD.over = True
                self.scope.cancel()


async def live(journal, client, *, point=None, nth=0, limits=None):
    """One life of the runtime, with somebody who uses it; False when the world ended."""
    flows.WORLD.over = False
    with trio.CancelScope() as scope:
        faults = Doom(point, nth, scope) if point else None
        clock, opened = VirtualClock(EPOCH), await journal.reopened()
        async with open_runtime(journal=opened, clock=clock, runners=RUNNERS, faults=faults, limits=limits) as rt:
            await rt.register(child(steps=CHILD))
            await client(rt)
    return not flows.WORLD.over


async def crash_each_time(point, client, look):
    """Have the world end when a point is reached for the first time, the second, and so on, until it does not any more.

    Behind each, `look` is told whether what the client did was acknowledged.
    """
    for nth in itertools.count(1):
        flows.WORLD, journal, told = World(), StoredJournal(), []

        async def say(rt, told=told):
            await client(rt)
            told.append(True)
            await rt.wait(TASK)

        survived = await live(journal, say, point=point, nth=nth)
        assert await live(journal, lambda rt, told=told: look(rt, told=bool(told)))
        if survived:
            assert nth > 1
            return


async def submit_and_wait(rt, template):
    inputs = {"name": "Ada"} if template.inputs else {}
    await rt.submit(template, inputs, task_id=TASK)
    await rt.wait(TASK)


def end_of(view):
    steps = {name: (one.state, one.output, one.children) for name, one in view.steps.items()}
    return view.state, view.result, view.tags, steps


def non_idempotent(template):
    return {name for name, one in template.steps.items() if not one.idempotent}


def started_twice(template):
    """Name the steps that nobody may start twice and that were."""
    once = non_idempotent(template)
    return [name for (_, name), count in flows.WORLD.starts.items() if count > 1 and name.partition("-")[0] in once]


async def with_a_person(journal, template, limits=None):
    """Live on until the task is done; somebody says of each step that may have run that it may run again."""
    ends = []

    async def look(rt):
        await submit_and_wait(rt, template)
        view = await rt.status(TASK)
        assert not started_twice(template)
        while view.resolution is ResolutionState.BLOCKED_TOCHECK:
            flows.WORLD.starts.clear()
            await rt.run(TASK)
            view = await rt.wait(TASK)
        ends.append(end_of(view))
        await trio.sleep(1)
        assert not await rt._journal.awake()  # nobody has anything left to do, of children neither

    assert await live(journal, look, limits=limits)
    return ends[0]


async def crash_anywhere(point, template, stores, limits=None):
    """Have the world end when a point is reached for the first time, the second, and so on: each time the end is the same."""
    flows.WORLD = World()
    with stores() as store:
        expected = await with_a_person(store, template)
    for nth in itertools.count(1):
        flows.WORLD = World()
        with stores() as store:
            if await live(store, lambda rt: submit_and_wait(rt, template), point=point, nth=nth, limits=limits):
                assert nth > 1
                return
            assert await with_a_person(store, template, limits) == expected, f"after crash {nth}"


ONE_BY_ONE = Limits(executions=1, executions_from_crashed=1)
"""Runs wait in line for a slot: a parent and its children too."""


@pytest.mark.parametrize("point", FaultPoint)
@pytest.mark.parametrize(
    ("flow", "limits"),
    [*((flow, None) for flow in FLOWS), *((flow, ONE_BY_ONE) for flow in ("retry", "loop_once", "children"))],
)
async def test_a_crash_anywhere_ends_as_if_there_had_been_none(autojump_clock, flow, limits, point):
    await crash_anywhere(point, FLOWS[flow], lambda: nullcontext(StoredJournal()), limits)


@pytest.mark.parametrize("point", FaultPoint)
async def test_two_crashes_in_a_row_lose_no_more_than_one(autojump_clock, point):
    template = FLOWS["loops"]
    flows.WORLD = World()
    expected = await with_a_person(StoredJournal(), template)
    for first in range(1, 6):
        for second in range(1, 6):
            flows.WORLD = World()
            journal = StoredJournal()
            if await live(journal, lambda rt: submit_and_wait(rt, template), point=point, nth=first):
                continue
            await live(journal, lambda rt: submit_and_wait(rt, template), point=point, nth=second)
            assert await with_a_person(journal, template) == expected


@pytest.mark.parametrize("point", FaultPoint)
async def test_a_cancel_that_was_acknowledged_stays(autojump_clock, point):
    async def give_up(rt):
        await rt.submit(FLOWS["loops"], task_id=TASK)
        await trio.sleep(0.15)
        await rt.cancel(TASK, "enough")

    async def look(rt, *, told):
        if not await rt._journal.read(TASK):
            assert not told
            return
        with pytest.raises(Conflict) if told else suppress(Conflict):
            await rt.run(TASK)
        view = await rt.wait(TASK)
        assert not told or (view.state, view.running) == (TaskState.CANCELLED, 0)

    await crash_each_time(point, give_up, look)


HANGS = plan(a=flows.once(action=flows.act(flows.hanging)), b=flows.once("a"))


@pytest.mark.parametrize("retry", [True, False])
@pytest.mark.parametrize("point", FaultPoint)
async def test_an_interrupt_that_was_acknowledged_ends_its_attempt_once_wherever_it_crashes(
    autojump_clock, point, retry
):
    """Though nobody may begin the step twice unasked: somebody has said what is to become of that attempt."""

    async def interrupt(rt):
        await rt.submit(HANGS, task_id=TASK)
        await trio.sleep(0.15)
        await rt.interrupt_step(TASK, "a", "it hangs", requester="ann", attempt=1, retry=retry)

    async def look(rt, *, told):
        records = await rt._journal.read(TASK)
        known = any(isinstance(one, AttemptInterrupted) for one in records)
        assert known or not told
        flows.WORLD.starts[TASK, "a"] += 1  # it hangs no more
        if not records:
            return
        view = await rt.wait(TASK)
        if known:
            ended = [
                one
                for one in await rt._journal.read(TASK)
                if isinstance(one, StepReturned | StepInterrupted) and one.step == "a"
            ]
            assert (ended[0].state, ended[0].error) == (
                "SERVER_ERROR" if retry else "FATAL_ERROR",
                "interrupted by ann: it hangs",
            )
            assert not retry or view.steps["a"].state in {"DONE", "CRASHED"}
        while view.state is not TaskState.DONE:
            await rt.run(TASK)
            view = await rt.wait(TASK)
        assert view.steps["a"].output == {"value": "done"}

    await crash_each_time(point, interrupt, look)


async def test_records_of_a_crashed_task_start_each_attempt_once(autojump_clock):
    template = FLOWS["non_idempotent"]
    flows.WORLD = World()
    journal = StoredJournal()
    assert not await live(journal, lambda rt: submit_and_wait(rt, template), point=FaultPoint.AFTER_START, nth=2)
    await with_a_person(journal, template)
    attempts = [(one.step, one.attempt) for one in await journal.read(TASK) if isinstance(one, StepStarted)]
    assert len(attempts) == len(set(attempts))
