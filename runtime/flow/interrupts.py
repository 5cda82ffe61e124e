"""Interrupting the work of a step, because it hangs, say: it has failed then, and what mends a failure mends it.

The request is stored at once, and what runs is cut; once that has ended the step has failed, is retried by itself where
its rule says so, and else waits for a person. What the work comes to before the cut gets to it counts instead. Only work
is interrupted: whatever else a step may wait for is an answer, or ends by itself in time.

Work that is cut, whyever, is over once the tasks and flows that it has started have taken their cancel: until then its
step is to stop, or interrupted. Whoever takes the flow up again there has them told anew.
"""

import attrs

from runtime.errors import Conflict, NotFound, Refused
from runtime.flow.effects import DismissChildren, StopSteps
from runtime.flow.events import ChildrenOrdered, InterruptStepRequested, StepCut, StepReport, WorkFinished
from runtime.flow.lifecycle import finished, work_failed
from runtime.flow.records import ChildrenWished, StepStaged
from runtime.flow.rows import Step
from runtime.flow.states import Stage
from runtime.flow.turn import Turn


def interrupt_step(turn: Turn, event: InterruptStepRequested) -> Refused | None:
    """Have the work of a step cut, or say why not. To ask for it again does no harm."""
    flow = turn.flow
    flow_id = flow.header.flow_id
    step = flow.sought(event.step)
    if isinstance(step, NotFound):
        return step
    refused = f"step {step.id} of flow {flow_id} cannot be interrupted"
    if step.stage is Stage.STOPPING:
        return Conflict(f"{refused}: it is being cancelled, and what runs of it is being cut")
    if step.stage not in {Stage.WORK, Stage.INTERRUPTED}:
        return Conflict(f"{refused}: no work of it is running, it is {step.status.status}")
    if event.attempt > 0 and event.attempt != step.attempt:
        return Conflict(f"{refused}: its attempt {step.attempt} is running, and not {event.attempt}")
    if step.stage is Stage.WORK:
        why = f"interrupted by {event.by}{f': {event.reason}' if event.reason else ''}"
        turn.record(StepStaged(at=turn.at, step=step.id, stage=Stage.INTERRUPTED, reason=why))
        turn.effects.append(StopSteps((step.id,), event.by, event.reason))
    return None


def settle(turn: Turn, event: StepReport) -> None:
    """Take the end of work that was to be cut: a failure, unless it came to something first."""
    why = turn.step(event.step).stopped_for
    match event:
        case WorkFinished(error=None):
            finished(turn, event)
        case WorkFinished(error=str(error), begun=True):
            finished(turn, attrs.evolve(event, error=f"{why}; it said: {error}"))
        case _:
            work_failed(turn, event.step, why, "interrupted")


def order_children(turn: Turn, event: ChildrenOrdered) -> Refused | None:
    """Note what the work of a step is about to start, or say that it is to start nothing any more."""
    flow = turn.flow
    step = flow.steps.get(event.step)
    if step is None or step.stage is not Stage.WORK or step.attempt != event.attempt:
        return Conflict(f"the work of step {event.step} of flow {flow.header.flow_id} is to end, and may start nothing")
    children = tuple(one for one in event.children if one not in step.children)
    if children:
        turn.record(ChildrenWished(at=turn.at, step=step.id, children=children))
    return None


def was_cut(event: StepReport) -> bool:
    """Say whether work was ended before it came to something."""
    return isinstance(event, StepCut) or (isinstance(event, WorkFinished) and event.late)


def dismiss(turn: Turn, step: Step) -> bool:
    """Have what the work of a step has started cancelled; false if it has started nothing.

    While the runtime shuts down that is left to whoever takes the flow up again.
    """
    if step.children and not turn.flow.held:
        turn.effects.append(DismissChildren(step.id, step.attempt))
    return bool(step.children)


def lose(turn: Turn, step: Step, why: str) -> None:
    """Have work fail of which nobody knows what it did."""
    if dismiss(turn, step):
        turn.record(StepStaged(at=turn.at, step=step.id, stage=Stage.INTERRUPTED, reason=why))
    else:
        work_failed(turn, step.id, why, "interrupted")
