"""The supervision tree of a runtime.

::

    understudy          rest_for_one: what follows a part depends on it, and is restarted with it
    ├── store           only where instances share a journal, as are hand-over, post and follower: the lease of this one
    ├── hand-over       lets others have tasks early while this one shuts down
    ├── timers          one heap of due times
    ├── resources       who holds what of the limited resources; not there where nothing is limited
    ├── notifications   a supervisor of its own around the notifier, so that its failures are no concern of tasks
    ├── tasks           dynamic: one actor per task in memory; its steps are its children
    ├── intake          the front door
    ├── post            questions about tasks that other instances hold
    ├── follower        tells those who listen what other instances commit
    ├── collector       deletes tasks that ended long ago
    └── wake-ups        brings back tasks that are due, or that were left running

Stopped in reverse: the door first, then the tasks (their steps get the grace to finish), timers, and the journal last.
"""

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from actors import (
    Address,
    ChildSpec,
    Clock,
    Restart,
    ShutdownContext,
    StopReason,
    Strategy,
    Supervisor,
    infrastructure,
    nested,
    open_supervisor,
)
from runtime.work.collector import Collector
from runtime.work.failures import FailureLog
from runtime.work.intake import Intake
from runtime.work.intake import Message as IntakeMessage
from runtime.work.limits import Limits
from runtime.work.resources import CAPACITY, ResourceKeeper
from runtime.work.resources import Message as ResourceMessage
from runtime.work.unit import Services
from runtime.work.wakeups import WakeUps

if TYPE_CHECKING:
    from runtime.work.sharing import Sharing

_INTAKE_CAPACITY: Final = 10_000
"""How many messages may wait at the front door before it refuses."""

_RESOURCES: Final = "resources"
_TASKS: Final = "tasks"
_INTAKE: Final = "intake"


class Tree:
    """Where the parts are now. Most are made before they are in the tree, and find each other by it once they are."""

    _root: Supervisor

    def __init__(self) -> None:
        self.failures = FailureLog()

    def root(self) -> Supervisor:
        """Give the top of it."""
        return self._root

    def tasks(self) -> Supervisor:
        """Give the supervisor of the tasks in memory."""
        return self._root.nested(_TASKS)

    def intake(self) -> Address[IntakeMessage]:
        """Give the front door."""
        return self._root.address_of(_INTAKE)

    def resources(self) -> Address[ResourceMessage]:
        """Give the keeper of resources."""
        return self._root.address_of(_RESOURCES)

    async def stop_tasks(self, reason: StopReason) -> None:
        """Stop all tasks in memory, and wait until they have ended."""
        await self._root.terminate_child(_TASKS, reason)

    @asynccontextmanager
    async def standing(
        self,
        services: Services,
        limits: Limits,
        clock: Clock,
        *,
        sharing: "Sharing | None",
        notifier: ChildSpec | None,
        keep_seconds: float,
        maintenance: bool,
    ) -> AsyncIterator[None]:
        """Have it stand for as long as the block lasts; under `maintenance` without what does something by itself."""
        first = [
            *(sharing.specs_before if sharing else ()),
            ChildSpec(id="timers", start=infrastructure(services.timers.run), restart=Restart.PERMANENT, stop_within=0),
            *([self._keeper(limits, services.shutdown)] if limits.pools else ()),
            *([notifier] if notifier else ()),
            ChildSpec(id=_TASKS, start=nested(strategy=Strategy.DYNAMIC), restart=Restart.PERMANENT),
        ]
        then = [
            self._front_door(services),
            *(sharing.specs_after if sharing else ()),
            *(() if maintenance else self._tidying(services, keep_seconds)),
        ]
        async with open_supervisor(
            "understudy",
            first,
            strategy=Strategy.REST_FOR_ONE,
            shutdown=services.shutdown,
            clock=clock,
            observer=self.failures,
        ) as self._root:
            for spec in then:
                self._root.start_child(spec)
            yield

    def _keeper(self, limits: Limits, shutdown: ShutdownContext) -> ChildSpec:
        return ChildSpec(
            id=_RESOURCES,
            start=lambda _incarnation: ResourceKeeper(limits, shutdown, self.intake),
            restart=Restart.PERMANENT,
            capacity=CAPACITY,
        )

    def _front_door(self, services: Services) -> ChildSpec:
        return ChildSpec(
            id=_INTAKE,
            start=lambda _incarnation: Intake(services, self.tasks()),
            restart=Restart.PERMANENT,
            capacity=_INTAKE_CAPACITY,
            stop_within=math.inf,
        )

    def _tidying(self, services: Services, keep_seconds: float) -> Sequence[ChildSpec]:
        return (
            ChildSpec(
                id="collector",
                start=lambda _incarnation: Collector(services.journal, services.timers, keep_seconds),
                restart=Restart.PERMANENT,
                stop_within=0,
            ),
            ChildSpec(
                id="wake-ups",
                start=lambda _incarnation: WakeUps(services.claims, services.agenda, self.intake),
                restart=Restart.PERMANENT,
                stop_within=0,
            ),
        )
