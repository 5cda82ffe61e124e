"""The workloads of group `durable`, done by the runtime with an SQLite store, FULL."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trio

from runtime import Action, Step, Template, open_runtime
from runtime.journal.keys import add_key
from runtime.runner import StepRequest
from runtime.testing import load


@contextmanager
def empty_folder() -> Iterator[Path]:
    """Give a folder for a while."""
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        yield Path(folder)


async def work(request: StepRequest[object]) -> dict[str, str]:
    """Give about 100 bytes."""
    return {"task": request.task_id, "step": request.step, "text": "x" * 20}


def chain(steps: int, action: Action | None = None) -> Template:
    """A chain: the result of a step has to be stored before the next one starts."""
    names = [f"step{number}" for number in range(steps)]
    act = action or Action.calling(work)
    return Template(
        name="chain",
        steps={
            name: Step(action=act, dependencies=[before] if before else [], idempotent=True)
            for before, name in zip(["", *names[:-1]], names, strict=True)
        },
    )


def chains(tasks: int, steps: int, at_once: int) -> dict[str, float]:
    """One task after the other; and so many at a time."""
    return {
        "sequential_steps_s": _steps_s(tasks, steps, 1, sealed=False),
        "concurrent_steps_s": _steps_s(tasks, steps, at_once, sealed=False),
    }


def sealed_chains(tasks: int, steps: int, at_once: int) -> dict[str, float]:
    """The same, encrypted."""
    return {
        "sealed_sequential_steps_s": _steps_s(tasks, steps, 1, sealed=True),
        "sealed_concurrent_steps_s": _steps_s(tasks, steps, at_once, sealed=True),
    }


def clear_chains(tasks: int, steps: int, at_once: int) -> dict[str, float]:
    """The limit of that: in the clear."""
    return {f"sealed_{name}": rate for name, rate in chains(tasks, steps, at_once).items()}


def _steps_s(tasks: int, steps: int, at_once: int, *, sealed: bool) -> float:
    async def main(folder: Path) -> float:
        keys = folder / "keys.json" if sealed else None
        if keys is not None:
            add_key(keys, "first")
        async with open_runtime(folder / "tasks.db", keys=keys) as rt:
            report = await load(rt, chain(steps), tasks=tasks, concurrency=at_once, warm_up=1)
            assert report.done == tasks, report
            return report.per_second * steps

    with empty_folder() as folder:
        return trio.run(main, folder)
