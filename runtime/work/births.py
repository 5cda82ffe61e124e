"""How the actor of a task or a flow begins: from what was just decided or read, or from the journal."""

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from actors import Address, Stopped
from runtime.engine.task import Task
from runtime.errors import InvariantBroken
from runtime.flow.flow import Flow
from runtime.journal.replaying import rebuilt
from runtime.work.messages import TurnMoved, WakeTask
from runtime.work.task import TaskActor
from runtime.work.unit import Services

if TYPE_CHECKING:
    from runtime.work.flows.actor import FlowActor

_Actor: TypeAlias = "TaskActor | FlowActor"


class Birth(msgspec.Struct, eq=False):
    """Makes the incarnations of a task's actor: the first one of what is at hand, any other of the journal.

    What is at hand (the task, what is left to do for it, and why it was brought back while something may have been in
    flight, if it was) is let go of once the first has it.
    """

    _task_id: str
    _services: Services
    _intake: Address[WakeTask | Stopped | TurnMoved]
    _first: tuple[Task | Flow, Sequence[Any], str] | None

    def __call__(self, _incarnation: int) -> "_Actor | Awaitable[_Actor]":
        """Make one; reading the journal has to be awaited."""
        first, self._first = self._first, None
        if first is None:
            return self._rebuilt()
        return self._actor(*first)

    async def _rebuilt(self) -> "_Actor":
        services = self._services
        unit = await rebuilt(await services.journal.read(self._task_id), services.plans.of)
        if unit is None:
            raise InvariantBroken(f"task {self._task_id} ran and is not in the journal")
        return self._actor(unit, (), "the task's actor failed and was restarted")

    def _actor(self, unit: Task | Flow, effects: Sequence[Any], resumed: str) -> "_Actor":
        if isinstance(unit, Task):
            return TaskActor(unit, self._services, self._intake, effects=effects, resumed=resumed)
        from runtime.work.flows.actor import FlowActor  # noqa: PLC0415 - many runtimes never see a flow

        return FlowActor(unit, self._services, self._intake, effects=effects, resumed=resumed)
