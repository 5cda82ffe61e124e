"""W10 on a store: tasks that wait for a retry, and when they go on."""

import os
from pathlib import Path
from time import time  # noqa: TID251 - lateness is about the calendar

import trio

from benchmarks.durable_ours import chain, empty_folder
from benchmarks.harness import lateness, resident_bytes, run_side
from runtime import Action, ResolutionState, Template, open_runtime
from runtime.api.callables import name_callables
from runtime.engine.records import Record, RunEnded, RunStarted, StepReturned, StepStarted, TaskResolved, TaskSubmitted
from runtime.functions import Functions
from runtime.journal.opening import open_journal
from runtime.journal.protocol import Entry, Journal, Standing

_STORE = "UNDERSTUDY_BENCH_STORE"
_OPENING_SECONDS = 1.0
_PROBE = 500
_DAY = 86_400.0

_woken: list[float] = []
_expected = 0
_all_woken = trio.Event()


async def wake() -> None:
    """Say when."""
    _woken.append(time())
    if len(_woken) == _expected:
        _all_woken.set()


def sleepers(tasks: int, waking: int, first_seconds: float, last_seconds: float) -> dict[str, float]:
    """Tasks stored by another process; the runtime is opened before the first of the `waking` ones is due."""

    global _expected  # noqa: PLW0603 - what the steps of this process wait for
    _expected = waking

    async def main(folder: Path) -> tuple[int, list[float]]:
        async with open_runtime(folder / "empty.db") as rt:
            await (await rt.submit(chain(1, Action.calling(wake)))).wait()
        _woken.clear()
        os.environ[_STORE] = str(folder / "tasks.db")
        arguments = {"tasks": tasks, "waking": waking, "first": first_seconds, "last": last_seconds}
        due = run_side("benchmarks.durable_sleepers:store", arguments)
        before = resident_bytes()
        async with open_runtime(folder / "tasks.db") as rt:
            await trio.sleep(0.1)
            grown = resident_bytes() - before
            await _all_woken.wait()
        asked = _due(waking, due["first"], due["last"])
        return grown, [woken - at for woken, at in zip(sorted(_woken), asked, strict=True)]

    with empty_folder() as folder:
        grown, late = trio.run(main, folder)
    return {"bytes_per_task": grown / tasks, **lateness(late)}


def _due(waking: int, first: float, last: float) -> list[float]:
    return [first + (last - first) * number / waking for number in range(waking)]


def store(tasks: int, waking: int, first: float, last: float) -> dict[str, float]:
    """Store the tasks, as a runtime would have that tried each once; those that are not `waking` are due in a day.

    The first is due `first` seconds after a runtime has had the time to open the store.
    """
    template = name_callables(chain(1, Action.calling(wake)), Functions())

    async def main() -> dict[str, float]:
        journal = await open_journal(os.environ[_STORE])
        began = time()
        await _append(journal, template, 0, [began + _DAY] * _PROBE)
        seconds_each = (time() - began) / _PROBE
        start = time() + 2 * tasks * seconds_each + _OPENING_SECONDS
        times = _due(waking, start + first, start + last) + [began + _DAY] * (tasks - waking - _PROBE)
        await _append(journal, template, _PROBE, times)
        await journal.close()
        return {"first": start + first, "last": start + last}

    return trio.run(main)


async def _append(journal: Journal, template: Template, number: int, times: list[float]) -> None:
    entries = [_asleep(f"t{number + index}", template, due) for index, due in enumerate(times)]
    for start in range(0, len(entries), 500):
        await journal.append(entries[start : start + 500])


def _asleep(task_id: str, template: Template, due: float) -> Entry:
    records: list[Record] = [
        TaskSubmitted(at=0.0, task_id=task_id, template=template, title="chain", inputs={}),
        TaskResolved(at=0.0, resolution_id=task_id),
        RunStarted(at=0.0),
        StepStarted(at=0.0, step="step0", attempt=1),
        StepReturned(at=0.0, step="step0", state="SERVER_ERROR", returned="SERVER_ERROR", error="not yet"),
        RunEnded(at=0.0, state=ResolutionState.ERROR, next_retry=due),
    ]
    return Entry(task_id, records, Standing(ResolutionState.ERROR, due=due, run=1))
