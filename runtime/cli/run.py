"""``understudy run``: one task, from its template to its exit status."""

import math
import signal
from collections.abc import AsyncIterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import msgspec
import trio
from rich.console import Console

from runtime.api.client import Runtime
from runtime.api.codec import to_json
from runtime.api.messages import Event, TaskStateChanged
from runtime.api.views import TaskView
from runtime.cli.interrupts import SOON_SECONDS, Interrupts, run_until_done
from runtime.cli.items import read_items
from runtime.cli.opening import RuntimeOptions
from runtime.cli.progress import progress_for
from runtime.cli.tables import moment
from runtime.engine.states import TaskState
from runtime.errors import Unavailable
from runtime.ids import new_id
from runtime.journal.opening import is_shared
from runtime.logs import log_event
from runtime.templates.inputs import inputs_of_texts
from runtime.templates.model import Template
from runtime.values.json import dumps

_WAITS: Final = 3
"""The exit status of a task that waits for somebody."""

_OUTSIDE: Final = "where callbacks are called, plans answered and tasks taken on"
_HELP: Final = {
    None: "nobody can reach it in memory. Run it with --store FILE, and then understudy serve --store FILE",
    False: "understudy serve, with this --store, goes on with it",
    True: "Ctrl-C leaves it to the servers of its store",
}
"""How a task goes on that waits for somebody: in memory, in a store of one process, in one of several."""


@attrs.frozen(kw_only=True)
class Options(RuntimeOptions):
    """What the command line asked for. `inputs` are ``name=value`` texts."""

    template: Path
    task_id: str | None
    inputs: Sequence[str]
    as_json: bool
    strict: bool


def run_task(options: Options) -> int:
    """Run one task to where nothing more happens by itself, and give the exit status.

    Raises:
        Refused: the functions, the template or the inputs were not taken; nothing was started.
    """
    try:
        return run_until_done(_Run(options).run)
    except KeyboardInterrupt:  # before the task was running, or after
        return 128 + signal.SIGINT


class _Run:
    """One invocation. `_view` is the task as it was last seen."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._view: TaskView | None = None
        self._console = Console()
        self._interrupts = Interrupts(options.grace_seconds, self._say)

    async def run(self) -> int:
        """Run the task, report, and give the exit status."""
        options = self._options
        async with options.open(read_items(options.config)) as runtime:
            prepared = await runtime.prepare(options.template, strict=options.strict)
            options.voice.warn(options.template, prepared.warnings)
            inputs = inputs_of_texts(prepared.template.inputs, options.inputs)
            task_id = new_id() if options.task_id is None else options.task_id
            # One that is missed, as a terminal is slower than ten thousand steps, may be the last, and is waited for.
            async with runtime.subscribe(task_id, capacity=math.inf) as events:
                task = await runtime.submit(prepared, inputs, task_id=task_id)
                self._view = await task.status()  # it may be an old one
                if not self._view.at_rest:
                    await self._follow(runtime, prepared.template, events)
            self._view = await task.status()
        return self._status()

    def _status(self) -> int:
        if self._view is not None:  # it is None when the grace ended before the task could be read
            self._report(self._view)
        if self._interrupts.received is not None:
            return 128 + self._interrupts.received
        if self._view is not None and not self._view.at_rest:
            return _WAITS
        return 0 if self._view is not None and self._view.state is TaskState.DONE else 1

    async def _follow(self, runtime: Runtime, template: Template, events: AsyncIterable[Event]) -> None:
        """Show what happens until nothing more will, or until a shutdown is done."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._interrupts.heed, runtime)
            nursery.start_soon(runtime.drained)  # ends the events, once a shutdown has begun and is done
            waits = self._view is not None and self._view.state is TaskState.WAITING
            if waits:
                nursery.start_soon(self._end_in_vain, runtime)
            descriptions = {name: step.description for name, step in template.steps.items()}
            shown = progress_for(
                self._console, as_json=self._options.as_json, title=template.name, descriptions=descriptions
            )
            with shown as progress:
                async for event in events:
                    progress.show(event)
                    if self._options.voice.logs.tells_happenings:
                        log_event(event)
                    if not isinstance(event, TaskStateChanged):
                        continue
                    if event.state.at_rest:
                        break
                    if event.state is TaskState.WAITING and not waits:
                        waits = True
                        nursery.start_soon(self._end_in_vain, runtime)
            nursery.cancel_scope.cancel()

    async def _end_in_vain(self, runtime: Runtime) -> None:
        """Say so when a task waits for somebody, as nobody can tell it anything here; and end once nothing else happens."""
        store = self._options.store
        shared = None if store is None else is_shared(store)
        with suppress(Unavailable):  # it was interrupted first
            await runtime.settled(within_seconds=SOON_SECONDS)
            due = await runtime.next_due()
            until = "" if due is None else f", or until {moment(due)}"
            self._say(f"it waits until somebody does something{until}: {_HELP[shared]}, {_OUTSIDE}")
            await runtime.settled()
            if not shared:
                runtime.shutdown("nothing more happens by itself")

    def _say(self, text: str) -> None:
        if self._options.voice.as_lines:
            self._options.voice.say(text)
            return
        shares_terminal = self._console.is_terminal and not self._options.as_json
        console = self._console if shares_terminal else Console(stderr=True)  # a live table has to know of the line
        console.print(text, style="yellow", highlight=False, soft_wrap=True)

    def _report(self, view: TaskView) -> None:
        if self._options.as_json:
            print(dumps(to_json(view)))
            return
        ended = "interrupted" if self._interrupts.received is not None and not view.at_rest else str(view.state)
        plain = partial(self._console.print, markup=False, highlight=False, soft_wrap=True)
        plain(f"{view.title}: {ended}" + (f" ({view.resolution})" if str(view.resolution) != ended else ""))
        if view.stop_reason:
            plain(f"  {view.stop_reason}")
        for name, error in view.errors.items():
            plain(f"  {name} {view.steps[name].state}: {error}")
        if view.result_error:
            plain(f"  result: {view.result_error}")
        if view.result:
            plain(msgspec.json.format(dumps(view.result), indent=2))
