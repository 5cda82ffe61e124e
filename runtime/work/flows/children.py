"""The tasks that a step of a flow wishes for: taken on under ids of the step's own, and waited for.

The ids make it safe to wish again: a step whose work is begun again after a crash finds the tasks of the first time.
"""

from typing import Final

import attrs
import trio
from rpds import HashTrieMap

from actors import ActorStopped, AskExpired, ChildUnknown, Clock, MailboxFull
from runtime.api.messages import GetTask
from runtime.engine.events import OrderChildren
from runtime.engine.task import Task
from runtime.errors import Unavailable
from runtime.wishes import Spawned, SpawnedTask
from runtime.work.broadcast import Broadcast
from runtime.work.family import Front, news_of
from runtime.work.messages import SubmitBatch

_ANSWER_WITHIN_SECONDS: Final = 30.0
_AGAIN_SECONDS: Final = 1.0


@attrs.frozen
class Nursery:
    """Where the tasks of steps are brought up. `front` gives the intake of now."""

    front: Front
    broadcast: Broadcast
    clock: Clock
    requester: str

    async def bring_up(self, order: OrderChildren, prefix: str) -> Spawned:
        """Have the tasks of a batch taken on, wait until none can go on by itself, and tell what they came to."""
        orders = tuple(attrs.evolve(one, task_id=f"{prefix}.{number}") for number, one in enumerate(order.orders))
        batch = SubmitBatch(parent="", batch=order.batch, requester=self.requester, requester_groups=(), orders=orders)
        refused = await self._ask(batch)
        assert isinstance(refused, tuple)  # noqa: S101 - narrows what an answer is typed as
        tasks = {one.id: one for one in refused}
        for one in orders:
            if one.task_id not in tasks:
                tasks[one.task_id] = await self._wait(one.task_id)
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

    async def _ask(self, message: SubmitBatch | GetTask) -> object:
        while True:
            try:
                return await self.front().ask(message, deadline=self.clock.monotonic() + _ANSWER_WITHIN_SECONDS)
            except (ActorStopped, ChildUnknown, MailboxFull, AskExpired, Unavailable):
                await trio.sleep(_AGAIN_SECONDS)  # both may be asked again: the ids are the step's own
