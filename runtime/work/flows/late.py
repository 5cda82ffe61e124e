"""What a runtime that shuts down still does for flows; see `runtime.work.late`."""

from collections.abc import Sequence
from typing import Any

from runtime.errors import NotFound
from runtime.flow.decision import decide
from runtime.flow.events import DrainBegan
from runtime.flow.flow import Flow
from runtime.flow.records import Record
from runtime.work.flows.actor import FlowActor
from runtime.work.flows.requests import flow_event_of


def decide_late_on_flow(
    flow: Flow, message: Any, *, at: float, why: str
) -> tuple[Flow, Sequence[Record], Exception | None]:
    """Decide on a message to a flow: what it is then, what to store, and the refusal of the message."""
    if isinstance(message, FlowActor.foreign):
        return flow, (), NotFound("task", flow.header.flow_id, "it is a flow")
    decision = decide(flow, DrainBegan(at=at, by="runtime", reason=why), flow_event_of(message, at))
    return decision.flow, decision.records, decision.refusals[-1]
