"""Follows what other instances commit, for those here who listen: waiters of tasks that run elsewhere, and subscribers.

Nothing is followed while nobody listens, and then others do not even say that they commit. For waiters it is enough to
know which tasks something was stored of; only subscribers need to be told all of it.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

import attrs

from actors import Actor, ActorStopped, Address, ChildUnknown, MailboxFull, Question, Timers
from runtime.engine.states import ResolutionState, TaskState
from runtime.journal.protocol import JournalUnavailable, Standing
from runtime.journal.replaying import replay
from runtime.journal.shared import SharedJournal
from runtime.work.broadcast import Broadcast
from runtime.work.histories import Beyond, Histories

_PAGE: Final = 256
_LOOK_ANYWAY_SECONDS: Final = 1.0
"""How often to look while somebody listens: the word that there are news may be lost."""

_RARELY: Final = 16
"""Those who are waited for are all looked through once a sixteenth as much has happened as there are of them."""

_TIMER: Final = "news"
_ENDED: Final = frozenset({ResolutionState.DONE, ResolutionState.CANCELLED})


@attrs.frozen
class Listened:
    """Somebody waits for that task, or listens to it; to all, with None."""

    task_id: str | None


@attrs.frozen
class NewsCame:
    """Others have committed something, perhaps."""


Message: TypeAlias = Listened | NewsCame


class Ear:
    """Where the other parts of the runtime leave word for the follower. `follower` gives the one of now. All sync."""

    def __init__(self, journal: SharedJournal, follower: Callable[[], Address[Message]]) -> None:
        self._journal = journal
        self._follower = follower
        self._told = False

    def listened(self, task_id: str | None) -> None:
        """Somebody begins to listen: to one task or, with None, to all."""
        if task_id is None or task_id not in self._journal.held:
            self._post(Listened(task_id))

    def news(self) -> None:
        """Others have committed something: said once, until it was heard."""
        if not self._told:
            self._told = self._post(NewsCame())

    def heard(self) -> None:
        """What was said was heard."""
        self._told = False

    def _post(self, message: Message) -> bool:
        try:
            self._follower().post(message)
        except (ActorStopped, ChildUnknown, MailboxFull):
            return False  # a new one begins by asking who listens, and one with a full mailbox looks soon
        return True


def _goes_on(standing: Standing) -> bool:
    """Say whether something runs of a task, or a flow, that stands there."""
    return standing.state is ResolutionState.RUNNING and standing.task is TaskState.RUNNING


class Follower(Actor[Message]):
    """See the module's docstring."""

    def __init__(self, journal: SharedJournal, broadcast: Broadcast, timers: Timers, ear: Ear) -> None:
        self._journal = journal
        self._broadcast = broadcast
        self._timers = timers
        self._ear = ear
        self._histories = Histories(journal)
        self._elsewhere: set[str] = set()
        """The tasks that somebody waits for, or did, and that may run elsewhere."""
        self._unweeded = 0
        """How much has happened since it was looked which of them nobody waits for any more."""
        self._unread: set[str] = set()
        """Those of them that could not be read when there was something new of them."""
        self._position: float = math.inf
        """Up to where what others committed is known; infinite while it is not followed."""

    async def started(self) -> None:
        """Ask who listens."""
        self._ear.heard()
        await self._catch_up([task_id for task_id in self._broadcast.awaited() if task_id not in self._journal.held])

    async def turn(self, batch: Sequence[Message | Question[Message]]) -> None:
        """Look what is new."""
        self._ear.heard()
        await self._catch_up(
            [item.task_id for item in batch if isinstance(item, Listened) and item.task_id is not None]
        )

    async def _catch_up(self, asked: Sequence[str]) -> None:
        self._elsewhere.update(asked)
        self._unweeded += 1 + len(asked)
        if self._unweeded * _RARELY >= len(self._elsewhere):
            self._unweeded = 0
            self._elsewhere = {task_id for task_id in self._elsewhere if self._broadcast.awaits(task_id)}
        wanted = bool(self._elsewhere) or self._broadcast.subscribed
        with suppress(JournalUnavailable):  # there is a next time
            if wanted and self._position == math.inf:
                self._position = await self._journal.follow(on=True)
                asked = list(self._elsewhere)
            elif not wanted and self._position < math.inf:
                await self._journal.follow(on=False)
                self._position = math.inf
                self._histories = Histories(self._journal)  # they go on untold
            unread, self._unread = self._unread, set()
            for task_id in dict.fromkeys((*asked, *unread)):
                await self._look_at(task_id)
            if wanted:
                await self._read_on()
        if wanted:
            self._timers.arm_in(_TIMER, _LOOK_ANYWAY_SECONDS, self.address, NewsCame())

    async def _look_at(self, task_id: str) -> None:
        """Tell those who wait for a task if it has come to rest."""
        if not self._broadcast.awaits(task_id):
            self._elsewhere.discard(task_id)
            return
        try:
            listed = await self._journal.look_up(task_id)
            if listed is None or _goes_on(listed.standing):  # and so may be read in vain, step after step
                return
            stored = replay(await self._journal.read(task_id))
        except JournalUnavailable:  # perhaps of this one only: the others are not to wait for it
            self._unread.add(task_id)
            with suppress(JournalUnavailable):  # as above
                await self._look_at_its_place(task_id)
        else:
            # What is in memory here may be stored as more than its actor has heard of: whoever is told of that first and
            # then asks how the task is would be told of what it was.
            unit = self._broadcast.present(task_id) or stored
            if unit is not None and unit.at_rest:
                self._broadcast.fill(unit)
                self._elsewhere.discard(task_id)

    async def _look_at_its_place(self, task_id: str) -> None:
        """Tell those who wait for a task that cannot be read here if it has ended all the same."""
        listed = await self._journal.look_up(task_id)
        if listed is not None and listed.standing.state in _ENDED and not listed.standing.awake:
            self._broadcast.give_up(task_id, f"it is {listed.standing.task}, and was written by a later version")

    async def _read_on(self) -> None:
        while True:
            before = int(self._position)
            turns, ours, after = await self._journal.foreign(before, limit=_PAGE)
            if not self._broadcast.subscribed:
                self._histories = Histories(self._journal)  # as above
            elif turns:
                await self._tell(before, after, frozenset(turn.position for turn in turns))
            for task_id in () if turns else ours:
                self._histories.forget(task_id)
            for task_id in dict.fromkeys(turn.task_id for turn in turns):
                await self._look_at(task_id)
            self._position = after
            if after == before:
                return

    async def _tell(self, before: int, after: int, foreign: frozenset[int]) -> None:
        """Tell subscribers what others committed between two positions."""
        for turn in await self._journal.since(before, limit=_PAGE):
            if turn.position > after:
                return
            if turn.position not in foreign:
                self._histories.forget(turn.task_id)
                continue
            unit = await self._histories.after(turn)
            if isinstance(unit, Beyond):
                self._broadcast.spread(turn.task_id, turn.position, self._histories.told(turn, unit))
            elif unit is not None:
                self._broadcast.publish(unit, turn.position, turn.records, ours=False)
