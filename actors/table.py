"""A supervisor's table: one row per child, over all its incarnations, and what can be read off it.

Rows are small, for there may be a hundred thousand of them: what a `ChildSpec`
says is shared by all children of one kind (`ChildKind`), and what few children have
is made when the first thing goes into it (`History`).
"""

import enum
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, cast

import attrs
import msgspec

from actors.errors import ChildExists, ChildUnknown
from actors.reason import StopReason
from actors.spec import ChildKind, ChildSpec, Nested, Restart, Runnable, Start, kind_of
from actors.tree import TreeNode
from actors.window import Stamps

if TYPE_CHECKING:
    from actors.address import Address
    from actors.cell import Cell
    from actors.mailbox import Tally
    from actors.supervisor import Supervisor

__all__ = ("ChildCount", "ChildInfo", "ChildState", "History", "Row", "SupervisorStatistics", "Table")

_WORKER_STOP_SECONDS = 5.0


class ChildState(enum.Enum):
    """Where a child is in its life.

    STARTING (a handshake is awaited) -> RUNNING -> STOPPING (asked to) -> one of
    WAITING (to be started again), STOPPED, QUARANTINED (over its restart
    window), HELD (down because a quarantined sibling is). A child whose spec
    says so is HIBERNATING while it has nothing to do, and lives all the same.
    """

    STARTING = "starting"
    RUNNING = "running"
    HIBERNATING = "hibernating"
    STOPPING = "stopping"
    WAITING = "waiting"
    STOPPED = "stopped"
    QUARANTINED = "quarantined"
    HELD = "held"

    @property
    def down(self) -> bool:
        """True when it does not live and nothing will start it but a person."""
        return self is ChildState.STOPPED or self is ChildState.QUARANTINED or self is ChildState.HELD


_WAITING = ChildState.WAITING  # for every child, as in `incarnation`


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


class History(msgspec.Struct, eq=False):
    """What is remembered of a child: how its last incarnation ended, its failures, and what a mailbox at rest has seen."""

    reason: StopReason | None = None
    stamps: Stamps | None = None
    tally: "Tally | None" = None


class Row(msgspec.Struct, eq=False):
    """One child in the table. Internal; changed by its supervisor only.

    The spec is not kept, so that `start` can be let go once a temporary child
    has begun: it may hold large arguments. `cell` is there while a task runs,
    `kept` is a supervisor's handle or an actor that hibernates.
    """

    id: str
    start: Start | Nested | None
    kind: ChildKind
    state: ChildState = _WAITING
    address: "Address[object] | None" = None
    cell: "Cell | None" = None
    kept: Runnable | None = None
    _past: History | StopReason | None = None  # of most there is no more to remember than why they ended

    @property
    def alive(self) -> bool:
        """True while an incarnation has not ended."""
        return self.address is not None and self.address.alive

    @property
    def incarnation(self) -> int:
        """The number of the current or last incarnation, 0 before the first."""
        return 0 if self.address is None else self.address.incarnation

    @property
    def supervisor(self) -> bool:
        """True if the child is a supervisor."""
        return isinstance(self.start, Nested)

    @property
    def nested(self) -> "Supervisor | None":
        """The handle of the child that is a supervisor, once it was started."""
        return cast("Supervisor | None", self.kept) if self.supervisor else None

    @property
    def grace(self) -> float:
        """Seconds between being asked to stop and being cancelled."""
        within = self.kind.stop_within
        if within is not None:
            return within
        return float("inf") if self.supervisor else _WORKER_STOP_SECONDS

    @property
    def history(self) -> History:
        """What is remembered, to be written to."""
        past = self._past
        if not isinstance(past, History):
            past = self._past = History(past)
        return past

    @property
    def reason(self) -> StopReason | None:
        """Why its last incarnation ended, None if none has."""
        past = self._past
        return past.reason if isinstance(past, History) else past

    @property
    def tally(self) -> "Tally | None":
        """What its mailbox had seen when it went to rest."""
        past = self._past
        return None if past is None or isinstance(past, StopReason) else past.tally

    def end(self, reason: StopReason) -> None:
        """Note how an incarnation ended."""
        self.cell = None
        if not self.supervisor:
            self.kept = None
        past = self._past
        if past is None or isinstance(past, StopReason):
            self._past = reason
        else:
            past.reason, past.tally = reason, None

    def fail(self, now: float) -> bool:
        """Note a failure; False if that is one too many for this child's window."""
        history = self.history
        if history.stamps is None:
            history.stamps = Stamps(self.kind.window)
        return history.stamps.allow(now)

    @property
    def failures(self) -> int:
        """How many failures counted at the last call of `fail`."""
        stamps = self._past.stamps if isinstance(self._past, History) else None
        return 0 if stamps is None else stamps.count

    def forgive(self) -> None:
        """Forget its failures."""
        if isinstance(self._past, History):
            self._past.stamps = None

    def info(self) -> ChildInfo:
        """Give a picture of now."""
        return ChildInfo(
            id=self.id,
            state=self.state,
            incarnation=self.incarnation,
            restart=self.kind.restart,
            dynamic=self.kind.dynamic,
            significant=self.kind.significant,
            supervisor=self.supervisor,
            reason=self.reason,
        )

    def node(self, most: int) -> TreeNode:
        """Give this child as a line of the tree, with at most so many lines below it."""
        if self.nested is not None:
            return self.nested.tree_node(self.id, most)
        facts = [self.state.value]
        if self.incarnation > 1:
            facts.append(f"incarnation {self.incarnation}")
        waiting = self.address.statistics().depth if self.address else 0
        if waiting:
            facts.append(f"{waiting} waiting")
        if self.reason is not None and not self.alive:
            facts.append(str(self.reason))
        return TreeNode(name=self.id, facts=facts)


class Table:
    """The rows of one supervisor by id, in start order."""

    __slots__ = ("_kind", "_owner", "_rows")

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._rows: dict[str, Row] = {}
        self._kind: ChildKind | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def __contains__(self, child: str) -> bool:
        return child in self._rows

    def __getitem__(self, child: str) -> Row:
        """Give a row.

        Raises:
            ChildUnknown: there is none of that id.
        """
        row = self._rows.get(child)
        if row is None:
            raise ChildUnknown(self._owner, child)
        return row

    def add(self, kind: ChildKind, child: str, start: Start | Nested) -> Row:
        """Make a row, the last in order: of a child of this kind, of this id and with this start.

        Raises:
            ChildExists: there is one of that id.
        """
        if child in self._rows:
            raise ChildExists(self._owner, child)
        row = self._rows[child] = Row(child, start, kind)
        return row

    def kind_of(self, spec: ChildSpec, *, dynamic: bool) -> ChildKind:
        """Give the kind of the child that a spec is of: the last one that was asked for, if it is the same."""
        self._kind = kind_of(spec, dynamic=dynamic, like=self._kind)
        return self._kind

    def remove(self, row: Row) -> None:
        """Take a row out, if it is in. Its id may be used again."""
        if self._rows.get(row.id) is row:
            del self._rows[row.id]

    def after(self, row: Row) -> list[Row]:
        """Give the rows that come after one."""
        rows = list(self._rows.values())
        return rows[rows.index(row) + 1 :]

    def count(self) -> ChildCount:
        """Count the rows."""
        supervisors = sum(row.supervisor for row in self)
        return ChildCount(
            children=len(self),
            alive=sum(row.alive for row in self),
            supervisors=supervisors,
            workers=len(self) - supervisors,
        )

    def nodes(self, most: int) -> tuple[TreeNode, ...]:
        """Give the first rows as lines of the tree, each with at most so many below it."""
        return tuple(row.node(most) for row in islice(self, most))
