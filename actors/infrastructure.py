"""A plain `async def fn(inbox)` under supervision: for loops that are no actors (timers, listeners, writers).

    async def write(inbox: Inbox[Line]) -> None:
        async for batch in inbox:
            await file.write(b"".join(batch))

    ChildSpec(id="writer", start=infrastructure(write))

The loop above ends by itself when the child is asked to stop, after the last
accepted message. A function that never looks at its inbox is given
`stop_within=0` in its spec: cancelling it is then the normal way to stop it.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from actors.address import Address
from actors.ask import Question
from actors.cell import Cell
from actors.clock import Clock
from actors.reason import StopReason

__all__ = ("Inbox", "Plain", "infrastructure")

M = TypeVar("M")


class Inbox(Generic[M]):
    """The owner's side of a mailbox, given to a plain function."""

    __slots__ = ("_cell",)

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    @property
    def address(self) -> Address[M]:
        """Where this incarnation takes messages."""
        return self._cell.address

    @property
    def clock(self) -> Clock:
        """The clock of the supervisor."""
        return self._cell.clock

    @property
    def stop_reason(self) -> StopReason | None:
        """Why it was asked to stop, or None."""
        return self._cell.mailbox.closed

    def started(self) -> None:
        """Say that the start is done, for a spec with a handshake. Sync, idempotent."""
        ready, self._cell.ready = self._cell.ready, None
        if ready is not None:
            ready()

    async def take_all(self) -> list[M | Question[M]]:
        """Wait for and take the next batch; empty once asked to stop and nothing is left. A checkpoint."""
        return await self._cell.mailbox.take_all()  # type: ignore[return-value]

    def __aiter__(self) -> "Inbox[M]":
        return self

    async def __anext__(self) -> list[M | Question[M]]:
        """Give the next batch, until asked to stop and nothing is left."""
        # An async generator would be shorter, but one that is left early is
        # closed by the garbage collector, at some later time.
        batch = await self.take_all()
        if not batch:
            raise StopAsyncIteration
        return batch


class Plain:
    """A plain function as something a supervisor can run."""

    __slots__ = ("_function",)

    waits = True

    def __init__(self, function: Callable[[Inbox[Any]], Awaitable[None]]) -> None:
        self._function = function

    async def live(self, cell: Cell) -> bool:
        """Run the function once. Its return is an orderly end; it has a stack of its own, and so never hibernates."""
        await self._function(Inbox(cell))
        return False


def infrastructure(function: Callable[[Inbox[Any]], Awaitable[None]]) -> Callable[[int], Plain]:
    """Make the `start` of a child spec from a plain async function. Called anew for each incarnation."""
    return lambda _incarnation: Plain(function)
