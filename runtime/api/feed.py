"""Events in the order of the journal, from any position on: who stops and comes back with the last one misses nothing.

Positions of the feed of a whole store have no gaps. Where tasks were deleted since, one event (`Forgotten`) stands for
all of theirs that followed each other.

The feed is read from the journal, not from those who write it, so that a slow reader costs them nothing, and lags as
long as it likes. A reader that has caught up sleeps until something new is stored.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, Self

import trio

from runtime.api.messages import Event, Forgotten, StoredEvent, UnitEvent
from runtime.errors import Fault, RequestInvalid
from runtime.journal.protocol import Committed, Journal
from runtime.work.broadcast import Broadcast
from runtime.work.histories import Histories

_PAGE: Final = 128
_LOOK_ANYWAY_SECONDS: Final = 1.0
"""How often to look where others store, too: the word of theirs may be late."""


class Feed:
    """One reader's way through the journal: ``async with feed``. `position` is that of the last record it has passed."""

    def __init__(self, journal: Journal, broadcast: Broadcast, *, after: int, task_id: str = "") -> None:
        self._journal = journal
        self._broadcast = broadcast
        self._task_id = task_id
        self._histories = Histories(journal)
        # Its events are not looked at: that there are some says that there is something to read.
        self._listening = broadcast.subscribe(task_id or None, 1)
        self._news: trio.MemoryReceiveChannel[Event] | None = None
        self._patience = math.inf if broadcast.listened is None else _LOOK_ANYWAY_SECONDS
        self._ahead: deque[StoredEvent] = deque()  # read, and not given yet
        self.position = after

    async def check(self) -> None:
        """See that there is a beginning like that: what happened up to there is what is gone on behind.

        Raises:
            RequestInvalid: it is no position, or one behind all that there ever were: of another store, or of a later
                state of this one than the copy that it was restored from. What comes next would not be what follows.
            Unavailable: the store cannot be read.
        """
        after: object = self.position  # whatever a program gave
        if not isinstance(after, int) or isinstance(after, bool) or after < 0:
            raise RequestInvalid([Fault("after", "must be a position: a whole number, or 0 for the beginning")])
        last = await self._journal.last_position() if after else 0
        if after > last:
            hint = "this is another store, or an older copy of it: begin at 0, or at the last one"
            raise RequestInvalid([Fault("after", f"no event has that position yet: the last one is {last}", hint)])

    async def __aenter__(self) -> Self:
        """Listen for news, so that none is missed between reading and waiting. Raises what `check` does."""
        await self.check()
        self._news = await self._listening.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Stop listening."""
        self._news = None
        await self._listening.__aexit__(None, None, None)

    async def read(self) -> Sequence[StoredEvent]:
        """Give the next events that are stored, a page at most; none when there are none yet. Cancelling loses nothing."""
        if self._ahead:
            events: list[StoredEvent] = [*self._ahead]
            self._ahead.clear()
            return events
        while True:
            after = self.position
            page = await self._journal.since(after, task_id=self._task_id, limit=_PAGE)
            events = []
            for turn in page:
                told = [event for event in await self._events(turn) if event.position > after]
                if told and not self._task_id:
                    events += _between(after, told[0].position)
                events += told
                after = told[-1].position if told else after
            self.position = after
            if events or len(page) < _PAGE:
                return events

    async def wait(self) -> bool:
        """Wait until something new is stored; False when nothing more will be."""
        assert self._news is not None  # noqa: S101 - it is used inside its block
        try:
            with trio.move_on_after(self._patience):
                await self._news.receive()
            while True:
                self._news.receive_nowait()
        except trio.WouldBlock:
            return True
        except trio.EndOfChannel:
            return False

    def __aiter__(self) -> Self:
        """Give every event from here on, until the runtime is closed: ``async for event in feed``, inside its block."""
        if self._news is None:
            raise TypeError(
                "a feed is read inside its block: async with rt.feed() as feed: async for event in feed: ..."
            )
        return self

    async def __anext__(self) -> StoredEvent:
        """Give the next one, and wait for it if need be. Cancelling loses nothing."""
        while not self._ahead:
            self._ahead.extend(await self.read())
            if not self._ahead and not await self.wait():
                raise StopAsyncIteration
        return self._ahead.popleft()

    async def _events(self, turn: Committed) -> Sequence[UnitEvent]:
        told = self._broadcast.recent(turn.position)
        if told is not None:  # nearly always, for who has caught up: all readers share the work
            self._histories.forget(turn.task_id)
            return told
        return await self._histories.events(turn)


def _between(before: int, after: int) -> Iterator[Forgotten]:
    """Tell of the positions between two that are stored: what was there is deleted."""
    if after - before > 1:
        yield Forgotten(position=after - 1, missing=after - before - 1)
