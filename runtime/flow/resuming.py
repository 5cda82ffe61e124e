"""Putting a flow down when the runtime shuts down, and taking it up again where its records end.

Work that was in flight is lost, and nobody knows what it did: only a step that is idempotent has its work begun again,
any other failed. Everything else that a step may wait for can be asked again.
"""

from typing import assert_never

from runtime.flow.approval import hook_of
from runtime.flow.cancellation import generator_stopped, stopped
from runtime.flow.effects import (
    ArmTimer,
    CallHook,
    CheckPlan,
    ContinueAsNew,
    EvaluatePolicies,
    FindDependents,
    Generate,
    MoveTurn,
    StartStep,
)
from runtime.flow.events import Resumed, StepCut, WorkFinished
from runtime.flow.generation import hold
from runtime.flow.interrupts import dismiss, lose
from runtime.flow.lifecycle import work_failed
from runtime.flow.records import FlowResumed, GenerationBegan, StepBegan, StepStaged
from runtime.flow.rows import Step
from runtime.flow.states import FlowStatus, Hook, Stage, StepStatus
from runtime.flow.turn import GoOn, Turn


def put_back(turn: Turn, event: WorkFinished) -> None:
    """The work of a step had not begun, for the runtime shuts down: it is queued again, as if it had never been taken on."""
    hold(turn, by="runtime", reason=event.error or "")  # we may hear of it before the flow is told to hold
    turn.record(StepStaged(at=turn.at, step=event.step, stage=Stage.IDLE))
    turn.set_step(event.step, StepStatus.QUEUED)


def cut(turn: Turn, event: StepCut) -> None:
    """Something that ran for a step was ended before it reported."""
    step, held = turn.step(event.step), turn.flow.held
    if step.stage is not Stage.WORK:
        if not held:
            turn.fail(step.id, f"lost: {event.reason}", "")
    elif not step.spec.idempotent:
        lose(turn, step, f"interrupted by {event.by}: {event.reason}; what it did is not known")
    elif not held:
        _begin_again(turn, step)


def resume(turn: Turn, event: Resumed) -> None:
    """Go on where the records end: the one place that may look at everything that was in flight."""
    flow = turn.flow
    if flow.header.owner:
        turn.effects.append(MoveTurn())  # whoever was to be told of it may not have been
    if flow.status.status == FlowStatus.PENDING or (flow.ending is not None and not flow.live):
        if flow.held:  # it may have its turn later, or be begun again
            turn.record(FlowResumed(at=event.at))
        return
    generating = flow.generating
    turn.record(FlowResumed(at=event.at))
    if flow.cancelled is not None:
        for step in map(turn.step, list(flow.live)):
            if not dismiss(turn, step):
                stopped(turn, step.id)
        generator_stopped(turn)
        return
    if generating:
        turn.record(GenerationBegan(at=event.at))
        turn.effects.append(Generate(flow.header.generate_signal))
    for step_id in sorted(flow.live, key=lambda one: flow.steps[one].key):
        _ask_again(turn, turn.step(step_id), event.reason)
    if flow.next_due is not None:
        turn.effects.append(ArmTimer(flow.next_due))
    if flow.cut:
        turn.effects.append(ContinueAsNew(flow.position))
    turn.notes.append(GoOn())


def _ask_again(turn: Turn, step: Step, reason: str) -> None:
    match step.stage:
        case Stage.WORK if step.spec.idempotent:
            _begin_again(turn, step)
        case Stage.WORK:
            lose(turn, step, f"interrupted: {reason}; what it did is not known")
        case Stage.PLAN:
            turn.effects.append(CheckPlan(step.id, step.attempt))
        case Stage.POLICIES:
            turn.effects.append(EvaluatePolicies(step.id, step.attempt))
        case Stage.HOOK:
            hook = hook_of(turn.flow, step) or Hook.ON_RETRY
            turn.effects.append(CallHook(step.id, step.attempt, hook))
        case Stage.DEPENDENTS:
            turn.effects.append(FindDependents(step.id, step.attempt))
        case Stage.STOPPING | Stage.INTERRUPTED if dismiss(turn, step):
            pass
        case Stage.STOPPING:
            stopped(turn, step.id)
        case Stage.INTERRUPTED:
            work_failed(turn, step.id, step.stopped_for, "interrupted")
        case Stage.IDLE | Stage.DELAY | Stage.ANSWER:
            pass
        case _:
            assert_never(step.stage)


def _begin_again(turn: Turn, step: Step) -> None:
    turn.record(StepBegan(at=turn.at, step=step.id, attempt=step.attempt + 1))
    turn.effects.append(StartStep(step.id, step.attempt + 1))
