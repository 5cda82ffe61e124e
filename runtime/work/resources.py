"""The actor that hands out limited resources, to steps and to runs, and what an attempt of a step holds of it.

Limits are those of one runtime: two processes with a limit of ten are twenty, unless the limit is one of all instances
that share a store (`Limits.everywhere`): then a step asks the store besides, once its own runtime has let it. A step
holds its resources while its action runs, and while its pre-hook does; nothing is held between attempts. A step none of
whose labels has a limit never asks; of one task, no more than could hold the scarcest of their labels soon
(`Resources.gate`): the others have not begun. What runs hold is in `slots` (spec section 8).

A step that waits for other work of the runtime (the tasks of `subtask` and `batch`, a callback, a person, a flow) holds
nothing meanwhile, so whatever it waits for can have it, and no number of such steps can stand in each other's way.

Steps of flows hold what steps of tasks do: the labels of their runner, ``runner:http``, ``steps``, and those that they
name; besides, ``flow:<type>``, in the place of what a run holds, for a flow has no runs: it may wait for people for
weeks. They do not count as `Limits.executions`, of which a task whose step waits for a flow has none either. They
wait as long as it takes, for a flow has no retries to fall back on (`StepSpec.timeout_seconds` bounds it); those that
still wait when the runtime shuts down are queued again, for they have not begun.

The actor stands before the tasks in a tree that restarts what follows a part with it, so pools that are lost in a crash
are never those of a step that still runs.
"""

import math
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import chain, count, repeat
from typing import Final, TypeAlias

import attrs
import trio

from actors import (
    Actor,
    ActorStopped,
    Address,
    AskExpired,
    ChildUnknown,
    Exit,
    MailboxFull,
    Question,
    Returned,
    ShutdownContext,
    StopReason,
    answers,
    handles,
)
from runtime.frozen import frozen
from runtime.journal.protocol import JournalUnavailable
from runtime.journal.shared import SharedJournal
from runtime.runner import NotProvisioned
from runtime.work.limits import Limits
from runtime.work.messages import AdmitRun
from runtime.work.pools import Pools, ResourceFigures
from runtime.work.slots import Front, QueueRun, SlotLeft, admit

CAPACITY: Final = 1 << 24
"""How many messages may wait for the actor: more than there can be attempts, so that no release is ever refused."""


_ASK_AGAIN_SECONDS: Final = (0.02, 0.05, 0.1, 0.25)
"""How long to wait before the store is asked again for what others hold; the last one for ever."""

_IN_LINE: Final = 16
"""How many attempts of a task wait for a resource besides as many as may hold it."""

_OVER: Final = StopReason.normal("resources", "nothing new is to begin")
_DRAINING: Final = "the runtime is shutting down: the step had not begun"


@frozen
class Acquire:
    """Give these labels to a ticket. Answered once it holds them all."""

    ticket: int
    labels: Sequence[str]


@frozen
class Release:
    """A ticket holds, and waits for, nothing any more."""

    ticket: int


@frozen
class GetResources:
    """Describe every limited resource. Answered with a mapping of `ResourceFigures`."""


@frozen
class DrainingBegan:
    """The runtime is shutting down: nothing new is to start."""


@frozen
class RunHeard:
    """A task was told that its run may begin; `begins` says whether it still wanted to, if that is known."""

    ticket: int
    begins: bool


class ShuttingDown(NotProvisioned):
    """The runtime is shutting down: what has not begun is not to."""


class NotBegun(Exception):
    """The same, to the step of a flow that it was said to."""


Message: TypeAlias = Acquire | Release | GetResources | DrainingBegan | QueueRun | SlotLeft | RunHeard


class ResourceKeeper(Actor[Message]):
    """Owns the pools. When the runtime shuts down, whoever waits is refused: what has not begun is not to begin."""

    def __init__(self, limits: Limits, shutdown: ShutdownContext, front: Front) -> None:
        self._pools = Pools(limits.pools)
        self._waiting: dict[int, Question[Acquire]] = {}
        self._in_line: dict[int, str] = {}
        self._tasks_in_line: set[str] = set()
        self._front = front
        self._shutdown = shutdown
        self._draining = False

    async def started(self) -> None:
        """Listen for the shutdown."""
        self.children.start("draining", self._shutdown.wait_draining, report=lambda _: DrainingBegan())

    @handles(DrainingBegan)
    def drain(self, _message: DrainingBegan) -> None:
        """Refuse whoever waits, and whoever comes."""
        self._draining = True
        for question in self._waiting.values():
            question.refuse(ShuttingDown(_DRAINING))
        for child in self.children:  # runs that were about to begin stay in line
            child.stop(self._shutdown.reason or _OVER)

    @answers(Acquire)
    def acquire(self, question: Question[Acquire]) -> None:
        """Answer now, or when the last of the labels is free."""
        message = question.message
        if self._draining:
            question.refuse(ShuttingDown(_DRAINING))
        elif self._pools.request(message.ticket, message.labels):
            question.answer(None)
        else:
            self._waiting[message.ticket] = question

    @handles(Release)
    def release(self, message: Release) -> None:
        """Hand on what the ticket held."""
        self._waiting.pop(message.ticket, None)
        self._hand_on(message.ticket)

    def _hand_on(self, returned: int) -> None:
        for ticket in self._pools.give_back(returned):
            task_id = self._in_line.pop(ticket, None)
            if task_id is None:
                self._waiting.pop(ticket).answer(None)  # too late, while draining, for one that was refused
            else:
                self._tasks_in_line.discard(task_id)
                self._admit(ticket, task_id)

    @handles(QueueRun)
    def queue(self, message: QueueRun) -> None:
        """Let the run begin now, or when the last of the labels is free. A task has one place in line."""
        if message.task_id in self._tasks_in_line:
            return
        if self._pools.request(message.ticket, message.labels):
            self._admit(message.ticket, message.task_id)
        else:
            self._in_line[message.ticket] = message.task_id
            self._tasks_in_line.add(message.task_id)

    def _admit(self, ticket: int, task_id: str) -> None:
        if not self._draining:
            report = partial(_heard, ticket)
            self.children.start(f"admit {ticket}", admit, AdmitRun(task_id, ticket), self._front, report=report)

    @handles(RunHeard)
    def hear(self, message: RunHeard) -> None:
        """Hand on what the run does not want any more."""
        if not message.begins:
            self._hand_on(message.ticket)

    @handles(SlotLeft)
    def take_back(self, message: SlotLeft) -> None:
        """Hand on what the run held."""
        self._hand_on(message.ticket)

    @answers(GetResources)
    def describe(self, question: Question[GetResources]) -> None:
        """Tell how the pools stand."""
        question.answer(self._pools.figures())


class Everywhere:
    """What steps hold of all instances together. Each label is handed out to whoever asks first once it is free."""

    def __init__(self, journal: SharedJournal, shutdown: ShutdownContext) -> None:
        self._journal = journal
        self._shutdown = shutdown

    @asynccontextmanager
    async def holding(self, limits: Limits, wanted: Sequence[str], ticket: int, deadline: float) -> AsyncIterator[None]:
        """Hold those of the labels that are limited everywhere for as long as the block lasts.

        Raises:
            NotProvisioned: they were not free in time.
            ShuttingDown: or never will be.
        """
        labels = sorted(limits.everywhere.intersection(wanted))
        if not labels:
            yield
            return
        try:
            for label in labels:
                await self._hold(label, limits.resources[label], ticket, deadline)
            yield
        finally:
            self._journal.unhold(ticket)

    async def _hold(self, label: str, limit: int, ticket: int, deadline: float) -> None:
        for pause in chain(_ASK_AGAIN_SECONDS, repeat(_ASK_AGAIN_SECONDS[-1])):
            with suppress(JournalUnavailable):  # the store is away: wait for it, as for the resource
                if await self._journal.hold(label, limit, ticket):
                    return
            if self._shutdown.reason is not None:
                raise ShuttingDown(_DRAINING)
            if trio.current_time() + pause > deadline:
                raise NotProvisioned(f"resources were not free in time in all instances: {label} ({limit})")
            await trio.sleep(pause)


class Resources:
    """What attempts hold of the actor: asks it where a limit applies, and only there."""

    def __init__(
        self,
        limits: Limits,
        keeper: Callable[[], Address[Message]],
        everywhere: "Everywhere | None" = None,
        tickets: Iterator[int] | None = None,
        awaited: dict[str, dict[str, str]] | None = None,
    ) -> None:
        self._limits = limits
        self._keeper = keeper
        self._everywhere = everywhere
        self._tickets = count() if tickets is None else tickets
        self._awaited = {} if awaited is None else awaited

    def limited(self, labels: Iterable[str]) -> frozenset[str]:
        """Give those of the labels that have a limit. Sync."""
        return frozenset(self._limits.resources.keys() & labels)

    def gate(self, labels: Iterable[str]) -> tuple[str, int] | None:
        """Say how many attempts of one task that hold these labels are worth beginning: None is no bound. Sync.

        More than can hold the scarcest of them, so that whatever is handed back finds somebody in line, and few enough
        for a loop over a hundred thousand items not to be as many waiting tasks, whose patience ends.
        """
        limited = [(limit, label) for label in labels if (limit := self._limits.resources.get(label)) is not None]
        if not limited:
            return None
        limit, label = min(limited)
        return label, 2 * limit + _IN_LINE

    def patient(self) -> "Resources":
        """Give the same resources for steps of flows: they wait as long as it takes, and are among `awaited_by` of both."""
        limits = attrs.evolve(self._limits, acquire_timeout=0.0)
        return _Patient(limits, self._keeper, self._everywhere, self._tickets, self._awaited)

    @asynccontextmanager
    async def holding(
        self, labels: Iterable[str], step: tuple[str, str], *, waits: bool = False
    ) -> AsyncIterator[None]:
        """Hold limited labels for as long as the block lasts. Cancelling the wait, or the block, gives them back.

        While the `step` waits for them, by the id of its task and its name, it is among `awaited_by`. What only `waits` for
        other work holds none of them, and is refused where it could not.

        Raises:
            NotProvisioned: one of them is switched off, or they were not free in time.
            ShuttingDown: or never will be.
        """
        wanted = sorted(labels)
        off = [label for label in wanted if self._limits.resources[label] == 0]
        if off:
            raise NotProvisioned(f'resource "{off[0]}" is switched off: its limit is 0')
        if waits:
            yield
            return
        ticket = next(self._tickets)
        patience = self._limits.acquire_timeout
        names = ", ".join(f"{label} ({self._limits.resources[label]})" for label in wanted)
        self._wait(step, names)
        try:
            keeper = self._keeper()
            deadline = trio.current_time() + (patience or math.inf)
            await keeper.ask(Acquire(ticket, wanted), deadline=deadline)
        except AskExpired:
            keeper.post(Release(ticket))
            raise NotProvisioned(f"resources were not free within {patience:g}s: {names}") from None
        except (ActorStopped, ChildUnknown, MailboxFull) as gone:
            raise NotProvisioned(f"resources cannot be asked for: {gone}") from gone
        except BaseException:  # a cancel, which may have come with the answer on its way
            _release(keeper, ticket)
            raise
        finally:
            self._wait_no_more(step)
        try:
            if self._everywhere is None:
                yield
                return
            self._wait(step, f"{names}, in all instances")
            async with self._everywhere.holding(self._limits, wanted, ticket, deadline):
                self._wait_no_more(step)
                yield
        finally:
            self._wait_no_more(step)
            _release(keeper, ticket)

    def awaited_by(self, task_id: str) -> Mapping[str, str]:
        """Name the steps of a task that wait for resources, and what they wait for. Sync."""
        return dict(self._awaited.get(task_id, ()))

    def _wait(self, step: tuple[str, str], names: str) -> None:
        task_id, name = step
        self._awaited.setdefault(task_id, {})[name] = names

    def _wait_no_more(self, step: tuple[str, str]) -> None:
        task_id, name = step
        waiting = self._awaited.get(task_id, {})
        waiting.pop(name, None)  # an attempt that is cancelled may go while the next one waits
        if not waiting:
            self._awaited.pop(task_id, None)

    async def figures(self, deadline: float) -> Mapping[str, ResourceFigures]:
        """Describe every limited resource as it is now; raises as `Address.ask` does."""
        told = await self._keeper().ask(GetResources(), deadline=deadline)
        assert isinstance(told, Mapping)  # noqa: S101 - narrows what an answer is typed as
        return told


class _Patient(Resources):
    """What steps of flows hold: one that had to wait when the runtime shuts down has not begun, which nobody has to look at."""

    @asynccontextmanager
    async def holding(
        self, labels: Iterable[str], step: tuple[str, str], *, waits: bool = False
    ) -> AsyncIterator[None]:
        try:
            async with super().holding(labels, step, waits=waits):
                yield
        except ShuttingDown as word:
            raise NotBegun(word.message) from None


def _heard(ticket: int, ended: Exit[bool]) -> RunHeard:
    return RunHeard(ticket, isinstance(ended, Returned) and ended.value)


def _release(keeper: Address[Message], ticket: int) -> None:
    with suppress(ActorStopped):  # with the actor, its pools are gone
        keeper.post(Release(ticket))
