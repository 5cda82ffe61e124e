"""The id of a task or a flow is its idempotency key: the same submission again is the same one."""

from runtime.api.flow_messages import SubmitFlow
from runtime.api.messages import SubmitTask
from runtime.engine.task import Task
from runtime.errors import Conflict
from runtime.flow.flow import Flow
from runtime.journal.codec import as_stored
from runtime.work.flows.birth import is_same_flow


def duplicate(task_id: str) -> Conflict:
    """Say that an id is taken."""
    return Conflict(f"there is another task or flow with the id {task_id}: choose a new one")


def is_same(message: SubmitTask | SubmitFlow, task: Task | Flow) -> bool:
    """Say whether a submission is the one that a task or a flow was made of."""
    if isinstance(message, SubmitFlow):
        return isinstance(task, Flow) and is_same_flow(message, task)
    if isinstance(task, Flow):
        return False
    stored = task.plan.template  # a list where a tuple was submitted, perhaps
    return (
        (message.template == stored or as_stored(message.template) == stored)
        and message.inputs == task.header.inputs
        and message.requester == task.header.requester
    )
