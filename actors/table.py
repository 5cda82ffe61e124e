"""The rows of a supervisor's table: one per child, over all its incarnations."""

import enum
from typing import TYPE_CHECKING

import attrs

from actors.reason import StopReason
from actors.spec import ChildSpec, Nested, Restart, Start
from actors.tree import TreeNode
from actors.window import Stamps

if TYPE_CHECKING:
    from actors.address import Address
    from actors.cell import Cell
    from actors.supervisor import Supervisor

__all__ = ("ChildCount", "ChildInfo", "ChildState", "Row", "SupervisorStatistics")

_WORKER_STOP_SECONDS = 5.0


class ChildState(enum.Enum):
    """Where a child is in its life.

    STARTING (a handshake is awaited) -> RUNNING -> STOPPING (asked to) -> one of
    WAITING (to be started again), STOPPED, QUARANTINED (over its restart
    window), HELD (down because a quarantined sibling is).
    """

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    WAITING = "waiting"
    STOPPED = "stopped"
    QUARANTINED = "quarantined"
    HELD = "held"


@attrs.frozen(kw_only=True)
class ChildInfo:
    """A picture of one child. `reason` is why its last incarnation ended, None if none has."""

    id: str
    state: ChildState
    incarnation: int
    restart: Restart
    dynamic: bool
    significant: bool
    supervisor: bool
    reason: StopReason | None


@attrs.frozen(kw_only=True)
class ChildCount:
    """How many children a supervisor has: rows in all, how many of them live, and of which kind."""

    children: int
    alive: int
    supervisors: int
    workers: int


@attrs.frozen(kw_only=True)
class SupervisorStatistics:
    """What a supervisor has and has done. `started` counts incarnations, `restarted` those after a failure."""

    children: int
    alive: int
    quarantined: int
    started: int
    restarted: int


class Row:
    """One child in the table. Internal; changed by its supervisor only.

    The spec is not kept, only its fields, so that `start` can be let go once a
    temporary child has started: it may hold large arguments.
    """

    __slots__ = (
        "address",
        "asked",
        "backoff",
        "capacity",
        "cell",
        "dynamic",
        "handshake",
        "held",
        "id",
        "incarnation",
        "nested",
        "order",
        "reason",
        "restart",
        "significant",
        "stamps",
        "start",
        "state",
        "stop_within",
        "window",
    )

    def __init__(self, spec: ChildSpec, order: int, *, dynamic: bool) -> None:
        self.id = spec.id
        self.start: Start | Nested | None = spec.start
        self.restart = spec.restart
        self.window = spec.window
        self.backoff = spec.backoff
        self.stop_within = spec.stop_within
        self.capacity = spec.capacity
        self.handshake = spec.handshake or isinstance(spec.start, Nested)
        self.significant = spec.significant
        self.order = order
        self.dynamic = dynamic
        self.incarnation = 0
        self.state = ChildState.WAITING
        self.asked = False
        self.held = False
        self.cell: Cell | None = None
        self.address: Address[object] | None = None
        self.nested: Supervisor | None = None
        self.reason: StopReason | None = None
        self.stamps: Stamps | None = None

    @property
    def alive(self) -> bool:
        """True while an incarnation has not ended."""
        return self.cell is not None

    @property
    def grace(self) -> float:
        """Seconds between being asked to stop and being cancelled."""
        if self.stop_within is not None:
            return self.stop_within
        return float("inf") if self.nested is not None else _WORKER_STOP_SECONDS

    def fail(self, now: float) -> bool:
        """Note a failure; False if that is one too many for this child's window."""
        if self.stamps is None:
            self.stamps = Stamps(self.window)
        return self.stamps.allow(now)

    def info(self) -> ChildInfo:
        """Give a picture of now."""
        return ChildInfo(
            id=self.id,
            state=self.state,
            incarnation=self.incarnation,
            restart=self.restart,
            dynamic=self.dynamic,
            significant=self.significant,
            supervisor=self.nested is not None,
            reason=self.reason,
        )

    def node(self) -> TreeNode:
        """Give this child as a line of the tree."""
        facts = [self.state.value]
        if self.incarnation > 1:
            facts.append(f"incarnation {self.incarnation}")
        waiting = self.address.statistics().depth if self.address else 0
        if waiting:
            facts.append(f"{waiting} waiting")
        if self.reason is not None and not self.alive:
            facts.append(str(self.reason))
        return TreeNode(name=self.id, facts=facts)
