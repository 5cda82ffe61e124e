"""Work per event is O(what changed): a flow that is ten times as long costs an event no more."""

import tracemalloc
from collections.abc import Callable

import pytest

from runtime.flow.decision import decide
from runtime.flow.events import StartRequested, StepsGenerated, WorkFinished
from runtime.flow.flow import Flow
from runtime.flow.history import begin
from runtime.flow.records import FlowCreated
from runtime.flow.states import Mode
from runtime.work.flows.labour import values_of
from tests.support.plain_flow import step


def long_flow(mode: Mode, size: int) -> Flow:
    """A flow of `size` steps, in the middle of it."""
    flow = begin(FlowCreated(at=0.0, by="ada", flow_id="f", type="t", mode=mode, segment=size + 1))
    specs = [step(f"s{n}", n // 4) for n in range(size)]
    flow = decide(flow, StartRequested(at=0.0), StepsGenerated(at=0.0, steps=specs)).flow
    for number in range(1, 40):
        flow = decide(flow, WorkFinished(at=1.0, step=f"s{number}", attempt=1)).flow
    return flow


def allocated(doing: Callable[[], object]) -> int:
    """The memory that doing something takes."""
    tracemalloc.start()
    assert doing()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("mode", list(Mode))
def test_an_event_costs_a_long_flow_no_more_than_a_short_one(mode):
    def costs(size: int) -> int:
        flow, event = long_flow(mode, size), WorkFinished(at=1.0, step="s40", attempt=1)
        return allocated(lambda: decide(flow, event).effects)

    assert costs(2000) < 1.5 * costs(200)


def test_what_a_text_sees_costs_a_long_flow_no_more_than_a_short_one():
    def costs(size: int) -> int:
        flow = long_flow(Mode.GROUP, size)
        return allocated(lambda: values_of(flow, flow.steps["s41"])["step"]["s38"]["state"] == "success")

    assert costs(2000) < 1.5 * costs(200)
