"""``understudy flow``: the commands and their options. What they do is in `runtime.cli.flow`, imported when it is done."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

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
        click.option(
            "--scripts", type=click.Path(path_type=Path), default=Path("scripts"), show_default=True,
            help="The folder that script steps may run files from; with --store.",
        ),
        click.option(
            "--keys", type=click.Path(path_type=Path),
            help="The file of the key ring that the store is sealed with.",
        ),
        click.option(
            "--server", envvar="UNDERSTUDY_SERVER", default="", show_envvar=True,
            help="The address of the server to ask, in place of a store.",
        ),
        click.option("--token", envvar="UNDERSTUDY_TOKEN", default="", help="Who you are: a bearer token; with --server."),
        click.option("--user", envvar="UNDERSTUDY_USER", default="", help="Who you are: NAME:PASSWORD; with --server."),
    ):  # fmt: skip
        command = option(command)
    return voiced(command)


_WAIT = click.option(
    "--wait/--no-wait", default=True, help="With --server: tell what happens until it rests, or return at once."
)


def _do(kind: str, *, log_format: str, log_level: str | None, **options: Any) -> None:
    from runtime.cli.flow import Request, perform  # noqa: PLC0415 - the engine is not needed for --help

    voice = Voice.of(log_format, log_level)
    source = click.get_current_context().get_parameter_source("server")
    if options["store"] and source is click.core.ParameterSource.ENVIRONMENT:  # it is there for other commands
        options["server"] = ""
    request = Request(kind=kind, voice=voice, **options)
    if request.server and request.store:
        raise click.UsageError("flows are in a store or on a server: give --store or --server")
    if not request.server and not request.store and kind != "run":
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
@click.option("--plan-only", is_flag=True, help="Make plans, and apply none.")
@click.option("--approve-all", is_flag=True, help="Apply every plan that keeps the policies, without asking.")
@click.option("--owner", "owner_id", default="", help="What it is about: of the flows of one owner one runs at a time.")
@click.option("--owner-type", default="", help="What kind of thing that is.")
@_WAIT
@_options
def run(**options: Any) -> None:
    """Run the flow of DOCUMENT: a file; with --server, also a type of flows that the server knows.

    Without a store it is kept in memory, and ends with this command.
    """
    _do("run", **options)


@flow.command("ls")
@click.option("--status", help="Only those in this status.")
@click.option("--owner", "owner_id", default="", help="Only those of this owner.")
@click.option("--owner-type", default="", help="What kind of thing that is.")
@_options
def ls(**options: Any) -> None:
    """List flows, those with the newest activity first."""
    _do("ls", **options)


@flow.command()
@click.argument("flow_id")
@click.option("--plan", "step_id", help="Print the plan of this step instead.")
@_options
def show(**options: Any) -> None:
    """Print where FLOW_ID stands."""
    _do("show", **options)


def _about_step(name: str, text: str, *more: Any) -> None:
    def command(**options: Any) -> None:
        _do(name, **options)

    decorated: Any = command
    for option in (_options, _WAIT, *more, click.argument("step_id"), click.argument("flow_id")):
        decorated = option(decorated)
    flow.command(name, help=text)(decorated)


_NOTE: Any = click.option("--note", default="", help="What to say with it, for whoever reads it later.")
_about_step("approve", "Approve the plan of STEP_ID and let FLOW_ID go on.", _NOTE)
_about_step("deny", "Refuse the plan of STEP_ID, which ends FLOW_ID.", _NOTE)
_about_step(
    "respond",
    "Answer the plan of STEP_ID: RESPONSE is one of " + ", ".join(_ANSWERS) + ".",
    _NOTE,
    click.argument("response"),
)
_about_step("retry", "Try STEP_ID, which failed, again; or have its plan made again.")
_about_step("retry-group", "Try the whole group of STEP_ID again.")
_about_step("skip", "Go on without STEP_ID, which failed.")
_about_step(
    "interrupt",
    "Cut the running work of STEP_ID, which hangs: it has failed then, and its retries go on.",
    click.option("--reason", "note", default="", help="Why."),
)


def _about_flow(name: str, text: str, *more: Any) -> None:
    def command(**options: Any) -> None:
        _do(name, **options)

    decorated: Any = command
    for option in (_options, _WAIT, *more, click.argument("flow_id")):
        decorated = option(decorated)
    flow.command(name, help=text)(decorated)


_about_flow(
    "option",
    "Change whether people are asked about the plans of FLOW_ID: OPTION is prompt or approve-all.",
    click.argument("option"),
)
_about_flow("pause", "Have FLOW_ID wait after the group it is at.")
_about_flow("unpause", "Let FLOW_ID, which is paused, go on.")
_about_flow(
    "cancel",
    "Stop FLOW_ID for good.",
    click.option("--step", "step_id", default="", help="Stop this step, and the flow with it."),
    click.option("--group", "group_id", default="", help="Stop this group, and the flow with it."),
    click.option("--reason", "note", default="", help="Why."),
)
