"""The tasks that a step of a flow wishes for: taken on under ids of the step's own, and waited for.

The ids make it safe to wish again: a step whose work is begun again after a crash finds the tasks of the first time.
"""

from typing import Final

import attrs
import trio
from rpds import HashTrieMap

from actors import ActorStopped, AskExpired, ChildUnknown, Clock, MailboxFull, ShutdownContext
from runtime.api.flow_messages import CancelFlow
from runtime.api.messages import GetTask
from runtime.engine.events import OrderChildren
from runtime.engine.task import Task
from runtime.errors import Refused, Unavailable
from runtime.flow.flow import Flow
from runtime.wishes import Spawned, SpawnedTask
from runtime.work.broadcast import Broadcast
from runtime.work.family import Front, news_of, news_of_flow
from runtime.work.messages import SubmitBatch

_ANSWER_WITHIN_SECONDS: Final = 30.0
_AGAIN_SECONDS: Final = 1.0
_CANCEL_WITHIN_SECONDS: Final = 1.0


@attrs.frozen
class Nursery:
    """Where the tasks of steps are brought up. `front` gives the intake of now."""

    front: Front
    broadcast: Broadcast
    clock: Clock
    shutdown: ShutdownContext
    requester: str

    async def bring_up(self, order: OrderChildren, prefix: str) -> Spawned:
        """Have the tasks of a batch taken on, wait until none can go on by itself, and tell what they came to.

        A flow is waited for until it has ended; if that is cancelled, by anything but a shutdown, so is the flow.
        """
        orders = tuple(
            one if one.flow is not None else attrs.evolve(one, task_id=f"{prefix}.{number}")
            for number, one in enumerate(order.orders)
        )
        batch = SubmitBatch(parent="", batch=order.batch, requester=self.requester, requester_groups=(), orders=orders)
        refused = await self._ask(batch)
        assert isinstance(refused, tuple)  # noqa: S101 - narrows what an answer is typed as
        tasks = {one.id: one for one in refused}
        for one in orders:
            if one.task_id not in tasks:
                wait = self._wait if one.flow is None else self._wait_for_flow
                tasks[one.task_id] = await wait(one.task_id)
        ended = sum(one.ended for one in tasks.values())
        return Spawned(id=order.batch, total=len(orders), tasks=HashTrieMap(tasks), ended=ended)

    async def _wait(self, task_id: str) -> SpawnedTask:
        with self.broadcast.waiter(task_id) as waiter:  # before the state is read, so that nothing is missed
            task = await self._ask(GetTask(task_id=task_id))
            if not (isinstance(task, Task) and task.at_rest):
                task = await waiter.wait()
        if isinstance(task, Task):
            return news_of(task).child
        return SpawnedTask(id=task_id, state="CANCELLED", error=str(task))

    async def _wait_for_flow(self, flow_id: str) -> SpawnedTask:
        try:
            return await self._end_of_flow(flow_id)
        except trio.Cancelled:
            if self.shutdown.reason is None:
                with trio.CancelScope(deadline=trio.current_time() + _CANCEL_WITHIN_SECONDS, shield=True):
                    await self._cancel_flow(flow_id)
            raise

    async def _end_of_flow(self, flow_id: str) -> SpawnedTask:
        while True:
            with self.broadcast.waiter(flow_id) as waiter:  # before the state is read, so that nothing is missed
                flow = await self._ask(GetTask(task_id=flow_id))
                if isinstance(flow, Flow) and flow.ended:
                    return news_of_flow(flow).child
                outcome = await waiter.wait()
            if isinstance(outcome, str):
                return SpawnedTask(id=flow_id, state="CANCELLED", error=outcome)

    async def _cancel_flow(self, flow_id: str) -> None:
        message = CancelFlow(flow_id=flow_id, by=self.requester, reason="its step was cancelled")
        try:
            await self.front().ask(message, deadline=self.clock.monotonic() + _CANCEL_WITHIN_SECONDS)
        except (ActorStopped, ChildUnknown, MailboxFull, AskExpired, Refused):
            return  # it has ended, or nobody is left to cancel it

    async def _ask(self, message: SubmitBatch | GetTask) -> object:
        while True:
            try:
                return await self.front().ask(message, deadline=self.clock.monotonic() + _ANSWER_WITHIN_SECONDS)
            except (ActorStopped, ChildUnknown, MailboxFull, AskExpired, Unavailable):
                await trio.sleep(_AGAIN_SECONDS)  # both may be asked again: the ids are the step's own
