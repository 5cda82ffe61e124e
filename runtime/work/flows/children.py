"""The tasks that a step of a flow wishes for: taken on under ids of the step's own, and waited for.

The ids make it safe to wish again: a step whose work is begun again after a crash finds the tasks of the first time. The
flow records them first, so that whoever ends the step knows what else to end (`runtime.flow.interrupts`).
"""

from collections.abc import Iterable
from typing import Any, Final

import attrs
import trio
from rpds import HashTrieMap

from actors import ActorStopped, Address, AskExpired, ChildUnknown, Clock, MailboxFull
from runtime.api.messages import GetTask
from runtime.engine.events import OrderChildren
from runtime.engine.task import Task
from runtime.errors import Unavailable
from runtime.flow.effects import DismissChildren, StartStep
from runtime.flow.events import ChildrenDismissed, ChildrenOrdered, StepCut
from runtime.flow.flow import Flow
from runtime.wishes import Spawned, SpawnedTask
from runtime.work.broadcast import Broadcast
from runtime.work.family import Front, dismiss, news_of, news_of_flow
from runtime.work.messages import GiveUp, SubmitBatch
from runtime.work.unit import Services

_ANSWER_WITHIN_SECONDS: Final = 30.0
_AGAIN_SECONDS: Final = 1.0
_DISMISSED_AT_ONCE: Final = 100


async def dismiss_children(
    by: str, effect: DismissChildren, children: Iterable[str], services: Services, clock: Clock
) -> ChildrenDismissed | StepCut:
    """Cancel what a step has started, and what that has; it is cut short when the runtime is closed first."""
    heard: list[bool] = []
    limit = trio.CapacityLimiter(_DISMISSED_AT_ONCE)

    async def one(child: str) -> None:
        async with limit:
            message = GiveUp(task_id=child, by=by, reason="its step was cut")
            heard.append(await dismiss(message, services.front, clock, services.shutdown))

    async with trio.open_nursery() as nursery:
        for child in children:
            nursery.start_soon(one, child)
    if all(heard):
        return ChildrenDismissed(at=clock.wall(), step=effect.step, attempt=effect.attempt)
    why = "the runtime is shutting down"
    return StepCut(at=clock.wall(), step=effect.step, attempt=effect.attempt, by="runtime", reason=why)


@attrs.frozen
class Nursery:
    """Where the tasks of a step are brought up, for `by`. `front` gives the intake of now; `flow` is the step's own."""

    front: Front
    broadcast: Broadcast
    clock: Clock
    by: str
    begun: StartStep
    flow: Address[Any]

    async def bring_up(self, order: OrderChildren, prefix: str) -> Spawned:
        """Have the tasks of a batch taken on, wait until none can go on by itself, and tell what they came to.

        A flow is waited for until it has ended.
        """
        orders = tuple(
            one if one.flow is not None else attrs.evolve(one, task_id=f"{prefix}.{number}")
            for number, one in enumerate(order.orders)
        )
        ids = tuple(one.task_id for one in orders)
        begun = self.begun
        await self._ask(ChildrenOrdered(at=self.clock.wall(), step=begun.step, attempt=begun.attempt, children=ids))
        batch = SubmitBatch(parent="", batch=order.batch, requester=self.by, requester_groups=(), orders=orders)
        refused = await self._ask(batch)
        assert isinstance(refused, tuple)  # noqa: S101 - narrows what an answer is typed as
        tasks: dict[str, SpawnedTask] = {one.id: one for one in refused}
        for one in orders:
            if one.task_id not in tasks:
                wait = self._wait if one.flow is None else self._end_of_flow
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

    async def _end_of_flow(self, flow_id: str) -> SpawnedTask:
        while True:
            with self.broadcast.waiter(flow_id) as waiter:  # before the state is read, so that nothing is missed
                flow = await self._ask(GetTask(task_id=flow_id))
                if isinstance(flow, Flow) and flow.ended:
                    return news_of_flow(flow).child
                outcome = await waiter.wait()
            if isinstance(outcome, str):
                return SpawnedTask(id=flow_id, state="CANCELLED", error=outcome)

    async def _ask(self, message: ChildrenOrdered | SubmitBatch | GetTask) -> object:
        while True:
            asked: Address[Any] = self.flow if isinstance(message, ChildrenOrdered) else self.front()
            try:
                return await asked.ask(message, deadline=self.clock.monotonic() + _ANSWER_WITHIN_SECONDS)
            except (ActorStopped, ChildUnknown, MailboxFull, AskExpired, Unavailable):
                await trio.sleep(_AGAIN_SECONDS)  # all may be asked again: the ids are the step's own
