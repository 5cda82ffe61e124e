"""From records to state: a fold, and nothing else decides what a record means."""

from collections.abc import Iterable
from typing import Any, Final, assert_never

import attrs

from runtime.flow.flow import Flow, is_open, waits_for_retry
from runtime.flow.naming import base_name
from runtime.flow.records import (
    ApprovalAnswered,
    ApprovalOptionSet,
    ApprovalRequested,
    ChildrenWished,
    FlowCancelled,
    FlowCreated,
    FlowEnded,
    FlowHeld,
    FlowParentTold,
    FlowParked,
    FlowQueued,
    FlowReopened,
    FlowResumed,
    FlowStarted,
    FlowStatusSet,
    FlowSuperseded,
    GenerationBegan,
    GenerationEnded,
    GroupAdded,
    GroupCancelled,
    GroupLeft,
    GroupStatusSet,
    LaneClosed,
    LaneOpened,
    Moved,
    PauseSet,
    PoliciesReported,
    Record,
    RowsAdded,
    RunOpened,
    RunStatusSet,
    SegmentCut,
    StepAdded,
    StepBegan,
    StepLeft,
    StepRetried,
    StepStaged,
    StepStatusSet,
    TargetStatusSet,
    WorkReturned,
)
from runtime.flow.rows import NO_CHILDREN, Approval, Group, Run, Step
from runtime.flow.states import LIVE, FlowStatus, FlowTurn, GroupStatus, Mode, Stage, StepStatus
from runtime.flow.status import Status
from runtime.frozen import replaced

_ADDED: Final = {cls: tuple(field.name for field in attrs.fields(cls)) for cls in (StepAdded, GroupAdded)}


def begin(record: FlowCreated) -> Flow:
    """Make the flow that a `FlowCreated` record begins."""
    return Flow(
        header=record,
        status=Status(FlowStatus.PENDING, record.by, record.at),
        approval_option=record.approval_option,
    )


def replay(records: Iterable[Record]) -> Flow | None:
    """Rebuild a flow from its records; None when there are none."""
    stream = iter(records)
    first = next(stream, None)
    if first is None:
        return None
    if not isinstance(first, FlowCreated):
        raise ValueError(f"a flow's first record is FlowCreated, not {type(first).__name__}")  # noqa: TRY004 - of a document
    flow = begin(first)
    for record in stream:
        flow = apply(flow, record)
    return flow


def apply(flow: Flow, record: Record) -> Flow:
    """Take one record in."""
    match record:
        case (
            StepStatusSet()
            | StepBegan()
            | StepStaged()
            | ChildrenWished()
            | WorkReturned()
            | StepLeft()
            | StepRetried()
        ):
            return _put(flow, _step_after(flow.steps[record.step], record))
        case ApprovalRequested() | ApprovalAnswered():
            return _put(flow, _asked(flow.steps[record.step], record))
        case GroupStatusSet() | GroupCancelled() | GroupLeft() | LaneOpened() | LaneClosed():
            flow = _put_group(flow, _group_after(flow.groups[record.group], record))
            if isinstance(record, GroupLeft) and not flow.groups[record.group].stored:
                flow = replaced(flow, directive=record.directive)
            return flow
        case RowsAdded():
            return _rows_added(flow, record)
        case PoliciesReported():
            return replaced(flow, reports=flow.reports.push_front(record))
        case TargetStatusSet():
            key = (record.type, record.id)
            return replaced(flow, targets=flow.targets.insert(key, _target_after(flow, record)))
        case RunOpened():
            run = Run(
                id=record.run_id,
                type=record.type,
                start_from=record.start_from,
                at=record.at,
                trigger_step_id=record.trigger_step_id,
            )
            return replaced(flow, runs=(*flow.runs, run))
        case RunStatusSet():
            return replaced(flow, runs=(*flow.runs[:-1], replaced(flow.runs[-1], status=record.status)))
        case FlowCreated():
            raise ValueError("a flow is created once")
        case _:
            return _flow_after(flow, record)


def _flow_after(
    flow: Flow,
    record: FlowStatusSet
    | FlowQueued
    | FlowStarted
    | GenerationBegan
    | GenerationEnded
    | ApprovalOptionSet
    | Moved
    | SegmentCut
    | PauseSet
    | FlowParked
    | FlowCancelled
    | FlowSuperseded
    | FlowEnded
    | FlowReopened
    | FlowHeld
    | FlowResumed
    | FlowParentTold,
) -> Flow:
    match record:
        case FlowStatusSet():
            return replaced(flow, status=_written(flow.status, record))
        case FlowQueued():
            return replaced(flow, turn=FlowTurn.WAITS, turn_since=record.at)
        case FlowStarted():
            return replaced(flow, started_at=record.at, turn=_taken(flow))
        case GenerationBegan():
            return replaced(flow, generating=True)
        case GenerationEnded():
            return replaced(flow, generating=False, generation_error=record.error)
        case ApprovalOptionSet():
            return replaced(flow, approval_option=record.option, option_set=record)
        case Moved():
            return replaced(flow, position=record.position, since=record.since, cut=False)
        case SegmentCut():
            return replaced(flow, position=record.position, since=record.position, cut=True)
        case PauseSet():
            return replaced(flow, paused=record.paused)
        case FlowParked():
            return replaced(flow, park=record.step_id)
        case FlowCancelled():
            return replaced(flow, cancelled=record, park="", cut=False)
        case FlowSuperseded():
            turn = FlowTurn.NONE if flow.turn is FlowTurn.HAD else flow.turn
            return replaced(flow, superseded=record.newer, turn=turn)
        case FlowEnded():
            return replaced(
                flow,
                finished_at=record.at,
                ending=record.ending,
                park="",
                cut=False,
                generating=False,
                paused=False,
                turn=_left(flow, record),
            )
        case FlowReopened():
            return replaced(flow, finished_at=None, ending=None, told=False, turn=_taken(flow))
        case FlowHeld():
            return replaced(flow, held=True)
        case FlowResumed():
            return replaced(flow, held=False, generating=False)
        case FlowParentTold():
            return replaced(flow, told=True)
        case _:
            assert_never(record)


def _taken(flow: Flow) -> FlowTurn:
    """Say what starting makes of the turn: a flow that belongs to nobody needs none."""
    return FlowTurn.HAS if flow.header.owner else FlowTurn.NONE


def _left(flow: Flow, record: FlowEnded) -> FlowTurn:
    """Say what ending makes of the turn: whoever may be run again may want it again."""
    again = record.ending.rerunnable and flow.mode is not Mode.GROUP and flow.failed and not flow.superseded
    return FlowTurn.HAD if flow.header.owner and flow.started_at is not None and again else FlowTurn.NONE


def _written(status: Status, record: FlowStatusSet | GroupStatusSet | StepStatusSet) -> Status:
    metadata = None if isinstance(record, GroupStatusSet) else record.metadata
    return status.then(record.status, by=record.by, at=record.at, description=record.description, metadata=metadata)


def _target_after(flow: Flow, record: TargetStatusSet) -> Status:
    known = flow.targets.get((record.type, record.id))
    if known is None:
        return Status(record.status, record.by, record.at)
    return known.then(record.status, by=record.by, at=record.at)


def _step_after(
    step: Step,
    record: StepStatusSet | StepBegan | StepStaged | ChildrenWished | WorkReturned | StepLeft | StepRetried,
) -> Step:
    match record:
        case StepStatusSet():
            return replaced(step, status=_written(step.status, record))
        case StepBegan():
            return replaced(
                step,
                started_at=record.at if step.started_at is None else step.started_at,
                attempt=record.attempt,
                stage=Stage.WORK if record.works else Stage.IDLE,
            )
        case StepStaged():
            return replaced(step, stage=record.stage, no_op=record.no_op, stopped_for=record.reason)
        case ChildrenWished():
            return replaced(step, children=step.children.update(record.children))
        case WorkReturned():
            return replaced(
                step,
                output=record.output,
                stage=Stage.IDLE,
                children=NO_CHILDREN,
                target_type=record.target_type or step.target_type,
                target_id=record.target_id or step.target_id,
            )
        case StepLeft():
            return replaced(
                step, finished_at=record.at, directive=record.directive, stage=Stage.IDLE, children=NO_CHILDREN
            )
        case StepRetried():
            return replaced(step, retried=True)
        case _:
            assert_never(record)


def _asked(step: Step, record: ApprovalRequested | ApprovalAnswered) -> Step:
    if isinstance(record, ApprovalRequested):
        approval = Approval(id=record.approval_id, type=record.type, asked_at=record.at, expires_at=record.expires_at)
        return replaced(step, approval=approval, stage=Stage.ANSWER)
    if step.approval is None:
        raise ValueError(f"step {step.id} was answered without having been asked")
    return replaced(step, approval=replaced(step.approval, response=record.response), stage=Stage.IDLE)


def _put(flow: Flow, step: Step) -> Flow:
    """Put a step in another version, and keep what is derived from it."""
    was = flow.steps[step.id]
    steps = flow.steps.insert(step.id, step)
    live = flow.live
    if (step.stage in LIVE) != (was.stage in LIVE):
        live = live.insert(step.id) if step.stage in LIVE else live.remove(step.id)
    delayed = flow.delayed
    if _is_delayed(step) != (step.id in delayed):
        delayed = delayed.insert(step.id) if _is_delayed(step) else delayed.remove(step.id)
    if delayed is not flow.delayed:
        flow = replaced(flow, delayed=delayed)
    before, now = was.status.status, step.status.status
    if before == now:
        # An error is superseded by a write of its metadata, not of its status.
        if now != StepStatus.ERROR or is_open(step) == is_open(was):
            return replaced(flow, steps=steps, live=live)
        failed = flow.failed.insert(step.id) if waits_for_retry(step) else flow.failed.discard(step.id)
        return replaced(flow, steps=steps, live=live, open=flow.open + (1 if is_open(step) else -1), failed=failed)
    parked, failed, waiting = flow.parked, flow.failed, flow.waiting
    if StepStatus.APPROVAL_AWAITING in {before, now}:
        parked = parked.insert(step.id) if now == StepStatus.APPROVAL_AWAITING else parked.remove(step.id)
    if waits_for_retry(step):
        failed = failed.insert(step.id)
    elif before == StepStatus.ERROR:
        failed = failed.discard(step.id)
    if now == StepStatus.QUEUED:
        waiting = waiting.enqueue(step.id)
    elif before == StepStatus.QUEUED:
        while waiting and steps[next(iter(waiting))].status.status != StepStatus.QUEUED:
            waiting = waiting.dequeue()  # type: ignore[call-arg]  # the library's stubs are wrong here
    return replaced(
        flow,
        steps=steps,
        live=live,
        open=flow.open + is_open(step) - is_open(was),
        parked=parked,
        failed=failed,
        waiting=waiting,
    )


def _is_delayed(step: Step) -> bool:
    return step.stage is Stage.DELAY and step.status.status == StepStatus.PENDING


def _group_after(group: Group, record: GroupStatusSet | GroupCancelled | GroupLeft | LaneOpened | LaneClosed) -> Group:
    match record:
        case GroupStatusSet():
            return replaced(group, status=_written(group.status, record))
        case GroupCancelled():
            return replaced(group, cancelled=record.reason)
        case GroupLeft():
            return replaced(group, directive=record.directive)
        case LaneOpened():
            return replaced(group, lanes=group.lanes.insert(record.step))
        case LaneClosed():
            return replaced(group, lanes=group.lanes.remove(record.step), answers=group.answers.insert(record.answer))
        case _:
            assert_never(record)


def _put_group(flow: Flow, group: Group) -> Flow:
    live = flow.live_groups
    if group.status.status == GroupStatus.DISCARDED and live.get(group.group_idx) == group.id:
        live = live.remove(group.group_idx)
    return replaced(flow, groups=flow.groups.insert(group.id, group), live_groups=live)


def _rows_added(flow: Flow, record: RowsAdded) -> Flow:
    steps, groups, live = flow.steps, flow.groups, flow.live_groups
    for added in record.groups:
        status = Status(GroupStatus.PENDING, record.by, record.at)
        group = Group(**_fields_of(added), created_by=record.by, created_at=record.at, status=status)
        groups = groups.insert(group.id, group)
        live = live.insert(group.group_idx, group.id)
    rows, named = [_row(one, record) for one in record.steps], flow.named
    for row in rows:
        steps, name = steps.insert(row.id, row), base_name(row.name)
        if name not in named or steps[named[name]].key < row.key:
            named = named.insert(name, row.id)
    return replaced(
        flow,
        steps=steps,
        groups=groups,
        live_groups=live,
        named=named,
        order=flow.order.adding(rows),
        open=flow.open + len(rows),
        generating=flow.generating if any(row.retry_index or row.generation for row in rows) else record.more,
    )


def _fields_of(added: StepAdded | GroupAdded) -> dict[str, Any]:
    return {name: getattr(added, name) for name in _ADDED[type(added)]}


def _row(added: StepAdded, record: RowsAdded) -> Step:
    fields = _fields_of(added)
    status = Status(StepStatus.PENDING, record.by, record.at, metadata=fields.pop("metadata"))
    return Step(**fields, created_by=record.by, created_at=record.at, status=status)
