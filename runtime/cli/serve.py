"""``understudy serve``: a runtime behind a server, from its options to its end."""

import re
import resource
import signal
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Final

import attrs
import click
import trio

from runtime.api.client import Runtime
from runtime.api.desk import Desk
from runtime.api.flow_submission import load_flows
from runtime.api.messages import Event, StepStateChanged
from runtime.cli.access import AccessOptions, ServedHost, access
from runtime.cli.following import follow_templates
from runtime.cli.interrupts import run_until_done
from runtime.cli.items import read_items
from runtime.cli.opening import RuntimeOptions
from runtime.configuration import host_settings
from runtime.destinations import METADATA, Destinations
from runtime.engine.states import StepState
from runtime.errors import Refused
from runtime.flows import Flows
from runtime.heap import settle_heap
from runtime.logs import log_events
from runtime.policies.protocol import Policy
from runtime.server.app import Office, build_app
from runtime.server.audit import Audit, AuditFile
from runtime.server.limits import ServerLimits
from runtime.server.serving import serving

_ORIGIN: Final = re.compile(r"https?://[^\s/?#@]+")
_NAMED: Final = 20
"""How many tasks are named at the end."""

_OTHER_FILES = 512
"""How many files a server needs beside its connections, at most: those of its store, of steps and of libraries."""


@attrs.frozen(kw_only=True)
class ServeOptions(RuntimeOptions):
    """What the command line asked for."""

    access: AccessOptions
    flows: Path | None
    policies: Path | None
    allow: tuple[str, ...]
    deny: tuple[str, ...]
    origins: tuple[str, ...]
    audit: Path | None
    maintenance: bool
    max_body: int | None
    limits: ServerLimits


def serve_runtime(options: ServeOptions) -> None:
    """Serve until a signal ends it, and tell where it listens.

    Raises:
        Refused: it cannot be served so; nothing was started, or all of it has ended.
    """
    _make_room(options.limits.connections)
    run_until_done(_serve, options)


def _make_room(connections: int) -> None:
    """Let this process have as many files open as there may be connections, and some more, where it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


async def _serve(options: ServeOptions) -> None:
    with ExitStack() as stack:
        audit: Audit | None = None
        if options.audit is not None:
            audit = click.echo if str(options.audit) == "-" else stack.enter_context(AuditFile(options.audit))
        await _serve_until_told(options, audit)


def _destinations(options: ServeOptions) -> Destinations:
    try:
        return Destinations(options.allow, (*METADATA, *options.deny))
    except ValueError as fault:
        raise Refused(f"--allow, --deny: {fault}") from None


def _check_origins(origins: Sequence[str]) -> None:
    for origin in origins:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise Refused(f'--cors: an origin is written "https://host", with its port if it has one, not "{origin}"')


async def _serve_until_told(options: ServeOptions, audit: Audit | None) -> None:
    cut = _Cut()
    _check_origins(options.origins)
    items = read_items(options.config)
    host = host_settings(ServedHost, items)
    allowed = access(options.access, items, host)
    limits = attrs.evolve(options.limits, body_bytes=options.max_body or host.server_options.body_bytes)
    kit = Flows(
        documents=() if options.flows is None else load_flows(options.flows),
        policies=() if options.policies is None else _policies(options.policies),
    )
    async with options.open(
        items,
        flows=kit,
        administrators=allowed.administrators,
        destinations=_destinations(options),
        maintenance=options.maintenance,
    ) as runtime:
        office = Office(
            Desk(runtime),
            allowed.authenticator,
            limits,
            origins=options.origins,
            hostnames=allowed.hostnames,
            audit=audit,
            application_name=host.application_name or "understudy",
        )
        async with (
            serving(
                build_app(office), options.access.listen, grace_seconds=options.grace_seconds, limits=limits
            ) as address,
            trio.open_nursery() as nursery,
        ):
            await nursery.start(_heed_signals, runtime, options.voice.say, cut)
            if options.templates is not None:
                await nursery.start(follow_templates, runtime, options.templates, options.voice)
            settle_heap()
            options.voice.say(f"listening on http://{address}")
            with log_events(runtime) if options.voice.logs.tells_happenings else nullcontext():
                await _until_told(runtime)
            nursery.cancel_scope.cancel()
    (options.voice.caution if cut.unknown else options.voice.say)(cut.told(kept=options.store is not None))


async def _until_told(runtime: Runtime) -> None:
    """Wait for a signal, and until what runs has ended; a second one ends it at once. Tasks can be read meanwhile."""
    await runtime.wait_draining()
    await runtime.drained()


class _Cut:
    """What the end of a server has cut: so many steps that `go_on`, and the tasks of those that nobody knows the end of."""

    def __init__(self) -> None:
        self.go_on = 0
        self.unknown: list[str] = []

    def note(self, event: Event) -> None:
        match event:
            case StepStateChanged(state=StepState.TO_RETRY):
                self.go_on += 1
            case StepStateChanged(state=StepState.CRASHED):
                self.unknown.append(event.task_id)

    def told(self, *, kept: bool) -> str:
        """Say it to whoever ended the server, and has to know what to look at."""
        steps = self.go_on + len(self.unknown)
        if not steps:
            return "stopped; no step was cut"
        text = f"stopped; {'1 step was' if steps == 1 else f'{steps} steps were'} cut"
        if not kept:
            return f"{text}, and what was not over is gone: there was no --store"
        if self.go_on:
            text += f"; {self.go_on} will go on where the store is open"
        if self.unknown:
            named = sorted(set(self.unknown))
            more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
            text += f"; not idempotent, so look how far they got, then run or cancel: {', '.join(named[:_NAMED])}{more}"
        return text


async def _heed_signals(
    runtime: Runtime,
    say: Callable[[str], None],
    cut: _Cut,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals, ExitStack() as listening:
        task_status.started()
        again = False
        async for received in signals:
            name = signal.Signals(received).name
            say(f"{name}: {'stopping at once' if again else 'draining; again to stop at once'}")
            if not again:
                listening.enter_context(runtime.telling(cut.note))
            runtime.shutdown(name, requester="user", grace_seconds=0 if again else None)
            again = True


def _policies(path: Path) -> Sequence[Policy]:
    from runtime.policies.files import load_policies  # noqa: PLC0415 - its libraries are an extra

    return load_policies(path)
