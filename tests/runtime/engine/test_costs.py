"""What a decision costs, in calls and bytes rather than seconds: it does not depend on how large the task is."""

import sys
import tracemalloc

import pytest

from runtime.engine.decision import decide, drafted
from runtime.engine.draft import Draft, begin
from runtime.engine.events import RunRequested, StepFinished
from runtime.engine.records import StepReturned, TaskResolved, TaskSubmitted
from runtime.engine.states import ResolutionState, StepState
from runtime.templates.model import Action, Step, Template


def task_of(steps):
    template = Template(name="t", steps=steps)
    draft = Draft(begin(TaskSubmitted(at=1.0, task_id="t", template=template, title="t", inputs={})))
    draft.apply(TaskResolved(at=1.0, resolution_id="r"))
    return decide(draft.freeze(), RunRequested(at=2.0)).task


def chain(size):
    names = [f"s{number}" for number in range(size)]
    return {name: step([names[index - 1]] if index else []) for index, name in enumerate(names)}


def wide(size):
    names = [f"s{number}" for number in range(size)]
    return {name: step([]) for name in names} | {"join": step(names)}


def step(dependencies):
    return Step(action=Action(type="echo"), dependencies=dependencies)


def finished(name):
    return StepFinished(StepReturned(at=3.0, step=name, state=StepState.DONE, returned=StepState.DONE, output=1), 1)


def calls_of(function):
    """Count the Python and C functions that are called: the same for the same work, on any machine."""
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("shape", [chain, wide])
@pytest.mark.parametrize("way", [decide, lambda task, *events: drafted(task, events)])
def test_a_decision_costs_no_more_in_a_task_of_a_hundred_times_the_steps(shape, way):
    costs = []
    for size in (20, 2000):
        task = task_of(shape(size))
        assert way(task, finished("s0")).records
        costs.append([calls_of(lambda: way(task, finished("s0"))) for _ in range(3)][-1])  # noqa: B023 - called here
    assert costs[1] <= costs[0] + 4
    assert 10 < costs[0] < 150


def test_a_step_that_ended_costs_less_than_two_kibibytes_until_its_task_ends():
    size = 1000
    task = task_of(chain(size))
    kept = []
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(size):
            decision = decide(task, finished(f"s{number}"))
            kept.extend(decision.records)
            task = decision.task
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert task.resolution is ResolutionState.DONE
    assert 100 < (after - before) / size < 2048
