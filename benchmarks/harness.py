"""Sides, rounds and figures: what every group of benchmarks shares.

A *side* is a function in a module, named `module:function`, that does one
workload once and returns its measures by name. It runs in a fresh process. A
*workload* is the sides to compare, the measures to make figures of, and the other
products (peers) that are measured in the same rounds.
"""

import gc
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TypeAlias

import attrs

perf_counter = time.perf_counter  # noqa: TID251 - a benchmark is about real time

Measures: TypeAlias = Mapping[str, float]

Peer: TypeAlias = Callable[[Mapping[str, float]], Measures]
"""Does a workload once with another product, in a process of its own, from the arguments of the workload."""


@attrs.frozen(kw_only=True)
class Options:
    """What whoever runs the benchmarks asked for, beside the groups and the scale.

    `peers`: the names of those to measure, None for all there are. `profiles`: the folder for a profile of our side of
    every workload, None for none.
    """

    peers: frozenset[str] | None = None
    profiles: Path | None = None

    def wants(self, peer: str) -> bool:
        """Say whether a peer is to be measured."""
        return self.peers is None or peer in self.peers


OPTIONS: ContextVar[Options] = ContextVar("options", default=Options())  # noqa: B039 - it is frozen


@attrs.frozen(kw_only=True)
class Figure:
    """One line of the output.

    `size` tells figures of one metric apart that were taken at several sizes. `distribution` holds what a side measured
    at each whole percentile, of the last round, where it has one.
    """

    workload: str
    metric: str
    value: float
    limit: float
    ratio: float
    limit_name: str
    n: int
    spread: tuple[float, float]
    peers: Mapping[str, float] = attrs.field(factory=dict)
    size: int | None = None
    distribution: tuple[float, ...] | None = None

    @property
    def name(self) -> str:
        return self.metric if self.size is None else f"{self.metric} ({self.size})"

    def line(self) -> str:
        """Write it for a reader."""
        low, high = self.spread
        text = (
            f"{self.workload:4} {self.name:20} {self.value:12.4g}   limit {self.limit:12.4g}   ratio {self.ratio:8.3f}"
            f"   [{low:.4g} .. {high:.4g}] n={self.n}   {self.limit_name}"
        )
        return text + "".join(f"   {name} {value:.4g}" for name, value in self.peers.items())


@attrs.frozen(kw_only=True)
class Metric:
    """A measure of the first side, set against the same measure of the second."""

    name: str
    limit_name: str


@attrs.frozen(kw_only=True)
class Workload:
    """Ours against the limit, with the arguments both sides get."""

    name: str
    ours: str
    limit: str
    metrics: tuple[Metric, ...]
    arguments: Mapping[str, float]
    peers: Mapping[str, Peer] = attrs.field(factory=dict)


def figures(workload: Workload, rounds: int) -> Iterator[Figure]:
    """Run every side once a round, in turn, and make the figures."""
    ours, limit = [], []
    wanted = {name: peer for name, peer in workload.peers.items() if OPTIONS.get().wants(name)}
    peers: dict[str, list[Measures]] = {name: [] for name in wanted}
    for _ in range(rounds):
        ours.append(run_side(workload.ours, workload.arguments))
        limit.append(run_side(workload.limit, workload.arguments))
        for name, peer in wanted.items():
            peers[name].append(peer(workload.arguments))
    profile(workload.ours, workload.arguments)
    for metric in workload.metrics:
        yield attrs.evolve(
            figure(
                workload.name,
                metric,
                [measures[metric.name] for measures in ours],
                [measures[metric.name] for measures in limit],
            ),
            peers={
                name: statistics.median(measures[metric.name] for measures in measured)
                for name, measured in peers.items()
                if metric.name in measured[0]
            },
            distribution=tuple(ours[-1].get(f"{metric.name}@{share}", 0.0) for share in range(101))
            if f"{metric.name}@0" in ours[-1]
            else None,
        )


def figure(workload: str, metric: Metric, values: Sequence[float], limits: Sequence[float]) -> Figure:
    """Make the figure of a measure and its limit, each taken once a round."""
    return Figure(
        workload=workload,
        metric=metric.name,
        value=statistics.median(values),
        limit=statistics.median(limits),
        ratio=statistics.median(value / (base or 1e-9) for value, base in zip(values, limits, strict=True)),
        limit_name=metric.limit_name,
        n=len(values),
        spread=(min(values), max(values)),
    )


def run_side(side: str, arguments: Mapping[str, float]) -> Measures:
    """Run one side in a fresh process and give what it measured."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.harness", side, json.dumps(dict(arguments))],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    measures: Measures = json.loads(done.stdout)
    return measures


def profile(side: str, arguments: Mapping[str, float]) -> None:
    """Write a profile of one more run of a side, if that is asked for: an HTML file, with a flame graph in it."""
    folder = OPTIONS.get().profiles
    if folder is None:
        return
    name = "-".join([side.rpartition(".")[2].replace(":", "-"), *(f"{value:g}" for value in arguments.values())])
    command = [sys.executable, "-m", "pyinstrument", "--renderer", "html", "--outfile", str(folder / f"{name}.html")]
    command += ["-m", "benchmarks.harness", side, json.dumps(dict(arguments))]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def resident_bytes() -> int:
    """How much memory this process holds now, after a collection."""
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - a kernel file, read once
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def distribution(metric: str, values: Iterable[float]) -> dict[str, float]:
    """Give what was measured at each whole percentile, as measures that `figures` knows to belong to a metric."""
    ordered = sorted(values)
    return {f"{metric}@{share}": ordered[min(len(ordered) - 1, share * len(ordered) // 100)] for share in range(101)}


def percentile(values: Iterable[float], share: float) -> float:
    """Give the value below which this share of all values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _main() -> None:
    module, _, function = sys.argv[1].partition(":")
    measures = getattr(importlib.import_module(module), function)(**json.loads(sys.argv[2]))
    print(json.dumps(measures))


if __name__ == "__main__":
    _main()
