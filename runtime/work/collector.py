"""The garbage collector: deletes tasks that ended long ago (spec section 7.5), and memos past their time, a few at a time."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from actors import Actor, Question, Timers
from runtime.journal.protocol import Journal, JournalUnavailable
from runtime.work.messages import CollectionDue

_DAY: Final = 86_400.0
_AT_A_TIME: Final = 64
"""How many tasks are deleted in one commit: others get theirs in between."""

_TIMER: Final = "collection"


class Collector(Actor[CollectionDue]):
    """Deletes tasks `keep_seconds` after they ended, and what is remembered no longer than it may be.

    When it starts, and then every day, or more often for less.
    """

    def __init__(self, journal: Journal, timers: Timers, keep_seconds: float) -> None:
        self._journal = journal
        self._timers = timers
        self._keep = keep_seconds

    async def started(self) -> None:
        """Collect for the first time."""
        await self._collect()

    async def turn(self, batch: Sequence[CollectionDue | Question[CollectionDue]]) -> None:
        """Collect."""
        del batch
        await self._collect()

    async def _collect(self) -> None:
        self._timers.arm_in(_TIMER, min(_DAY, self._keep), self.address, CollectionDue())
        before = self.clock.wall() - self._keep
        with suppress(JournalUnavailable):  # there is a next time
            while await self._journal.collect(before, limit=_AT_A_TIME):
                pass
            while await self._journal.forget_expired(self.clock.wall(), limit=_AT_A_TIME):
                pass
