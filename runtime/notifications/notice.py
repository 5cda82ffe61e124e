"""What is said about a task: pure, from the task and the records of one turn (spec section 10)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs

from runtime.api.messages import Recorded, StepStateChanged, TaskStateChanged
from runtime.engine.records import TaskSubmitted
from runtime.engine.states import StepState, TaskState
from runtime.engine.task import Task
from runtime.flow.states import FlowStatus
from runtime.journal.protocol import Record
from runtime.notifications.settings import Notifications, NotifyEvent, NotifyStrategy
from runtime.values.json import dumps
from runtime.work.news import events_of

_FAILED_STEPS: Final = frozenset({StepState.FATAL_ERROR, StepState.CRASHED, StepState.AFTERRUN_ERROR})
_FAILED: Final = frozenset({str(TaskState.BLOCKED), str(FlowStatus.ERROR), str(FlowStatus.FAILED_PENDING_RETRY)})
WELL: Final = frozenset({str(TaskState.DONE), str(FlowStatus.SUCCESS)})
"""The states of a task or a flow of which there is nothing more to do."""


@attrs.frozen(kw_only=True)
class Notice:
    """One thing to tell. `state` is what strategies look at: the step's for step events, the task's for others.

    Attributes:
        task_id: whose it is, a task's or a flow's; what is said about one stays in order.
        template: the name of its template, or its type.
        backends: those that are to be told, where somebody said so; all that want to know where nobody did.
        ended: nothing more will be said about the task.
    """

    event: NotifyEvent
    task_id: str
    template: str = ""
    state: str = ""
    message: str
    fields: Mapping[str, str] = attrs.field(factory=dict)
    backends: tuple[str, ...] = ()
    ended: bool = False


def notices_of(task: Task, records: Sequence[Record], settings: Notifications) -> Iterator[Notice]:
    """Give what is to be told of records that were just stored. `task` is the task after them."""
    described: dict[str, str] | None = None
    for event in events_of(task, 0, records):
        if isinstance(event, Recorded):
            continue
        if described is None:
            described = dict(_fields(task, settings))
        if isinstance(event, TaskStateChanged):
            yield _about(task, NotifyEvent.TASK_STATE, event.state, {**described, "state": event.state})
        elif isinstance(event, StepStateChanged) and task.header.resolution_id:
            step = {"step_name": event.step, "step_state": event.state}
            yield _about(task, NotifyEvent.TASK_STEP, event.state, {**described, **step})
    if isinstance(records[0], TaskSubmitted) and not task.header.resolution_id:
        fields = {**dict(_fields(task, settings)), **_resolvers(task)}
        fields.pop("steps")
        yield _about(task, NotifyEvent.TASK_VALIDATION, task.state, fields)


def readers_of(notice: Notice, settings: Notifications) -> Iterator[str]:
    """Name the backends that want to hear it."""
    for name in notice.backends or settings.backends_for(notice.event):
        strategy = settings.notify_config[name].strategy(notice.event, notice.template)
        if notice.event is NotifyEvent.MESSAGE or _wanted(notice, strategy):
            yield name


def _wanted(notice: Notice, strategy: NotifyStrategy) -> bool:
    """Say whether a backend with this strategy wants to hear it."""
    failed = notice.state in (_FAILED_STEPS if notice.event is NotifyEvent.TASK_STEP else _FAILED)
    match strategy:
        case NotifyStrategy.ALWAYS:
            return True
        case NotifyStrategy.SILENT:
            return False
        case NotifyStrategy.FAILURE_ONLY:
            return failed
        case NotifyStrategy.FAILURE_OR_DONE:
            return failed or notice.state in WELL


def _about(task: Task, event: NotifyEvent, state: str, fields: Mapping[str, str]) -> Notice:
    return Notice(
        event=event,
        task_id=task.header.task_id,
        template=task.plan.template.name,
        state=state,
        message=f"#task #id:{task.header.task_id}\n{task.header.title}",
        fields={name: text for name, text in fields.items() if text},
        ended=task.state.ended,
    )


def _fields(task: Task, settings: Notifications) -> Iterator[tuple[str, str]]:
    header = task.header
    yield "task_id", header.task_id
    yield "title", header.title
    yield "state", task.state
    yield "template", task.plan.template.name
    yield "requester", header.requester
    yield "resolver", header.resolver
    yield "steps", f"{task.steps_done}/{len(task.plan.template.steps)}"
    yield "resolution_id", header.resolution_id
    yield "tags", dumps(dict(sorted(task.notes.tags.items()))) if task.notes.tags else ""
    yield "url", settings.page_of(f"task/{header.task_id}")


def _resolvers(task: Task) -> dict[str, str]:
    template = task.plan.template
    names = [*template.allowed_resolver_usernames]
    if template.allow_all_resolver_usernames and task.header.requester:
        names.append(task.header.requester)
    return {"potential_resolvers": " ".join(names)}
