"""Shutdown is a phase everyone can see; cancelling is its deadline passing.

    RUNNING --begin(reason)--> DRAINING --everything ended--> CLOSED

`begin` is what a signal handler or a command calls: it sets the phase, the
reason and one hard deadline for the whole tree, and cancels nothing. The body
of `open_supervisor` sees it (`wait_draining`) and leaves its block, which stops
the tree in order. What is still running at the hard deadline is cancelled, the
body included, and reported by name in `cut` once it has ended: what shields
itself from the cancel holds up the end of the tree, for nothing can end it. The deadline only ever moves
earlier, so a second, more impatient `begin` is honoured and a later, milder one
changes nothing.
"""

import enum
import math
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import trio

from actors.reason import StopReason

__all__ = ("Phase", "ShutdownContext")


class Phase(enum.Enum):
    """How far a shutdown has come."""

    RUNNING = "running"
    DRAINING = "draining"
    CLOSED = "closed"


@attrs.define(eq=False)
class ShutdownContext:
    """One grace period for one tree. `grace_seconds` is the default for `begin`; `math.inf` never cancels.

    `reason` says who began it and why; it is None while running.
    """

    grace_seconds: float = attrs.field()
    reason: StopReason | None = attrs.field(default=None, init=False)
    _hard_deadline: float = attrs.field(default=math.inf, init=False)
    _closed: bool = attrs.field(default=False, init=False)
    _draining: trio.Event = attrs.field(factory=trio.Event, init=False)
    _scopes: list[trio.CancelScope] = attrs.field(factory=list, init=False)
    _patient: dict[trio.CancelScope, float] = attrs.field(factory=dict, init=False)
    _cut: list[str] = attrs.field(factory=list, init=False)

    @grace_seconds.validator
    def _check_grace(self, _attribute: object, value: float) -> None:
        if not value >= 0:
            raise ValueError(f"grace_seconds is {value}: it must be 0 or more")

    @property
    def phase(self) -> Phase:
        """Where the shutdown is."""
        if self._closed:
            return Phase.CLOSED
        return Phase.RUNNING if self.reason is None else Phase.DRAINING

    @property
    def hard_deadline(self) -> float:
        """When everything left is cancelled, on the monotonic clock; `math.inf` while running."""
        return self._hard_deadline

    @property
    def cut(self) -> tuple[str, ...]:
        """The paths of what did not end by itself and was cancelled by a deadline, in the order it ended."""
        return tuple(self._cut)

    def begin(self, reason: StopReason, grace_seconds: float | None = None) -> None:
        """Go to DRAINING. Sync, idempotent: the first reason stands, the earliest deadline counts."""
        if self.reason is None:
            self.reason = reason
            self._draining.set()
        grace = self.grace_seconds if grace_seconds is None else grace_seconds
        self._hard_deadline = min(self._hard_deadline, trio.current_time() + grace)
        for scope in self._scopes:
            scope.deadline = min(scope.deadline, self._hard_deadline)
        for scope, margin_seconds in self._patient.items():
            scope.deadline = min(scope.deadline, self._hard_deadline - margin_seconds)

    @contextmanager
    def patience(self, margin_seconds: float) -> Iterator[trio.CancelScope]:
        """Wait inside the block for others to end; it is cancelled `margin_seconds` before the hard deadline.

        What is left of the margin is for putting on record what did not end. A deadline that moves takes the block's
        along.
        """
        with trio.CancelScope(deadline=self._hard_deadline - margin_seconds) as scope:
            self._patient[scope] = margin_seconds
            try:
                yield scope
            finally:
                del self._patient[scope]

    async def wait_draining(self) -> StopReason | None:
        """Wait until a shutdown has begun, and give its reason. A checkpoint; cancel leaves nothing behind."""
        await self._draining.wait()
        return self.reason

    def attach(self, scope: trio.CancelScope) -> None:
        """Put a scope under the hard deadline. For the supervisor at the root of a tree."""
        self._scopes.append(scope)
        scope.deadline = min(scope.deadline, self._hard_deadline)

    def detach(self, scope: trio.CancelScope) -> None:
        """Take a scope away; the shutdown is CLOSED once it has begun and none is left."""
        self._scopes.remove(scope)
        self._closed = not self._scopes and self.reason is not None

    def report_cut(self, path: str) -> None:
        """Record the name of something a deadline cancelled."""
        self._cut.append(path)
