"""Slots of the pools that runs hold from their beginning to their end (spec section 8), for the tasks' actors.

A task whose run needs slots says so once that is stored, and leaves memory: its place in line is a number at the keeper
of resources. When its turn comes, the keeper has the intake wake it (`AdmitRun`), and the run begins in the same commit
that says so. The slots are held for as long as the actor lives; it leaves memory when its run is over, and whatever
else ends it ends the run as well. So they are given back on every way out, and nobody keeps count of them but the keeper.

A keeper that is started anew knows nobody; the tasks in line are awake in the journal, and are brought back to it.
"""

import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Final, TypeAlias

import attrs
import trio

from actors import ActorStopped, Address, ChildUnknown, MailboxFull, Stopped
from runtime.errors import Conflict, NotFound, Refused
from runtime.work.limits import CRASHED, EXECUTIONS, Limits, template_label
from runtime.work.messages import AdmitRun

_GONE: Final = (ActorStopped, ChildUnknown)
"""With the keeper, all that it handed out is gone; whoever follows it has the tasks brought back."""

_AGAIN_SECONDS: Final = 1.0
"""How long before a run that could not be told that it may begin is told again."""


@attrs.frozen
class QueueRun:
    """Put a task in line for these labels."""

    ticket: int
    task_id: str
    labels: frozenset[str]


@attrs.frozen
class SlotLeft:
    """Nobody holds, or wants, what this ticket is for any more."""

    ticket: int


Keeper: TypeAlias = Callable[[], Address[QueueRun | SlotLeft]]
Front: TypeAlias = Callable[[], Address[AdmitRun]]


class Slots:
    """What the actors of tasks ask the keeper for. All of it is sync."""

    def __init__(self, limits: Limits, keeper: Keeper) -> None:
        self._limited = limits.pools.keys()
        self._keeper = keeper
        self._tickets = count(-1, -1)  # those of steps are positive

    def queue(self, task_id: str, template: str, *, crashed: bool) -> None:
        """Put a task in line. It is answered with `AdmitRun`, or is left in the journal for the next keeper."""
        wanted = {EXECUTIONS, template_label(template), *([CRASHED] if crashed else ())}
        with suppress(*_GONE):
            self._keeper().post(QueueRun(next(self._tickets), task_id, frozenset(self._limited & wanted)))

    def hold(self, ticket: int, holder: "Address[AdmitRun]") -> None:
        """Have the ticket given back when the actor of its task has ended, and no other one that this actor held."""
        with suppress(*_GONE):
            holder.watch(self._keeper(), partial(_left, ticket))

    def give_back(self, ticket: int) -> None:
        """Give a ticket back."""
        with suppress(*_GONE):
            self._keeper().post(SlotLeft(ticket))


def _left(ticket: int, _stopped: Stopped) -> SlotLeft:
    return SlotLeft(ticket)


async def admit(message: AdmitRun, front: Front) -> bool:
    """Tell a task that its run may begin, until it has heard; false when it wants to no more."""
    while True:
        try:
            # It may take as long as the store does: only an answer says whether the slot is in use.
            await front().ask(message, deadline=math.inf)
        except (Conflict, NotFound):
            return False
        except (ActorStopped, ChildUnknown, MailboxFull, Refused):
            await trio.sleep(_AGAIN_SECONDS)
        else:
            return True
