"""Group `tasks`: W5-W8 and W11 against bare trio with a task per step, beside other graph engines.

W8 has at most a hundred items at once, by a resource that its loop holds; and, besides, all at once. W11 is a task of
the runtime (that of group `actors` is one actor): until its last step has ended, and until whoever waits for it knows.
W6 and W8 give the cost of a step at each size, and `growth`: the cost at the largest size as a multiple of that at the
smallest. W7's `growth` compares the last hundred steps of one long chain with the first hundred. The limit of a growth
is 1, that of the memory of a finished step 2 KiB.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from benchmarks.figures import Figure, Metric, Peers, Workload, figures
from benchmarks.products import BURR, DASK, DBOS, LANGGRAPH, LUIGI, PYDANTIC_GRAPH

TASKS: Final = {"small": 200, "full": 1000}
WIDE: Final = {"small": (250, 1000), "full": (500, 1000, 2000, 4000)}
DEEP: Final = {"small": 500, "full": 2000}
ITEMS: Final = {"small": (250, 1000), "full": (500, 5000)}
ROUNDS: Final = {"small": 3, "full": 5}

_LIMIT: Final = "trio task per step"


def run(scale: str) -> Iterator[Figure]:
    """Yield every figure of the group."""
    for workload in workloads(scale):
        yield from figures(workload, ROUNDS[scale])


def workloads(scale: str) -> tuple[Workload, ...]:
    """Give the workloads at this scale. In the small one the slowest peers have no place, and the others do one width."""
    slow: dict[str, Peers] = {"wide": {}, "deep": {}}
    if scale == "full":
        slow["wide"] = LANGGRAPH.doing("wide") | DBOS.doing("wide", steps=100)
        slow["deep"] = LANGGRAPH.doing("deep", steps=500) | DBOS.doing("deep", steps=250)
    widest = WIDE[scale][0 if scale == "small" else -1]
    return (
        attrs.evolve(
            _workload("W5", "chains", {"steps_s": _LIMIT}, {"tasks": TASKS[scale], "steps": 10}),
            peers=PYDANTIC_GRAPH.doing("chains")
            | LANGGRAPH.doing("chains", tasks=200)
            | BURR.doing("chains")
            | DASK.doing("chains", tasks=200)
            | LUIGI.doing("chains", tasks=30),
        ),
        attrs.evolve(
            _workload("W6", "wide", {"us_per_step": _LIMIT}, {}),
            sized="steps",
            sizes=WIDE[scale],
            growth="us_per_step",
            peers=PYDANTIC_GRAPH.doing("wide", up_to=widest) | DASK.doing("wide", up_to=widest) | slow["wide"],
        ),
        attrs.evolve(
            _workload("W7", "deep", {"growth": "no growth", "us_per_step": _LIMIT}, {"steps": DEEP[scale]}),
            peers=PYDANTIC_GRAPH.doing("deep") | BURR.doing("deep") | DASK.doing("deep") | slow["deep"],
        ),
        attrs.evolve(
            _workload("W8", "foreach", dict.fromkeys(("us_per_step", "unlimited_us_per_step"), _LIMIT), {}),
            sized="items",
            sizes=ITEMS[scale],
            growth="us_per_step",
        ),
        attrs.evolve(
            _workload("W7", "memory", {"bytes_per_step": "2 KiB"}, {"steps": DEEP[scale]}),
            limit={"bytes_per_step": 2048.0},
        ),
        attrs.evolve(
            _workload("W11", "cancel", dict.fromkeys(("task_ms", "told_ms"), "trio, cancelled"), {"steps": 1_000}),
            peers=LANGGRAPH.doing("cancel"),
        ),
    )


def _workload(name: str, function: str, limits: Mapping[str, str], arguments: Mapping[str, float]) -> Workload:
    return Workload(
        name=name,
        ours=f"benchmarks.tasks_ours:{function}",
        limit=f"benchmarks.tasks_raw:{function}",
        metrics=tuple(Metric(name=metric, limit_name=limit) for metric, limit in limits.items()),
        arguments=arguments,
    )
