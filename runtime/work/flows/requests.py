"""What the messages to a flow mean to its engine: the same facts, with the moment they arrived at."""

from typing import TypeAlias, assert_never

from runtime.api.flow_messages import (
    AnswerApproval,
    CancelFlow,
    FlowCommand,
    InterruptFlowStep,
    PauseFlow,
    RerunFlow,
    RetryGroup,
    RetryStep,
    SetApprovalOption,
    SkipStep,
    StartFlow,
    UnpauseFlow,
)
from runtime.flow.events import (
    ApprovalDue,
    ApprovalOptionChanged,
    CancelGroupRequested,
    CancelRequested,
    CancelStepRequested,
    Event,
    InterruptStepRequested,
    NewerFlowCreated,
    PauseRequested,
    RerunRequested,
    ResponseGiven,
    RetryGroupRequested,
    RetryStepRequested,
    SkipStepRequested,
    StartRequested,
    TurnGiven,
    UnpauseRequested,
)
from runtime.work.messages import GiveTurn, GiveUp, NewerFlow, WakeTask

FlowRequest: TypeAlias = FlowCommand | WakeTask | GiveTurn | NewerFlow | GiveUp


def flow_event_of(message: FlowRequest, at: float) -> Event:
    """Give the event of a message that arrived now."""
    match message:
        case StartFlow():
            return StartRequested(at=at)
        case CancelFlow() if message.step_id:
            return CancelStepRequested(at=at, by=message.by, step=message.step_id, reason=message.reason)
        case CancelFlow() if message.group_id:
            return CancelGroupRequested(at=at, by=message.by, group=message.group_id, reason=message.reason)
        case CancelFlow() | GiveUp():
            return CancelRequested(at=at, by=message.by, reason=message.reason)
        case InterruptFlowStep():
            return InterruptStepRequested(
                at=at, by=message.by, step=message.step_id, reason=message.reason, attempt=message.attempt
            )
        case AnswerApproval():
            return ResponseGiven(
                at=at,
                by=message.by,
                step=message.step_id,
                type=message.type,
                note=message.note,
                admin=message.admin,
                groups=message.groups,
            )
        case SetApprovalOption():
            return ApprovalOptionChanged(
                at=at, by=message.by, option=message.option, groups=message.groups, admin=message.admin
            )
        case RetryStep():
            return RetryStepRequested(at=at, by=message.by, step=message.step_id, stale_plan=message.stale_plan)
        case SkipStep():
            return SkipStepRequested(at=at, by=message.by, step=message.step_id)
        case RetryGroup():
            return RetryGroupRequested(at=at, by=message.by, step=message.step_id)
        case RerunFlow():
            return RerunRequested(at=at, by=message.by, input=message.input)
        case PauseFlow():
            return PauseRequested(at=at, by=message.by)
        case UnpauseFlow():
            return UnpauseRequested(at=at, by=message.by)
        case WakeTask():
            return ApprovalDue(at=at)
        case GiveTurn():
            return TurnGiven(at=at)
        case NewerFlow():
            return NewerFlowCreated(at=at, flow_id=message.newer)
        case _:
            assert_never(message)
