"""Trio tasks that run the incarnations and the children of actors, one after the other, whoever's they are.

Starting a trio task, a nursery and a scope for every child, or even for every actor that has some, would cost more than
the whole rest of the supervision. So a supervisor has a few of them resting, in its own nursery, each in a scope that
serves until it was cancelled or had a deadline. A child is as safe in one as in a nursery of its owner's: the owner
cancels and awaits its children however it ends (`children.Children.cut`). Every child starts in a copy of its owner's
context, and every incarnation in one of its supervisor's, as in a task of its own.

An actor that has nothing to do but wait for its children needs no task: the one it had carries the first of them.
"""

from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any, Final, TypeAlias

import trio

from actors.child import Child, Exit, Failed, Returned
from actors.parking import Parking

__all__ = ("MOST_RESTING", "Carrier", "Carriers")

MOST_RESTING: Final = 128
"""How many trio tasks a supervisor keeps for the incarnations and children to come."""

_MOST_IN_A_ROW: Final = 16
"""How many turns a carrier takes in the place of owners until it lets everybody else run."""

Load: TypeAlias = Child | Callable[[], Awaitable[Child | None]]
"""A child; or what runs an incarnation, and gives the child that it leaves to be carried, if it does."""


class Carrier(Parking):
    """One of these tasks."""

    __slots__ = ("_carriers", "_load", "_task")

    def __init__(self, load: Load | None, carriers: "Carriers") -> None:
        self._parked = None
        self._load: Load | None = load
        self._task: trio.lowlevel.Task | None = None
        self._carriers = carriers

    def take(self, load: Load | None, name: str = "", context: Context | None = None) -> None:
        """Run this next, or nothing more. Sync; only while it rests."""
        self._load = load
        if context is not None and self._task is not None:
            self._task.context = context
            self._task.name = name
        self.wake()

    async def run(self) -> None:
        """Run what there is, and what comes, until nothing is to. The guard of children: an `Exception` of theirs ends here."""
        self._task = trio.lowlevel.current_task()
        child: Child | None = None
        exit_: Exit[Any] | None = None
        scope = trio.CancelScope()
        try:
            with scope:
                while True:
                    if self._load is None:
                        if not self._carriers.rests(self):
                            break
                        await self.park()
                    load, self._load = self._load, None
                    if load is None:
                        break
                    child = load if isinstance(load, Child) else await load()
                    del load
                    led = 0
                    while child is not None:
                        exit_ = None
                        if not child.enter(scope):
                            return  # it is reported below
                        try:
                            exit_ = Returned(await child.function(*child.args))
                        except Exception as error:  # noqa: BLE001 - the guard: it becomes a value
                            exit_ = Failed(error)
                        if child.stopping is not None or child.deadline is not None:
                            return  # as above, for its scope may serve no other
                        ended, child = child, None
                        if led < _MOST_IN_A_ROW and ended.owner.lends():
                            led += 1
                            child = await ended.owner.go_on(ended, exit_, scope)
                        else:
                            ended.owner.end(ended, exit_)
                        del ended  # what it leads to may be large
                    exit_ = None
        except Exception as error:  # what was beside a cancel in a group
            if child is None:
                raise
            exit_ = Failed(error)
        except BaseException:
            if child is not None:
                child.owner.lose(child)
                child = None
            raise
        finally:
            if child is not None:
                child.owner.end(child, exit_)

    def _abandon(self, _raise_cancel: trio.lowlevel.RaiseCancelT) -> trio.lowlevel.Abort:
        self._carriers.forget(self)  # it is cancelled, and must not be given anything any more
        return super()._abandon(_raise_cancel)


class Carriers:
    """Those of one supervisor: all run in its nursery. `resting` are those that have nothing to run."""

    __slots__ = ("_closed", "_nursery", "resting")

    def __init__(self) -> None:
        self._nursery: trio.Nursery | None = None
        self.resting: list[Carrier] = []
        self._closed = False

    def open(self, nursery: trio.Nursery) -> None:
        """Run in this nursery. For the supervisor."""
        self._nursery = nursery

    def close(self) -> None:
        """Keep no task any longer than what it runs, so that the nursery can end. For the supervisor."""
        self._closed = True
        resting, self.resting = self.resting, []
        for carrier in resting:
            carrier.take(None)

    def begin(self, load: Load, name: str, context: Context) -> None:
        """Run something, in a task of that name and in this context. Sync."""
        if self.resting:
            self.resting.pop().take(load, name, context)
        elif self._nursery is not None:  # it is there before anything is begun
            context.run(self._start, self._nursery, load, name)

    def _start(self, nursery: trio.Nursery, load: Load, name: str) -> None:
        nursery.start_soon(Carrier(load, self).run, name=name)

    @property
    def room(self) -> bool:
        """Whether one more may rest."""
        return not self._closed and len(self.resting) < MOST_RESTING

    def rests(self, carrier: Carrier) -> bool:
        """Keep a carrier for what is to come; false when there are enough. For carriers."""
        if not self.room:
            return False
        self.resting.append(carrier)
        return True

    def forget(self, carrier: Carrier) -> None:
        """Do not count on a carrier any more. For carriers."""
        if carrier in self.resting:
            self.resting.remove(carrier)
