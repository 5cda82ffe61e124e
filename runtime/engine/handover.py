"""What most events come to: an attempt ended well, and steps that waited for it begin. Nothing else follows.

A draft would come to the same, as a law of the engine says; but it is made for whatever may happen, and this takes a
third of what it does. Whatever is out of the ordinary, the end of a run for one, is left to it.
"""

from typing import Final

from runtime.engine.effects import Effect, StartStep
from runtime.engine.events import StepFinished
from runtime.engine.persistent import updated
from runtime.engine.records import Record, StepStarted
from runtime.engine.states import ResolutionState, StepState
from runtime.engine.task import NOTHING_WISHED, Pending, Progress, Task, begun, ended
from runtime.engine.turn import Decision
from runtime.frozen import replaced

_DONE: Final = StepState.DONE  # on the names of members: `states`
_TODO: Final = StepState.TODO
_STEP_RUNNING: Final = StepState.RUNNING
_RUNNING: Final = ResolutionState.RUNNING


def handed_over(task: Task, event: StepFinished) -> Decision | None:
    """Decide on the end of an attempt; None where more may follow from it than that others begin. O(its dependents)."""
    record = event.record
    name, at = record.step, record.at
    graph, pending, run = task.graph, task.pending, task.run
    was = task.steps.get(name)
    if (
        was is None
        or was.attempt != event.attempt
        or was.state is not _STEP_RUNNING
        or not was.live
        or record.state != _DONE
        or record.error
        or event.changes
        or event.tags
        or event.wishes
        or task.resolution is not _RUNNING
        or task.course.interrupted
        or task.loops
        or task.wished is not NOTHING_WISHED
        or pending[name][1]
        or _STEP_RUNNING in graph.watched
        or _TODO in graph.watched
    ):
        return None
    records: list[Record] = [record]
    effects: list[Effect] = []
    moved: dict[str, Progress] = {name: ended(was, record, run)}
    waiting: dict[str, Pending] = {}
    for edge in graph.edges[name]:
        dependent, need = edge.dependent, edge.need
        progress = task.steps[dependent]
        if progress.state is not _TODO or progress.attempt or progress.tries or not (need.any or _DONE in need.states):
            return None
        unmet, unsettled = waiting.get(dependent, pending[dependent])
        waiting[dependent] = unmet - 1, unsettled - 1
        if unmet == 1:
            definition = task.plan.template.steps[dependent]
            if definition.foreach is not None:
                return None
            records.append(StepStarted(at, dependent, 1))
            effects.append(StartStep(dependent, 1, definition))
            moved[dependent] = begun(progress, 1, run, at)
    live = task.live - 1 + len(effects)
    if not live:
        return None
    after = replaced(
        task,
        steps=updated(task.steps, moved),
        pending=updated(pending, waiting) if waiting else pending,
        open=task.open - 1,
        live=live,
        last_activity=at,
    )
    return Decision(after, records, effects, [None])
