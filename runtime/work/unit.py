"""The actor of one unit of work, a task or a flow: takes all that arrived, folds `decide` over it, stores, then acts.

It owns the unit's state and nothing else does. What runs for it are its children, so that whatever ends it ends them.
What it knows is in the journal after every turn: a restarted one is rebuilt from there, never from the memory of the
one that failed, and treats what was in flight as cut.

A unit with nothing running leaves memory: the actor stops between two messages, and the intake brings it back when a
timer or a person calls for it.
"""

from abc import abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ClassVar, Final, Generic, TypeAlias, TypeVar

import attrs
import trio

from actors import Actor, ActorStopped, Address, MailboxFull, Question, ShutdownContext, Stopped, StopReason, Timers
from runtime.api.messages import GetTask
from runtime.engine.task import Task
from runtime.errors import NotFound, Unavailable
from runtime.faults import FaultPoint, Faults, reach
from runtime.flow.flow import Flow
from runtime.flows import Flows
from runtime.journal.listing import relisted
from runtime.journal.protocol import (
    Entry,
    Journal,
    JournalUnavailable,
    LeaseLost,
    NotHeld,
    Record,
    Standing,
    standing_of,
)
from runtime.threads import BRIEF
from runtime.work.broadcast import Broadcast
from runtime.work.claims import Claims
from runtime.work.family import Front
from runtime.work.messages import Forward, TurnMoved, WakeTask
from runtime.work.plans import Plans
from runtime.work.slots import Slots
from runtime.work.trial import Tools
from runtime.work.wakeups import Agenda

RECORDING_SECONDS: Final = 1.0
"""How long before the hard deadline steps are cut, so that who cut them can still be recorded."""

_STORE_AGAIN_SECONDS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""The pauses between attempts to store; the last one for ever."""

IN_LINE: Final = StopReason.normal("task", "it waits in line for a slot")
"""Why a task leaves memory that is still this runtime's to go on with."""

IDLE: Final = StopReason.normal("task", "nothing is running")
"""Why a task leaves memory that waits for a time or a person, or for nothing at all: any instance may have it then."""

_BEFORE_APPEND: Final = FaultPoint.BEFORE_APPEND  # on the names of members: `runtime.engine.states`
_AFTER_APPEND: Final = FaultPoint.AFTER_APPEND
_AFTER_START: Final = FaultPoint.AFTER_START

M = TypeVar("M")
U = TypeVar("U", Task, Flow)
E = TypeVar("E")
F = TypeVar("F")

Decided: TypeAlias = tuple[U, Sequence[Record], Sequence[F], Sequence[Exception | None]]
"""What a decision comes to: the unit afterwards, what to store, what to do then, and the refusal of each event."""


@attrs.frozen(kw_only=True)
class Services:
    """What every actor of a task or a flow is given. `front` gives the intake of now.

    `post` gives the post office of now, where there are other instances; `slots` is None where runs are not limited.
    """

    journal: Journal
    claims: Claims
    tools: Tools
    timers: Timers
    agenda: Agenda
    plans: Plans
    broadcast: Broadcast
    faults: Faults | None
    shutdown: ShutdownContext
    front: Front
    flows: Flows
    post: "Callable[[], Address[Forward]] | None"
    slots: Slots | None


class UnitActor(Actor[M], Generic[M, U, E, F]):
    """One unit. `effects` are those of the decision that made it, stored but not yet performed.

    `intake` is who is told that a timer is due, for by then this actor is gone, and who watches all of them. `resumed` says
    why the unit was rebuilt from its journal while something may have been in flight.
    """

    foreign: ClassVar[Any] = ()
    """The messages that units of the other kind understand: whoever sends one means another unit."""
    reports: ClassVar[Any]
    """The messages that are events as they are: what children come to."""

    def __init__(
        self,
        unit: U,
        services: Services,
        intake: Address[WakeTask | Stopped | TurnMoved],
        *,
        effects: Sequence[F] = (),
        resumed: str = "",
    ) -> None:
        self._unit: U = unit
        self._standing: Standing | None = None  # as stored, once it is known
        self._services = services
        self._intake = intake
        self._due = effects
        self._resumed = resumed

    def _sweeps(self, events: Sequence[E]) -> bool:
        """Say whether deciding on these may take so long that others would notice: then it is done in a thread."""
        del events
        return False

    @abstractmethod
    def _decided(self, events: Sequence[E]) -> "Decided[U, F]":
        """Decide on events."""

    @abstractmethod
    def _requested(self, request: Any) -> E:
        """Give the event that a request is."""

    @abstractmethod
    def _perform(self, effects: Sequence[F]) -> None:
        """Do what was decided. Sync."""

    @abstractmethod
    def _resumption(self, reason: str) -> E:
        """Give the event of being rebuilt."""

    @abstractmethod
    def _draining(self, reason: StopReason) -> E:
        """Give the event of a shutdown that begins."""

    @abstractmethod
    def _stranger(self) -> NotFound:
        """Say that a message was meant for a unit of the other kind."""

    async def started(self) -> None:
        """Do what the decisions before this incarnation left to do."""
        if self._due:
            self._perform(self._due)
            self._due = ()
            reach(self._services.faults, _AFTER_START)
        if self._resumed:
            await self._take([self._resumption(self._resumed)])
        elif not self._unit.live:
            self._leave_if_idle()

    def turn(self, batch: "Sequence[M | Question[M]]") -> "Coroutine[Any, Any, None]":
        """Decide on all that arrived, store it in one commit, then act. To be awaited at once: no coroutine of its own."""
        if len(batch) == 1 and isinstance(batch[0], self.reports):  # what a step has come to, nearly always
            reports: Any = batch
            return self._take(reports)
        events: list[E] = []
        asked: list[tuple[int, Question[M]]] = []
        readers: list[Question[M]] = []
        for item in batch:
            if not isinstance(item, Question):
                events.append(self._event(item))
            elif isinstance(item.message, GetTask):
                readers.append(item)
            elif isinstance(item.message, self.foreign):
                item.refuse(self._stranger())
            else:
                asked.append((len(events), item))
                events.append(self._event(item.message))
        return self._take(events, asked, readers)

    def _event(self, message: Any) -> E:
        if isinstance(message, self.reports):
            event: E = message
            return event
        return self._requested(message)

    async def _take(
        self,
        events: Sequence[E],
        asked: "Sequence[tuple[int, Question[M]]]" = (),
        readers: "Sequence[Question[M]]" = (),
    ) -> None:
        """Decide on events, and answer those who asked, each for the event at an index, and those who want to read."""
        if self._sweeps(events):
            unit, records, effects, refusals = await BRIEF.run(self._decided, events)
        else:
            unit, records, effects, refusals = self._decided(events) if events else (self._unit, (), (), ())
        services = self._services
        faults = services.faults
        if records:
            if faults is not None:
                faults.reach(_BEFORE_APPEND)
            entry = self._entry(unit, records)
            try:
                position = await services.journal.append([entry])
            except LeaseLost as lost:  # another instance goes on with the unit
                if not isinstance(lost, NotHeld) or not self._unit.idle:
                    raise  # this one is about to be stopped, with all that runs for it
                self._hand_back([*(question for _, question in asked), *readers])
                return
            except JournalUnavailable:
                position = await self._store_later([entry])
            if faults is not None:
                faults.reach(_AFTER_APPEND)
            self._unit = unit
            if entry.standing is not None:
                self._standing = entry.standing
            services.broadcast.show(unit)
            services.broadcast.publish(unit, position, records)
        if effects:
            self._perform(effects)
            if faults is not None:
                faults.reach(_AFTER_START)
        for index, question in asked:
            refusal = refusals[index]
            if refusal is None:
                question.answer(None)
            else:
                question.refuse(refusal)
        for reader in readers:
            reader.answer(self._unit)
        if not self._unit.live:  # asked here, too, for of most turns it is all that is to be asked
            self._leave_if_idle()

    async def stopping(self, reason: StopReason) -> None:
        """Let what runs finish while the grace lasts; what does not is cut by name, and says so in the journal."""
        if self._unit.idle:
            return
        await self._take([self._draining(reason)])
        while self.children.running:
            with self._services.shutdown.patience(RECORDING_SECONDS) as patience:
                batch = await self.receive()
            if patience.cancelled_caught:
                return
            await self.turn(batch)

    def _entry(self, unit: U, records: Sequence[Record]) -> Entry:
        """Give what is stored of a turn that made `unit` of what it was: no more than has changed."""
        was = self._unit
        listing, standing = relisted(was, unit), standing_of(unit)
        unmoved = listing is None and standing == self._standing
        return Entry(was.header.task_id, records, None if unmoved else standing, listing)

    async def _store_later(self, entries: Sequence[Entry]) -> int:
        """Try to store again, for as long as the journal cannot (section 6.10): nothing was done yet."""
        tries = 0
        while True:
            await trio.sleep(_STORE_AGAIN_SECONDS[min(tries, len(_STORE_AGAIN_SECONDS) - 1)])
            try:
                return await self._services.journal.append(entries)
            except LeaseLost:
                raise
            except JournalUnavailable:
                tries += 1

    def _hand_back(self, questions: "Sequence[Question[Any]]") -> None:
        """Leave memory, and have what was asked of this unit asked anew: it was at rest, and others have taken hold of it."""
        for question in questions:
            try:
                self._intake.forward(question)
            except (ActorStopped, MailboxFull) as gone:
                question.refuse(Unavailable(f"nothing was done: {gone}"))
        self._leave_if_idle()

    def _leave_if_idle(self) -> None:
        if self._unit.idle and self.stop_if_idle(reason := self._rest()):
            task_id = self._unit.header.task_id
            self._services.broadcast.hide(task_id)
            if reason is IDLE:  # this runtime has nothing left to do for it, and the intake need not hear of that
                self._services.claims.release((task_id,))
            else:
                self.address.watch(self._intake)

    @abstractmethod
    def _rest(self) -> StopReason:
        """Say why the unit leaves memory: `IDLE`, if nobody has to go on with it."""

    def _wake_at(self, due: float, wake: WakeTask) -> None:
        """Have the unit woken: by the journal, which lists it as due once it sleeps, or by a timer until then."""
        if self._unit.idle:
            self._services.agenda.sleep_until(due, wake, self._intake)
        else:
            self._services.timers.arm(wake.task_id, due, self._intake, wake)
