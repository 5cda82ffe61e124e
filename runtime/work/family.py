"""Children and parents between task actors: handing children over to the intake, telling a parent, what steps are told."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, repeat
from typing import Final, TypeAlias

import trio

from actors import ActorStopped, Address, AskExpired, ChildUnknown, Clock, MailboxFull, ShutdownContext
from runtime.api.messages import GetTask, SubmitTask
from runtime.engine.effects import SubmitChildren
from runtime.engine.events import ChildrenSubmitted
from runtime.engine.records import ChildOrder, TaskSubmitted
from runtime.engine.states import TaskState
from runtime.engine.task import OpenedCallback, Task
from runtime.errors import NotFound, Refused, Unavailable
from runtime.flow.flow import Flow
from runtime.flow.states import FlowStatus
from runtime.templates.model import Template
from runtime.wishes import Callback, Spawned, SpawnedTask
from runtime.work.messages import ChildCameToRest, GiveUp, SubmitBatch

Front: TypeAlias = Callable[[], Address[SubmitBatch | ChildCameToRest | GiveUp | GetTask]]
"""How the intake of now is found: an address outlives no restart."""

_ANSWER_WITHIN_SECONDS: Final = 30.0
_AGAIN_SECONDS: Final = (0.1, 1.0, 5.0, 30.0)
"""How long to wait before what was not taken is offered again."""


def spawned_by(task: Task, step: str) -> tuple[Spawned, ...]:
    """Give the batches of a step, as its attempt sees them."""
    wait = task.wished.waits.get(step)
    return () if wait is None else tuple(task.wished.batches[batch].spawned for batch in wait.batches)


class Callbacks(Mapping[str, Callback]):
    """The callbacks of a task as its attempts see them, without their secrets."""

    __slots__ = ("_opened",)

    def __init__(self, opened: Mapping[str, OpenedCallback]) -> None:
        self._opened = opened

    def __getitem__(self, name: str) -> Callback:
        """Show one."""
        return self._opened[name].callback

    def __iter__(self) -> Iterator[str]:
        """Give their ids."""
        return iter(self._opened)

    def __len__(self) -> int:
        return len(self._opened)


def batch_of(task: Task, effect: SubmitChildren) -> SubmitBatch:
    """Give what the intake is asked to take on."""
    header = task.header
    return SubmitBatch(
        parent=header.task_id,
        batch=effect.batch,
        requester=header.requester,
        requester_groups=header.requester_groups,
        orders=effect.orders,
    )


def submission_of(order: ChildOrder, batch: SubmitBatch, template: Template, at: float) -> SubmitTask:
    """Give the submission of one child, in the name of its parent's requester."""
    submitted = TaskSubmitted(
        at=at,
        task_id=order.task_id,
        template=template,
        title=order.title,
        inputs=order.inputs,
        requester=batch.requester,
        tags=order.tags,
        requester_groups=batch.requester_groups,
        resolver_usernames=order.resolver_usernames,
        resolver_groups=order.resolver_groups,
        watcher_usernames=order.watcher_usernames,
        watcher_groups=order.watcher_groups,
        parent=batch.parent,
        batch=batch.batch,
        start_at=at + order.delay if order.delay > 0 else 0,
    )
    return SubmitTask(submitted, order.resolution_id, run=order.resolves, resolve=order.resolves, comment=order.comment)


async def submit_children(
    message: SubmitBatch, front: Front, clock: Clock, shutdown: ShutdownContext
) -> ChildrenSubmitted | None:
    """Have the intake take children on, asking again until it has; None when the runtime is closed first.

    Asking twice does no harm: their ids keep them from being created twice.
    """
    refused = await _ask(message, front, clock, shutdown)
    return ChildrenSubmitted(at=clock.wall(), batch=message.batch, refused=refused) if refused is not None else None


def news_of(task: Task) -> ChildCameToRest:
    """Give what a parent is told of a task that came to rest."""
    header = task.header
    return ChildCameToRest(
        task_id=header.parent,
        batch=header.batch,
        child=SpawnedTask(
            id=header.task_id,
            state=task.state,
            result=task.course.result,
            error=task.course.stopped,
            requester_username=header.requester,
            resolver_username=header.resolver,
        ),
    )


def news_of_flow(flow: Flow) -> ChildCameToRest:
    """Give what the task whose step waits for a flow is told of its end; one that may be run again is only blocked."""
    match flow.status.status:
        case FlowStatus.SUCCESS:
            state = TaskState.DONE
        case FlowStatus.CANCELLED:
            state = TaskState.CANCELLED
        case _:
            state = TaskState.BLOCKED
    flow_id = flow.header.flow_id
    return ChildCameToRest(
        task_id=flow.header.parent,
        batch=flow_id,
        child=SpawnedTask(id=flow_id, state=state, error=str(flow.error or "")),
    )


async def tell_parent(message: ChildCameToRest, front: Front, clock: Clock, shutdown: ShutdownContext) -> bool:
    """Tell a parent until it has recorded the news, or is not there any more; False when the runtime is closed first."""
    try:
        return await _ask(message, front, clock, shutdown) is not None
    except NotFound:
        return True


async def dismiss(message: GiveUp, front: Front, clock: Clock, shutdown: ShutdownContext) -> bool:
    """Cancel a child until it has recorded that, or need not; False when the runtime is closed first."""
    try:
        return await _ask(message, front, clock, shutdown) is not None
    except Refused:
        return True  # it has ended, or is not there any more


async def _ask(
    message: SubmitBatch | ChildCameToRest | GiveUp, front: Front, clock: Clock, shutdown: ShutdownContext
) -> tuple[SpawnedTask, ...] | None:
    pauses = chain(_AGAIN_SECONDS, repeat(_AGAIN_SECONDS[-1]))
    while True:
        try:
            answer = await front().ask(message, deadline=clock.monotonic() + _ANSWER_WITHIN_SECONDS)
        except (ActorStopped, ChildUnknown, MailboxFull, AskExpired, Unavailable):
            if shutdown.reason is not None:
                return None
        else:
            return answer if isinstance(answer, tuple) else ()
        await trio.sleep(next(pauses))
