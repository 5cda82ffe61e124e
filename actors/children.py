"""Short-lived tasks an actor owns, each of which reports exactly once.

A child is a plain `async def` in a nursery inside its owner's task, so it
cannot outlive the owner: when the owner crashes or is cancelled its children
are cancelled and awaited before the owner's `Stopped` is announced. While the
owner lives, the end of a child is one message in the owner's mailbox, made by
`report` from its `Exit`, in a slot reserved when it was started.

`start` is sync and takes effect when the turn (or hook) that called it ends: a
turn that raises has started nothing, and an owner that never starts a child
never pays for a nursery. What a child awaits is in one cancel scope; `stop`
cancels it with a reason that comes back in `Cut`. The trio task and the scope
of a child that ended by itself carry the next one, so that children that follow
each other cost two task switches each and not a task and a scope.
"""

import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextvars import copy_context
from types import MappingProxyType
from typing import Any, Final, Generic, TypeAlias, TypeVar, TypeVarTuple

import attrs
import trio

from actors.cell import Cell
from actors.errors import ChildExists
from actors.gate import Gate
from actors.parking import Parking
from actors.reason import StopKind, StopReason

__all__ = ("Child", "Children", "Cut", "Exit", "Failed", "Returned")

_MOST_RESTING: Final = 8
"""How many trio tasks an owner keeps for the children to come."""

M = TypeVar("M")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
Ts = TypeVarTuple("Ts")


@attrs.frozen
class Returned(Generic[R_co]):
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


class Child:
    """A handle to a running child. `name` is unique among its owner's running children."""

    __slots__ = ("_deadline", "_reason", "_scope", "_stop_within", "gate", "name")

    def __init__(self, name: str, stop_within: float, deadline: float, gate: Gate | None) -> None:
        self.name = name
        self.gate = gate
        self._stop_within = stop_within
        self._deadline = deadline
        self._scope: trio.CancelScope | None = None
        self._reason: StopReason | None = None

    def __repr__(self) -> str:
        return f"<Child {self.name}>"

    @property
    def stopping(self) -> StopReason | None:
        """Why it was asked to stop, or None."""
        return self._reason

    def stop(self, reason: StopReason) -> None:
        """Cancel it, at once or `stop_within` seconds from now if that was given. Sync, idempotent: first reason stands.

        A child that returns or raises all the same reports what it did;
        otherwise it reports `Cut(reason)`.
        """
        if self._reason is not None:
            return
        self._reason = reason
        if self._scope is None:  # not begun, or over
            if self.gate is not None:
                self.gate.stop(self.name)
            return
        if self._stop_within > 0:
            self._scope.deadline = min(self._deadline, trio.current_time() + self._stop_within)
        else:
            self._scope.cancel()

    def enter(self, scope: trio.CancelScope) -> None:
        """Say what it runs in, now that it begins. For the owner's machinery."""
        self._scope = scope
        if self._deadline < math.inf:
            scope.deadline = self._deadline

    def leave(self) -> bool:
        """Part from the scope, for it is over; true if that scope may serve another child."""
        fresh = self._reason is None and self._deadline == math.inf
        self._scope = None
        return fresh


@attrs.define(eq=False)
class Job:
    """A child to run: what `Children.start` was given."""

    child: Child
    function: Callable[..., Awaitable[Any]]
    args: tuple[object, ...]
    report: Callable[[Exit[Any]], Any]


class _Carrier(Parking):
    """A trio task in one cancel scope that runs children, one after the other.

    Most children of an actor follow each other, and starting a task and a scope for each would cost more than the
    whole rest of the supervision. A scope that was cancelled, or had a deadline, serves no further child. Every child
    starts in a copy of its owner's context, as in a task of its own.
    """

    __slots__ = ("_job", "_task")

    def __init__(self, job: Job) -> None:
        self._parked = None
        self._job: Job | None = job
        self._task: trio.lowlevel.Task | None = None

    def take(self, job: Job | None) -> None:
        """Run this next, or nothing more. Sync; only while it rests."""
        self._job = job
        if job is not None and self._task is not None:
            self._task.context = copy_context()
        self.wake()

    async def run(self, owner: "Children[Any]") -> None:
        """Run children until there is none to come. The guard: an `Exception` ends here, a cancel from above passes."""
        self._task = trio.lowlevel.current_task()
        job = self._job
        exit_: Exit[Any] | None = None
        scope = trio.CancelScope()
        try:
            with scope:
                while job is not None:
                    exit_ = None
                    child = job.child
                    if child.stopping is not None:
                        break
                    child.enter(scope)
                    try:
                        exit_ = Returned(await job.function(*job.args))
                    except Exception as error:  # noqa: BLE001 - the guard: it becomes a value
                        exit_ = Failed(error)
                    if not child.leave():
                        break
                    ended, job, self._job = job, None, None
                    owner.end(ended, exit_)
                    if owner.rests(self):
                        await self.park()
                        job = self._job
        except Exception as error:
            if job is None:
                raise  # a bug in a report, which crashes the owner
            exit_ = Failed(error)  # what was beside a cancel in a group
        except BaseException:
            if job is None:
                owner.forget(self)
            else:
                owner.lose(job)
            raise
        if job is not None:
            owner.end(job, exit_)


class Children(Generic[M]):
    """The running children of one actor. Made by the actor; used in its hooks and turns only."""

    __slots__ = ("_cell", "_closing", "_gates", "_nursery", "_pending", "_resting", "_running")

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._gates: dict[str, Gate] = {}
        self._nursery: trio.Nursery | None = None
        self._running: dict[str, Child] = {}
        self._pending: list[Job] = []
        self._resting: list[_Carrier] = []
        self._closing: StopReason | None = None

    def __len__(self) -> int:
        return len(self._running)

    def __iter__(self) -> Iterator[Child]:
        return iter(tuple(self._running.values()))

    @property
    def running(self) -> Mapping[str, Child]:
        """A live, read-only view by name of what was started and has not yet ended."""
        return MappingProxyType(self._running)

    def start(
        self,
        name: str,
        function: Callable[[*Ts], Awaitable[R]],
        *args: *Ts,
        report: Callable[[Exit[R]], M],
        stop_within: float | None = None,
        deadline: float = math.inf,
        gate: tuple[str, int] | None = None,
    ) -> Child:
        """Start `function(*args)` when this turn ends. Sync, no handshake.

        Promises one message `report(exit)` in the owner's mailbox, always; only
        an owner that is itself gone gets none. `stop_within` gives `Child.stop`
        that many seconds of grace before it cancels; `deadline` (monotonic)
        cancels by itself, with a reason of kind DEADLINE. An owner that is
        already stopping has the child cut before it begins. An exception in
        `report` is a bug of the owner's and crashes it.

        `gate` names one of the owner's and says how many children it lets
        through at once: those that are started beyond that stand in line, in
        order, and cost next to nothing. What is stopped in line reports at
        once; a deadline is heeded once the child is let through.

        Raises:
            ChildExists: a child of that name is running.
        """
        if name in self._running:
            raise ChildExists(self._cell.address.name, name)
        child = Child(name, stop_within or 0.0, deadline, None if gate is None else self._gate(*gate))
        self._running[name] = child
        self._cell.mailbox.expect()
        if self._closing is not None:
            child.stop(self._closing)
        self._pending.append(Job(child, function, args, report))
        return child

    def _gate(self, name: str, at_most: int) -> Gate:
        gate = self._gates.get(name)
        if gate is None:
            gate = self._gates[name] = Gate(at_most, self._pending)
        return gate

    def stop_all(self, reason: StopReason) -> None:
        """Stop every child, and every one that is started from now on. Sync, idempotent. They report as they end."""
        self._closing = reason
        for child in self:
            child.stop(reason)

    def flush(self) -> bool:
        """Begin what was started; False when there is something to begin and no nursery yet. For the actor's loop."""
        if self._pending:
            if self._nursery is None:
                return False
            for job in self._pending:
                gate = job.child.gate
                if gate is not None and not gate.lets(job):
                    continue
                if self._resting:
                    self._resting.pop().take(job)
                else:
                    self._nursery.start_soon(_Carrier(job).run, self, name=self._cell.address.name)
            self._pending.clear()
        return True

    def open(self, nursery: trio.Nursery) -> None:
        """Use this nursery from now on. For the actor's loop."""
        self._nursery = nursery

    def close(self) -> None:
        """Start nothing more, so that the nursery can end. For the actor's loop."""
        resting, self._resting = self._resting, []
        for carrier in resting:
            carrier.take(None)

    def rests(self, carrier: _Carrier) -> bool:
        """Keep a carrier for a child to come; false when there are enough. For carriers."""
        if len(self._resting) >= _MOST_RESTING:
            return False
        self._resting.append(carrier)
        return True

    def forget(self, carrier: _Carrier) -> None:
        """Do not count on a carrier any more. For carriers."""
        if carrier in self._resting:
            self._resting.remove(carrier)

    def end(self, job: Job, exit_: Exit[Any] | None) -> None:
        """Report how a child ended; None: it was cut. For carriers."""
        child = job.child
        del self._running[child.name]
        if child.gate is not None:
            child.gate.ended()
        self._cell.mailbox.report(job.report(exit_ or Cut(self._why_cut(child))))

    def lose(self, job: Job) -> None:
        """Note a child that is cut together with its owner: nobody is left to hear of it. For carriers."""
        del self._running[job.child.name]
        self._note_cut(job.child)

    def _why_cut(self, child: Child) -> StopReason:
        return child.stopping or StopReason(
            kind=StopKind.DEADLINE, requester=self._cell.address.name, text="its deadline passed"
        )

    def _note_cut(self, child: Child) -> None:
        if self._cell.mailbox.closed is not None or self._cell.shutdown.reason is not None:
            self._cell.shutdown.report_cut(f"{self._cell.address.path}/{child.name}")
