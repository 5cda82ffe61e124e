"""What is shown of events: of one task until it rests, live on a terminal; and one line for each of any."""

import shlex
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, Final

import attrs
import click
from rich.console import Console

from runtime.api.codec import EVENTS
from runtime.api.messages import Event, TaskStateChanged
from runtime.api.queries import GetTask, GetTemplate
from runtime.cli.progress import progress_for
from runtime.cli.remote import Remote, ServerRefused
from runtime.cli.tables import printable
from runtime.values.json import dumps

_AT_REST: Final = frozenset({"DONE", "CANCELLED", "WONTFIX", "BLOCKED"})
_DONE: Final = "DONE"
_NEW: Final = "TODO"


def watch_task(remote: Remote, task_id: str, *, as_json: bool) -> int:
    """Show what happens to a task until nothing more does; give the exit status: 0 if it is DONE, else 1.

    Raises:
        ServerRefused: there is no such task, or the server tells no more.
    """
    task = remote.ask(GetTask(task_id=task_id))
    settled = task["state"] in _AT_REST
    say_who_is_awaited(task)
    with ExitStack() as stack:
        progress = stack.enter_context(
            progress_for(Console(), as_json=as_json, title=task["title"], descriptions=_steps(remote, task))
        )
        for event in remote.events(task_id=task_id):
            progress.show(event)
            if as_json:
                click.echo(line_of(event, as_json=True))
            if isinstance(event, TaskStateChanged) and event.state in _AT_REST:
                task = remote.ask(GetTask(task_id=task_id))
                if settled or task["state"] in _AT_REST:
                    break
    task = remote.ask(GetTask(task_id=task_id))
    if not as_json and task.get("result") and task["state"] == _DONE:
        click.echo(dumps(task["result"]))
    if not as_json:
        _say_what_went_wrong(task)
    return 0 if task["state"] == _DONE else 1


def _say_what_went_wrong(task: Mapping[str, Any]) -> None:
    if reason := task.get("stop_reason"):
        click.echo(reason)
    for one in task.get("errors", ()):
        click.echo(f"{one['name']} {one['state']}: {one['error']}")
    if fault := task.get("result_error"):
        click.echo(f"result: {fault}")


def say_who_is_awaited(task: Mapping[str, Any]) -> None:
    """Tell, beside the output, that a task does nothing until somebody takes it on, if so."""
    if task["state"] == _NEW and not task.get("resolution"):
        wanted = " ".join(f"-i {shlex.quote(one['name'])}=..." for one in task.get("resolver_inputs", ()))
        click.echo(
            f"waits until somebody takes it on: understudy resolve {shlex.quote(task['id'])} {wanted}".rstrip(),
            err=True,
        )


def _steps(remote: Remote, task: Mapping[str, Any]) -> Mapping[str, str]:
    """Give the steps of a task, as its template has them now, if there is one."""
    try:
        template = remote.ask(GetTemplate(name=task["template_name"]))
    except ServerRefused:
        return {}
    return {name: step.get("description", "") for name, step in template["steps"].items()}


def line_of(event: Event, *, as_json: bool) -> str:
    """Write an event as a line."""
    if as_json:
        return dumps(EVENTS.encode(event))
    members = attrs.asdict(event, recurse=False)
    position, at = members.pop("position", ""), members.pop("at", None)
    what = type(event).__name__ if "what" not in members else str(members.pop("what"))
    when = "" if at is None else datetime.fromtimestamp(at, UTC).astimezone().strftime("%H:%M:%S")
    task = members.pop("task_id", "")
    rest = " ".join(f"{name}={value}" for name, value in members.items() if value not in {"", None})
    return printable(f"{position:>8} {when} {task} {what} {rest}".rstrip())
