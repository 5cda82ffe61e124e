"""Questions and their answers: one slot, one deadline.

The only request/reply form of the package. The asker holds a `Slot`; the actor
finds a `Question` in its batch, which is the message and that slot. Whoever
fills the slot first wins; everything later is dropped and counted. The answer
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

__all__ = ("Question", "Slot", "SlotKeeper", "nobody")

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


class Slot(Parking):
    """The place one answer appears in. Filled at most once, awaited by one task."""

    __slots__ = ("__weakref__", "_deadline", "_keeper", "_question", "_state", "_value")

    def __init__(self, keeper: SlotKeeper, question: str) -> None:
        self._parked = None
        self._keeper = keeper
        self._question = question
        self._state = _State.OPEN
        self._value: object = None
        self._deadline = math.inf

    @property
    def open(self) -> bool:
        """True while an answer would still be taken."""
        return self._state is _State.OPEN

    def fill(self, value: object) -> bool:
        """Answer. Sync; False when it came too late and was dropped (and counted)."""
        return self._settle(_State.ANSWERED, value)

    def refuse(self, error: Exception) -> bool:
        """Answer with an error, which the asker will see raised. Sync; False when too late."""
        return self._settle(_State.REFUSED, error)

    def move(self, keeper: SlotKeeper) -> None:
        """Hand the duty to answer to another mailbox. Sync; a settled slot stays where it is."""
        if self._state is _State.OPEN:
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
        try:
            if self._state is _State.OPEN:
                await self._sleep_until(deadline)
            else:
                await trio.lowlevel.checkpoint()
            if self._state is _State.OPEN:
                # The deadline has passed, but whoever else this tick wakes may still answer.
                await trio.lowlevel.cancel_shielded_checkpoint()
        finally:
            if self._state is _State.OPEN:
                self._state = _State.EXPIRED
                self._keeper.release(self)
        return self._outcome()

    async def _sleep_until(self, deadline: float) -> None:
        alarm = self._keeper.alarm
        if alarm is None:
            with trio.CancelScope(deadline=deadline):
                await self.park()
        elif deadline == math.inf:
            await self.park()
        else:
            self._deadline = deadline
            alarm.put(self, deadline, self.wake)
            try:
                await self.park()
            finally:
                # Not `alarm`: a forwarded question has taken its deadline along.
                if self._keeper.alarm is not None:
                    self._keeper.alarm.drop(self)

    def _outcome(self) -> object:
        match self._state:
            case _State.ANSWERED:
                return self._value
            case _State.REFUSED if isinstance(self._value, Exception):
                raise self._value
            case _:
                raise AskExpired(self._keeper.owner, self._question)

    def _settle(self, state: _State, value: object) -> bool:
        if self._state is not _State.OPEN:
            self._keeper.count_late()
            return False
        self._state = state
        self._value = value
        self._keeper.release(self)
        self.wake()
        return True


class Question(Generic[M_co]):
    """A message that wants an answer, as an actor finds it in its batch."""

    __slots__ = ("_message", "slot")

    def __init__(self, message: M_co, slot: Slot) -> None:
        self._message = message
        self.slot = slot

    def __repr__(self) -> str:
        return f"Question({self._message!r})"

    @property
    def message(self) -> M_co:
        """What is asked."""
        return self._message

    def answer(self, value: object) -> bool:
        """Answer. Sync; the first answer wins. False when it came too late: dropped and counted."""
        return self.slot.fill(value)

    def refuse(self, error: Exception) -> bool:
        """Answer with an error, raised at the asker. Sync; False when too late."""
        return self.slot.refuse(error)


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


def nobody() -> Slot:
    """Make a slot for a message that was posted where questions are taken: its answer goes nowhere."""
    return Slot(_Nobody(), "")
