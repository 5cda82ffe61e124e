"""The task that a header and a plan begin: nothing has happened to it yet."""

from collections.abc import Mapping
from typing import Final

from runtime.engine.states import ResolutionState
from runtime.engine.task import NO_NOTES, Header, Notes, Plan, Task

_TODO: Final = ResolutionState.TODO  # on the names of members: `states`


def new_task(header: Header, plan: Plan, *, tags: Mapping[str, str], at: float) -> Task:
    """Make a task to which nothing has happened."""
    return Task(
        header,
        plan,
        plan.graph,
        _TODO,
        plan.steps,
        plan.pending,
        plan.ready,
        len(plan.steps),
        last_activity=at,
        notes=Notes(dict(tags)) if tags else NO_NOTES,
    )
