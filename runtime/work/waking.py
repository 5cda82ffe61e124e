"""Bringing tasks back that are due, or that somebody left awake: a page of them at a time.

The tasks of a page are read together, what their waking means is decided here and stored in one commit, and only then
do their actors start, with nothing left to do but the steps. So a wake-up costs no look-up, no turn and no commit of
its own. What a page cannot do for all of them at once, because one of them is damaged or the store refuses it, is done
for each by itself: the others are not to wait for it.
"""

from collections.abc import Mapping, Sequence

from runtime.engine.decision import decide
from runtime.engine.events import RetryDue
from runtime.engine.task import Task
from runtime.errors import Unavailable
from runtime.flow.flow import Flow
from runtime.flow.states import FlowTurn
from runtime.journal.protocol import JournalUnavailable, Stored, TaskUnreadable, standing_of
from runtime.journal.replaying import replay
from runtime.journal.shared import Claim
from runtime.work.beginnings import Beginning, Beginnings
from runtime.work.delivery import Delivery
from runtime.work.messages import TurnMoved, WakeTask
from runtime.work.roster import LEFT, Roster
from runtime.work.unit import Services


class Waking:
    """Brings back what the intake is told of."""

    def __init__(self, services: Services, roster: Roster, beginnings: Beginnings, delivery: Delivery) -> None:
        self._services = services
        self._roster = roster
        self._beginnings = beginnings
        self._delivery = delivery

    async def bring_back(self, page: Sequence[Stored]) -> None:
        """Go on with tasks that were left awake, and wake those that are due."""
        if self._services.shutdown.reason is not None:
            return  # whoever opens the journal next finds them
        absent = [one.task_id for one in page if not self._roster.holds(one.task_id) and await self._ours(one.task_id)]
        units, ours = await self._read(absent), frozenset(absent)
        due: list[Beginning] = []
        for stored in page:
            unit = units.get(stored.task_id)
            if stored.standing.awake and stored.task_id in ours:
                await self._try_to_resume(stored, unit)
            elif stored.standing.awake:
                continue  # it is in memory, or somebody else's
            elif isinstance(unit, Task) and unit.idle:
                self._decide(unit, stored.standing.run, due)
            else:
                await self._delivery.pass_on(_wake(stored))
        await self._store(due, page)

    async def _read(self, task_ids: Sequence[str]) -> Mapping[str, Task | Flow]:
        """Rebuild those that can be read together."""
        try:
            histories = await self._services.journal.histories(task_ids)
        except JournalUnavailable:
            return {}
        units = ((task_id, replay(records, self._services.plans.of)) for task_id, records in histories.items())
        return {task_id: unit for task_id, unit in units if unit is not None}

    async def _ours(self, task_id: str) -> bool:
        """See that a task is still held: it may have been let go of before the page was looked at."""
        try:
            return await self._services.claims.claim(task_id) is Claim.OURS
        except JournalUnavailable:
            return False

    def _decide(self, task: Task, run: int, due: list[Beginning]) -> None:
        """Decide what follows; nothing does if the task was stored as something else meanwhile."""
        decision = decide(task, RetryDue(at=self._services.tools.clock.wall(), run=run))
        if decision.records or decision.effects:
            due.append(Beginning(decision.task, decision.records, decision.effects, before=task))
        else:
            self._services.claims.release([task.header.task_id])

    async def _store(self, due: Sequence[Beginning], page: Sequence[Stored]) -> None:
        try:
            await self._beginnings.store([one for one in due if one.records])
        except Unavailable:
            decided = {one.task_id for one in due if one.records}
            for stored in page:
                if stored.task_id in decided:
                    await self._delivery.pass_on(_wake(stored))
        for one in due:
            if not one.records:  # its clock was set back, say
                self._roster.start(one.unit, one.effects)

    async def _try_to_resume(self, stored: Stored, unit: Task | Flow | None) -> None:
        """Go on with a task that was left awake: later, where the store is away; not at all, where it is damaged."""
        try:
            await self._resume(stored.task_id, unit)
        except TaskUnreadable as damage:  # the others are not to wait for it
            self._services.broadcast.give_up(stored.task_id, str(damage))
        except JournalUnavailable:
            self._delivery.bring_back_later(stored)

    async def _resume(self, task_id: str, unit: Task | Flow | None) -> None:
        if self._roster.holds(task_id):
            return
        unit = unit or await self._roster.read(task_id)
        if isinstance(unit, Flow) and unit.turn is FlowTurn.WAITS:
            self._services.claims.release([task_id])
            await self._delivery.move_turn(TurnMoved(unit.header.owner))
        elif unit is not None and self._beginnings.lines_up(unit):
            pass
        elif unit is not None and standing_of(unit).awake:
            self._roster.start(unit, resumed=LEFT)
        else:
            self._services.claims.release([task_id])


def _wake(stored: Stored) -> WakeTask:
    return WakeTask(stored.task_id, stored.standing.run)
