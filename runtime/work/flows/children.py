"""The tasks that a step of a flow wishes for: taken on under ids of the step's own, and waited for.

The ids make it safe to wish again: a step whose work is begun again after a crash finds the tasks of the first time.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import attrs
import trio
from rpds import HashTrieMap

from actors import ActorStopped, AskExpired, ChildUnknown, Clock, MailboxFull
from runtime.api.flow_messages import CancelFlow
from runtime.api.messages import CancelTask, GetTask
from runtime.engine.events import OrderChildren
from runtime.engine.records import ChildOrder
from runtime.engine.task import Task
from runtime.errors import Refused, Unavailable
from runtime.flow.flow import Flow
from runtime.wishes import Spawned, SpawnedTask
from runtime.work.broadcast import Broadcast
from runtime.work.family import Front, news_of, news_of_flow, started_by
from runtime.work.messages import SubmitBatch

_ANSWER_WITHIN_SECONDS: Final = 30.0
_AGAIN_SECONDS: Final = 1.0
_CANCEL_WITHIN_SECONDS: Final = 5.0
_CANCELLED_AT_ONCE: Final = 100


@attrs.frozen
class Nursery:
    """Where the tasks of a step are brought up. `front` gives the intake of now.

    `given_up` says of a wait that was cut whether the step is: somebody else may go on with it otherwise.
    """

    front: Front
    broadcast: Broadcast
    clock: Clock
    requester: str
    given_up: Callable[[], bool]

    async def bring_up(self, order: OrderChildren, prefix: str) -> Spawned:
        """Have the tasks of a batch taken on, wait until none can go on by itself, and tell what they came to.

        A flow is waited for until it has ended. If the step is given up, what has not ended is cancelled.
        """
        orders = tuple(
            one if one.flow is not None else attrs.evolve(one, task_id=f"{prefix}.{number}")
            for number, one in enumerate(order.orders)
        )
        batch = SubmitBatch(parent="", batch=order.batch, requester=self.requester, requester_groups=(), orders=orders)
        tasks: dict[str, SpawnedTask] = {}
        try:
            refused = await self._ask(batch)
            assert isinstance(refused, tuple)  # noqa: S101 - narrows what an answer is typed as
            tasks.update((one.id, one) for one in refused)
            for one in orders:
                if one.task_id not in tasks:
                    wait = self._wait if one.flow is None else self._end_of_flow
                    tasks[one.task_id] = await wait(one.task_id)
        except trio.Cancelled:
            if self.given_up():
                with trio.CancelScope(deadline=trio.current_time() + _CANCEL_WITHIN_SECONDS, shield=True):
                    await self._cancel([one for one in orders if one.task_id not in tasks])
            raise
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

    async def _end_of_flow(self, flow_id: str) -> SpawnedTask:
        while True:
            with self.broadcast.waiter(flow_id) as waiter:  # before the state is read, so that nothing is missed
                flow = await self._ask(GetTask(task_id=flow_id))
                if isinstance(flow, Flow) and flow.ended:
                    return news_of_flow(flow).child
                outcome = await waiter.wait()
            if isinstance(outcome, str):
                return SpawnedTask(id=flow_id, state="CANCELLED", error=outcome)

    async def _cancel(self, orders: Iterable[ChildOrder]) -> None:
        """Cancel what was ordered and has not ended, and the tasks that it has started, and theirs."""
        left = deque(orders)
        while left:
            async with trio.open_nursery() as nursery:
                for _ in range(min(len(left), _CANCELLED_AT_ONCE)):
                    nursery.start_soon(self._cancel_one, left.popleft(), left)

    async def _cancel_one(self, order: ChildOrder, left: deque[ChildOrder]) -> None:
        why, unit_id = "its step was cut", order.task_id
        if order.flow is not None:  # which sees to what its steps have started
            await self._say(CancelFlow(flow_id=unit_id, by=self.requester, reason=why))
            return
        task = await self._say(GetTask(task_id=unit_id))  # while it still knows: one that is cancelled forgets them
        if isinstance(task, Task):
            left.extend(started_by(task))
            await self._say(CancelTask(task_id=unit_id, requester=self.requester, reason=why))

    async def _say(self, message: CancelTask | CancelFlow | GetTask) -> object:
        try:
            return await self.front().ask(message, deadline=self.clock.monotonic() + _CANCEL_WITHIN_SECONDS)
        except (ActorStopped, ChildUnknown, MailboxFull, AskExpired, Refused):
            return None  # it has ended or was never taken on, or nobody is left to say it to

    async def _ask(self, message: SubmitBatch | GetTask) -> object:
        while True:
            try:
                return await self.front().ask(message, deadline=self.clock.monotonic() + _ANSWER_WITHIN_SECONDS)
            except (ActorStopped, ChildUnknown, MailboxFull, AskExpired, Unavailable):
                await trio.sleep(_AGAIN_SECONDS)  # both may be asked again: the ids are the step's own
