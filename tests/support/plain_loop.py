"""Drives the task engine with a plain loop: no trio, no actors, no clock. What a step does is a script.

`Loop` keeps every record it was given, so that a test can replay them; the order in which running steps finish is the
test's to choose.
"""

from collections.abc import Callable, Mapping, Sequence

import attrs

from runtime.engine.decision import decide, drafted
from runtime.engine.draft import Draft, begin, replay
from runtime.engine.effects import (
    ArmRetry,
    DismissChild,
    Effect,
    RenderResult,
    StartStep,
    StopStep,
    StopSteps,
    SubmitChildren,
    TellParent,
)
from runtime.engine.events import (
    CancelRequested,
    Change,
    CheckedWish,
    Event,
    LoopUnrolled,
    ResultRendered,
    RetryDue,
    RunRequested,
    StepCut,
    StepFinished,
)
from runtime.engine.records import Record, StepReturned, TaskResolved, TaskSubmitted
from runtime.engine.states import StepState
from runtime.engine.task import DEFAULT_RUN_MAX, Task, first_attempt
from runtime.engine.turn import Decision
from runtime.templates.model import Template
from runtime.values.json import Json

START = 1_700_000_000.0


@attrs.frozen
class Outcome:
    """What one attempt comes to."""

    state: str = StepState.DONE
    error: str = ""
    output: Json = None
    changes: tuple[Change, ...] = ()
    tried: bool = True
    items: tuple[Json, ...] = ("x", "y")
    """What a loop finds to loop over."""
    wishes: tuple[CheckedWish, ...] = ()


Script = Callable[[str, int], Outcome]
"""What attempt `n` of a step does."""


def always_done(_step: str, _attempt: int) -> Outcome:
    return Outcome()


def scripted(outcomes: Mapping[str, Sequence[Outcome]]) -> Script:
    """Give each step its outcomes in turn, the last one for ever; steps without any are done."""

    def script(step: str, attempt: int) -> Outcome:
        own = outcomes.get(step)
        return own[min(attempt, len(own)) - 1] if own else Outcome()

    return script


class Loop:
    """One task and what it wants done."""

    def __init__(
        self,
        template: Template,
        script: Script = always_done,
        *,
        run_max: int = DEFAULT_RUN_MAX,
        task_id: str = "t",
    ) -> None:
        self.script = script
        self.now = START
        self.started: list[str] = []
        self.running: list[StartStep] = []
        self.stopped: list[StopStep] = []
        self.retry: ArmRetry | None = None
        self.rendering = False
        self.submitting: list[SubmitChildren] = []
        self.telling = 0
        self.dismissed: list[str] = []
        submitted = TaskSubmitted(at=self.now, task_id=task_id, template=template, title="", inputs={})
        resolved = TaskResolved(at=self.now, resolution_id="r", run_max=run_max)
        draft = Draft(begin(submitted))
        draft.apply(resolved)
        self.task: Task = draft.freeze()
        self.records: list[Record] = [submitted, resolved]

    def tell(self, *events: Event) -> Decision:
        decision = decide(self.task, *events)
        if len(events) == 1 and isinstance(events[0], StepFinished):  # which may have been handed over without a draft
            assert decision == drafted(self.task, events)
        self.records.extend(decision.records)
        self.task = decision.task
        for effect in decision.effects:
            self._perform(effect)
        return decision

    def _perform(self, effect: Effect) -> None:
        match effect:
            case StartStep():
                self.started.append(effect.step)
                self.running.append(effect)
            case StopSteps():
                running, self.running = self.running, []
                for one in running:
                    self.tell(self.cut(one, effect.requester, effect.reason))
            case StopStep():
                self.stopped.append(effect)
            case ArmRetry():
                self.retry = effect
            case RenderResult():
                self.rendering = True
            case SubmitChildren():
                assert effect.orders
                assert effect.batch not in {one.batch for one in self.submitting}, "one hand-over of a batch at a time"
                self.submitting.append(effect)
            case TellParent():
                self.telling += 1
            case DismissChild():
                self.dismissed.append(effect.child)

    def cut(self, started: StartStep, requester: str = "test", reason: str = "cut") -> StepCut:
        return StepCut(at=self.now, step=started.step, attempt=started.attempt, requester=requester, reason=reason)

    def report(self, started: StartStep) -> StepFinished | LoopUnrolled:
        outcome = self.script(started.step, started.attempt - first_attempt(started.attempt >> 20))
        unrolls = started.definition.foreach is not None
        if unrolls and outcome.state == StepState.DONE:
            return LoopUnrolled(at=self.now, step=started.step, attempt=started.attempt, items=outcome.items)
        record = StepReturned(
            at=self.now,
            step=started.step,
            state=outcome.state,
            returned=outcome.state,
            error=outcome.error,
            output=outcome.output,
            tried=outcome.tried and not unrolls,
        )
        return StepFinished(record, started.attempt, changes=outcome.changes, wishes=outcome.wishes)

    def finish(self, index: int = 0) -> Decision:
        """Let the running step at `index` (in order of start) finish."""
        return self.tell(self.report(self.running.pop(index)))

    def run(self, pick: Callable[[int], int] = lambda _count: 0) -> Task:
        """Ask for a run and let everything finish; `pick` chooses which of n running steps is next."""
        self.tell(RunRequested(at=self.now))
        return self.settle(pick)

    def settle(self, pick: Callable[[int], int] = lambda _count: 0) -> Task:
        while self.running:
            self.now += 1
            self.finish(pick(len(self.running)))
        if self.rendering:
            self.rendering = False
            self.tell(ResultRendered(at=self.now, result={"rendered": True}))
        return self.task

    def retry_now(self) -> Task:
        """Let the armed retry come due."""
        assert self.retry is not None
        self.now = max(self.now, self.retry.due)
        self.tell(RetryDue(at=self.now, run=self.retry.run))
        return self.settle()

    def cancel(self, reason: str = "enough") -> Decision:
        return self.tell(CancelRequested(at=self.now, requester="somebody", reason=reason))

    def states(self) -> dict[str, str]:
        """The state of every step, children of expanded loops included."""
        return {name: str(progress.state) for name, progress in sorted(self.task.steps.items())}

    def replayed(self) -> Task | None:
        return replay(self.records)
