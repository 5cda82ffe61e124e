"""Work per event is O(what changed): a flow that is ten times as long costs an event no more."""

import tracemalloc

import pytest

from runtime.flow.decision import decide
from runtime.flow.events import StartRequested, StepsGenerated, WorkFinished
from runtime.flow.history import begin
from runtime.flow.records import FlowCreated
from runtime.flow.states import Mode
from tests.support.plain_flow import step


def allocated(mode: Mode, size: int) -> int:
    """The memory that finishing one step and starting the next takes, in the middle of a flow of `size` steps."""
    flow = begin(FlowCreated(at=0.0, by="ada", flow_id="f", type="t", mode=mode, segment=size + 1))
    specs = [step(f"s{n}", n // 4) for n in range(size)]
    flow = decide(flow, StartRequested(at=0.0), StepsGenerated(at=0.0, steps=specs)).flow
    for number in range(1, 40):
        flow = decide(flow, WorkFinished(at=1.0, step=f"s{number}", attempt=1)).flow
    event = WorkFinished(at=1.0, step="s40", attempt=1)
    tracemalloc.start()
    decision = decide(flow, event)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert decision.effects
    return peak


@pytest.mark.parametrize("mode", list(Mode))
def test_an_event_costs_a_long_flow_no_more_than_a_short_one(mode):
    assert allocated(mode, 2000) < 1.5 * allocated(mode, 200)
