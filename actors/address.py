"""What others hold of an actor: a name, an incarnation, and a place to post.

The actor object never escapes; an address holds its mailbox and, once it has
ended, why. One address is one incarnation: after a restart the old address
answers `ActorStopped` for ever and the supervisor gives out a new one, so
nobody talks to a successor by mistake.
"""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Generic, Protocol, TypeVar, overload

import attrs
import msgspec
import trio

from actors.ask import Question, Slot
from actors.mailbox import Mailbox, MailboxStatistics
from actors.reason import StopReason

__all__ = ("Address", "Stopped")

M_contra = TypeVar("M_contra", contravariant=True)
W = TypeVar("W")


@attrs.frozen(kw_only=True)
class Stopped:
    """An incarnation has ended, its children with it. `unhandled` messages were taken in and never handled."""

    name: str
    incarnation: int
    reason: StopReason
    unhandled: int = 0


class Host(Protocol):
    """What an address needs of the supervisor whose child it is."""

    @property
    def path(self) -> str:
        """The names from the root supervisor down to this one."""

    def wake(self, address: "Address[Any]") -> Mailbox[Any]:
        """Give a hibernating incarnation its mailbox back, and a task."""

    def seen_by(self, address: "Address[Any]") -> MailboxStatistics:
        """Give the statistics of a hibernating incarnation."""


class Address(msgspec.Struct, Generic[M_contra], eq=False):
    """Where to post. Made by supervisors; compare by identity."""

    name: str
    incarnation: int
    _host: Host
    _mailbox: Mailbox[M_contra] | None = None  # none while it hibernates
    _ended: StopReason | None = None
    _watchers: dict[object, Callable[[Stopped], None]] | None = None

    def __repr__(self) -> str:
        state = f" stopped: {self._ended}" if self._ended else ""
        return f"<Address {self.path}#{self.incarnation}{state}>"

    @property
    def path(self) -> str:
        """The names from the root supervisor down to this one."""
        return f"{self._host.path}/{self.name}"

    @property
    def stopped(self) -> Stopped | None:
        """How it ended, or None while it lives. Made when asked for: nobody asks for most."""
        if self._ended is None:
            return None
        unhandled = 0 if self._mailbox is None else self._mailbox.unhandled
        return Stopped(name=self.name, incarnation=self.incarnation, reason=self._ended, unhandled=unhandled)

    @property
    def alive(self) -> bool:
        """True while it has not ended."""
        return self._ended is None

    def statistics(self) -> MailboxStatistics:
        """Give a frozen picture of the mailbox. Sync."""
        return self._host.seen_by(self) if self._mailbox is None else self._mailbox.statistics()

    def post(self, message: M_contra) -> None:
        """Leave a message. Sync, never waits; handled in order of arrival unless the actor ends first.

        Raises:
            MailboxFull: the actor is behind.
            ActorStopped: it has stopped or is stopping.
        """
        mailbox = self._mailbox
        if mailbox is None:
            mailbox = self._wake()
        mailbox.post(message)

    async def wait_room(self) -> None:
        """Wait until a post may succeed again: for a front door, the one place that waits instead of refusing.

        A checkpoint. Another sender may be quicker, so post again inside a
        loop; when the actor has stopped it returns, and the post says so.
        """
        if self._mailbox is None:
            await trio.lowlevel.checkpoint()
        else:
            await self._mailbox.wait_room()

    def ask_nowait(self, message: M_contra) -> Slot:
        """Leave a question; await `Slot.wait_until` for its answer. Sync; raises as `post` does."""
        return (self._mailbox or self._wake()).ask(message)

    def ask(self, message: M_contra, *, deadline: float) -> Coroutine[Any, Any, object]:
        """Ask at once; await what it gives for the answer until `deadline`, absolute on the monotonic clock.

        A cancel gives the answer up. No coroutine of its own: it would be in the way of every answer.

        Raises:
            MailboxFull: the actor is behind.
            ActorStopped: it has stopped, or ended without answering.
            AskExpired: the deadline passed.
            Exception: what the actor refused with.
        """
        return (self._mailbox or self._wake()).ask(message).wait_until(deadline)

    def forward(self, question: Question[M_contra]) -> None:
        """Hand a question with its slot to this actor, which now owes the answer. Sync; raises as `post` does."""
        mailbox = self._mailbox or self._wake()
        mailbox.post(question)
        question.move(mailbox)

    def deliver(self, message: M_contra) -> None:
        """Leave a message that comes once and always fits; dropped when the actor has ended. For watching. Sync."""
        if self._ended is None:
            (self._mailbox or self._wake()).deliver(message)

    @overload
    def watch(self, watcher: "Address[Stopped]") -> None: ...
    @overload
    def watch(self, watcher: "Address[W]", message: Callable[[Stopped], W]) -> None: ...
    def watch(self, watcher: "Address[W]", message: Callable[[Stopped], W] | None = None) -> None:
        """Have exactly one `Stopped` (or `message(stopped)`) put in the watcher's mailbox when this incarnation ends.

        At once if it has ended. Always fits. Watching twice is watching once, with the later `message`. Sync.
        """
        tell: Callable[[Any], None] = watcher.deliver if message is None else partial(_deliver, watcher, message)
        if self._ended is not None and (stopped := self.stopped) is not None:
            tell(stopped)
            return
        if self._watchers is None:
            self._watchers = {}
        self._watchers[watcher] = tell

    def unwatch(self, watcher: "Address[W]") -> bool:
        """Forget a watcher. Sync, idempotent; True if it was watching."""
        return self._watchers is not None and self._watchers.pop(watcher, None) is not None

    async def wait_stopped(self) -> Stopped:
        """Wait until this incarnation has ended. A checkpoint; cancel leaves nothing behind."""
        while (stopped := self.stopped) is None:
            ended = trio.Event()
            if self._watchers is None:
                self._watchers = {}
            self._watchers[ended] = partial(_set, ended)
            try:
                await ended.wait()
            finally:
                if self._watchers is not None:
                    self._watchers.pop(ended, None)
        await trio.lowlevel.checkpoint()
        return stopped

    # --- for the supervisor that owns the incarnation ------------------------

    def open(self, mailbox: Mailbox[M_contra] | None) -> None:
        """Say where messages go; None while the actor hibernates, and then the next one wakes it."""
        self._mailbox = mailbox

    def end(self, reason: StopReason) -> None:
        """Note that it has ended, its mailbox with it, and tell every watcher, once."""
        self._ended = reason
        watchers, self._watchers = self._watchers, None
        if watchers and (stopped := self.stopped) is not None:
            for tell in watchers.values():
                tell(stopped)

    def _wake(self) -> Mailbox[M_contra]:
        mailbox: Mailbox[M_contra] = self._host.wake(self)
        return mailbox


def _deliver(watcher: Address[W], message: Callable[[Stopped], W], stopped: Stopped) -> None:
    watcher.deliver(message(stopped))


def _set(event: trio.Event, _stopped: Stopped) -> None:
    event.set()
