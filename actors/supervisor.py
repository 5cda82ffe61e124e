"""Supervisors: who is started, watched, restarted and stopped, and in which order.

A supervisor is a table of children and a set of sync decisions over it. Every
decision is taken in the moment a child ends, by the guard of that child, so
nothing is ever queued behind a restart: a failed restart is simply the next end
of a child, decided like the first, and a stop asked for in between wins. The
one task of a supervisor only wakes for what needs time (a delayed restart) and
for the end.

Two things are done step by step, and share one machine (`_advance`): stopping
in waves (reverse order, one child a wave; dynamic children together in one) and
then starting in order (pausing at a handshake). Every end and every handshake
moves it on. A group restart is "stop these waves, then start those"; a stop of
the supervisor is "stop all waves, then finish", and replaces whatever was going
on.

What an unasked end leads to:

    not to be restarted (Restart)      -> STOPPED; a dynamic or temporary child leaves the table
    group window exceeded              -> everything is stopped, SupervisorFailed to whoever is above
    child's own window exceeded        -> QUARANTINED; siblings that must go with it (Strategy) are HELD
    otherwise                          -> started again, after a backoff, with those that must go with it

An end that was asked for never restarts anything. Cancelling the task that
holds `open_supervisor` cancels every child, awaits them, and restarts nothing.
"""

import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice

import trio

from actors.address import Address, Stopped
from actors.alarm import Alarm
from actors.cell import Cell
from actors.clock import Clock, SystemClock
from actors.errors import ChildExists, ChildUnknown, Draining, SpecInvalid, SupervisorFailed
from actors.mailbox import Mailbox
from actors.observer import Observer, shielded
from actors.reason import StopKind, StopReason
from actors.shutdown import Phase, ShutdownContext
from actors.spec import GROUP_WINDOW, AutoShutdown, ChildSpec, Nested, Restart, Runnable, Start, Strategy, check_set
from actors.table import ChildCount, ChildInfo, ChildState, Row, SupervisorStatistics
from actors.tree import TreeNode, render
from actors.window import RestartWindow, Stamps

__all__ = ("Supervisor", "open_supervisor")

_FROM_OUTSIDE = "the supervisor was cancelled from outside"
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
        self._mailbox = mailbox
        self._path = path
        self._clock = clock
        self._shutdown = shutdown
        self._observer = observer
        self._chance = chance
        self._nursery: trio.Nursery | None = None
        self._unspawned: list[tuple[Row, Cell, Start]] = []
        self._stamps = Stamps(group.window)
        self._rows: dict[str, Row] = {}
        self._order = 0
        self._alarm = Alarm()
        self._waves: list[list[Row]] = []
        self._wave: set[Row] = set()
        self._wave_reason = StopReason.shutdown(path)
        self._starts: dict[str, Row] = {}
        self._shaking: Row | None = None
        self._started = 0
        self._restarted = 0
        self._opened = False
        self._on_open: Callable[[], None] | None = None
        self._open_event = trio.Event()
        self._stopping: StopReason | None = None
        self.cancelled = StopReason(kind=StopKind.CANCELLED, requester=path, text=_FROM_OUTSIDE)
        self._finished = False
        self._ended_event = trio.Event()
        self.failure: SupervisorFailed | None = None
        self._starts.update((spec.id, self._add(spec, dynamic=False)) for spec in group.specs)
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
        address = self._row(child).address
        if address is None:
            raise ChildUnknown(self._path, child)
        return address

    def nested(self, child: str) -> "Supervisor":
        """Give the handle of a supervisor below: its current incarnation. Sync; usable at once, even before it runs.

        Raises:
            ChildUnknown: no such child, it was never started, or it is no supervisor.
        """
        supervisor = self._row(child).nested
        if supervisor is None:
            raise ChildUnknown(self._path, child)
        return supervisor

    def children(self) -> tuple[ChildInfo, ...]:
        """Picture every child, in start order. Sync."""
        return tuple(row.info() for row in self._rows.values())

    def child(self, child: str) -> ChildInfo:
        """Picture one child. Sync.

        Raises:
            ChildUnknown: no such child.
        """
        return self._row(child).info()

    def count(self) -> ChildCount:
        """Count the children. Sync."""
        rows = self._rows.values()
        supervisors = sum(isinstance(row.start, Nested) for row in rows)
        return ChildCount(
            children=len(rows),
            alive=sum(row.alive for row in rows),
            supervisors=supervisors,
            workers=len(rows) - supervisors,
        )

    def statistics(self) -> SupervisorStatistics:
        """Give a frozen picture of now. Sync."""
        return SupervisorStatistics(
            children=len(self._rows),
            alive=sum(row.alive for row in self._rows.values()),
            quarantined=sum(row.state is ChildState.QUARANTINED for row in self._rows.values()),
            started=self._started,
            restarted=self._restarted,
        )

    def tree(self, most: int = 20) -> str:
        """Draw what is below, at most so many children of each supervisor. Sync."""
        return render(self.tree_node(self.name, most))

    def tree_node(self, name: str, most: int) -> TreeNode:
        """Give the tree below as a value. Sync."""
        rows = tuple(islice(self._rows.values(), most))
        facts = [self._group.strategy.value] + ([f"stopping: {self._stopping}"] if self._stopping else [])
        below = tuple(row.node() if row.nested is None else row.nested.tree_node(row.id, most) for row in rows)
        return TreeNode(name=name, facts=facts, below=below, more=len(self._rows) - len(rows))

    # --- what anyone may have done -----------------------------------------

    def start_child(self, spec: ChildSpec) -> Address[object]:
        """Start a child now. Sync: the address takes messages at once, the child runs at the next checkpoint.

        Raises:
            Draining: the supervisor or the whole tree is stopping.
            ChildExists: the id is in the table.
        """
        self._refuse_if_draining()
        if spec.id in self._rows:
            raise ChildExists(self._path, spec.id)
        return self._launch(self._add(spec, dynamic=True))

    async def terminate_child(self, child: str, reason: StopReason | None = None) -> Stopped | None:
        """Stop a child, wait until it has ended, and give how; None if it never ran.

        It is not restarted; its row stays until `delete_child`, unless it is
        dynamic. A cancel stops the waiting, not the stopping.

        Raises:
            ChildUnknown: no such child.
        """
        row = self._row(child)
        self._alarm.drop(row.id)
        self._starts.pop(row.id, None)
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
        row = self._row(child)
        self._refuse_if_draining()
        if row.alive and row.address is not None:
            return row.address
        self._alarm.drop(row.id)
        self._starts.pop(row.id, None)
        row.stamps = None
        if self._shaking is None:
            self._shaking = row
        address = self._launch(row)
        self._starts.update((other.id, other) for other in self._rows.values() if other.held)
        self._advance()
        return address

    def delete_child(self, child: str) -> None:
        """Remove a child that is down from the table. Sync.

        Raises:
            ChildUnknown: no such child.
            ChildExists: it still lives; terminate it first.
        """
        row = self._row(child)
        if row.alive:
            raise ChildExists(self._path, child)
        self._alarm.drop(child)
        self._starts.pop(row.id, None)
        del self._rows[child]

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

    async def live(self, cell: Cell) -> None:
        """Run as the child of another supervisor, whose stop comes as a call of `stop`.

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

    def raise_failure(self) -> None:
        """Raise why the group gave up, if it did, and forget it: its cause holds frames."""
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure

    async def run(self, nursery: trio.Nursery) -> None:
        """Run until everything has ended, with the children in `nursery`."""
        self._nursery = nursery
        try:
            self._spawn_waiting(nursery)
            while True:
                self._alarm.fire(self._clock.monotonic())
                if self._finished:
                    break
                await self._alarm.sleep()
        finally:
            if self._stopping is None:  # cancelled from above: nothing may be started any more
                self._stopping = self._shutdown.reason or self.cancelled
            self._ended_event.set()
            self._open_event.set()

    def _spawn_waiting(self, nursery: trio.Nursery) -> None:
        for row, cell, start in self._unspawned:
            nursery.start_soon(self._guard, row, cell, start, name=row.id)
        self._unspawned.clear()

    # --- starting -------------------------------------------------------------

    def _row(self, child: str) -> Row:
        row = self._rows.get(child)
        if row is None:
            raise ChildUnknown(self._path, child)
        return row

    def _add(self, spec: ChildSpec, *, dynamic: bool) -> Row:
        self._order += 1
        row = Row(spec, self._order, dynamic=dynamic)
        self._rows[spec.id] = row
        return row

    def _launch(self, row: Row) -> Address[object]:
        """Begin a new incarnation. Sync; everything that can fail happens in the child's own task."""
        start = row.start
        if start is None:
            raise ChildUnknown(self._path, row.id)
        row.incarnation += 1
        self._started += 1
        mailbox: Mailbox[object] = Mailbox(row.id, row.capacity, self._observer, self._alarm)
        address = Address(row.id, row.incarnation, mailbox, self._path)
        cell = Cell(
            address=address,
            mailbox=mailbox,
            clock=self._clock,
            shutdown=self._shutdown,
            observer=self._observer,
            ready=partial(self._ready, row) if row.handshake else None,
        )
        row.address, row.cell, row.asked, row.held = address, cell, False, False
        row.state = ChildState.STARTING if row.handshake else ChildState.RUNNING
        if isinstance(start, Nested):
            start = self._below(row, start, mailbox)
        elif row.restart is Restart.TEMPORARY:
            row.start = None
        if self._nursery is None:
            self._unspawned.append((row, cell, start))
        else:
            self._nursery.start_soon(self._guard, row, cell, start, name=row.id)
        if self._observer is not None:
            self._observer.started(address.path, row.incarnation)
        return address

    def _below(self, row: Row, group: Nested, mailbox: Mailbox[object]) -> Start:
        row.nested = supervisor = Supervisor(
            group,
            mailbox=mailbox,
            path=f"{self._path}/{row.id}",
            clock=self._clock,
            shutdown=self._shutdown,
            observer=self._observer,
            chance=self._chance,
        )
        return lambda _incarnation: supervisor

    def _ready(self, row: Row) -> None:
        """Note that a child has begun (or, with a handshake, that it is ready), and go on to the next."""
        if row.state is ChildState.STARTING:
            row.state = ChildState.RUNNING
        if self._shaking is row:
            self._shaking = None
            self._advance()

    def _refuse_if_draining(self) -> None:
        reason = self._stopping
        if reason is None and self._shutdown.phase is not Phase.RUNNING:
            reason = self._shutdown.reason
        if reason is not None:
            raise Draining(self._path, reason)

    # --- the guard: where a child's end becomes a fact ------------------------

    async def _guard(self, row: Row, cell: Cell, start: Start) -> None:
        """Run one incarnation; whatever happens to it, settle it exactly once. The named place that sees everything."""
        error: BaseException | None = None
        from_above = False
        try:
            if not row.handshake:
                self._ready(row)
            # Asked to stop before it began, a child never begins; a supervisor
            # runs all the same, because it has children to account for.
            if cell.mailbox.closed is None or row.nested is not None:
                made = start(cell.address.incarnation)
                del start  # this frame lives as long as the child, its arguments need not
                if isinstance(made, Awaitable) or made.waits:
                    await self._live_in_scope(cell, made)
                else:
                    await made.live(cell)
                del made
        except Exception as caught:  # noqa: BLE001 - the guard
            error = caught
        except BaseException as caught:
            error = caught
            from_above = True
            raise
        finally:
            self._settle(row, cell, self._why(cell, error, from_above=from_above), error, from_above=from_above)
            del error  # its traceback holds this frame

    async def _live_in_scope(self, cell: Cell, made: Runnable | Awaitable[Runnable]) -> None:
        with cell.new_scope():
            runnable = await made if isinstance(made, Awaitable) else made
            await runnable.live(cell)

    def _why(self, cell: Cell, error: BaseException | None, *, from_above: bool) -> StopReason:
        asked = cell.mailbox.closed or self._stopping or self._shutdown.reason
        if error is not None and not (from_above and _only_cancelled(error)):
            return StopReason.error(cell.address.name, error)
        if from_above:
            return self._why_from_above(cell, asked)
        if not cell.cut or asked is None:
            return cell.mailbox.closed or StopReason.normal(cell.address.name, "finished")
        if cell.within <= 0:
            return asked  # to be cancelled at once is how this child is stopped
        self._shutdown.report_cut(cell.address.path)
        return asked.overdue(cell.within)

    def _why_from_above(self, cell: Cell, asked: StopReason | None) -> StopReason:
        if asked is None or asked.text == _FROM_OUTSIDE:
            return asked or self.cancelled
        self._shutdown.report_cut(cell.address.path)
        return StopReason(kind=StopKind.DEADLINE, requester=asked.requester, text=asked.text)

    def _settle(
        self, row: Row, cell: Cell, reason: StopReason, error: BaseException | None, *, from_above: bool
    ) -> None:
        address, mailbox = cell.address, cell.mailbox
        mailbox.finish(reason)
        row.cell = None
        row.reason = reason
        if self._observer is not None:
            self._observer.stopped(address.path, address.incarnation, reason, error)
        address.announce(
            Stopped(name=row.id, incarnation=address.incarnation, reason=reason, unhandled=mailbox.unhandled)
        )
        if from_above or trio.current_effective_deadline() == -math.inf:
            # Everything here is being cancelled, and nothing is to be decided.
            row.state = ChildState.STOPPED
            return
        failed_start = self._shaking is row
        if failed_start:
            self._shaking = None
        if row in self._wave and self._stopping is None:
            self._wave.discard(row)
            self._after_wave(row)
        elif row.asked or self._stopping is not None:
            self._wave.discard(row)
            self._retire(row)
        elif failed_start and not self._opened:
            self._escalate(row, reason, error)
        elif row.restart.applies(reason):
            self._restart(row, reason, error)
        else:
            self._retire(row)
            self._check_significant(row)
        self._advance()

    def _after_wave(self, row: Row) -> None:
        if row.id in self._starts:
            row.state = ChildState.WAITING
        elif row.held:
            row.state = ChildState.HELD
        else:  # terminated while its group was being stopped
            self._retire(row)

    # --- deciding about an unasked end ----------------------------------------

    def _restart(self, row: Row, reason: StopReason, error: BaseException | None) -> None:
        now = self._clock.monotonic()
        if not self._stamps.allow(now):
            self._escalate(row, reason, error)
            return
        group = self._go_with(row)
        if not row.fail(now):
            row.state = ChildState.QUARANTINED
            if self._observer is not None:
                self._observer.quarantined(f"{self._path}/{row.id}", reason)
            self._hold(row, group)
            return
        self._restarted += 1
        delay = row.backoff.delay(row.stamps.count if row.stamps else 1, self._chance.random())
        if self._observer is not None:
            self._observer.restarted(f"{self._path}/{row.id}", row.incarnation + 1, delay)
        row.state = ChildState.WAITING
        if not self._group.strategy.alone:
            self._restart_group(row, group)
            if delay > 0:
                self._alarm.put(_GROUP, now + delay, self._advance)
        elif delay > 0:
            self._alarm.put(row.id, now + delay, partial(self._launch, row))
        else:
            self._launch(row)

    def _restart_group(self, row: Row, group: list[Row]) -> None:
        waiting = {*self._starts.values(), row, *(other for other in group if other.state not in _DOWN)}
        self._starts = {other.id: other for other in sorted(waiting, key=_order)}
        why = StopReason(kind=StopKind.SIBLING, requester=f"{self._path}/{row.id}", text=f"{row.id} is restarted")
        self._stop_in_waves([other for other in group if other.alive], why)

    def _hold(self, row: Row, group: list[Row]) -> None:
        for other in group:
            if self._starts.pop(other.id, None) is not None or other.alive:
                other.held = True
            if other.held and not other.alive:
                other.state = ChildState.HELD
        why = StopReason(kind=StopKind.SIBLING, requester=f"{self._path}/{row.id}", text=f"{row.id} is quarantined")
        self._stop_in_waves([other for other in group if other.alive], why)

    def _go_with(self, row: Row) -> list[Row]:
        """Who is restarted with this one, itself left out; in start order."""
        strategy = self._group.strategy
        if strategy.alone:
            return []
        rows = [other for other in self._rows.values() if other is not row]
        if strategy is Strategy.REST_FOR_ONE:
            rows = [other for other in rows if other.order > row.order]
        return rows

    def _escalate(self, row: Row, reason: StopReason, error: BaseException | None) -> None:
        row.state = ChildState.STOPPED
        self.failure = SupervisorFailed(self._path, row.id, reason)
        self.failure.__cause__ = error
        self._begin_stop(StopReason(kind=StopKind.ERROR, requester=self._path, text=str(self.failure)))

    def _check_significant(self, row: Row) -> None:
        mode = self._group.auto_shutdown
        if not row.significant or mode is AutoShutdown.NEVER:
            return
        others = any(
            other.significant and other is not row and other.state not in _DOWN for other in self._rows.values()
        )
        if mode is AutoShutdown.ANY_SIGNIFICANT or not others:
            self._begin_stop(StopReason.shutdown(self._path, f"significant child {row.id} has ended"))

    # --- stopping in waves, then starting in order ----------------------------

    def _begin_stop(self, reason: StopReason) -> None:
        if self._stopping is not None:
            return
        self._stopping = reason
        self._mailbox.close(reason)
        self._alarm.drop(_GROUP)
        self._starts.clear()
        for row in self._rows.values():
            if not row.alive:
                self._alarm.drop(row.id)
                row.state = ChildState.STOPPED
        self._stop_in_waves([row for row in self._rows.values() if row.alive], reason)
        self._advance()

    def _stop_in_waves(self, rows: list[Row], reason: StopReason) -> None:
        """Plan to stop these and those still planned: dynamic ones together and first, then the others in reverse."""
        everyone = sorted({*rows, *(row for wave in self._waves for row in wave)}, key=_order)
        together = [row for row in everyone if row.dynamic]
        self._waves = [[row] for row in everyone if not row.dynamic]
        if together:
            self._waves.append(together)
        self._wave_reason = reason

    def _advance(self) -> None:
        """Take every step that can be taken now. Called after each end, each handshake and each new plan."""
        while self._waves and not self._wave:
            wave = [row for row in self._waves.pop() if row.alive]
            self._wave.update(wave)
            for row in wave:
                self._ask_to_stop(row, self._wave_reason)
        if self._wave:
            return
        if self._stopping is not None:
            self._finished = True
            self._alarm.wake()
            return
        if _GROUP not in self._alarm:
            while self._starts and self._shaking is None:
                self._start_next()
        if not self._opened and not self._starts and self._shaking is None:
            self._opened_now()

    def _opened_now(self) -> None:
        self._opened = True
        self._open_event.set()
        if self._on_open is not None:
            self._on_open()

    def _start_next(self) -> None:
        # Trio runs tasks of one tick in any order, so "start in order" means
        # that the next one is not made before this one has begun.
        self._shaking = self._starts.pop(next(iter(self._starts)))
        self._launch(self._shaking)

    def _ask_to_stop(self, row: Row, reason: StopReason) -> None:
        row.asked = True
        row.state = ChildState.STOPPING
        if row.cell is not None:
            row.cell.stop(reason, row.grace)
        if row.nested is not None:
            row.nested.stop(reason)

    def _retire(self, row: Row) -> None:
        """Note that a child is down for good; dynamic and temporary ones leave the table."""
        row.state = ChildState.STOPPED
        if row.dynamic or row.restart is Restart.TEMPORARY:
            self._rows.pop(row.id, None)


_DOWN = frozenset({ChildState.STOPPED, ChildState.QUARANTINED, ChildState.HELD})


def _order(row: Row) -> int:
    return row.order


def _only_cancelled(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return error.split(trio.Cancelled)[1] is None
    return isinstance(error, trio.Cancelled)


@asynccontextmanager
async def open_supervisor(
    name: str,
    specs: Iterable[ChildSpec] = (),
    *,
    strategy: Strategy = Strategy.ONE_FOR_ONE,
    window: RestartWindow = GROUP_WINDOW,
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER,
    shutdown: ShutdownContext | None = None,
    clock: Clock | None = None,
    observer: Observer | None = None,
    chance: random.Random | None = None,
) -> AsyncIterator[Supervisor]:
    """Run a supervision tree for the length of a block.

    Enters when every static child has been started. When the block ends, by
    itself or by an exception, the shutdown begins (if nobody began it yet) and
    the tree is stopped in order; the block is left when everything has ended.
    At the hard deadline of the shutdown all that still runs, the block
    included, is cancelled and named in `shutdown.cut`. A cancel from outside
    cancels every child at once and waits only for them to clean up.

    `chance` seeds the jitter of restarts.

    Raises:
        SpecInvalid: before anything is started, with every fault.
        Draining: the hard deadline of `shutdown` passed before the children were up.
        SupervisorFailed: the group gave up restarting (the block is cancelled), or a handshake failed at the start.
    """
    if not name or "/" in name:
        raise SpecInvalid((f"supervisor name {name!r} must be a non-empty string without '/'",))
    group = Nested(specs=tuple(specs), strategy=strategy, window=window, auto_shutdown=auto_shutdown)
    check_set(group)
    shutdown = shutdown or ShutdownContext(math.inf)
    observer = shielded(observer)
    supervisor = Supervisor(
        group,
        mailbox=Mailbox(name, 1, observer),
        path=name,
        clock=clock or SystemClock(),
        shutdown=shutdown,
        observer=observer,
        chance=chance or random.Random(),  # noqa: S311 - jitter needs no secrecy
    )
    crash: Exception | None = None
    entered = False
    async with trio.open_nursery() as nursery:
        shutdown.attach(nursery.cancel_scope)
        nursery.start_soon(_run_root, supervisor, nursery, name=name)
        await supervisor.wait_open()
        try:
            if supervisor.failure is None:
                entered = True
                yield supervisor
        except Exception as error:  # noqa: BLE001 - only carried past the nursery, which would wrap it
            crash = error
        finally:
            cancelled = trio.current_effective_deadline() == -math.inf
            ended = supervisor.cancelled if cancelled else StopReason.shutdown(name, "its block has ended")
            reason = shutdown.reason or ended
            shutdown.begin(reason)
            supervisor.stop(reason)
    shutdown.detach(nursery.cancel_scope)
    if crash is not None:
        raise crash
    supervisor.raise_failure()
    if not entered:  # the hard deadline had passed before the children were up
        raise Draining(name, shutdown.reason or StopReason.shutdown(name))


async def _run_root(supervisor: Supervisor, nursery: trio.Nursery) -> None:
    await supervisor.run(nursery)
    if supervisor.failure is not None:
        nursery.cancel_scope.cancel()
