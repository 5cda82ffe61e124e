"""What the guard of a child runs, and the name it puts to how that ended.

The guard (`incarnation`) is the one place where everything that can happen to
a child ends: it returns, raises, is cut at its stop deadline, or is cancelled
with everything above it. Here each becomes a `StopReason`.
"""

from collections.abc import Awaitable

import trio

from actors.cell import Cell
from actors.reason import StopKind, StopReason
from actors.spec import Nested, Restart, Runnable
from actors.table import Row

__all__ = ("cancelled_from_outside", "live", "live_in_scope", "make", "why_ended", "why_from_above")

_TEMPORARY = Restart.TEMPORARY  # for every incarnation, as in `incarnation`
_FROM_OUTSIDE = "the supervisor was cancelled from outside"


def make(row: Row, cell: Cell) -> Runnable | Awaitable[Runnable] | None:
    """Give what is to run in a cell: a new actor, or the one that hibernated; None if nothing is to begin.

    Asked to stop before it began, a child never begins; a supervisor runs all
    the same, because it has children to account for, and so does an actor that
    began in an earlier task.
    """
    kept, start = row.kept, row.start
    if kept is not None:
        if cell.resumed:
            row.kept = None
        return kept
    if cell.mailbox.closed is not None or start is None or isinstance(start, Nested):
        return None
    if row.kind.restart is _TEMPORARY:
        row.start = None  # it is made once, and what making it takes may be large
    return start(cell.address.incarnation)


async def live_in_scope(cell: Cell, made: Runnable | Awaitable[Runnable]) -> Runnable | None:
    """Run in a scope that the stop deadline can cancel; give what was run if it has gone to rest."""
    with cell.new_scope():
        return await live(cell, made)
    return None


async def live(cell: Cell, made: Runnable | Awaitable[Runnable]) -> Runnable | None:
    """Run what no stop deadline cancels, without a scope. Else as above."""
    runnable = await made if isinstance(made, Awaitable) else made
    return runnable if await runnable.live(cell) else None


def why_ended(cell: Cell, error: Exception | None) -> StopReason:
    """Say why an incarnation has ended that ended by itself, raised, or was cut at its stop deadline."""
    asked = cell.mailbox.closed
    if error is not None:
        return StopReason.error(cell.address.name, error)
    if asked is None:
        return StopReason.normal(cell.address.name, "finished")
    if not cell.cut or cell.within <= 0:  # to be cancelled at once is how such a child is stopped
        return asked
    cell.shutdown.report_cut(cell.address.path)
    return asked.overdue(cell.within)


def why_from_above(cell: Cell, error: BaseException, why: StopReason) -> StopReason:
    """Say why an incarnation has ended that was cancelled together with all above it, or raised what nobody may catch.

    `why` is what the supervisor knows: that it was cancelled from outside, or
    that it was asked to stop, and then this is the deadline.
    """
    if not _only_cancelled(error):
        return StopReason.error(cell.address.name, error)
    if why.text == _FROM_OUTSIDE:
        return why
    cell.shutdown.report_cut(cell.address.path)
    return StopReason(kind=StopKind.DEADLINE, requester=why.requester, text=why.text)


def cancelled_from_outside(supervisor: str) -> StopReason:
    """Say that nobody asked a supervisor to stop, and it was cancelled all the same."""
    return StopReason(kind=StopKind.CANCELLED, requester=supervisor, text=_FROM_OUTSIDE)


def _only_cancelled(error: BaseException) -> bool:
    """True if an error is nothing but trio's cancel."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(trio.Cancelled)[1] is None
    return isinstance(error, trio.Cancelled)
