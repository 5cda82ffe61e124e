"""The actor of one flow: its messages as events, its effects as children. The rest is `runtime.work.unit`'s."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, TypeAlias, assert_never, cast, get_args

import trio

from actors import Cut, Exit, Failed, Returned, StopKind, StopReason
from runtime.api.messages import CallCallback, GetTask, Operation, ResolveTask, RunTask
from runtime.errors import NotFound
from runtime.flow.decision import decide
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
    ChildrenDismissed,
    ChildrenOrdered,
    DrainBegan,
    Event,
    GenerationFailed,
    HookReturned,
    ParentTold,
    PlanChecked,
    PoliciesEvaluated,
    Report,
    Resumed,
    SegmentEntered,
    StepCut,
    WorkFinished,
)
from runtime.flow.flow import MANY_STEPS, Flow
from runtime.foreign import told
from runtime.work.family import news_of_flow, tell_parent
from runtime.work.flows.asking import call_hook, check_plan, evaluate_policies, find_dependents, generate
from runtime.work.flows.children import Nursery, dismiss_children
from runtime.work.flows.labour import work
from runtime.work.flows.requests import FlowRequest, flow_event_of
from runtime.work.messages import ChildCameToRest, TurnMoved, WakeTask
from runtime.work.unit import IDLE, Decided, UnitActor

_TASKS_ONLY: Final = (RunTask, ResolveTask, CallCallback, ChildCameToRest, *get_args(Operation))
Message: TypeAlias = FlowRequest | GetTask | Report | ChildrenOrdered | SegmentEntered
_Asked: TypeAlias = StartStep | DismissChildren | CheckPlan | EvaluatePolicies | CallHook | FindDependents

_GENERATOR: Final = "generator"

_OF_ONE_STEP: Final = (
    WorkFinished,
    PlanChecked,
    PoliciesEvaluated,
    HookReturned,
    ChildrenOrdered,
    ChildrenDismissed,
    SegmentEntered,
)
"""What moves one step, unless it failed. All else may make something of every step that there is."""

_AWAKE: Final = StopReason.normal("flow", "it waits for others to go on with it")
"""Why a flow leaves memory that somebody goes on with soon: not before this actor is gone."""


class FlowActor(UnitActor[Message, Flow, Event, Effect]):
    """One flow."""

    foreign = _TASKS_ONLY
    reports = (*get_args(Report), ChildrenOrdered, SegmentEntered)

    def _sweeps(self, events: Sequence[Event]) -> bool:
        return any(
            max(len(self._unit.steps), len(getattr(event, "steps", ()))) > MANY_STEPS
            for event in events
            if not isinstance(event, _OF_ONE_STEP) or getattr(event, "error", None) is not None
        )

    def _decided(self, events: Sequence[Event]) -> Decided[Flow, Effect]:
        decision = decide(self._unit, *events)
        return decision.flow, decision.records, decision.effects, decision.refusals

    def _rest(self) -> StopReason:
        return _AWAKE if self._unit.awake else IDLE

    def _resumption(self, reason: str) -> Event:
        return Resumed(at=self.clock.wall(), reason=reason)

    def _draining(self, reason: StopReason) -> Event:
        return DrainBegan(at=self.clock.wall(), by=reason.requester, reason=reason.text)

    def _stranger(self) -> NotFound:
        return NotFound("task", self._unit.header.flow_id, "it is a flow")

    def _requested(self, request: FlowRequest) -> Event:
        return flow_event_of(request, self.clock.wall())

    def _perform(self, effects: Sequence[Effect]) -> None:
        flow, kit, tools = self._unit, self._services.flows, self._services.tools
        for effect in effects:
            match effect:
                case Generate():
                    tell = self.address.post
                    self.children.start(_GENERATOR, generate, flow, effect, kit, tools, tell, report=self._generated)
                case StartStep():
                    step = flow.steps[effect.step]
                    self._ask(effect, work, flow, step, effect.attempt, tools, self._nursery(effect))
                case DismissChildren():
                    services = self._services
                    children = flow.steps[effect.step].children
                    self._ask(effect, dismiss_children, flow.header.by, effect, children, services, self.clock)
                case CheckPlan():
                    self._ask(effect, check_plan, flow.steps[effect.step], effect, kit, tools)
                case EvaluatePolicies():
                    self._ask(effect, evaluate_policies, flow, flow.steps[effect.step], effect, kit, tools)
                case CallHook():
                    self._ask(effect, call_hook, flow, flow.steps[effect.step], effect, kit, tools)
                case FindDependents():
                    self._ask(effect, find_dependents, flow, flow.steps[effect.step], effect, kit, tools)
                case StopSteps():
                    self._stop(effect)
                case ArmTimer():
                    first = flow.next_due
                    due = effect.due if first is None else min(effect.due, first)
                    self._wake_at(due, WakeTask(flow.header.flow_id, 0))
                case ContinueAsNew():
                    position = effect.start_from_step_idx
                    self.children.start(
                        f"segment {position}", trio.lowlevel.checkpoint, report=partial(self._entered, position)
                    )
                case TellParent():
                    self._tell_parent()
                case MoveTurn():
                    owner = flow.header.owner
                    self._services.timers.arm(f"turn of {owner}", self.clock.wall(), self._intake, TurnMoved(owner))
                case _:
                    assert_never(effect)

    def _nursery(self, effect: StartStep) -> Nursery:
        services, by = self._services, self._unit.header.by
        return Nursery(services.front, services.broadcast, self.clock, by, effect, self.address)

    def _tell_parent(self) -> None:
        flow, services = self._unit, self._services
        self.children.start(
            f"tell {flow.header.parent} {flow.finished_at}",
            tell_parent,
            news_of_flow(flow),
            services.front,
            self.clock,
            services.shutdown,
            report=partial(self._parent_told, flow.finished_at),
        )

    def _parent_told(self, ended_at: float | None, told: Exit[bool]) -> ParentTold:
        match told:
            case Returned(value=heard):
                return ParentTold(at=self.clock.wall(), ended_at=ended_at, heard=heard)
            case Cut():
                return ParentTold(at=self.clock.wall(), ended_at=ended_at, heard=False)
            case Failed(error=error):
                raise error  # ends this actor; the next one, rebuilt from the journal, tells it again
            case _:
                assert_never(told)

    def _ask(self, effect: _Asked, function: Callable[..., Awaitable[Report]], *args: object) -> None:
        """Start what reports on a step; its name tells `_stop` whose it is."""
        name = f"{effect.step}#{effect.attempt}#{type(effect).__name__}"
        self.children.start(name, function, *args, report=partial(self._reported, effect))

    def _stop(self, effect: StopSteps) -> None:
        reason = StopReason(kind=StopKind.CANCELLED, requester=effect.by, text=effect.reason)
        for child in self.children:
            if (child.name.partition("#")[0] if effect.steps else child.name) in (effect.steps or (_GENERATOR,)):
                child.stop(reason)

    def _reported(self, effect: _Asked, ended: Exit[Any]) -> Report:
        match ended:
            case Returned(value=report):
                return cast("Report", report)
            case Cut(reason=reason):
                by, why = reason.requester, reason.text
            case Failed(error=error):
                by, why = "runtime", f"lost: {told(error)}"
            case _:
                assert_never(ended)
        return StepCut(at=self.clock.wall(), step=effect.step, attempt=effect.attempt, by=by, reason=why)

    def _generated(self, ended: Exit[Any]) -> Report:
        match ended:
            case Returned(value=report):
                return cast("Report", report)
            case Cut(reason=reason):
                return GenerationFailed(at=self.clock.wall(), error=str(reason), cut=True)
            case Failed(error=error):
                return GenerationFailed(at=self.clock.wall(), error=f"lost: {told(error)}")
            case _:
                assert_never(ended)

    def _entered(self, position: int, _ended: Exit[None]) -> SegmentEntered:
        return SegmentEntered(at=self.clock.wall(), position=position)
