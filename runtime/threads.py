"""Threads of the runtime's own: what hangs in those of the program around it holds it up no more than it does them.

trio hands out 40 threads to all that ask without saying whose they are. Who asks here has a number of threads of their
own, in each trio run. What waits for one can be cancelled; what runs in one cannot, see `Threads.run`.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import trio

T = TypeVar("T")


class Threads:
    """So many threads at once for one kind of work, in each trio run; what comes beyond them waits."""

    def __init__(self, name: str, most: int) -> None:
        self._most = most
        self._limiter: trio.lowlevel.RunVar[trio.CapacityLimiter] = trio.lowlevel.RunVar(f"threads for {name}")

    async def run(self, work: Callable[..., T], *args: object, leave: bool = False) -> T:
        """Call something in a thread; give what it returns, or raise what it raises.

        A cancel waits until it has returned. With `leave` it does not: the thread goes on, what it gives is dropped, and it
        counts until it ends, so that what never ends takes no more threads than there are.
        """
        return await trio.to_thread.run_sync(work, *args, abandon_on_cancel=leave, limiter=self._own())

    async def run_if(self, long: bool, work: Callable[..., T], *args: object) -> T:
        """Call something: in a thread if it takes so long that others would notice, and else at once."""
        return await self.run(work, *args) if long else work(*args)

    @property
    def taken(self) -> bool:
        """Whether all of them are in use."""
        return not self._own().available_tokens

    @property
    def most(self) -> int:
        """How many there are."""
        return self._most

    def _own(self) -> trio.CapacityLimiter:
        try:
            return self._limiter.get()
        except LookupError:
            limiter = trio.CapacityLimiter(self._most)
            self._limiter.set(limiter)
            return limiter


BRIEF: Final = Threads("what is brief", 16)
"""For work of the runtime that ends by itself, such as reading a file or a large text."""
