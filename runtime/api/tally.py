"""How many tasks there are of which kind, for figures: counting them reads every one, so it is not done all the time.

Whoever watches several servers asks each every few seconds, and where there are hundreds of thousands of tasks a
count takes the database most of a second. So one that took long is shown again for some multiple of that: no more than
a small part of anybody's time goes into counting, however many tasks there are. One that is quick is always fresh.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import trio

from runtime.journal.listing import Count

_LONG_SECONDS: Final = 0.1
"""How long a count may take that is made whenever it is asked for."""

_TIMES: Final = 50
"""For how many times as long as it took a count is shown that took longer."""


class Tally:
    """What was counted last. `count` counts; who asks meanwhile gets the same."""

    def __init__(self, count: Callable[[], Awaitable[Sequence[Count]]]) -> None:
        self._count = count
        self._counted: Sequence[Count] = ()
        self._good_until = -math.inf
        self._turn = trio.Lock()

    async def now(self) -> Sequence[Count]:
        """Give the counts of now, or of not long ago."""
        async with self._turn:
            began = trio.current_time()
            if began >= self._good_until:
                self._counted = await self._count()
                ended = trio.current_time()
                took = ended - began
                self._good_until = ended + _TIMES * took if took > _LONG_SECONDS else ended
            return self._counted
