"""Group `durable`: W9, W10 and W13 on an SQLite store, beside SQLite with nothing above it, and DBOS on SQLite.

`sealed_*` is W9 with encryption, against W9 without.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import attrs

from benchmarks.harness import Figure, Measures, Metric, Peer, Workload, figures

ROUNDS: Final = {"small": 2, "full": 5}
CHAINS: Final = {
    "small": {"tasks": 60, "steps": 10, "at_once": 50},
    "full": {"tasks": 200, "steps": 10, "at_once": 50},
}
SLEEPERS: Final = {
    "small": {"tasks": 10_000, "waking": 1_000, "first_seconds": 0.5, "last_seconds": 4.5},
    "full": {"tasks": 10_000, "waking": 10_000, "first_seconds": 3.0, "last_seconds": 8.0},
}
KILLED: Final = {"small": {"tasks": 50, "steps": 10, "done": 5}, "full": {"tasks": 1_000, "steps": 10, "done": 5}}

DBOS_VERSION: Final = "3.4.0"
ONE_ROW: Final = "SQLite, one row a commit"
CLEAR: Final = "the same in the clear"


def run(scale: str) -> Iterator[Figure]:
    """Yield every figure of the group."""
    dbos = _dbos()
    for workload in workloads(scale):
        peer = {"W9": "chains", "W13": "killed"}.get(workload.name)
        peers: dict[str, Peer] = {}
        if dbos is not None and peer is not None and not workload.ours.endswith("sealed_chains"):
            peers = {"dbos": _peer(dbos, peer)}
        yield from figures(attrs.evolve(workload, peers=peers), ROUNDS[scale])


def workloads(scale: str) -> tuple[Workload, ...]:
    """Give the workloads at this scale."""
    rows = "reading and writing the rows"
    return (
        _workload("W9", "durable_ours:chains", "durable_raw:commits", CHAINS[scale], {
            "sequential_steps_s": ONE_ROW, "concurrent_steps_s": ONE_ROW,
        }),
        _workload("W9", "durable_ours:sealed_chains", "durable_ours:clear_chains", CHAINS[scale], {
            "sealed_sequential": CLEAR, "sealed_concurrent": CLEAR,
        }),
        _workload("W10", "durable_sleepers:sleepers", "durable_raw:sleeping_rows", SLEEPERS[scale], {
            "bytes_per_task": "the rows of SQLite in memory", "late_p99_ms": "to read a row",
        }),
        _workload("W13", "durable_kills:killed", "durable_raw:rows_again", KILLED[scale], {
            "first_ms": rows, "all_ms": rows,
        }),
    )  # fmt: skip


def _workload(name: str, ours: str, limit: str, arguments: Mapping[str, float], limits: Mapping[str, str]) -> Workload:
    metrics = tuple(Metric(name=metric, limit_name=limit_name) for metric, limit_name in limits.items())
    return Workload(
        name=name, ours=f"benchmarks.{ours}", limit=f"benchmarks.{limit}", metrics=metrics, arguments=arguments
    )


def _dbos() -> Path | None:
    """Give the Python of an environment with DBOS, made where there is none yet; None when it cannot be had."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "understudy-benchmarks" / f"dbos-{DBOS_VERSION}"
    python = folder / "bin" / "python"
    try:
        if not (folder / "complete").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            install = [str(python), "-m", "pip", "install", "--quiet", f"dbos=={DBOS_VERSION}"]
            subprocess.run(install, check=True, timeout=300, stdout=sys.stderr)
            (folder / "complete").touch()
    except (OSError, subprocess.SubprocessError) as fault:
        print(f"dbos is missing from the peers: {fault}", file=sys.stderr)
        return None
    return python


def _peer(python: Path, what: str) -> Peer:
    script = Path(__file__).with_name("durable_dbos.py")

    def run(arguments: Mapping[str, float]) -> Measures:
        command = [str(python), str(script), what, json.dumps(dict(arguments))]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        measures: Measures = json.loads(done.stdout.splitlines()[-1])
        return measures

    return run
