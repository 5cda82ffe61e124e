"""Group `actors`: W1-W4, W10 and W11 against bare trio, beside Erlang/OTP and the actor libraries of Python.

W1 has two modes: a bounded mailbox, whose producer waits for space, and one that has space for all. `seq` figures are
of one thing at a time. W4 is also measured in bytes: of idle actors, each with a task, and of hibernating ones, which
hold none (`hibernating_bytes`; bare trio, which has nothing like it, holds a task each). Those of W10's `burst` are all
due at the same time. W11's limit is bare trio with a nursery around each step.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from benchmarks.actors_erlang import peers
from benchmarks.figures import Figure, Metric, Peers, Workload, figures
from benchmarks.products import APSCHEDULER, PYKKA, THESPIAN, XOSCAR

SIZES: Final = {
    "small": {"messages": 20_000, "asks": 2_000, "actors": 1_000, "children": 1_000, "idle": 5_000, "tasks": 5_000},
    "full": {
        "messages": 200_000,
        "asks": 50_000,
        "actors": 10_000,
        "children": 2_000,
        "idle": 100_000,
        "tasks": 10_000,
    },
}
ROUNDS: Final = {"small": 3, "full": 5}
DUE: Final = {"small": (0.4, 0.8), "full": (3.0, 8.0)}
LATENESS: Final = tuple(f"{when}_{share}_ms" for when in ("late", "burst") for share in ("p50", "p99", "max"))
THREADS: Final = 1_000
"""Of a product that has a thread for every actor, so many at most."""


def run(scale: str) -> Iterator[Figure]:
    """Yield every figure of the group."""
    for workload in workloads(scale):
        yield from figures(workload, ROUNDS[scale])


def workloads(scale: str) -> tuple[Workload, ...]:
    """Give the workloads at this scale."""
    size = SIZES[scale]
    first, last = DUE[scale]
    return (
        _workload(
            "W1",
            "tell",
            {"messages": size["messages"]},
            {"us_per_message": "trio channel, awaited", "unbounded_us_per_message": "trio channel, not awaited"},
            PYKKA.doing("tell") | THESPIAN.doing("tell") | XOSCAR.doing("tell", messages=10_000),
        ),
        _workload(
            "W2",
            "ask",
            {"asks": size["asks"]},
            dict.fromkeys(("p50_us", "p99_us"), "two trio channels"),
            PYKKA.doing("ask") | THESPIAN.doing("ask") | XOSCAR.doing("ask", asks=2_000),
        ),
        _workload(
            "W3",
            "start_stop",
            {"actors": size["actors"]},
            dict.fromkeys(("us_per_actor", "seq_us_per_actor"), "trio task, own nursery and channel"),
            PYKKA.doing("start_stop", actors=500)
            | THESPIAN.doing("start_stop")
            | XOSCAR.doing("start_stop", actors=2_000),
        ),
        _workload(
            "W4",
            "restart",
            {"children": size["children"]},
            dict.fromkeys(("us_per_restart", "seq_us_per_restart"), "new trio task on the same channel"),
            PYKKA.doing("restart", children=500),
        ),
        _workload(
            "W4",
            "idle",
            {"actors": size["idle"]},
            dict.fromkeys(("idle_bytes", "hibernating_bytes"), "trio task and channel"),
            PYKKA.doing("idle", actors=THREADS),
        ),
        _workload(
            "W10",
            "timers",
            {"tasks": size["tasks"], "first_seconds": first, "last_seconds": last},
            dict.fromkeys(("bytes_per_task", *LATENESS), "sleeping trio task"),
            APSCHEDULER.doing("timers", tasks=100 if scale == "small" else 500),
        ),
        _workload("W11", "cancel", {"steps": 1_000}, dict.fromkeys(("ms", "told_ms"), "trio nursery each, cancelled")),
    )


def _workload(
    name: str, function: str, arguments: Mapping[str, float], limits: Mapping[str, str], others: Peers | None = None
) -> Workload:
    return Workload(
        name=name,
        ours=f"benchmarks.actors_ours:{function}",
        limit=f"benchmarks.actors_raw:{function}",
        metrics=tuple(Metric(name=metric, limit_name=limit) for metric, limit in limits.items()),
        arguments=arguments,
        peers={**peers(function), **(others or {})},
    )
