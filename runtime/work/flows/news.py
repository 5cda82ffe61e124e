"""What stored records of a flow mean to those who watch: pure, from records to public events."""

from collections.abc import Sequence

from runtime.api.flow_messages import FlowGroupChanged, FlowStateChanged, FlowStepChanged, FlowTargetChanged
from runtime.api.messages import Recorded, UnitEvent
from runtime.api.schema import tag_of
from runtime.flow.flow import Flow
from runtime.flow.records import FlowCreated, FlowStatusSet, GroupStatusSet, StepStatusSet, TargetStatusSet
from runtime.flow.states import FlowStatus
from runtime.journal.protocol import Record


def flow_events_of(flow: Flow, position: int, records: Sequence[Record]) -> Sequence[UnitEvent]:
    """Tell what `records`, stored from `position` on, changed. `flow` is the flow after them."""
    return [_event(flow, position + offset, record) for offset, record in enumerate(records)]


def _event(flow: Flow, position: int, record: Record) -> UnitEvent:
    flow_id = flow.header.flow_id
    match record:
        case FlowCreated():
            return FlowStateChanged(position=position, at=record.at, task_id=flow_id, status=FlowStatus.PENDING)
        case FlowStatusSet():
            return FlowStateChanged(
                position=position,
                at=record.at,
                task_id=flow_id,
                status=record.status,
                description=record.description,
            )
        case GroupStatusSet():
            return FlowGroupChanged(
                position=position, at=record.at, task_id=flow_id, group=record.group, status=record.status
            )
        case StepStatusSet():
            return FlowStepChanged(
                position=position,
                at=record.at,
                task_id=flow_id,
                step=record.step,
                name=flow.steps[record.step].name,
                status=record.status,
                description=record.description,
            )
        case TargetStatusSet():
            return FlowTargetChanged(
                position=position,
                at=record.at,
                task_id=flow_id,
                target_type=record.type,
                target_id=record.id,
                status=record.status,
            )
        case _:
            return Recorded(position=position, at=record.at, task_id=flow_id, what=tag_of(type(record)))
