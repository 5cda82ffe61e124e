"""Who may send which message about a task: pure (spec sections 11.2 and 12.1). The rules are `runtime.engine.rights`.

What speaks of no task is not asked about here: submitting and listing need no right at all, a callback is for whoever
knows its secret, and keys are the concern of administrators.
"""

from typing import TypeAlias, assert_never

from runtime.api.commands import (
    AddComment,
    CancelTask,
    DeleteComment,
    DeleteTask,
    EditComment,
    EditResolverInputs,
    EditTaskInputs,
    EditTaskSteps,
    ExtendTask,
    InterruptStep,
    PauseTask,
    RejectTask,
    ResolveTask,
    RunTask,
    SetStepState,
    StartTaskOver,
    TagTask,
)
from runtime.api.queries import FindTask, GetComment, GetTask, ListComments
from runtime.engine import rights
from runtime.engine.rights import Administrators, Identity
from runtime.engine.task import Task

AboutTask: TypeAlias = (
    GetTask
    | FindTask
    | ListComments
    | GetComment
    | AddComment
    | EditComment
    | DeleteComment
    | ResolveTask
    | RunTask
    | PauseTask
    | CancelTask
    | InterruptStep
    | ExtendTask
    | StartTaskOver
    | RejectTask
    | TagTask
    | EditTaskInputs
    | SetStepState
    | EditTaskSteps
    | EditResolverInputs
    | DeleteTask
)
"""The messages about one task."""


def may_see(who: Identity, task: Task, administrators: Administrators | None) -> bool:
    """Say whether a task is there for somebody: what one may not look at does not exist."""
    return rights.may_look(who, task.plan.template, task.header, administrators)


def may_manage(who: Identity, task: Task, administrators: Administrators | None) -> bool:
    """Say whether somebody is shown all of an execution, outputs and resolver inputs included."""
    return rights.may_resolve(who, task.plan.template, task.header, administrators)


def may(message: AboutTask, who: Identity, task: Task, administrators: Administrators | None) -> bool:
    """Say whether somebody who may see the task may send this about it."""
    template, header = task.plan.template, task.header
    administrator = rights.is_administrator(who, administrators)
    match message:
        case GetTask() | FindTask() | ListComments() | GetComment() | AddComment():
            return may_see(who, task, administrators)
        case EditComment() | DeleteComment():
            comment = task.notes.comments.get(message.comment_id)
            return administrator or comment is None or who.among([comment.username])
        case PauseTask(force=True):
            return administrator
        case ResolveTask() | RunTask() | PauseTask() | CancelTask() | InterruptStep() | ExtendTask():
            return rights.may_resolve(who, template, header, administrators)
        case StartTaskOver():
            return rights.may_start_over(who, template, header, administrators)
        case RejectTask() | TagTask():
            return rights.is_requester(who, header) or rights.may_resolve(who, template, header, administrators)
        case EditTaskInputs():
            own = rights.is_requester(who, header) and not header.resolution_id
            return administrator or own or rights.is_template_owner(who, template)
        case SetStepState():
            return administrator or rights.is_template_owner(who, template)
        case EditTaskSteps() | EditResolverInputs() | DeleteTask():
            return administrator
        case _:
            assert_never(message)
