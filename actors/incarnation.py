"""The incarnations of a supervisor's children: how they begin, rest, are woken, and end.

Each has a trio task to itself, under a guard that sees everything that can
happen to it and settles it exactly once: it is announced as ended, and then its
supervisor decides what follows. An incarnation that replaces another at once
goes on in the task of the one before it, and mostly without a turn of the
scheduler in between, which saves the better part of the price of a restart. A
task whose incarnation has ended for good goes on with others (`carriers`). All
run in copies of the context in which the supervisor was made: none sees what a
sender or a predecessor has set.

An actor that hibernates has no task while it has nothing to do. Its address has
no mailbox then, and asks here for one when a message comes (`wake`). One of
which only children run has none either, but it keeps its mailbox (`summon`).

What is made for each incarnation and hardly changes then (row, cell, address)
is made by msgspec, in C: a third of the time, and of the lines.
"""

import math
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from typing import Any

import msgspec
import trio

from actors.actor import Actor
from actors.address import Address, Stopped
from actors.alarm import Alarm
from actors.carriers import Carrier, Carriers
from actors.cell import Cell
from actors.child import Child
from actors.clock import Clock
from actors.contexts import same
from actors.errors import ChildUnknown
from actors.guard import cancelled_from_outside, live, live_in_scope, make, why_ended, why_from_above
from actors.mailbox import Mailbox, MailboxStatistics, Tally
from actors.observer import Observer
from actors.reason import StopKind, StopReason
from actors.shutdown import ShutdownContext
from actors.spec import Nested, Runnable
from actors.table import ChildState, Row, Table

__all__ = ("Incarnations",)

# Looking a member up on its class costs as much as a call; these are wanted for every incarnation.
_STARTING, _RUNNING, _HIBERNATING = ChildState.STARTING, ChildState.RUNNING, ChildState.HIBERNATING
_STOPPING, _STOPPED = ChildState.STOPPING, ChildState.STOPPED
_NORMAL, _ERROR = StopKind.NORMAL, StopKind.ERROR

_MOST_AT_ONCE = 8
"""How often in one task an end may be decided on without a turn of the scheduler in between."""


class _Absence(msgspec.Struct, eq=False):
    """One that has no task while its children run; see `actors.children`."""

    context: Context
    _incarnations: "Incarnations"
    _row: Row
    _cell: Cell

    def come(self) -> None:
        """Be given a task."""
        self._incarnations.summon(self._row, self._cell, self.context)

    def end(self) -> None:
        """End, having stopped."""
        self._incarnations.settle(self._row, self._cell)


class Incarnations:
    """Those of one supervisor.

    `nest` makes a supervisor below. `begun(row)` is called when a child has
    begun, or has shaken hands; `ended(row, reason, error)` when one has ended
    and it is time to decide, which is never while everything is being cancelled.
    `stopping` is why the supervisor stops, once it does. `started` counts.
    `watcher`, if any, is told of those that do not simply finish.
    """

    def __init__(
        self,
        table: Table,
        *,
        path: str,
        clock: Clock,
        shutdown: ShutdownContext,
        observer: Observer | None,
        alarm: Alarm,
        nest: Callable[[Nested, Mailbox[object]], Runnable],
        begun: Callable[[Row], None],
        ended: Callable[[Row, StopReason, Exception | None], None],
    ) -> None:
        self.path = path
        self.started = 0
        self.stopping: StopReason | None = None
        self.watcher: Address[Stopped] | None = None
        self._table = table
        self._clock = clock
        self._shutdown = shutdown
        self._observer = observer
        self._lives = observer is not None and observer.lives
        self._timed = observer is not None and observer.slow_seconds < math.inf
        self._alarm = alarm
        self._nest = nest
        self._begun = begun
        self._ended = ended
        self._context = copy_context()
        self._carriers = Carriers()
        self._nursery: trio.Nursery | None = None
        self._unspawned: list[tuple[Row, Cell]] = []
        self._settling: Row | None = None
        self._heir: Cell | None = None
        self._closed = False

    def open(self, nursery: trio.Nursery) -> None:
        """Run them in this nursery, those that were launched before and all to come."""
        self._nursery = nursery
        self._carriers.open(nursery)
        for row, cell in self._unspawned:
            self._spawn(row, cell, self._context.copy())
        self._unspawned.clear()

    def close(self, reason: StopReason) -> None:
        """End those that hibernate, which have no task to be cancelled in; none hibernates from now on.

        Those that are absent are given one, to be cancelled in.
        """
        self._closed = True
        self._carriers.close()
        self.stopping = reason
        for row in list(self._table):
            if row.alive and row.cell is None:
                self._end(row, reason)
            elif row.cell is not None and isinstance(row.kept, Actor):
                row.cell.mailbox.wake()

    def stop(self, row: Row, reason: StopReason) -> bool:
        """Ask one to stop. True if it has ended with that: it hibernated, and has no hook that wants to hear of it."""
        if row.cell is None and row.address is not None:
            if not isinstance(row.kept, Actor) or not row.kept.waits:
                self._end(row, reason)
                return True
            self._awaken(row, row.address)
        if row.cell is not None:
            row.cell.stop(reason, row.grace)
        return False

    # --- what addresses need --------------------------------------------------
    def wake(self, address: Address[Any]) -> Mailbox[Any]:
        """Give a hibernating child its mailbox back, and a task. For `Address`."""
        row = self._table[address.name]
        row.state = _RUNNING
        return self._awaken(row, address).mailbox

    def seen_by(self, address: Address[Any]) -> MailboxStatistics:
        """Give the statistics of a hibernating child. For `Address`."""
        row = self._table[address.name]
        return (row.tally or Tally()).picture(row.kind.capacity)

    # --- beginning ----------------------------------------------------------

    def launch(self, row: Row) -> Address[object]:
        """Begin a new incarnation. Sync; everything that can fail happens in the child's own task."""
        if row.start is None:
            raise ChildUnknown(self.path, row.id)
        self.started += 1
        address: Address[object] = Address(row.id, row.incarnation + 1, self)
        row.address, kind = address, row.kind
        if kind.hibernate:
            row.state = _HIBERNATING
        else:
            row.state = _STARTING if kind.handshake else _RUNNING
            cell = self._awaken(row, address)
            if isinstance(row.start, Nested):
                row.kept = self._nest(row.start, cell.mailbox)
        if self._lives and self._observer is not None:
            self._observer.started(address.path, address.incarnation)
        if kind.hibernate:
            self._begun(row)
        return address

    def _awaken(self, row: Row, address: Address[object]) -> Cell:
        """Give an incarnation its mailbox and a task."""
        mailbox = self._new_mailbox(row, address)
        row.cell = cell = Cell(
            address,
            mailbox,
            self._clock,
            self._shutdown,
            self._observer,
            partial(self._ready, row) if row.kind.handshake else None,
            self._carriers,
            row.kind.hibernate,
            row.kept is not None and not row.supervisor,
            row.grace < math.inf,
            self._timed,
        )
        if self._nursery is None:
            self._unspawned.append((row, cell))
        elif self._settling is row:
            self._heir = cell  # the guard of the incarnation before it goes on with it
        else:
            self._spawn(row, cell, self._context.copy())
        return cell

    def _new_mailbox(self, row: Row, address: Address[object]) -> Mailbox[object]:
        mailbox: Mailbox[object] = Mailbox(
            row.id, row.kind.capacity, self._observer, self._alarm, row.tally, above=self.path
        )
        address.open(mailbox)
        return mailbox

    def _spawn(self, row: Row, cell: Cell, context: Context) -> None:
        if self._carriers.resting and not row.kind.hibernate:
            self._carriers.begin(partial(self._guard, row, cell), row.id, context)
        elif self._nursery is not None:
            guard = self._guard if row.kind.hibernate else self._guard_first  # for the task of one that rests is to go
            context.run(partial(self._nursery.start_soon, guard, row, cell, name=row.id))

    async def _guard_first(self, row: Row, cell: Cell) -> None:
        """Run incarnations in a task of their own, and make it a carrier only then: of many it would be a waste before."""
        child = await self._guard(row, cell)
        if child is not None or self._carriers.room:
            carrier = Carrier(child, self._carriers)
            del row, cell, child  # they may be the last to hold what is large
            await carrier.run()

    def _ready(self, row: Row) -> None:
        """Note that a child has shaken hands."""
        if row.state is _STARTING:
            row.state = _RUNNING
        self._begun(row)

    # --- the guard: where a child's end becomes a fact ------------------------

    async def _guard(self, row: Row, cell: Cell | None) -> Child | None:
        """Run an incarnation, and those that replace it at once; settle each exactly once. It sees everything.

        Gives the child that is left to be carried by this task, where the incarnation goes on without one.
        """
        lives = 0
        while cell is not None:
            lives += 1
            reason: StopReason | None = None
            error: Exception | None = None
            rested: Runnable | None = None
            try:
                try:
                    if not row.kind.handshake:
                        self._begun(row)
                    made = make(row, cell)
                    if isinstance(made, Actor) and not (made.waits and cell.mortal):
                        rested = made if await made.live(cell) else None
                    elif made is not None:
                        rested = await (live_in_scope if cell.mortal else live)(cell, made)
                except Exception as caught:  # noqa: BLE001 - the guard
                    error = caught
                made = None
                if rested is not None and cell.carried is not None:
                    return self._leave(row, cell, rested, cell.carried)
                if rested is not None and self._rest(row, cell, rested):
                    return None
                reason = why_ended(cell, error)
                if self.stopping is not None:
                    pass  # it is known already what follows
                elif lives % _MOST_AT_ONCE and self._decided_at_once(cell):
                    await trio.lowlevel.checkpoint_if_cancelled()
                else:
                    self._before_deciding(cell, reason)
                    await trio.lowlevel.checkpoint()
            except BaseException as caught:
                self._end(row, reason or self._why_from_above(cell, caught), error if reason else caught)
                raise
            self._settling = row
            self._end(row, reason, error)
            self._ended(row, reason, error)
            self._settling = None
            del error, rested  # a traceback holds this frame
            cell, self._heir = self._heir, None
        return None

    # --- those that have no task while their children run ---------------------

    def _leave(self, row: Row, cell: Cell, actor: Runnable, carried: Child) -> Child:
        """Let an actor go on without a task, of which only children run; give the one that its task is to carry."""
        row.kept, cell.resumed, cell.carried = actor, True, None
        carried.owner.leave(_Absence(copy_context(), self, row, cell))
        return carried

    def summon(self, row: Row, cell: Cell, context: Context) -> None:
        """Give such an actor a task again. Sync."""
        self._spawn(row, cell, context)

    def settle(self, row: Row, cell: Cell) -> None:
        """Settle the end of one that stopped by itself, with nothing left to do. Sync."""
        reason = why_ended(cell, None)
        self._end(row, reason)
        self._ended(row, reason, None)

    def _decided_at_once(self, cell: Cell) -> bool:
        """Say whether what follows an end may be decided before others run, and what replaces it begin in this context.

        One that took nothing may never have waited: were it replaced at once again and again, nobody else would run.
        """
        return cell.mailbox.taken > 0 and same(copy_context(), self._context)

    def _before_deciding(self, cell: Cell, reason: StopReason) -> None:
        """Prepare for others to run before what follows an end is decided.

        An incarnation that replaces this one goes on in its task, for a task
        is dear; so it gets a context of its own here, as in a task of its own.
        """
        cell.mailbox.close(reason)
        trio.lowlevel.current_task().context = self._context.copy()

    def _why_from_above(self, cell: Cell, error: BaseException) -> StopReason:
        asked = cell.mailbox.closed or self.stopping or self._shutdown.reason
        return why_from_above(cell, error, asked or cancelled_from_outside(self.path))

    def _rest(self, row: Row, cell: Cell, actor: Runnable) -> bool:
        """Take the task from a child that has nothing to do; the next message gives it one. False if it is too late."""
        if self._closed:
            cell.mailbox.close(self.stopping or cancelled_from_outside(self.path))
            return False
        row.kept = actor
        row.history.tally = cell.mailbox.tally
        row.cell = None
        row.state = _HIBERNATING
        cell.address.open(None)
        return True

    def _end(self, row: Row, reason: StopReason, error: BaseException | None = None) -> None:
        """Make the end of an incarnation known. It is down for good, unless someone decides otherwise."""
        address = row.address
        if address is None:
            return
        mailbox = self._new_mailbox(row, address) if row.cell is None else row.cell.mailbox
        mailbox.finish(reason)
        row.end(reason)
        if row.state is not _STOPPING:
            row.state = _STOPPED
        if self._observer is not None and (self._lives or reason.kind is _ERROR):
            self._observer.stopped(address.path, address.incarnation, reason, error)
        address.end(reason)
        if self.watcher is not None and reason.kind is not _NORMAL and (stopped := address.stopped) is not None:
            self.watcher.deliver(stopped)
