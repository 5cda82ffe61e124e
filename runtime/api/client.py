"""The in-process client: what a trio program holds of a runtime.

It checks and renders in the caller's frame, so that an actor only ever meets valid work, and sends messages for the
rest. Every method may be used from many tasks at once. Cancelling a call never undoes what was stored.

What changes something returns once that is stored. Whatever asks the runtime raises `Unavailable` where it is closed, busy,
or does not answer in time: the text says whether what was asked may still be done. Under maintenance, what would change
something raises `UnderMaintenance`. Ids that are not known are `NotFound`.
"""

import math
import os
from collections.abc import AsyncIterable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING

import trio

from actors import Phase, StopReason
from runtime.api.asking import Asking
from runtime.api.feed import Feed
from runtime.api.flow_client import LISTED_TIMES, FlowClient, Page
from runtime.api.handle import TaskHandle
from runtime.api.library import SyncedTemplates, sync_templates
from runtime.api.messages import (
    CallCallback,
    CancelTask,
    DeleteTask,
    Event,
    GetTask,
    InterruptStep,
    ResolveTask,
    RunTask,
    SubmitTasks,
    UnitEvent,
)
from runtime.api.operator import Operator, Workshop
from runtime.api.standstill import Whereabouts
from runtime.api.submission import NOTHING, Submission
from runtime.api.templates import Preparation, Prepared, TemplateSource
from runtime.api.views import TaskView, view_task
from runtime.arguments import check, check_kind, check_text, sorted_texts
from runtime.engine.states import ResolutionState
from runtime.engine.task import Task
from runtime.errors import Fault, InputInvalid, NotFound, Unavailable
from runtime.functions import Functions
from runtime.ids import new_id
from runtime.journal.listing import Count, Wanted
from runtime.journal.protocol import PAGE, JournalUnavailable, Listed, Place, Stored, Trouble
from runtime.journal.shared import LeaseFigures, SharedJournal
from runtime.notifications.figures import NotificationFigures
from runtime.templates.catalogue import TemplateSources
from runtime.templates.functions import Library
from runtime.templates.inputs import check_declared
from runtime.templates.model import Template, normalise_name
from runtime.values.json import Json
from runtime.wishes import task_of_callback
from runtime.work.claims import Shared
from runtime.work.durations import Durations
from runtime.work.pools import ResourceFigures
from runtime.work.tree import Tree
from runtime.work.unit import RECORDING_SECONDS, Services

if TYPE_CHECKING:
    from runtime.notifications.notifier import Notices


def _goes_on(stored: Stored, hopeless: Collection[str]) -> bool:
    """Say whether what is awake goes on by itself: not if it waits for another flow of its owner, which may not."""
    return stored.standing.state is not ResolutionState.TODO and stored.task_id not in hopeless


class Runtime(FlowClient):
    """A running runtime, as `runtime.open_runtime` gives it.

    `instance` is its number where its store belongs to one at a time; where several share one, the store knows who holds
    which task, and it is None. `templates` and `functions` are those that are known by their names; `administrators`
    may do everything, and where there are none everybody may.
    """

    instance: int | None

    def __init__(
        self,
        services: Services,
        tree: Tree,
        *,
        library: Library,
        callables: Functions,
        notices: "Notices | None",
        answer_within_seconds: float,
        maintenance: bool,
    ) -> None:
        tools = services.tools
        self.instance = None if services.post is not None else 1
        self.flow_kit = services.flows
        self._stop_tasks = tree.stop_tasks
        self._failures = tree.failures
        self._broadcast = services.broadcast
        self._journal = services.journal
        self._types = library.types
        self.functions = library.functions
        self.templates = tools.templates
        self.administrators = tools.administrators
        self._callables = callables
        self._evaluator = tools.evaluator
        self._resources = tools.resources
        self._notices = notices
        self._clock = tools.clock
        self._shutdown = services.shutdown
        self._preparation = Preparation(library.types, callables)
        self._maintenance = maintenance
        self._asking = Asking(services, tree, answer_within_seconds=answer_within_seconds, maintenance=maintenance)

    async def prepare(self, source: TemplateSource | Prepared, *, strict: bool = False) -> Prepared:
        """Read and check a template; `submit` takes what this gives, any number of times.

        A text is the name of one of `templates`, or else the path of a file, which is read and parsed in a thread.
        `strict` refuses keys that nobody reads.

        Raises:
            InputInvalid: it is no template, nor the path of one.
            TemplateInvalid: with every fault and its path.
        """
        known = self.templates.get(normalise_name(source)) if isinstance(source, str) else None
        return await self._preparation.prepare(source if known is None else known, strict=strict)

    async def submit(
        self,
        template: TemplateSource | Prepared,
        inputs: Mapping[str, Json] | None = None,
        *,
        task_id: str | None = None,
        requester: str = "",
        resolver_inputs: Mapping[str, Json] | None = None,
        tags: Mapping[str, str] | None = None,
        resolve: bool = True,
        run: bool = True,
        delay: float = 0,
        comment: str = "",
        strict: bool = False,
    ) -> TaskHandle:
        """Take a task on, and start it unless `run` is false. Returns once it is stored.

        With a `delay`, in seconds, it starts that much later. Without `resolve` it waits for somebody who takes it on
        (`resolve`). `tags` are laid over those of the template. A `comment` is the first one on it. An input that the
        template does not declare is refused; the routes that µTask has (``POST /task``, ``/batch``) drop it, as µTask does.

        `task_id` is the idempotency key: submitting the same again under one id gives the same task.

        Raises:
            TemplateInvalid, InputInvalid: with every fault and its path.
            Conflict: there is another task of that id, or the template is blocked.
            Unavailable: the runtime is full, draining or closed.
            Refused: the runtime runs in another event loop.
        """
        self._asking.check_home()
        prepared = template if isinstance(template, Prepared) else await self.prepare(template, strict=strict)
        if isinstance(inputs, Mapping):  # what is none is refused with all else that is wrong
            check_declared(prepared.template.inputs, inputs)
        submission = Submission(
            prepared.template,
            inputs or {},
            task_id,
            requester,
            resolver_inputs=resolver_inputs or NOTHING,
            tags=tags or NOTHING,
            run=run,
            resolve=resolve,
            delay=delay,
            comment=comment,
        )
        message = await submission.checked(self._evaluator, at=self._clock.wall())
        await self._asking.ask(message)
        return TaskHandle(message.submitted.task_id, self)

    async def take_on(self, submissions: Sequence[Submission]) -> tuple[str, ...]:
        """Take several tasks on, all or none, and give their ids; see `submit`. Inputs that are not declared are dropped.

        Raises:
            InputInvalid, TemplateInvalid: of the first that does not fit, or is no `Submission`.
            Conflict: there is another task of one of the ids.
            Unavailable: the runtime is full, draining or closed.
        """
        self._asking.check_home()
        check_kind(submissions, list | tuple, "submissions", "a list of submissions")
        for at, one in enumerate(submissions):
            check_kind(one, Submission, f"submissions[{at}]", "a Submission")
            check_kind(one.template, Template, f"submissions[{at}].template", "a Template")
        now = self._clock.wall()
        tasks = [await one.checked(self._evaluator, at=now) for one in submissions]
        await self._asking.ask(SubmitTasks(tasks=tuple(tasks)))
        return tuple(task.task_id for task in tasks)

    async def delete(self, task_id: str) -> None:
        """Delete a task and all that is known of it.

        Raises:
            NotFound: there is none of that id.
            Conflict: it runs, or is BLOCKED.
        """
        await self._asking.ask(DeleteTask(task_id=task_id))

    async def find(self, wanted: Wanted, *, before: Place | None = None, limit: int = PAGE) -> Sequence[Listed]:
        """List tasks, those with the newest activity first; see `runtime.journal.protocol.Journal.find`.

        Where a task runs, its figures are as of when its state last changed.

        Raises:
            InputInvalid: something wanted is not of its type, or could not be stored.
        """
        check(wanted, but=LISTED_TIMES)
        check(Page(before, limit))
        return await self._journal.find(wanted, before=before, limit=limit)

    async def look_up(self, task_id: str) -> Listed | None:
        """Give one task as it is listed, if there is one of that id.

        Raises:
            InputInvalid: it is no text that could be stored.
        """
        check_text(task_id, "task_id")
        return await self._journal.look_up(task_id)

    async def count(self, tags: Mapping[str, str] | None = None) -> Sequence[Count]:
        """Count the tasks that have these tags, by state, template and group of resolvers.

        Raises:
            InputInvalid: they are no texts by name that could be stored.
        """
        check(Wanted(tags=tags or {}))
        return await self._journal.count(tags or {})

    async def task_of_resolution(self, resolution_id: str) -> str | None:
        """Give the id of the task whose execution has that id now, if there is one.

        Raises:
            InputInvalid: it is no text that could be stored.
        """
        check_text(resolution_id, "resolution_id")
        return await self._journal.of_resolution(resolution_id)

    def feed(self, *, after: int = 0, task_id: str = "") -> Feed:
        """Give all events behind a position, in the order in which they were stored: of one task, or of all.

        ``async with rt.feed(after=17) as feed:``, and in that ``async for event in feed:``; entering it raises
        `RequestInvalid` where there was never an event 17.
        """
        return Feed(self._journal, self._broadcast, after=after, task_id=task_id)

    def operator(self, task_id: str, *, requester: str = "user") -> Operator:
        """Give what a person may do to a task that does not go on by itself: hold it, mend it, let it go on."""
        workshop = Workshop(
            ask=self._asking.ask,
            read=self.read,
            types=self._types,
            templates=self.templates,
            callables=self._callables,
            evaluator=self._evaluator,
        )
        return Operator(task_id, requester, workshop)

    async def register(self, source: TemplateSource | Prepared, *, strict: bool = False) -> Prepared:
        """Read and check a template, and keep it: tasks can be made from it by its name, subtasks above all.

        Raises:
            TemplateInvalid: with every fault and its path.
        """
        prepared = await self.prepare(source, strict=strict)
        self.templates.put(prepared.template)
        return prepared

    async def sync_templates(self, sources: TemplateSources) -> SyncedTemplates:
        """Make the templates that tasks can be made from by name those of these files, and no others.

        One that is in no file any more is forgotten, or, where a task was made from it, hidden and blocked.

        Raises:
            TemplateInvalid: every fault of every file; nothing changed.
        """
        check_kind(sources, str | os.PathLike | Iterable, "sources", "a path, or several in a list")
        paths = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
        for at, path in enumerate(paths):
            check_kind(path, str | os.PathLike, f"sources[{at}]", "a path")
        return await sync_templates(paths, self._types, self.templates, self._journal)

    async def resolve(
        self,
        task_id: str,
        resolver_inputs: Mapping[str, Json] | None = None,
        *,
        resolver: str = "",
        resolver_groups: Iterable[str] = (),
        run: bool = True,
        joins: bool = False,
    ) -> None:
        """Take on a task that waits for somebody to: set its execution up, and start it unless `run` is false.

        With `joins` the resolver is added to the task's `resolver_usernames`.

        Raises:
            NotFound: there is none of that id.
            InputInvalid: the resolver inputs do not fit its template.
            Conflict: its execution is set up already.
        """
        message = ResolveTask(
            task_id=task_id,
            resolution_id=new_id(),
            resolver=resolver,
            resolver_inputs=resolver_inputs or {},
            resolver_groups=sorted_texts(resolver_groups, "resolver_groups"),
            run=run,
            joins=joins,
        )
        await self._asking.ask(message)

    async def call_back(self, callback_id: str, secret: str, body: Json = None) -> None:
        """Call a callback that a step of some task opened, as whoever was given its id and secret does.

        Raises:
            NotFound: there is no such callback, or the secret is another.
            Conflict: it was called already, or its task takes no call any more.
            InputInvalid: the body does not fit the callback's schema.
        """
        check_text(callback_id, "callback_id")
        task_id = task_of_callback(callback_id)
        try:
            await self._asking.ask(CallCallback(task_id=task_id, callback_id=callback_id, secret=secret, body=body))
        except NotFound:
            raise NotFound("callback", callback_id) from None

    async def status(self, task_id: str) -> TaskView:
        """Read a task.

        Raises:
            NotFound: there is none of that id.
        """
        task = await self.read(task_id)
        return view_task(task, await self.whereabouts(task))

    async def wait(self, task_id: str) -> TaskView:
        """Wait for a task to come to rest, see `TaskHandle.wait`.

        Raises:
            NotFound: there is none of that id.
            Unavailable: the runtime was closed first, or cannot go on with the task.
        """
        return view_task(await self.rest(task_id))

    async def rest(self, task_id: str) -> Task:
        """Wait for a task to come to rest, as `wait` does, and give all that the engine knows of it."""
        check_text(task_id, "task_id")
        with self._broadcast.waiter(task_id) as waiter:  # before the state is read, so that nothing is missed
            task = self._broadcast.present(task_id)
            if not isinstance(task, Task) or task.at_rest:
                task = await self.read(task_id)
                if task.at_rest:
                    return task
            outcome = await waiter.wait()
        if isinstance(outcome, Task):
            return outcome
        raise Unavailable(f"task {task_id} did not come to rest: {outcome}")

    async def read(self, task_id: str) -> Task:
        """Read a task, and give all that the engine knows of it.

        Raises:
            NotFound: there is none of that id.
        """
        task = await self._asking.ask(GetTask(task_id=task_id))
        if not isinstance(task, Task):
            raise NotFound("task", task_id, "it is a flow")
        return task

    async def whereabouts(self, task: Task) -> Whereabouts:
        """Tell what there is to know of a task besides its records: who goes on with it, and what keeps them from it.

        Raises:
            InputInvalid: it is no task as `read` gives it.
        """
        check_kind(task, Task, "task", "a Task, as `read` gives it")
        task_id, shutdown = task.header.task_id, self._shutdown.reason
        trouble, given_up = self.trouble(), self._broadcast.given_up.get(task_id)
        troubles = []
        if self._maintenance:
            troubles.append("the end of the maintenance that this runtime is under")
        if shutdown is not None:
            troubles.append(f"a start after this runtime was shut down ({shutdown})")
        if trouble is not None:
            troubles.append(f"a store that takes something: {trouble.reason}")
        if given_up is not None:
            troubles.append(f"a start of this runtime anew, which cannot go on with it: {given_up}")
        holder = None
        if isinstance(self._journal, SharedJournal) and (task.in_line or not task.idle):
            with suppress(JournalUnavailable):  # as its trouble says, if it lasts
                holder = await self._journal.holder(task_id)
        return Whereabouts(
            instance=self.instance if holder is None else holder.number,
            elsewhere="" if holder is None or holder.ours else f"instance {holder.number} ({holder.name})",
            queued=self.queued(task_id),
            troubles=tuple(troubles),
        )

    async def run(self, task_id: str) -> None:
        """Start a run of a task now, see `TaskHandle.run`."""
        await self._asking.ask(RunTask(task_id=task_id))

    async def cancel(self, task_id: str, reason: str = "cancelled", *, requester: str = "user") -> None:
        """Stop a task for good, see `TaskHandle.cancel`."""
        await self._asking.ask(CancelTask(task_id=task_id, requester=requester, reason=reason))

    async def interrupt_step(
        self,
        task_id: str,
        step: str,
        reason: str = "",
        *,
        requester: str = "user",
        attempt: int = 0,
        retry: bool = True,
    ) -> None:
        """Have the running attempt of a step cut, see `TaskHandle.interrupt_step`."""
        message = InterruptStep(
            task_id=task_id, step=step, requester=requester, reason=reason, attempt=attempt, retry=retry
        )
        await self._asking.ask(message)

    async def rotate_keys(self) -> int:
        """Seal all that is stored with the primary key of the key ring, while tasks go on; give how many rows were not.

        Other keys may be taken off the ring then. Interrupted, it goes on when it is called again.

        Raises:
            StoreUnusable: nothing is sealed here, or something keeps being sealed with another key.
        """
        return await self._journal.reseal()

    def leases(self) -> LeaseFigures | None:
        """Tell what became of the leases of this instance and of others; None where the store is not shared. Sync."""
        return self._journal.leases if isinstance(self._journal, SharedJournal) else None

    def trouble(self) -> Trouble | None:
        """Tell whether nothing could be stored when something last was to be, and why. Sync."""
        return self._journal.trouble

    def failures(self) -> int:
        """Tell how many parts of this runtime failed by a fault of its own since it was started; its log says how. Sync."""
        return self._failures.count

    def durations(self) -> Mapping[str, Durations]:
        """Tell how long the tasks took that this runtime saw done, by template, since it was started. Sync."""
        return self._broadcast.durations.all()

    async def resources(self) -> Mapping[str, ResourceFigures]:
        """Tell how every limited resource stands, by its label; nothing where nothing is limited.

        Raises:
            Unavailable: the runtime is closed.
        """
        if self._resources is None:
            await trio.lowlevel.checkpoint()
            return {}
        return await self._asking.figures(self._resources.figures)

    async def notifications(self) -> NotificationFigures:
        """Tell how the deliveries of notifications stand; all zero where nobody is notified.

        Raises:
            Unavailable: the runtime is closed.
        """
        if self._notices is None:
            await trio.lowlevel.checkpoint()
            return NotificationFigures()
        return await self._asking.figures(self._notices.figures)

    def subscribe(
        self, task_id: str | None = None, *, capacity: float = 1000
    ) -> AbstractAsyncContextManager[AsyncIterable[Event]]:
        """Give the events of one task, or of all, from now on: ``async with rt.subscribe() as events``.

        `capacity` events are held for a slow reader; those that do not fit are dropped and reported as one `Lagged`,
        with the next one that does: with a `capacity` of `math.inf` none is.
        The iteration ends when the runtime is closed.

        Raises:
            InputInvalid: an argument is not of its type.
        """
        if task_id is not None:
            check_text(task_id, "task_id")
        if capacity != math.inf:
            check_kind(capacity, int, "capacity", "a whole number, or math.inf,")
        return self._broadcast.subscribe(task_id, max(0, capacity))

    def telling(self, tell: Callable[[UnitEvent], None]) -> AbstractContextManager[None]:
        """Have `tell` called with every event of what this runtime stores in the block: ``with rt.telling(print)``.

        It is called at once, and holds everything up for as long as it takes: it is for logs and figures. None is missed,
        and those of other runtimes on the same store are not told. What it raises is logged the first time
        (``listener_failed``), and keeps nothing from going on.

        Raises:
            InputInvalid: it is nothing that can be called and is done then.
        """
        given: object = tell  # a caller without a type checker may have given anything
        if not callable(given) or iscoroutinefunction(given):
            raise InputInvalid([Fault("tell", f"must be a function that is not async, not {tell!r}")])
        return self._broadcast.telling(tell)

    async def settled(self, *, within_seconds: float = math.inf) -> None:
        """Wait until nothing more happens by itself: no task or flow is in a run, in line for one, or due.

        With `within_seconds`, what sleeps for longer counts as nothing: a question to a person is due when it expires.
        Those that wait for a call from outside, or to be taken on, are none of these; nor is one whose state cannot be
        read, or whose actor failed too often. Cancelling the wait changes nothing.

        Raises:
            Unavailable: the runtime is closed.
        """
        while True:
            news = self._broadcast.news()
            if not (await self._goes_on(within_seconds) or news.is_set()):
                return
            if self._broadcast.closed:
                raise Unavailable("the runtime is closed")
            with trio.move_on_after(Shared.poll_seconds if isinstance(self._journal, SharedJournal) else math.inf):
                await news.wait()  # of others' tasks there may be none here

    async def next_due(self) -> float | None:
        """Say when the first of the tasks that sleep wants to go on, in Unix seconds; None when none does."""
        return await self._journal.next_due(-math.inf)

    async def _is_due(self, within_seconds: float) -> bool:
        due = await self.next_due()
        return due is not None and due <= self._clock.wall() + within_seconds

    async def _goes_on(self, within_seconds: float) -> bool:
        if await self._is_due(within_seconds):
            return True
        number = 0
        while page := await self._journal.awake(after=number):
            if any(_goes_on(stored, self._broadcast.given_up) for stored in page):
                return True
            number = page[-1].number
        return await self._is_due(within_seconds)  # one that was awake above may have gone to sleep meanwhile

    def shutdown(
        self, reason: str = "shutdown", *, requester: str = "host", grace_seconds: float | None = None
    ) -> None:
        """Begin to close: nothing new is taken, running steps get the grace to finish. Sync.

        Called again, it can only make the grace shorter.

        The block of `open_runtime` still has to be left; `wait_draining` tells a program when.
        """
        if grace_seconds is not None:
            check_kind(grace_seconds, int | float, "grace_seconds", "a number")
        grace = None if grace_seconds is None else grace_seconds + RECORDING_SECONDS
        self._shutdown.begin(StopReason.shutdown(requester, reason), grace)

    @property
    def draining(self) -> bool:
        """Whether a shutdown has begun."""
        return self._shutdown.phase is not Phase.RUNNING

    async def wait_draining(self) -> None:
        """Wait until a shutdown has begun."""
        await self._shutdown.wait_draining()

    async def drained(self) -> None:
        """After `shutdown`: wait until no task is in memory any more. Tasks can still be read, until the block ends.

        Subscriptions end here. Cancelling the wait leaves the shutdown going on.
        """
        reason = await self._shutdown.wait_draining()
        assert reason is not None  # noqa: S101 - a shutdown that began has one
        await self._stop_tasks(reason)
        self._broadcast.close()
