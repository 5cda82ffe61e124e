"""The commands and their options. What they do is elsewhere, and imported when it is done."""

import errno
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from runtime.cli.flows import flow as flow_commands
from runtime.cli.options import CONFIG, FUNCTIONS, GRACE, KEYS, REGION, SCRIPTS, TEMPLATES, Number
from runtime.cli.output import UNWRITTEN, any_output, give_up, say_unwritten, steady_output
from runtime.cli.remote_commands import COMMANDS
from runtime.cli.store import store as store_commands
from runtime.cli.voice import REFUSED, Voice, voiced
from runtime.errors import Fault, Invalid, Refused
from runtime.extras import needed_by
from runtime.server.limits import BODY_BYTES, ServerLimits

_INTERRUPTED: Final = 130
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def _warn(source: Path, warnings: Sequence[Fault]) -> None:
    for warning in warnings:
        click.echo(f"warning: {source}: {warning}", err=True)


class _Commands(click.Group):
    """All commands: each ends with 130 after Ctrl-C, whatever it was at, and with 4 if it has no room for its output."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run what the command line says."""
        any_output()
        try:
            return super().main(*args, **extra)
        except OSError as fault:
            if fault.errno not in _FULL:  # a pipe that nobody reads any more is click's to end with
                raise
            give_up(sys.stdout)
            say_unwritten(fault)
            sys.exit(UNWRITTEN)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(_INTERRUPTED)
        except BaseExceptionGroup as group:
            if group.subgroup(KeyboardInterrupt) is None:
                raise
            ctx.exit(_INTERRUPTED)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Variables, files, configuration items and exit statuses: python -m pydoc runtime.cli",
)
@click.version_option(package_name="understudy")
def cli() -> None:
    """Run tasks made of steps, as YAML templates describe them."""


_STRICT = click.option("--strict", is_flag=True, help="Refuse keys that nobody reads, instead of warning.")


@cli.command()
@click.argument("template", type=click.Path(path_type=Path), required=False)
@click.option("--input", "-i", "inputs", multiple=True, metavar="NAME=VALUE", help="An input; repeat it for a list.")
@click.option("--json", "as_json", is_flag=True, help="Print only the final task, as JSON.")
@GRACE
@click.option("--store", help="The file that the task is kept in, so that it survives this process. [default: memory]")
@KEYS
@click.option("--id", "task_id", help="The id of the task: given again, it is the same task, wherever it got to.")
@SCRIPTS
@FUNCTIONS
@TEMPLATES
@REGION
@CONFIG
@_STRICT
@voiced
def run(
    *,
    template: Path | None,
    task_id: str | None,
    inputs: tuple[str, ...],
    strict: bool,
    log_format: str,
    log_level: str | None,
    **options: Any,
) -> None:
    """Run one task of TEMPLATE and show its result.

    Without TEMPLATE, go on with all that was left unfinished in the --store, until nothing more happens by itself.
    """
    voice = Voice.of(log_format, log_level)
    if template is None and (options["store"] is None or inputs or task_id is not None):
        what = (
            "--input and --id are of a task of a TEMPLATE" if options["store"] else "nothing is kept without a --store"
        )
        raise click.UsageError(f"Missing argument 'TEMPLATE': {what}.")
    with steady_output() as output, voice.in_use():
        try:
            if template is None:
                from runtime.cli.resume import Resumption, resume_tasks  # noqa: PLC0415 - not needed for --help

                status = resume_tasks(Resumption(voice=voice, **options))
            else:
                from runtime.cli.run import Options, run_task  # noqa: PLC0415 - as above

                status = run_task(
                    Options(template=template, task_id=task_id, inputs=inputs, strict=strict, voice=voice, **options)
                )
        except Refused as refusal:
            status = voice.refuse(refusal)
    sys.exit(output.status(status))


@cli.command()
@click.argument("files", metavar="FILE...", type=click.Path(path_type=Path), nargs=-1, required=True)
@SCRIPTS
@FUNCTIONS
@TEMPLATES
@CONFIG
@_STRICT
def validate(
    *,
    files: tuple[Path, ...],
    scripts: Path,
    functions: Path | None,
    templates: Path | None,
    config: Path | None,
    strict: bool,
) -> None:
    """Check every FILE, a template or a flow, or a folder of such, and print all that is wrong with it."""
    from runtime.cli.check import check_one, known_types  # noqa: PLC0415 - the engine is not needed for --help
    from runtime.cli.items import read_items  # noqa: PLC0415 - as above
    from runtime.templates.catalogue import files_of  # noqa: PLC0415 - as above

    try:
        siblings = [*files, *([templates] if templates else [])]
        library = known_types(scripts=scripts, functions=functions, templates=siblings, config=read_items(config))
    except Refused as refusal:
        click.echo(f"error: {refusal}", err=True)
        sys.exit(REFUSED)
    for source, warnings in library.warnings.items():
        _warn(Path(source), warnings)
    if library.refusal is not None:
        click.echo(f"error: {library.refusal}", err=True)
    found = list(files_of(files))
    if not found:
        click.echo("error: there are no templates in there, and no flows: their names have to end in .yaml", err=True)
    refused = not found or library.refusal is not None
    for template in found:
        try:
            _warn(template, check_one(template, library, strict=strict))
        except Refused as refusal:
            refused = True
            click.echo(f"error: {refusal}", err=True)
            _warn(template, refusal.warnings if isinstance(refusal, Invalid) else ())
        else:
            click.echo(f"{template}: valid{', but for the functions' if library.refusal is not None else ''}")
    sys.exit(REFUSED if refused else 0)


cli.add_command(store_commands)
cli.add_command(flow_commands)


@cli.command()
@click.option("--listen", default="127.0.0.1:8081", show_default=True, metavar="HOST:PORT", help="Where to listen.")
@click.option(
    "--store",
    help="The file that tasks are kept in, or postgresql://..., which several servers may share. [default: memory]",
)
@KEYS
@SCRIPTS
@FUNCTIONS
@click.option(
    "--templates", type=click.Path(path_type=Path), help="The folder of the templates that tasks are made from."
)
@click.option("--flows", type=click.Path(path_type=Path), help="The folder of the flows that can be run by name.")
@click.option("--policies", type=click.Path(path_type=Path), help="A file of policies for the plans of flows.")
@REGION
@click.option("--admin", "admins", multiple=True, metavar="USER", help="Who may do everything; repeat it for more.")
@click.option(
    "--admin-group",
    "admin_groups",
    multiple=True,
    metavar="GROUP",
    help="A group whose users may do everything; repeat it.",
)
@click.option("--tokens", type=click.Path(path_type=Path), help="Bearer tokens: a JSON file of their SHA-256 hashes.")
@click.option(
    "--passwords", type=click.Path(path_type=Path), help="Basic authentication, for development: a JSON file."
)
@click.option("--groups", type=click.Path(path_type=Path), help="Which users are in which groups: a JSON file.")
@click.option(
    "--trust-proxy",
    "proxies",
    multiple=True,
    metavar="NETWORK",
    help="A network from which the header X-Remote-User is believed; repeat it.",
)
@click.option(
    "--hostname",
    "hostnames",
    multiple=True,
    metavar="NAME",
    help="A name by which the server is asked, as that of a proxy before it; repeat it. [default: localhost, and where"
    " users are known any]",
)
@click.option(
    "--allow",
    multiple=True,
    metavar="HOST",
    help="Where steps may connect to even if it is denied: a name, a pattern, an address or a network; repeat it.",
)
@click.option(
    "--deny",
    multiple=True,
    metavar="HOST",
    help="Where steps may not connect to, besides link-local addresses and the metadata services of clouds; '*': anywhere.",
)
@click.option(
    "--cors",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="An origin whose pages may call the server, as https://host; '*': any; repeat it.",
)
@click.option(
    "--audit",
    type=click.Path(path_type=Path),
    help="Write a line of JSON for each request to this file, or, with '-', to standard output.",
)
@click.option("--maintenance", is_flag=True, help="Only read, and let nothing go on: for work on the store.")
@click.option(
    "--rate",
    type=Number(min=0, min_open=True),
    default=100.0,
    show_default=True,
    help="How many requests a second one caller may make; bursts may be twice as large.",
)
@click.option(
    "--in-flight",
    type=click.IntRange(min=1),
    default=32,
    show_default=True,
    help="How many requests are answered at once.",
)
@click.option(
    "--connections",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="How many connections may be open.",
)
@click.option(
    "--subscribers", type=click.IntRange(min=0), default=200, show_default=True, help="How many may listen to events."
)
@click.option(
    "--max-body",
    type=click.IntRange(*BODY_BYTES),
    help="How many bytes the body of a request may have. [default: what utask-cfg says, or 262144]",
)
@CONFIG
@GRACE
@voiced
def serve(
    *,
    listen: str,
    admins: tuple[str, ...],
    admin_groups: tuple[str, ...],
    tokens: Path | None,
    passwords: Path | None,
    groups: Path | None,
    proxies: tuple[str, ...],
    hostnames: tuple[str, ...],
    rate: float,
    in_flight: int,
    connections: int,
    subscribers: int,
    log_format: str,
    log_level: str | None,
    **options: Any,
) -> None:
    """Serve a runtime over HTTP, until SIGTERM or Ctrl-C.

    Without tokens, passwords and trusted proxies it only listens on this machine, and everybody there is one
    administrator. Templates follow their folder: what changes there is known a second later, or on SIGHUP at once.
    """
    voice = Voice.of(log_format, log_level)
    try:
        with needed_by("the server"):
            from runtime.cli.access import AccessOptions  # noqa: PLC0415 - as below
            from runtime.cli.serve import ServeOptions, serve_runtime  # noqa: PLC0415 - its libraries are an extra
    except Refused as refusal:
        sys.exit(voice.refuse(refusal))
    access = AccessOptions(
        listen=listen,
        admins=admins,
        admin_groups=admin_groups,
        tokens=tokens,
        passwords=passwords,
        groups=groups,
        proxies=proxies,
        hostnames=hostnames,
    )
    limits = ServerLimits(
        requests_per_second=rate,
        burst=max(1, round(2 * rate)),
        in_flight=in_flight,
        connections=connections,
        connections_per_address=connections if proxies else max(1, connections // 2),
        subscribers=subscribers,
    )
    with steady_output(), voice.in_use():
        try:
            serve_runtime(ServeOptions(access=access, limits=limits, voice=voice, **options))
        except Refused as refusal:
            sys.exit(voice.refuse(refusal))


@cli.group()
def schema() -> None:
    """Print JSON Schemas."""


@schema.command("template")
def template_schema() -> None:
    """Print the schema of template files, for editors."""
    from runtime.cli.schemas import schema_of_documents  # noqa: PLC0415 - as below

    click.echo(schema_of_documents("template"))


@schema.command("function")
def function_schema() -> None:
    """Print the schema of function files, for editors."""
    from runtime.cli.schemas import schema_of_documents  # noqa: PLC0415 - as below

    click.echo(schema_of_documents("function"))


@schema.command()
@click.argument("message", required=False)
def messages(message: str | None) -> None:
    """Print the schemas of all commands, queries and events, or the one of MESSAGE."""
    from runtime.cli.schemas import schema_of_messages  # noqa: PLC0415 - the messages are not needed for --help

    try:
        click.echo(schema_of_messages(message))
    except Refused as refusal:
        click.echo(f"error: {refusal}", err=True)
        sys.exit(REFUSED)


for command in COMMANDS:
    cli.add_command(command)
