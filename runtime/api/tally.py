"""How many tasks there are of which kind, for figures: counting them reads every one, so it is not done all the time.

Whoever watches several servers asks each every few seconds, and where there are hundreds of thousands of tasks a
count takes the database most of a second. So one that took long is shown again for some multiple of that: no more than
a small part of anybody's time goes into counting, however many tasks there are. One that is quick is always fresh.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import trio

from runtime.frozen import frozen
from runtime.journal.listing import Count

_LONG_SECONDS: Final = 0.1
"""How long a count may take that is made whenever it is asked for."""

_TIMES: Final = 50
"""For how many times as long as it took a count is shown that took longer."""


@frozen
class Tallied:
    """What was counted, and how long ago, in seconds: 0 where it was counted for whoever asked."""

    counts: Sequence[Count] = ()
    age: float = 0


class Tally:
    """What was counted last. `count` counts, once at a time.

    Who asks while it does waits, and shares what it gives with all who wait: the count that is made next, if the one that
    goes on is quick, for it may have missed what they know of. One that fails, or is given up by who began it, is made
    anew by one of them.
    """

    def __init__(self, count: Callable[[], Awaitable[Sequence[Count]]]) -> None:
        self._count = count
        self._counted: Sequence[Count] = ()
        self._ended = self._good_until = -math.inf
        self._begun = self._made = 0
        self._going: trio.Event | None = None

    async def now(self) -> Tallied:
        """Give the counts of now, or of not long ago."""
        await trio.lowlevel.checkpoint()
        begun = self._begun
        while self._made <= begun and trio.current_time() >= self._good_until:
            if self._going is None:
                await self._make()
            else:
                await self._going.wait()
        return Tallied(self._counted, 0 if self._made > begun else trio.current_time() - self._ended)

    async def _make(self) -> None:
        going = self._going = trio.Event()
        self._begun += 1
        number, began = self._begun, trio.current_time()
        try:
            self._counted = await self._count()
            self._made, self._ended = number, trio.current_time()
            took = self._ended - began
            self._good_until = self._ended + _TIMES * took if took > _LONG_SECONDS else self._ended
        finally:
            self._going = None
            going.set()
