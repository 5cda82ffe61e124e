"""One incarnation of one child, while it has a task: what the guard, the actor and the supervisor share about it.

Internal. A cell lives as long as the task; what outlives it is the address. The
scope exists only for actors that can wait somewhere else than on their mailbox:
a purely synchronous actor is always at its mailbox between two turns, so
closing that is enough to stop it, and it is spared the 8 us and the 600 bytes
of a cancel scope.
"""

import math
from collections.abc import Callable

import msgspec
import trio

from actors.address import Address
from actors.carriers import Carriers
from actors.child import Child
from actors.clock import Clock
from actors.mailbox import Mailbox
from actors.observer import Observer
from actors.reason import StopReason
from actors.shutdown import ShutdownContext

__all__ = ("Cell",)


class Cell(msgspec.Struct, eq=False):
    """The living part of a child.

    `ready` is called once, when `started` has run. `hibernates`: the task may
    end while there is nothing to do. `resumed`: it began in an earlier task.
    `told`: the actor knows that it is to stop. `mortal`: its stop has a deadline. `timed`: how long its
    turns take is wanted. `carried`: the child that the task is to carry, now that
    its actor needs none.
    """

    address: Address[object]
    mailbox: Mailbox[object]
    clock: Clock
    shutdown: ShutdownContext
    observer: Observer | None
    ready: Callable[[], None] | None
    carriers: Carriers
    hibernates: bool
    resumed: bool
    mortal: bool
    timed: bool
    told: bool = False
    carried: Child | None = None
    within: float = math.inf
    _deadline: float = math.inf
    _scope: trio.CancelScope | None = None

    def new_scope(self) -> trio.CancelScope:
        """Make the scope everything this incarnation awaits happens in."""
        self._scope = trio.CancelScope(deadline=self._deadline)
        return self._scope

    @property
    def unguarded(self) -> bool:
        """True if the stop deadline has nothing to act on, though there may be one."""
        return self._scope is None and self.mortal

    @property
    def cut(self) -> bool:
        """True if it ended by the stop deadline's cancel."""
        return self._scope is not None and self._scope.cancelled_caught

    def stop(self, reason: StopReason, within: float) -> None:
        """Ask to stop: no more posts, and cancelled unless it ends `within` seconds (0: at once). Sync, idempotent."""
        self.mailbox.close(reason)
        self.within = min(self.within, within)
        if within <= 0:
            self.mailbox.discard()
        if math.isfinite(within):
            self._deadline = min(self._deadline, self.clock.monotonic() + within)
            if self._scope is not None:
                self._scope.deadline = min(self._scope.deadline, self._deadline)
