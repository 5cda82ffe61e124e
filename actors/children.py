"""Short-lived tasks an actor owns, each of which reports exactly once.

A child is a plain `async def` that cannot outlive its owner: when the owner
crashes or is cancelled its children are cancelled and awaited before the
owner's `Stopped` is announced. While the owner lives, the end of a child is one
message in the owner's mailbox, made by `report` from its `Exit`, in a slot
reserved when it was started.

`start` is sync and takes effect when the turn (or hook) that called it ends: a
turn that raises has started nothing. What a child awaits is in one cancel
scope; `stop` cancels it with a reason that comes back in `Cut`.

Children run in trio tasks of the supervisor's, each of which carries one after
the other (`carriers`). And where its owner sleeps, the task that carried a child
takes the owner's turn on its report, and goes on with the child that this
starts: a turn belongs to the actor, not to a task, and so long as only one takes
turns at a time, in the same context, nobody can tell. A chain of children costs
no switch of tasks then; so that others run all the same, every few children one
wakes the owner.

So an owner needs no task of its own while its children run. Where no deadline of
its stop has to act on it, the task it began in carries its first child, and the
owner is absent (`Absence`). It is given another task when there is something to
do that no carrier does for it; and where the turn on its last child was its own
last, and stopped it, it ends then and there.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextvars import copy_context
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar, TypeVarTuple

import trio

from actors.ask import Question
from actors.cell import Cell
from actors.child import Child, Cut, Exit
from actors.errors import ChildExists
from actors.gate import Gate
from actors.mailbox import Mailbox
from actors.parking import Absent, Parking
from actors.reason import StopKind, StopReason

__all__ = ("Absence", "Children")

M = TypeVar("M")
R = TypeVar("R")
Ts = TypeVarTuple("Ts")


class Absence(Absent, Protocol):
    """An owner that has no task."""

    def end(self) -> None:
        """End, having stopped with nothing left to do. Sync."""


async def _nothing(_: object) -> None:
    pass


class Children(Parking, Generic[M]):
    """The running children of one actor. Made by the actor; used in its hooks and turns only."""

    __slots__ = (
        "_absence",
        "_carrying",
        "_cell",
        "_closing",
        "_failure",
        "_gates",
        "_leader",
        "_lost",
        "_pending",
        "_running",
        "_tell",
        "_turn",
    )

    def __init__(
        self,
        cell: Cell,
        turn: Callable[[Sequence[M | Question[M]]], Awaitable[None]],
        tell: Callable[[StopReason], Awaitable[None]],
    ) -> None:
        self._parked = None
        self._cell = cell
        self._absence: Absence | None = None
        self._turn = turn
        self._tell = tell
        self._leader: trio.CancelScope | None = None  # what a carrier is in that takes a turn in the owner's place
        self._failure: Exception | None = None
        self._gates: dict[str, Gate] = {}
        self._running: dict[str, Child] = {}
        self._carrying = 0  # how many carriers have one of them, or go on for the owner with what follows one
        self._pending: list[Child] = []
        self._closing: StopReason | None = None
        self._lost = False

    def __len__(self) -> int:
        return len(self._running)

    def __iter__(self) -> Iterator[Child]:
        return iter(tuple(self._running.values()))

    @property
    def running(self) -> Mapping[str, Child]:
        """A live, read-only view by name of what was started and has not yet ended."""
        return MappingProxyType(self._running)

    @property
    def name(self) -> str:
        """What the tasks of the children are called: as their owner is."""
        return self._cell.address.name

    def start(
        self,
        name: str,
        function: Callable[[*Ts], Awaitable[R]],
        *args: *Ts,
        report: Callable[[Exit[R]], M],
        stop_within: float = 0.0,
        deadline: float | None = None,
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
        child = Child(
            self,
            name,
            function,
            args,
            report,
            stop_within,
            deadline,
            None if gate is None else self._gate(*gate),
        )
        self._running[name] = child
        self._cell.mailbox.expect()
        if self._closing is not None:
            child.stop(self._closing)
        self._pending.append(child)
        return child

    def _gate(self, name: str, at_most: int) -> Gate:
        gate = self._gates.get(name)
        if gate is None:
            gate = self._gates[name] = Gate(at_most, self._pending)
        return gate

    def stop_all(self, reason: StopReason) -> None:
        """Stop every child, and every one that is started from now on. Sync, idempotent. They report as they end."""
        self._closing = reason
        for child in tuple(self._running.values()):
            child.stop(reason)

    # --- for the actor's loop ------------------------------------------------

    @property
    def pending(self) -> bool:
        """Whether something was started that has not begun."""
        return bool(self._pending)

    def flush(self) -> None:
        """Begin what was started, as far as it is let through."""
        if self._pending and (first := self._first_of_pending()) is not None:
            self._begin(first)

    def _begin(self, child: Child) -> None:
        self._carrying += 1
        self._cell.carriers.begin(child, self.name, copy_context())

    def _first_of_pending(self) -> Child | None:
        """Begin what was started and is let through, but for the first, which is given."""
        pending = self._pending
        if len(pending) == 1 and not self._gates:  # as nearly always
            return pending.pop()
        through = pending.copy()
        pending.clear()
        if self._gates:
            through = [child for child in through if child.gate is None or child.gate.lets(child)]
        for child in through[1:]:
            self._begin(child)
        return through[0] if through else None

    def entrust(self) -> bool:
        """Begin what was started, but for the first, and leave that to the owner's task; false if it has to stay.

        Only where that task has nothing else to do, and may go.
        """
        cell = self._cell
        if cell.mortal or cell.hibernates or not cell.mailbox.quiet or cell.shutdown.reason is not None:
            return False
        cell.carried = self._first_of_pending()
        if cell.carried is None:
            return False
        self._carrying += 1
        return True

    def leave(self, absence: Absence) -> None:
        """Let the owner be absent from now on."""
        self._absence = absence
        self._cell.mailbox.leave(absence)

    def rejoin(self) -> None:
        """Have the owner back, in a task."""
        self._absence = None

    def check(self) -> None:
        """Raise what a turn raised that a carrier took, or what came of making a report."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    async def cut(self) -> None:
        """Cancel what runs, and wait until it has ended: the owner has. Nobody is left to hear of it. Not cancelled."""
        self._lost = True
        self._pending.clear()
        why = StopReason(kind=StopKind.CANCELLED, requester=self.name, text="its owner has ended")
        for child in self:
            child.cancel(why)
        if self._leader is not None:
            self._leader.cancel()
        with trio.CancelScope(shield=True):
            while self._carrying:
                await self.park()

    def close(self) -> None:
        """Part from the owner: no turn is taken in its place any more. Sync, idempotent."""
        self._absence = None
        self._turn = self._tell = _nothing

    # --- for carriers ----------------------------------------------------------

    def lends(self) -> bool:
        """Let a carrier take the owner's turn, if nobody can tell: it owes `go_on` then.

        In a shutdown the owner is about to hear of that, and no turn may start anything before it has.
        """
        cell = self._cell
        return cell.shutdown.reason is None and cell.mailbox.lend(copy_context())

    async def go_on(self, child: Child, exit_: Exit[Any], scope: trio.CancelScope) -> Child | None:
        """Take the owner's turn on how a child ended, and on what comes meanwhile; give what is to be run next.

        What the turn raises is raised by the owner: it is woken for that. `scope` is what all of it happens in.
        """
        mailbox = self._cell.mailbox
        following: Child | None = None
        wake, over = True, False
        self._leader = scope
        try:
            await self._turn([self._ended(child, exit_)])
            if self._pending:
                following = self._first_of_pending()
            if following is None:
                if mailbox.closed is None:
                    following = await self._take_what_came()
                over = following is None and mailbox.closed is not None and await self._stops(mailbox.closed)
                wake = self._cell.hibernates  # to rest
        except Exception as error:  # noqa: BLE001 - only carried to the owner
            self._fail(error)
        finally:
            self._leader = None
            if over:
                self._end()
            else:
                mailbox.give_back(copy_context())  # so that the turns to come see what these set
            if following is None:
                self._carrying -= 1
                if wake:
                    mailbox.wake()
                if self._lost:
                    self.wake()
        return following

    async def _take_what_came(self) -> Child | None:
        """Take turns for as long as something has come meanwhile and nothing is to be run next; give that."""
        mailbox: Mailbox[Any] = self._cell.mailbox
        while mailbox.closed is None and self._cell.shutdown.reason is None and (batch := mailbox.take_nowait()):
            await self._turn(batch)
            if self._pending and (following := self._first_of_pending()) is not None:
                return following
        return None

    async def _stops(self, reason: StopReason) -> bool:
        """Say whether the owner, which has stopped for that reason, may end here, having heard of it."""
        if self._may_end() and not self._cell.told:
            await self._tell(reason)
        return self._may_end()

    def _may_end(self) -> bool:
        """Say whether an owner that has stopped has nothing left to do, and no task to hear of it in."""
        absent = self._absence is not None and self._cell.shutdown.reason is None
        return absent and not self._running and self._cell.mailbox.idle

    def _end(self) -> None:
        absence = self._absence
        self.close()
        self._cell.mailbox.forsake()
        if absence is not None:
            absence.end()

    def end(self, child: Child, exit_: Exit[Any] | None) -> None:
        """Report how a child ended; None: it was cut."""
        if self._lost:
            self.lose(child)
            return
        self._carrying -= 1
        try:
            self._cell.mailbox.report(self._ended(child, exit_))
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Have the owner raise this: nothing is left to it but to end."""
        self._failure = error
        self._cell.mailbox.close(StopReason.error(self.name, error))

    def _ended(self, child: Child, exit_: Exit[Any] | None) -> Any:
        del self._running[child.name]
        child.scope = None
        child.args = ()  # they may be large, and a handle is kept for as long as its holder likes
        if child.gate is not None:
            child.gate.ended()
        return child.report(exit_ or Cut(self._why_cut(child)))

    def lose(self, child: Child) -> None:
        """Note a child that is cut together with its owner: nobody is left to hear of it."""
        del self._running[child.name]
        self._carrying -= 1
        if self._cell.mailbox.closed is not None or self._cell.shutdown.reason is not None:
            self._cell.shutdown.report_cut(f"{self._cell.address.path}/{child.name}")
        self.wake()

    def _why_cut(self, child: Child) -> StopReason:
        return child.stopping or StopReason(
            kind=StopKind.DEADLINE, requester=self._cell.address.name, text="its deadline passed"
        )
