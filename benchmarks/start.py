"""Group `start`: W12, from the start of a process to the end of its first task, as its parent sees it.

The limit is a process that imports trio and runs one task of its own in it. Files are warm: the first start of each
side is not counted. DBOS makes its SQLite database meanwhile, as ours does for `durable_first_ms`.
"""

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.figures import Figure, Metric, Peer, Workload, figures
from benchmarks.harness import Measures, perf_counter, python
from benchmarks.products import BURR, DBOS, LANGGRAPH, PYDANTIC_GRAPH

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
    for metric, ours, products in (
        ("first_ms", "ours", (PYDANTIC_GRAPH, BURR, LANGGRAPH)),
        ("durable_first_ms", "durable", (DBOS,)),
    ):
        peers = {name: _timed(metric, peer) for one in products for name, peer in one.doing("first").items()}
        workload = Workload(
            name="W12",
            ours=f"benchmarks.start:{ours}",
            limit="benchmarks.start:raw",
            metrics=(Metric(name=metric, limit_name="import trio and run it"),),
            peers=peers,
        )
        yield from figures(workload, ROUNDS[scale])


def _timed(metric: str, peer: Peer) -> Peer:
    """Have a peer's program, which measures nothing itself, started twice, and count the second."""

    def measure(arguments: Mapping[str, float], seconds: float) -> Measures:
        peer.measure(arguments, seconds)
        began = perf_counter()
        peer.measure(arguments, seconds)
        return {metric: (perf_counter() - began) * 1e3}

    return Peer(measure=measure)


def raw() -> dict[str, float]:
    """Start trio."""
    milliseconds = _milliseconds(_RAW, "raw")
    return {"first_ms": milliseconds, "durable_first_ms": milliseconds}


def ours() -> dict[str, float]:
    """Run a task in memory."""
    return {"first_ms": _milliseconds(_OURS, "program")}


def durable() -> dict[str, float]:
    """Run a task in a new store."""
    with TemporaryDirectory() as folder:
        stores = [str(Path(folder) / name) for name in ("first.db", "second.db")]
        return {"durable_first_ms": _milliseconds(_OURS, "program", *stores)}


def _milliseconds(program: str, role: str, *stores: str) -> float:
    """Start it twice and count the second."""
    milliseconds = 0.0
    for number in range(2):
        command = [*python(role), "-c", program, *stores[number : number + 1]]
        began = perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "done\n"
            milliseconds = (perf_counter() - began) * 1e3
    return milliseconds
