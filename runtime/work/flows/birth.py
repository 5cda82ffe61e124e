"""How a flow begins: what a step that wished for one is to submit, and the first records and decisions.

The records are those of its acceptance, with its steps where they are all known.
"""

from collections.abc import Sequence

import attrs

from actors import StopReason
from runtime.api.flow_messages import SubmitFlow
from runtime.api.flow_submission import FlowRequest
from runtime.errors import FlowInvalid
from runtime.flow.decision import decide
from runtime.flow.document import read_flow
from runtime.flow.effects import Effect
from runtime.flow.events import DrainBegan, Event, StartRequested
from runtime.flow.flow import Flow
from runtime.flow.generation import rows_of
from runtime.flow.history import apply, begin
from runtime.flow.noop import unread
from runtime.flow.records import FlowCreated, Record, RowsAdded
from runtime.flow.rows import StepSpec
from runtime.flow.states import ApprovalOption
from runtime.flows import Flows
from runtime.runner import Runners, RunnerUnknown
from runtime.wishes import FlowOrder


def enter_flow(
    message: SubmitFlow, runners: Runners, drain: StopReason | None, *, at: float
) -> tuple[Flow, Sequence[Record], Sequence[Effect]]:
    """Make the flow that a submission asks for: with the records so far, and what to do; little in a `drain`."""
    flow, records = _begin(message, runners, at=at)
    asked: list[Event] = [StartRequested(at=at)] if message.start else []
    if drain is not None and message.start:
        asked.insert(0, DrainBegan(at=at, by=drain.requester, reason=drain.text))
    decision = decide(flow, *asked)
    return decision.flow, (*records, *decision.records), decision.effects


def _begin(message: SubmitFlow, runners: Runners, *, at: float) -> tuple[Flow, Sequence[FlowCreated | RowsAdded]]:
    created = attrs.evolve(message.flow, at=at)
    flow = begin(created)
    if not message.steps:
        return flow, (created,)
    rows = rows_of(flow, [as_it_resumes(one, runners) for one in message.steps], message.groups, at=at)
    return apply(flow, rows), (created, rows)


def as_it_resumes(spec: StepSpec, runners: Runners) -> StepSpec:
    """Give a step whose work goes on where it was when it is begun again as idempotent, whether it says so or not."""
    try:
        resumes = bool(spec.signals) and all(runners.get(one.type).resumes for one in spec.signals)
    except RunnerUnknown:
        return spec
    return attrs.evolve(spec, idempotent=True) if resumes else spec


def flow_of(order: FlowOrder, kit: Flows) -> SubmitFlow:
    """Give the submission of a flow that a step wished for.

    Raises:
        FlowInvalid: it is none.
    """
    given = order.flow
    document = kit.document_of(given) if isinstance(given, str) else read_flow(given)
    kind = given if isinstance(given, str) else (document.name if document is not None else "") or "flow"
    submission = FlowRequest(
        type=kind,
        document=document,
        labels=kit.labels_of(kind),
        flow_id=order.id,
        by=order.by,
        owner_id=order.owner_id,
        owner_type=order.owner_type,
        metadata=order.metadata,
        inputs=order.inputs,
        plan_only=order.plan_only or None,
        approval_option=ApprovalOption.APPROVE_ALL if order.approve_all else None,
        approval_seconds=order.approval_seconds,
        plan_seconds=order.plan_seconds,
        parent=order.parent,
    ).submission()
    if faults := tuple(unread(submission.steps, kit.plan_readers)):
        raise FlowInvalid(faults)
    return submission
