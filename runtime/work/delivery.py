"""Passing messages on: to the actor of a task, which is woken for it when it is asleep, or to another instance."""

from typing import Any, Final, TypeAlias

from actors import ActorStopped, ChildUnknown, Clock, MailboxFull, Question
from runtime.api.flow_messages import FlowCommand, StartFlow
from runtime.api.messages import GetTask, ResolveTask, RunTask
from runtime.engine.task import Task
from runtime.errors import Conflict, NotFound, Unavailable
from runtime.flow.flow import Flow
from runtime.journal.listing import relisted
from runtime.journal.protocol import Entry, JournalUnavailable, Stored, standing_of
from runtime.journal.shared import Claim
from runtime.work.flows.turns import moved
from runtime.work.late import decide_late
from runtime.work.messages import AdmitRun, Forward, GiveTurn, NewerFlow, TurnMoved, WakeTask, WakeTasks
from runtime.work.requests import Request
from runtime.work.roster import LEFT, Roster, Told, was_left
from runtime.work.unit import Services

Control: TypeAlias = Request | GetTask | FlowCommand | GiveTurn | NewerFlow
"""What is said to one task or one flow."""

_CLOSING: Final = "the runtime is shutting down"
_BEGINNINGS: Final = (ResolveTask, RunTask, StartFlow)
"""What is not asked of an actor any more that only ends what runs."""

_WAKE_AGAIN_SECONDS: Final = 1.0
"""How long a timer that found its task busy is put off."""


class Delivery:
    """Passes on. What has to be tried again comes back to `intake`, by a timer."""

    def __init__(self, services: Services, roster: Roster, intake: Told, clock: Clock) -> None:
        self._services = services
        self._roster = roster
        self._intake: Any = intake
        self._clock = clock

    async def pass_on(self, message: Control, question: Question[Any] | None = None) -> None:
        """Give a message to the actor of its task, or say why not."""
        try:
            await self._try_to_pass_on(message, question)
        except JournalUnavailable as refusal:
            self._put_off(message, question, str(refusal))

    async def _try_to_pass_on(self, message: Control, question: Question[Any] | None) -> None:
        if (
            isinstance(message, _BEGINNINGS)
            and self._services.shutdown.reason is not None
            and self._roster.holds(message.task_id)
        ):
            self._put_off(message, question, _CLOSING)
            return
        if await self._deliver(message, question):
            return
        if not isinstance(message, GetTask):
            match await self._services.claims.claim(message.task_id):
                case int(instance):
                    self.forward(Forward(instance, message, question))
                    return
                case Claim.NOBODYS:
                    self._put_off(message, question, "the task was written by a later version: ask an instance of it")
                    return
                case Claim.OURS | Claim.UNKNOWN:
                    pass
        try:
            unit = await self._roster.read(message.task_id)
        except JournalUnavailable:
            if not isinstance(message, GetTask):
                self._roster.let_go(message.task_id)
            raise
        if unit is not None and not isinstance(message, GetTask):
            await self.wake_with(unit, message, question)
        elif question is not None and unit is not None:
            question.answer(unit)
        elif question is not None:
            question.refuse(NotFound("task", message.task_id))

    async def wake_with(self, unit: Task | Flow, message: Control, question: Question[Any] | None) -> None:
        """Start the actor of a task that was just read, and give it the message that it is started for."""
        if not self._roster.start(unit, resumed=LEFT if was_left(unit) else ""):
            await self._decide_late(unit, message, question)
        elif not await self._deliver(message, question):
            self._put_off(message, question, _CLOSING)

    async def _deliver(self, message: Control, question: Question[Any] | None) -> bool:
        """Hand a message over; false when the task is asleep."""
        address = self._roster.find(message.task_id)
        if address is None:
            return False
        try:
            if question is None:
                address.post(message)
            else:
                address.forward(question)
        except ActorStopped as stopped:
            if not stopped.reason.kind.abnormal:
                await address.wait_stopped()  # it is falling asleep, and has nothing left to wait for
                return False
            if isinstance(message, GetTask):
                return False  # what is stored can be read, whatever became of the actor
            self._put_off(message, question, f"the actor of task {message.task_id} failed ({stopped.reason})")
        except MailboxFull as full:
            self._put_off(message, question, str(full))
        return True

    def forward(self, forward: Forward) -> None:
        """Have another instance told, which holds the task. When its tasks are due, and may begin, is its own affair. Sync."""
        post = self._services.post
        if isinstance(forward.message, AdmitRun):
            forward.refuse(Conflict("another instance goes on with the task"))
            return
        if isinstance(forward.message, WakeTask) or post is None:
            return
        try:
            post().post(forward)
        except (ActorStopped, ChildUnknown, MailboxFull) as gone:
            forward.refuse(Unavailable(f"another instance has the task, and cannot be asked just now: {gone}"))

    async def move_turn(self, message: TurnMoved) -> None:
        """Have the next flow of an owner run, if it is its turn."""
        try:
            told = await moved(self._services.journal, message.owner)
        except JournalUnavailable:
            self._again(f"turn of {message.owner}", message)
            return
        for one in told:
            await self.pass_on(one)

    def bring_back_later(self, stored: Stored) -> None:
        """Have a task brought back that cannot be read now. Sync."""
        self._again(stored.task_id, WakeTasks((stored,)))

    def _put_off(self, message: Control, question: Question[Any] | None, why: str) -> None:
        if question is not None:
            question.refuse(Unavailable(why))
        elif isinstance(message, WakeTask):
            self._again(message.task_id, message)
        elif isinstance(message, GiveTurn | NewerFlow):
            self._again(f"{type(message).__name__} {message.task_id}", message)

    def _again(self, timer: str, message: Control | WakeTasks | TurnMoved) -> None:
        self._services.timers.arm(timer, self._clock.wall() + _WAKE_AGAIN_SECONDS, self._intake, message)

    async def _decide_late(self, unit: Task | Flow, message: Control, question: Question[Any] | None) -> None:
        """Record what a message makes of a task that sleeps, and begin nothing of it: others go on with it."""
        asked = question is not None and self._services.post is not None and not isinstance(message, GetTask)
        if question is None or not asked or was_left(unit) or (isinstance(unit, Flow) and unit.ended):
            self._put_off(message, question, _CLOSING)
            return
        after, records, refusal = decide_late(unit, message, at=self._clock.wall())
        if refusal is None and records:
            entry = Entry(message.task_id, records, standing_of(after), relisted(unit, after))
            position = await self._services.journal.append([entry])
            self._services.broadcast.publish(after, position, records)
        if refusal is None:
            question.answer(None)
        else:
            question.refuse(refusal)
