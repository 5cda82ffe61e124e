"""Supervisors: who is started, watched, restarted and stopped, and in which order.

A supervisor is a table of children (`table`) and a set of sync decisions over
it. Every decision is taken when a child ends (`incarnation` tells), so nothing
is ever queued behind a restart: a failed restart is simply the next end
of a child, decided like the first, and a stop asked for in between wins. The
one task of a supervisor only wakes for what needs time (a delayed restart, the
deadline of a question) and for the end.

What is stopped and started one thing after the other is a plan (`procession`),
which every end and every handshake moves on (`_advance`). A group restart plans
"stop these in waves, then start those in order"; a stop of the supervisor plans
"stop all, start nothing", and so replaces whatever was going on.

What an unasked end leads to:

    not to be restarted (Restart)      -> STOPPED; a dynamic or temporary child leaves the table
    ... and it was significant         -> perhaps everything is stopped in order (AutoShutdown)
    group window exceeded              -> everything is stopped, SupervisorFailed to whoever is above
    child's own window exceeded        -> QUARANTINED; siblings that must go with it (Strategy) are HELD
    otherwise                          -> started again, after a backoff, with those that must go with it

An end that was asked for never restarts anything. Cancelling the task that
holds `open_supervisor` cancels every child, awaits them, and restarts nothing.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import assert_never

import trio

from actors.address import Address, Stopped
from actors.alarm import Alarm
from actors.cell import Cell
from actors.clock import Clock
from actors.errors import ChildExists, ChildUnknown, Draining, SupervisorFailed
from actors.guard import cancelled_from_outside
from actors.incarnation import Incarnations
from actors.mailbox import Mailbox
from actors.observer import Observer
from actors.procession import Procession, StartOne, StopWave
from actors.reason import StopKind, StopReason
from actors.shutdown import ShutdownContext
from actors.spec import AutoShutdown, ChildKind, ChildSpec, Nested, Restart, Start, Strategy
from actors.table import ChildCount, ChildInfo, ChildState, Row, SupervisorStatistics, Table
from actors.tree import TreeNode, render
from actors.window import Stamps

__all__ = ("Supervisor",)

# Looking a member up on its class costs as much as a call; these are wanted for every child.
_STOPPING, _STOPPED = ChildState.STOPPING, ChildState.STOPPED

_GROUP = ""  # the key of the whole group among the delayed restarts; no child may have this id


class Supervisor:
    """The handle of a running supervisor. Made by `open_supervisor` and, for nested ones, by the supervisor above.

    All methods belong to the trio thread. After the supervisor has ended its
    table is still there to be looked at, and it starts nothing.
    """

    waits = True

    def __init__(
        self,
        group: Nested,
        *,
        mailbox: Mailbox[object],
        path: str,
        clock: Clock,
        shutdown: ShutdownContext,
        observer: Observer | None,
        chance: random.Random,
    ) -> None:
        self._group = group
        self._alone = group.strategy.alone
        self._mailbox = mailbox
        self._path = path
        self._clock = clock
        self._shutdown = shutdown
        self._observer = observer
        self._chance = chance
        self._table = Table(path)
        self._plan = Procession(self._table)
        self._held: dict[Row, Row] = {}  # who is down because who is quarantined
        self._stamps = Stamps(group.window)
        self._alarm = Alarm()
        self._incarnations = Incarnations(
            self._table,
            path=path,
            clock=clock,
            shutdown=shutdown,
            observer=observer,
            alarm=self._alarm,
            nest=self._nest,
            begun=self._begun,
            ended=self._settle,
        )
        self._advancing = False
        self._restarted = 0
        self._opened = False
        self._on_open: Callable[[], None] | None = None
        self._open_event = trio.Event()
        self._stopping: StopReason | None = None
        self._finished = False
        self._ended_event = trio.Event()
        self.failure: SupervisorFailed | None = None
        for spec in group.specs:
            self._table.add(self._table.kind_of(spec, dynamic=False), spec.id, spec.start)
        self._plan.plan_starts(self._table)
        self._advance()

    def __repr__(self) -> str:
        return f"<Supervisor {self._path}>"

    # --- what anyone may ask -----------------------------------------------

    @property
    def name(self) -> str:
        """Its own id."""
        return self._mailbox.owner

    @property
    def path(self) -> str:
        """The ids from the root down to it."""
        return self._path

    @property
    def stopping(self) -> StopReason | None:
        """Why it is stopping, or None."""
        return self._stopping

    def address_of(self, child: str) -> Address[object]:
        """Give the address of a child's current, or else last, incarnation. Sync.

        Raises:
            ChildUnknown: no such child, or it was never started.
        """
        address = self._table[child].address
        if address is None:
            raise ChildUnknown(self._path, child)
        return address

    def __contains__(self, child: str) -> bool:
        return child in self._table

    def nested(self, child: str) -> "Supervisor":
        """Give the handle of a supervisor below: its current incarnation. Sync; usable at once, even before it runs.

        Raises:
            ChildUnknown: no such child, it was never started, or it cannot be a supervisor.
        """
        supervisor = self._table[child].nested
        if supervisor is None:
            raise ChildUnknown(self._path, child)
        return supervisor

    def children(self) -> tuple[ChildInfo, ...]:
        """Picture every child, in start order. Sync."""
        return tuple(row.info() for row in self._table)

    def child(self, child: str) -> ChildInfo:
        """Picture one child. Sync.

        Raises:
            ChildUnknown: no such child.
        """
        return self._table[child].info()

    def count(self) -> ChildCount:
        """Count the children. Sync."""
        return self._table.count()

    def statistics(self) -> SupervisorStatistics:
        """Give a frozen picture of now. Sync."""
        return SupervisorStatistics(
            children=len(self._table),
            alive=sum(row.alive for row in self._table),
            quarantined=sum(row.state is ChildState.QUARANTINED for row in self._table),
            started=self._incarnations.started,
            restarted=self._restarted,
        )

    def tree(self, most: int = 20) -> str:
        """Draw what is below, at most so many children of each supervisor. Sync."""
        return render(self.tree_node(self.name, most))

    def tree_node(self, name: str, most: int) -> TreeNode:
        """Give the tree below as a value. Sync."""
        facts = [self._group.strategy.value] + ([f"stopping: {self._stopping}"] if self._stopping else [])
        below = self._table.nodes(most)
        return TreeNode(name=name, facts=facts, below=below, more=len(self._table) - len(below))

    # --- what anyone may have done -----------------------------------------

    def start_child(self, spec: ChildSpec) -> Address[object]:
        """Start a child now. Sync: the address takes messages at once, the child runs at the next checkpoint.

        Raises:
            Draining: the supervisor or the whole tree is stopping.
            ChildExists: the id is in the table.
        """
        return self.start_another(self._table.kind_of(spec, dynamic=True), spec.id, spec.start)

    def start_another(self, kind: ChildKind, child: str, start: Start | Nested) -> Address[object]:
        """Start a child of a kind, as `start_child` does: for many that have all but their id and start in common. Sync.

        Their ids are data, and any text: a "/" in one makes its path ambiguous to a reader, and is better than a refusal.

        Raises:
            Draining, ChildExists: as `start_child` does.
        """
        self._refuse_if_draining()
        return self._incarnations.launch(self._table.add(kind, child, start))

    def watch_children(self, watcher: Address[Stopped]) -> None:
        """Have a `Stopped` put in the watcher's mailbox whenever a child ends from now on that did not simply finish. Sync.

        Of those that end by themselves (`StopKind.NORMAL`) nobody is told. It always fits. Who watches last is told alone.
        """
        self._incarnations.watcher = watcher

    async def terminate_child(self, child: str, reason: StopReason | None = None) -> Stopped | None:
        """Stop a child, wait until it has ended, and give how; None if it never ran.

        It is not restarted; its row stays until `delete_child`, unless it is
        dynamic. A cancel stops the waiting, not the stopping.

        Raises:
            ChildUnknown: no such child.
        """
        row = self._table[child]
        self._alarm.drop(row.id)
        self._plan.forget_start(row)
        if row.address is None or not row.alive:
            self._retire(row)
            await trio.lowlevel.checkpoint()
            return row.address.stopped if row.address else None
        self._ask_to_stop(row, reason or StopReason.shutdown(self._path, "terminated"))
        return await row.address.wait_stopped()

    def restart_child(self, child: str) -> Address[object]:
        """Start a child that is down, with a clean restart window; frees a quarantined one and those held with it. Sync.

        A child that waits for its backoff is started now; one that lives is left alone.

        Raises:
            ChildUnknown: no such child.
            Draining: the supervisor or the whole tree is stopping.
        """
        row = self._table[child]
        self._refuse_if_draining()
        if row.alive and row.address is not None:
            return row.address
        self._alarm.drop(row.id)
        self._plan.forget_start(row)
        row.forgive()
        self._plan.hold_for(row)
        address = self._launch(row)
        held = [other for other, by in self._held.items() if by is row]
        for other in held:
            del self._held[other]
        self._plan.plan_starts(held)
        self._advance()
        return address

    def delete_child(self, child: str) -> None:
        """Remove a child that is down from the table. Sync.

        Raises:
            ChildUnknown: no such child.
            ChildExists: it still lives; terminate it first.
        """
        row = self._table[child]
        if row.alive:
            raise ChildExists(self._path, child)
        self._alarm.drop(child)
        self._plan.forget_start(row)
        self._held.pop(row, None)
        self._table.remove(row)

    def stop(self, reason: StopReason) -> None:
        """Stop every child in order, then end. Sync, idempotent: the first reason stands."""
        self._begin_stop(reason)

    async def wait_stopped(self) -> None:
        """Wait until every child has ended and the supervisor with them. A checkpoint."""
        await self._ended_event.wait()

    async def wait_open(self) -> None:
        """Wait until every static child has been started, and has shaken hands if its spec says so (or start failed)."""
        await self._open_event.wait()

    # --- running, for whoever holds it --------------------------------------

    async def live(self, cell: Cell) -> bool:
        """Run as the child of another supervisor, whose stop comes as a call of `stop`. Never at rest.

        Ready, for the one above, when every static child here has been started.

        Raises:
            SupervisorFailed: the group has given up.
        """
        async with trio.open_nursery() as nursery:
            self._on_open = cell.ready
            if self._opened:
                self._opened_now()
            await self.run(nursery)
        self.raise_failure()
        return False

    def raise_failure(self) -> None:
        """Raise why the group gave up, if it did, and forget it: its cause holds frames."""
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure

    async def run(self, nursery: trio.Nursery) -> None:
        """Run until everything has ended, with the children in `nursery`."""
        self._incarnations.open(nursery)
        try:
            while True:
                self._alarm.fire(self._clock.monotonic())
                if self._finished:
                    break
                await self._alarm.sleep()
        finally:
            if self._stopping is None:  # cancelled from above: nothing may be started any more
                self._stopping = self._shutdown.reason or cancelled_from_outside(self._path)
            self._ended_event.set()
            self._open_event.set()
            self._incarnations.close(self._stopping)

    # --- starting -------------------------------------------------------------

    def _launch(self, row: Row) -> Address[object]:
        self._held.pop(row, None)
        return self._incarnations.launch(row)

    def _nest(self, group: Nested, mailbox: Mailbox[object]) -> "Supervisor":
        return Supervisor(
            group,
            mailbox=mailbox,
            path=f"{self._path}/{mailbox.owner}",
            clock=self._clock,
            shutdown=self._shutdown,
            observer=self._observer,
            chance=self._chance,
        )

    def _begun(self, row: Row) -> None:
        """Go on to the next, if this one was awaited."""
        if self._plan.begun(row):
            self._advance()

    def _refuse_if_draining(self) -> None:
        reason = self._stopping or self._shutdown.reason
        if reason is not None:
            raise Draining(self._path, reason)

    # --- deciding what follows an end -----------------------------------------

    def _settle(self, row: Row, reason: StopReason, error: Exception | None) -> None:
        """Decide. The end is known already."""
        planned = not self._plan.idle
        failed_start = planned and self._plan.begun(row)
        in_wave = planned and self._plan.ended(row)
        if self._stopping is not None or (row.state is _STOPPING and not in_wave):
            self._retire(row)
        elif in_wave:
            self._after_wave(row)
        elif failed_start and not self._opened:
            self._escalate(row, reason, error)
        elif row.kind.restart.applies(reason):
            self._restart(row, reason, error)
        else:
            self._retire(row)
            if row.kind.significant:
                self._after_significant(row)
        self._advance()

    def _after_wave(self, row: Row) -> None:
        if self._plan.starts(row):
            row.state = ChildState.WAITING
        elif row in self._held:
            row.state = ChildState.HELD
        else:  # terminated while its group was being stopped
            self._retire(row)

    def _restart(self, row: Row, reason: StopReason, error: Exception | None) -> None:
        now = self._clock.monotonic()
        if not self._stamps.allow(now):
            self._escalate(row, reason, error)
            return
        group = [] if self._alone else self._go_with(row)
        if not row.fail(now):
            row.state = ChildState.QUARANTINED
            if self._observer is not None:
                self._observer.quarantined(f"{self._path}/{row.id}", reason)
            self._hold(row, group)
            return
        self._restarted += 1
        delay = row.kind.backoff.delay(row.failures, self._chance.random())
        if self._observer is not None:
            self._observer.restarted(f"{self._path}/{row.id}", row.incarnation + 1, delay)
        row.state = ChildState.WAITING
        if not self._alone:
            self._restart_group(row, group)
            if delay > 0:
                self._alarm.put(_GROUP, now + delay, self._advance)
        elif delay > 0:
            self._alarm.put(row.id, now + delay, partial(self._launch, row))
        else:
            self._launch(row)

    def _restart_group(self, row: Row, group: list[Row]) -> None:
        self._plan.plan_starts([row, *(other for other in group if not other.state.down)])
        why = StopReason(kind=StopKind.SIBLING, requester=f"{self._path}/{row.id}", text=f"{row.id} is restarted")
        self._plan.plan_stops([other for other in group if other.alive], why)

    def _hold(self, row: Row, group: list[Row]) -> None:
        for other in group:
            if self._plan.forget_start(other) or other.alive:
                self._held[other] = row
            if other in self._held and not other.alive:
                other.state = ChildState.HELD
        why = StopReason(kind=StopKind.SIBLING, requester=f"{self._path}/{row.id}", text=f"{row.id} is quarantined")
        self._plan.plan_stops([other for other in group if other.alive], why)

    def _go_with(self, row: Row) -> list[Row]:
        """Who is restarted with this one, itself left out; in start order."""
        strategy = self._group.strategy
        if strategy is Strategy.REST_FOR_ONE:
            return self._table.after(row)
        return [other for other in self._table if other is not row]

    def _escalate(self, row: Row, reason: StopReason, error: Exception | None) -> None:
        row.state = ChildState.STOPPED
        self.failure = SupervisorFailed(self._path, row.id, reason)
        self.failure.__cause__ = error
        self._begin_stop(StopReason(kind=StopKind.ERROR, requester=self._path, text=str(self.failure)))

    def _after_significant(self, row: Row) -> None:
        mode = self._group.auto_shutdown
        if mode is AutoShutdown.NEVER:
            return
        others = any(other.kind.significant and other is not row and not other.state.down for other in self._table)
        if mode is AutoShutdown.ANY_SIGNIFICANT or not others:
            self._begin_stop(StopReason.shutdown(self._path, f"significant child {row.id} has ended"))

    def _retire(self, row: Row) -> None:
        """Note that a child is down for good; dynamic and temporary ones leave the table."""
        row.state = _STOPPED
        self._held.pop(row, None)
        if row.kind.dynamic or row.kind.restart is Restart.TEMPORARY:
            self._table.remove(row)

    # --- doing it ---------------------------------------------------------------

    def _begin_stop(self, reason: StopReason) -> None:
        if self._stopping is not None:
            return
        self._stopping = self._incarnations.stopping = reason
        self._mailbox.close(reason)
        self._alarm.drop(_GROUP)
        self._plan.forget_starts()
        self._held.clear()
        for row in self._table:
            if not row.alive:
                self._alarm.drop(row.id)
                row.state = ChildState.STOPPED
        self._plan.plan_stops([row for row in self._table if row.alive], reason)
        self._advance()

    def _advance(self) -> None:
        """Take every step that can be taken now. Called after each end, each handshake and each new plan."""
        if self._advancing:
            return  # a step that ended a hibernating child: the loop below goes on with what that changed
        if self._opened and self._stopping is None and self._plan.idle:
            return
        self._advancing = True
        while (step := self._plan.next(may_start=_GROUP not in self._alarm)) is not None:
            match step:
                case StopWave(rows=rows, reason=reason):
                    for row in rows:
                        self._ask_to_stop(row, reason)
                case StartOne(row=row):
                    self._launch(row)
                case _:
                    assert_never(step)
        self._advancing = False
        if self._stopping is not None:
            if self._plan.stopped:
                self._finished = True
                self._alarm.wake()
        elif not self._opened and self._plan.idle:
            self._opened_now()

    def _opened_now(self) -> None:
        self._opened = True
        self._open_event.set()
        if self._on_open is not None:
            self._on_open()

    def _ask_to_stop(self, row: Row, reason: StopReason) -> None:
        row.state = ChildState.STOPPING
        if self._incarnations.stop(row, reason):
            self._settle(row, reason, None)
        if row.nested is not None:
            row.nested.stop(reason)
