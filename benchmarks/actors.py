"""Group `actors`: W1-W4, W10 and W11 against bare trio, and beside Erlang/OTP where it is installed.

W11's limit is bare trio with a nursery around each step. W4 is also measured in
bytes: of idle actors, each with a task, and of hibernating ones, which hold none
(`hibernating_bytes`; bare trio, which has nothing like it, holds a task each).
"""

from collections.abc import Iterator

from benchmarks.actors_erlang import peers
from benchmarks.harness import Figure, Metric, Workload, figures

SIZES = {
    "small": {"messages": 50_000, "asks": 3_000, "actors": 3_000, "idle": 10_000, "tasks": 10_000},
    "full": {"messages": 200_000, "asks": 20_000, "actors": 10_000, "idle": 100_000, "tasks": 10_000},
}
ROUNDS = {"small": 3, "full": 5}
DUE = {"small": (0.4, 0.9), "full": (3.0, 8.0)}


def run(scale: str) -> Iterator[Figure]:
    """Yield every figure of the group."""
    for workload in workloads(scale):
        yield from figures(workload, ROUNDS[scale])


def workloads(scale: str) -> tuple[Workload, ...]:
    """Give the workloads at this scale."""
    size = SIZES[scale]
    first, last = DUE[scale]
    return (
        _workload("W1", "tell", {"messages": size["messages"]}, us_per_message="trio channel, awaited"),
        _workload("W2", "ask", {"asks": size["asks"]}, p50_us="two trio channels", p99_us="two trio channels"),
        _workload("W3", "start_stop", {"actors": size["actors"]}, us_per_actor="trio task, own nursery and channel"),
        _workload("W4", "restart", {"children": 2_000}, us_per_restart="new trio task on the same channel"),
        _workload("W4", "idle", {"actors": size["idle"]}, idle_bytes="trio task and channel"),
        _workload("W4", "hibernate", {"actors": size["idle"]}, hibernating_bytes="trio task and channel"),
        _workload(
            "W10",
            "timers",
            {"tasks": size["tasks"], "first_seconds": first, "last_seconds": last},
            bytes_per_task="sleeping trio task",
            late_p99_ms="sleeping trio task",
        ),
        _workload("W11", "cancel", {"steps": 1_000}, ms="trio nursery each, cancelled"),
    )


def _workload(name: str, function: str, arguments: dict[str, float], **metrics: str) -> Workload:
    return Workload(
        name=name,
        ours=f"benchmarks.actors_ours:{function}",
        limit=f"benchmarks.actors_raw:{function}",
        metrics=tuple(Metric(name=metric, limit_name=limit) for metric, limit in metrics.items()),
        arguments=arguments,
        peers=peers(function),
    )
