"""`open_runtime`: builds the supervision tree; the only module that knows every part.

::

    understudy          rest_for_one: what follows a part depends on it, and is restarted with it
    ├── timers          one heap of due times
    ├── resources       who holds what of the limited resources; not there where nothing is limited
    ├── tasks           dynamic: one actor per task in memory; its steps are its children
    ├── intake          the front door
    └── wake-ups        brings back tasks that are due, or that were left running

Stopped in reverse: the door first, then the tasks (their steps get the grace to finish), timers, and the journal last.
"""

import math
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import trio

from actors import (
    ChildSpec,
    Clock,
    Restart,
    ShutdownContext,
    Strategy,
    Supervisor,
    SystemClock,
    Timers,
    infrastructure,
    nested,
    open_supervisor,
)
from runtime.api.client import Runtime
from runtime.destinations import EVERYWHERE, Destinations
from runtime.functions import Functions
from runtime.journal.memory import MemoryJournal
from runtime.journal.protocol import Journal
from runtime.runner import AnyRunner, Runners, RunnerSettings
from runtime.templates.functions import FunctionSources, load_functions
from runtime.values.evaluator import Evaluator
from runtime.work.broadcast import Broadcast
from runtime.work.intake import Intake
from runtime.work.pools import Limits
from runtime.work.program import Programs
from runtime.work.resources import CAPACITY, ResourceKeeper, Resources
from runtime.work.schema import Schemas
from runtime.work.task import RECORDING_SECONDS, Services
from runtime.work.trial import Tools
from runtime.work.wakeups import Agenda, WakeUps

_INTAKE_CAPACITY: Final = 10_000
"""How many messages may wait at the front door before it refuses."""

_RESOURCES: Final = "resources"
_TASKS: Final = "tasks"
_INTAKE: Final = "intake"


@asynccontextmanager
async def open_runtime(
    *,
    runners: Iterable[AnyRunner] = (),
    scripts: str | Path = "scripts",
    functions: FunctionSources = (),
    config: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    destinations: Destinations = EVERYWHERE,
    grace_seconds: float = 3.0,
    answer_within_seconds: float = 30.0,
    journal: Journal | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Runtime]:
    """Run a runtime for as long as the block lasts.

    Leaving the block shuts it down: no new work, running steps get `grace_seconds` to finish and are cut then, each
    with who asked and why in its record. An exception that leaves the block, a cancel included, cuts them at once.

    Args:
        runners: more runners than those found through entry points, or in their place.
        scripts: the folder that script steps may run files from.
        functions: the function files that steps may call: a folder, searched at every depth, or several paths.
        config: configuration items by name, as texts, for the runners that look for credentials there.
        destinations: where steps may connect to; `runtime.destinations.CAUTIOUS` for tasks of others.
        limits: how many steps may hold each resource at once; nothing is limited without.
        grace_seconds: what running steps get to finish when the runtime is shut down.
        answer_within_seconds: how long a call waits for the runtime's answer before it raises `Unavailable`.
        journal: where records are kept; it is closed with the runtime. Without one they are kept in memory.
        clock: where times come from; tests give a virtual one.

    Raises:
        FunctionInvalid: a function file cannot be used; nothing was started.
    """
    clock = clock or SystemClock()
    shutdown = ShutdownContext(grace_seconds=grace_seconds + RECORDING_SECONDS)
    callables = Functions()
    known = Runners(
        runners,
        RunnerSettings(
            scripts=Path(scripts), functions=callables, config=dict(config or {}), destinations=destinations
        ),
    )
    read = partial(load_functions, functions, known)
    library = await trio.to_thread.run_sync(read) if functions else read()
    evaluator = Evaluator(now=lambda: datetime.fromtimestamp(clock.wall(), UTC))
    journal = journal or MemoryJournal()
    broadcast = Broadcast()
    timers = Timers(clock, shutdown=shutdown)
    limited = bool(limits and limits.resources)
    root: Supervisor
    resources = Resources(limits, lambda: root.address_of(_RESOURCES)) if limits and limited else None
    agenda = Agenda(timers)
    services = Services(
        journal=journal,
        tools=Tools(evaluator, known, Programs(known), clock, Schemas(), resources),
        timers=timers,
        agenda=agenda,
        broadcast=broadcast,
        shutdown=shutdown,
    )
    try:
        async with open_supervisor(
            "understudy",
            [
                ChildSpec(id="timers", start=infrastructure(timers.run), restart=Restart.PERMANENT, stop_within=0),
                *([_keeper_spec(limits)] if limits and limited else []),
                ChildSpec(id=_TASKS, start=nested(strategy=Strategy.DYNAMIC), restart=Restart.PERMANENT),
            ],
            strategy=Strategy.REST_FOR_ONE,
            shutdown=shutdown,
            clock=clock,
        ) as root:
            root.start_child(
                ChildSpec(
                    id=_INTAKE,
                    start=lambda _incarnation: Intake(services, partial(root.nested, _TASKS)),
                    restart=Restart.PERMANENT,
                    capacity=_INTAKE_CAPACITY,
                    stop_within=math.inf,
                )
            )
            intake = partial(root.address_of, _INTAKE)
            root.start_child(
                ChildSpec(
                    id="wake-ups",
                    start=lambda _incarnation: WakeUps(journal, agenda, intake),
                    restart=Restart.PERMANENT,
                    stop_within=0,
                )
            )
            yield Runtime(
                intake=intake,
                stop_tasks=partial(root.terminate_child, _TASKS),
                broadcast=broadcast,
                types=library.types,
                callables=callables,
                evaluator=evaluator,
                resources=resources,
                clock=clock,
                shutdown=shutdown,
                answer_within_seconds=answer_within_seconds,
            )
    finally:
        evaluator.close()
        broadcast.close()
        with trio.CancelScope(shield=True, deadline=clock.monotonic() + RECORDING_SECONDS):
            await journal.close()


def _keeper_spec(limits: Limits) -> ChildSpec:
    return ChildSpec(
        id=_RESOURCES, start=lambda _incarnation: ResourceKeeper(limits), restart=Restart.PERMANENT, capacity=CAPACITY
    )
