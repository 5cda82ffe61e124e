"""The front door: takes tasks on, and finds the actor of a task, or wakes it.

It keeps nothing about tasks: their supervisor's table says which of them are in memory. Acceptance and the first
decisions of a whole batch of submissions share one commit; only then do their actors start, and only then are
submitters answered. A message for a task that is asleep has its state read from the journal and an actor started for it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import attrs

from actors import (
    Actor,
    ActorStopped,
    ChildSpec,
    ChildState,
    ChildUnknown,
    Draining,
    MailboxFull,
    Question,
    Restart,
    Supervisor,
)
from runtime.api.flow_messages import DeleteFlow, FlowCommand, StartFlow, SubmitFlow
from runtime.api.messages import DeleteTask, GetTask, ResolveTask, RunTask, SubmitTask, SubmitTasks
from runtime.engine.decision import decide
from runtime.engine.draft import begin
from runtime.engine.effects import Effect
from runtime.engine.events import AddComment, ResolveRequested
from runtime.engine.records import TaskSubmitted
from runtime.engine.states import Admission, ResolutionState, TaskState
from runtime.engine.task import Task
from runtime.errors import Conflict, NotFound, Refused, Unavailable
from runtime.faults import FaultPoint
from runtime.flow.decision import decide as decide_flow
from runtime.flow.effects import Effect as FlowEffect
from runtime.flow.events import DrainBegan as FlowDrainBegan
from runtime.flow.events import StartRequested
from runtime.flow.flow import Flow
from runtime.flow.states import FlowTurn
from runtime.journal.listing import relisted
from runtime.journal.protocol import AlreadyStored, Entry, JournalUnavailable, Record, entry_of, standing_of
from runtime.journal.replaying import replay
from runtime.journal.shared import Claim
from runtime.wishes import REFUSED, FlowOrder, SpawnedTask
from runtime.work.births import Birth, actor_of
from runtime.work.duplicates import duplicate, is_same
from runtime.work.family import submission_of
from runtime.work.flows.birth import begin_flow
from runtime.work.flows.door import flow_of
from runtime.work.flows.turns import check_room, moved
from runtime.work.late import decide_late, put_down
from runtime.work.messages import (
    AdmitRun,
    Forward,
    GiveTurn,
    NewerFlow,
    SubmitBatch,
    TaskEnded,
    TurnMoved,
    WakeTask,
    WakeTasks,
)
from runtime.work.requests import Request
from runtime.work.unit import IN_LINE, Services

_Control: TypeAlias = Request | GetTask | FlowCommand | GiveTurn | NewerFlow
_Submission: TypeAlias = SubmitTask | SubmitFlow
Message: TypeAlias = (
    _Submission | SubmitTasks | SubmitBatch | DeleteTask | DeleteFlow | _Control | WakeTasks | TurnMoved | TaskEnded
)

_LEFT: Final = "whoever ran the task ended in the middle of it"
"""Why a task that is awake in the journal and not in memory is resumed."""

_CLOSING: Final = "the runtime is shutting down"
_BEGINNINGS: Final = (ResolveTask, RunTask, StartFlow)
"""What is not asked of an actor any more that only ends what runs."""

_NOTHING_ASKED: Final[Mapping[str, SubmitTask]] = MappingProxyType({})

_WAKE_AGAIN_SECONDS: Final = 1.0
"""How long a timer that found its task busy is put off."""


@attrs.frozen
class _Accepted:
    """A submission on its way in: its first decision, and who waits to hear of it, if anybody."""

    question: Question[Message] | None
    task: Task | Flow
    records: Sequence[Record]
    effects: Sequence[Effect] | Sequence[FlowEffect]

    @property
    def task_id(self) -> str:
        """Whose it is."""
        return self.task.header.task_id


class Intake(Actor[Message]):
    """Takes tasks on. `tasks` gives the supervisor their actors live under."""

    def __init__(self, services: Services, tasks: Callable[[], Supervisor]) -> None:
        self._services = services
        self._tasks = tasks

    async def started(self) -> None:
        """Let go of what the one before had taken hold of, and had not started."""
        self._services.claims.keep_only(self._in_memory)

    async def turn(self, batch: Sequence[Message | Question[Message]]) -> None:
        """Take on all submissions of the batch in one commit; pass everything else on."""
        submissions: dict[str, _Accepted] = {}
        for item in batch:
            message = item.message if isinstance(item, Question) else item
            if isinstance(message, TaskEnded):
                self._look_after(message)
            elif not isinstance(message, SubmitTask | SubmitFlow):
                await self._take_on(list(submissions.values()))
                submissions.clear()
                question = item if isinstance(item, Question) else None
                if isinstance(message, SubmitBatch):
                    await self._take_batch(message, question)
                elif isinstance(message, SubmitTasks):
                    await self._take_all(message, question)
                elif isinstance(message, DeleteTask | DeleteFlow):
                    await self._delete(message, question)
                elif isinstance(message, WakeTasks):
                    await self._bring_back(message, question)
                elif isinstance(message, TurnMoved):
                    await self._move_turn(message)
                else:
                    await self._try_to_pass_on(message, question)
            elif isinstance(item, Question):
                first = submissions.get(message.task_id)
                if first is not None:
                    _answer_duplicate(item, message, first.task)
                    continue
                if isinstance(message, SubmitFlow) and not await self._has_room(item, message):
                    continue
                submissions[message.task_id] = self._accept(item, message)
        await self._take_on(list(submissions.values()))

    def _accept(self, question: Question[Message], message: _Submission) -> _Accepted:
        if isinstance(message, SubmitTask):
            return self._enter(question, message)
        return self._enter_flow(question, message)

    async def _has_room(self, question: Question[Message], message: SubmitFlow) -> bool:
        """Refuse a flow where too many of its owner wait; one that is there already is not one more."""
        owner = message.flow.owner
        try:
            if owner and message.start and not await self._services.journal.look_up(message.task_id):
                await check_room(self._services.journal, owner)
        except Unavailable as refusal:
            question.refuse(refusal)
            return False
        return True

    def _enter_flow(self, question: Question[Message] | None, message: SubmitFlow) -> _Accepted:
        """Make the first decisions on a flow."""
        flow, records = begin_flow(message, self._services.tools.runners, at=self.clock.wall())
        now, drain = self.clock.wall(), self._services.shutdown.reason
        held = (
            []
            if drain is None or not message.start
            else [FlowDrainBegan(at=now, by=drain.requester, reason=drain.text)]
        )
        decision = decide_flow(flow, *held, *([StartRequested(at=now)] if message.start else []))
        return _Accepted(question, decision.flow, (*records, *decision.records), decision.effects)

    def _enter(self, question: Question[Message] | None, message: SubmitTask) -> _Accepted:
        """Make the first decisions on a submission."""
        now = self.clock.wall()
        submitted = TaskSubmitted(
            at=now,
            task_id=message.task_id,
            template=message.template,
            title=message.title,
            inputs=message.inputs,
            requester=message.requester,
            tags=message.tags,
            requester_groups=message.requester_groups,
            resolver_usernames=message.resolver_usernames,
            resolver_groups=message.resolver_groups,
            watcher_usernames=message.watcher_usernames,
            watcher_groups=message.watcher_groups,
            parent=message.parent,
            batch=message.batch,
            start_at=now + message.delay if message.delay > 0 else 0,
        )
        resolved = ResolveRequested(
            at=now,
            resolution_id=message.resolution_id,
            resolver=message.requester,
            resolver_inputs=message.resolver_inputs,
            run=message.run,
        )
        commented = AddComment(
            at=now, comment_id=f"{message.task_id}-1", username=message.requester, content=message.comment
        )
        task = begin(submitted, self._services.plans.of(message.template))
        decision = decide(task, *([commented] if message.comment else []), *([resolved] if message.resolve else []))
        return _Accepted(question, decision.task, (submitted, *decision.records), decision.effects)

    async def _take_batch(self, message: SubmitBatch, question: Question[Message] | None) -> None:
        """Take the children of a task on; answer with those that no template is here for."""
        accepted: list[_Accepted] = []
        refused: list[SpawnedTask] = []
        try:
            for order in message.orders:
                if order.flow is not None:
                    await self._take_flow(order.flow, accepted, refused)
                    continue
                try:
                    template = self._services.tools.templates.named(order.template)
                except NotFound as refusal:
                    if not await self._services.journal.read(order.task_id):  # taken on while there was one
                        refused.append(SpawnedTask(id=order.task_id, state=REFUSED, error=str(refusal)))
                else:
                    accepted.append(self._enter(None, submission_of(order, message, template)))
            await self._store_new(accepted)
        except Unavailable as refusal:
            if question is not None:
                question.refuse(refusal)
        else:
            if question is not None:
                question.answer(tuple(refused))

    async def _take_flow(self, order: FlowOrder, accepted: list[_Accepted], refused: list[SpawnedTask]) -> None:
        """Take a flow on that a step wished for.

        Raises:
            Unavailable: not now: too many of its owner wait, or it cannot be known.
        """
        try:
            submission = flow_of(order, self._services.flows)
        except Refused as refusal:
            refused.append(SpawnedTask(id=order.id, state=REFUSED, error=str(refusal)))
            return
        owner = submission.flow.owner
        if owner and not await self._services.journal.look_up(order.id):
            await check_room(self._services.journal, owner)
        accepted.append(self._enter_flow(None, submission))

    async def _take_all(self, message: SubmitTasks, question: Question[Message] | None) -> None:
        """Take several tasks on, or none of them."""
        accepted: dict[str, _Accepted] = {}
        try:
            for one in message.tasks:
                first = accepted.get(one.task_id)
                if first is None:
                    accepted[one.task_id] = self._enter(None, one)
                elif not is_same(one, first.task):
                    raise duplicate(one.task_id)
            await self._store_new(list(accepted.values()), {one.task_id: one for one in message.tasks})
        except (Unavailable, Conflict) as refusal:
            if question is not None:
                question.refuse(refusal)
        else:
            if question is not None:
                question.answer(None)

    async def _delete(self, message: DeleteTask | DeleteFlow, question: Question[Message] | None) -> None:
        """Delete a task that sleeps: nothing is done for it, and nothing is done with it but through here."""
        try:
            claimed = await self._services.claims.claim(message.task_id)
            if isinstance(claimed, int):
                self._forward(Forward(claimed, message, question))
                return
            if isinstance(message, DeleteFlow):
                refusal = await self._try_to_delete_flow(message.flow_id)
            else:
                refusal = await self._try_to_delete(message.task_id)
        except Unavailable as unavailable:
            refusal = unavailable
        if question is not None and refusal is None:
            question.answer(None)
        elif question is not None and refusal is not None:
            question.refuse(refusal)

    async def _try_to_delete(self, task_id: str) -> Refused | None:
        task = await self._read(task_id)
        if not isinstance(task, Task):
            return NotFound("task", task_id)
        busy = self._in_memory(task_id)
        if busy or not task.idle or task.state in {TaskState.RUNNING, TaskState.BLOCKED}:
            if not busy:
                self._services.claims.release([task_id])
            return Conflict(f"task {task_id} cannot be deleted: it is {task.state}")
        if task.header.parent and not task.state.ended:
            self._services.claims.release([task_id])
            return Conflict(
                f"task {task_id} cannot be deleted: task {task.header.parent} waits for it to end; cancel it first"
            )
        await self._services.journal.delete(task_id)
        return None

    async def _try_to_delete_flow(self, flow_id: str) -> Refused | None:
        flow = await self._read(flow_id)
        if not isinstance(flow, Flow):
            return NotFound("flow", flow_id)
        busy = self._in_memory(flow_id)
        if busy or not flow.ended:
            if not busy:
                self._services.claims.release([flow_id])
            return Conflict(f"flow {flow_id} cannot be deleted: it is {flow.status.status} and has not ended")
        await self._services.journal.delete(flow_id)
        if flow.header.owner:
            await self._move_turn(TurnMoved(flow.header.owner))
        return None

    async def _take_on(self, accepted: Sequence[_Accepted]) -> None:
        """Take submissions on that have nothing to do with each other. An id that is known is answered for itself."""
        try:
            await self._store(accepted)
        except AlreadyStored as known:
            await self._take_on([one for one in accepted if one.task_id not in known.task_ids])
            for one in accepted:
                if one.task_id in known.task_ids and one.question is not None:
                    await self._answer_again(one.question)
        except Unavailable as refusal:
            for one in accepted:
                if one.question is not None:
                    one.question.refuse(refusal)

    async def _answer_again(self, question: Question[Any]) -> None:
        """Answer a submission of an id that is known."""
        try:
            stored = await self._read(question.message.task_id)
        except Unavailable as refusal:
            question.refuse(refusal)
            return
        if stored is None:
            question.refuse(Unavailable(f"task {question.message.task_id} is just being deleted: submit it again"))
        else:
            _answer_duplicate(question, question.message, stored)

    async def _store_new(self, accepted: Sequence[_Accepted], asked: Mapping[str, SubmitTask] = _NOTHING_ASKED) -> None:
        """Store those that are not known, all in one commit or none of them.

        Raises:
            Conflict: one that is known is not what was `asked`.
            Unavailable: nothing was stored.
        """
        try:
            await self._store(accepted)
        except AlreadyStored as known:
            for task_id in known.task_ids & asked.keys():
                stored = await self._read(task_id)
                if stored is not None and not is_same(asked[task_id], stored):
                    raise duplicate(task_id) from None
            await self._store_new([one for one in accepted if one.task_id not in known.task_ids], asked)

    async def _store(self, accepted: Sequence[_Accepted]) -> None:
        """Store what was accepted, in one commit; start it, and tell who asked.

        Raises:
            AlreadyStored: of some the id is known; nothing was stored.
            Unavailable: nothing was stored.
        """
        if not accepted:
            return
        if self._services.shutdown.reason is not None and self._services.post is None:
            raise Unavailable("the runtime is shutting down")  # where there are others, they are handed what is stored
        entries = [entry_of(one.task, one.records) for one in accepted]
        faults = self._services.faults
        faults.reach(FaultPoint.BEFORE_APPEND)
        position = await self._services.journal.append(entries)
        faults.reach(FaultPoint.AFTER_APPEND)
        for one in accepted:
            self._services.broadcast.publish(one.task, position, one.records)
            position += len(one.records)
            if self._lines_up(one.task):
                pass
            elif one.effects or not one.task.idle:
                if not self._start(one.task, one.effects, resumed="" if one.effects else _LEFT):
                    await self._take_back(one)
            else:
                self._services.claims.release([one.task_id])
            faults.reach(FaultPoint.BEFORE_REPLY)
            if one.question is not None:
                one.question.answer(one.task.header.task_id)

    async def _bring_back(self, message: WakeTasks, question: Question[Message] | None) -> None:
        """Go on with tasks that were left awake, and wake those that are due."""
        for stored in message.tasks:
            if not stored.standing.awake:
                await self._try_to_pass_on(WakeTask(stored.task_id, stored.standing.run), None)
            elif not self._in_memory(stored.task_id):
                await self._resume(stored.task_id)
        if question is not None:
            question.answer(None)

    async def _resume(self, task_id: str) -> None:
        try:
            task = await self._read(task_id)
        except JournalUnavailable as damage:  # of this task: the others are not to wait for it
            self._services.broadcast.give_up(task_id, str(damage))
            return
        if isinstance(task, Flow) and task.turn is FlowTurn.WAITS:
            self._services.claims.release([task_id])
            await self._move_turn(TurnMoved(task.header.owner))
        elif task is not None and self._lines_up(task):
            pass
        elif task is not None and standing_of(task).awake:
            self._start(task, resumed=_LEFT)
        else:
            self._services.claims.release([task_id])

    def _lines_up(self, task: Task | Flow) -> bool:
        """Put a task in line for the slots of its run, if that is all there is to do for it: it takes no actor."""
        slots = self._services.slots
        if slots is None or not isinstance(task, Task) or not (task.in_line and task.idle):
            return False
        if task.plan.admission is not Admission.QUEUED:  # its run may begin, or may not even wait
            return False
        crashed = task.resolution is ResolutionState.CRASHED
        slots.queue(task.header.task_id, task.plan.template.name, crashed=crashed)
        return True

    async def _move_turn(self, message: TurnMoved) -> None:
        """Have the next flow of an owner run, if it is its turn."""
        try:
            told = await moved(self._services.journal, message.owner)
        except JournalUnavailable:
            again = self.clock.wall() + _WAKE_AGAIN_SECONDS
            self._services.timers.arm(f"turn of {message.owner}", again, self.address, message)
            return
        for one in told:
            await self._try_to_pass_on(one, None)

    async def _read(self, task_id: str) -> Task | Flow | None:
        return replay(await self._services.journal.read(task_id), self._services.plans.of)

    def _in_memory(self, task_id: str) -> bool:
        try:
            self._tasks().address_of(task_id)
        except ChildUnknown:
            return False
        return True

    async def _try_to_pass_on(self, message: _Control, question: Question[Message] | None) -> None:
        try:
            await self._pass_on(message, question)
        except JournalUnavailable as refusal:
            self._put_off(message, question, str(refusal))

    async def _pass_on(self, message: _Control, question: Question[Message] | None) -> None:
        """Give a message to the actor of its task, which is woken for it when it is asleep."""
        if (
            isinstance(message, _BEGINNINGS)
            and self._services.shutdown.reason is not None
            and self._in_memory(message.task_id)
        ):
            self._put_off(message, question, _CLOSING)
            return
        if await self._deliver(message, question):
            return
        if not isinstance(message, GetTask):
            match await self._services.claims.claim(message.task_id):
                case int(instance):
                    self._forward(Forward(instance, message, question))
                    return
                case Claim.NOBODYS:
                    self._put_off(message, question, "the task was written by a later version: ask an instance of it")
                    return
                case Claim.OURS | Claim.UNKNOWN:
                    pass
        task = await self._read(message.task_id)
        if task is not None and not isinstance(message, GetTask):
            if not self._start(task, resumed=_LEFT if _was_left(task) else ""):
                await self._decide_late(task, message, question)
            elif not await self._deliver(message, question):
                self._put_off(message, question, _CLOSING)
        elif question is not None and task is not None:
            question.answer(task)
        elif question is not None:
            question.refuse(NotFound("task", message.task_id))

    async def _deliver(self, message: _Control, question: Question[Message] | None) -> bool:
        """Hand a message over; false when the task is asleep. The supervisor's table says which tasks are in memory."""
        try:
            address = self._tasks().address_of(message.task_id)
        except ChildUnknown:
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

    def _forward(self, forward: Forward) -> None:
        """Have another instance told, which holds the task. When its tasks are due, and may begin, is its own affair."""
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

    def _look_after(self, ended: TaskEnded) -> None:
        """Let go of a task that has left memory; tell those who wait for one whose actor has failed too often."""
        if ended.stopped.reason != IN_LINE and not self._in_memory(ended.task_id):
            self._services.claims.release([ended.task_id])
        if not ended.stopped.reason.kind.abnormal:
            return
        try:
            child = self._tasks().child(ended.task_id)
        except ChildUnknown:
            return
        if child.state is ChildState.QUARANTINED:
            self._services.broadcast.give_up(ended.task_id, f"its actor failed too often, last by {child.reason}")

    def _put_off(self, message: _Control, question: Question[Message] | None, why: str) -> None:
        if question is not None:
            question.refuse(Unavailable(why))
        elif isinstance(message, WakeTask | GiveTurn | NewerFlow):
            due = self.clock.wall() + _WAKE_AGAIN_SECONDS
            self._services.timers.arm(message.task_id, due, self.address, message)

    def _start(
        self, task: Task | Flow, effects: Sequence[Effect] | Sequence[FlowEffect] = (), *, resumed: str = ""
    ) -> bool:
        """Start the actor of a task; false when it is too late for that."""
        task_id = task.header.task_id
        spec = ChildSpec(
            id=task_id,
            start=partial(actor_of, Birth(task, effects, resumed), self._services, self.address),
            restart=Restart.TRANSIENT,
            stop_within=math.inf,
        )
        try:
            self._tasks().start_child(spec)
        except Draining:  # what is stored is resumed by whoever opens the journal next
            return False
        return True

    async def _take_back(self, accepted: _Accepted) -> None:
        """Record that the first steps of a task were not begun after all, so that whoever goes on with it may begin them."""
        if isinstance(accepted.task, Flow):
            return
        task, records = put_down(accepted.task, accepted.effects, at=self.clock.wall())
        if records:
            with suppress(JournalUnavailable):  # then somebody has to look
                await self._services.journal.append([Entry(accepted.task_id, records, standing_of(task))])

    async def _decide_late(self, unit: Task | Flow, message: _Control, question: Question[Message] | None) -> None:
        """Record what a message makes of a task that sleeps, and begin nothing of it: others go on with it."""
        asked = question is not None and self._services.post is not None and not isinstance(message, GetTask)
        if question is None or not asked or _was_left(unit) or (isinstance(unit, Flow) and unit.ended):
            self._put_off(message, question, _CLOSING)
            return
        after, records, refusal = decide_late(unit, message, at=self.clock.wall())
        if refusal is None and records:
            entry = Entry(message.task_id, records, standing_of(after), relisted(unit, after))
            position = await self._services.journal.append([entry])
            self._services.broadcast.publish(after, position, records)
        if refusal is None:
            question.answer(None)
        else:
            question.refuse(refusal)


def _was_left(unit: Task | Flow) -> bool:
    """Say whether something was in flight when whoever ran it ended, or was put down."""
    return not unit.idle or (isinstance(unit, Flow) and unit.held)


def _answer_duplicate(question: Question[Message], message: _Submission, task: Task | Flow) -> None:
    if is_same(message, task):
        question.answer(message.task_id)
    else:
        question.refuse(duplicate(message.task_id))
