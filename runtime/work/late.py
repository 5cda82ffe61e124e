"""What a runtime that shuts down still does for tasks of which it may begin nothing: others go on with what it records.

Only where there are others is anything taken on so late. What is decided is stored, and nothing of it is begun: each first
attempt is on record as one that was not, and whoever takes the task over begins where its records end.
"""

from collections.abc import Sequence
from typing import Any, Final

from runtime.engine.decision import decide
from runtime.engine.effects import StartStep
from runtime.engine.events import DrainBegan, StepFinished
from runtime.engine.records import StepReturned
from runtime.engine.states import StepState
from runtime.engine.task import Task
from runtime.errors import NotFound
from runtime.flow.flow import Flow
from runtime.journal.protocol import Record
from runtime.work.requests import event_of
from runtime.work.task import TaskActor

_LATE: Final = "the runtime is shutting down: the step had not begun"


def put_down(task: Task | Flow, effects: Sequence[Any], *, at: float) -> tuple[Task | Flow, Sequence[Record]]:
    """Say that what was decided to be begun was not; nothing where nothing was."""
    if isinstance(task, Flow):
        from runtime.work.flows.late import put_down_flow  # noqa: PLC0415 - as below

        return put_down_flow(task, effects, at=at, why=_LATE)
    reports = [
        StepFinished(
            StepReturned(at, one.step, StepState.TO_RETRY, StepState.TO_RETRY, _LATE, tried=False), one.attempt
        )
        for one in effects
        if isinstance(one, StartStep)
    ]
    if not reports:
        return task, ()
    decision = decide(task, DrainBegan(at=at, requester="runtime", reason=_LATE), *reports)
    return decision.task, decision.records


def decide_late(
    unit: Task | Flow, message: Any, *, at: float
) -> tuple[Task | Flow, Sequence[Record], Exception | None]:
    """Decide on a message to a task or a flow: what it is then, what to store, and the refusal of the message."""
    if isinstance(unit, Flow):
        from runtime.work.flows.late import decide_late_on_flow  # noqa: PLC0415 - many runtimes never see a flow

        return decide_late_on_flow(unit, message, at=at, why=_LATE)
    if isinstance(message, TaskActor.foreign):
        return unit, (), NotFound("flow", unit.header.task_id, "it is a task")
    decision = decide(unit, event_of(message, at))
    after, more = put_down(decision.task, decision.effects, at=at)
    return after, (*decision.records, *more), decision.refusals[-1]
