"""What a journal is asked to do besides, when several instances of a program share it.

An instance *holds* the tasks that it has in memory, and nobody else writes of them. It takes hold of a task by claiming
it, and lets go of it when the task has left memory. An instance that is not heard of loses all that it holds.
"""

from collections.abc import Callable, Collection, Sequence
from enum import Enum, auto
from typing import Protocol, TypeAlias, runtime_checkable

import attrs

from runtime.frozen import frozen
from runtime.journal.protocol import PAGE, Journal, Stored


class Signal(Enum):
    """What other instances let us know. A signal may be lost: whoever waits for one looks now and then by himself."""

    WORK = auto()
    """There are tasks that nobody goes on with."""
    NEWS = auto()
    """Others have committed something."""
    MAIL = auto()
    """There is mail for us."""


class Claim(Enum):
    """What came of claiming a task that is not ours."""

    OURS = auto()
    UNKNOWN = auto()
    """There is no such task."""
    NOBODYS = auto()
    """It was written by a later version of this program: this one cannot go on with it."""


Claimed: TypeAlias = Claim | int
"""A `Claim`, or the number of the instance that holds the task."""


@frozen
class Letter:
    """A message from another instance: a question, or the answer to one of ours, by its `conversation`."""

    sender: int
    conversation: int
    answer: bool
    body: bytes


@frozen
class Foreign:
    """One turn that another instance committed: where the records of it begin, how many they are, and of what task."""

    position: int
    records: int
    task_id: str


@frozen
class Holder:
    """The instance that holds a task: its number, its name, and whether it is this one."""

    number: int
    name: str
    ours: bool


@frozen
class LeaseEnded:
    """This instance's lease was lost, with so many tasks that it held; it had not been answered for so many seconds."""

    instance: int
    tasks: int
    silent_seconds: float


@frozen
class LeaseTaken:
    """This instance found others `dead`, and had all take over what they held, so many tasks."""

    instance: int
    dead: Sequence[int]
    tasks: int


@frozen
class LeaseFigures:
    """What became of leases since this runtime was started.

    Attributes:
        lost: how often this instance lost its own.
        tasks_lost: how many tasks it held then, in all.
        taken_over: how many others it found dead.
        tasks_taken_over: how many tasks those had held.
    """

    lost: int = 0
    tasks_lost: int = 0
    taken_over: int = 0
    tasks_taken_over: int = 0

    def then(self, event: LeaseEnded | LeaseTaken) -> "LeaseFigures":
        """Give the figures after one more."""
        if isinstance(event, LeaseEnded):
            return attrs.evolve(self, lost=self.lost + 1, tasks_lost=self.tasks_lost + event.tasks)
        return attrs.evolve(
            self,
            taken_over=self.taken_over + len(event.dead),
            tasks_taken_over=self.tasks_taken_over + event.tasks,
        )


@runtime_checkable
class SharedJournal(Journal, Protocol):
    """A journal that several instances share. Everything here is about this instance."""

    async def run(self, started: Callable[[], None]) -> None:
        """Be an instance until cancelled; `started` is called once it is one.

        Raises:
            LeaseLost: this instance is held for dead. All that works for it has to be stopped before `run` is called again.
            CommitsLost: likewise; and whoever waits for what it knew of may wait in vain.
        """
        ...

    @property
    def lease_held(self) -> bool:
        """Whether nobody can have taken our tasks away yet. Sync."""
        ...

    async def lease_sure(self) -> None:
        """Wait until that is so; for ever once they are taken."""
        ...

    @property
    def leases(self) -> LeaseFigures:
        """What became of leases so far."""
        ...

    @property
    def held(self) -> Collection[str]:
        """The ids of the tasks that we hold."""
        ...

    async def claim(self, task_id: str) -> Claimed:
        """Take hold of a task, unless another instance does."""
        ...

    async def holder(self, task_id: str) -> Holder | None:
        """Give the instance that holds a task, if one does; nothing is taken hold of."""
        ...

    async def claim_awake(self, *, limit: int = PAGE) -> Sequence[Stored]:
        """Take hold of tasks that somebody has to go on with, and that nobody holds."""
        ...

    async def claim_due(self, until: float, *, limit: int = PAGE) -> Sequence[Stored]:
        """Take hold of tasks that are due up to then, and that nobody holds."""
        ...

    def release(self, task_ids: Collection[str]) -> None:
        """Let go of tasks that we hold. Sync."""
        ...

    async def hold(self, label: str, limit: int, ticket: int) -> bool:
        """Hold a resource of which all instances together may hold so many; False when they do."""
        ...

    def unhold(self, ticket: int) -> None:
        """Give back whatever is held under a ticket, soon. Sync."""
        ...

    def listen(self, signal: Signal, heard: Callable[[], None]) -> None:
        """Have a function called at a signal: sync, quick, and any number of times for one. Sync."""
        ...

    async def wake_others(self) -> None:
        """Let others know that there is work."""
        ...

    async def send(self, receiver: int, conversation: int, body: bytes, *, answer: bool) -> bool:
        """Send a letter to an instance; False where there is no such instance any more."""
        ...

    async def fetch(self) -> Sequence[Letter]:
        """Take our letters, each of which is given once."""
        ...

    async def lives(self, instance: int) -> bool:
        """Say whether there is such an instance."""
        ...

    async def unread(self, receiver: int, conversation: int) -> bool:
        """Say whether a letter of ours has not been fetched; one that has not is taken back, and never will be."""
        ...

    async def follow(self, *, on: bool) -> int:
        """Begin, or cease, to be told of what others commit; give the position of the last record that is stored."""
        ...

    async def foreign(self, position: int, *, limit: int = PAGE) -> tuple[Sequence[Foreign], Collection[str], int]:
        """Give what others committed behind a position, the tasks of ours in between, and up to where that is all there is."""
        ...
