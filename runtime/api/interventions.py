"""What is said on a task when somebody has a hand in it: every manual intervention leaves a comment (spec section 7.8)."""

from typing import Final

from runtime.api.access import AboutTask
from runtime.api.commands import (
    CancelTask,
    EditResolverInputs,
    EditTaskInputs,
    EditTaskSteps,
    ExtendTask,
    InterruptStep,
    PauseTask,
    RejectTask,
    RunTask,
    SetStepState,
    StartTaskOver,
)
from runtime.engine.task import Task

_LONGEST: Final = 1000


def intervention(message: AboutTask, before: Task) -> str:
    """Say what a message did to a task, which was `before`; nothing, where it is no intervention."""
    match message:
        case RunTask():
            return "ran it"
        case PauseTask(force=force):
            done = "paused it by force" if force else "paused it"
        case CancelTask():
            done = "cancelled it"
        case ExtendTask():
            done = "granted it more runs"
        case RejectTask():
            done = "rejected it"
        case StartTaskOver():
            done = "started it over"
        case InterruptStep(step=step):
            done = f'interrupted step "{step}"'
        case SetStepState(step=step, state=state):
            done = f'set the state of step "{step}": {before.steps[step].state} -> {state}'
        case EditTaskSteps(steps=steps) if steps:
            done = f"edited steps: {', '.join(steps)}"
        case EditResolverInputs():
            done = "edited the inputs of its resolver"
        case EditTaskInputs():
            done = "edited what it was submitted with"
        case _:
            return ""
    return (f"{done}: {message.reason}" if message.reason else done)[:_LONGEST]
