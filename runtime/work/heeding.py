"""Heeding the wishes of an attempt: checked and rendered in its own frame, so that its task only records valid ones."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Final

import attrs

from runtime.arguments import check
from runtime.engine.events import CheckedWish, OrderChildren, StepFinished
from runtime.engine.infos import TaskInfos
from runtime.engine.records import ChildOrder
from runtime.engine.rights import Identity, starts_by_itself
from runtime.engine.states import StepState
from runtime.engine.task import Header
from runtime.errors import Refused
from runtime.ids import new_id
from runtime.runner import PARENT_TAG
from runtime.templates.schemas import check_schema, normalise_schema
from runtime.wishes import AwaitCallback, ChildTask, FlowOrder, OpenCallback, RunFlow, Spawn, Wish
from runtime.work.preparing import prepare_task
from runtime.work.trial import Attempt

_SEEN_LATER: Final = frozenset({"inputs"})
"""What is checked against the template."""


class _Unheeded(Exception):
    """A wish cannot be granted, and why."""


async def heed(attempt: Attempt, finished: StepFinished) -> StepFinished:
    """Give what an attempt came to, with its wishes checked. One that cannot be granted makes it CLIENT_ERROR.

    All are dropped then, and with them its output and metadata, which speak of what will not be: what the step had stays.
    What an attempt wished for that ended in FATAL_ERROR is dropped too.
    """
    if finished.state == StepState.FATAL_ERROR:
        return finished
    opened = {wish.id for wish in attempt.wishes if isinstance(wish, OpenCallback)}
    try:
        granted = [await _checked(attempt, wish, opened) for wish in attempt.wishes]
    except _Unheeded as fault:
        return attempt.kept_as(StepState.CLIENT_ERROR, str(fault), tried=True, tags=finished.tags)
    return finished.later(attempt.tools.clock.wall(), wishes=tuple(granted))


async def _checked(attempt: Attempt, wish: Wish, opened: Collection[str]) -> CheckedWish:
    match wish:
        case Spawn():
            orders = await _orders(attempt, wish.tasks)
            return OrderChildren(batch=wish.id, orders=orders, at_most=max(0, wish.at_most))
        case RunFlow(order=order):
            return OrderChildren(batch=order.id, orders=(_flow(attempt, order),))
        case OpenCallback():
            return _with_sound_schema(wish)
        case AwaitCallback():
            if wish.id not in attempt.callbacks and wish.id not in opened:
                raise _Unheeded(f"there is no callback {wish.id} in this task")
            return wish
        case _:  # a runner need not be type-checked
            raise _Unheeded(f"a {type(wish).__name__} is not a wish")


def _with_sound_schema(wish: OpenCallback) -> OpenCallback:
    if wish.schema is None:
        return wish
    schema = normalise_schema(wish.schema)
    faults, _warnings = check_schema(schema)
    if faults:
        raise _Unheeded(f"the schema of the callback is invalid: {'; '.join(map(str, faults))}")
    return attrs.evolve(wish, schema=schema)


async def _orders(attempt: Attempt, tasks: Sequence[ChildTask]) -> tuple[ChildOrder, ...]:
    orders = []
    for index, task in enumerate(tasks):
        try:
            orders.append(await _order(attempt, task))
        except Refused as refusal:
            which = f"task {index + 1} of {len(tasks)}: " if len(tasks) > 1 else ""
            raise _Unheeded(f"{which}{refusal}") from refusal
    return tuple(orders)


def _flow(attempt: Attempt, order: FlowOrder) -> ChildOrder:
    """Give a flow as a child: a batch of its own, which it names when it tells that it has ended."""
    flow = attrs.evolve(order, parent=attempt.header.task_id)
    return ChildOrder(task_id=flow.id, resolution_id="", template="", title="", inputs={}, tags={}, flow=flow)


async def _order(attempt: Attempt, task: ChildTask) -> ChildOrder:
    tools = attempt.tools
    in_time: object = task.delay  # a runner need not be type-checked
    overdue = isinstance(in_time, int | float) and in_time < 0  # as it may be (section 7.3)
    check(attrs.evolve(task, delay=0) if overdue else task, but=_SEEN_LATER)
    template = tools.templates.named(task.template)
    if PARENT_TAG in task.tags:
        raise Refused(f"the tag {PARENT_TAG} is reserved")
    parent = attempt.header
    now = tools.clock.wall()
    header = Header(
        task_id=task.id,
        title="",
        inputs=task.inputs,
        requester=parent.requester,
        requester_groups=parent.requester_groups,
        submitted_at=now,
        resolver_usernames=task.resolver_usernames,
        resolver_groups=task.resolver_groups,
        watcher_usernames=task.watcher_usernames,
        watcher_groups=task.watcher_groups,
    )
    infos = partial(TaskInfos, header, now, tools.evaluator.region)
    prepared = await prepare_task(template, task.inputs, task.tags, infos=infos, evaluator=tools.evaluator)
    requester = Identity(parent.requester, parent.requester_groups)
    return ChildOrder(
        task_id=task.id,
        resolution_id=new_id(),
        template=template.name,
        title=prepared.title,
        inputs=prepared.inputs,
        tags={**prepared.tags, PARENT_TAG: parent.task_id},
        resolver_usernames=task.resolver_usernames,
        resolver_groups=task.resolver_groups,
        watcher_usernames=task.watcher_usernames,
        watcher_groups=task.watcher_groups,
        resolves=starts_by_itself(requester, template, header, tools.administrators),
        delay=task.delay,
        comment=task.comment,
    )
