"""From stored records to the task or the flow they are of."""

from collections.abc import Callable, Iterable
from itertools import chain

from runtime.engine import draft
from runtime.engine.task import Plan, Task, plan_of
from runtime.flow import history
from runtime.flow.flow import Flow
from runtime.flow.records import FlowCreated
from runtime.journal.protocol import Record
from runtime.templates.model import Template


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


def extended(unit: Task | Flow, records: Iterable[Record]) -> Task | Flow:
    """Give a task or a flow after more of its records."""
    if isinstance(unit, Flow):
        for record in records:
            unit = history.apply(unit, record)  # type: ignore[arg-type]  # a history is of one kind
        return unit
    return draft.extended(unit, records)  # type: ignore[arg-type]  # as above
