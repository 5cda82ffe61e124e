"""What a step costs from its start to its record, with everything around it: it does not grow with its task.

Counted in calls and bytes, which are the same on any machine, and not in seconds.
"""

import gc
import sys
import tracemalloc
from itertools import pairwise

import pytest
import trio

from runtime import Action, Step, TaskState, Template, open_runtime

CALLS_IN_A_CHAIN, CALLS_IN_A_FAN = 220, 310
"""Of Python and C functions, together: a good third more than there are today."""

BYTES_OF_A_STEP = 2048
"""What there may be at the peak for each step of a task that goes on: its record, its output, its place in the state."""


async def nothing() -> int:
    return 1


async def a_second() -> None:
    await trio.sleep(1)


BEGINNING = {"beginning": Step(action=Action.calling(a_second))}
"""So that somebody waits for the task before it has ended: whoever comes later has it read from its records."""


def chain(size):
    names = ["beginning", *(f"s{number}" for number in range(size))]
    steps = {name: Step(action=Action.calling(nothing), dependencies=[before]) for before, name in pairwise(names)}
    return Template(name="chain", steps=BEGINNING | steps)


def fan_out(size):
    steps = {f"s{number}": Step(action=Action.calling(nothing), dependencies=["beginning"]) for number in range(size)}
    return Template(name="fan", steps=BEGINNING | steps)


async def ended(rt, prepared):
    view = await (await rt.submit(prepared)).wait()
    assert view.state is TaskState.DONE


async def calls_of(rt, prepared):
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        await ended(rt, prepared)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(("shape", "most"), [(chain, CALLS_IN_A_CHAIN), (fan_out, CALLS_IN_A_FAN)])
async def test_a_step_takes_as_many_calls_in_a_task_of_ten_times_the_steps(shape, most, autojump_clock):
    calls = {}
    async with open_runtime() as rt:
        for size in (150, 1500):  # both wider than what is kept for steps to come
            prepared = await rt.prepare(shape(size))
            await ended(rt, prepared)  # so that what is made once is there
            calls[size] = await calls_of(rt, prepared) / size
    assert 50 < calls[1500] < most
    assert calls[1500] < calls[150] * 1.5, calls


async def test_a_step_takes_a_bounded_number_of_bytes(autojump_clock):
    peaks = {}
    async with open_runtime() as rt:
        for size in (50, 300):
            prepared = await rt.prepare(chain(size))
            await ended(rt, prepared)
            gc.collect()
            tracemalloc.start()
            try:
                before, _ = tracemalloc.get_traced_memory()
                await ended(rt, prepared)
                peaks[size] = tracemalloc.get_traced_memory()[1] - before
            finally:
                tracemalloc.stop()
    assert 100 < (peaks[300] - peaks[50]) / 250 < BYTES_OF_A_STEP, peaks
