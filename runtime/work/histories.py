"""What tasks and flows were after a turn that was stored, for those who tell of it later, or elsewhere."""

from collections import OrderedDict
from typing import Final

from runtime.engine.task import Task
from runtime.flow.flow import Flow
from runtime.journal.protocol import Committed, Journal
from runtime.journal.replaying import extended, replay

_PAGE: Final = 128
_UNITS_KEPT: Final = 256
"""How many tasks a reader remembers; the history of another is read again when something of it is told."""


class Histories:
    """One reader's memory of tasks, as of the last of their turns that it was given."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._units: OrderedDict[str, Task | Flow] = OrderedDict()

    def forget(self, task_id: str) -> None:
        """Let go of a task: a turn of it was passed over. Sync."""
        self._units.pop(task_id, None)

    async def after(self, turn: Committed) -> Task | Flow | None:
        """Give the task, or the flow, as it was after that turn; None where it was deleted meanwhile."""
        before = self._units.pop(turn.task_id, None)
        unit = await self._from_the_start(turn) if before is None else extended(before, turn.records)
        if unit is not None:
            self._units[turn.task_id] = unit
            if len(self._units) > _UNITS_KEPT:
                self._units.popitem(last=False)
        return unit

    async def _from_the_start(self, turn: Committed) -> Task | Flow | None:
        unit: Task | Flow | None = None
        position = 0
        while page := await self._journal.since(position, task_id=turn.task_id, limit=_PAGE):
            for one in page:
                if one.position > turn.position:
                    return unit
                unit = replay(one.records) if unit is None else extended(unit, one.records)
                position = one.position + len(one.records) - 1
        return unit
