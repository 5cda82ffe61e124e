"""The actor of one task: its messages as events, its effects as children. The rest is `runtime.work.unit`'s."""

from collections.abc import Sequence
from functools import partial
from typing import Final, TypeAlias, assert_never, get_args

from actors import (
    Cut,
    Exit,
    Failed,
    Returned,
    StopKind,
    StopReason,
)
from runtime.api.flow_messages import FLOW_MESSAGES
from runtime.api.messages import GetTask
from runtime.engine.decision import decide
from runtime.engine.effects import (
    ArmRetry,
    DismissChild,
    Effect,
    HoldSlot,
    QueueRun,
    RenderResult,
    StartStep,
    StopStep,
    StopSteps,
    SubmitChildren,
    TellParent,
)
from runtime.engine.events import (
    ChildHeard,
    ChildrenSubmitted,
    DrainBegan,
    Event,
    LoopUnrolled,
    ParentHeard,
    ResultRendered,
    Resumed,
    StepCut,
    StepFinished,
    SubmissionLost,
)
from runtime.engine.states import TaskState
from runtime.engine.task import Seen, Task
from runtime.errors import NotFound, TemplatingError
from runtime.foreign import told
from runtime.journal.protocol import Entry, Record, goes_on
from runtime.values.json import Json
from runtime.work.attempt import run_attempt
from runtime.work.family import Callbacks, batch_of, dismiss, news_of, spawned_by, submit_children, tell_parent
from runtime.work.messages import GiveUp, WakeTask
from runtime.work.requests import Request, event_of
from runtime.work.trial import Attempt
from runtime.work.unit import IDLE, IN_LINE, Decided, UnitActor

_Report: TypeAlias = (
    StepFinished
    | LoopUnrolled
    | StepCut
    | ResultRendered
    | ChildrenSubmitted
    | SubmissionLost
    | ParentHeard
    | ChildHeard
)
Message: TypeAlias = Request | GetTask | _Report

_DISMISSED: Final = "#dismissed"
"""How the names of those end that cancel a child, and of no attempt: no cancel of the task is to cut them."""

_DISMISSED_AT_ONCE: Final = 16
"""How many children a task cancels at once."""

_NO_CALLBACKS: Final = Callbacks({})


class TaskActor(UnitActor[Message, Task, Event, Effect]):
    """One task."""

    foreign = FLOW_MESSAGES
    reports = get_args(_Report)
    _ticket: int | None = None
    """What the slots of the run are held by."""

    def _decided(self, events: Sequence[Event]) -> Decided[Task, Effect]:
        decision = decide(self._unit, *events)
        return decision.task, decision.records, decision.effects, decision.refusals

    def _entry(self, unit: Task, records: Sequence[Record]) -> Entry:
        if goes_on(self._unit, unit):
            return Entry(unit.header.task_id, records)
        return super()._entry(unit, records)

    def _rest(self) -> StopReason:
        return IN_LINE if self._unit.in_line else IDLE

    def _resumption(self, reason: str) -> Event:
        return Resumed(at=self.clock.wall(), reason=reason)

    def _draining(self, reason: StopReason) -> Event:
        return DrainBegan(at=self.clock.wall(), requester=reason.requester, reason=reason.text)

    def _stranger(self) -> NotFound:
        return NotFound("flow", self._unit.header.task_id, "it is a task")

    def _requested(self, request: Request) -> Event:
        return event_of(request, self.clock.wall())

    def _perform(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, StartStep):  # nearly all there are; a pattern is five times as dear
                self._start(effect)
                continue
            match effect:
                case StopSteps():
                    reason = StopReason(kind=StopKind.CANCELLED, requester=effect.requester, text=effect.reason)
                    for child in self.children:
                        if not child.name.endswith(_DISMISSED):
                            child.stop(reason)
                case StopStep():
                    self._stop(effect)
                case ArmRetry():
                    self._wake_at(effect.due, WakeTask(self._unit.header.task_id, effect.run))
                case QueueRun():
                    self._queue(effect)
                case HoldSlot():
                    self._hold(effect)
                case RenderResult():
                    self._render_result()
                case SubmitChildren():
                    self._submit(effect)
                case DismissChild():
                    self._dismiss(effect)
                case TellParent():
                    self._tell_parent()
                case _:
                    assert_never(effect)

    def _start(self, effect: StartStep) -> None:
        task, step, tools = self._unit, effect.step, self._services.tools
        program = tools.programs.of(task.plan.template, effect.definition)
        attempt = Attempt(
            tools,
            task.header,
            program,
            step,
            effect.attempt,
            task.steps[step],
            Seen(task, "" if program.unrolls else step),
            spawned_by(task, step) if task.wished.waits else (),
            Callbacks(task.wished.callbacks) if task.wished.callbacks else _NO_CALLBACKS,
        )
        self.children.start(
            f"{step}#{effect.attempt}",
            run_attempt,
            attempt,
            report=attempt.ended,
            gate=None if tools.resources is None else tools.resources.gate(program.held),
        )

    def _stop(self, effect: StopStep) -> None:
        child = self.children.running.get(f"{effect.step}#{effect.attempt}")
        if child is not None:  # else it came to something in the same turn
            child.stop(StopReason(kind=StopKind.CANCELLED, requester=effect.requester, text=effect.reason))

    def _queue(self, effect: QueueRun) -> None:
        slots = self._services.slots
        if slots is not None:
            if self._ticket is not None:
                slots.give_back(self._ticket)
                self._ticket = None
            slots.queue(self._unit.header.task_id, self._unit.plan.template.name, crashed=effect.crashed)

    def _hold(self, effect: HoldSlot) -> None:
        if self._services.slots is not None:
            self._ticket = effect.ticket
            self._services.slots.hold(effect.ticket, self.address)

    def _submit(self, effect: SubmitChildren) -> None:
        services = self._services
        self.children.start(
            f"submit {effect.batch}",
            submit_children,
            batch_of(self._unit, effect),
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

    def _dismiss(self, effect: DismissChild) -> None:
        services = self._services
        self.children.start(
            f"{effect.child}{_DISMISSED}",
            dismiss,
            GiveUp(task_id=effect.child, by=effect.requester or "nobody", reason=effect.reason),
            services.front,
            self.clock,
            services.shutdown,
            report=partial(self._dismissed, effect.child),
            gate=("dismissals", _DISMISSED_AT_ONCE),
        )

    def _dismissed(self, child: str, ended: Exit[bool]) -> ChildHeard:
        match ended:
            case Returned(value=heard):
                return ChildHeard(at=self.clock.wall(), child=child, heard=heard)
            case Cut():
                return ChildHeard(at=self.clock.wall(), child=child, heard=False)
            case Failed(error=error):
                raise error  # as above
            case _:
                assert_never(ended)

    def _tell_parent(self) -> None:
        task = self._unit
        self.children.start(
            f"tell {task.run} {task.state}",
            tell_parent,
            news_of(task),
            self._services.front,
            self.clock,
            self._services.shutdown,
            report=partial(self._parent_heard, task.run, task.state),
        )

    def _parent_heard(self, run: int, state: TaskState, ended: Exit[bool]) -> ParentHeard:
        match ended:
            case Returned(value=heard):
                return ParentHeard(at=self.clock.wall(), run=run, state=state, heard=heard)
            case Cut():
                return ParentHeard(at=self.clock.wall(), run=run, state=state, heard=False)
            case Failed(error=error):
                raise error  # as above
            case _:
                assert_never(ended)

    def _render_result(self) -> None:
        task = self._unit
        self.children.start(
            "result",
            self._services.tools.evaluator.render_result,
            task.plan.template.result_format,
            task.values,
            report=self._rendered,
        )

    def _rendered(self, ended: Exit[tuple[dict[str, Json], TemplatingError | None]]) -> ResultRendered | StepCut:
        now = self.clock.wall()
        match ended:
            case Returned(value=(result, error)):
                return ResultRendered(at=now, result=result, error=str(error or ""))
            case Cut(reason=reason):  # by a shutdown: whoever goes on with the task renders it
                return StepCut(at=now, step="", attempt=0, requester=reason.requester, reason=reason.text)
            case Failed(error=failure):
                return ResultRendered(at=now, result=None, error=told(failure))
            case _:
                assert_never(ended)
