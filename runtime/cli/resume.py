"""``understudy run --store`` without a template: go on with what was left unfinished in a store, and end."""

import signal
from collections import Counter
from collections.abc import AsyncIterable, Mapping
from contextlib import suppress
from typing import Final

import attrs
import trio
from rich.console import Console

from actors import SystemClock
from runtime.api.client import Runtime
from runtime.api.codec import to_json
from runtime.api.flow_messages import FlowStateChanged
from runtime.api.messages import Event, TaskStateChanged
from runtime.cli.interrupts import SOON_SECONDS, Interrupts, run_until_done
from runtime.cli.items import read_items
from runtime.cli.opening import RuntimeOptions
from runtime.cli.progress import Lines
from runtime.cli.tables import moment
from runtime.engine.states import TaskState
from runtime.errors import Unavailable
from runtime.flow.states import FlowStatus
from runtime.journal.opening import existing
from runtime.journal.protocol import StoreUnusable
from runtime.logs import log_event
from runtime.values.json import dumps

_NAMED: Final = 20
"""How many of those that did not end well are named."""

_WELL: Final = frozenset({TaskState.DONE, FlowStatus.SUCCESS})


@attrs.frozen(kw_only=True)
class Resumption(RuntimeOptions):
    """What the command line asked for."""

    store: str
    as_json: bool


def resume_tasks(options: Resumption) -> int:
    """Go on with what is unfinished until nothing more happens by itself; give the exit status.

    Raises:
        Refused: the store, the functions or the templates cannot be used; nothing was started.
    """
    try:
        name = existing(options.store)
    except StoreUnusable as missing:
        raise StoreUnusable(f"{missing}: name a template to begin one") from None
    try:
        return run_until_done(_Resume(options, name).run)
    except KeyboardInterrupt:  # before anything was running, or after
        return 128 + signal.SIGINT


class _Resume:
    """One invocation. `_ends` says what became of each task, and each flow, that went on."""

    def __init__(self, options: Resumption, store: str) -> None:
        self._options = options
        self._store = store
        self._console = Console(stderr=options.as_json)
        self._interrupts = Interrupts(options.grace_seconds, self._say)
        self._ends: dict[str, TaskState | FlowStatus] = {}

    async def run(self) -> int:
        """Resume, report, and give the exit status."""
        options = self._options
        async with options.open(read_items(options.config)) as runtime:
            async with runtime.subscribe(capacity=100_000) as events, trio.open_nursery() as nursery:
                await nursery.start(self._interrupts.heed, runtime)
                nursery.start_soon(runtime.drained)  # ends the events, once a shutdown has begun and is done
                nursery.start_soon(_end_when_settled, runtime)
                await self._say_what_is_due(runtime)
                await self._show(events)
                nursery.cancel_scope.cancel()
            await self._report(runtime)
        if self._interrupts.received is not None:
            return 128 + self._interrupts.received
        return 0 if all(end in _WELL for end in self._ends.values()) else 1

    async def _say_what_is_due(self, runtime: Runtime) -> None:
        due = await runtime.next_due()
        if due is not None and due > SystemClock().wall() + SOON_SECONDS:
            self._say(f"what sleeps is waited for, the first until {moment(due)}; Ctrl-C leaves it for another time")

    async def _show(self, events: AsyncIterable[Event]) -> None:
        lines = None if self._options.as_json else Lines(self._console, named=True)
        async for event in events:
            if isinstance(event, TaskStateChanged):
                self._ends[event.task_id] = event.state
            elif isinstance(event, FlowStateChanged):
                self._ends[event.task_id] = FlowStatus(event.status)
            if lines is not None:
                lines.show(event)
            if self._options.voice.logs.tells_happenings:
                log_event(event)

    async def _report(self, runtime: Runtime) -> None:
        if not self._ends and self._interrupts.received is not None:
            return  # while it waited
        if not self._ends:
            at_rest = Counter[str]()
            for count in await runtime.count():
                at_rest[str(count.state)] += count.tasks
            self._say(f"{self._store}: there is nothing to go on with ({_counted(at_rest) or 'no tasks'})")
            return
        if self._options.as_json:
            for name, end in self._ends.items():
                view = runtime.flow_handle(name).status() if isinstance(end, FlowStatus) else runtime.status(name)
                print(dumps(to_json(await view)))
            return
        went_on = Counter(map(str, self._ends.values()))
        self._say(f"{self._store}: {_some(len(self._ends))} went on: {_counted(went_on)}")
        for task_id, end in [one for one in self._ends.items() if one[1] not in _WELL][:_NAMED]:
            self._say(f"  {task_id}: {end}")

    def _say(self, text: str) -> None:
        if self._options.voice.as_lines:
            self._options.voice.say(text)
            return
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


async def _end_when_settled(runtime: Runtime) -> None:
    with suppress(Unavailable):  # it was interrupted first
        await runtime.settled()
        runtime.shutdown("nothing more happens by itself")


def _some(tasks: int) -> str:
    return "1 task" if tasks == 1 else f"{tasks} tasks"


def _counted(states: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
