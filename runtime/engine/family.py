"""What follows from wishes and from what came of them: children, callbacks, parents (sections 7.6 and 9.9 to 9.11).

Part of `decide`: functions over a decision in the making.
"""

import hmac
from collections.abc import Iterable

from runtime.engine.effects import ArmRetry, DismissChild, SubmitChildren, TellParent
from runtime.engine.events import (
    CallbackCalled,
    ChildHeard,
    ChildrenSubmitted,
    ChildReported,
    OrderChildren,
    ParentHeard,
    StepFinished,
)
from runtime.engine.records import (
    CallbackAnswered,
    CallbackAwaited,
    CallbackOpened,
    ChildrenCreated,
    ChildrenOrdered,
    ChildSettled,
    FlowDismissed,
    ParentTold,
    TaskWoken,
)
from runtime.engine.states import ResolutionState, StepState, TaskState, task_state_of
from runtime.engine.task import Task
from runtime.engine.turn import Turn
from runtime.engine.waits import quiet
from runtime.errors import Conflict, Fault, InputInvalid, NotFound, Refused
from runtime.templates.schemas import violation
from runtime.wishes import AwaitCallback, OpenCallback

_CALLABLE = frozenset({TaskState.RUNNING, TaskState.WAITING, TaskState.BLOCKED})


def take_wishes(turn: Turn, event: StepFinished) -> None:
    """Record what an attempt wished for. A task that was cancelled meanwhile gets nothing more."""
    if turn.resolution is ResolutionState.CANCELLED:
        return
    for wish in event.wishes:
        match wish:
            case OrderChildren(batch=batch, orders=orders):
                if orders and (batch not in turn.wished.batches or _is_gone(turn, event.step, batch)):
                    turn.record(
                        ChildrenOrdered(at=event.at, step=event.step, batch=batch, orders=orders, at_most=wish.at_most)
                    )
                    _submit(turn, batch)
            case OpenCallback(id=callback):
                if callback not in turn.wished.callbacks:
                    turn.record(
                        CallbackOpened(
                            at=event.at, step=event.step, callback=callback, secret=wish.secret, schema=wish.schema
                        )
                    )
            case AwaitCallback(id=callback):
                if callback in turn.wished.callbacks:
                    known = turn.wished.waits.get(event.step)
                    turn.record(CallbackAwaited(at=event.at, step=event.step, callback=callback))
                    _wake_if(turn, event.step, woken=known is not None and known.woken, at=event.at)  # called meanwhile


def _is_gone(turn: Turn, step: str, name: str) -> bool:
    """Say whether a flow is to be run anew that had ended when the attempt began which wishes for it: it was deleted."""
    batch = turn.wished.batches[name]
    over = quiet(batch) and not turn.wished.waits[step].woken
    return over and all(order.flow is not None for order in batch.orders)


def _submit(turn: Turn, name: str) -> None:
    batch = turn.wished.batches[name]
    if batch.created < batch.sent:
        turn.effects.append(SubmitChildren(name, batch.orders[batch.created : batch.sent]))


def note_created(turn: Turn, event: ChildrenSubmitted) -> None:
    """Note that children are stored, and hand over the next ones that there is room for."""
    batch = turn.wished.batches.get(event.batch)
    if batch is None or batch.created == batch.sent:
        return
    woken = turn.wished.waits[batch.step].woken
    turn.record(ChildrenCreated(at=event.at, batch=event.batch))
    _submit(turn, event.batch)
    _wake_if(turn, batch.step, woken=woken, at=event.at)
    for child in event.refused:
        hear_of_child(turn, ChildReported(at=event.at, batch=event.batch, child=child))


def hear_of_child(turn: Turn, event: ChildReported) -> None:
    """Keep what a child came to; wake the step that waits for it once there is nothing more to wait for."""
    child = event.child
    batch = turn.wished.batches.get(event.batch)
    known = batch.spawned.tasks.get(child.id) if batch is not None else None
    if batch is None or known is None or known == child or known.ended:
        return
    woken = turn.wished.waits[batch.step].woken
    on_its_way = batch.created < batch.sent
    turn.record(
        ChildSettled(
            at=event.at,
            batch=event.batch,
            child=child.id,
            state=child.state,
            result=child.result,
            error=child.error,
            requester=child.requester_username,
            resolver=child.resolver_username,
        )
    )
    if not on_its_way:
        _submit(turn, event.batch)
    _wake_if(turn, batch.step, woken=woken, at=event.at)


def take_call(turn: Turn, event: CallbackCalled) -> Refused | None:
    """Take the one call of a callback, from who knows its secret."""
    opened = turn.wished.callbacks.get(event.callback)
    if opened is None or not hmac.compare_digest(opened.secret.encode(), event.secret.encode()):
        return NotFound("callback", event.callback)
    if opened.callback.called_at is not None:
        return Conflict(f"callback {event.callback} was called already")
    if task_state_of(turn.resolution) not in _CALLABLE:
        return Conflict(f"callback {event.callback} cannot be called: its task is {turn.resolution}")
    problem = violation(opened.schema, event.body) if opened.schema is not None else ""
    if problem:
        return InputInvalid([Fault("body", problem)])
    asleep = [step for step, wait in turn.wished.waits.items() if event.callback in wait.callbacks and not wait.woken]
    turn.record(CallbackAnswered(at=event.at, callback=event.callback, body=event.body))
    for step in asleep:
        _wake_if(turn, step, woken=False, at=event.at)
    return None


def _wake_if(turn: Turn, step: str, *, woken: bool, at: float) -> None:
    """Make the next run due if the step was woken just now, unless a person holds the task (section 7.6)."""
    if woken or not turn.wished.waits[step].woken:
        return
    match turn.resolution:
        case ResolutionState.WAITING | ResolutionState.ERROR:
            turn.record(TaskWoken(at=at))
            turn.effects.append(ArmRetry(at, turn.run))
        case ResolutionState.RUNNING:
            turn.record(TaskWoken(at=at))  # kept until the run ends
        case ResolutionState.BLOCKED_BADREQUEST if _blocks_alone(turn, step):
            turn.record(TaskWoken(at=at))
            turn.effects.append(ArmRetry(at, turn.run))
        case _:
            pass


def _blocks_alone(turn: Turn, step: str) -> bool:
    """Say whether a step's error is all that the task is blocked by: its child's trouble, most likely, now mended."""
    return (
        turn.steps[step].state == StepState.CLIENT_ERROR
        and turn.tally.get(StepState.CLIENT_ERROR) == 1
        and not turn.tally.keys() & {StepState.FATAL_ERROR, StepState.CRASHED}
    )


def dismiss(turn: Turn, children: Iterable[str]) -> None:
    """Have children cancelled that nobody wants any more."""
    for child in children:
        dismissal = turn.wished.unwanted[child]
        turn.effects.append(DismissChild(child, dismissal.requester, dismissal.reason))


def note_dismissed(turn: Turn, event: ChildHeard) -> None:
    """Note that a child has not to be told again."""
    if event.heard and event.child in turn.wished.unwanted:
        turn.record(FlowDismissed(at=event.at, flow=event.child))


def resume(turn: Turn) -> None:
    """Hand over again the children that may not have been, and tell those again that may not have heard."""
    dismiss(turn, turn.wished.unwanted)
    for name, batch in turn.wished.batches.items():
        if batch.created < batch.sent:
            _submit(turn, name)


def tell_parent(turn: Turn, before: Task) -> None:
    """Have the parent told what the task came to, when it came to rest just now or was rebuilt."""
    if not before.course.untold or turn.resumed or (before.run, before.state) != (turn.run, turn.state):
        turn.effects.append(TellParent())


def note_told(turn: Turn, event: ParentHeard) -> None:
    """Note that the parent knows, unless there is something newer to tell."""
    if event.heard and turn.course.untold and (event.run, event.state) == (turn.run, turn.state):
        turn.record(ParentTold(at=event.at))
