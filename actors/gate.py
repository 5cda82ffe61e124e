"""How many of an actor's children are under way at once, where only so many can do anything.

Those beyond that stand in line, in order, for the price of an entry in a map instead of a task, its scope and all
that its function has called by then.
"""

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.child import Child

__all__ = ("Gate",)


class Gate:
    """Lets `at_most` children through, and the next when one of them has ended: `pending` is where those go.

    One that is stopped while it stands in line is let through at once, so that it reports.
    """

    __slots__ = ("_at_most", "_line", "_pending", "_through")

    def __init__(self, at_most: int, pending: "list[Child]") -> None:
        self._at_most = at_most
        self._pending = pending
        self._through = 0
        self._line: OrderedDict[str, Child] = OrderedDict()  # the front of a dict grows slower with each that left it

    def lets(self, child: "Child") -> bool:
        """Let one through, or put it in line."""
        if self._through >= self._at_most and child.stopping is None:
            self._line[child.name] = child
            return False
        self._through += 1
        return True

    def stop(self, name: str) -> None:
        """Let one out of the line, if it stands there."""
        child = self._line.pop(name, None)
        if child is not None:
            self._pending.append(child)

    def ended(self) -> None:
        """Note that one that was let through has ended."""
        self._through -= 1
        if self._line and self._through < self._at_most:
            self._pending.append(self._line.popitem(last=False)[1])
