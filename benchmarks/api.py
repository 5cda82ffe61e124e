"""Group `api`: what it costs to be asked, beside the bare framework asked the same way, in the same run.

``inside``: sixteen callers that submit a task of one step and wait for it, in one program, beside tasks of trio that are
started and waited for. ``http``: sixteen connections that submit, one request after the other, beside a bare Starlette
application on Hypercorn's trio worker that reads as much and replies as much. ``events``: a hundred subscribers that
are told all that happens, beside the same framework with a channel for each, that sends as much. Servers have a process
of their own. A p99 is in milliseconds.
"""

from collections.abc import Iterator
from typing import Final

from benchmarks.figures import Figure, Metric, Workload, figures

ROUNDS: Final = {"small": 3, "full": 5}
INSIDE: Final = {"small": 400, "full": 5_000}
REQUESTS: Final = {"small": 300, "full": 2000}
TASKS: Final = {"small": 8, "full": 60}
CALLERS: Final = 16
SUBSCRIBERS: Final = 100

_BARE: Final = "bare Starlette on Hypercorn"


def run(scale: str) -> Iterator[Figure]:
    """Yield every figure of the group."""
    for name, metrics, arguments in (
        ("inside", {"submits_s": "a trio task"}, {"count": INSIDE[scale], "callers": CALLERS}),
        ("http", {"submits_s": _BARE, "p99_ms": _BARE}, {"count": REQUESTS[scale], "callers": CALLERS}),
        ("events", {"events_s": _BARE}, {"tasks": TASKS[scale], "subscribers": SUBSCRIBERS}),
    ):
        workload = Workload(
            name=name,
            ours=f"benchmarks.api_ours:{name}",
            limit=f"benchmarks.api_raw:{name}",
            metrics=tuple(Metric(name=metric, limit_name=limit) for metric, limit in metrics.items()),
            arguments=arguments,
        )
        yield from figures(workload, ROUNDS[scale])
