"""``understudy flow``: the commands and their options. What they do is in `runtime.cli.flow`, imported when it is done."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs
import click

from runtime.cli.options import CONFIG, FUNCTIONS, GRACE, KEYS, REGION, SCRIPTS, TEMPLATES
from runtime.cli.output import steady_output
from runtime.cli.voice import Voice, voiced
from runtime.errors import Refused

_ANSWERS = ["approve", "deny", "deny-skip-current", "deny-skip-current-and-dependents", "retry"]

F = TypeVar("F", bound=Callable[..., Any])


def _options(command: F) -> F:
    """Give a command the options that all of them have."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print only the flow, as JSON."),
        click.option("--store", help="The file that flows are kept in."),
        click.option("--by", default="user", show_default=True, help="The account that asks; with --store."),
        click.option("--policies", type=click.Path(path_type=Path), help="A file of policies for plans; with --store."),
        KEYS, SCRIPTS, FUNCTIONS, TEMPLATES, REGION, CONFIG, GRACE,
        click.option(
            "--server", envvar="UNDERSTUDY_SERVER", default="", show_envvar=True,
            help="The address of the server to ask, in place of a store.",
        ),
        click.option(
            "--token", envvar="UNDERSTUDY_TOKEN", default="", show_envvar=True,
            help="Who you are: a bearer token; with --server.",
        ),
        click.option(
            "--user", envvar="UNDERSTUDY_USER", default="", show_envvar=True,
            help="Who you are: NAME:PASSWORD; with --server.",
        ),
    ):  # fmt: skip
        command = option(command)
    return voiced(command)


_WAIT = click.option(
    "--wait/--no-wait", default=True, help="With --server: tell what happens until it rests, or return at once."
)


def _do(tag: str, *, log_format: str, log_level: str | None, **options: Any) -> None:
    from runtime.cli.flow import Request, perform  # noqa: PLC0415 - the engine is not needed for --help

    voice = Voice.of(log_format, log_level)
    source = click.get_current_context().get_parameter_source("server")
    if options["store"] and source is click.core.ParameterSource.ENVIRONMENT:  # it is there for other commands
        options["server"] = ""
    own = {field.name for field in attrs.fields(Request)}
    fields = {name: _read(value) for name, value in options.items() if name not in own and value not in (None, ())}
    request = Request(
        tag=tag, fields=fields, voice=voice, **{name: value for name, value in options.items() if name in own}
    )
    if request.server and request.store:
        raise click.UsageError("flows are in a store or on a server: give --store or --server")
    if not request.server and not request.store and not request.runs:
        raise click.UsageError("where are the flows? Give --store FILE or --server URL (or UNDERSTUDY_SERVER)")
    with steady_output() as output, voice.in_use():
        try:
            if request.server:
                from runtime.cli.remote_flow import perform_remotely  # noqa: PLC0415 - its library is an extra

                status = perform_remotely(request)
            else:
                status = perform(request)
        except Refused as refusal:
            status = voice.refuse(refusal)
    sys.exit(output.status(status))


def _read(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@click.group()
def flow() -> None:
    """Run flows: groups of steps with plans that people approve.

    With --store, a command that lets a flow go on runs it here, until it has ended or waits for somebody; with --server,
    it runs there, and is watched. Exit status: 0 it succeeded, 1 it ended otherwise, 2 the request was refused, 3 it
    waits for a person (or goes on, with --no-wait).
    """


@flow.command()
@click.argument("document")
@click.option("--id", "flow_id", help="The id of the flow: given again, it is the same flow, wherever it got to.")
@click.option("--input", "-i", "inputs", multiple=True, metavar="NAME=VALUE", help="An input, as a text.")
@click.option("--plan-only", is_flag=True, default=None, help="Make plans, and apply none.")
@click.option(
    "--approve-all",
    "approval_option",
    flag_value="approve-all",
    help="Apply every plan that keeps the policies, without asking.",
)
@click.option("--owner", "owner_id", help="What it is about: of the flows of one owner one runs at a time.")
@click.option("--owner-type", help="What kind of thing that is.")
@click.option("--start/--no-start", default=None, help="Whether it is started, too. [default: start]")
@_WAIT
@_options
def run(**options: Any) -> None:
    """Run the flow of DOCUMENT: a file; with --server, also a type of flows that the server knows.

    Without a store it is kept in memory, and ends with this command.
    """
    _do("submit_flow", **options)


@flow.command("ls")
@click.option("--status", help="Only those in this status.")
@click.option("--owner", "owner_id", help="Only those of this owner.")
@click.option("--owner-type", help="What kind of thing that is.")
@_options
def ls(**options: Any) -> None:
    """List flows, those with the newest activity first."""
    _do("list_flows", page_size=100, **options)


@flow.command()
@click.argument("flow_id")
@click.option("--plan", help="Print the plan of this step instead.")
@click.option("--step", help="Print all there is of this step instead, with its output.")
@_options
def show(*, plan: str | None, step: str | None, **options: Any) -> None:
    """Print where FLOW_ID stands."""
    if plan is not None and step is not None:
        raise click.UsageError("--plan or --step: not both")
    tag = "get_flow" if plan is step is None else "get_flow_step" if plan is None else "get_approval"
    _do(tag, step_id=step if plan is None else plan, **options)


@flow.command()
@click.argument("flow_id")
@click.option("--step", "step_id", help="Only those of this step.")
@_options
def policies(**options: Any) -> None:
    """Print what policies found in the plans of FLOW_ID."""
    _do("list_policy_reports", **options)


def _command(name: str, tag: str, text: str, *parameters: Any, **said: str) -> None:
    """Make the command of a message, whose fields are `parameters`, after the id of the flow, and `said`."""

    def command(**options: Any) -> None:
        _do(tag, **said, **options)

    decorated: Any = command
    for parameter in (_options, _WAIT, *reversed(parameters), click.argument("flow_id")):
        decorated = parameter(decorated)
    flow.command(name, help=text)(decorated)


_STEP: Any = click.argument("step_id")
_NOTE: Any = click.option("--note", help="What to say with it, for whoever reads it later.")
_REASON: Any = click.option("--reason", help="Why.")

_command("start", "start_flow", "Begin with FLOW_ID, which was taken on with --no-start.")
_command(
    "approve",
    "answer_approval",
    "Approve the plan of STEP_ID and let FLOW_ID go on.",
    _STEP,
    _NOTE,
    response="approve",
)
_command("deny", "answer_approval", "Refuse the plan of STEP_ID, which ends FLOW_ID.", _STEP, _NOTE, response="deny")
_command(
    "respond",
    "answer_approval",
    "Answer the plan of STEP_ID: RESPONSE is one of " + ", ".join(_ANSWERS) + ".",
    _STEP,
    click.argument("response"),
    _NOTE,
)
_command(
    "retry", "retry_step", "Try STEP_ID, which failed, again; or have its plan made again.", _STEP,
    click.option(
        "--stale-plan/--keep-plan", default=None,
        help="Whether its plan is made again first. [default: as the step says]",
    ),
)  # fmt: skip
_command("retry-group", "retry_group", "Try the whole group of STEP_ID again.", _STEP)
_command("skip", "skip_step", "Go on without STEP_ID, which failed.", _STEP)
_command(
    "rerun", "rerun_flow",
    "Run FLOW_ID, a flow without groups, again from STEP_ID on: OPERATION, retry-step or skip-step, is what becomes of it.",
    _STEP,
    click.argument("operation"),
    click.option("--stale-plan", is_flag=True, default=None, help="Make the plan of --replan again first."),
    click.option("--replan", "replan_step_id", metavar="STEP_ID", help="The plan to make again."),
    click.option(
        "--skip", "additional_skip_step_ids", multiple=True, metavar="STEP_ID",
        help="A step to skip along with it; repeat it for more.",
    ),
    click.option("--continue-from", "continue_from_idx", type=int, help="Where a rerun that was cut goes on."),
)  # fmt: skip
_command(
    "interrupt",
    "interrupt_flow_step",
    "Cut the running work of STEP_ID, which hangs: it has failed then, and its retries go on.",
    _STEP,
    _REASON,
    click.option(
        "--attempt", type=int, help="The number of the attempt that is meant. [default: whichever is running]"
    ),
)
_command(
    "option",
    "set_approval_option",
    "Change whether people are asked about the plans of FLOW_ID: OPTION is prompt or approve-all.",
    click.argument("option"),
)
_command("pause", "pause_flow", "Have FLOW_ID wait after the group it is at.")
_command("unpause", "unpause_flow", "Let FLOW_ID, which is paused, go on.")
_command(
    "cancel",
    "cancel_flow",
    "Stop FLOW_ID for good.",
    click.option("--step", "step_id", help="Stop this step, and the flow with it."),
    click.option("--group", "group_id", help="Stop this group, and the flow with it."),
    _REASON,
)
_command("delete", "delete_flow", "Delete FLOW_ID, which has ended, and all that is known of it.")
