"""What stored records mean to those who watch: pure, from records to public events.

Each record is one event, at the position that the journal gave it, so that events are numbered without gaps. What has
no event of its own is told by its name (`Recorded`).
"""

from collections.abc import Sequence

from runtime.api.messages import Recorded, StepStateChanged, TaskStateChanged, UnitEvent
from runtime.api.schema import tag_of
from runtime.engine.records import (
    LoopContracted,
    LoopExpanded,
    RunDelayed,
    RunEnded,
    RunQueued,
    RunsExtended,
    RunStarted,
    StepChanged,
    StepInterrupted,
    StepReturned,
    StepStarted,
    StepStateEdited,
    TaskCancelled,
    TaskPaused,
    TaskStartedOver,
    TaskSubmitted,
)
from runtime.engine.states import ResolutionState, StepState, named
from runtime.engine.task import Task, state_of
from runtime.flow.flow import Flow
from runtime.journal.protocol import Record
from runtime.work.flows.news import flow_events_of


def events_of(task: Task | Flow, position: int, records: Sequence[Record]) -> Sequence[UnitEvent]:
    """Tell what `records`, stored from `position` on, changed. `task` is the task, or the flow, after them."""
    if isinstance(task, Flow):
        return flow_events_of(task, position, records)
    events: list[UnitEvent] = []
    run = task.run - sum(isinstance(record, RunStarted) for record in records)
    for offset, record in enumerate(records):
        if isinstance(record, RunStarted):
            run += 1
        events.append(_event(task, position + offset, record, run))
    return events


def _event(task: Task, position: int, record: Record, run: int) -> UnitEvent:
    match record:
        case TaskSubmitted():
            return _task(task, position, record, ResolutionState.TODO, run)
        case RunDelayed():
            return _task(task, position, record, ResolutionState.TO_AUTORUN_DELAYED, run)
        case RunQueued():
            return _task(task, position, record, record.state, run)
        case RunStarted():
            return _task(task, position, record, ResolutionState.RUNNING, run)
        case RunEnded():
            return _task(task, position, record, record.state, run)
        case TaskCancelled():
            return _task(task, position, record, ResolutionState.CANCELLED, run)
        case TaskPaused():
            return _task(task, position, record, ResolutionState.PAUSED, run)
        case RunsExtended():
            return _task(task, position, record, ResolutionState.ERROR, run)
        case TaskStartedOver():
            return _task(task, position, record, ResolutionState.TODO, run)
        case StepStarted():
            return _step(task, position, record, StepState.RUNNING)
        case LoopExpanded():
            return _step(task, position, record, StepState.EXPANDED)
        case LoopContracted():
            return _step(task, position, record, record.state)
        case StepReturned() | StepChanged() | StepInterrupted():
            return _step(task, position, record, record.state, record.error)
        case StepStateEdited():
            return _step(task, position, record, record.state)
        case _:
            return Recorded(position=position, at=record.at, task_id=task.header.task_id, what=tag_of(type(record)))


def _task(
    task: Task,
    position: int,
    record: TaskSubmitted
    | RunDelayed
    | RunQueued
    | RunStarted
    | RunEnded
    | TaskCancelled
    | TaskPaused
    | RunsExtended
    | TaskStartedOver,
    resolution: ResolutionState,
    run: int,
) -> TaskStateChanged:
    held = None
    match record:
        case RunEnded():
            next_retry = record.next_retry
        case RunDelayed():
            next_retry = record.due
            held = ResolutionState.BLOCKED_TOCHECK if record.reason else None
        case RunsExtended():
            next_retry = record.at
        case TaskPaused():
            next_retry, held = None, record.before
        case _:
            next_retry = None
    return TaskStateChanged(
        position=position,
        at=record.at,
        task_id=task.header.task_id,
        state=state_of(task.header, resolution, held),
        resolution=resolution,
        run=run,
        next_retry=next_retry,
    )


def _step(
    task: Task,
    position: int,
    record: LoopExpanded
    | LoopContracted
    | StepStarted
    | StepReturned
    | StepChanged
    | StepInterrupted
    | StepStateEdited,
    state: str,
    error: str = "",
) -> StepStateChanged:
    progress = task.steps.get(record.step)  # None: a child of a loop that was contracted since
    return StepStateChanged(
        position=position,
        at=record.at,
        task_id=task.header.task_id,
        step=record.step,
        state=named(state),
        error=error,
        tries=progress.tries if progress else 0,
    )
