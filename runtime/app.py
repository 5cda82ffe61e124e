"""`open_runtime`: makes the parts of a runtime of what it is told; the only module that knows every part."""

import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import trio

from actors import Clock, ShutdownContext, SystemClock, Timers
from runtime.api.callables import recall_callables
from runtime.api.client import Runtime
from runtime.cache import Cache
from runtime.configuration import HOST_ITEM, host_settings
from runtime.destinations import EVERYWHERE, Destinations
from runtime.engine.rights import Administrators
from runtime.errors import Refused
from runtime.faults import Faults
from runtime.flows import Flows
from runtime.functions import Functions
from runtime.journal.protocol import KEYS_VARIABLE, Journal
from runtime.journal.shared import SharedJournal
from runtime.logs.lines import log
from runtime.messenger import ANYBODY, NOBODY
from runtime.runner import AnyRunner, Runners, RunnerSettings
from runtime.settings import check_settings
from runtime.templates.actions import ActionTypes
from runtime.templates.catalogue import Templates, TemplateSources, load_templates
from runtime.templates.functions import FunctionSources, load_functions
from runtime.threads import BRIEF
from runtime.values.evaluator import Evaluator
from runtime.values.json import Json
from runtime.values.snapshot import DEFAULT_REGION
from runtime.work.broadcast import Broadcast
from runtime.work.claims import Sole
from runtime.work.config import Host, shown_config, unknown_settings
from runtime.work.flows.door import OpenDoor
from runtime.work.holdups import telling_of_holdups
from runtime.work.limits import Limits, limits_of
from runtime.work.plans import Plans
from runtime.work.program import Programs
from runtime.work.resources import Everywhere, Resources
from runtime.work.schema import Schemas
from runtime.work.slots import Slots
from runtime.work.tree import Tree
from runtime.work.trial import Tools
from runtime.work.unit import RECORDING_SECONDS, Services
from runtime.work.wakeups import Agenda

if TYPE_CHECKING:
    from runtime.notifications.settings import Notifications
    from runtime.notifications.setup import Telling
    from runtime.work.sharing import Sharing

_CLOSING_SECONDS: Final = 30.0
"""How long runners get to be closed, and then the journal: what was handed to it is stored, and its file let go of."""


def _inherited() -> dict[str, str]:
    """Give the variables of this process, but for the keys of its store: a step that prints its own would have them kept."""
    return {name: text for name, text in os.environ.items() if name != KEYS_VARIABLE}


async def _journal(store: str | PathLike[str] | None, keys: str | PathLike[str] | None) -> Journal:
    """Open a store; without one, records are kept in memory."""
    if store is None:
        from runtime.journal.memory import MemoryJournal  # noqa: PLC0415 - one or the other

        return MemoryJournal()
    from runtime.journal.opening import open_journal  # noqa: PLC0415 - as above

    return await open_journal(store, keys)


def _sharing(
    journal: Journal, tree: Tree, *, broadcast: Broadcast, timers: Timers, agenda: Agenda, shutdown: ShutdownContext
) -> "Sharing | None":
    """Give what it takes to share a journal with other instances; None where this one has it to itself."""
    if not isinstance(journal, SharedJournal):
        return None
    from runtime.work.sharing import Sharing  # noqa: PLC0415 - what only some need

    return Sharing(journal, tree, broadcast=broadcast, timers=timers, agenda=agenda, shutdown=shutdown)


def _resources(limits: Limits, journal: Journal, tree: Tree, shutdown: ShutdownContext) -> Resources | None:
    """Give what steps ask for limited resources; None where nothing is limited."""
    if not limits.pools:
        return None
    everywhere = Everywhere(journal, shutdown) if limits.everywhere and isinstance(journal, SharedJournal) else None
    return Resources(limits, tree.resources, everywhere)


def _check_flows(kit: Flows, types: ActionTypes) -> None:
    if kit.documents:
        from runtime.api.flow_checks import check_documents  # noqa: PLC0415 - many runtimes never see a flow

        check_documents(kit.documents, types, kit.plan_readers)


def _check_loop() -> None:
    if not trio.lowlevel.in_trio_task():
        raise Refused(
            "a runtime is opened in a task of trio: in an asyncio program use runtime.hosts.aio.open_runtime, in one "
            "without a loop runtime.hosts.sync.open_runtime, with anyio anyio.run(main, backend='trio')"
        )


def _telling(
    notifications: "Notifications | Mapping[str, Json] | None", config: Mapping[str, str], tree: Tree
) -> "Telling | None":
    if notifications is None and HOST_ITEM not in config:
        return None
    from runtime.notifications.setup import set_up  # noqa: PLC0415 - most runtimes notify nobody

    return set_up(notifications, config, tree.root)


def _load(sources: TemplateSources, types: ActionTypes, catalogue: Templates, evaluator: Evaluator) -> None:
    """Load templates, and what renders them: the first of their tasks would hold everybody up for it otherwise."""
    load_templates(sources, types, catalogue)
    evaluator.load()


@asynccontextmanager
async def open_runtime(
    store: str | PathLike[str] | None = None,
    *,
    keys: str | PathLike[str] | None = None,
    runners: Iterable[AnyRunner | type[AnyRunner]] = (),
    scripts: str | Path = "scripts",
    functions: FunctionSources = (),
    templates: TemplateSources = (),
    administrators: Administrators | None = None,
    callables: Iterable[Callable[..., Any]] = (),
    config: Mapping[str, str] | None = None,
    region: str = DEFAULT_REGION,
    limits: Limits | None = None,
    notifications: "Notifications | Mapping[str, Json] | None" = None,
    destinations: Destinations = EVERYWHERE,
    environment: Mapping[str, str] | None = None,
    grace_seconds: float = 3.0,
    answer_within_seconds: float = 30.0,
    keep_ended_seconds: float | None = None,
    journal: Journal | None = None,
    clock: Clock | None = None,
    faults: Faults | None = None,
    stand_in: Callable[[AnyRunner], AnyRunner] | None = None,
    flows: Flows | None = None,
    maintenance: bool = False,
) -> AsyncIterator[Runtime]:
    """Run a runtime for as long as the block lasts.

    Leaving the block shuts it down: no new work, running steps get `grace_seconds` to finish and are cut then, each
    with who asked and why in its record. An exception that leaves the block, a cancel included, cuts them at once.
    A step that shields itself (``trio.CancelScope(shield=True)``) holds the block up for as long: from a second after the
    hard deadline on it is named in the log, again and again (``shutdown_held_up``: task, step, and where in its code it is).

    With a `store`, what was acknowledged survives the process: a task that was submitted goes on when the store is
    opened again, steps marked idempotent run again where they were cut, and a task of which another step may have run
    waits for somebody to look (it is BLOCKED). Without one, tasks last as long as the block.

    The garbage collector is left as it is. Full collections stop a program for some 50 ms with what is imported here: one
    that runs for long, and wants its tasks on time, calls `runtime.heap.settle_heap` once it has started, as a server does.

    Args:
        store: the file that tasks are kept in: ``sqlite:///tasks.db``, or its path. It is made if there is none, and
            belongs to one runtime at a time. ``?synchronous=normal`` commits faster, and may lose the last commits, but
            nothing else, when the power fails. Or a PostgreSQL database, ``postgresql://host/database``, which any number
            of runtimes share: each task is run by one of them, any can be asked about it, and what one leaves behind goes
            on elsewhere, at once or once its lease is over (``?lease=10``, seconds).
        keys: the file of the key ring that what is stored is sealed with; without it, the environment is looked at
            (``UNDERSTUDY_KEYS_FILE``, ``UNDERSTUDY_KEYS``), and without that nothing is sealed.
        runners: more runners than those found through entry points, or in their place: classes, or objects with settings
            of their own.
        scripts: the folder that script steps may run files from.
        functions: the function files that steps may call: a folder, searched at every depth, or several paths.
        templates: the template files that tasks, subtasks above all, can be made from by name: a folder, or several
            paths. More can be put later (`Runtime.register`).
        administrators: who may do everything, where users are told apart; without, every request is the host's own.
        callables: functions of this program that templates may call by name (``module:qualname``). Those of templates
            built in Python are known by themselves, and stored tasks find those of loaded modules.
        config: configuration items by name, as texts, for the runners that look for credentials there, and for templates
            (`.config`), but for those that `runtime.work.config` conceals.
        region: where this runtime is; templates see it (``.task.region``).
        notifications: whom to tell what becomes of tasks (`runtime.notifications`): settings, or a mapping as
            ``utask-cfg`` has it; without, what the configuration item of that name says.
        destinations: where steps may connect to; `runtime.destinations.CAUTIOUS` for tasks of others.
        environment: the variables that processes of steps inherit, in place of those of this process, which may hold
            secrets (but for ``UNDERSTUDY_KEYS``, which they never do).
        limits: how many steps may hold each resource, and how many runs may go on, at once, and how large results may
            be; without, what ``utask-cfg`` says, and otherwise nothing is limited but the size of results.
        grace_seconds: what running steps get to finish when the runtime is shut down.
        answer_within_seconds: how long a call waits for the runtime's answer before it raises `Unavailable`.
        keep_ended_seconds: how long tasks are kept once they are DONE or CANCELLED; without, what ``utask-cfg`` says, or 30 days.
        journal: another place to keep records in, instead of a store; it is closed with the runtime.
        clock: where times come from; tests give a virtual one.
        maintenance: only read, and let nothing go on by itself: for work on the store, such as other keys
            (`Runtime.rotate_keys`). Whatever would change a task is refused with `UnderMaintenance`.
        flows: generators, policies and more that the program brings along for flows (`runtime.flows`).
        faults: what happens at the moments where a crash would make a difference; for tests.
        stand_in: gives what is asked in place of each runner; for tests, as `runtime.testing.rehearse` does it. Nobody is
            notified then.

    Raises:
        Refused: this is no task of trio; the text says what to use instead.
        SettingInvalid: arguments are of another kind; each is named, and nothing was started.
        ConfigurationInvalid, ValueError: ``utask-cfg`` or the notifications cannot be used; nothing was started.
        FunctionInvalid, TemplateInvalid, FlowInvalid: a file or a flow cannot be used; nothing was started.
        StoreUnusable: the store cannot be used; the text says why and what to do.
    """
    _check_loop()
    check_settings(
        store=store,
        keys=keys,
        runners=runners,
        scripts=scripts,
        functions=functions,
        templates=templates,
        administrators=administrators,
        callables=callables,
        config=config,
        region=region,
        limits=limits,
        destinations=destinations,
        environment=environment,
        grace_seconds=grace_seconds,
        answer_within_seconds=answer_within_seconds,
        keep_ended_seconds=keep_ended_seconds,
        journal=journal,
        clock=clock,
        faults=faults,
        stand_in=stand_in,
        flows=flows,
        maintenance=maintenance,
    )
    config = dict(config or {})
    host = host_settings(Host, config)
    for unknown in unknown_settings(config):
        meant = {"hint": unknown.hint} if unknown.hint else {}
        log("understudy.settings").warning("setting_unknown", setting=unknown.path, **meant)
    keep_seconds = host.completed_task_expiration if keep_ended_seconds is None else keep_ended_seconds
    limits = limits or limits_of(config)
    clock = clock or SystemClock()
    shutdown = ShutdownContext(grace_seconds=grace_seconds + RECORDING_SECONDS)
    kit = flows or Flows()
    known_callables = Functions(callables)
    tree = Tree()
    telling = None if stand_in else _telling(notifications, config, tree)
    notices = telling.notices if telling else None
    broadcast = Broadcast(notices.note if notices else None)
    catalogue = Templates()
    settings = RunnerSettings(
        scripts=Path(scripts),
        functions=known_callables,
        config=config,
        destinations=destinations,
        cache=Cache(lambda: services.journal, clock.wall),
        templates=catalogue,
        messenger=notices or (ANYBODY if stand_in else NOBODY),
        flows=OpenDoor(flows=kit, front=tree.intake, clock=clock),
        environment=_inherited() if environment is None else dict(environment),
    )
    known = Runners(runners, settings, stand_in)
    library = load_functions((), known) if not functions else await BRIEF.run(load_functions, functions, known)
    _check_flows(kit, library.types)
    evaluator = Evaluator(now=lambda: datetime.fromtimestamp(clock.wall(), UTC), region=region)
    if templates:
        await BRIEF.run(_load, templates, library.types, catalogue, evaluator)
    journal = journal or await _journal(store, keys)
    timers = Timers(clock, shutdown=shutdown)
    agenda = Agenda(timers)
    sharing = _sharing(journal, tree, broadcast=broadcast, timers=timers, agenda=agenda, shutdown=shutdown)
    services = Services(
        journal=journal,
        claims=sharing.claims if sharing else Sole(journal),
        tools=Tools(
            evaluator=evaluator,
            runners=known,
            programs=Programs(known),
            clock=clock,
            schemas=Schemas(),
            tell=broadcast.tell,
            resources=_resources(limits, journal, tree, shutdown),
            templates=catalogue,
            administrators=administrators,
            sure=sharing.sure if sharing else None,
            result_size=limits.result_size,
        ),
        timers=timers,
        agenda=agenda,
        plans=Plans(
            partial(recall_callables, functions=known_callables),
            shown_config(config, host.concealed_secrets),
            region,
            limits,
        ),
        broadcast=broadcast,
        faults=faults,
        shutdown=shutdown,
        front=tree.intake,
        flows=kit,
        post=sharing.post if sharing else None,
        slots=Slots(limits, tree.resources) if limits.pools else None,
    )
    try:
        async with (
            telling_of_holdups(shutdown, services.tools),
            tree.standing(
                services,
                limits,
                clock,
                sharing=sharing,
                notifier=telling.spec if telling else None,
                keep_seconds=keep_seconds,
                maintenance=maintenance,
            ),
        ):
            yield Runtime(
                services,
                tree,
                library=library,
                callables=known_callables,
                notices=notices,
                answer_within_seconds=answer_within_seconds,
                maintenance=maintenance,
            )
    finally:
        evaluator.close()
        broadcast.close()
        for close in (known.close, journal.close):
            with trio.CancelScope(shield=True, deadline=clock.monotonic() + _CLOSING_SECONDS):
                await close()
