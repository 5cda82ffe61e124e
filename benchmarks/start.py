"""Group `start`: W12, from the start of a process to the end of its first task, as its parent sees it.

The limit is a process that imports trio and runs one task of its own in it. Files are warm: the first start of each
side is not counted.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import attrs

from benchmarks.harness import Figure, Metric, Workload, figures, perf_counter

ROUNDS: Final = {"small": 5, "full": 15}

_RAW: Final = """
import trio

async def main():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.lowlevel.checkpoint)
    print("done", flush=True)

trio.run(main)
"""

_OURS: Final = """
import sys

import trio

from runtime import Action, Step, Template, open_runtime

async def main():
    step = Step(action=Action(type="echo", configuration={"output": "hello"}))
    async with open_runtime(*sys.argv[1:]) as rt:
        task = await rt.submit(Template(name="first", steps={"one": step}))
        await task.wait()
        print("done", flush=True)

trio.run(main)
"""


def run(scale: str) -> Iterator[Figure]:
    """Yield every figure of the group."""
    metric = Metric(name="first_ms", limit_name="import trio and run it")
    for name, ours in (("first_ms", "ours"), ("durable_first_ms", "durable")):
        workload = Workload(
            name="W12",
            ours=f"benchmarks.start:{ours}",
            limit="benchmarks.start:raw",
            metrics=(metric,),
            arguments={},
        )
        for figure in figures(workload, ROUNDS[scale]):
            yield attrs.evolve(figure, metric=name)


def raw() -> dict[str, float]:
    """Start trio."""
    return _first_ms(_RAW)


def ours() -> dict[str, float]:
    """Run a task in memory."""
    return _first_ms(_OURS)


def durable() -> dict[str, float]:
    """Run a task in a new store."""
    with TemporaryDirectory() as folder:
        return _first_ms(_OURS, str(Path(folder) / "first.db"), str(Path(folder) / "second.db"))


def _first_ms(program: str, *stores: str) -> dict[str, float]:
    """Start it twice and count the second."""
    milliseconds = 0.0
    for number in range(2):
        began = perf_counter()
        with subprocess.Popen(
            [sys.executable, "-c", program, *stores[number : number + 1]], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "done\n"
            milliseconds = (perf_counter() - began) * 1e3
    return {"first_ms": milliseconds}
