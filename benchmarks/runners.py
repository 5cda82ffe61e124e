"""Group `runners`: steps that do something, beside the same work done bare, in the same run.

``http``: 200 concurrent requests to a server in a process of its own. Ours are 200 ``http`` steps of one task; the limit
is one httpx2 client that is asked 200 times at once. ``script``: 100 concurrent subprocesses of ``true``. Ours are 100
``script`` steps of one task; the limit is `trio.run_process`, output captured. Each side does one wave to warm up, and
counts the next ones; a figure is microseconds a step, or milliseconds from a cancel to the death of 100 sleeping
processes.
"""

from collections.abc import Iterator
from typing import Final

from benchmarks.figures import Figure, Metric, Workload, figures

ROUNDS: Final = {"small": 3, "full": 5}
WAVES: Final = {"small": 1, "full": 5}
REQUESTS: Final = 200
PROCESSES: Final = 100


def run(scale: str) -> Iterator[Figure]:
    """Yield every figure of the group."""
    for name, metric, limit, count in (
        ("http", "us_per_step", "one bare httpx2 client", REQUESTS),
        ("script", "us_per_step", "trio.run_process", PROCESSES),
        ("cancel", "ms", "trio.run_process, cancelled", PROCESSES),
    ):
        yield from figures(
            Workload(
                name=name,
                ours=f"benchmarks.runners_ours:{name}",
                limit=f"benchmarks.runners_raw:{name}",
                metrics=(Metric(name=metric, limit_name=limit),),
                arguments={"count": count, "waves": WAVES[scale]},
            ),
            ROUNDS[scale],
        )
