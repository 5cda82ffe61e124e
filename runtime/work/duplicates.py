"""The id of a task or a flow is its idempotency key: the same submission again is the same one."""

import attrs

from runtime.api.flow_messages import SubmitFlow
from runtime.api.messages import SubmitTask
from runtime.engine.task import Task
from runtime.errors import AlreadyExists
from runtime.flow.flow import Flow
from runtime.flow.naming import UNLABELLED
from runtime.flow.records import FlowCreated
from runtime.templates.model import Template


def duplicate(task_id: str) -> AlreadyExists:
    """Say that an id is taken."""
    return AlreadyExists(f"there is another task or flow with the id {task_id}: choose a new one")


def is_same(message: SubmitTask | SubmitFlow, task: Task | Flow) -> bool:
    """Say whether a submission is the one that a task or a flow was made of."""
    if isinstance(message, SubmitFlow):
        return isinstance(task, Flow) and is_same_flow(message, task)
    if isinstance(task, Flow):
        return False
    asked, template = message.submitted, task.plan.template
    return (
        asked.inputs == task.header.inputs
        and asked.requester == task.header.requester
        and (asked.template == template or _as_stored(asked.template) == template)
    )


def _as_stored(template: Template) -> Template:
    """Give a template as it is read again: a list where a tuple was submitted, perhaps."""
    from runtime.journal.codec import as_stored  # noqa: PLC0415 - where nothing is encoded it is seldom wanted

    return as_stored(template)


def is_same_flow(message: SubmitFlow, flow: Flow) -> bool:
    """Say whether a submission is that of a flow that is there: the same again, whenever it is made."""
    return _asked(message.flow) == _asked(flow.header)


def _asked(flow: FlowCreated) -> FlowCreated:
    """Give what was asked for, without what is different the next time."""
    return attrs.evolve(flow, at=0.0, by_groups=(), by_admin=False, labels=UNLABELLED)
