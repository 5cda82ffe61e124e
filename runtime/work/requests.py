"""What the messages to a task mean to its engine: the same facts, with the moment they arrived at."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, assert_never

import attrs

from runtime.api.messages import (
    AddComment,
    CallCallback,
    CancelTask,
    DeleteComment,
    EditComment,
    EditResolverInputs,
    EditTaskInputs,
    EditTaskSteps,
    ExtendTask,
    InterruptStep,
    Operation,
    PauseTask,
    RejectTask,
    ResolveTask,
    RunTask,
    SetStepState,
    StartTaskOver,
    TagTask,
)
from runtime.engine import events
from runtime.work.messages import AdmitRun, ChildCameToRest, GiveUp, WakeTask

Request: TypeAlias = ResolveTask | RunTask | Operation | CallCallback | WakeTask | AdmitRun | ChildCameToRest | GiveUp

_OPERATIONS: Final[Mapping[type[Operation], type[events.Operation]]] = {
    PauseTask: events.PauseRequested,
    ExtendTask: events.ExtendRequested,
    StartTaskOver: events.StartOverRequested,
    RejectTask: events.RejectRequested,
    CancelTask: events.CancelRequested,
    InterruptStep: events.InterruptRequested,
    EditTaskSteps: events.EditSteps,
    SetStepState: events.EditStepState,
    EditTaskInputs: events.EditTask,
    EditResolverInputs: events.EditResolverInputs,
    TagTask: events.ChangeTags,
    AddComment: events.AddComment,
    EditComment: events.EditComment,
    DeleteComment: events.DeleteComment,
}
"""The event of each operation has its fields, but for the task."""


def event_of(message: Request, at: float) -> events.Event:
    """Give the event of a message that arrived now."""
    match message:
        case RunTask():
            return events.RunRequested(at=at)
        case ResolveTask():
            return events.ResolveRequested(
                at=at,
                resolution_id=message.resolution_id,
                resolver=message.resolver,
                resolver_inputs=message.resolver_inputs,
                groups_of_resolver=message.resolver_groups,
                run=message.run,
                joins=message.joins,
            )
        case CallCallback(callback_id=callback):
            return events.CallbackCalled(at=at, callback=callback, secret=message.secret, body=message.body)
        case ChildCameToRest():
            return events.ChildReported(at=at, batch=message.batch, child=message.child)
        case GiveUp():
            return events.CancelRequested(at=at, requester=message.by, reason=message.reason, children=True)
        case WakeTask():
            return events.RetryDue(at=at, run=message.run)
        case AdmitRun():
            return events.RunAdmitted(at=at, ticket=message.ticket)
        case (
            PauseTask()
            | ExtendTask()
            | StartTaskOver()
            | RejectTask()
            | CancelTask()
            | InterruptStep()
            | EditTaskSteps()
            | SetStepState()
            | EditTaskInputs()
            | EditResolverInputs()
            | TagTask()
            | AddComment()
            | EditComment()
            | DeleteComment()
        ):
            fields: dict[str, Any] = {
                field.name: getattr(message, field.name)
                for field in attrs.fields(type(message))
                if field.name != "task_id"
            }
            return _OPERATIONS[type(message)](at=at, **fields)
        case _:
            assert_never(message)
