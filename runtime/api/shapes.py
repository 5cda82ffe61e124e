"""What is shown over the wire: plain JSON, in the shapes of spec section 11.3. What is empty is left out where it says so.

Times are RFC 3339 texts in UTC. Pure.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from runtime.api.standstill import Whereabouts
from runtime.api.views import MASK, StepStatus, TaskView, view_task
from runtime.engine.states import TaskState
from runtime.engine.task import Comment, Task
from runtime.journal.listing import Listing
from runtime.journal.protocol import Listed
from runtime.templates.model import Action, Function, InputType, Step, Template
from runtime.values.json import Json

_NOT_LISTED: Final = frozenset({"steps", "variables", "result_format", "title_format", "functions"})
"""The members of a template that a list of templates does not show."""


def written(moment: float) -> str:
    """Write a moment, in Unix seconds."""
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def _moment(moment: float | None) -> str | None:
    return None if moment is None else written(moment)


def task_shape(task: Task, around: Whereabouts, *, administers: bool) -> dict[str, Json]:
    """Show one task. Passwords are masked for all but administrators."""
    view, header, template = view_task(task, around), task.header, task.plan.template
    inputs = header.inputs if administers else view.inputs
    return {
        "id": view.id,
        "title": view.title,
        "template_name": view.template_name,
        "requester_username": view.requester_username,
        "created": written(view.created),
        "state": str(view.state),
        "steps_done": view.steps_done,
        "steps_total": view.steps_total,
        "last_activity": written(view.last_activity),
        "input": _plain(inputs),
        **_filled(
            requester_groups=header.requester_groups,
            watcher_usernames=header.watcher_usernames,
            watcher_groups=header.watcher_groups,
            resolver_usernames=header.resolver_usernames,
            resolver_groups=header.resolver_groups,
            tags=view.tags,
            result=view.result if view.state is TaskState.DONE else template.result_format,
            resolution=view.resolution_id,
            last_start=_moment(view.last_start),
            last_stop=_moment(view.last_stop),
            resolver_username=header.resolver,
            batch=header.batch,
            comments=[comment_shape(comment) for comment in task.notes.comments.values()],
            errors=_errors(view),
            stop_reason=view.stop_reason,
            waits_for=view.waits_for,
            result_error=view.result_error,
            resolver_inputs=[_declared(one) for one in template.resolver_inputs],
        ),
    }


def _errors(view: TaskView) -> list[Json]:
    """Say what went wrong: µTask's pairs, of all steps and not only those in CLIENT_ERROR, with their names and states."""
    steps = view.steps
    return [
        {"step": steps[name].description or name, "error": error, "name": name, "state": steps[name].state}
        for name, error in view.errors.items()
    ]


def listed_shape(listed: Listed) -> dict[str, Json]:
    """Show one task of a list."""
    listing: Listing = listed.listing
    return {
        "id": listed.task_id,
        "title": listing.title,
        "template_name": listing.template,
        "requester_username": listing.requester,
        "created": written(listing.created),
        "state": str(listed.standing.task),
        "steps_done": listed.standing.steps_done,
        "steps_total": listing.steps_total,
        "last_activity": written(listed.changed),
        "input": None,
        **_filled(
            requester_groups=listing.requester_groups,
            watcher_usernames=listing.watcher_usernames,
            watcher_groups=listing.watcher_groups,
            resolver_usernames=listing.resolver_usernames,
            resolver_groups=listing.resolver_groups,
            tags=listing.tags,
            resolution=listing.resolution,
            resolver_username=listing.resolver,
            batch=listing.batch,
        ),
    }


def resolution_shape(task: Task, *, manages: bool, instance: int | None) -> dict[str, Json]:
    """Show the execution of a task; to who does not manage it, without what it worked with and came to.

    `instance` is the number of the runtime that goes on with it, while one does, and where that is known.
    """
    view, header, template = view_task(task), task.header, task.plan.template
    return {
        "id": view.resolution_id,
        "task_id": view.id,
        "task_title": view.title,
        "resolver_username": header.resolver,
        "state": str(view.resolution),
        "created": written(header.resolved_at),
        "run_count": view.run_count,
        "run_max": view.run_max,
        "base_configurations": _plain(template.base_configurations) if manages else {},
        **_filled(
            instance_id=None if task.idle else instance,
            last_start=_moment(view.last_start),
            last_stop=_moment(view.last_stop),
            next_retry=_moment(view.next_retry),
            steps=steps_shape(task, view, manages=manages),
            resolver_inputs=_masked(header.resolver_inputs, template) if manages else (),
        ),
    }


def steps_shape(task: Task, view: TaskView, *, manages: bool) -> dict[str, Json]:
    """Show every step, see `step_shape`."""
    return {name: step_shape(task, name, one, manages=manages) for name, one in view.steps.items()}


def step_shape(task: Task, name: str, status: StepStatus, *, manages: bool) -> dict[str, Json]:
    """Show one step: what it is to do, and where it stands. What tags its action changed is not kept with it."""
    hidden = {} if manages else {"output": None, "metadata": None, "children": None, "item": None}
    shown = {
        "state": status.state,
        "error": status.error,
        "output": status.output,
        "metadata": status.metadata,
        "try_count": status.try_count,
        "max_retries": status.max_retries,
        "children": status.children,
        "item": status.item,
        **hidden,
    }
    return {
        "name": name,
        **_of_step(task.definition(name)),
        "description": status.description,
        "dependencies": list(status.dependencies),
        "tags": None,
        **_filled(
            **shown,
            last_run=_moment(status.last_run),
            children_steps=status.children_steps,
            attempt=status.attempt or None,
        ),
    }


def comment_shape(comment: Comment) -> dict[str, Json]:
    """Show one comment."""
    return {
        "id": comment.id,
        "username": comment.username,
        "created": written(comment.created),
        "updated": written(comment.updated),
        "content": comment.content,
    }


def template_shape(template: Template, *, listed: bool = False) -> dict[str, Json]:
    """Show a template as its file would write it; `listed`: without its steps and formats."""
    shape: dict[str, Json] = {}
    for field in attrs.fields(Template):
        value = getattr(template, field.name)
        if field.name == "steps":
            shape["steps"] = {name: _of_step(step) for name, step in template.steps.items()}
        elif field.name in {"inputs", "resolver_inputs", "variables"}:
            shape[field.name] = [_declared(one) for one in value]
        elif field.name != "functions":
            shape[field.name] = _plain(value)
    return {name: value for name, value in shape.items() if not (listed and name in _NOT_LISTED)}


def function_shape(function: Function) -> dict[str, Json]:
    """Show a function as its file would write it."""
    return {
        "name": function.name,
        "action": _of_action(function.action),
        **_filled(
            pre_hook=None if function.pre_hook is None else _of_action(function.pre_hook),
            conditions=[_declared(one) for one in function.conditions],
            custom_states=function.custom_states,
        ),
    }


def _of_step(step: Step) -> dict[str, Json]:
    return {
        "description": step.description,
        "idempotent": step.idempotent,
        "action": _of_action(step.action),
        "retry_pattern": str(step.retry_pattern),
        "dependencies": list(step.dependencies),
        **_filled(
            pre_hook=None if step.pre_hook is None else _of_action(step.pre_hook),
            json_schema=step.json_schema,
            max_retries=step.max_retries,
            execution_delay=f"{step.execution_delay}s" if step.execution_delay else "",
            custom_states=step.custom_states,
            conditions=[_declared(one) for one in step.conditions],
            foreach=step.foreach,
        ),
        "foreach_strategy": str(step.foreach_strategy or ""),
        "resources": list(step.resources),
    }


def _of_action(action: Action) -> dict[str, Json]:
    return {
        "type": action.type,
        "configuration": _plain(action.configuration),
        **_filled(
            base_configuration=action.base_configuration,
            output=None if action.output is None else _declared(action.output),
        ),
    }


def _declared(value: Any) -> dict[str, Json]:
    """Give the document of a model object whose members are called as its fields are; what is not set is left out."""
    document: dict[str, Json] = {}
    for field in attrs.fields(type(value)):
        own = getattr(value, field.name)
        if own is not None:
            document[field.name.removesuffix("_")] = _plain(own)
    return document


def _masked(inputs: Mapping[str, Json], template: Template) -> dict[str, Json]:
    secret = {declared.name for declared in template.resolver_inputs if declared.type is InputType.PASSWORD}
    return {name: MASK if name in secret else _plain(value) for name, value in inputs.items()}


def _filled(**members: Any) -> dict[str, Json]:
    return {name: _plain(value) for name, value in members.items() if not _is_empty(value)}


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | tuple | list | Mapping) and not value)


def _plain(value: Any) -> Any:
    match value:
        case str():
            return str(value)
        case Mapping():
            return {key: _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case _ if attrs.has(type(value)):
            return _declared(value)
        case _:
            return value
