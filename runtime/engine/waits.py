"""What steps wait for: the children they spawned and the callbacks they await, as records change it (section 7.6).

Functions over a draft; `runtime.engine.family` decides, these keep count. A step in WAITING is asleep, and not ready,
from the end of its attempt until something it waits for happens.
"""

from typing import TYPE_CHECKING, Final, assert_never

import attrs

from runtime.engine.persistent import put, without
from runtime.engine.records import (
    CallbackAnswered,
    CallbackAwaited,
    CallbackOpened,
    ChildrenCreated,
    ChildrenOrdered,
    ChildSettled,
)
from runtime.engine.states import StepState, TaskState
from runtime.engine.task import Batch, Dismissal, OpenedCallback, Wait
from runtime.wishes import Callback, Spawned, SpawnedTask

if TYPE_CHECKING:
    from runtime.engine.draft import Draft

_NOTHING: Final = Wait()


def apply(
    draft: "Draft",
    record: ChildrenOrdered | ChildrenCreated | ChildSettled | CallbackOpened | CallbackAwaited | CallbackAnswered,
) -> None:
    """Take one record of these in."""
    match record:
        case ChildrenOrdered():
            _ordered(draft, record)
        case ChildrenCreated():
            batch = draft.wished.batches[record.batch]
            _put_batch(draft, record.batch, attrs.evolve(batch, created=batch.sent))
            _wake_if_quiet(draft, record.batch)
        case ChildSettled():
            _settled(draft, record)
        case CallbackOpened():
            opened = OpenedCallback(Callback(id=record.callback), record.secret, record.schema)
            _put_callback(draft, record.callback, opened)
        case CallbackAwaited():
            wait = draft.wished.waits.get(record.step, _NOTHING)
            called = draft.wished.callbacks[record.callback].callback.called_at is not None
            wait = attrs.evolve(wait, callbacks=(*wait.callbacks, record.callback), woken=wait.woken or called)
            _put_wait(draft, record.step, wait)
        case CallbackAnswered():
            _answered(draft, record)
        case _:
            assert_never(record)


def asleep(draft: "Draft", step: str) -> bool:
    """Say whether a step is WAITING for something that has not happened yet."""
    wait = draft.wished.waits.get(step)
    if wait is None or wait.woken or draft.steps[step].state != StepState.WAITING:
        return False
    return bool(wait.callbacks) or any(_is_open(draft.wished.batches[batch]) for batch in wait.batches)


def _is_open(batch: Batch) -> bool:
    return batch.spawned.remaining > 0 or batch.created < batch.sent


def baffled(draft: "Draft", step: str) -> bool:
    """Say whether a step is WAITING, and nobody knows for what: it is neither asleep nor woken (section 6.3)."""
    wait = draft.wished.waits.get(step)
    waiting = draft.steps[step].state == StepState.WAITING
    return waiting and (wait is None or not wait.woken) and not asleep(draft, step)


def quiet(batch: Batch) -> bool:
    """Say whether no task of a batch can go on by itself: all ended or are blocked, and none is still to come."""
    return batch.busy == 0 and batch.created == batch.sent


def begin_attempt(draft: "Draft", step: str) -> None:
    """Note that an attempt begins: it is given what happened so far, and says anew which callbacks it awaits."""
    wait = draft.wished.waits.get(step)
    if wait is not None:
        waits = put(draft.wished.waits, step, Wait(wait.batches))
        draft.wished = attrs.evolve(draft.wished, waits=waits)


def forget(draft: "Draft", step: str) -> None:
    """Let go of all that a step waits for; what its children tell later means nothing any more.

    A flow lives on as a task does: a step that is done anew finds it again. Where it will not be: `dismiss` first.
    """
    wait = draft.wished.waits.get(step)
    if wait is None:
        return
    batches, submitting = draft.wished.batches, draft.wished.submitting
    for name in wait.batches:
        batch = batches[name]
        submitting -= batch.created < batch.sent
        batches = without(batches, name)
    draft.wished = attrs.evolve(
        draft.wished, waits=without(draft.wished.waits, step), batches=batches, submitting=submitting
    )


def forget_all(draft: "Draft", ended: Dismissal, *, tasks: bool) -> None:
    """Let go of all that any step waits for: the task will not go on. Without `tasks` children that are such live on."""
    for step in list(draft.wished.waits):
        dismiss(draft, step, ended, tasks=tasks)
        forget(draft, step)
        draft.fresh.append(step)


def dismiss(draft: "Draft", step: str, ended: Dismissal, *, tasks: bool = False) -> None:
    """Note that nobody wants the flows any more that a step waits for; nor the tasks, with `tasks`."""
    unwanted = draft.wished.unwanted
    batches = draft.wished.batches_of(step)
    children = tuple(one.task_id for batch in batches for one in batch.awaited if tasks or one.flow is not None)
    draft.dismissed += children
    for child in children:
        unwanted = put(unwanted, child, ended)
    if unwanted is not draft.wished.unwanted:
        draft.wished = attrs.evolve(draft.wished, unwanted=unwanted)


def _ordered(draft: "Draft", record: ChildrenOrdered) -> None:
    spawned = Spawned(id=record.batch, total=len(record.orders))
    _put_batch(draft, record.batch, Batch(record.step, spawned, record.orders, record.at_most))
    wait = draft.wished.waits.get(record.step, _NOTHING)
    if record.batch not in wait.batches:  # a flow that was deleted is ordered again
        wait = attrs.evolve(wait, batches=(*wait.batches, record.batch))
    _put_wait(draft, record.step, wait)


def _put_batch(draft: "Draft", name: str, batch: Batch) -> None:
    """Keep a batch, with as many more of its tasks handed over as may be; one hand-over at a time."""
    was = draft.wished.batches.get(name)
    total = len(batch.orders)
    if batch.created == batch.sent < total:
        unfinished = batch.sent - batch.spawned.ended
        sent = min(total, batch.sent + max(0, batch.at_most - unfinished)) if batch.at_most > 0 else total
        tasks = batch.spawned.tasks
        for order in batch.orders[batch.sent : sent]:
            tasks = tasks.insert(order.task_id, SpawnedTask(id=order.task_id))
        spawned = attrs.evolve(batch.spawned, tasks=tasks)
        batch = attrs.evolve(batch, spawned=spawned, sent=sent, busy=batch.busy + sent - batch.sent)
    submitting = (batch.created < batch.sent) - (was is not None and was.created < was.sent)
    draft.wished = attrs.evolve(
        draft.wished,
        batches=put(draft.wished.batches, name, batch),
        submitting=draft.wished.submitting + submitting,
    )


def _settled(draft: "Draft", record: ChildSettled) -> None:
    batch = draft.wished.batches[record.batch]
    was = batch.spawned.tasks[record.child]
    now = SpawnedTask(
        id=record.child,
        state=record.state,
        result=record.result,
        error=record.error,
        requester_username=record.requester,
        resolver_username=record.resolver,
    )
    spawned = attrs.evolve(
        batch.spawned,
        tasks=batch.spawned.tasks.insert(record.child, now),
        ended=batch.spawned.ended + now.ended - was.ended,
    )
    batch = attrs.evolve(batch, spawned=spawned, busy=batch.busy - _is_busy(was) + _is_busy(now))
    _put_batch(draft, record.batch, batch)
    _wake_if_quiet(draft, record.batch)


def _wake_if_quiet(draft: "Draft", name: str) -> None:
    batch = draft.wished.batches[name]
    if quiet(batch):
        _put_wait(draft, batch.step, attrs.evolve(draft.wished.waits[batch.step], woken=True))


def _is_busy(task: SpawnedTask) -> bool:
    return not task.ended and task.state != TaskState.BLOCKED


def _answered(draft: "Draft", record: CallbackAnswered) -> None:
    opened = draft.wished.callbacks[record.callback]
    called = Callback(id=record.callback, called_at=record.at, body=record.body)
    _put_callback(draft, record.callback, attrs.evolve(opened, callback=called))
    for step, wait in list(draft.wished.waits.items()):
        if record.callback in wait.callbacks:
            _put_wait(draft, step, attrs.evolve(wait, woken=True))


def _put_wait(draft: "Draft", step: str, wait: Wait) -> None:
    draft.wished = attrs.evolve(draft.wished, waits=put(draft.wished.waits, step, wait))
    draft.fresh.append(step)


def _put_callback(draft: "Draft", name: str, callback: OpenedCallback) -> None:
    draft.wished = attrs.evolve(draft.wished, callbacks=put(draft.wished.callbacks, name, callback))
