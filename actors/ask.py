"""Questions and their answers: one slot, one deadline.

The only request/reply form of the package. The asker holds a `Slot`; the actor
finds a `Question` in its batch, which is the message and that slot. Whoever
answers first wins; everything later is dropped and counted. The answer
wins over a deadline that passes in the same tick. A question can be handed to
another actor with its slot (`Address.forward`), and is refused with
`ActorStopped` if the actor that holds it ends without answering, so an asker
always learns something.
"""

import enum
import math
from typing import Generic, Protocol, TypeVar

import trio

from actors.alarm import Alarm
from actors.errors import AskExpired
from actors.parking import Parking

__all__ = ("Question", "Slot", "SlotKeeper", "unasked")

M = TypeVar("M")
M_co = TypeVar("M_co", covariant=True)


class SlotKeeper(Protocol):
    """What a slot needs of the mailbox that owes its answer."""

    @property
    def owner(self) -> str:
        """The name of the actor that owes the answer."""

    @property
    def alarm(self) -> Alarm | None:
        """Where deadlines are set, if anywhere."""

    def adopt(self, slot: "Slot") -> None:
        """Take over the duty to answer."""

    def release(self, slot: "Slot") -> None:
        """Be rid of the duty to answer."""

    def count_late(self) -> None:
        """Count a dropped answer."""


class _State(enum.Enum):
    OPEN = enum.auto()
    ANSWERED = enum.auto()
    REFUSED = enum.auto()
    EXPIRED = enum.auto()


# Looking a member up on its class costs as much as a call.
_OPEN, _ANSWERED, _REFUSED, _EXPIRED = _State


class Slot(Parking):
    """The place one answer appears in, as the asker holds it. Filled at most once, awaited by one task."""

    __slots__ = ("__weakref__", "_deadline", "_keeper", "_message", "_state", "_value")

    def __init__(self, keeper: SlotKeeper, message: object) -> None:
        self._parked = None
        self._keeper = keeper
        self._message = message
        self._state = _OPEN
        self._value: object = None
        self._deadline = math.inf

    @property
    def open(self) -> bool:
        """True while an answer would still be taken."""
        return self._state is _OPEN

    def answer(self, value: object) -> bool:
        """Answer. Sync; the first answer wins. False when it came too late: dropped and counted."""
        if self._state is not _OPEN:
            self._keeper.count_late()
            return False
        self._state = _ANSWERED
        self._value = value
        self._keeper.release(self)
        self.wake()
        return True

    def refuse(self, error: Exception) -> bool:
        """Answer with an error, raised at the asker. Sync; False when too late."""
        answered = self.answer(error)
        if answered:
            self._state = _REFUSED
        return answered

    def move(self, keeper: SlotKeeper) -> None:
        """Hand the duty to answer to another mailbox, deadline and all. Sync; a settled slot stays where it is."""
        if self._state is not _OPEN:
            return
        self._keeper.release(self)
        if keeper.alarm is not None and self._keeper.alarm is not None and self._keeper.alarm.drop(self):
            keeper.alarm.put(self, self._deadline, self.wake)
        self._keeper = keeper
        keeper.adopt(self)

    async def wait_until(self, deadline: float) -> object:
        """Wait for the answer until `deadline` on the monotonic clock, and give it or raise it.

        A checkpoint. A cancel gives the slot up, as the deadline does.

        Raises:
            AskExpired: the deadline passed first.
            ActorStopped: the actor ended without answering.
            Exception: whatever the actor refused with.
        """
        if self._state is not _OPEN:
            await trio.lowlevel.checkpoint()
            return self._outcome()
        try:
            alarm = self._keeper.alarm
            if alarm is None:
                with trio.CancelScope(deadline=deadline):
                    await self.park()
            else:
                self._deadline = deadline
                alarm.put(self, deadline, self.wake)
                await self.park()
            if self._state is _OPEN:
                # The deadline has passed, but whoever else this tick wakes may still answer.
                await trio.lowlevel.cancel_shielded_checkpoint()
        finally:
            alarm = self._keeper.alarm  # anew, for a forwarded question has taken its deadline along
            if alarm is not None:
                alarm.drop(self)
            if self._state is _OPEN:
                self._state = _EXPIRED
                self._keeper.release(self)
        return self._value if self._state is _ANSWERED else self._outcome()

    def _outcome(self) -> object:
        if self._state is _EXPIRED:
            raise AskExpired(self._keeper.owner, type(self._message).__name__)
        if self._state is _REFUSED and isinstance(self._value, Exception):
            raise self._value
        return self._value


class Question(Slot, Generic[M_co]):
    """A message that wants an answer, as an actor finds it in its batch: the slot and what is asked."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Question({self._message!r})"

    @property
    def message(self) -> M_co:
        """What is asked."""
        return self._message  # type: ignore[return-value]  # it was made with one


class _Nobody:
    """The keeper of slots that no one waits on."""

    __slots__ = ()

    alarm = None
    owner = "nobody"

    def adopt(self, slot: Slot) -> None:
        """Keep nothing."""

    def release(self, slot: Slot) -> None:
        """Keep nothing."""

    def count_late(self) -> None:
        """Count nothing."""


_NOBODY = _Nobody()


def unasked(message: M) -> Question[M]:
    """Make a question of a message that was posted where questions are taken: its answer goes nowhere."""
    return Question(_NOBODY, message)
