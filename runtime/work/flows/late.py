"""What a runtime that shuts down still does for flows; see `runtime.work.late`."""

from collections.abc import Sequence
from typing import Any

from runtime.errors import NotFound
from runtime.flow.decision import decide
from runtime.flow.effects import StartStep
from runtime.flow.events import DrainBegan, WorkFinished
from runtime.flow.flow import Flow
from runtime.flow.records import Record
from runtime.work.flows.actor import FlowActor
from runtime.work.flows.requests import flow_event_of


def put_down_flow(flow: Flow, effects: Sequence[Any], *, at: float, why: str) -> tuple[Flow, Sequence[Record]]:
    """Say that steps that were decided to be begun were not; nothing where none was."""
    reports = [
        WorkFinished(at=at, step=one.step, attempt=one.attempt, begun=False, error=why)
        for one in effects
        if isinstance(one, StartStep)
    ]
    if not reports:
        return flow, ()
    decision = decide(flow, DrainBegan(at=at, by="runtime", reason=why), *reports)
    return decision.flow, decision.records


def decide_late_on_flow(
    flow: Flow, message: Any, *, at: float, why: str
) -> tuple[Flow, Sequence[Record], Exception | None]:
    """Decide on a message to a flow: what it is then, what to store, and the refusal of the message."""
    if isinstance(message, FlowActor.foreign):
        return flow, (), NotFound("task", flow.header.flow_id, "it is a flow")
    decision = decide(flow, DrainBegan(at=at, by="runtime", reason=why), flow_event_of(message, at))
    return decision.flow, decision.records, decision.refusals[-1]
