"""What tasks and flows were after a turn that was stored, for those who tell of it later, or elsewhere.

Where a later version of this program has had its hands on one, this version does not know what it is from then on: of
its records it can tell what they are called.
"""

from collections import OrderedDict
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from runtime.api.messages import Recorded, UnitEvent
from runtime.api.schema import name_of, tag_of
from runtime.engine.records import TaskSubmitted
from runtime.engine.task import Task
from runtime.flow.flow import Flow
from runtime.flow.records import FlowCreated
from runtime.journal.protocol import Committed, Journal
from runtime.journal.replaying import extended, replay
from runtime.work.news import events_of

_PAGE: Final = 128
_UNITS_KEPT: Final = 256
"""How many tasks a reader remembers; the history of another is read again when something of it is told."""


class Beyond(Enum):
    """What a later version made of a task."""

    US = auto()


class Histories:
    """One reader's memory of tasks, as of the last of their turns that it was given.

    Who passes turns over has it forget their tasks: the next turn would be taken for the one that follows what is known.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._units: OrderedDict[str, Task | Flow] = OrderedDict()

    def forget(self, task_id: str) -> None:
        """Let go of a task: a turn of it was passed over. Sync."""
        self._units.pop(task_id, None)

    async def events(self, turn: Committed) -> Sequence[UnitEvent]:
        """Tell what that turn changed; nothing where the task was deleted meanwhile."""
        unit = await self.after(turn)
        return self.told(turn, unit)

    @staticmethod
    def told(turn: Committed, unit: "Task | Flow | Beyond | None") -> Sequence[UnitEvent]:
        """Tell what a turn changed of a `unit`, which is what it was after it. Sync."""
        if unit is None:
            return ()
        if not isinstance(unit, Beyond):
            return events_of(unit, turn.position, turn.records)
        known = [(one.at, tag_of(type(one))) for one in turn.records] or [
            (one.at, name_of(one.tag)) for one in turn.later
        ]
        return [
            Recorded(position=position, at=at, task_id=turn.task_id, what=what)
            for position, (at, what) in enumerate(known, turn.position)
        ]

    async def after(self, turn: Committed) -> "Task | Flow | Beyond | None":
        """Give the task, or the flow, as it was after that turn; None where it was deleted meanwhile."""
        before = self._units.pop(turn.task_id, None)
        if turn.later:
            return Beyond.US
        if isinstance(turn.records[0], TaskSubmitted | FlowCreated):  # a namesake of it may have been deleted
            unit: Task | Flow | Beyond | None = replay(turn.records)
        else:
            unit = await self._from_the_start(turn) if before is None else extended(before, turn.records)
        if unit is not None and not isinstance(unit, Beyond):
            self._units[turn.task_id] = unit
            if len(self._units) > _UNITS_KEPT:
                self._units.popitem(last=False)
        return unit

    async def _from_the_start(self, turn: Committed) -> "Task | Flow | Beyond | None":
        unit: Task | Flow | None = None
        position = 0
        while page := await self._journal.since(position, task_id=turn.task_id, limit=_PAGE):
            for one in page:
                if one.position > turn.position:
                    return unit
                if one.later:
                    return Beyond.US
                unit = replay(one.records) if unit is None else extended(unit, one.records)
                position = one.last
        return unit
