"""Short-lived tasks an actor owns, each of which reports exactly once.

A child is a plain `async def` in a nursery inside its owner's task, so it
cannot outlive the owner: when the owner crashes or is cancelled its children
are cancelled and awaited before the owner's `Stopped` is announced. While the
owner lives, the end of a child is one message in the owner's mailbox, made by
`report` from its `Exit`, in a slot reserved when it was started.

`start` is sync and takes effect when the turn (or hook) that called it ends: a
turn that raises has started nothing, and an owner that never starts a child
never pays for a nursery. What a child awaits is in one cancel scope; `stop`
cancels it with a reason that comes back in `Cut`.

Children that follow each other share what they can. The trio task and the scope
of one that ended by itself carry the next. And where its owner sleeps, the task
that carried it takes the owner's turn on its report, and goes on with the child
that this starts: a turn belongs to the actor, not to a task, and so long as only
one takes turns at a time, in the same context, nobody can tell. A chain of
children costs no switch of tasks then; so that others run all the same, every
few children one wakes the owner.
"""

import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextvars import copy_context
from types import MappingProxyType
from typing import Any, Final, Generic, TypeAlias, TypeVar, TypeVarTuple

import attrs
import trio

from actors.ask import Question
from actors.cell import Cell
from actors.contexts import same
from actors.errors import ChildExists
from actors.gate import Gate
from actors.parking import Parking
from actors.reason import StopKind, StopReason

__all__ = ("Child", "Children", "Cut", "Exit", "Failed", "Returned")

_MOST_IN_A_ROW: Final = 8
"""How many turns a carrier takes in its owner's place until it lets everybody else run."""

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

    __slots__ = ("_job", "_led", "_task")

    def __init__(self, job: Job) -> None:
        self._parked = None
        self._led = 0
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
                    if self._led < _MOST_IN_A_ROW and owner.lends():
                        self._led += 1
                        job = await owner.go_on(ended, exit_)
                    else:
                        self._led = 0
                        owner.end(ended, exit_)
                    if job is None and owner.rests(self):
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

    __slots__ = (
        "_cell",
        "_closing",
        "_failure",
        "_gates",
        "_nursery",
        "_owner",
        "_pending",
        "_resting",
        "_running",
        "_turn",
    )

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._failure: Exception | None = None
        self._owner: trio.lowlevel.Task | None = None
        self._turn: Callable[[Sequence[M | Question[M]]], Awaitable[None]] | None = None
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
        if self._pending and self._nursery is None:
            return False
        self._begin(self._let_through())
        return True

    def _let_through(self) -> list[Job]:
        if not self._pending:
            return []
        jobs = [job for job in self._pending if job.child.gate is None or job.child.gate.lets(job)]
        self._pending.clear()
        return jobs

    def _begin(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if self._resting:
                self._resting.pop().take(job)
            elif self._nursery is not None:
                self._nursery.start_soon(_Carrier(job).run, self, name=self._cell.address.name)

    def open(self, nursery: trio.Nursery, turn: Callable[[Sequence[M | Question[M]]], Awaitable[None]]) -> None:
        """Use this nursery from now on, and `turn` where a carrier takes one. For the actor's loop."""
        self._nursery = nursery
        self._owner = trio.lowlevel.current_task()
        self._turn = turn

    def check(self) -> None:
        """Raise what a turn raised that a carrier took. For the actor's loop."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def close(self) -> None:
        """Start nothing more, so that the nursery can end. For the actor's loop; idempotent."""
        self._owner = self._turn = None
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

    def lends(self) -> bool:
        """Let a carrier take the owner's turn, if nobody can tell: it owes `go_on` then. For carriers.

        In a shutdown the owner is about to hear of that, and no turn may start anything before it has.
        """
        owner, cell = self._owner, self._cell
        return (
            owner is not None
            and cell.shutdown.reason is None
            and same(copy_context(), owner.context)
            and cell.mailbox.lend()
        )

    async def go_on(self, job: Job, exit_: Exit[Any]) -> Job | None:
        """Take the owner's turn on how a child ended, and on what comes meanwhile; give what is to be run next.

        What the turn raises is raised by the owner: it is woken for that.
        """
        mailbox, turn = self._cell.mailbox, self._turn
        wake = self._cell.hibernates
        try:
            batch = [self._ended(job, exit_)]
            mailbox.took_report()
            while batch and turn is not None:
                await turn(batch)
                self._keep_context()
                jobs = self._let_through()
                if jobs:
                    self._begin(jobs[1:])
                    return jobs[0]
                stopping = mailbox.closed is not None or self._cell.shutdown.reason is not None
                batch = [] if stopping else mailbox.take_nowait()
        except Exception as error:  # noqa: BLE001 - only carried to the owner
            self._failure = error
            wake = True
        finally:
            mailbox.give_back(wake=wake)
        return None

    def _keep_context(self) -> None:
        """Let the turns to come see what this one set."""
        now = copy_context()
        if self._owner is not None and not same(now, self._owner.context):
            self._owner.context = now

    def end(self, job: Job, exit_: Exit[Any] | None) -> None:
        """Report how a child ended; None: it was cut. For carriers."""
        self._cell.mailbox.report(self._ended(job, exit_))

    def _ended(self, job: Job, exit_: Exit[Any] | None) -> Any:
        child = job.child
        del self._running[child.name]
        if child.gate is not None:
            child.gate.ended()
        return job.report(exit_ or Cut(self._why_cut(child)))

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
