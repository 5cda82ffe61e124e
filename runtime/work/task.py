"""The actor of one task: takes all that arrived, folds `decide` over it, stores, then acts.

It owns the task's state and nothing else does. Its steps are its children, so that whatever ends it ends them. What it
knows is in the journal after every turn: a restarted one is rebuilt from there, never from the memory of the one that
failed, and treats the attempts that were in flight as cut.

A task with nothing running leaves memory: the actor stops between two messages, and the intake brings the task back
when a timer or a person calls for it.
"""

from collections.abc import Sequence
from functools import partial
from itertools import chain, repeat
from typing import Final, TypeAlias, assert_never

import attrs
import trio

from actors import (
    Actor,
    Address,
    Cut,
    Exit,
    Failed,
    Question,
    Returned,
    ShutdownContext,
    StopKind,
    StopReason,
    Timers,
)
from runtime.api.messages import CallCallback, CancelTask, GetTask, ResolveTask, RunTask
from runtime.engine.decision import decide
from runtime.engine.effects import (
    ArmRetry,
    Effect,
    RenderResult,
    StartStep,
    StopSteps,
    SubmitChildren,
    TellParent,
)
from runtime.engine.events import (
    CallbackCalled,
    CancelRequested,
    ChildrenSubmitted,
    ChildReported,
    DrainBegan,
    Event,
    LoopUnrolled,
    ParentHeard,
    ResolveRequested,
    ResultRendered,
    Resumed,
    RetryDue,
    RunRequested,
    StepCut,
    StepFinished,
    SubmissionLost,
)
from runtime.engine.records import Record
from runtime.engine.states import ResolutionState
from runtime.engine.task import Task
from runtime.errors import TemplatingError
from runtime.faults import FaultPoint, Faults
from runtime.journal.protocol import Entry, Journal, JournalUnavailable, Standing, standing_of
from runtime.values.json import Json
from runtime.work.attempt import run_attempt
from runtime.work.broadcast import Broadcast
from runtime.work.family import Callbacks, Front, batch_of, news_of, spawned_by, submit_children, tell_parent
from runtime.work.messages import ChildCameToRest, TaskEnded, WakeTask
from runtime.work.plans import Plans
from runtime.work.trial import Attempt, Tools
from runtime.work.wakeups import Agenda

_Report: TypeAlias = (
    StepFinished | LoopUnrolled | StepCut | ResultRendered | ChildrenSubmitted | SubmissionLost | ParentHeard
)
_Request: TypeAlias = ResolveTask | RunTask | CancelTask | CallCallback | WakeTask | ChildCameToRest
Message: TypeAlias = _Request | GetTask | _Report

RECORDING_SECONDS: Final = 1.0
"""How long before the hard deadline steps are cut, so that who cut them can still be recorded."""

_STORE_AGAIN_SECONDS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""The pauses between attempts to store; the last one for ever."""

_NO_CALLBACKS: Final = Callbacks({})
_IDLE: Final = StopReason.normal("task", "nothing is running")


@attrs.frozen(kw_only=True)
class Services:
    """What every task actor of a runtime is given. `front` gives the intake of now."""

    journal: Journal
    tools: Tools
    timers: Timers
    agenda: Agenda
    plans: Plans
    broadcast: Broadcast
    faults: Faults
    shutdown: ShutdownContext
    front: Front


class TaskActor(Actor[Message]):
    """One task. `effects` are those of the decision that made `task`, stored but not yet performed.

    `intake` is who is told that a retry is due, for by then this actor is gone, and how this actor ended. `resumed` says
    why the task was rebuilt from its journal while attempts may have been in flight.
    """

    def __init__(
        self,
        task: Task,
        services: Services,
        intake: Address[WakeTask | TaskEnded],
        *,
        effects: Sequence[Effect] = (),
        resumed: str = "",
    ) -> None:
        self._task = task
        self._standing = standing_of(task)
        self._services = services
        self._intake = intake
        self._due = effects
        self._resumed = resumed

    async def started(self) -> None:
        """Do what the decisions before this incarnation left to do."""
        self.address.watch(self._intake, partial(TaskEnded, self._task.header.task_id))
        if self._due:
            self._perform(self._due)
            self._due = ()
            self._services.faults.reach(FaultPoint.AFTER_START)
        if self._resumed:
            await self._decide([Resumed(at=self.clock.wall(), reason=self._resumed)])
        self._leave_if_idle()

    async def turn(self, batch: Sequence[Message | Question[Message]]) -> None:
        """Decide on all that arrived, store it in one commit, then act."""
        asked: list[Question[Message] | None] = []
        events: list[Event] = []
        readers: list[Question[Message]] = []
        for item in batch:
            question = item if isinstance(item, Question) else None
            message = item.message if isinstance(item, Question) else item
            if not isinstance(message, GetTask):
                events.append(self._event(message))
                asked.append(question)
            elif question is not None:
                readers.append(question)
        refusals = await self._decide(events) if events else ()
        for question, refusal in zip(asked, refusals, strict=True):
            if question is None:
                continue
            if refusal is None:
                question.answer(None)
            else:
                question.refuse(refusal)
        for reader in readers:
            reader.answer(self._task)
        self._leave_if_idle()

    async def stopping(self, reason: StopReason) -> None:
        """Let running steps finish while the grace lasts; those that do not are cut by name, and say so in the journal."""
        if self._task.idle:
            return
        now = self.clock.wall()
        await self._decide([DrainBegan(at=now, requester=reason.requester, reason=reason.text)])
        while self.children.running:
            with self._services.shutdown.patience(RECORDING_SECONDS) as patience:
                batch = await self.receive()
            if patience.cancelled_caught:
                return
            await self.turn(batch)

    async def _decide(self, events: Sequence[Event]) -> Sequence[Exception | None]:
        decision = decide(self._task, *events)
        if decision.records:
            standing = standing_of(decision.task)
            self._services.faults.reach(FaultPoint.BEFORE_APPEND)
            position = await self._store(decision.records, None if standing == self._standing else standing)
            self._services.faults.reach(FaultPoint.AFTER_APPEND)
            self._task, self._standing = decision.task, standing
            self._services.broadcast.publish(decision.task, position, decision.records)
        self._perform(decision.effects)
        if decision.effects:
            self._services.faults.reach(FaultPoint.AFTER_START)
        return decision.refusals

    async def _store(self, records: Sequence[Record], standing: Standing | None) -> int:
        """Store what was decided; for as long as the journal cannot, try again (section 6.10): nothing was done yet."""
        entries = [Entry(self._task.header.task_id, records, standing)]
        for pause in chain(_STORE_AGAIN_SECONDS, repeat(_STORE_AGAIN_SECONDS[-1])):
            try:
                return await self._services.journal.append(entries)
            except JournalUnavailable:
                await trio.sleep(pause)
        raise AssertionError  # the pauses never end

    def _event(self, message: _Request | _Report) -> Event:
        now = self.clock.wall()
        match message:
            case StepFinished() | LoopUnrolled() | StepCut() | ResultRendered():
                return message
            case ChildrenSubmitted() | SubmissionLost() | ParentHeard():
                return message
            case RunTask():
                return RunRequested(at=now)
            case ResolveTask():
                return ResolveRequested(
                    at=now,
                    resolution_id=message.resolution_id,
                    resolver=message.resolver,
                    resolver_inputs=message.resolver_inputs,
                    run=message.run,
                )
            case CancelTask():
                return CancelRequested(at=now, requester=message.requester, reason=message.reason)
            case CallCallback(callback_id=callback):
                return CallbackCalled(at=now, callback=callback, secret=message.secret, body=message.body)
            case ChildCameToRest():
                return ChildReported(at=now, batch=message.batch, child=message.child)
            case WakeTask():
                return RetryDue(at=now, run=message.run)
            case _:
                assert_never(message)

    def _perform(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case StartStep():
                    self._start(effect)
                case StopSteps():
                    reason = StopReason(kind=StopKind.CANCELLED, requester=effect.requester, text=effect.reason)
                    for child in self.children:
                        child.stop(reason)
                case ArmRetry() if not self._task.idle:  # the journal lists a task as due once it sleeps
                    wake = WakeTask(self._task.header.task_id, effect.run)
                    self._services.timers.arm(wake.task_id, effect.due, self._intake, wake)
                case ArmRetry():
                    wake = WakeTask(self._task.header.task_id, effect.run)
                    self._services.agenda.sleep_until(effect.due, wake, self._intake)
                case RenderResult():
                    self._render_result()
                case SubmitChildren():
                    self._submit(effect)
                case TellParent():
                    self._tell_parent()
                case _:
                    assert_never(effect)

    def _start(self, effect: StartStep) -> None:
        task, step = self._task, effect.step
        template, definition = task.plan.template, task.definition(step)
        attempt = Attempt(
            header=task.header,
            template=template,
            step=step,
            definition=definition,
            number=effect.attempt,
            checks_only=effect.checks_only,
            unroll=effect.unroll,
            program=self._services.tools.programs.of(template, definition),
            progress=task.steps[step],
            values=task.values if effect.unroll else task.values_of(step),
            spawned=spawned_by(task, step) if task.waits else (),
            callbacks=Callbacks(task.callbacks) if task.callbacks else _NO_CALLBACKS,
        )
        self.children.start(
            f"{step}#{effect.attempt}",
            run_attempt,
            attempt,
            self._services.tools,
            report=partial(self._report, effect),
        )

    def _report(
        self, effect: StartStep, ended: Exit[StepFinished | LoopUnrolled]
    ) -> StepFinished | LoopUnrolled | StepCut:
        match ended:
            case Returned(value=report):
                return report
            case Cut(reason=reason):
                requester, why = reason.requester, reason.text
            case Failed(error=error):
                requester, why = "runtime", f"lost: {type(error).__name__}: {error}"
            case _:
                assert_never(ended)
        return StepCut(at=self.clock.wall(), step=effect.step, attempt=effect.attempt, requester=requester, reason=why)

    def _submit(self, effect: SubmitChildren) -> None:
        services = self._services
        self.children.start(
            f"submit {effect.batch}",
            submit_children,
            batch_of(self._task, effect),
            services.front,
            self.clock,
            services.shutdown,
            report=partial(self._submitted, effect.batch),
        )

    def _submitted(self, batch: str, ended: Exit[ChildrenSubmitted | None]) -> ChildrenSubmitted | SubmissionLost:
        match ended:
            case Returned(value=ChildrenSubmitted() as submitted):
                return submitted
            case Returned() | Cut():
                return SubmissionLost(at=self.clock.wall(), batch=batch)
            case Failed(error=error):
                raise error  # ends this actor; the next one, rebuilt from the journal, hands them over again
            case _:
                assert_never(ended)

    def _tell_parent(self) -> None:
        task = self._task
        self.children.start(
            f"tell {task.run} {task.resolution}",
            tell_parent,
            news_of(task),
            self._services.front,
            self.clock,
            self._services.shutdown,
            report=partial(self._parent_heard, task.run, task.resolution),
        )

    def _parent_heard(self, run: int, resolution: ResolutionState, ended: Exit[bool]) -> ParentHeard:
        match ended:
            case Returned(value=heard):
                return ParentHeard(at=self.clock.wall(), run=run, resolution=resolution, heard=heard)
            case Cut():
                return ParentHeard(at=self.clock.wall(), run=run, resolution=resolution, heard=False)
            case Failed(error=error):
                raise error  # as above
            case _:
                assert_never(ended)

    def _render_result(self) -> None:
        task = self._task
        self.children.start(
            "result",
            self._services.tools.evaluator.render_result,
            task.plan.template.result_format,
            task.values,
            report=self._rendered,
        )

    def _rendered(self, ended: Exit[tuple[dict[str, Json], TemplatingError | None]]) -> ResultRendered:
        now = self.clock.wall()
        match ended:
            case Returned(value=(result, error)):
                return ResultRendered(at=now, result=result, error=str(error or ""))
            case Cut(reason=reason):
                return ResultRendered(at=now, result=None, error=str(reason))
            case Failed(error=failure):
                return ResultRendered(at=now, result=None, error=f"{type(failure).__name__}: {failure}")
            case _:
                assert_never(ended)

    def _leave_if_idle(self) -> None:
        if self._task.idle:
            self.stop_if_idle(_IDLE)
