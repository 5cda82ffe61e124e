"""What becomes of tasks and flows, as lines of a log."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final

from runtime.api.flow_messages import FlowGroupChanged, FlowStateChanged, FlowStepChanged
from runtime.api.messages import Event, Lagged, StepStateChanged, TaskStateChanged
from runtime.api.shapes import written
from runtime.engine.states import ResolutionState, StepState, TaskState
from runtime.logs.lines import log

if TYPE_CHECKING:
    from runtime.api.client import Runtime

_NAME: Final = "understudy.tasks"
_FAILED: Final = frozenset(
    {
        StepState.CLIENT_ERROR,
        StepState.SERVER_ERROR,
        StepState.FATAL_ERROR,
        StepState.CRASHED,
        StepState.TO_RETRY,
        StepState.AFTERRUN_ERROR,
    }
)

_AMISS: Final = frozenset({"error", "failed-pending-retry", "approval-denied", "approval-expired"})
"""The statuses of flows, and of their groups and steps, that somebody should look at."""


def log_events(runtime: "Runtime") -> AbstractContextManager[None]:
    """Log what happens to tasks and flows in the block: what this runtime does, and not others that share its store."""
    return runtime.telling(log_event)


def log_event(event: Event) -> None:
    """Log one event: for programs that listen anyway, also those that are not on trio. Sync.

    What is told of a step says ``error`` and ``tries`` where there are any; of a task ``resolution``, ``run`` and, where
    it is tried again, ``next_retry``.
    """
    logger = log(_NAME)
    match event:
        case TaskStateChanged():
            failed = event.state is TaskState.BLOCKED or event.resolution is ResolutionState.ERROR
            write = logger.warning if failed else logger.info
            facts = {"state": str(event.state), "resolution": str(event.resolution), "run": event.run}
            again = None if event.next_retry is None else written(event.next_retry)
            write("task_state", task=event.task_id, **facts, **_said(next_retry=again))
        case StepStateChanged():
            write = logger.warning if event.state in _FAILED else logger.debug
            facts = {"state": str(event.state), "tries": event.tries}
            write("step_state", task=event.task_id, step=event.step, **facts, **_said(error=event.error))
        case FlowStateChanged():
            write = logger.warning if event.status in _AMISS else logger.info
            write("flow_state", flow=event.task_id, state=event.status, **_said(description=event.description))
        case FlowStepChanged():
            write = logger.warning if event.status in _AMISS else logger.debug
            facts = {"name": event.name, "state": event.status}
            write("step_state", flow=event.task_id, step=event.step, **facts, **_said(description=event.description))
        case FlowGroupChanged():
            write = logger.warning if event.status in _AMISS else logger.debug
            write("group_state", flow=event.task_id, group=event.group, state=event.status)
        case Lagged():
            logger.warning("events_missed", missed=event.missed)


def _said(**facts: object) -> dict[str, object]:
    """Give the facts that there are."""
    return {name: fact for name, fact in facts.items() if fact not in {None, ""}}
