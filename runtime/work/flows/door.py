"""Flows that steps want run: under an id of the step's own, so that it is safe to wish again and to look again.

A step of a task that waits for one is WAITING, and its task leaves memory: the flow tells it when it has ended
(`runtime.work.family`). A step of a flow goes on waiting where it is (`children`).
"""

from typing import Final

import attrs
import trio

from actors import ActorStopped, AskExpired, ChildUnknown, Clock, MailboxFull
from runtime.api.messages import GetTask
from runtime.embedded import AnswerReport, FlowDoor, FlowReport, StepReport
from runtime.engine.task import Task
from runtime.errors import Conflict, NotFound, Unavailable
from runtime.flow.flow import Flow
from runtime.flow.naming import base_name
from runtime.flow.records import owner_of
from runtime.flow.rows import Step
from runtime.flows import Flows
from runtime.wishes import FlowOrder
from runtime.work.duplicates import duplicate, is_same_flow
from runtime.work.family import Front

_ANSWER_WITHIN_SECONDS: Final = 30.0
_AGAIN_SECONDS: Final = 1.0
_MOST_ANCESTORS: Final = 50
_PARTS_OF_A_CHILD: Final = 3
"""What the id of a task that a flow brought up has behind the flow's: step, signal and number."""


@attrs.frozen(kw_only=True)
class OpenDoor(FlowDoor):
    """The door of a runtime. `front` gives the intake of now."""

    flows: Flows
    front: Front
    clock: Clock

    async def look_up(self, order: FlowOrder) -> FlowReport | None:
        """See `FlowDoor.look_up`."""
        from runtime.work.flows.birth import flow_of  # noqa: PLC0415 - every runtime has a door, few see a flow

        try:
            found = await self._ask(order.id)
        except NotFound:
            await self._see_that_it_can_have_its_turn(order)
            flow_of(order, self.flows)
            return None
        if not isinstance(found, Flow) or not is_same_flow(flow_of(order, self.flows), found):
            raise duplicate(order.id)
        return _report(found) if found.ended else None

    async def _see_that_it_can_have_its_turn(self, order: FlowOrder) -> None:
        """Refuse a flow that would wait for one that waits for it: of the same owner, and carried out by its step.

        A task that a flow brought up is found by its id, which begins with that of the flow (`children`).
        """
        owner, parent = owner_of(order.owner_type, order.owner_id), order.parent
        for _ in range(_MOST_ANCESTORS if owner else 0):
            try:
                unit = await self._ask(parent)
            except NotFound:
                return
            if isinstance(unit, Flow) and unit.header.owner == owner:
                raise Conflict(
                    f"flow {order.id} would wait for ever: {parent} has the turn of owner {owner}, and waits for it"
                )
            header = unit.header if isinstance(unit, Flow | Task) else None
            parent = (header.parent if header is not None else "") or parent.rsplit(".", _PARTS_OF_A_CHILD)[0]

    async def _ask(self, unit_id: str) -> object:
        while True:
            try:
                message = GetTask(task_id=unit_id)
                return await self.front().ask(message, deadline=self.clock.monotonic() + _ANSWER_WITHIN_SECONDS)
            except (ActorStopped, ChildUnknown, MailboxFull, AskExpired, Unavailable):
                await trio.sleep(_AGAIN_SECONDS)


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
