"""Naming what holds up the end of a runtime: code of steps that shields itself from its cancel, and does not end.

Nothing can end it from inside the process. What a person needs who finds a program that does not stop is which step of
which task it is, and where in its code it waits: so it is logged (``shutdown_held_up``), again and again, ever more seldom.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from types import FrameType
from typing import Final

import attrs
import trio

from actors import ShutdownContext
from runtime.logs.lines import log
from runtime.work.trial import Attempt, Tools

_PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
"""Seconds from the hard deadline of the shutdown to the first telling, and from each to the next; the last one for ever."""

_NOBODYS: Final = ("trio.", "outcome.", "actors.", "runtime.", "runners.", "contextlib.")
"""Modules in which no code of a program is."""


@attrs.frozen
class Holdup:
    """One trio task that goes on after its cancel. `step` is empty where it is no step's, but a question of a flow."""

    task_id: str
    step: str
    where: str


@asynccontextmanager
async def telling_of_holdups(shutdown: ShutdownContext, tools: Tools) -> AsyncIterator[None]:
    """Log what goes on in the block after the hard deadline of the shutdown, until the block is left."""
    scope = trio.CancelScope()

    async def tell() -> None:
        with scope:
            await _tell(shutdown, tools)

    trio.lowlevel.spawn_system_task(tell, name="shutdown watch")  # which no cancel from outside reaches
    try:
        yield
    finally:
        scope.cancel()


async def _tell(shutdown: ShutdownContext, tools: Tools) -> None:
    await shutdown.wait_draining()
    while (left := shutdown.hard_deadline - trio.current_time()) > 0:  # noqa: ASYNC110 - it may be moved, and tells nobody
        await trio.sleep(min(left, 1.0))
    told = 0
    while True:
        await trio.sleep(_PAUSES[min(told, len(_PAUSES) - 1)])
        told += 1
        with suppress(Exception):  # of the program's way to log: raised here, it would end the whole trio run
            for one in holdups(tools):
                _log(one, round(trio.current_time() - shutdown.hard_deadline))


def _log(one: Holdup, seconds: int) -> None:
    log("understudy.shutdown").error(
        "shutdown_held_up",
        task=one.task_id,
        step=one.step,
        where=one.where,
        seconds=seconds,
        why="it was cancelled and goes on: only its own code, or the end of the process, can end it",
    )


def holdups(tools: Tools) -> list[Holdup]:
    """Find the trio tasks of this run that do work with these tools. It looks into their frames, as a debugger does."""
    root = trio.lowlevel.current_root_task()
    return [] if root is None else [one for task in _below(root) if (one := _holdup(task, tools)) is not None]


def _below(task: trio.lowlevel.Task) -> Iterator[trio.lowlevel.Task]:
    waiting = [task]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += [child for nursery in one.child_nurseries for child in nursery.child_tasks]


def _holdup(task: trio.lowlevel.Task, tools: Tools) -> Holdup | None:
    step: str | None = None
    where: FrameType | None = None
    for frame, _line in task.iter_await_frames():
        for known in frame.f_locals.values():
            if isinstance(known, Attempt) and known.tools is tools:
                step = known.step
            elif known is tools:
                step = step or ""
        if step is not None and not f"{frame.f_globals.get('__name__', '')}.".startswith(_NOBODYS):
            where = frame
    if step is None or where is None:
        return None
    code = where.f_code
    return Holdup(task.name, step, f"{code.co_qualname} ({code.co_filename}:{where.f_lineno})")
