"""What is said about a flow: pure, from the flow and the records of one turn."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from runtime.flow.flow import Flow
from runtime.flow.records import ApprovalRequested, FlowCreated, FlowStatusSet
from runtime.flow.rows import Step
from runtime.flow.states import FlowStatus, Stage
from runtime.journal.protocol import Record
from runtime.notifications.notice import Notice
from runtime.notifications.settings import Notifications, NotifyEvent
from runtime.templates.model import normalise_name


def flow_notices_of(flow: Flow, records: Sequence[Record], settings: Notifications) -> Iterator[Notice]:
    """Give what is to be told of records that were just stored. `flow` is the flow after them."""
    for record in records:
        match record:
            case FlowCreated():
                yield _about(flow, settings, FlowStatus.PENDING)
            case FlowStatusSet():
                yield _about(flow, settings, record.status, record.description)
            case ApprovalRequested() if flow.steps[record.step].stage is Stage.ANSWER:  # which nobody has given since
                yield _asked(flow, settings, flow.steps[record.step])


def _about(flow: Flow, settings: Notifications, status: FlowStatus, description: str = "") -> Notice:
    error = str(flow.error or "") if status == flow.status.status and status is not FlowStatus.APPROVAL_AWAITING else ""
    fields = {"status_human_description": description, "error": error}
    return _notice(flow, settings, NotifyEvent.FLOW_STATE, status, says=f"is {status}", more=fields)


def _asked(flow: Flow, settings: Notifications, step: Step) -> Notice:
    fields = {
        "step_id": step.id,
        "step_name": step.name,
        "approvers": " ".join(step.spec.approvers),
        "approver_groups": " ".join(step.spec.approver_groups),
    }
    status = FlowStatus.APPROVAL_AWAITING
    says = f"step {step.name} waits for approval"
    return _notice(flow, settings, NotifyEvent.FLOW_APPROVAL, status, says=says, more=fields)


def _notice(
    flow: Flow, settings: Notifications, event: NotifyEvent, state: str, *, says: str, more: dict[str, str]
) -> Notice:
    header, flow_id = flow.header, flow.header.flow_id
    fields = {
        "flow_id": flow_id,
        "title": flow.name,
        "state": state,
        "flow_type": header.type,
        "owner": header.owner,
        "requester": header.by,
        **more,
        "url": settings.page_of(f"flow/{quote(flow_id, safe='')}"),
    }
    return Notice(
        event=event,
        task_id=flow_id,
        template=normalise_name(header.type),
        state=state,
        message=f"#flow #id:{flow_id}\n{flow.name}: {says}",
        fields={name: text for name, text in fields.items() if text},
        ended=flow.ended,
    )
