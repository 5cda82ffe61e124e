"""`decide`: what follows from an event (spec sections 6.2 to 6.10).

Pure and total: no clock, no I/O, no actors; any event is an answer, however late or out of place. One `Decision` may
take a whole batch of events: they are decided one after the other, and stored and performed together.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final, assert_never

import attrs

from runtime.engine import family, interrupts
from runtime.engine.effects import ArmRetry, HoldSlot, QueueRun, RenderResult, StartStep
from runtime.engine.events import (
    CallbackCalled,
    Change,
    ChildHeard,
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
    RunAdmitted,
    RunRequested,
    StepCut,
    StepFinished,
    SubmissionLost,
)
from runtime.engine.handover import handed_over
from runtime.engine.operations import operate
from runtime.engine.records import (
    LoopContracted,
    LoopExpanded,
    RunDelayed,
    RunEnded,
    RunInterrupted,
    RunQueued,
    RunStarted,
    StepChanged,
    StepInterrupted,
    StepReturned,
    StepStarted,
    TagsChanged,
    TaskResolved,
    WaitingRechecked,
)
from runtime.engine.retry import next_delay
from runtime.engine.states import RETRIABLE, UNRUNNABLE, Admission, ResolutionState, StepState, is_final
from runtime.engine.task import DEFAULT_RUN_MAX, Progress, Task, child_name, definition_of, max_retries_of
from runtime.engine.turn import Decision, Turn
from runtime.engine.waits import baffled
from runtime.errors import AlreadyExists, Conflict, InputInvalid, Refused
from runtime.templates.inputs import check_inputs
from runtime.templates.model import Step


def decide(task: Task, *events: Event) -> Decision:
    """Decide what follows from `events`, in order. Never raises."""
    if len(events) == 1 and isinstance(events[0], StepFinished):
        decision = handed_over(task, events[0])
        if decision is not None:
            return decision
    return drafted(task, events)


def drafted(task: Task, events: Sequence[Event]) -> Decision:
    """Decide that, whatever they are."""
    turn = _Turn(task)
    # Mostly it is one, which is not worth a map; nor is the cell that a comprehension would keep `turn` in.
    refusals = [turn.take(events[0])] if len(events) == 1 else list(map(turn.take, events))
    if turn.dismissed:
        family.dismiss(turn, turn.dismissed)
    if turn.course.untold:
        family.tell_parent(turn, task)
    return Decision(turn.freeze() if turn.records else task, turn.records, turn.effects, refusals)


_RUNNING: Final = ResolutionState.RUNNING  # on the names of members: `states`
_CANCELLED: Final = ResolutionState.CANCELLED
_DONE: Final = ResolutionState.DONE
_FREE: Final = Admission.FREE
_RETRY_NOW: Final = StepState.RETRY_NOW

CLOSED_SECONDS: Final = 600.0
"""How long a task whose template is switched off is left alone (section 6.2)."""

_UNROLLED = frozenset(
    {StepState.TODO, StepState.TO_RETRY, StepState.SERVER_ERROR, StepState.RETRY_NOW, StepState.EXPANDED}
)
"""The states in which a loop looks for its items; in any other it stays what somebody set it to (section 6.4)."""


class _Turn(Turn):
    """One decision in the making."""

    __slots__ = ()

    def take(self, event: Event) -> Refused | None:
        if isinstance(event, StepFinished):  # nearly all that comes; a pattern is five times as dear
            self.settle_step(event)
            return None
        match event:
            case ResolveRequested():  # once in every task
                return self.resolve(event)
            case LoopUnrolled():
                self.expand(event)
            case StepCut():
                self.settle_cut(event)
            case ChildrenSubmitted():
                family.note_created(self, event)
                self.go_on(event.at)
            case SubmissionLost():
                pass
            case ChildReported():
                family.hear_of_child(self, event)
            case ParentHeard():
                family.note_told(self, event)
            case ChildHeard():
                family.note_dismissed(self, event)
            case CallbackCalled():
                return family.take_call(self, event)
            case RunRequested():
                return self.request_run(event)
            case RetryDue():
                self.wake(event)
            case RunAdmitted():
                return self.admit(event)
            case ResultRendered():
                if self.ready_to_end:
                    self.record(
                        RunEnded(
                            at=event.at,
                            state=_DONE,
                            result=event.result,
                            result_error=event.error,
                        )
                    )
            case DrainBegan():
                if self.resolution is _RUNNING:
                    self.record(RunInterrupted(at=event.at, requester=event.requester, reason=event.reason))
            case Resumed():
                self.resume(event)
            case _:
                return operate(self, event)
        return None

    def resume(self, event: Resumed) -> None:
        """Go on where the records end: the one place that may look at every step, as rebuilding did.

        When attempts were lost the run is over (section 6.2): the next one follows at once, unless somebody has to
        look at a step first.
        """
        self.resumed = True
        lost = [name for name, progress in self.steps.items() if progress.live]
        over = lost or self.plan.admission is not _FREE  # the slot that the run held is lost as well
        if over and self.resolution is _RUNNING and not self.course.interrupted:
            self.record(RunInterrupted(at=event.at, requester="runtime", reason=event.reason))
        for name in lost:
            self.interrupt(name, event.at, f"interrupted: {event.reason}", StepState.TODO)
        if self.resolution is _RUNNING:
            self.fresh = sorted(self.ready, key=self.order)
            self.closing = tuple(self.loops)
            self.go_on(event.at)
        if self.resolution is ResolutionState.CRASHED:
            self.effects = [effect for effect in self.effects if not isinstance(effect, ArmRetry)]  # it is run now
            self.request_run(RunRequested(at=event.at))
        elif self.in_line:
            self.begin_run(event.at)
        elif self.course.next_retry is not None and not self.effects:
            self.effects.append(ArmRetry(self.course.next_retry, self.run))
        family.resume(self)

    def resolve(self, event: ResolveRequested) -> Refused | None:
        template = self.plan.template
        if self.header.resolution_id:
            return AlreadyExists(f"task {self.header.task_id} has an execution already: it is {self.resolution}")
        if self.resolution is _CANCELLED:
            return Conflict(f"task {self.header.task_id} cannot be taken on: it is {self.state}")
        try:
            resolver_inputs = check_inputs(
                template.resolver_inputs, event.resolver_inputs, keep_undeclared=True, root="resolver_inputs"
            )
        except InputInvalid as refusal:
            return refusal
        record = TaskResolved(
            event.at,
            event.resolution_id,
            event.resolver,
            resolver_inputs,
            DEFAULT_RUN_MAX if template.retry_max is None else template.retry_max,
            event.groups_of_resolver,
            event.joins and event.resolver not in self.header.resolver_usernames,
        )
        self.records.append(record)
        self.resolved(record)
        start_at = self.header.start_at
        if event.run and start_at > event.at:
            self.record(RunDelayed(at=event.at, due=start_at))
            self.effects.append(ArmRetry(start_at, self.run))
        elif event.run:
            self.request_run(RunRequested(event.at))
        return None

    def request_run(self, event: RunRequested) -> Conflict | None:
        if not self.header.resolution_id:
            return Conflict(f"task {self.header.task_id} cannot be run: nobody has taken it on yet (resolve it)")
        if self.resolution in UNRUNNABLE:
            return Conflict(f"task {self.header.task_id} cannot be run: it is {self.resolution}")
        if self.tally and StepState.RUNNING in self.tally and self.recover(event.at):
            self.record(RunEnded(at=event.at, state=ResolutionState.BLOCKED_TOCHECK))
        else:
            self.begin_run(event.at)
        return None

    def wake(self, event: RetryDue) -> None:
        """Run the task whose time has come. A timer of the past, or one that a clock set back made early, starts nothing."""
        if self.run != event.run or self.course.next_retry is None:
            return
        if event.at < self.course.next_retry:
            self.effects.append(ArmRetry(self.course.next_retry, self.run))
        else:
            self.request_run(RunRequested(at=event.at))

    def begin_run(self, at: float) -> None:
        """Begin a run; where runs are limited, as soon as there is a slot for it (section 8).

        One that waits for a slot is not RUNNING and uses up none of the task's runs (Q18). A template that is switched
        off holds its tasks up without keeping them in line.
        """
        if self.plan.admission is _FREE:
            self.start_run(at)
            return
        match self.plan.admission:
            case Admission.QUEUED:
                crashed = self.resolution is ResolutionState.CRASHED
                self.effects.append(QueueRun(crashed))
                if not self.in_line:
                    again = ResolutionState.RETRY if self.run else ResolutionState.TO_AUTORUN
                    self.record(RunQueued(at=at, state=ResolutionState.CRASHED if crashed else again))
            case Admission.CLOSED:
                due = at + CLOSED_SECONDS
                why = f'resource "template:{self.plan.template.name}" is switched off: its limit is 0'
                self.record(RunDelayed(at=at, due=due, reason=why))
                self.effects.append(ArmRetry(due, self.run))
            case _:
                assert_never(self.plan.admission)

    def admit(self, event: RunAdmitted) -> Conflict | None:
        if not self.in_line:
            return Conflict(f"task {self.header.task_id} waits for no slot: it is {self.resolution}")
        self.start_run(event.at)
        self.effects.append(HoldSlot(event.ticket))
        return None

    def start_run(self, at: float) -> None:
        """Begin a run, and start what is ready."""
        record = RunStarted(at)
        self.records.append(record)
        self.began(record)
        if self.notes.edits:  # what somebody put a step in may leave others without what they need
            self.prune([*self.steps], at=at)
        ready = self.ready
        self.fresh = sorted(ready, key=self.order) if len(ready) > 1 else [*ready]
        self.closing = tuple(self.loops)
        self.go_on(at)

    def recover(self, at: float) -> bool:
        """Judge the steps that say they run, and do not: their owner died, or somebody set them so (section 6.2).

        Say whether a person has to look at one of them before the task may go on.
        """
        lost = [name for name, one in self.steps.items() if one.state == StepState.RUNNING and not one.live]
        for name in lost:
            self.interrupt(name, at, "interrupted: nobody knows how it ended", StepState.TODO)
        return any(self.steps[name].state == StepState.CRASHED for name in lost)

    def order(self, name: str) -> tuple[int, int]:
        """Put steps in template order, children of loops behind them in theirs."""
        child = self.children.get(name)
        order = self.plan.order
        return (order[name], -1) if child is None else (order[child.loop], child.index)

    def settle_step(self, event: StepFinished) -> None:
        record = event.record
        step, at = record.step, record.at
        if not self.in_flight(step, event.attempt):
            return
        others: Sequence[Change] = ()
        if event.changes:
            record, others = self.changed(record, event.changes)
        if record.error and self.notes.interruptions:
            record = interrupts.overrule(self, record, event.attempt)
        self.records.append(record)
        self.returned(record)
        if event.tags:
            self.record(TagsChanged(at=at, tags=event.tags))
        if event.wishes:
            family.take_wishes(self, event)
        if (self.hopeless or others) and self.resolution is not _CANCELLED:
            self.change(others, by=step, at=at)
            self.hopeless = False
            self.prune([step, *(change.step for change in others)], at=at)
        self.go_on(at)  # if it is cancelled, what the attempt did is kept, and nothing follows from it

    def changed(self, record: StepReturned, changes: Sequence[Change]) -> tuple[StepReturned, Sequence[Change]]:
        """Have conditions change what a step came to; give what they change of others, too."""
        others: list[Change] = []
        for change in changes:
            if change.step == record.step:
                record = attrs.evolve(record, state=change.state, error=change.error)
            else:
                others.append(change)
        # A skip that asks for another attempt at once is a try, or nothing would bound how often it asks (I4).
        if record.state == StepState.RETRY_NOW and self.definition(record.step).foreach is None:
            record = attrs.evolve(record, tried=True)
        return record, others

    def expand(self, event: LoopUnrolled) -> None:
        if not self.in_flight(event.step, event.attempt):
            return
        taken = next(
            (name for name in map(partial(child_name, event.step), range(len(event.items))) if name in self.steps), ""
        )
        if taken:
            error = f'the loop cannot be expanded: there is a step called "{taken}" already'
            self.give_up(event.step, event.at, error)
        elif self.resolution is not _CANCELLED:
            self.record(LoopExpanded(at=event.at, step=event.step, items=event.items))
            if event.items and self.pending[event.step][0]:  # changed while they were looked for, perhaps for good
                self.prune([need.step for need in self.graph.needs[event.step]], at=event.at)
        else:
            self.interrupt(event.step, event.at, self.steps[event.step].error)
        self.go_on(event.at)

    def give_up(self, step: str, at: float, error: str) -> None:
        """Leave a step in FATAL_ERROR without its action being tried; what it had is kept."""
        progress = self.steps[step]
        self.record(
            StepReturned(
                at=at,
                step=step,
                state=StepState.FATAL_ERROR,
                returned=StepState.FATAL_ERROR,
                error=error,
                output=progress.output,
                metadata=progress.metadata,
                tried=False,
            )
        )

    def contract(self, at: float) -> None:
        """Contract the loops that are over: all children final, or the loop's own state set and none in flight."""
        while self.closing:
            closing, self.closing = self.closing, ()
            for name in closing:
                loop = self.loops.get(name)
                if loop is None:
                    continue
                state = self.steps[name].state
                if state == StepState.EXPANDED and loop.open == 0:
                    self.record(LoopContracted(at=at, step=name, state=StepState.DONE))
                    self.prune([name], at=at)
                elif state != StepState.EXPANDED and loop.live == 0:
                    self.record(LoopContracted(at=at, step=name, state=state))

    def settle_cut(self, event: StepCut) -> None:
        if not self.in_flight(event.step, event.attempt):
            return
        self.interrupt(event.step, event.at, f"interrupted by {event.requester}: {event.reason}")
        self.go_on(event.at)

    def interrupt(self, step: str, at: float, error: str, again: StepState = StepState.TO_RETRY) -> None:
        """Record that nobody knows what an attempt did; only an idempotent step may run again unasked.

        Unless somebody wanted it cut, and said what is to become of it.
        """
        if self.notes.interruptions and interrupts.settle(self, step, at):
            return
        definition = self.definition(step)
        harmless = definition.idempotent or definition.foreach is not None  # finding the items of a loop does nothing
        state = again if harmless else StepState.CRASHED
        self.record(StepInterrupted(at=at, step=step, state=state, error=error))

    def change(self, changes: Iterable[Change], *, by: str, at: float) -> None:
        for change in changes:
            if change.step in self.steps:
                self.record(StepChanged(at=at, step=change.step, state=change.state, error=change.error, by=by))

    def prune(self, modified: list[str], *, at: float) -> None:
        """Prune what can no longer have its needs met, and what depends on that in turn (section 6.8).

        Steps in flight and steps that ended are left alone: the first will say themselves how they ended.
        """
        for name in modified:  # grows while it is walked
            progress = self.steps.get(name)
            if progress is None or not is_final(progress.state):
                continue
            state = progress.state
            for edge in self.graph.edges[name]:
                if edge.need.any or (state in edge.need.states and state != StepState.PRUNE):
                    continue
                dependent = self.steps[edge.dependent]
                if not dependent.live and not is_final(dependent.state):
                    self.record(StepChanged(at=at, step=edge.dependent, state=StepState.PRUNE, error="", by=name))
                    modified.append(edge.dependent)

    def go_on(self, at: float) -> None:
        """Start what became ready; when nothing runs and nothing could start, end the run."""
        if self.resolution is not _RUNNING:
            return
        if self.closing:
            self.contract(at)
        while self.fresh and not self.course.interrupted:
            batch, self.fresh = self.fresh, []
            for name in batch:
                if not self.start(name, at):
                    self.touched.append(name)
            if self.closing:
                self.contract(at)
        if self.live == 0 and self.wished.submitting == 0:
            self.end_run(at)

    def start(self, name: str, at: float) -> bool:
        """Start a step, if it is ready: once in a run, unless it asks for more. Say whether it was started."""
        if not self.is_ready(name):
            return False
        progress = self.steps[name]
        if progress.live or (progress.run == self.run and progress.state != _RETRY_NOW):
            return False
        definition = definition_of(name, self.plan, self.children)
        if (self.children or definition.foreach is not None) and not self.loop_allows(name, definition, progress):
            return False
        if progress.tries:
            limit = max_retries_of(definition)
            # What is in AFTERRUN_ERROR is not tried again: only its checks are asked.
            if 0 < limit < progress.tries and progress.state != StepState.AFTERRUN_ERROR:
                reached = f"max retries reached ({limit}): "
                self.give_up(
                    name, at, reached + progress.error.removeprefix(reached)
                )  # said once, however often it is run
                return False
        attempt = progress.attempt + 1
        record = StepStarted(at, name, attempt)
        self.records.append(record)
        self.started(record)
        self.effects.append(StartStep(name, attempt, definition))
        return True

    def loop_allows(self, name: str, definition: Step, progress: Progress) -> bool:
        """Say whether a loop may look for its items; a child start: only while its loop is expanded and has its needs met."""
        child = self.children.get(name)
        if child is not None:
            return self.steps[child.loop].state == StepState.EXPANDED and not self.pending[child.loop][0]
        if definition.foreach is None:
            return True
        # A loop's tries are not counted: retried at once, it would not end.
        return progress.run != self.run and progress.state in _UNROLLED and name not in self.loops

    @property
    def ready_to_end(self) -> bool:
        return self.resolution is _RUNNING and self.live == 0 and self.open == 0

    def end_run(self, at: float) -> None:
        if self.open == 0:
            if self.plan.template.result_format:
                self.effects.append(RenderResult())
            else:
                record = RunEnded(at, _DONE)
                self.records.append(record)
                self.ended(record)
            return
        state = self.verdict()
        if state is ResolutionState.WAITING and self.recheck(at):
            return
        next_retry = None
        if state in {ResolutionState.ERROR, ResolutionState.CRASHED}:
            if self.run >= self.header.run_max:
                state = ResolutionState.BLOCKED_MAXRETRIES
            else:
                at_once = self.course.interrupted or state is ResolutionState.CRASHED  # whoever is next goes on with it
                next_retry = at if at_once else at + self.retry_delay()
        if self.course.next_retry is not None and (state is ResolutionState.WAITING or next_retry is not None):
            next_retry = (
                self.course.next_retry if next_retry is None else min(self.course.next_retry, next_retry)
            )  # woken meanwhile
        self.record(RunEnded(at=at, state=state, next_retry=next_retry))
        if next_retry is not None:
            self.effects.append(ArmRetry(next_retry, self.run))

    def recheck(self, at: float) -> bool:
        """Try the steps once more that wait for nobody knows what; say whether there were any (section 6.3)."""
        if self.course.rechecked or self.course.interrupted:
            return False
        if not any(baffled(self, name) for name in self.ready):
            return False
        self.record(WaitingRechecked(at=at))
        self.go_on(at)
        return True

    def verdict(self) -> ResolutionState:
        """Give the first that applies of section 6.10; any state that is not final keeps the task from DONE (Q3)."""
        present = self.tally.keys()
        if StepState.CRASHED in present:
            return ResolutionState.BLOCKED_TOCHECK  # before all others: only a person may have it run again
        if self.course.interrupted and self.open > sum(self.tally.values()):  # some are TODO
            return ResolutionState.CRASHED
        if StepState.FATAL_ERROR in present:
            return ResolutionState.BLOCKED_FATAL
        if StepState.CLIENT_ERROR in present:
            return ResolutionState.BLOCKED_BADREQUEST
        if present & (RETRIABLE | {StepState.RETRY_NOW}):
            return ResolutionState.ERROR
        if StepState.WAITING in present:
            return ResolutionState.WAITING
        return ResolutionState.BLOCKED_DEADLOCK

    def retry_delay(self) -> float:
        return next_delay(
            (self.definition(name).retry_pattern, self.steps[name].tries)
            for name in self.ready
            if self.steps[name].state in RETRIABLE
        )
