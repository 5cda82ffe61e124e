"""Which tasks and flows are in memory: the table of their actors' supervisor says it, and nobody else remembers."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from actors import Address, ChildKind, ChildState, ChildUnknown, Draining, Restart, Stopped, Supervisor
from runtime.engine.effects import Effect
from runtime.engine.task import Task
from runtime.flow.flow import Flow
from runtime.journal.replaying import rebuilt
from runtime.work.births import Birth
from runtime.work.messages import TurnMoved, WakeTask
from runtime.work.unit import Services

if TYPE_CHECKING:
    from runtime.flow.effects import Effect as FlowEffect

LEFT: Final = "whoever ran the task ended in the middle of it"
"""Why a task that is awake in the journal and not in memory is resumed."""


_TASK: Final = ChildKind(restart=Restart.TRANSIENT, stop_within=math.inf)
"""The kind of child that every task and every flow is."""

Told: TypeAlias = Address[WakeTask | Stopped | TurnMoved]
"""Who hears of what becomes of actors: the intake that started them."""


class Roster:
    """The actors under the supervisor `tasks`, started in the name of `intake`."""

    def __init__(self, services: Services, tasks: Supervisor, intake: Told) -> None:
        self._services = services
        self._tasks = tasks
        self._intake = intake

    def find(self, task_id: str) -> Address[object] | None:
        """Give the address of a task's actor; None when it is asleep. Sync."""
        return self._tasks.address_of(task_id) if task_id in self._tasks else None

    def holds(self, task_id: str) -> bool:
        """Say whether a task is in memory. Sync."""
        return task_id in self._tasks

    def let_go(self, task_id: str) -> None:
        """Let go of a task that was claimed in vain: what is held and has no actor would sleep for ever. Sync."""
        if not self.holds(task_id):
            self._services.claims.release([task_id])

    def failed(self, task_id: str) -> str:
        """Say why nobody starts a task's actor any more: it failed too often; "" if that is not so. Sync."""
        try:
            child = self._tasks.child(task_id)
        except ChildUnknown:
            return ""
        return str(child.reason) if child.state is ChildState.QUARANTINED else ""

    def start(
        self, unit: Task | Flow, effects: "Sequence[Effect] | Sequence[FlowEffect]" = (), *, resumed: str = ""
    ) -> bool:
        """Start the actor of a task; false when it is too late for that. Sync.

        `effects` are what is left to do of the decisions that were made and stored. `resumed`: why it was brought back
        while something may have been in flight.
        """
        task_id = unit.header.task_id
        birth = Birth(task_id, self._services, self._intake, (unit, effects, resumed))
        try:
            self._tasks.start_another(_TASK, task_id, birth)
        except Draining:  # what is stored is resumed by whoever opens the journal next
            return False
        self._services.broadcast.show(unit)
        return True

    async def read(self, task_id: str) -> Task | Flow | None:
        """Give a task as its records leave it.

        Raises:
            JournalUnavailable: it cannot be read.
        """
        return await rebuilt(await self._services.journal.read(task_id), self._services.plans.of)


def was_left(unit: Task | Flow) -> bool:
    """Say whether something was in flight when whoever ran it ended, or was put down."""
    return not unit.idle or (isinstance(unit, Flow) and unit.held)
