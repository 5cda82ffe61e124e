"""The desk: does what messages say, in the name of who sent them. Whoever talks to a runtime from outside talks to it.

It asks for rights (`access`), has the client do the work, and gives typed answers, which `shapes` shows as JSON. A task
that somebody may not see is not found. Nothing is kept here but a count that took long (`tally`): every other answer is
read when it is asked for.
"""

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol, TypeVar, assert_never

import attrs

from runtime.api.access import AboutTask, may, may_manage, may_see
from runtime.api.answers import (
    ALWAYS_COUNTED,
    Answer,
    Comments,
    FunctionPage,
    Resealed,
    SeenTask,
    Statistics,
    TakenBatch,
    TaskPage,
    TemplatePage,
)
from runtime.api.client import Runtime
from runtime.api.commands import (
    AddComment,
    CallCallback,
    CancelTask,
    Command,
    DeleteComment,
    DeleteTask,
    EditComment,
    EditResolverInputs,
    EditTaskInputs,
    EditTaskSteps,
    ExtendTask,
    InterruptStep,
    PauseTask,
    RejectTask,
    ResolveTask,
    RotateKeys,
    RunTask,
    SetStepState,
    StartTaskOver,
    SubmitBatch,
    SubmitTask,
    TagTask,
)
from runtime.api.feed import Feed
from runtime.api.flow_commands import AboutFlows
from runtime.api.flow_desk import FlowDesk
from runtime.api.interventions import intervention
from runtime.api.queries import (
    FindTask,
    GetComment,
    GetFunction,
    GetStatistics,
    GetTask,
    GetTemplate,
    Involvement,
    ListComments,
    ListFunctions,
    ListTasks,
    ListTemplates,
    Query,
    Subscribe,
)
from runtime.api.step_edits import changed, documents
from runtime.api.submission import Submission
from runtime.api.tally import Tallied, Tally
from runtime.engine import rights
from runtime.engine.operations import not_restartable
from runtime.engine.rights import Identity
from runtime.engine.task import Comment, Task
from runtime.errors import Fault, Forbidden, InputInvalid, NotFound, Refused, did_you_mean
from runtime.ids import new_id
from runtime.journal.listing import Involved, Role, Wanted
from runtime.journal.protocol import Listed, Place, Trouble
from runtime.journal.shared import LeaseFigures
from runtime.notifications.figures import NotificationFigures
from runtime.templates.faults import Faults
from runtime.templates.inputs import check_declared, check_inputs
from runtime.templates.model import Function, Template, normalise_name
from runtime.values.json import Json
from runtime.work.durations import Durations
from runtime.work.pools import ResourceFigures

_BATCHES: Final = uuid.UUID("8c5f4f0e-2b1d-4a7e-9d35-61f0c3a1be27")
"""The ids of the tasks of a batch are made of its own, so that the same batch is the same tasks."""


class Desk:
    """The desk of one runtime. Its `administrators` may do everything; where it has none, everybody is one."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.administrators = runtime.administrators
        self._flows = FlowDesk(runtime, self.administrators, self._sees_task)
        self._tally = Tally(runtime.count)

    async def handle(self, message: Command | Query, who: Identity, *, lenient: bool = False) -> Answer:
        """Do what a message says, or give what it asks for.

        `lenient` is for those who expect what µTask does: inputs of a task to be that are not declared are dropped.

        Raises:
            Refused: it was not done, and left no trace: `NotFound`, `Forbidden`, `Conflict`, `Invalid`, `Unavailable`.
        """
        if isinstance(message, AboutFlows):
            return await self._flows.handle(message, who)
        match message:
            case SubmitTask():
                return await self._submit(message, who, lenient=lenient)
            case SubmitBatch():
                return await self._submit_batch(message, who, lenient=lenient)
            case CallCallback():
                await self._runtime.call_back(message.callback_id, message.secret, message.body)
                return None
            case RotateKeys():
                if not self.administers(who):
                    raise Forbidden("only administrators may have keys rotated")
                return Resealed(await self._runtime.rotate_keys())
            case ListTasks():
                return await self._list(message, who)
            case ListTemplates():
                shown = [one for one in self._runtime.templates.values() if not one.hidden or self.administers(who)]
                page, cursor = _page(shown, message.page_size, normalise_name(message.last))
                return TemplatePage(page, cursor)
            case GetTemplate():
                return await self._template(message.name, who)
            case ListFunctions():
                functions = [one for _, one in sorted(self._runtime.functions.items())]
                found, cursor = _page(functions, message.page_size, message.last)
                return FunctionPage(found, cursor)
            case GetFunction():
                return self._function(message.name)
            case GetStatistics():
                return await self._count(message)
            case _:
                return await self._about(message, who)

    def administers(self, who: Identity) -> bool:
        """Say whether somebody may do everything."""
        return rights.is_administrator(who, self.administrators)

    async def _about(self, message: AboutTask, who: Identity) -> Answer:
        task = await self._seen(message, who)
        if not may(message, who, task, self.administrators):
            if isinstance(message, StartTaskOver) and may_manage(who, task, self.administrators):
                cannot = not_restartable(task)
                if cannot is not None:
                    raise cannot
            raise Forbidden(f"{who.username or 'nobody'} may not do this to task {task.header.task_id}")
        if isinstance(message, EditTaskSteps):
            removed = [one for one in task.plan.template.steps if message.replace and one not in message.steps]
            message = attrs.evolve(message, steps={**changed(message.steps, task), **dict.fromkeys(removed)})
        answer = await self._do(message, who, task)
        done = intervention(message, task)
        if done:
            with suppress(Refused):  # it has as many comments as it may have, say: what was done is done
                await self._runtime.operator(task.header.task_id, requester=who.username).comment(done)
            if isinstance(answer, SeenTask):
                answer = await self._shown(await self._runtime.read(task.header.task_id), who)
        return answer

    async def _seen(self, message: AboutTask, who: Identity) -> Task:
        """Give the task of a message, if it is there for who asks."""
        if isinstance(message, FindTask):
            kind, name = "resolution", message.resolution_id
            task_id = await self._runtime.task_of_resolution(name)
        else:
            kind, task_id = "task", message.task_id
            name = task_id
        try:
            task = await self._runtime.read(task_id) if task_id is not None else None
        except NotFound:
            task = None
        if task is None or not may_see(who, task, self.administrators):
            raise NotFound(kind, name)  # with the same words: whether there is one is not for everybody to know
        return task

    async def _do(self, message: AboutTask, who: Identity, task: Task) -> Answer:
        runtime, task_id, name = self._runtime, task.header.task_id, who.username
        operator = runtime.operator(task_id, requester=name)
        match message:
            case GetTask() | FindTask():
                return await self._shown(task, who)
            case ListComments():
                return Comments(list(task.notes.comments.values()))
            case GetComment():
                return _comment(task, message.comment_id)
            case AddComment():
                comment_id = await operator.comment(message.content)
                return _comment(await runtime.read(task_id), comment_id)
            case EditComment():
                _comment(task, message.comment_id)
                await operator.edit_comment(message.comment_id, message.content)
                return _comment(await runtime.read(task_id), message.comment_id)
            case DeleteComment():
                _comment(task, message.comment_id)
                await operator.delete_comment(message.comment_id)
            case ResolveTask():
                await runtime.resolve(
                    task_id,
                    message.resolver_inputs,
                    resolver=name,
                    resolver_groups=who.groups,
                    run=message.run,
                    joins=self.administrators is not None and self.administers(who),
                )
                return await self._shown(await runtime.read(task_id), who)
            case StartTaskOver():
                await operator.start_over(message.resolver_inputs, message.reason, run=message.run)
                return await self._shown(await runtime.read(task_id), who)
            case RunTask():
                await runtime.run(task_id)
            case PauseTask():
                await operator.pause(message.reason, force=message.force)
            case CancelTask():
                await runtime.cancel(task_id, message.reason or "cancelled", requester=name)
            case InterruptStep():
                await runtime.interrupt_step(
                    task_id, message.step, message.reason, requester=name, attempt=message.attempt, retry=message.retry
                )
            case ExtendTask():
                await operator.extend(message.reason)
            case RejectTask():
                await operator.reject(message.reason or "rejected")
            case EditTaskInputs():
                await operator.edit_task(
                    inputs=message.inputs,
                    tags=message.tags,
                    watcher_usernames=message.watcher_usernames,
                    watcher_groups=message.watcher_groups,
                    reason=message.reason,
                )
                return await self._shown(await runtime.read(task_id), who)
            case EditResolverInputs():
                await operator.edit_resolver_inputs(message.resolver_inputs, message.reason)
            case EditTaskSteps():
                await operator.edit_steps(documents(message.steps), message.reason)
            case SetStepState():
                await operator.set_step_state(message.step, message.state, message.reason)
            case TagTask():
                await operator.tag(message.tags, message.reason)
                return await self._shown(await runtime.read(task_id), who)
            case DeleteTask():
                await runtime.delete(task_id)
            case _:
                assert_never(message)
        return None

    async def _shown(self, task: Task, who: Identity) -> SeenTask:
        manages = may_manage(who, task, self.administrators)
        return SeenTask(task, manages, self.administers(who), await self._runtime.whereabouts(task))

    async def _submit(self, message: SubmitTask, who: Identity, *, lenient: bool) -> SeenTask:
        template = await self._usable(message.template, who)
        if not lenient:
            check_declared(template.inputs, message.inputs)
        named = message.resolver_usernames or message.resolver_groups
        if named and not rights.may_name_resolvers(who, template, self.administrators):
            raise Forbidden("only administrators and those whom the template names may name resolvers of a task")
        wanted = self._submission(message, message.inputs, template, message.task_id or None, who)
        (task_id,) = await self._runtime.take_on([wanted])
        return await self._shown(await self._runtime.read(task_id), who)

    async def _submit_batch(self, message: SubmitBatch, who: Identity, *, lenient: bool) -> TakenBatch:
        template = await self._usable(message.template, who)
        if not lenient:
            check_declared(template.inputs, message.common_inputs, root="common_inputs")
        batch = message.batch_id or new_id()
        faults = Faults()
        for index, inputs in enumerate(message.inputs):
            path = f"inputs[{index}]"
            twice = [name for name in inputs if name in message.common_inputs]
            faults.extend(Fault(f"{path}.{name}", "it is among the common inputs too") for name in twice)
            try:
                if not lenient:
                    check_declared(template.inputs, inputs, root=path)
                check_inputs(template.inputs, {**message.common_inputs, **inputs}, root=path)
            except InputInvalid as refusal:
                faults.extend(refusal.faults)
        if faults:
            raise InputInvalid(faults.placed())
        submissions = [
            self._submission(
                message,
                {**message.common_inputs, **inputs},
                template,
                str(uuid.uuid5(_BATCHES, f"{batch}/{index}")),
                who,
                batch=batch,
            )
            for index, inputs in enumerate(message.inputs)
        ]
        return TakenBatch(batch, await self._runtime.take_on(submissions))

    def _submission(
        self,
        message: SubmitTask | SubmitBatch,
        inputs: Mapping[str, Json],
        template: Template,
        task_id: str | None,
        who: Identity,
        *,
        batch: str = "",
    ) -> Submission:
        wanted = Submission(
            template=template,
            inputs=inputs,
            task_id=task_id,
            requester=who.username,
            requester_groups=tuple(sorted(who.groups)),
            tags=message.tags,
            comment=message.comment,
            batch=batch,
            watcher_usernames=message.watcher_usernames,
            watcher_groups=message.watcher_groups,
        )
        if isinstance(message, SubmitTask):
            wanted = attrs.evolve(
                wanted,
                delay=message.delay,
                resolver_usernames=message.resolver_usernames,
                resolver_groups=message.resolver_groups,
            )
        starts = rights.starts_by_itself(who, template, wanted, self.administrators)
        return attrs.evolve(wanted, resolve=starts, run=starts)

    async def _template(self, name: str, who: Identity) -> Template:
        """Give a template by its name.

        One that was removed, before this runtime was started or since, is archived (section 2): it is given, hidden and
        blocked, as the newest task of it has it that whoever asks may see. A name that none has costs a look at the list.
        """
        try:
            return self._runtime.templates.named(name)
        except NotFound:
            wanted = Wanted(template=normalise_name(name), involving=self._involving(Involvement.ALL, who))
            for listed in await self._runtime.find(wanted, limit=1):
                with suppress(NotFound):  # it may have been deleted in between
                    kept = (await self._seen(GetTask(task_id=listed.task_id), who)).plan.template
                    return attrs.evolve(kept, hidden=True, blocked=True)
            raise

    async def _usable(self, name: str, who: Identity) -> Template:
        """Give the template that a task is to be made from; whoever names it wants to know of it in their terms."""
        template = await self._template(name, who)
        if template.blocked:
            raise InputInvalid([Fault("template", f'the template "{template.name}" is blocked')])
        return template

    def _function(self, name: str) -> Function:
        functions = self._runtime.functions
        if name not in functions:
            raise NotFound("function", name, did_you_mean(name, list(functions)))
        return functions[name]

    async def _list(self, message: ListTasks, who: Identity) -> TaskPage:
        wanted = Wanted(
            involving=self._involving(message.involvement, who),
            state=message.state,
            template=normalise_name(message.template),
            batch=message.batch,
            tags=message.tags,
            after=message.after,
            before=message.before,
        )
        place = await self._place(message.last) if message.last else None
        tasks = await self._runtime.find(wanted, before=place, limit=message.page_size)
        full = len(tasks) == message.page_size
        return TaskPage(tasks, _cursor(tasks[-1]) if full else "")

    def _involving(self, involvement: Involvement, who: Identity) -> frozenset[Involved] | None:
        """Say what somebody has to do with the tasks they list; None: they see all."""
        name = who.username
        if not name and self.administrators is not None:
            return frozenset()
        own = {(Role.REQUESTER, name), (Role.WATCHER, name)}
        named = {(Role.RESOLVER, name), (Role.OWNER, name)}
        named |= {(role, group) for group in who.groups for role in (Role.RESOLVER_GROUP, Role.OWNER_GROUP)}
        match involvement:
            case Involvement.OWN:
                return frozenset(own)
            case Involvement.RESOLVABLE:
                return frozenset(named)
            case Involvement.ALL:
                if self.administers(who):
                    return None
                watched = {(Role.WATCHER_GROUP, group) for group in who.groups}
                return frozenset(own | named | watched | {(Role.TAKER, name)})
            case _:
                assert_never(involvement)

    async def _place(self, last: str) -> Place:
        """Give the place that a page begins behind: that of a task now, or the one that a cursor kept of it."""
        task_id, at, moment = last.partition("@")
        found = await self._runtime.look_up(task_id)
        if found is None or found.listing.flow:
            raise InputInvalid([Fault("last", "there is no such task: begin at the first page")])
        if not at:
            return found.place
        try:
            return float(moment), found.number
        except ValueError:
            raise InputInvalid(
                [Fault("last", "must be the id of a task, or the cursor that came with a page")]
            ) from None

    async def _count(self, message: GetStatistics) -> Statistics:
        states = dict.fromkeys(ALWAYS_COUNTED, 0)
        tallied = await self.counts(message.tags)
        for count in tallied.counts:
            states[str(count.state)] = states.get(str(count.state), 0) + count.tasks
        return Statistics(states, tallied.age)

    async def watch(self, message: Subscribe, who: Identity) -> Feed:
        """Give the events of a task, or a flow, that somebody may see; those of all to administrators.

        Raises:
            NotFound, Forbidden: they may not.
            RequestInvalid: there was never an event of the position that it is to begin behind.
        """
        task_id = message.task_id
        if task_id:
            try:
                await self._seen(GetTask(task_id=task_id), who)
            except NotFound as missing:
                await self._sees_flow(task_id, who, missing)
        elif not self.administers(who):
            raise Forbidden("only administrators may watch all tasks: name one, as task_id")
        feed = self._runtime.feed(after=message.after, task_id=task_id)
        await feed.check()
        return feed

    async def _sees_task(self, task_id: str, who: Identity) -> bool:
        try:
            await self._seen(GetTask(task_id=task_id), who)
        except NotFound:
            return False
        return True

    async def _sees_flow(self, flow_id: str, who: Identity, missing: NotFound) -> None:
        try:
            await self._flows.seen(flow_id, who)
        except NotFound:
            raise missing from None

    async def counts(self, tags: Mapping[str, str]) -> Tallied:
        """Count tasks, by state, template and group of resolvers; for figures, and not for users. See `Tally` of all."""
        return Tallied(await self._runtime.count(tags)) if tags else await self._tally.now()

    async def resources(self) -> Mapping[str, ResourceFigures]:
        """Tell how limited resources stand; see `Runtime.resources`."""
        return await self._runtime.resources()

    async def notifications(self) -> NotificationFigures:
        """Tell how deliveries stand; see `Runtime.notifications`."""
        return await self._runtime.notifications()

    def durations(self) -> Mapping[str, Durations]:
        """Tell how long tasks took; see `Runtime.durations`."""
        return self._runtime.durations()

    def trouble(self) -> Trouble | None:
        """Tell whether nothing can be stored; see `Runtime.trouble`."""
        return self._runtime.trouble()

    @property
    def draining(self) -> bool:
        """Whether the runtime is being shut down."""
        return self._runtime.draining

    def failures(self) -> int:
        """Count the runtime's own faults; see `Runtime.failures`."""
        return self._runtime.failures()

    def leases(self) -> LeaseFigures | None:
        """Tell what became of leases; see `Runtime.leases`."""
        return self._runtime.leases()


def _cursor(listed: Listed) -> str:
    """Give what the next page begins behind, even if the task moves meanwhile (Q74)."""
    return f"{listed.task_id}@{listed.changed!r}"


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_N = TypeVar("_N", bound=_Named)


def _page(things: Sequence[_N], size: int, last: str) -> tuple[Sequence[_N], str]:
    """Give those behind the one of that name, and the name of the last of them if there may be more."""
    names = [thing.name for thing in things]
    if last and last not in names:
        raise InputInvalid([Fault("last", "there is nothing of that name: begin at the first page")])
    begin = names.index(last) + 1 if last else 0
    page = things[begin : begin + size]
    return page, page[-1].name if len(page) == size else ""


def _comment(task: Task, comment_id: str) -> Comment:
    comment = task.notes.comments.get(comment_id)
    if comment is None:
        raise NotFound("comment", comment_id)
    return comment
