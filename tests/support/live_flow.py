"""Drives a flow through the whole runtime with the face of `plain_flow.FlowLoop`, so that the same tests hold for both.

A test runs in a thread, and everything it calls is a question to the trio loop, where a runtime lives on a clock that
only the test moves. What the work of a step does is the same script.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Self, get_args

import attrs
import trio
import trio.testing

from actors import VirtualClock
from runtime import open_runtime
from runtime.api.client import Runtime
from runtime.api.codec import to_json
from runtime.api.flow_messages import (
    AnswerApproval,
    CancelFlow,
    FlowCommand,
    InterruptFlowStep,
    PauseFlow,
    RerunFlow,
    RetryGroup,
    RetryStep,
    SetApprovalOption,
    SkipStep,
    StartFlow,
    SubmitFlow,
    UnpauseFlow,
)
from runtime.errors import Refused
from runtime.flow.events import (
    ApprovalOptionChanged,
    CancelGroupRequested,
    CancelRequested,
    CancelStepRequested,
    Event,
    InterruptStepRequested,
    PauseRequested,
    RerunRequested,
    ResponseGiven,
    RetryGroupRequested,
    RetryStepRequested,
    SkipStepRequested,
    StartRequested,
    UnpauseRequested,
)
from runtime.flow.flow import Flow
from runtime.flow.history import replay
from runtime.flow.records import FlowCreated, SegmentCut
from runtime.flow.records import Record as FlowRecord
from runtime.flow.rows import GroupSpec, Step, StepSpec, Violation
from runtime.flow.states import Mode, Stage
from runtime.flows import Flows, Generator
from runtime.journal.codec import decode_turn, encode_turn
from runtime.journal.memory import MemoryJournal
from runtime.journal.protocol import Entry, Journal, Record
from runtime.policies.protocol import PlanView, PolicyBroken
from runtime.runner import Outcome, Runner, StepFailed, StepRequest
from runtime.templates.model import Template
from tests.support.plain_flow import (
    DAY,
    START,
    Evaluation,
    FlowFace,
    Script,
    Work,
    check_derived,
    check_transitions,
    well,
)

FLOW = "f"


class Kept(MemoryJournal):
    """Outlives its runtime, as a file does, and keeps what a file would keep of each record."""

    async def append(self, entries: Sequence[Entry]) -> int:
        return await super().append([attrs.evolve(one, records=through_bytes(one.records)) for one in entries])

    async def close(self) -> None:
        await trio.lowlevel.checkpoint()


def through_bytes(records: Sequence[Record]) -> Sequence[Record]:
    """Give the records of a flow as they will be read; those of tasks are left alone."""
    if not isinstance(records[0], get_args(FlowRecord)):
        return records
    return decode_turn(encode_turn(records), _no_template)


def _no_template(_digest: bytes) -> Template:
    raise AssertionError("a flow has no template")


@attrs.frozen
class ScriptedPolicy:
    """One of the policies that a test's `Evaluation` speaks of."""

    id: str
    loop: "LiveLoop"

    def applies(self, _view: PlanView) -> bool:
        return self.id in self.loop.evaluation.evaluated or (self.id == "x" and bool(self.loop.evaluation.error))

    async def evaluate(self, _view: PlanView) -> Sequence[Violation]:
        await trio.lowlevel.checkpoint()
        if self.loop.evaluation.error:
            raise PolicyBroken(self.loop.evaluation.error)
        return [one for one in self.loop.evaluation.violations if one.policy_id == self.id]


@attrs.frozen
class Nothing:
    pass


class ScriptedWork(Runner[Nothing]):
    """The work of every step: what the test's script says."""

    name = "work"
    config = Nothing

    def __init__(self, loop: "LiveLoop") -> None:
        super().__init__()
        self.loop = loop

    async def run(self, request: StepRequest[Nothing]) -> Outcome:
        loop = self.loop
        flow = await loop.runtime.read_flow(FLOW)
        row = flow.steps[request.step]
        loop.executed.append(row.name)
        began = trio.current_time()
        work = loop.script(row)
        if work.blocked:
            work = await loop.hold(row)
        loop.intervals.append((row.name, began, trio.current_time()))
        if work.error:
            raise StepFailed(work.error)
        metadata = {"directive": work.directive, "status": work.status}
        target = {"target": dict(zip(("type", "id"), work.target, strict=True))} if work.target[1] else {}
        return Outcome(output=work.output, metadata={**metadata, **target})


class ScriptedGenerator(Runner[Nothing]):
    """A signal that gives steps."""

    name = "gen"
    config = Nothing

    def __init__(self, loop: "LiveLoop") -> None:
        super().__init__()
        self.loop = loop

    async def run(self, _request: StepRequest[Nothing]) -> Outcome:
        await trio.lowlevel.checkpoint()
        return Outcome(output={"steps": [to_json(one) for one in self.loop.signals["gen"](None)]})


class LiveLoop(FlowFace):
    """See the module's docstring. `Live` makes it."""

    def __init__(
        self, live: "Live", given: Sequence[StepSpec | GroupSpec], mode: Mode, script: Script, header: dict[str, Any]
    ) -> None:
        self.live = live
        self.script = script
        self.evaluation = Evaluation()
        self.hook_errors: dict[str, str] = {}
        self.dependents: tuple[str, ...] = ()
        self.generators = {"install": lambda _flow: given}
        self.signals: dict[str, Callable[[Any], Any]] = {}
        self.generated = 0
        self.executed: list[str] = []
        self.intervals: list[tuple[str, float, float]] = []
        self.running: dict[str, Any] = {}
        self.stopped: list[str] = []
        self.hooks: list[tuple[str, str]] = []
        self.refusal: Refused | None = None
        self.created = FlowCreated(
            **{"at": START, "by": "ada", "flow_id": FLOW, "type": "install", "mode": mode, **header}
        )
        self.journal: Journal | None = None
        self._runtime: Runtime | None = None
        self._closing, self._closed = trio.Event(), trio.Event()
        self._submitted = False

    @property
    def runtime(self) -> Runtime:
        assert self._runtime is not None
        return self._runtime

    # --- in the thread of the test ------------------------------------------------

    def _run(self, function: Callable[..., Any], *args: Any) -> Any:
        return trio.from_thread.run(partial(function, *args))

    def _ready(self) -> None:
        if self._runtime is None:
            self._run(self.live.open, self)
        if not self._submitted:
            self._submitted = True
            self._run(self.runtime._asking.ask, SubmitFlow(flow=self.created, start=False))

    def tell(self, *events: Event) -> None:
        self._ready()
        for event in events:
            message = message_of(event)
            if message is not None:
                self.refusal = self._run(self._ask, message)
        self._check()

    def settle(self) -> Self:
        self._ready()
        self._run(self._quiet)
        self._check()
        return self

    def finish(self, step_id: str, work: Work | None = None) -> None:
        trio.from_thread.run_sync(self.running.pop(step_id)[1].send_nowait, work or Work())
        self._run(self._left, step_id)
        self.settle()

    def crash(self) -> Self:
        self._run(self.live.close, self)
        self.running.clear()
        self._run(self.live.open, self)
        return self.settle()

    def pass_days(self, days: float) -> Self:
        self._run(self._pass, days * DAY)
        return self.settle()

    @property
    def flow(self) -> Flow:
        self._ready()
        flow = self._run(self.runtime.read_flow, FLOW)
        assert isinstance(flow, Flow)
        return flow

    @property
    def records(self) -> list[FlowRecord]:
        self._ready()
        assert self.journal is not None
        return list(self._run(self.journal.read, FLOW))

    @property
    def cuts(self) -> list[int]:
        return [one.position for one in self.records if isinstance(one, SegmentCut)]

    @property
    def timer(self) -> float | None:
        return self.flow.next_due

    @property
    def now(self) -> float:
        return START + trio.from_thread.run_sync(trio.current_time)

    @now.setter
    def now(self, value: float) -> None:
        self._run(self._pass, value - self.now)

    def _check(self) -> None:
        records = self.records
        begun, rebuilt = replay(records[:1]), replay(records)
        assert begun is not None
        assert rebuilt is not None
        check_transitions(begun, records)
        check_derived(rebuilt)

    # --- in the trio loop ----------------------------------------------------------

    async def _ask(self, message: FlowCommand) -> Refused | None:
        try:
            await self.runtime.tell_flow(message)
        except Refused as refusal:
            return refusal
        return None

    async def _quiet(self) -> None:
        while True:
            flow = await self.runtime.read_flow(FLOW)
            waiting = {one for one in flow.live if flow.steps[one].stage is Stage.WORK and one in self.running}
            if flow.at_rest or flow.started_at is None or (waiting and waiting == set(flow.live)):
                return

    async def _left(self, step_id: str) -> None:
        while step_id in (await self.runtime.read_flow(FLOW)).live:
            await trio.lowlevel.checkpoint()

    async def _pass(self, seconds: float) -> None:
        if seconds > 0:
            self.live.clock.jump(seconds)
        await trio.testing.wait_all_tasks_blocked()

    async def hold(self, row: Step) -> Work:
        """Have the work of a step go on until the test lets it end."""
        release, held = trio.open_memory_channel[Work](1)
        self.running[row.id] = (row, release)
        try:
            return await held.receive()
        except trio.Cancelled:
            self.running.pop(row.id, None)
            self.stopped.append(row.name)
            raise

    def kit(self) -> Flows:
        def generate(flow: FlowCreated) -> Any:
            self.generated += 1
            return self.generators["install"](flow)

        def hook(call: Any) -> None:
            self.hooks.append((call.step_id, str(call.hook)))
            error = self.hook_errors.get(str(call.hook))
            if error:
                raise RuntimeError(error)

        def dependents(_call: Any, names: Any) -> list[str]:
            return [step_id for step_id, name in names.items() if name in self.dependents]

        return Flows(
            generators=[Generator("install", generate)],
            policies=[ScriptedPolicy(name, self) for name in ("no-deletes", "small", "fine", "x")],
            hooks={"work": hook},
            dependents=dependents,
        )


def message_of(event: Event) -> FlowCommand | None:
    """Give the message that a user sends for an event; None for what no user can send."""
    match event:
        case StartRequested():
            return StartFlow(flow_id=FLOW)
        case CancelRequested():
            return CancelFlow(flow_id=FLOW, by=event.by, reason=event.reason)
        case CancelStepRequested():
            return CancelFlow(flow_id=FLOW, by=event.by, reason=event.reason, step_id=event.step)
        case InterruptStepRequested():
            return InterruptFlowStep(
                flow_id=FLOW, by=event.by, reason=event.reason, step_id=event.step, attempt=event.attempt
            )
        case CancelGroupRequested():
            return CancelFlow(flow_id=FLOW, by=event.by, reason=event.reason, group_id=event.group)
        case ResponseGiven():
            return AnswerApproval(
                flow_id=FLOW, by=event.by, step_id=event.step, type=event.type, note=event.note, admin=event.admin
            )
        case ApprovalOptionChanged():
            return SetApprovalOption(flow_id=FLOW, by=event.by, option=event.option)
        case RetryStepRequested():
            return RetryStep(flow_id=FLOW, by=event.by, step_id=event.step, stale_plan=event.stale_plan)
        case SkipStepRequested():
            return SkipStep(flow_id=FLOW, by=event.by, step_id=event.step)
        case RetryGroupRequested():
            return RetryGroup(flow_id=FLOW, by=event.by, step_id=event.step)
        case RerunRequested():
            return RerunFlow(flow_id=FLOW, by=event.by, input=event.input)
        case PauseRequested():
            return PauseFlow(flow_id=FLOW, by=event.by)
        case UnpauseRequested():
            return UnpauseFlow(flow_id=FLOW, by=event.by)
        case _:
            return None


class Live:
    """Makes live loops, each with a runtime of its own, in one trio run whose clock stands still by itself."""

    def __init__(
        self,
        nursery: trio.Nursery,
        clock: trio.testing.MockClock,
        journal: Callable[[int], Journal | Awaitable[Journal]],
    ) -> None:
        self.nursery = nursery
        self.clock = clock
        self.journal = journal
        self.loops: list[LiveLoop] = []

    def __call__(self, *given: StepSpec | GroupSpec, mode: Mode, script: Script = well, **header: Any) -> LiveLoop:
        """Stand in for `FlowLoop`."""
        loop = LiveLoop(self, given, mode, script, header)
        self.loops.append(loop)
        return loop

    async def open(self, loop: LiveLoop) -> None:
        loop._closing, loop._closed = trio.Event(), trio.Event()
        if loop.journal is None:
            made = self.journal(self.loops.index(loop))
            loop.journal = await made if isinstance(made, Awaitable) else made
        loop._runtime = await self.nursery.start(self._live, loop)

    async def close(self, loop: LiveLoop) -> None:
        """End the runtime at once, as a crash does: nothing is recorded any more."""
        loop._closing.set()
        await loop._closed.wait()
        loop._runtime = None
        if not isinstance(loop.journal, Kept):
            loop.journal = None

    async def _live(self, loop: LiveLoop, task_status: trio.TaskStatus[Runtime]) -> None:
        runners = [ScriptedWork(loop), ScriptedGenerator(loop)]
        with trio.CancelScope() as scope:
            async with open_runtime(
                journal=loop.journal, clock=VirtualClock(START), runners=runners, flows=loop.kit()
            ) as runtime:
                task_status.started(runtime)
                await loop._closing.wait()
                scope.cancel()
                await trio.lowlevel.checkpoint()
        loop._closed.set()

    async def end(self) -> None:
        for loop in self.loops:
            loop._closing.set()
