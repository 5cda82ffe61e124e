"""One short-lived task of an actor: the handle to it, and how it ended.

One of each is made for every child that ends well, so both are made by msgspec, in C.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import attrs
import msgspec
import trio

from actors.gate import Gate
from actors.reason import StopReason

if TYPE_CHECKING:
    from actors.children import Children

__all__ = ("Child", "Cut", "Exit", "Failed", "Returned")

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Returned(msgspec.Struct, Generic[R_co], frozen=True):
    """The function returned this value."""

    value: R_co


@attrs.frozen
class Failed:
    """The function raised this error."""

    error: Exception


@attrs.frozen
class Cut:
    """The function was cancelled, for this reason."""

    reason: StopReason


Exit: TypeAlias = Returned[R] | Failed | Cut


class Child(msgspec.Struct, eq=False):
    """A handle to a running child. `name` is unique among its owner's running children; `stopping`: why it is to stop.

    The rest is for the owner's machinery: what to run and in which scope, and how its end is reported.
    """

    owner: "Children[Any]"
    name: str
    function: Callable[..., Awaitable[Any]]
    args: tuple[object, ...]
    report: "Callable[[Exit[Any]], Any]"
    stop_within: float
    deadline: float | None
    gate: Gate | None
    scope: trio.CancelScope | None = None
    stopping: StopReason | None = None

    def __repr__(self) -> str:
        return f"<Child {self.name}>"

    def stop(self, reason: StopReason) -> None:
        """Cancel it, at once or `stop_within` seconds from now if that was given. Sync, idempotent: first reason stands.

        A child that returns or raises all the same reports what it did;
        otherwise it reports `Cut(reason)`.
        """
        if self.stopping is not None:
            return
        self.stopping = reason
        if self.scope is None:  # not begun, or over
            if self.gate is not None:
                self.gate.stop(self.name)
            return
        if self.stop_within > 0:
            self.scope.deadline = min(self.scope.deadline, trio.current_time() + self.stop_within)
        else:
            self.scope.cancel()

    def cancel(self, reason: StopReason) -> None:
        """Cancel it at once, for its owner is gone; it does not begin any more. Sync."""
        self.stopping = self.stopping or reason
        if self.scope is not None:
            self.scope.cancel()

    def enter(self, scope: trio.CancelScope) -> bool:
        """Say what it runs in, now that it begins; false if it was stopped before. Sync."""
        if self.stopping is not None:
            return False
        self.scope = scope
        if self.deadline is not None:
            scope.deadline = self.deadline
        return True
