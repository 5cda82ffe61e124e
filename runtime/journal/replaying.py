"""From stored records to the task or the flow they are of."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from runtime.engine import draft
from runtime.engine.task import Plan, Task, plan_of
from runtime.flow import history
from runtime.flow.flow import MANY_STEPS, Flow
from runtime.flow.records import FlowCreated, RowsAdded
from runtime.journal.protocol import Record
from runtime.templates.model import Template
from runtime.threads import BRIEF


def replay(records: Iterable[Record], plan: Callable[[Template], Plan] = plan_of) -> Task | Flow | None:
    """Rebuild a task or a flow from its records; None when there are none."""
    stream = iter(records)
    first = next(stream, None)
    if first is None:
        return None
    whole = chain([first], stream)
    if isinstance(first, FlowCreated):
        return history.replay(whole)  # type: ignore[arg-type]  # a history is of one kind
    return draft.replay(whole, plan)  # type: ignore[arg-type]  # as above


async def rebuilt(records: Sequence[Record], plan: Callable[[Template], Plan] = plan_of) -> Task | Flow | None:
    """Do as `replay`; what is long of a flow in a thread, as it would hold up everybody else."""
    flow = bool(records) and isinstance(records[0], FlowCreated)
    return await BRIEF.run_if(flow and _is_long(records), replay, records, plan)


def _is_long(records: Sequence[Record]) -> bool:
    steps = (len(one.steps) if isinstance(one, RowsAdded) else 1 for one in records)
    return len(records) > MANY_STEPS or sum(steps) > MANY_STEPS


def extended(unit: Task | Flow, records: Iterable[Record]) -> Task | Flow:
    """Give a task or a flow after more of its records."""
    if isinstance(unit, Flow):
        for record in records:
            unit = history.apply(unit, record)  # type: ignore[arg-type]  # a history is of one kind
        return unit
    return draft.extended(unit, records)  # type: ignore[arg-type]  # as above
