"""The actor that delivers notices, and what the rest of the runtime holds of it.

What is said about one task reaches one backend in order; at most `DELIVERIES` exchanges are under way at once; a failed
one is tried again after pauses that double. A notice that finds the queue full is dropped, and counted.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias

import attrs
import trio

from actors import (
    Actor,
    ActorStopped,
    Address,
    ChildUnknown,
    Exit,
    MailboxFull,
    Question,
    Returned,
    StopReason,
    answers,
    handles,
)
from runtime.engine.task import Task
from runtime.flow.flow import Flow
from runtime.journal.protocol import Record
from runtime.logs.lines import log
from runtime.messenger import Messenger
from runtime.notifications.delivery import Undelivered, deliver
from runtime.notifications.figures import NotificationFigures
from runtime.notifications.notice import Notice, notices_of, readers_of
from runtime.notifications.settings import Notifications, NotifyEvent
from runtime.notifications.shapes import Letter, letter_to

CAPACITY: Final = 10_000
"""How many notices may wait to be looked at, and how many deliveries to be made."""

DELIVERIES: Final = 16
"""How many exchanges are under way at once."""

TRIES: Final = 6
FIRST_PAUSE_SECONDS: Final = 1.0
"""The pause after the first failure; each further one is twice as long: a minute for all of them together."""

STOP_WITHIN_SECONDS: Final = 5.0
"""How long what is queued may take to be delivered when the runtime is closed."""

_REMEMBERED: Final = 10_000

_LOG: Final = "understudy.notifications"

_Key: TypeAlias = tuple[str, str]


@attrs.frozen
class Tell:
    """Somebody may want to know this."""

    notice: Notice


@attrs.frozen
class Delivered:
    """A delivery is over; `problem` says why it was given up, if it was."""

    backend: str
    task_id: str
    problem: str


@attrs.frozen
class GetNotifications:
    """Say how deliveries stand. Answered with `NotificationFigures`."""


Message: TypeAlias = Tell | Delivered | GetNotifications


class Notifier(Actor[Message]):
    """See the module's docstring."""

    def __init__(self, settings: Notifications, config: Mapping[str, str]) -> None:
        self._settings = settings
        self._config = config
        self._queues: OrderedDict[_Key, deque[Notice]] = OrderedDict()
        self._ready: deque[_Key] = deque()
        self._figures = NotificationFigures()
        self._states: OrderedDict[str, str] = OrderedDict()

    @handles(Tell)
    def tell(self, message: Tell) -> None:
        """Queue a notice for every backend that wants it."""
        notice = message.notice
        if notice.event in {NotifyEvent.TASK_STATE, NotifyEvent.FLOW_STATE} and not self._is_news(notice):
            return
        for name in readers_of(notice, self._settings):
            if self._figures.waiting >= CAPACITY:
                self._count(dropped=1)
                log(_LOG).warning("notification_dropped", task=notice.task_id, backend=name, why="the queue is full")
                continue
            self._count(waiting=1)
            queue = self._queues.get((name, notice.task_id))
            if queue is not None:
                queue.append(notice)
            else:
                self._queues[name, notice.task_id] = deque([notice])
                self._ready.append((name, notice.task_id))
        self._begin()

    @handles(Delivered)
    def note(self, message: Delivered) -> None:
        """Go on to what comes next."""
        key = (message.backend, message.task_id)
        queue = self._queues[key]
        notice = queue.popleft()
        if message.problem:
            self._count(waiting=-1, failed=1)
            log(_LOG).warning(
                "notification_given_up",
                task=message.task_id,
                backend=message.backend,
                kind=str(notice.event),
                problem=message.problem,
            )
        else:
            self._count(waiting=-1, delivered=1)
        if queue:
            self._ready.append(key)
        else:
            del self._queues[key]
        self._begin()

    @answers(GetNotifications)
    def describe(self, question: Question[GetNotifications]) -> None:
        """Tell how deliveries stand."""
        question.answer(self._figures)

    async def stopping(self, reason: StopReason) -> None:
        """Deliver what is queued, as far as time allows."""
        del reason
        with trio.move_on_after(STOP_WITHIN_SECONDS):
            while batch := await self.receive():
                await self.turn(batch)
        if self._figures.waiting:
            log(_LOG).warning("notifications_left", count=self._figures.waiting, why="the runtime is closed")
        self._ready.clear()

    def _is_news(self, notice: Notice) -> bool:
        """Say whether a task is in another state than the one last told: a retry goes from RUNNING to RUNNING.

        And a flow is in-progress again with each of its steps.
        """
        known = self._states.pop(notice.task_id, "")
        if not notice.ended:
            self._states[notice.task_id] = notice.state
            if len(self._states) > _REMEMBERED:
                self._states.popitem(last=False)
        return known != notice.state

    def _begin(self) -> None:
        while self._ready and len(self.children) < DELIVERIES:
            name, task_id = self._ready.popleft()
            notice = self._queues[name, task_id][0]
            letter = letter_to(self._settings.notify_config[name].target, notice, self._config)
            self.children.start(f"{name}/{task_id}", _persist, letter, report=partial(_report, name, task_id))

    def _count(self, *, waiting: int = 0, delivered: int = 0, failed: int = 0, dropped: int = 0) -> None:
        was = self._figures
        self._figures = NotificationFigures(
            waiting=was.waiting + waiting,
            delivered=was.delivered + delivered,
            failed=was.failed + failed,
            dropped=was.dropped + dropped,
        )


def _report(backend: str, task_id: str, ended: Exit[str]) -> Delivered:
    problem = ended.value if isinstance(ended, Returned) else str(ended)
    return Delivered(backend, task_id, problem)


async def _persist(letter: Letter) -> str:
    """Try until it is delivered, or refused for good, or tried often enough; give what went wrong last."""
    pause = FIRST_PAUSE_SECONDS
    problem = ""
    for attempt in range(TRIES):
        if attempt:
            await trio.sleep(pause)
            pause *= 2
        try:
            answer = await deliver(letter)
        except Undelivered as fault:
            problem = str(fault)
            continue
        problem = answer.problem(letter)
        if not problem or answer.final:
            break
    return problem


class Notices(Messenger):
    """What the rest of the runtime holds of the notifier. Everything is sync, and waits for nobody."""

    def __init__(self, settings: Notifications, notifier: Callable[[], Address[Message]]) -> None:
        self._settings = settings
        self._notifier = notifier
        self._lost = 0

    @property
    def backends(self) -> Container[str]:
        """The names of the backends."""
        return self._settings.notify_config.keys()

    def note(self, unit: Task | Flow, records: Sequence[Record]) -> None:
        """Tell of what was stored of a task or a flow."""
        for notice in self._of(unit, records):
            if any(readers_of(notice, self._settings)):
                self._post(notice)

    def _of(self, unit: Task | Flow, records: Sequence[Record]) -> Iterator[Notice]:
        if isinstance(unit, Task):
            return notices_of(unit, records, self._settings)
        from runtime.notifications.flow_notice import flow_notices_of  # noqa: PLC0415 - many runtimes never see a flow

        return flow_notices_of(unit, records, self._settings)

    def send(self, task_id: str, message: str, fields: Mapping[str, str], backends: Sequence[str]) -> None:
        """Say something of a task's own."""
        self._post(
            Notice(
                event=NotifyEvent.MESSAGE,
                task_id=task_id,
                message=message,
                fields=dict(fields),
                backends=tuple(backends),
            )
        )

    async def figures(self, deadline: float) -> NotificationFigures:
        """Say how deliveries stand; raises as `Address.ask` does."""
        told = await self._notifier().ask(GetNotifications(), deadline=deadline)
        assert isinstance(told, NotificationFigures)  # noqa: S101 - narrows what an answer is typed as
        return attrs.evolve(told, dropped=told.dropped + self._lost)

    def _post(self, notice: Notice) -> None:
        try:
            self._notifier().post(Tell(notice))
        except (MailboxFull, ActorStopped, ChildUnknown):
            self._lost += 1
