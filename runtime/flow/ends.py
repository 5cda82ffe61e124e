"""The ways a flow ends (spec sections 6.1, 6.3 and 16)."""

from runtime.flow.effects import StopSteps
from runtime.flow.flow import ERROR_MESSAGE, RETRIES_EXHAUSTED
from runtime.flow.outcomes import Ending, EndingKind
from runtime.flow.records import FlowEnded, RunStatusSet
from runtime.flow.states import FlowStatus, RunStatus
from runtime.flow.turn import Turn
from runtime.values.json import Json


def set_run(turn: Turn, status: RunStatus) -> None:
    """Write the newest run's status."""
    if turn.flow.runs and turn.flow.runs[-1].status is not status:
        turn.record(RunStatusSet(at=turn.at, status=status))


def succeed(turn: Turn) -> None:
    """Everything is done. What failed on the way is in the history, and not what there is to say of it now."""
    mended: dict[str, Json] = {ERROR_MESSAGE: ""} if turn.flow.status.metadata.get(ERROR_MESSAGE) else {}
    turn.record(FlowEnded(at=turn.at, ending=Ending(kind=EndingKind.SUCCESS)))
    turn.set_flow(FlowStatus.SUCCESS, metadata=mended)
    set_run(turn, RunStatus.SUCCESS)


def fail_flow(turn: Turn, message: str, **metadata: Json) -> None:
    """Something failed."""
    _fail(turn, Ending(kind=EndingKind.FAILED, message=message), message, **metadata)


def refuse_plan(turn: Turn, step_id: str) -> None:
    """A plan was denied, in a flow without groups."""
    ending = Ending(kind=EndingKind.NOT_APPROVED, step_id=step_id)
    _fail(turn, ending, "not approved")


def stop_flow(turn: Turn, step_id: str, reason: str, *, retries_exhausted: bool) -> None:
    """A layer below said stop: nothing retries this."""
    ending = Ending(kind=EndingKind.STOPPED, step_id=step_id, message=reason, retries_exhausted=retries_exhausted)
    extra: dict[str, Json] = {RETRIES_EXHAUSTED: True} if retries_exhausted else {}
    _fail(turn, ending, str(ending.error), stopped=True, **extra)


def cancelled(turn: Turn) -> None:
    """What ran has stopped, as somebody wanted."""
    turn.record(FlowEnded(at=turn.at, ending=Ending(kind=EndingKind.CANCELLED)))
    set_run(turn, RunStatus.CANCELLED)


def _fail(turn: Turn, ending: Ending, message: str, **metadata: Json) -> None:
    if turn.flow.generating and turn.flow.steps:  # an eager group ended the flow before everything was generated
        turn.effects.append(StopSteps((), turn.by, "the flow has ended"))
    turn.record(FlowEnded(at=turn.at, ending=ending))
    told = {ERROR_MESSAGE: message, **turn.flow.awaits_nobody, **metadata}
    turn.set_flow(FlowStatus.ERROR, "the flow failed", told)
    set_run(turn, RunStatus.ERROR)
