"""A decision in the making, as the modules that share in making it see it."""

from typing import Protocol

from runtime.engine.draft import Draft
from runtime.engine.effects import Effect
from runtime.engine.records import Record


class Turn(Protocol):
    """What `runtime.engine.decision` lends to `family` and `operations`."""

    draft: Draft
    effects: list[Effect]
    resumed: bool

    def record(self, record: Record) -> None:
        """Add a record, and take it in."""
        ...

    def begin_run(self, at: float) -> None:
        """Begin a run as soon as there is a slot for it."""
        ...

    def prune(self, modified: list[str], *, at: float) -> None:
        """Prune what can no longer have its needs met."""
        ...
