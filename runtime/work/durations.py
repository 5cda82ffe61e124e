"""How long tasks took, summed up by template from what is known when one is done (spec section 15.3).

Of this runtime alone, and since it was started: what a store holds is for whoever reads it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from runtime.engine.records import RunEnded
from runtime.engine.states import ResolutionState
from runtime.engine.task import Task
from runtime.journal.protocol import Record

_DONE: Final = ResolutionState.DONE  # on the names of members: `runtime.engine.states`

MOST_TEMPLATES: Final = 1000
"""How many templates are told apart: programs may name theirs as they like. The rest is summed up without a name."""


@attrs.define
class Durations:
    """Of the tasks of one template that were done: how many, and how many seconds all of them took together.

    Attributes:
        tasks: how many were done.
        valid: from being submitted until somebody took them on (until their resolution was there).
        complete: from being submitted until they were done.
        exec: from being taken on until they were done.
    """

    tasks: int = 0
    valid: float = 0.0
    complete: float = 0.0
    exec: float = 0.0


class DurationFigures:
    """The durations of all templates. Sync, and cheap: a task costs three sums when it is done, and nothing before."""

    def __init__(self) -> None:
        self._of: dict[str, Durations] = {}

    def count(self, task: Task, records: Sequence[Record]) -> None:
        """Count a task, if `records` are those that made it DONE."""
        if task.resolution is not _DONE:
            return
        for ended in reversed(records):
            if isinstance(ended, RunEnded):
                break
        else:
            return  # it was done before, and is tagged, or commented on
        name = task.plan.template.name
        figures = self._of.get(name) or self._new(name)
        submitted = task.header.submitted_at
        resolved = max(submitted, task.header.resolved_at)  # clocks are set back
        done = max(resolved, ended.at)
        figures.tasks += 1
        figures.valid += resolved - submitted
        figures.complete += done - submitted
        figures.exec += done - resolved

    def _new(self, name: str) -> Durations:
        return self._of.setdefault(name if len(self._of) < MOST_TEMPLATES else "", Durations())

    def all(self) -> Mapping[str, Durations]:
        """Give them by the names of the templates; those that were too many have none. A copy."""
        return {name: attrs.evolve(figures) for name, figures in self._of.items()}
