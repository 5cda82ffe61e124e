"""``understudy flow``: the commands and their options. What they do is in `runtime.cli.flow`, imported when it is done."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from runtime.errors import Refused

REFUSED = 2

F = TypeVar("F", bound=Callable[..., Any])


def _options(command: F) -> F:
    """Give a command the options that all of them have."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print only the flow, as JSON."),
        click.option("--by", default="user", show_default=True, help="The account that asks."),
        click.option("--policies", type=click.Path(path_type=Path), help="A file of policies for plans."),
        click.option(
            "--scripts", type=click.Path(path_type=Path), default=Path("scripts"), show_default=True,
            help="The folder that script steps may run files from.",
        ),
        click.option(
            "--keys", type=click.Path(path_type=Path),
            help="The file of the key ring that the store is sealed with.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


_STORE = click.option("--store", required=True, help="The file that flows are kept in.")


def _do(kind: str, **options: Any) -> None:
    from runtime.cli.flow import Request, perform  # noqa: PLC0415 - the engine is not needed for --help

    try:
        status = perform(Request(kind=kind, **options))
    except Refused as refusal:
        click.echo(f"error: {refusal}", err=True)
        status = REFUSED
    sys.exit(status)


@click.group()
def flow() -> None:
    """Run flows: groups of steps with plans that people approve.

    A command that lets a flow go on runs it here, until it has ended or waits for somebody. Exit status: 0 it succeeded,
    1 it ended otherwise, 2 the request was refused, 3 it waits for a person.
    """


@flow.command()
@click.argument("document", type=click.Path(path_type=Path))
@click.option("--store", help="The file that the flow is kept in, so that it can go on later. [default: memory]")
@click.option("--id", "flow_id", help="The id of the flow: given again, it is the same flow, wherever it got to.")
@click.option("--input", "-i", "inputs", multiple=True, metavar="NAME=VALUE", help="An input, as a text.")
@click.option("--plan-only", is_flag=True, help="Make plans, and apply none.")
@click.option("--approve-all", is_flag=True, help="Apply every plan that keeps the policies, without asking.")
@_options
def run(**options: Any) -> None:
    """Run the flow of DOCUMENT."""
    _do("run", **options)


@flow.command()
@click.argument("flow_id")
@_STORE
@click.option("--plan", "step_id", help="Print the plan of this step instead.")
@_options
def show(**options: Any) -> None:
    """Print where FLOW_ID stands."""
    _do("show", **options)


def _about_step(name: str, text: str) -> None:
    @flow.command(name, help=text)
    @click.argument("flow_id")
    @click.argument("step_id")
    @_STORE
    @click.option("--note", default="", help="What to say with it, for whoever reads it later.")
    @_options
    def command(**options: Any) -> None:
        _do(name, **options)

    del command


_about_step("approve", "Approve the plan of STEP_ID and let FLOW_ID go on.")
_about_step("deny", "Refuse the plan of STEP_ID, which ends FLOW_ID.")
_about_step("retry", "Try STEP_ID, which failed, again; or have its plan made again.")
_about_step("skip", "Go on without STEP_ID, which failed.")


@flow.command()
@click.argument("flow_id")
@_STORE
@click.option("--reason", "note", default="cancelled", show_default=True, help="Why.")
@_options
def cancel(**options: Any) -> None:
    """Stop FLOW_ID for good."""
    _do("cancel", **options)
