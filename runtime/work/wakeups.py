"""Bringing tasks back: those that somebody left running, and those whose retry is due.

A task with nothing running is a row in the journal and nothing in memory. `WakeUps` is the actor that reads the
journal for what has to go on: once when it starts, for the tasks that a runtime before it left awake; then for those
that come due, page by page, with one timer for the next of them, however many sleep. Each page is a question to the
intake, so a backlog waits in the journal and not in a mailbox. Where other instances share the journal, a page is what
this one has just claimed, and it looks now and then for what others left.

What is due is so by the calendar, for the row with its time outlives processes, and others read it: nobody counts the
seconds of each that sleeps. A calendar that is set forward, as after a machine was suspended, brings it at once; one that
is set back, later by as much, unless somebody runs it. (Seconds since the epoch know no summer time.)

`Agenda` is how the tasks' actors say that they went to sleep: sync, one comparison.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from actors import Actor, ActorStopped, Address, AskExpired, MailboxFull, Question, Timers
from runtime.journal.protocol import JournalUnavailable, Stored
from runtime.work.claims import Claims
from runtime.work.messages import LookAtAgenda, LookAtHeld, WakeTask, WakeTasks

PAGE: Final = 64
"""How many tasks are brought back at a time: others get a word in between."""

_GATHERING_SECONDS: Final = 0.005
"""How long after a look that found something the next one follows at least: those that come due meanwhile share it."""

_ANSWER_WITHIN_SECONDS: Final = 60.0
_LOOK_AGAIN_SECONDS: Final = 5.0
"""How long a journal that cannot be read is left alone."""

_LAST_NUMBER: Final = 2**62
_TIMER: Final = "agenda"


class Agenda:
    """When the journal has to be looked at next. It outlives whoever looks."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._reader: Address[LookAtAgenda] | None = None
        self._next = math.inf
        self._handed_out = -math.inf

    def sleep_until(self, due: float, wake: WakeTask, intake: "Address[WakeTask]") -> None:
        """See that a task, stored as due then, is woken. Sync."""
        if due <= self._handed_out:  # the reader is past that time already
            self._timers.arm(wake.task_id, due, intake, wake)
        elif due < self._next:
            self.look_at(due)

    def begin(self, reader: "Address[LookAtAgenda]") -> None:
        """Take on a reader, who has handed out nothing so far. Sync."""
        self._reader = reader
        self._next = math.inf
        self._handed_out = -math.inf

    def hand_out(self, until: float) -> tuple[float, int]:
        """Say that all that is due until then is about to be handed out, and after which place. Sync."""
        before = self._handed_out
        self._next = math.inf
        self._handed_out = max(before, until)
        return before, _LAST_NUMBER

    def look_now(self) -> None:
        """Have the reader look at once: somebody says that there is work. Sync."""
        if self._reader is not None:
            with suppress(ActorStopped, MailboxFull):  # it looks when it is started again; and it has heard
                self._reader.post(LookAtAgenda())

    def look_at(self, due: float) -> None:
        """Have the reader look then, unless it does so earlier. Sync."""
        if self._reader is not None and due < self._next:
            self._next = due
            self._timers.arm(_TIMER, due, self._reader, LookAtAgenda())


class WakeUps(Actor[LookAtAgenda]):
    """See the module's docstring."""

    def __init__(self, claims: Claims, agenda: Agenda, intake: Callable[[], "Address[WakeTasks | LookAtHeld]"]) -> None:
        self._claims = claims
        self._agenda = agenda
        self._intake = intake
        self._resumed = 0
        """The number of the last task that was looked at for being left awake."""

    async def started(self) -> None:
        """Bring back what was left awake, with what the one before took hold of and did not hand on; then what is due."""
        self._agenda.begin(self.address)
        with suppress(ActorStopped):  # as below
            await self._ask_intake(LookAtHeld())
        await self._look()

    async def turn(self, batch: Sequence[LookAtAgenda | Question[LookAtAgenda]]) -> None:
        """Bring back what is due."""
        del batch
        await self._look()

    async def _look(self) -> None:
        with suppress(ActorStopped):  # the intake is restarted, and this actor after it
            try:
                await self._resume()
                await self._hand_out()
            except JournalUnavailable:  # it may not last; what was handed out already is handed out again, and ignored
                self._agenda.begin(self.address)
                self._agenda.look_at(self.clock.wall() + _LOOK_AGAIN_SECONDS)

    async def _resume(self) -> None:
        while self._resumed < _LAST_NUMBER and (page := await self._claims.awake(self._resumed, PAGE)):
            await self._bring_back(page)
            self._resumed = page[-1].number
        if self._claims.poll_seconds == math.inf:
            self._resumed = _LAST_NUMBER  # what is taken on from now on is awake because it runs

    async def _hand_out(self) -> None:
        now = self.clock.wall()
        place = self._agenda.hand_out(now)
        page = await self._claims.due(now, place, PAGE)
        found = bool(page)
        while page:
            await self._bring_back(page)
            last = page[-1]
            place = (last.standing.due or 0.0, last.number)
            page = await self._claims.due(now, place, PAGE) if len(page) == PAGE else ()
        due = await self._claims.next_due(now)
        if found and due is not None:
            due = max(due, now + _GATHERING_SECONDS)
        soonest = min(math.inf if due is None else due, now + self._claims.poll_seconds)
        if soonest < math.inf:
            self._agenda.look_at(soonest)

    async def _bring_back(self, page: Sequence[Stored]) -> None:
        await self._ask_intake(WakeTasks(tuple(page)))

    async def _ask_intake(self, message: WakeTasks | LookAtHeld) -> None:
        """Have the intake do something: once there is room in its mailbox, for a page is not to be lost."""
        intake = self._intake()
        while True:
            try:
                await intake.ask(message, deadline=self.clock.monotonic() + _ANSWER_WITHIN_SECONDS)
            except MailboxFull:
                await intake.wait_room()
            except AskExpired:  # it has the message, and takes its time
                return
            else:
                return
