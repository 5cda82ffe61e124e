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
"""

import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Generic, TypeAlias, TypeVar, TypeVarTuple

import attrs
import trio

from actors.cell import Cell
from actors.errors import ChildExists
from actors.reason import StopKind, StopReason

__all__ = ("Child", "Children", "Cut", "Exit", "Failed", "Returned")

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

    __slots__ = ("_reason", "_scope", "_stop_within", "name")

    def __init__(self, name: str, stop_within: float, deadline: float) -> None:
        self.name = name
        self._stop_within = stop_within
        self._scope = trio.CancelScope(deadline=deadline)
        self._reason: StopReason | None = None

    def __repr__(self) -> str:
        return f"<Child {self.name}>"

    @property
    def stopping(self) -> StopReason | None:
        """Why it was asked to stop, or None."""
        return self._reason

    @property
    def scope(self) -> trio.CancelScope:
        """What it runs in. For the owner's machinery."""
        return self._scope

    def stop(self, reason: StopReason) -> None:
        """Cancel it, at once or `stop_within` seconds from now if that was given. Sync, idempotent: first reason stands.

        A child that returns or raises all the same reports what it did;
        otherwise it reports `Cut(reason)`.
        """
        if self._reason is not None:
            return
        self._reason = reason
        if self._stop_within > 0:
            self._scope.deadline = min(self._scope.deadline, trio.current_time() + self._stop_within)
        else:
            self._scope.cancel()


class Children(Generic[M]):
    """The running children of one actor. Made by the actor; used in its hooks and turns only."""

    __slots__ = ("_cell", "_closing", "_nursery", "_pending", "_running")

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._nursery: trio.Nursery | None = None
        self._running: dict[str, Child] = {}
        self._pending: list[tuple[Callable[..., Awaitable[None]], tuple[object, ...]]] = []
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
    ) -> Child:
        """Start `function(*args)` when this turn ends. Sync, no handshake.

        Promises one message `report(exit)` in the owner's mailbox, always; only
        an owner that is itself gone gets none. `stop_within` gives `Child.stop`
        that many seconds of grace before it cancels; `deadline` (monotonic)
        cancels by itself, with a reason of kind DEADLINE. An owner that is
        already stopping has the child cut before it begins. An exception in
        `report` is a bug of the owner's and crashes it.

        Raises:
            ChildExists: a child of that name is running.
        """
        if name in self._running:
            raise ChildExists(self._cell.address.name, name)
        child = Child(name, stop_within or 0.0, deadline)
        self._running[name] = child
        self._cell.mailbox.expect()
        if self._closing is not None:
            child.stop(self._closing)
        self._pending.append((self._live, (child, function, args, report)))
        return child

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
            for live, arguments in self._pending:
                self._nursery.start_soon(live, *arguments, name=self._cell.address.name)
            self._pending.clear()
        return True

    def open(self, nursery: trio.Nursery) -> None:
        """Use this nursery from now on. For the actor's loop."""
        self._nursery = nursery

    async def _live(
        self,
        child: Child,
        function: Callable[..., Awaitable[R]],
        args: tuple[object, ...],
        report: Callable[[Exit[R]], M],
    ) -> None:
        """Run one child and report. The guard of children: an `Exception` ends here, a cancel from above passes."""
        scope = child.scope
        exit_: Exit[R] | None = None
        try:
            if child.stopping is None:
                with scope:
                    exit_ = Returned(await function(*args))
        except Exception as error:  # noqa: BLE001 - the guard: it becomes a value
            exit_ = Failed(error)
        except BaseException:
            del self._running[child.name]
            self._note_cut(child)
            raise
        del self._running[child.name]
        self._cell.mailbox.report(report(exit_ or Cut(self._why_cut(child))))

    def _why_cut(self, child: Child) -> StopReason:
        return child.stopping or StopReason(
            kind=StopKind.DEADLINE, requester=self._cell.address.name, text="its deadline passed"
        )

    def _note_cut(self, child: Child) -> None:
        if self._cell.mailbox.closed is not None or self._cell.shutdown.reason is not None:
            self._cell.shutdown.report_cut(f"{self._cell.address.path}/{child.name}")
