"""A bounded box of waiting messages, emptied in batches by its one owner.

A list and one wake-up, not a channel with a hand-over per message: `post`
appends, and the owner takes everything there is each time it runs, so the cost
of a task switch is shared by the whole batch.

Who may post what:
* `post`    - anyone; refused with `MailboxFull` once `capacity` messages wait.
  The sender learns it here and now and alone knows what to do about it.
* `report`  - one message announced with `expect`, from a child the owner
  started. It always fits: the owner bounded it by starting the child.
* `deliver` - a message that must not be lost and happens once (`Stopped` for a
  watcher). It always fits: the owner bounded it by asking for it.

Life: open -> closed (`close`: posts are refused, what waits is still handled,
reports still come) -> finished (`finish`: what was not handled is counted, open
questions are refused). Order of arrival is order of handling, for all three
kinds of sender alike. `closed` is set synchronously, so between looking at a
mailbox and closing it nothing can slip in.
"""

import math
from collections.abc import Awaitable
from contextvars import Context
from typing import Generic, TypeVar

import attrs
import msgspec
import trio

from actors.alarm import Alarm
from actors.ask import Question, Slot
from actors.contexts import same
from actors.errors import ActorStopped, MailboxFull
from actors.observer import Observer
from actors.parking import Absent, Parking
from actors.reason import StopReason

__all__ = ("Mailbox", "MailboxStatistics", "Tally")

M = TypeVar("M")


@attrs.frozen(kw_only=True)
class MailboxStatistics:
    """What a mailbox has seen so far. `peak` is the most that ever waited at the moment of a take."""

    depth: int
    capacity: int
    peak: int
    posted: int
    refused: int
    late: int
    open_questions: int
    oldest_seconds: float


class Tally(msgspec.Struct, frozen=True):
    """What a mailbox has counted so far: all of it that outlives a hibernation of its owner."""

    taken: int = 0
    peak: int = 0
    refused: int = 0
    late: int = 0

    def picture(self, capacity: int) -> MailboxStatistics:
        """Give the statistics of a mailbox at rest."""
        return MailboxStatistics(
            depth=0,
            capacity=capacity,
            peak=self.peak,
            posted=self.taken,
            refused=self.refused,
            late=self.late,
            open_questions=0,
            oldest_seconds=0.0,
        )


class Mailbox(Parking, Generic[M]):
    """See the module docstring. `owner` names the actor in errors; `capacity` bounds what `post` may leave waiting.

    `alarm` is what the deadlines of questions are set in; without one each
    question has a cancel scope. `tally` is what an earlier mailbox of the same
    incarnation had counted. `closed` says why no more posts are taken. `above`
    is the path of the owner's supervisor, for observers. `taken` counts messages.
    """

    __slots__ = (
        "_above",
        "_capacity",
        "_finished",
        "_full",
        "_late",
        "_lent",
        "_limit",
        "_observer",
        "_owed",
        "_owner",
        "_peak",
        "_questions",
        "_queue",
        "_refused",
        "_room",
        "_since",
        "_unhandled",
        "alarm",
        "closed",
        "taken",
    )

    def __init__(
        self,
        owner: str,
        capacity: int,
        observer: Observer | None = None,
        alarm: Alarm | None = None,
        tally: Tally | None = None,
        *,
        above: str = "",
    ) -> None:
        self._parked = None
        self._lent: trio.lowlevel.Task | Absent | None = None
        self._owner = owner
        self._capacity = capacity
        self._observer = observer
        self.alarm = alarm
        self._queue: list[M | Question[M]] = []
        # The queue may be this long before a post is refused. Reports raise it,
        # so that they take no room from posts; -1 refuses everything.
        self._limit = capacity
        self._owed = 0
        self._finished = False
        self._full = False  # a sender has been refused since the last take
        self._above = above
        self.closed: StopReason | None = None
        self._questions: set[Slot] | None = None
        self._room: trio.Event | None = None
        self._since = 0.0
        self._unhandled = 0
        self.taken = self._peak = self._refused = self._late = 0
        if tally is not None:
            self.taken, self._peak, self._refused, self._late = msgspec.structs.astuple(tally)

    # --- the senders' side -------------------------------------------------

    def post(self, message: M | Question[M]) -> None:
        """Leave a message. Sync; the owner runs later.

        Raises:
            MailboxFull: `capacity` messages wait already.
            ActorStopped: the owner has stopped or is stopping.
        """
        queue = self._queue
        if len(queue) >= self._limit:
            raise self._refusal()
        queue.append(message)
        if len(queue) == 1:
            self._began()

    async def wait_room(self) -> None:
        """Wait until a post may succeed again, or the mailbox is closed. A checkpoint; promises no place to anyone."""
        if 0 <= self._limit <= len(self._queue):
            self._full = True
            if self._room is None:
                self._room = trio.Event()
            await self._room.wait()
        else:
            await trio.lowlevel.checkpoint()

    def _tell_room(self) -> None:
        if self._room is not None:
            self._room.set()
            self._room = None

    def ask(self, message: M) -> Slot:
        """Leave a question and give the slot its answer will appear in. Sync; raises as `post` does."""
        question: Question[M] = Question(self, message)
        self.post(question)
        self.adopt(question)
        return question

    def expect(self) -> None:
        """Announce one `report`. A closed mailbox is not finished before every announced report has come."""
        self._owed += 1

    def report(self, message: M) -> None:
        """Leave an announced message: always fits, also while the owner is stopping. Dropped once it has finished."""
        if not self._finished:
            self._owed -= 1
            self.deliver(message)

    def deliver(self, message: M) -> None:
        """Leave a message beyond the capacity; for messages that come exactly once. Dropped once finished."""
        if self._finished:
            return
        if self.closed is None:
            self._limit += 1
        self._queue.append(message)
        if len(self._queue) == 1:
            self._began()

    # --- the owner's side --------------------------------------------------

    @property
    def owner(self) -> str:
        """The name in its errors."""
        return self._owner

    @property
    def tally(self) -> Tally:
        """What it has counted."""
        return Tally(self.taken, self._peak, self._refused, self._late)

    @property
    def idle(self) -> bool:
        """True when nothing waits and no report is owed."""
        return not self._queue and self._owed == 0

    @property
    def quiet(self) -> bool:
        """True when it is open, and nothing waits."""
        return self.closed is None and not self._queue

    @property
    def restful(self) -> bool:
        """True when it could be put away: open, idle, and owing no answer."""
        return self.closed is None and not self._queue and self._owed == 0 and not self._questions

    @property
    def unhandled(self) -> int:
        """How many taken-in messages were never handled; known once finished."""
        return self._unhandled

    async def take_all(self) -> list[M | Question[M]]:
        """Wait for at least one message and take all there are, in order of arrival.

        Once closed: what still waits, then reports as they come, and an empty
        list when nothing can come any more. A checkpoint; a cancel loses nothing.
        """
        await self.wait_ready()
        while not self._queue and not (self.closed is not None and self._owed == 0):
            await self.park()
        return self.take_nowait()

    def wait_ready(self) -> Awaitable[object]:
        """Wait until there is something to take or the mailbox closes (or is closed and owed nothing). A checkpoint.

        Await what it gives, at once. No coroutine of its own, for the reason `park` has none.
        """
        if self._queue or (self.closed is not None and self._owed == 0):
            return trio.lowlevel.checkpoint()  # noqa: ASYNC105 - the caller awaits it
        return self.park()

    def take_nowait(self) -> list[M | Question[M]]:
        """Take all there are, perhaps none. Sync."""
        batch = self._queue
        if batch:
            self._queue = []
            depth = len(batch)
            self.taken += depth
            if depth > self._peak:  # noqa: PLR1730 - a call costs more than the rest of this
                self._peak = depth
            if self.closed is None:
                self._limit = self._capacity
            if self._full:
                self._full = False
                self._tell_room()
        return batch

    def lend(self, context: Context) -> bool:
        """Let another task of the owner's take turns in its place, in that context, if nobody can tell. Sync.

        Only while the owner sleeps, in the same context, open, with nothing to take. The first turn is on an announced
        message, which does not wait here. What comes meanwhile waits for `give_back`, unless that task takes it.
        """
        owner = self._parked
        if owner is None or self.closed is not None or not same(context, owner.context):
            return False
        self._lent = owner
        self._parked = None
        self._owed -= 1
        self.taken += 1
        return True

    def give_back(self, context: Context) -> None:
        """Let the owner take the next turn itself, in that context, now if there is anything for it to do. Sync."""
        owner = self._lent
        if owner is not None:
            owner.context = context
        self._parked = owner
        self._lent = None
        if self._queue or self.closed is not None:
            self.wake()

    def leave(self, owner: Absent) -> None:
        """Be left by the owner's task: nobody sleeps here, and `owner` is to come when there is anything to do. Sync."""
        self._parked = owner

    def forsake(self) -> None:
        """Be rid of an owner that has ended while it was absent: it takes no turn any more. Sync."""
        self._parked = self._lent = None

    def _abandon(self, _raise_cancel: trio.lowlevel.RaiseCancelT) -> trio.lowlevel.Abort:
        self._lent = None
        return super()._abandon(_raise_cancel)

    def close(self, reason: StopReason) -> None:
        """Refuse posts from now on and wake the owner. Sync, idempotent: the first reason stands."""
        if self.closed is None:
            self.closed = reason
            self._limit = -1
            if self._full:
                self._tell_room()
            self.wake()

    def finish(self, reason: StopReason) -> None:
        """End for good: refuse every open question, count and drop what was not handled. Sync, idempotent."""
        if self.closed is None:
            self.close(reason)
        if self._queue:
            self.discard()
        self._finished = True
        self._owed = 0
        if self._questions:
            slots, self._questions = self._questions, None
            for slot in slots:
                slot.refuse(ActorStopped(self._owner, reason))

    def discard(self) -> None:
        """Drop what waits, and count it as unhandled. Sync."""
        self._unhandled += len(self._queue)
        self._queue = []

    def statistics(self) -> MailboxStatistics:
        """Give a frozen picture of now. Sync."""
        depth = len(self._queue)
        return attrs.evolve(
            self.tally.picture(self._capacity),
            depth=depth,
            peak=max(self._peak, depth),
            posted=self.taken + self._unhandled + depth,
            open_questions=len(self._questions or ()),
            oldest_seconds=max(0.0, trio.current_time() - self._since) if depth else 0.0,
        )

    # --- open questions, kept so that none outlives its actor ---------------

    def adopt(self, slot: Slot) -> None:
        """Take over the duty to answer `slot`: it is refused if this mailbox finishes first."""
        if self._questions is None:
            self._questions = set()
        self._questions.add(slot)

    def release(self, slot: Slot) -> None:
        """Forget a slot that is answered, expired or forwarded."""
        if self._questions is not None:
            self._questions.discard(slot)

    def count_late(self) -> None:
        """Count an answer that came after its slot was settled."""
        self._late += 1
        if self._observer is not None:
            self._observer.late_reply(self._path)

    def _began(self) -> None:
        """Note the first message of a batch: the only one that can find the owner asleep."""
        if self._parked is not None:
            self._since = math.inf  # taken at the next tick: it has no age to speak of
            self.wake()
        else:
            self._since = trio.current_time()

    def _refusal(self) -> Exception:
        if self.closed is not None:
            return ActorStopped(self._owner, self.closed)
        self._refused += 1
        if self._observer is not None and not self._full:
            self._observer.mailbox_full(self._path, self._capacity)
        self._full = True
        return MailboxFull(self._owner, self._capacity)

    @property
    def _path(self) -> str:
        return f"{self._above}/{self._owner}"
