"""Drives the flow engine with a plain loop: no trio, no actors, no clock. What the work of a step does is a script.

`FlowLoop` keeps every record it was given, and after every decision holds the laws of the engine against it: replaying
the records gives the flow, no step leaves a status by a way that is not in the table, no row is executed twice.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, Self

import attrs

from runtime.errors import Refused
from runtime.flow.decision import Decision, decide
from runtime.flow.effects import (
    ArmTimer,
    CallHook,
    CheckPlan,
    ContinueAsNew,
    DismissChildren,
    Effect,
    EvaluatePolicies,
    FindDependents,
    Generate,
    MoveTurn,
    StartStep,
    StopSteps,
    TellParent,
)
from runtime.flow.events import (
    ApprovalDue,
    ApprovalOptionChanged,
    CancelRequested,
    ChildrenDismissed,
    DependentsFound,
    Event,
    GenerationFailed,
    GroupsGenerated,
    HookReturned,
    ParentTold,
    PlanChecked,
    PoliciesEvaluated,
    RerunRequested,
    ResponseGiven,
    Resumed,
    RetryStepRequested,
    SegmentEntered,
    SkipStepRequested,
    StartRequested,
    StepCut,
    StepsGenerated,
    TurnGiven,
    WorkFinished,
)
from runtime.flow.flow import Flow
from runtime.flow.generation import GenerationError, choose_generator, flatten
from runtime.flow.history import begin, replay
from runtime.flow.noop import PLAN_READERS, PlanUnreadable, reader_of
from runtime.flow.records import FlowCreated, FlowStatusSet, GroupStatusSet, Record, RowsAdded, StepBegan, StepStatusSet
from runtime.flow.rerun_input import RerunInput
from runtime.flow.rows import GroupSpec, Signal, Step, StepSpec, Violation
from runtime.flow.states import DEAD, OK, ApprovalOption, ExecutionType, FlowTurn, Mode, Stage, StepStatus
from runtime.values.json import Json
from tests.support.flow_table import ALLOWED, FLOW_ALLOWED, GROUP_ALLOWED

START = 1_700_000_000.0
DAY = 86_400.0

CHANGES: Json = {"changes": [{"actions": ["update"]}]}
NO_CHANGES: Json = {"changes": [{"actions": ["no-op"]}]}
WORK = Signal(type="work")


_GENERATED = (GroupsGenerated, StepsGenerated, GenerationFailed)
"""What a generator may come to."""


def step(name: str, group: int = 0, **fields: Any) -> StepSpec:
    """A step that does something."""
    return StepSpec(name=name, group_idx=group, **{"signal": WORK, **fields})


def plan(name: str, group: int = 0, **fields: Any) -> StepSpec:
    """A step that makes a plan and asks."""
    return step(name, group, **{"execution_type": ExecutionType.APPROVAL, **fields})


def group(*steps: StepSpec, **fields: Any) -> GroupSpec:
    return GroupSpec(steps=steps, **fields)


@attrs.frozen(kw_only=True)
class Work:
    """What the work of a step comes to. `blocked`: it goes on until it is let go or cut."""

    error: str | None = None
    output: Json = None
    directive: str = ""
    status: str = ""
    target: tuple[str, str] = ("", "")
    blocked: bool = False


Script = Callable[[Step], Work]


def well(one: Step) -> Work:
    """Everything goes well; plans have changes."""
    return Work(output=CHANGES if one.spec.execution_type is ExecutionType.APPROVAL else None)


def scripted(**works: Work | Sequence[Work]) -> Script:
    """Give the steps of these names (that of their first row counts) their works in turn; the others go well."""
    counts: dict[str, int] = {}

    def script(one: Step) -> Work:
        name = one.name.partition(" (retry")[0]
        given = works.get(name)
        if given is None:
            return well(one)
        own = [given] if isinstance(given, Work) else list(given)
        counts[name] = counts.get(name, 0) + 1
        return own[min(counts[name], len(own)) - 1]

    return script


@attrs.frozen(kw_only=True)
class Evaluation:
    """What the policies find."""

    evaluated: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()
    error: str | None = None


class FlowFace(ABC):
    """What tests say to a flow and see of it, whatever drives it."""

    now: float
    refusal: Refused | None

    @property
    @abstractmethod
    def flow(self) -> Flow:
        """The flow as it is now."""

    @abstractmethod
    def tell(self, *events: Event) -> Any:
        """Have things happen."""

    @abstractmethod
    def settle(self) -> Self:
        """Let everything end that is not blocked."""

    def run(self) -> Self:
        self.tell(StartRequested(at=self.now))
        return self.settle()

    def id_of(self, name: str) -> str:
        """The id of the newest row of this name."""
        return max((one for one in self.flow.steps.values() if one.name == name), key=lambda one: one.seq).id

    def row(self, name: str) -> Step:
        return self.flow.steps[self.id_of(name)]

    def answer(self, name: str, kind: str, *, by: str = "grace", note: str = "", admin: bool = False) -> Self:
        self.now += 1
        self.tell(ResponseGiven(at=self.now, by=by, step=self.id_of(name), type=kind, note=note, admin=admin))
        return self.settle()

    def ask(self, event: Event) -> Self:
        """Tell one thing and let what follows end; the refusal of that one thing is kept."""
        self.now += 1
        self.tell(event)
        refusal = self.refusal
        self.settle()
        self.refusal = refusal
        return self

    def retry(self, name: str, **fields: Any) -> Self:
        return self.ask(RetryStepRequested(at=self.now, by="grace", step=self.id_of(name), **fields))

    def skip(self, name: str) -> Self:
        return self.ask(SkipStepRequested(at=self.now, by="grace", step=self.id_of(name)))

    def rerun(self, name: str, operation: str, **fields: Any) -> Self:
        given = RerunInput(flow_id="f", step_id=self.id_of(name), operation=operation, **fields)
        return self.ask(RerunRequested(at=self.now, by="grace", input=given))

    def cancel(self, reason: str = "enough") -> Self:
        return self.ask(CancelRequested(at=self.now, by="grace", reason=reason))

    def option(self, option: ApprovalOption) -> Self:
        return self.ask(ApprovalOptionChanged(at=self.now, by="grace", option=option))

    def statuses(self) -> dict[str, str]:
        """The status of every step, in order; of several of one name the last."""
        return {one.name: one.status.status for one in self.flow.ordered()}

    def groups(self) -> dict[str, str]:
        return {one.id: one.status.status for one in self.flow.groups.values()}

    @property
    def runs(self) -> list[tuple[str, str]]:
        return [(str(one.type), str(one.status)) for one in self.flow.runs]


class FlowLoop(FlowFace):
    """One flow and what it wants done."""

    def __init__(self, *given: StepSpec | GroupSpec, mode: Mode, script: Script = well, **header: Any) -> None:
        self.script = script
        self.now = START
        self.evaluation = Evaluation()
        self.hook_errors: dict[str, str] = {}
        self.dependents: tuple[str, ...] = ()
        self.generators: Mapping[str, Callable[[Flow], Any]] | None = {"install": lambda _flow: given}
        self.signals: Mapping[str, Callable[[Flow], Any]] = {}
        self.generated = 0
        self.breaks: GenerationFailed | None = None
        self.executed: list[str] = []
        self.intervals: list[tuple[str, float, float]] = []
        self.running: dict[str, tuple[StartStep, float]] = {}
        self.stopped: list[str] = []
        self.dismissed: list[str] = []
        self.hooks: list[tuple[str, str]] = []
        self.timer: float | None = None
        self.cuts: list[int] = []
        self.enter_by_itself = True
        self.turn_is_free = True
        self.turns_moved = 0
        self.parent_hears = True
        self.told = 0
        self.pending: list[Event] = []
        created = FlowCreated(
            **{"at": self.now, "by": "ada", "flow_id": "f", "type": "install", "mode": mode, **header}
        )
        self._flow = begin(created)
        self.records: list[Record] = [created]
        self.refusal: Refused | None = None

    @property
    def flow(self) -> Flow:
        return self._flow

    def tell(self, *events: Event) -> Decision:
        before = self._flow
        decision = decide(before, *events)
        self.records.extend(decision.records)
        self._flow = decision.flow
        self.refusal = decision.refusals[-1] if decision.refusals else None
        assert replay(self.records) == self.flow, "replaying the records gives the flow"
        check_transitions(before, decision.records)
        check_derived(self.flow)
        check_approved(self.flow, decision.records)
        for effect in decision.effects:
            self._perform(effect)
        return decision

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Generate():
                self.pending.extend(self._generate(effect))
            case StartStep():
                self._start(effect)
            case DismissChildren():
                self.dismissed.append(effect.step)
                self.pending.append(ChildrenDismissed(at=self.now, step=effect.step, attempt=effect.attempt))
            case CheckPlan():
                self.pending.append(self._check(effect))
            case EvaluatePolicies():
                found = attrs.asdict(self.evaluation, recurse=False)
                self.pending.append(PoliciesEvaluated(at=self.now, step=effect.step, attempt=effect.attempt, **found))
            case CallHook():
                self.hooks.append((effect.step, str(effect.hook)))
                error = self.hook_errors.get(str(effect.hook))
                self.pending.append(
                    HookReturned(at=self.now, step=effect.step, attempt=effect.attempt, hook=effect.hook, error=error)
                )
            case FindDependents():
                names = {self.flow.steps[one].name: one for one in self.flow.steps}
                found_ids = tuple(names[name] for name in self.dependents)
                self.pending.append(
                    DependentsFound(at=self.now, step=effect.step, attempt=effect.attempt, steps=found_ids)
                )
            case StopSteps():
                for step_id in effect.steps:
                    started, _ = self.running.pop(step_id, (None, 0))
                    if started is not None:
                        self.stopped.append(self.flow.steps[step_id].name)
                    attempt = self.flow.steps[step_id].attempt
                    self.pending.append(
                        StepCut(at=self.now, step=step_id, attempt=attempt, by=effect.by, reason=effect.reason)
                    )
                if not effect.steps:
                    self.pending.append(GenerationFailed(at=self.now, error="cut"))
            case ArmTimer():
                self.timer = min(effect.due, self.flow.next_due or effect.due)
            case TellParent():
                self.told += 1
                heard = self.parent_hears
                self.pending.append(ParentTold(at=self.now, ended_at=self.flow.finished_at, heard=heard))
            case MoveTurn():
                self.turns_moved += 1
                if self.flow.turn is FlowTurn.WAITS and self.turn_is_free:
                    self.pending.append(TurnGiven(at=self.now))
            case ContinueAsNew():
                self.cuts.append(effect.start_from_step_idx)
                if self.enter_by_itself:
                    self.pending.append(SegmentEntered(at=self.now, position=effect.start_from_step_idx))

    def _generate(self, effect: Generate) -> Iterator[Event]:
        """Give what comes of a generator: what it yields of eager groups, then everything."""
        self.generated += 1
        try:
            chosen = choose_generator(self.flow.header.type, effect.signal, self.generators)
            generator = self.signals[chosen.type] if isinstance(chosen, Signal) else chosen
            given = generator(self.flow)
            leading = takewhile(lambda one: isinstance(one, GroupSpec) and one.eager, given or ())
            for number, _ in enumerate(leading, start=1):
                steps, groups = flatten(given[:number], plan_only=self.flow.header.plan_only)
                yield GroupsGenerated(at=self.now, steps=steps, groups=groups)
            steps, groups = flatten(given, plan_only=self.flow.header.plan_only)
        except GenerationError as error:
            yield GenerationFailed(at=self.now, error=str(error))
            return
        yield self.breaks or StepsGenerated(at=self.now, steps=steps, groups=groups)

    def report(self, number: int) -> Decision:
        """Have one of the answers that are due come in; those of a generator come in order."""
        if isinstance(self.pending[number], _GENERATED):
            number = next(n for n, one in enumerate(self.pending) if isinstance(one, _GENERATED))
        return self.tell(self.pending.pop(number))

    def _start(self, effect: StartStep) -> None:
        one = self.flow.steps[effect.step]
        self.executed.append(one.name)
        self.running[effect.step] = (effect, self.now)

    def _check(self, effect: CheckPlan) -> Event:
        one = self.flow.steps[effect.step]
        try:
            no_op = reader_of(one.spec.plan_kind, one.output, PLAN_READERS)(one.output)
        except PlanUnreadable as error:
            return PlanChecked(at=self.now, step=effect.step, attempt=effect.attempt, error=str(error))
        return PlanChecked(at=self.now, step=effect.step, attempt=effect.attempt, no_op=no_op)

    def finish(self, step_id: str, work: Work | None = None) -> Decision:
        """Let the work of a step end."""
        started, since = self.running.pop(step_id)
        one = self.flow.steps[step_id]
        self.intervals.append((one.name, since, self.now))
        work = work or self.script(one)
        return self.tell(
            WorkFinished(
                at=self.now,
                step=step_id,
                attempt=started.attempt,
                error=work.error,
                description="Step failed" if work.error else "",
                output=work.output,
                directive=work.directive,
                status=work.status,
                target_type=work.target[0],
                target_id=work.target[1],
            )
        )

    def settle(self) -> Self:
        """Let everything end that is not blocked."""
        blocked: dict[str, Work] = {}
        while True:
            if self.pending:
                self.tell(self.pending.pop(0))
                continue
            free = [one for one in self.running if one not in blocked]
            if not free:
                return self
            self.now += 1
            work = self.script(self.flow.steps[free[0]])
            if work.blocked:
                blocked[free[0]] = work
            else:
                self.finish(free[0], work)

    def pass_days(self, days: float) -> Self:
        """Let time pass, and the timers that are due with it."""
        self.now += days * DAY
        if self.timer is not None and self.timer <= self.now:
            self.timer = None
            self.tell(ApprovalDue(at=self.now))
        return self.settle()

    def crash(self) -> Self:
        """Lose everything but the records, and go on from there."""
        rebuilt = replay(self.records)
        assert rebuilt is not None
        self._flow = rebuilt
        self.running.clear()
        self.timer = None
        self.pending.clear()
        self.tell(Resumed(at=self.now, reason="crash"))
        return self


def check_transitions(before: Flow, records: Sequence[Record]) -> None:
    """Nothing leaves a status by a way that is not in section 18, and no row is executed twice."""
    at = before.status.status
    groups = {one.id: one.status.status for one in before.groups.values()}
    statuses = {one.id: one.status.status for one in before.steps.values()}
    attempts = {one.id: one.attempt for one in before.steps.values()}
    idempotent = {one.id: one.spec.idempotent for one in before.steps.values()}
    for record in records:
        if isinstance(record, RowsAdded):
            idempotent.update((one.id, one.spec.idempotent) for one in record.steps)
        elif isinstance(record, StepStatusSet):
            was = statuses.get(record.step, StepStatus.PENDING)
            assert record.status == was or (was, record.status) in ALLOWED, f"{record.step}: {was} -> {record.status}"
            statuses[record.step] = record.status
        elif isinstance(record, FlowStatusSet):
            assert record.status == at or (at, record.status) in FLOW_ALLOWED, f"flow: {at} -> {record.status}"
            at = record.status
        elif isinstance(record, GroupStatusSet):
            was = groups.get(record.group, "pending")
            assert record.status == was or (was, record.status) in GROUP_ALLOWED, f"{was} -> {record.status}"
            groups[record.group] = record.status
        elif isinstance(record, StepBegan) and record.works:
            assert record.attempt == attempts.get(record.step, 0) + 1
            assert record.attempt == 1 or idempotent[record.step], f"{record.step} is executed twice"
            attempts[record.step] = record.attempt


def check_approved(flow: Flow, records: Sequence[Record]) -> None:
    """Nothing is applied whose plan, the nearest before it in its unit, was not approved."""
    began = [flow.steps[one.step] for one in records if isinstance(one, StepBegan) and one.works]
    for applies in [one for one in began if one.spec.execution_type is ExecutionType.SYSTEM]:
        for one in reversed([one for one in flow.unit_of(applies) if one.key < applies.key]):
            if one.spec.execution_type is ExecutionType.APPROVAL:
                assert one.status.status == StepStatus.APPROVED, f"{applies.id} applies {one.id}, {one.status.status}"
                break
            if one.spec.execution_type is ExecutionType.SYSTEM and one.lane != applies.lane:
                break


def check_derived(flow: Flow) -> None:
    """What is derived from the rows is what the rows say."""
    rows = list(flow.steps.values())
    assert {one.id for one in rows if one.status.status == "approval-awaiting"} == set(flow.parked)
    assert flow.complete == all(
        one.status.status
        in {
            "success",
            "approved",
            "auto-skipped",
            "user-skipped",
            "discarded",
            "cancelled",
            "approval-denied",
            "approval-retry",
        }
        or (
            one.status.status == "error"
            and (one.status.metadata.get("auto_retried") or one.status.metadata.get("skipped_on_failure"))
        )
        for one in rows
    )
    assert {one.id for one in rows if one.stage is Stage.DELAY and one.status.status == "pending"} == set(flow.delayed)
    assert [one.key for one in flow.ordered()] == sorted(one.key for one in rows)
    for one in rows:
        if one.status.status in OK | DEAD and one.id not in flow.live:
            assert one.stage in {Stage.IDLE, Stage.DELAY}, (
                f"{one.id} is {one.status.status}, and waits for something: {one.stage}"
            )
            assert (one.started_at is None) == (one.finished_at is None), f"what {one.id} began has ended"
    live = [one for one in flow.groups.values() if one.status.status != "discarded"]
    assert len({one.group_idx for one in live}) == len(live), "one group of a number is live"
