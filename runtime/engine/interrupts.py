"""Interrupting one attempt of a step, because it hangs, say (section 7.8). Part of `decide`: rights are asked before.

The attempt is cut, and has failed thereby: it is SERVER_ERROR, and tried again as after an error of its action, with its
retries and delays; or FATAL_ERROR, if whoever interrupts it wants it not to be. It does not matter whether the step is
`idempotent`: who interrupts it says what is to become of it, and nothing else begins it again.

What it comes to before the cut gets to it counts in place of that. Whoever goes on after a crash reads in the records
that it was interrupted, and takes it to have been.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

import attrs

from runtime.engine.draft import Draft
from runtime.engine.effects import StopStep
from runtime.engine.events import InterruptRequested
from runtime.engine.records import AttemptInterrupted, StepReturned
from runtime.engine.states import RETRIABLE, ResolutionState, StepState, is_final
from runtime.engine.task import Interruption, Progress, child_name
from runtime.engine.turn import Turn
from runtime.errors import Conflict, NotFound, Refused, did_you_mean

_NAMED: Final = 3
"""How many of the things that a step waits for are named."""

_TRIED_AGAIN: Final = frozenset({StepState.SERVER_ERROR, StepState.TO_RETRY})
"""The states that an attempt may fail in by itself, and be tried again."""


def interrupt(turn: Turn, event: InterruptRequested) -> Refused | None:
    """Have the attempt cut that is in flight, or say why not. To ask for it again does no harm."""
    step = event.step
    progress = turn.steps.get(step)
    if progress is None:
        return NotFound("step", step, did_you_mean(step, list(turn.plan.template.steps)))
    refused = f'step "{step}" of task {turn.header.task_id} cannot be interrupted'
    if not progress.live:
        return Conflict(f"{refused}: it is {progress.state} ({_hint(turn, step, progress)})")
    if event.attempt > 0 and event.attempt != progress.attempt:
        return Conflict(f"{refused}: its attempt {progress.attempt} is running, and not {event.attempt}")
    if turn.resolution is ResolutionState.CANCELLED:
        return Conflict(f"{refused}: the task was cancelled, and what runs of it is being cut")
    known = wanted(turn, step, progress)
    if known is None or known.retry is not event.retry:
        turn.record(
            AttemptInterrupted(
                at=event.at,
                requester=event.requester,
                reason=event.reason,
                step=step,
                attempt=progress.attempt,
                retry=event.retry,
            )
        )
        turn.effects.append(StopStep(step, progress.attempt, event.requester, event.reason))
    return None


def wanted(draft: Draft, step: str, progress: Progress) -> Interruption | None:
    """Say who has the attempt cut that is in flight, if anybody has."""
    one = draft.notes.interruptions.get(step)
    return one if one is not None and progress.live and one.attempt == progress.attempt else None


def settle(turn: Turn, step: str, at: float) -> bool:
    """Record that an attempt, which was cut, has failed; false if nobody wanted it to be."""
    progress = turn.steps[step]
    one = wanted(turn, step, progress)
    if one is None:
        return False
    # Where only its checks were asked again, they are the next time too; to find the items of a loop is no try.
    checked = progress.before == StepState.AFTERRUN_ERROR
    failed = StepState.AFTERRUN_ERROR if checked else StepState.SERVER_ERROR
    state = failed if one.retry else StepState.FATAL_ERROR
    turn.record(
        StepReturned(
            at=at,
            step=step,
            state=state,
            returned=progress.returned if checked else state,
            error=_said(one),
            output=progress.output,
            metadata=progress.metadata,
            tried=not checked and turn.definition(step).foreach is None,
        )
    )
    return True


def overrule(draft: Draft, record: StepReturned, attempt: int) -> StepReturned:
    """Give what is recorded of an attempt that has failed by itself: that it was to be cut as well, if it was."""
    one = draft.notes.interruptions.get(record.step)
    if one is None or one.attempt != attempt or record.state not in _TRIED_AGAIN:
        return record
    state = record.state if one.retry else StepState.FATAL_ERROR
    return attrs.evolve(record, state=state, error=f"{_said(one)}; it said: {record.error}")


def _said(one: Interruption) -> str:
    who, why = f" by {one.requester}" if one.requester else "", f": {one.reason}" if one.reason else ""
    return f"interrupted{who}{why}"


def _hint(draft: Draft, step: str, progress: Progress) -> str:
    """Say of a step of which nothing runs what there is to be done."""
    if progress.state in RETRIABLE:
        return "it waits to be tried again: pause the task to keep it from that"
    if is_final(progress.state):
        return "it has ended"
    if progress.state == StepState.TODO:
        return "it has not begun"
    if step in draft.loops:
        names = (child_name(step, index) for index in range(draft.loops[step].size))
        running = list(islice((name for name in names if draft.steps[name].live), _NAMED))
        return (
            f"it is a loop: interrupt a child of it, such as {', '.join(running)}" if running else "nothing of it runs"
        )
    if progress.state != StepState.WAITING:
        return "nothing of it runs"
    awaited = ", ".join(islice(_awaited(draft, step), _NAMED)) or "something"
    return f"it waits for {awaited}: see to that, or pause the task and put the step in another state"


def _awaited(draft: Draft, step: str) -> Iterator[str]:
    for batch in draft.wished.batches_of(step):
        for order in batch.awaited:
            yield f"{'task' if order.flow is None else 'flow'} {order.task_id}"
    for callback in draft.wished.callbacks_of(step):
        yield f"callback {callback}"
