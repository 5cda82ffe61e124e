"""The moments at which a crash makes a difference, named by what is stored by then and what is done.

A `Faults` is passed in like a clock. In production there is none; a test crosses every point with every record
of a task, ends the world there, and looks at what the journal makes of it.
"""

from enum import Enum, auto
from typing import Protocol


class FaultPoint(Enum):
    """Where the world may end."""

    BEFORE_APPEND = auto()
    """Something was decided, and is neither stored nor done."""
    AFTER_APPEND = auto()
    """It is stored, and nothing of it done."""
    AFTER_START = auto()
    """It is stored and done, for all that does not wait."""
    BEFORE_REPLY = auto()
    """And nobody was told."""


class Faults(Protocol):
    """What happens at a point."""

    def reach(self, point: FaultPoint) -> None:
        """Be told that a point is reached. Sync."""
        ...


def reach(faults: Faults | None, point: FaultPoint) -> None:
    """Tell whoever wants to know that a point is reached. Sync."""
    if faults is not None:
        faults.reach(point)
