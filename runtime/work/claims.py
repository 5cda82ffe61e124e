"""Whose a task is, for those who go on with tasks: the one runtime's of a journal, or one instance's of several.

Who has a task in memory holds it. Before an actor is started for a task that others may have, it is claimed, and when
it has left memory it is let go of.
"""

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import Protocol

from runtime.journal.protocol import PAGE, Journal, JournalUnavailable, Stored
from runtime.journal.shared import Claim, Claimed, SharedJournal


class Claims(Protocol):
    """What the actors ask. `poll_seconds`: how often others may have left something without a word."""

    poll_seconds: float

    async def claim(self, task_id: str) -> Claimed:
        """Take hold of a task, or say who has it."""
        ...

    async def awake(self, after: int, limit: int = PAGE) -> Sequence[Stored]:
        """Give tasks that somebody left awake, held from now on; where nobody else takes any, those after a number."""
        ...

    async def due(self, until: float, after: tuple[float, int], limit: int = PAGE) -> Sequence[Stored]:
        """Give tasks that are due, held from now on; where nobody else takes any, those after a place."""
        ...

    async def next_due(self, after: float) -> float | None:
        """Say when the next task is due after that time."""
        ...

    def release(self, task_ids: Iterable[str]) -> None:
        """Let go of tasks that have left memory. Sync."""
        ...

    def keep_only(self, in_memory: Callable[[str], bool]) -> None:
        """Let go of what is not in memory, after a part that knew of it has failed. Sync."""
        ...


class Sole:
    """Every task of the journal is this runtime's."""

    poll_seconds = math.inf

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def claim(self, task_id: str) -> Claimed:
        """It is ours."""
        del task_id
        return Claim.OURS

    async def awake(self, after: int, limit: int = PAGE) -> Sequence[Stored]:
        """Give those after a number."""
        return await self._journal.awake(after=after, limit=limit)

    async def due(self, until: float, after: tuple[float, int], limit: int = PAGE) -> Sequence[Stored]:
        """Give those after a place."""
        return await self._journal.due(until, after=after, limit=limit)

    async def next_due(self, after: float) -> float | None:
        """Ask the journal."""
        return await self._journal.next_due(after)

    def release(self, task_ids: Iterable[str]) -> None:
        """Nothing was taken hold of."""

    def keep_only(self, in_memory: Callable[[str], bool]) -> None:
        """As above."""


class Shared:
    """Other instances have tasks of the journal, too. `let_go` is told of each task that others may have from now on."""

    poll_seconds = 1.0

    def __init__(self, journal: SharedJournal, let_go: Callable[[str], None]) -> None:
        self._journal = journal
        self._let_go = let_go

    async def claim(self, task_id: str) -> Claimed:
        """Ask the journal."""
        return await self._journal.claim(task_id)

    async def awake(self, after: int, limit: int = PAGE) -> Sequence[Stored]:
        """Give some, which are then no longer to be had."""
        del after
        return await self._journal.claim_awake(limit=limit)

    async def due(self, until: float, after: tuple[float, int], limit: int = PAGE) -> Sequence[Stored]:
        """Give some, as above; if there are many, others are called to help."""
        del after
        page = await self._journal.claim_due(until, limit=limit)
        if len(page) == limit:
            with suppress(JournalUnavailable):  # they look by themselves, and the page is ours already
                await self._journal.wake_others()
        return page

    async def next_due(self, after: float) -> float | None:
        """Ask the journal."""
        return await self._journal.next_due(after)

    def release(self, task_ids: Iterable[str]) -> None:
        """Let the journal know, and whoever waits for them."""
        gone: Collection[str] = tuple(task_ids)
        self._journal.release(gone)
        for task_id in gone:
            self._let_go(task_id)

    def keep_only(self, in_memory: Callable[[str], bool]) -> None:
        """Release the others."""
        self.release([task_id for task_id in self._journal.held if not in_memory(task_id)])
