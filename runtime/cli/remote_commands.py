"""The commands that talk to a server: each is a message (`runtime.api.commands`, `runtime.api.queries`).

Those that are needed most have a form of their own; ``send`` has one for every message (`runtime.cli.sending`).
"""

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from runtime.cli.tables import table
from runtime.errors import Refused

if TYPE_CHECKING:
    from runtime.cli.remote import Remote

_REFUSED: Final = 2
_BELOW: Final = frozenset({"errors", "waits_for"})
"""The members of a task that are shown below the others."""

_NEVER: Final = "~"
"""Behind every time that is written."""


def talking(function: "Callable[..., int | None]") -> Callable[..., None]:
    """Make a command talk to a server: it is given one, and its refusals end with status 2."""

    @click.option(
        "--server",
        envvar="UNDERSTUDY_SERVER",
        default="http://127.0.0.1:8081",
        show_default=True,
        show_envvar=True,
        help="The address of the server.",
    )
    @click.option(
        "--token", envvar="UNDERSTUDY_TOKEN", show_envvar=True, default="", help="Who you are: a bearer token."
    )
    @click.option("--user", envvar="UNDERSTUDY_USER", show_envvar=True, default="", help="Who you are: NAME:PASSWORD.")
    @functools.wraps(function)
    def command(*, server: str, token: str, user: str, **arguments: object) -> None:
        try:
            from runtime.cli.remote import Remote  # noqa: PLC0415 - its library is an extra, and takes long to load

            with Remote(server, token=token, user=user) as remote:
                status = function(remote=remote, **arguments)
        except Refused as refusal:
            click.echo(f"error: {refusal}", err=True)
            status = _REFUSED
        except KeyboardInterrupt:
            status = 130
        sys.exit(status or 0)

    return command


_JSON = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")


@click.command()
@click.argument("template")
@click.option("--input", "-i", "inputs", multiple=True, metavar="NAME=VALUE", help="An input; repeat it for a list.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="A tag.")
@click.option("--id", "task_id", help="The id of the task: given again, it is the same task.")
@click.option("--wait", is_flag=True, help="Wait for it, as watch does.")
@_JSON
@talking
def submit(
    *,
    remote: "Remote",
    template: str,
    inputs: tuple[str, ...],
    tags: tuple[str, ...],
    task_id: str | None,
    wait: bool,
    as_json: bool,
) -> int:
    """Submit a task of TEMPLATE, and print its id."""
    from runtime.api.commands import SubmitTask  # noqa: PLC0415 - not needed for --help

    if task_id == "":  # of a variable that is not set, say: each call would be another task
        raise click.UsageError("--id is empty: give one, or leave it out")
    given = _inputs(remote, template, inputs)
    task = remote.ask(SubmitTask(template=template, inputs=given, tags=_pairs(tags), task_id=task_id or ""))
    _print(task, as_json, task["id"])
    from runtime.cli.watching import say_who_is_awaited, watch_task  # noqa: PLC0415 - not needed for --help

    if wait:
        return watch_task(remote, task["id"], as_json=as_json)
    say_who_is_awaited(task)
    return 0


@click.command("ls")
@click.option("--type", "involvement", type=click.Choice(["own", "resolvable", "all"]), default="all")
@click.option("--state", help="Only those in this state.")
@click.option("--template", default="", help="Only those of this template.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="Only those with this tag.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@_JSON
@talking
def ls(
    *,
    remote: "Remote",
    involvement: str,
    state: str | None,
    template: str,
    tags: tuple[str, ...],
    limit: int,
    as_json: bool,
) -> None:
    """List tasks, those with the newest activity first."""
    from runtime.api.codec import REQUESTS  # noqa: PLC0415 - not needed for --help

    asked = {"involvement": involvement, "template": template, "tags": _pairs(tags), "page_size": limit}
    tasks = remote.ask(REQUESTS.decode({"type": "list_tasks", **asked, **({"state": state} if state else {})}))
    rows = [
        (one["id"], one["state"], f"{one['steps_done']}/{one['steps_total']}", one["last_activity"], one["title"])
        for one in tasks
    ]
    _print(tasks, as_json, table(("ID", "STATE", "STEPS", "LAST ACTIVITY", "TITLE"), rows))


@click.command()
@click.argument("task_id")
@_JSON
@talking
def show(*, remote: "Remote", task_id: str, as_json: bool) -> None:
    """Show the task TASK_ID, its steps in the order in which they ran last, with what came of each, and what it waits for."""
    from runtime.api.queries import FindTask, GetTask  # noqa: PLC0415 - not needed for --help

    task = remote.ask(GetTask(task_id=task_id))
    shown = [(name, _shown(value)) for name, value in task.items() if name not in _BELOW]
    _print(task, as_json, table(("", ""), shown))
    if not as_json and (resolution := task.get("resolution")):
        steps = remote.ask(FindTask(resolution_id=resolution)).get("steps", {})
        ran = sorted(steps.items(), key=lambda step: step[1].get("last_run", _NEVER))
        rows = [(name, one["state"], str(one.get("try_count", "")), one.get("error", "")) for name, one in ran]
        click.echo(f"\n{table(('STEP', 'STATE', 'TRIES', 'ERROR'), rows)}")
    if not as_json and (waits := task.get("waits_for")):
        click.echo(f"\n{table(('WAITS FOR',), [(one,) for one in waits])}")


@click.command()
@click.argument("task_id")
@click.option("--json", "as_json", is_flag=True, help="Print each event as a line of JSON.")
@talking
def watch(*, remote: "Remote", task_id: str, as_json: bool) -> int:
    """Show what happens to the task TASK_ID until nothing more does. Status 0 if it is DONE, else 1."""
    from runtime.cli.watching import watch_task  # noqa: PLC0415 - not needed for --help

    return watch_task(remote, task_id, as_json=as_json)


@click.command()
@click.argument("task_id")
@click.option("--reason", default="", help="Why.")
@talking
def cancel(*, remote: "Remote", task_id: str, reason: str) -> None:
    """Stop the task TASK_ID for good."""
    from runtime.api.commands import CancelTask  # noqa: PLC0415 - not needed for --help

    remote.ask(CancelTask(task_id=task_id, reason=reason))


@click.command()
@click.argument("task_id")
@click.argument("step")
@click.option("--reason", default="", help="Why; it becomes the error of the step.")
@click.option("--attempt", type=click.IntRange(min=0), default=0, help="The number of the attempt that is meant.")
@click.option("--retry/--no-retry", default=True, show_default=True, help="Whether it is tried again.")
@talking
def interrupt(*, remote: "Remote", task_id: str, step: str, reason: str, attempt: int, retry: bool) -> None:
    """Cut the running attempt of STEP of the task TASK_ID, which hangs: it has failed then, and its retries go on."""
    from runtime.api.commands import InterruptStep  # noqa: PLC0415 - not needed for --help

    remote.ask(InterruptStep(task_id=task_id, step=step, reason=reason, attempt=attempt, retry=retry))


@click.command()
@click.argument("task_id")
@click.option("--wait", is_flag=True, help="Wait for it, as watch does.")
@talking
def retry(*, remote: "Remote", task_id: str, wait: bool) -> int:
    """Run the task TASK_ID now: one that is blocked, paused, or waits for its next retry."""
    from runtime.api.commands import RunTask  # noqa: PLC0415 - not needed for --help
    from runtime.cli.watching import watch_task  # noqa: PLC0415 - as above

    remote.ask(RunTask(task_id=task_id))
    return watch_task(remote, task_id, as_json=False) if wait else 0


@click.command()
@click.argument("task_id")
@click.option(
    "--input", "-i", "inputs", multiple=True, metavar="NAME=VALUE", help="A resolver input; repeat it for a list."
)
@click.option("--wait", is_flag=True, help="Wait for it, as watch does.")
@talking
def resolve(*, remote: "Remote", task_id: str, inputs: tuple[str, ...], wait: bool) -> int:
    """Take on the task TASK_ID, which waits for somebody to, and run it."""
    from runtime.api.commands import ResolveTask  # noqa: PLC0415 - not needed for --help
    from runtime.api.queries import GetTask  # noqa: PLC0415 - as above
    from runtime.cli.watching import watch_task  # noqa: PLC0415 - as above

    asked = remote.ask(GetTask(task_id=task_id)).get("resolver_inputs", ())
    remote.ask(ResolveTask(task_id=task_id, resolver_inputs=_read(asked, inputs, "resolver_inputs")))
    return watch_task(remote, task_id, as_json=False) if wait else 0


@click.command()
@click.argument("task_id")
@click.argument("step")
@click.option(
    "--response", type=click.Choice(("approve", "deny", "deny-skip-current", "deny-skip-current-and-dependents", "retry")),
    default="approve", show_default=True, help="What to answer.",
)  # fmt: skip
@click.option("--note", default="", help="What to say with it.")
@talking
def approve(*, remote: "Remote", task_id: str, step: str, response: str, note: str) -> None:
    """Approve what STEP of the task TASK_ID asks, or answer otherwise; for flows, see understudy flow."""
    from runtime.api.flow_commands import AnswerTaskApproval  # noqa: PLC0415 - not needed for --help
    from runtime.flow.states import ResponseType  # noqa: PLC0415 - as above

    remote.ask(AnswerTaskApproval(task_id=task_id, step=step, response=ResponseType(response), note=note))


@click.command()
@click.option("--after", type=click.IntRange(min=0), default=0, help="The position of the last event that is known.")
@click.option("--task", "task_id", default="", help="Only those of this task.")
@click.option("--json", "as_json", is_flag=True, help="Print each as a line of JSON.")
@talking
def events(*, remote: "Remote", after: int, task_id: str, as_json: bool) -> None:
    """Print events, one a line, and go on with what happens. Each begins with its position."""
    from runtime.cli.watching import line_of  # noqa: PLC0415 - not needed for --help

    for event in remote.events(after=after, task_id=task_id):
        click.echo(line_of(event, as_json=as_json))


class _Send(click.Group):
    """A command for every message; they are made when one is asked for."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Name them."""
        from runtime.cli.sending import names  # noqa: PLC0415 - the messages are not needed for other help

        return names()

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give one."""
        from runtime.cli.sending import command_of  # noqa: PLC0415 - as above

        return command_of(cmd_name, talking)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find what is asked for, or name what is nearest to it."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as unknown:
            known = self.list_commands(ctx)
            raise click.NoSuchCommand(unknown.command_name, possibilities=known, ctx=ctx) from None


send = _Send(
    "send", help="Send any message: what Python and HTTP can say, the command line can.", short_help="Send any message."
)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes SHELL complete commands: eval "$(understudy completion bash)"."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - rarely needed

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - as the choices are those that it knows
    click.echo(kind(ctx.find_root().command, {}, "understudy", "_UNDERSTUDY_COMPLETE").source())


COMMANDS: Final = (submit, resolve, ls, show, watch, cancel, interrupt, retry, approve, events, send, completion)


def _print(answer: Any, as_json: bool, text: str) -> None:
    from runtime.values.json import dumps  # noqa: PLC0415 - not needed for --help

    click.echo(dumps(answer) if as_json else text)


def _pairs(texts: Sequence[str]) -> Mapping[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{text!r} is not of the form NAME=VALUE")
        pairs[name] = value
    return pairs


def _inputs(remote: "Remote", template: str, texts: Sequence[str]) -> Mapping[str, Any]:
    """Turn texts into what the template declares."""
    from runtime.api.queries import GetTemplate  # noqa: PLC0415 - not needed for --help

    return _read(remote.ask(GetTemplate(name=template))["inputs"], texts, "input")


def _read(declared: Sequence[Any], texts: Sequence[str], root: str) -> Mapping[str, Any]:
    from runtime.templates.inputs import inputs_of_texts  # noqa: PLC0415 - not needed for --help
    from runtime.templates.model import Input, InputType  # noqa: PLC0415 - as above

    inputs = [Input(name=one["name"], type=InputType(one["type"]), collection=one["collection"]) for one in declared]
    return inputs_of_texts(inputs, texts, root=root)


def _shown(value: Any) -> str:
    from runtime.values.json import dumps  # noqa: PLC0415 - not needed for --help

    return value if isinstance(value, str) else dumps(value)
