"""`decide`: what follows from an event.

Pure and total: no clock, no I/O, no actors; any event is an answer, however late or out of place. One `Decision` may
take a whole batch of events: they are decided one after the other, and stored and performed together.
"""

from collections.abc import Sequence
from typing import assert_never

import attrs

from runtime.errors import Refused
from runtime.flow import flat, generation, groups, interrupts, segments
from runtime.flow.approval import (
    approvals_due,
    change_option,
    dependents_found,
    hook_returned,
    plan_checked,
    policies_evaluated,
    respond,
)
from runtime.flow.cancellation import cancel, cancel_group, cancel_step, generator_stopped, stopped
from runtime.flow.effects import Effect, MoveTurn, TellParent
from runtime.flow.events import (
    ApprovalDue,
    ApprovalOptionChanged,
    CancelGroupRequested,
    CancelRequested,
    CancelStepRequested,
    ChildrenDismissed,
    ChildrenOrdered,
    DependentsFound,
    DrainBegan,
    Event,
    GenerationFailed,
    GroupsGenerated,
    HookReturned,
    InterruptStepRequested,
    NewerFlowCreated,
    ParentTold,
    PauseRequested,
    PlanChecked,
    PoliciesEvaluated,
    RerunRequested,
    ResponseGiven,
    Resumed,
    RetryGroupRequested,
    RetryStepRequested,
    SegmentEntered,
    SkipStepRequested,
    StartRequested,
    StepCut,
    StepReport,
    StepsGenerated,
    TurnGiven,
    UnpauseRequested,
    WorkFinished,
)
from runtime.flow.flow import Flow
from runtime.flow.lifecycle import begin_delayed, begin_queued, finished, retry_told
from runtime.flow.manual import give_up, pause, retry_group, retry_step, skip_step, supersede, unpause
from runtime.flow.records import FlowParentTold, Record
from runtime.flow.rerun import rerun
from runtime.flow.resuming import cut, put_back, resume
from runtime.flow.states import FlowTurn, Mode, Stage
from runtime.flow.turn import (
    Entered,
    GoOn,
    GroupAnswered,
    GroupFailed,
    Note,
    StepAnswered,
    StepExpired,
    StepFailed,
    StepParked,
    StepReleased,
    Turn,
)


@attrs.frozen
class Decision:
    """The flow afterwards; what to store; what to do once it is stored; the refusal of each event, if any, in order."""

    flow: Flow
    records: Sequence[Record]
    effects: Sequence[Effect]
    refusals: Sequence[Refused | None]


def decide(flow: Flow, *events: Event) -> Decision:
    """Decide what follows from `events`, in order. Never raises."""
    turn = Turn(flow)
    refusals = []
    for event in events:
        turn.at, turn.by = event.at, getattr(event, "by", "") or flow.header.by
        refusals.append(_take(turn, event))
        _settle(turn)
    if turn.flow.turn is not flow.turn and turn.flow.turn is not FlowTurn.HAS:
        turn.effects.append(MoveTurn())
    again = flow.finished_at != turn.flow.finished_at or any(isinstance(event, Resumed) for event in events)
    if turn.flow.untold and (not flow.untold or again):
        turn.effects.append(TellParent())
    return Decision(turn.flow, turn.records, turn.effects, refusals)


def _take(turn: Turn, event: Event) -> Refused | None:
    match event:
        case StartRequested():
            return generation.start(turn, event)
        case TurnGiven():
            generation.turn_given(turn)
        case SegmentEntered():
            if turn.flow.cut and turn.flow.position == event.position:
                turn.notes.append(Entered(event.position))
        case StepsGenerated():
            if not _generator_abandoned(turn):
                generation.generated(turn, event)
        case GroupsGenerated():
            if turn.flow.cancelled is None:
                generation.groups_generated(turn, event)
        case GenerationFailed():
            if not _generator_abandoned(turn):
                generation.failed(turn, event)
        case (
            WorkFinished()
            | StepCut()
            | ChildrenDismissed()
            | PlanChecked()
            | PoliciesEvaluated()
            | HookReturned()
            | DependentsFound()
        ):
            _take_report(turn, event)
        case ChildrenOrdered():
            return interrupts.order_children(turn, event)
        case ParentTold():
            if event.heard and turn.flow.untold and turn.flow.finished_at == event.ended_at:
                turn.record(FlowParentTold(at=event.at))
        case ResponseGiven():
            return respond(turn, event)
        case ApprovalDue():
            approvals_due(turn)
            begin_delayed(turn)
        case ApprovalOptionChanged():
            return change_option(turn, event)
        case RetryStepRequested():
            return retry_step(turn, event)
        case SkipStepRequested():
            return skip_step(turn, event)
        case RetryGroupRequested():
            return retry_group(turn, event)
        case RerunRequested():
            return rerun(turn, event.input)
        case PauseRequested():
            return pause(turn, event)
        case UnpauseRequested():
            return unpause(turn, event)
        case CancelRequested():
            return cancel(turn, event)
        case CancelStepRequested():
            return cancel_step(turn, event)
        case InterruptStepRequested():
            return interrupts.interrupt_step(turn, event)
        case CancelGroupRequested():
            return cancel_group(turn, event)
        case NewerFlowCreated():
            supersede(turn, event)
        case DrainBegan():
            generation.hold(turn, by=event.by, reason=event.reason)
        case Resumed():
            resume(turn, event)
        case _:
            assert_never(event)
    return None


_STAGES = {
    WorkFinished: Stage.WORK,
    ChildrenDismissed: Stage.INTERRUPTED,
    PlanChecked: Stage.PLAN,
    PoliciesEvaluated: Stage.POLICIES,
    HookReturned: Stage.HOOK,
    DependentsFound: Stage.DEPENDENTS,
}


def _take_report(turn: Turn, event: StepReport) -> None:
    """Take what comes of an effect, unless it comes too late: of another attempt, or of what the step left behind."""
    step = turn.flow.steps.get(event.step)
    if step is None or step.id not in turn.flow.live or step.attempt != event.attempt:
        return
    ends = step.stage in {Stage.STOPPING, Stage.INTERRUPTED}
    if ends and interrupts.was_cut(event) and interrupts.dismiss(turn, step):
        return
    if step.stage is Stage.STOPPING:
        stopped(turn, step.id)
        return
    if step.stage is Stage.INTERRUPTED:
        interrupts.settle(turn, event)
        return
    if not isinstance(event, StepCut) and step.stage is not _STAGES[type(event)]:
        return
    match event:
        case WorkFinished() if not event.begun:
            put_back(turn, event)
        case WorkFinished(late=True) if step.children:
            interrupts.lose(turn, step, event.error or "")
        case WorkFinished():
            finished(turn, event)
        case StepCut():
            cut(turn, event)
        case ChildrenDismissed():
            pass  # that was long ago
        case PlanChecked():
            plan_checked(turn, event)
        case PoliciesEvaluated():
            policies_evaluated(turn, event)
        case HookReturned():
            if step.approval is None:
                retry_told(turn, step.id, event.error)
            else:
                hook_returned(turn, step.id, event.hook, event.error)
        case DependentsFound():
            dependents_found(turn, event)
        case _:
            assert_never(event)


def _generator_abandoned(turn: Turn) -> bool:
    """Whatever the generator of a cancelled flow gave is dropped: nothing is added to it any more."""
    if turn.flow.cancelled is None or not turn.flow.generating:
        return False
    generation.abandon(turn)
    generator_stopped(turn)
    return True


def _settle(turn: Turn) -> None:
    """Let the layers answer each other until they have nothing more to say, and begin what there is room for."""
    act = _act_in_groups if turn.flow.mode is Mode.GROUP else _act_in_list
    while True:
        while turn.notes:
            note = turn.notes.popleft()
            if isinstance(note, GoOn) and turn.notes:
                turn.notes.append(note)  # what the others lead to comes first
            else:
                act(turn, note)
        begin_queued(turn)
        if not turn.notes:
            give_up(turn)
            return


def _act_in_list(turn: Turn, note: Note) -> None:
    match note:
        case StepAnswered():
            flat.on_step(turn, note)
        case StepFailed():
            flat.on_failure(turn, note)
        case StepExpired():
            flat.on_expiry(turn, note)
        case StepParked():
            flat.on_parked(turn, note.step)
        case StepReleased():
            flat.on_release(turn, note)
        case Entered():
            flat.enter(turn, note.position)
        case GoOn():
            if turn.flow.stalled:
                flat.go_on(turn)
        case GroupAnswered() | GroupFailed():
            pass  # there are no groups
        case _:
            assert_never(note)


def _act_in_groups(turn: Turn, note: Note) -> None:
    match note:
        case StepAnswered():
            groups.on_step(turn, note)
        case StepFailed():
            segments.on_failure(turn, note)
        case StepExpired():
            segments.on_expiry(turn, note)
        case StepParked():
            segments.on_parked(turn, note.step)
        case StepReleased():
            segments.on_release(turn, note)
        case GroupAnswered():
            segments.on_group(turn, note)
        case GroupFailed():
            segments.on_group_failure(turn, note)
        case Entered():
            segments.enter(turn, note.position)
        case GoOn():
            if turn.flow.stalled or segments.waits_for_steps(turn.flow):
                segments.go_on(turn)
        case _:
            assert_never(note)
