"""What came too late to begin is on record as not begun, and whoever goes on with it may begin it."""

import pytest

from runtime.flow.decision import decide
from runtime.flow.effects import StartStep
from runtime.flow.events import Resumed, StartRequested
from runtime.flow.states import Mode
from runtime.work.late import put_down
from tests.support.plain_flow import FlowLoop, step


@pytest.mark.parametrize("told", [True, False])
def test_a_step_of_a_flow_that_may_run_once_begins_elsewhere_if_it_is_said_that_it_had_not_begun(told):
    loop = FlowLoop(step("once", 0), mode=Mode.FLAT)
    decision = loop.tell(StartRequested(at=loop.now))
    while not any(isinstance(effect, StartStep) for effect in decision.effects):
        decision = loop.tell(loop.pending.pop(0))
    flow, records = put_down(decision.flow, decision.effects, at=loop.now) if told else (decision.flow, ())
    assert bool(records) is told
    after = decide(flow, Resumed(at=loop.now, reason="it was taken over"))
    assert any(isinstance(effect, StartStep) for effect in after.effects) is told
    assert (after.flow.status.status == "error") is not told
