"""Trio tasks that run the children of actors, one child after the other, whoever's they are.

Starting a trio task, a nursery and a scope for every child, or even for every actor that has some, would cost more than
the whole rest of the supervision. So a supervisor has a few of them resting, in its own nursery, each in a scope that
serves until it was cancelled or had a deadline. A child is as safe in one as in a nursery of its owner's: the owner
cancels and awaits its children however it ends (`children.Children.cut`). Every child starts in a copy of its owner's
context, as in a task of its own.
"""

from contextvars import copy_context
from typing import Any, Final

import trio

from actors.child import Child, Exit, Failed, Returned
from actors.parking import Parking

__all__ = ("MOST_RESTING", "Carriers")

MOST_RESTING: Final = 128
"""How many trio tasks a supervisor keeps for the children to come, and how many for the incarnations to come."""

_MOST_IN_A_ROW: Final = 16
"""How many turns a carrier takes in the place of owners until it lets everybody else run."""


class Carrier(Parking):
    """One of these tasks."""

    __slots__ = ("_child", "_led", "_task")

    def __init__(self, child: Child) -> None:
        self._parked = None
        self._led = 0
        self._child: Child | None = child
        self._task: trio.lowlevel.Task | None = None

    def take(self, child: Child | None) -> None:
        """Run this next, or nothing more. Sync; only while it rests."""
        self._child = child
        if child is not None and self._task is not None:
            self._task.context = copy_context()
            self._task.name = child.owner.name
        self.wake()

    async def run(self, carriers: "Carriers") -> None:
        """Run children until there is none to come. The guard: an `Exception` ends here, a cancel from above passes."""
        self._task = trio.lowlevel.current_task()
        child = self._child
        exit_: Exit[Any] | None = None
        scope = trio.CancelScope()
        try:
            with scope:
                while child is not None:
                    exit_ = None
                    if not child.enter(scope):
                        break
                    try:
                        exit_ = Returned(await child.function(*child.args))
                    except Exception as error:  # noqa: BLE001 - the guard: it becomes a value
                        exit_ = Failed(error)
                    if not child.leave():
                        break
                    ended, child, self._child = child, None, None
                    if self._led < _MOST_IN_A_ROW and ended.owner.lends():
                        self._led += 1
                        child = await ended.owner.go_on(ended, exit_, scope)
                    else:
                        self._led = 0
                        ended.owner.end(ended, exit_)
                    del ended  # what it leads to may be large
                    if child is None and carriers.rests(self):
                        exit_ = None
                        await self.park()
                        child = self._child
        except Exception as error:  # noqa: BLE001 - as above: what was beside a cancel in a group
            exit_ = Failed(error)
        except BaseException:
            carriers.forget(self)
            child = child or self._child  # that one was given to it after it was cancelled, and before it came to know
            if child is not None:
                child.owner.lose(child)
            raise
        if child is not None:
            child.owner.end(child, exit_)


class Carriers:
    """Those of one supervisor: all run in its nursery."""

    __slots__ = ("_closed", "_nursery", "_resting")

    def __init__(self) -> None:
        self._nursery: trio.Nursery | None = None
        self._resting: list[Carrier] = []
        self._closed = False

    def open(self, nursery: trio.Nursery) -> None:
        """Run in this nursery. For the supervisor."""
        self._nursery = nursery

    def close(self) -> None:
        """Keep no task any longer than its child runs, so that the nursery can end. For the supervisor."""
        self._closed = True
        resting, self._resting = self._resting, []
        for carrier in resting:
            carrier.take(None)

    def begin(self, child: Child) -> None:
        """Run a child. Sync; in the context of its owner."""
        if self._resting:
            self._resting.pop().take(child)
        elif self._nursery is not None:  # it is there before any actor lives
            self._nursery.start_soon(Carrier(child).run, self, name=child.owner.name)

    def rests(self, carrier: Carrier) -> bool:
        """Keep a carrier for a child to come; false when there are enough. For carriers."""
        if self._closed or len(self._resting) >= MOST_RESTING:
            return False
        self._resting.append(carrier)
        return True

    def forget(self, carrier: Carrier) -> None:
        """Do not count on a carrier any more. For carriers."""
        if carrier in self._resting:
            self._resting.remove(carrier)
