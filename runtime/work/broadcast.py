"""One to many: subscribers of events, and those who wait for a task to come to rest.

A channel with many receivers. `publish` is sync and never waits: each subscriber has a bounded channel of its own, and
when that is full its events are counted instead; the next one that fits is preceded by `Lagged`. So a slow subscriber
loses events, and never costs a task its pace. With nobody listening, publishing costs two look-ups.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import chain
from typing import Final, Self

import attrs
import trio

from actors import Parking
from runtime.api.messages import Event, Lagged, StepProgressed, UnitEvent
from runtime.engine.task import Task
from runtime.flow.flow import Flow
from runtime.foreign import passes
from runtime.journal.protocol import Record
from runtime.logs.lines import log
from runtime.work.durations import DurationFigures
from runtime.work.news import events_of

_TURNS_KEPT: Final = 1024
"""The events of how many turns are kept for those who read them in the order of the journal."""

_CLOSED: Final = "the runtime was closed first"


@attrs.define(eq=False)
class _Subscription:
    channel: "trio.MemorySendChannel[Event]"
    missed: int = 0

    def send(self, events: Sequence[UnitEvent | StepProgressed]) -> None:
        for event in events:
            try:
                if self.missed:
                    self.channel.send_nowait(Lagged(missed=self.missed))
                    self.missed = 0
                self.channel.send_nowait(event)
            except trio.WouldBlock:
                self.missed += 1
            except trio.BrokenResourceError:
                return  # the reader is leaving


@attrs.define(eq=False)
class _Listener:
    tell: Callable[[UnitEvent], object]
    failed: bool = False
    left: bool = False

    def hear(self, events: Sequence[UnitEvent]) -> None:
        for event in events:
            if self.left:
                return
            try:
                self.tell(event)
            except BaseException as failure:
                if passes(failure):
                    raise
                if not self.failed:  # one that fails may do so at every event
                    self.failed = True
                    self._complain(event, failure)

    def _complain(self, event: UnitEvent, failure: BaseException) -> None:
        with suppress(Exception):  # of the program's way to log
            log("understudy.listeners").error(
                "listener_failed",
                listener=getattr(self.tell, "__qualname__", repr(self.tell)),
                told=type(event).__name__,
                task=event.task_id,
                why="it is called with what follows, too; that it fails again is not logged",
                exc_info=failure,
            )


class Waiter(Parking):
    """Somebody who waits for one task to come to rest, for as long as the block of it lasts."""

    __slots__ = ("_outcome", "_task_id", "_waiters")

    def __init__(self, task_id: str, waiters: "dict[str, list[Waiter]]") -> None:
        self._parked = None
        self._outcome: Task | Flow | str | None = None
        self._task_id = task_id
        self._waiters = waiters

    def __enter__(self) -> Self:
        """Wait from now on."""
        self._waiters.setdefault(self._task_id, []).append(self)
        return self

    def __exit__(self, *_ended: object) -> None:
        """Wait no more."""
        waiting = self._waiters[self._task_id]
        waiting.remove(self)
        if not waiting:
            del self._waiters[self._task_id]

    @property
    def filled(self) -> bool:
        """Whether the word has been said."""
        return self._outcome is not None

    def fill(self, outcome: Task | Flow | str) -> None:
        """Say how the task came to rest, or why nobody will see it do so. Sync; the first word stands."""
        if self._outcome is None:
            self._outcome = outcome
            self.wake()

    async def wait(self) -> Task | Flow | str:
        """Give the task or the flow as it came to rest, or why it did not. A checkpoint."""
        if self._outcome is not None:
            await trio.lowlevel.checkpoint()
        while self._outcome is None:
            await self.park()
        return self._outcome


class Broadcast:
    """Who listens to the tasks of one runtime. `note`, where there is one, is told of all that is stored here.

    `listened`, where there is one, is told who begins to listen: the id of a task, or None for all of them. `durations`
    counts those that are done here.
    """

    def __init__(self, note: Callable[[Task | Flow, Sequence[Record]], None] | None = None) -> None:
        self._note = note
        self.durations = DurationFigures()
        self.listened: Callable[[str | None], None] | None = None
        self._subscriptions: dict[str | None, list[_Subscription]] = {}  # by the task they are of; None, of all
        self._listeners: list[_Listener] = []
        self._waiters: dict[str, list[Waiter]] = {}
        self._given_up: dict[str, str] = {}
        self._present: dict[str, Task | Flow] = {}
        self._recent: OrderedDict[int, Sequence[UnitEvent]] = OrderedDict()
        self._closed = False
        self._news: trio.Event | None = None

    def publish(self, task: Task | Flow, position: int, records: Sequence[Record], *, ours: bool = True) -> None:
        """Tell what `records`, stored from `position` on, made of `task`. `ours`: they were stored by us. Sync."""
        if self._subscriptions or self._listeners:
            events = events_of(task, position, records)
            if self._subscriptions:
                self.spread(task.header.task_id, position, events)
            for listener in tuple(self._listeners) if ours else ():  # one may leave, or have others leave, as it hears
                listener.hear(events)
        if ours and self._note is not None:
            self._note(task, records)
        if not task.live and task.at_rest:
            self.fill(task)
            if ours and isinstance(task, Task):
                self.durations.count(task, records)
        if self._news is not None:
            self._stir()

    def show(self, unit: Task | Flow) -> None:
        """Say what a task that is in memory is, as stored, until it is hidden: who reads it asks nobody else. Sync."""
        self._present[unit.header.task_id] = unit

    def hide(self, task_id: str) -> None:
        """Say that a task has left memory, or may have: who reads it has to ask. Sync, idempotent."""
        self._present.pop(task_id, None)

    def hide_all(self) -> None:
        """Say that nobody knows any more which tasks are in memory. Sync."""
        self._present.clear()

    def present(self, task_id: str) -> Task | Flow | None:
        """Give a task that is in memory as it is stored; None if that is not known here. Sync."""
        return self._present.get(task_id)

    def spread(self, task_id: str, position: int, events: Sequence[UnitEvent]) -> None:
        """Tell those who listen of what was stored of a task from `position` on. Sync."""
        self._recent[position] = events
        if len(self._recent) > _TURNS_KEPT:
            self._recent.popitem(last=False)
        self._send(task_id, events)

    def fill(self, task: Task | Flow) -> None:
        """Tell those who wait for a task that it has come to rest. Sync."""
        self._given_up.pop(task.header.task_id, None)  # somebody else has mended it
        for waiter in self._waiters.get(task.header.task_id, ()):
            waiter.fill(task)

    @property
    def subscribed(self) -> bool:
        """Whether anybody listens to events."""
        return bool(self._subscriptions)

    def awaited(self) -> Collection[str]:
        """Give the ids of tasks that somebody waits for. Sync."""
        return self._waiters.keys()

    def awaits(self, task_id: str) -> bool:
        """Say whether somebody waits for a task, and has not been told yet. Sync."""
        return any(not waiter.filled for waiter in self._waiters.get(task_id, ()))

    @property
    def closed(self) -> bool:
        """Whether nothing follows."""
        return self._closed

    @property
    def given_up(self) -> Mapping[str, str]:
        """The tasks that will not come to rest by themselves, though something is left to do for them, and why."""
        return self._given_up

    def news(self) -> trio.Event:
        """Give what is set when anything is told next, or nothing follows. Sync."""
        if self._news is None:
            self._news = trio.Event()
        return self._news

    def _stir(self) -> None:
        news, self._news = self._news, None
        if news is not None:
            news.set()

    def recent(self, position: int) -> Sequence[UnitEvent] | None:
        """Give the events of the turn that begins at that position, if it was told lately. Sync."""
        return self._recent.get(position)

    def tell(self, event: StepProgressed) -> None:
        """Tell what is not stored. Sync."""
        self._send(event.task_id, [event])

    def _send(self, task_id: str, events: Sequence[UnitEvent | StepProgressed]) -> None:
        for concerned in (None, task_id):
            for subscription in self._subscriptions.get(concerned, ()):
                subscription.send(events)

    @asynccontextmanager
    async def subscribe(
        self, task_id: str | None, capacity: float
    ) -> AsyncIterator["trio.MemoryReceiveChannel[Event]"]:
        """Listen to one task, or to all; the channel ends when the runtime is closed."""
        sender, receiver = trio.open_memory_channel[Event](capacity)
        subscription = _Subscription(sender)
        beside = self._subscriptions.setdefault(task_id, [])
        beside.append(subscription)
        if self.listened is not None:
            self.listened(None)
        if self._closed:
            sender.close()
        try:
            yield receiver
        finally:
            beside.remove(subscription)
            if not beside:
                del self._subscriptions[task_id]
            sender.close()
            receiver.close()

    @contextmanager
    def telling(self, tell: Callable[[UnitEvent], object]) -> Iterator[None]:
        """Have `tell` called at once with every event of what we store, and others do not, in the block."""
        listener = _Listener(tell)
        self._listeners.append(listener)
        try:
            yield
        finally:
            listener.left = True
            self._listeners.remove(listener)

    def waiter(self, task_id: str) -> Waiter:
        """Give what to wait for the task to come to rest with: from now on, in a block of it. Sync."""
        waiter = Waiter(task_id, self._waiters)
        why = _CLOSED if self._closed else self._given_up.get(task_id)
        if why is not None:
            waiter.fill(why)
        if self.listened is not None:
            self.listened(task_id)
        return waiter

    def give_up(self, task_id: str, why: str) -> None:
        """Tell those who wait for a task, now or later, that it will not come to rest by itself. Sync."""
        self._given_up[task_id] = why
        for waiter in self._waiters.get(task_id, ()):
            waiter.fill(why)
        self._stir()

    def dismiss(self, why: str) -> None:
        """Tell all who wait now that they may wait in vain. Sync."""
        for waiter in chain.from_iterable(self._waiters.values()):
            waiter.fill(why)

    def close(self) -> None:
        """Let everybody know that nothing follows. Sync, idempotent."""
        self._closed = True
        self._present.clear()
        for subscription in chain.from_iterable(self._subscriptions.values()):
            subscription.channel.close()
        self.dismiss(_CLOSED)
        self._stir()
