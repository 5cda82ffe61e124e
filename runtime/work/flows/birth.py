"""The first records of a flow: those of its acceptance, with its steps where they are all known."""

from collections.abc import Sequence

import attrs

from runtime.api.flow_messages import SubmitFlow
from runtime.flow.flow import Flow
from runtime.flow.generation import rows_of
from runtime.flow.history import apply, begin
from runtime.flow.naming import UNLABELLED
from runtime.flow.records import FlowCreated, RowsAdded
from runtime.flow.rows import StepSpec
from runtime.runner import Runners, RunnerUnknown


def begin_flow(message: SubmitFlow, runners: Runners, *, at: float) -> tuple[Flow, Sequence[FlowCreated | RowsAdded]]:
    """Make the flow that a submission asks for, and the records that say so."""
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


def is_same_flow(message: SubmitFlow, flow: Flow) -> bool:
    """Say whether a submission is that of a flow that is there: the same again, whenever it is made."""
    return _asked(message.flow) == _asked(flow.header)


def _asked(flow: FlowCreated) -> FlowCreated:
    """Give what was asked for, without what is different the next time."""
    return attrs.evolve(flow, at=0.0, by_groups=(), by_admin=False, labels=UNLABELLED)
