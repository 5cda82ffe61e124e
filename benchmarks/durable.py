"""Group `durable`: W9, W10 and W13 on an SQLite store, beside SQLite with nothing above it, and other products on SQLite.

`sealed_*` is W9 with encryption, against W9 without. Of W13, `first_ms` is until the first task is inside its sixth
step again, `all_started_ms` until all are, `all_ms` until all have ended.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from benchmarks.figures import Figure, Metric, Workload, figures
from benchmarks.products import BURR, DBOS, DBOS_WAL, LANGGRAPH

ROUNDS: Final = {"small": 3, "full": 5}
CHAINS: Final = {
    "small": {"tasks": 50, "steps": 10, "at_once": 50},
    "full": {"tasks": 200, "steps": 10, "at_once": 50},
}
SLEEPERS: Final = {
    "small": {"tasks": 3_000, "waking": 300, "first_seconds": 0.3, "last_seconds": 0.8},
    "full": {"tasks": 10_000, "waking": 10_000, "first_seconds": 3.0, "last_seconds": 8.0},
}
KILLED: Final = {"small": (50,), "full": (50, 300, 1_000)}

KILLED_SECONDS: Final = 300.0
"""How long a peer gets for its two lives."""

ONE_ROW: Final = "SQLite, one row a commit"
CLEAR: Final = "the same in the clear"
ROWS: Final = "reading and writing the rows"
SLEEPING: Final = "trio task that reads its row"


def run(scale: str) -> Iterator[Figure]:
    """Yield every figure of the group."""
    for workload in workloads(scale):
        yield from figures(workload, ROUNDS[scale])


def workloads(scale: str) -> tuple[Workload, ...]:
    """Give the workloads at this scale."""
    slow = 10 if scale == "small" else 50
    return (
        attrs.evolve(
            _workload("W9", "durable_ours:chains", "durable_raw:commits", CHAINS[scale], {
                "sequential_steps_s": ONE_ROW, "concurrent_steps_s": ONE_ROW,
            }),
            peers=DBOS.doing("durable", tasks=slow, every_round=scale == "full")
            | DBOS_WAL.doing("durable_with_wal", tasks=slow)
            | LANGGRAPH.doing("durable", tasks=slow)
            | BURR.doing("durable", tasks=4 * slow),
        ),
        _workload("W9", "durable_ours:sealed_chains", "durable_ours:clear_chains", CHAINS[scale], {
            "sealed_sequential_steps_s": CLEAR, "sealed_concurrent_steps_s": CLEAR,
        }),
        _workload("W10", "durable_sleepers:sleepers", "durable_raw:sleeping_rows", SLEEPERS[scale], {
            "bytes_per_task": SLEEPING, "late_p50_ms": SLEEPING, "late_p99_ms": SLEEPING, "late_max_ms": SLEEPING,
        }),
        attrs.evolve(
            _workload("W13", "durable_kills:killed", "durable_raw:rows_again", {"steps": 10, "done": 5}, {
                "first_ms": ROWS, "all_started_ms": ROWS, "all_ms": ROWS,
            }),
            sized="tasks",
            sizes=KILLED[scale],
            peers=DBOS_WAL.doing("killed", within=KILLED_SECONDS) if scale == "full" else {},
        ),
    )  # fmt: skip


def _workload(name: str, ours: str, limit: str, arguments: Mapping[str, float], limits: Mapping[str, str]) -> Workload:
    metrics = tuple(Metric(name=metric, limit_name=limit_name) for metric, limit_name in limits.items())
    return Workload(
        name=name, ours=f"benchmarks.{ours}", limit=f"benchmarks.{limit}", metrics=metrics, arguments=arguments
    )
