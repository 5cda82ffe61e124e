"""What others hold of an actor: a name, an incarnation, and a place to post.

The actor object never escapes; an address holds its mailbox and, once it has
ended, why. One address is one incarnation: after a restart the old address
answers `ActorStopped` for ever and the supervisor gives out a new one, so
nobody talks to a successor by mistake.
"""

from collections.abc import Callable
from typing import Generic, TypeVar, overload

import attrs
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


class Address(Generic[M_contra]):
    """Where to post. Made by supervisors; compare by identity."""

    __slots__ = ("__weakref__", "_event", "_mailbox", "_parent", "_stopped", "_watchers", "incarnation", "name")

    def __init__(self, name: str, incarnation: int, mailbox: Mailbox[M_contra], parent: str = "") -> None:
        self.name = name
        self.incarnation = incarnation
        self._mailbox = mailbox
        self._parent = parent
        self._stopped: Stopped | None = None
        self._watchers: dict[Address[Stopped], Callable[[Stopped], None]] | None = None
        self._event: trio.Event | None = None

    def __repr__(self) -> str:
        state = f" stopped: {self._stopped.reason}" if self._stopped else ""
        return f"<Address {self.path}#{self.incarnation}{state}>"

    @property
    def path(self) -> str:
        """The names from the root supervisor down to this one."""
        return f"{self._parent}/{self.name}" if self._parent else self.name

    @property
    def stopped(self) -> Stopped | None:
        """How it ended, or None while it lives."""
        return self._stopped

    def statistics(self) -> MailboxStatistics:
        """Give a frozen picture of the mailbox. Sync."""
        return self._mailbox.statistics()

    def post(self, message: M_contra) -> None:
        """Leave a message. Sync, never waits; handled in order of arrival unless the actor ends first.

        Raises:
            MailboxFull: the actor is behind.
            ActorStopped: it has stopped or is stopping.
        """
        self._mailbox.post(message)

    async def wait_room(self) -> None:
        """Wait until a post may succeed again: for a front door, the one place that waits instead of refusing.

        A checkpoint. Another sender may be quicker, so post again inside a
        loop; when the actor has stopped it returns, and the post says so.
        """
        await self._mailbox.wait_room()

    def ask_nowait(self, message: M_contra) -> Slot:
        """Leave a question; await `Slot.wait_until` for its answer. Sync; raises as `post` does."""
        return self._mailbox.ask(message)

    async def ask(self, message: M_contra, *, deadline: float) -> object:
        """Ask and wait until `deadline`, absolute on the monotonic clock. A cancel gives the answer up.

        Raises:
            MailboxFull: the actor is behind.
            ActorStopped: it has stopped, or ended without answering.
            AskExpired: the deadline passed.
            Exception: what the actor refused with.
        """
        return await self._mailbox.ask(message).wait_until(deadline)

    def forward(self, question: Question[M_contra]) -> None:
        """Hand a question with its slot to this actor, which now owes the answer. Sync; raises as `post` does."""
        self._mailbox.post(question)
        question.slot.move(self._mailbox)

    @overload
    def watch(self, watcher: "Address[Stopped]") -> None: ...
    @overload
    def watch(self, watcher: "Address[W]", message: Callable[[Stopped], W]) -> None: ...
    def watch(self, watcher: "Address[W]", message: Callable[[Stopped], W] | None = None) -> None:
        """Have exactly one `Stopped` (or `message(stopped)`) put in the watcher's mailbox when this incarnation ends.

        At once if it has ended. Always fits. Watching twice is watching once, with the later `message`. Sync.
        """
        box = watcher._mailbox  # noqa: SLF001 - same class

        def tell(stopped: Stopped) -> None:
            box.deliver(message(stopped) if message is not None else stopped)  # type: ignore[arg-type]

        if self._stopped is not None:
            tell(self._stopped)
            return
        if self._watchers is None:
            self._watchers = {}
        self._watchers[watcher] = tell  # type: ignore[index]

    def unwatch(self, watcher: "Address[W]") -> bool:
        """Forget a watcher. Sync, idempotent; True if it was watching."""
        return self._watchers is not None and self._watchers.pop(watcher, None) is not None  # type: ignore[arg-type]

    async def wait_stopped(self) -> Stopped:
        """Wait until this incarnation has ended. A checkpoint; cancel leaves nothing behind."""
        if self._event is None:
            self._event = trio.Event()
            if self._stopped is not None:
                self._event.set()
        while self._stopped is None:
            await self._event.wait()
        await trio.lowlevel.checkpoint()
        return self._stopped

    def announce(self, stopped: Stopped) -> None:
        """Tell every watcher, once. For the supervisor that owns the incarnation."""
        self._stopped = stopped
        watchers, self._watchers = self._watchers, None
        for tell in (watchers or {}).values():
            tell(stopped)
        if self._event is not None:
            self._event.set()
