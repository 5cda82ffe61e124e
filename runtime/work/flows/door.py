"""Flows that steps of tasks want run: taken on under an id of the step's own, and waited for.

The step stays running meanwhile, and its actor in memory. The id makes it safe to ask again: a step that is attempted
once more, after a crash too, finds the flow of the first time.
"""

from typing import Final

import attrs
import trio

from actors import ActorStopped, AskExpired, ChildUnknown, Clock, MailboxFull, ShutdownContext
from runtime.api.flow_messages import CancelFlow, SubmitFlow
from runtime.api.flow_submission import FlowRequest
from runtime.api.messages import GetTask
from runtime.embedded import AnswerReport, FlowDoor, FlowOrder, FlowReport, StepReport
from runtime.engine.task import Task
from runtime.errors import Conflict, NotFound, Refused, Unavailable
from runtime.flow.document import read_flow
from runtime.flow.flow import Flow
from runtime.flow.naming import base_name
from runtime.flow.records import owner_of
from runtime.flow.rows import Step
from runtime.flow.states import ApprovalOption
from runtime.flows import Flows
from runtime.work.broadcast import Broadcast
from runtime.work.family import Front

_ANSWER_WITHIN_SECONDS: Final = 30.0
_AGAIN_SECONDS: Final = 1.0
_CANCEL_WITHIN_SECONDS: Final = 1.0
_MOST_ANCESTORS: Final = 50
_PARTS_OF_A_CHILD: Final = 3
"""What the id of a task that a flow brought up has behind the flow's: step, signal and number."""


@attrs.frozen(kw_only=True)
class OpenDoor(FlowDoor):
    """The door of a runtime. `front` gives the intake of now."""

    flows: Flows
    front: Front
    broadcast: Broadcast
    clock: Clock
    shutdown: ShutdownContext

    async def run(self, order: FlowOrder) -> FlowReport:
        """See `FlowDoor.run`."""
        try:
            await self._see_that_it_can_have_its_turn(order)
            await self._ask(self._submission(order))
            return _report(await self._end_of(order.id))
        except trio.Cancelled:
            if self.shutdown.reason is None:
                with trio.CancelScope(deadline=trio.current_time() + _CANCEL_WITHIN_SECONDS, shield=True):
                    await self._cancel(order)
            raise

    async def _see_that_it_can_have_its_turn(self, order: FlowOrder) -> None:
        """Refuse a flow that would wait for one that waits for it: of the same owner, and carried out by its step.

        A task that a flow brought up is found by its id, which begins with that of the flow (`children`).
        """
        owner, parent = owner_of(order.owner_type, order.owner_id), order.parent
        for _ in range(_MOST_ANCESTORS if owner else 0):
            try:
                unit = await self._ask(GetTask(task_id=parent))
            except NotFound:
                return
            if isinstance(unit, Flow) and unit.header.owner == owner:
                raise Conflict(
                    f"flow {order.id} would wait for ever: {parent} has the turn of owner {owner}, and waits for it"
                )
            header = unit.header if isinstance(unit, Flow | Task) else None
            parent = (header.parent if header is not None else "") or parent.rsplit(".", _PARTS_OF_A_CHILD)[0]

    def _submission(self, order: FlowOrder) -> SubmitFlow:
        given = order.flow
        document = self.flows.documents.get(given) if isinstance(given, str) else read_flow(given)[0]
        kind = given if isinstance(given, str) else (document.name if document is not None else "") or "flow"
        return FlowRequest(
            type=kind,
            document=document,
            labels=self.flows.labels_of(kind),
            flow_id=order.id,
            by=order.by,
            owner_id=order.owner_id,
            owner_type=order.owner_type,
            metadata=order.metadata,
            inputs=order.inputs,
            plan_only=order.plan_only or None,
            approval_option=ApprovalOption.APPROVE_ALL if order.approve_all else None,
            approval_seconds=order.approval_seconds,
            plan_seconds=order.plan_seconds,
            parent=order.parent,
        ).submission()

    async def _end_of(self, flow_id: str) -> Flow:
        while True:
            with self.broadcast.waiter(flow_id) as waiter:  # before the state is read, so that nothing is missed
                flow = await self._ask(GetTask(task_id=flow_id))
                if not isinstance(flow, Flow):
                    raise Conflict(f"{flow_id} is no flow but a task")
                if flow.ended:
                    return flow
                outcome = await waiter.wait()
            if isinstance(outcome, str):
                raise ConnectionError(f"flow {flow_id} did not end: {outcome}")

    async def _ask(self, message: SubmitFlow | GetTask) -> object:
        while True:
            try:
                return await self.front().ask(message, deadline=self.clock.monotonic() + _ANSWER_WITHIN_SECONDS)
            except (ActorStopped, ChildUnknown, MailboxFull, AskExpired, Unavailable):
                await trio.sleep(_AGAIN_SECONDS)  # both may be asked again: the id is the step's own

    async def _cancel(self, order: FlowOrder) -> None:
        message = CancelFlow(flow_id=order.id, by=order.by, reason="its step was cancelled")
        try:
            await self.front().ask(message, deadline=self.clock.monotonic() + _CANCEL_WITHIN_SECONDS)
        except (ActorStopped, ChildUnknown, MailboxFull, AskExpired, Refused):
            return  # it has ended, or nobody is left to cancel it


def _report(flow: Flow) -> FlowReport:
    return FlowReport(
        id=flow.header.flow_id,
        status=str(flow.status.status),
        error=str(flow.error or ""),
        steps={base_name(one.name): _step(one) for one in flow.visible()},
    )


def _step(step: Step) -> StepReport:
    response = step.approval.response if step.approval is not None else None
    answer = None
    if response is not None:
        answer = AnswerReport(response=str(response.type), note=response.note, by=response.by)
    return StepReport(status=str(step.status.status), output=step.output, answer=answer)
