"""Deleting tasks and flows, which have to sleep for it: nothing is done with them then but through the intake."""

from typing import Any

from actors import Question
from runtime.api.flow_messages import DeleteFlow
from runtime.api.messages import DeleteTask
from runtime.engine.states import TaskState
from runtime.engine.task import Task
from runtime.errors import Conflict, NotFound, Refused, Unavailable
from runtime.flow.flow import Flow
from runtime.work.delivery import Delivery
from runtime.work.messages import Forward, TurnMoved
from runtime.work.roster import Roster
from runtime.work.unit import Services


class Deletion:
    """Deletes, or says why not."""

    def __init__(self, services: Services, roster: Roster, delivery: Delivery) -> None:
        self._services = services
        self._roster = roster
        self._delivery = delivery

    async def delete(self, message: DeleteTask | DeleteFlow, question: Question[Any] | None) -> None:
        """Delete what a message names, unless another instance has it, which is told."""
        refusal: Refused | None
        try:
            claimed = await self._services.claims.claim(message.task_id)
            if isinstance(claimed, int):
                self._delivery.forward(Forward(claimed, message, question))
                return
            if isinstance(message, DeleteFlow):
                refusal = await self._delete_flow(message.flow_id)
            else:
                refusal = await self._delete_task(message.task_id)
        except Unavailable as unavailable:
            refusal = unavailable
        if refusal is not None:
            self._roster.let_go(message.task_id)
        if question is not None and refusal is None:
            question.answer(None)
        elif question is not None and refusal is not None:
            question.refuse(refusal)

    async def _delete_task(self, task_id: str) -> Refused | None:
        task = await self._roster.read(task_id)
        if not isinstance(task, Task):
            return NotFound("task", task_id, "" if task is None else "it is a flow")
        if self._roster.holds(task_id) or not task.idle or task.state in {TaskState.RUNNING, TaskState.BLOCKED}:
            return Conflict(f"task {task_id} cannot be deleted: it is {task.state}")
        if task.header.parent and not task.state.ended:
            return Conflict(
                f"task {task_id} cannot be deleted: task {task.header.parent} waits for it to end; cancel it first"
            )
        await self._services.journal.delete(task_id)
        return None

    async def _delete_flow(self, flow_id: str) -> Refused | None:
        flow = await self._roster.read(flow_id)
        if not isinstance(flow, Flow):
            return NotFound("flow", flow_id, "" if flow is None else "it is a task")
        if self._roster.holds(flow_id) or not flow.ended:
            return Conflict(f"flow {flow_id} cannot be deleted: it is {flow.status.status} and has not ended")
        if flow.untold:  # whoever was to tell it is gone
            parent = flow.header.parent
            return Conflict(f"flow {flow_id} cannot be deleted: task {parent} waits to hear that it has ended")
        await self._services.journal.delete(flow_id)
        if flow.header.owner:
            await self._delivery.move_turn(TurnMoved(flow.header.owner))
        return None
