"""An append on its way: what is to be stored, and the trio task that waits for what comes of it.

It is itself what trio gives that task when it goes on: every step of every task waits here, and an `outcome.Value` each
would be made for nothing else. One whose task was cancelled before it was taken up is not stored at all: who stores
looks at `task`. So nobody who hands one over has to ask before whether he is cancelled.
"""

from collections.abc import AsyncGenerator, Awaitable, Generator, Sequence
from typing import Protocol, TypeVar

from outcome import Outcome
from trio.lowlevel import Abort, Task, current_task, wait_task_rescheduled

from runtime.journal.turns import Turn

R = TypeVar("R")


class Keeper(Protocol):
    """Who stores. `abandoned`: how many are on their way that nobody waits for any more."""

    abandoned: int


class Append(Outcome[int]):
    """Turns to store, and the trio task that waits for it, until it is cancelled: the one that made this.

    `result`: the position of the first record, or why nothing was stored.
    """

    __slots__ = ("_keeper", "result", "task", "turns")

    def __init__(self, turns: Sequence[Turn], keeper: Keeper) -> None:
        self.turns = turns
        self.task: Task | None = current_task()
        self.result: int | Exception = 0
        self._keeper = keeper

    def wait(self) -> Awaitable[int]:
        """Wait for the result: await what this gives, at once. A cancel abandons the append; if it is under way, not the write."""
        return wait_task_rescheduled(self._abandon)  # noqa: ASYNC105 - the caller awaits it

    def abandon(self) -> None:
        """Wait no longer."""
        self.task = None
        self._keeper.abandoned += 1

    def _abandon(self, _raise_cancel: object) -> Abort:
        self.abandon()
        return Abort.SUCCEEDED

    def unwrap(self) -> int:
        """Give the position, or raise why nothing was stored."""
        result = self.result
        if isinstance(result, int):
            return result
        try:
            raise result
        finally:
            del result, self  # what its traceback leads to would lead back to it

    def send(self, gen: Generator[R, int, object]) -> R:
        """See `Outcome.send`."""
        return gen.send(self.result) if isinstance(self.result, int) else gen.throw(self.result)

    async def asend(self, agen: AsyncGenerator[R, int]) -> R:
        """See `Outcome.asend`."""
        return await (agen.asend(self.result) if isinstance(self.result, int) else agen.athrow(self.result))
