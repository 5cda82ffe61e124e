"""What the intake has decided of tasks that are not in memory: stored in one commit, and only then do their actors begin."""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import trio

from actors import Question
from runtime.engine.effects import Effect
from runtime.engine.states import Admission, ResolutionState
from runtime.engine.task import Task
from runtime.errors import Unavailable
from runtime.faults import FaultPoint, reach
from runtime.flow.flow import Flow
from runtime.frozen import value
from runtime.journal.listing import relisted
from runtime.journal.protocol import Entry, JournalUnavailable, Record, entry_of, standing_of
from runtime.work.late import put_down
from runtime.work.roster import LEFT, Roster
from runtime.work.unit import Services

if TYPE_CHECKING:
    from runtime.flow.effects import Effect as FlowEffect

_BEFORE_REPLY: Final = FaultPoint.BEFORE_REPLY  # on the names of members: `runtime.engine.states`


@value
class Beginning:
    """A decision on a task or a flow: what it is then, what to store, and what to do.

    `before` is what a task was that has been there before; `question`: who waits to hear of it, if anybody does.
    """

    unit: Task | Flow
    records: Sequence[Record]
    effects: "Sequence[Effect] | Sequence[FlowEffect]"
    before: Task | None = None
    question: Question[Any] | None = None

    @property
    def task_id(self) -> str:
        """Whose it is."""
        return self.unit.header.task_id

    @property
    def entry(self) -> Entry:
        """What is stored of it."""
        if self.before is None:
            return entry_of(self.unit, self.records)
        return Entry(self.task_id, self.records, standing_of(self.unit), relisted(self.before, self.unit))


class Beginnings:
    """Stores and begins. The actors are those of `roster`."""

    def __init__(self, services: Services, roster: Roster) -> None:
        self._services = services
        self._roster = roster

    async def store(self, decided: Sequence[Beginning]) -> None:
        """Store what was decided, all or nothing of it; begin it, and tell who asked.

        Raises:
            AlreadyStored: of some that are new the id is known; nothing was stored.
            Unavailable: nothing was stored.
        """
        if not decided:
            return
        services = self._services
        if services.shutdown.reason is not None and services.post is None:
            raise Unavailable("the runtime is shutting down")  # where there are others, they are handed what is stored
        entries, faults = [one.entry for one in decided], services.faults
        reach(faults, FaultPoint.BEFORE_APPEND)
        position = await services.journal.append(entries)
        reach(faults, FaultPoint.AFTER_APPEND)
        beginning, asked = [], False
        for one in decided:
            services.broadcast.publish(one.unit, position, one.records)
            position += len(one.records)
            if self._begins(one):
                services.broadcast.show(one.unit)
                beginning.append(one)
            if faults is not None:
                faults.reach(_BEFORE_REPLY)
            if one.question is not None:
                one.question.answer(one.task_id)
                asked = True
        if beginning and asked:  # who submitted runs first: a task may be over at once, and nobody had waited for it
            await trio.lowlevel.cancel_shielded_checkpoint()
        for one in beginning:
            if not self._roster.start(one.unit, one.effects, resumed="" if one.effects else LEFT):
                services.broadcast.hide(one.task_id)
                await self._take_back(one)

    def _begins(self, one: Beginning) -> bool:
        """Say whether a task is to have an actor; put it in line, or let go of it, if not."""
        if self.lines_up(one.unit):
            return False
        if one.effects or not one.unit.idle:
            return True
        self._services.claims.release([one.task_id])
        return False

    def lines_up(self, unit: Task | Flow) -> bool:
        """Put a task in line for the slots of its run, if that is all there is to do for it: it takes no actor."""
        slots = self._services.slots
        if slots is None or not isinstance(unit, Task) or not (unit.in_line and unit.idle):
            return False
        if unit.plan.admission is not Admission.QUEUED:  # its run may begin, or may not even wait
            return False
        crashed = unit.resolution is ResolutionState.CRASHED
        slots.queue(unit.header.task_id, unit.plan.template.name, crashed=crashed)
        return True

    async def _take_back(self, one: Beginning) -> None:
        """Record that the first steps were not begun after all, so that whoever goes on with them may begin them."""
        unit, records = put_down(one.unit, one.effects, at=self._services.tools.clock.wall())
        if records:
            with suppress(JournalUnavailable):  # then somebody has to look
                await self._services.journal.append(
                    [Entry(one.task_id, records, standing_of(unit), relisted(one.unit, unit))]
                )
