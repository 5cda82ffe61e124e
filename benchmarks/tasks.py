"""Group `tasks`: W5-W8 against bare trio with a task per step, W5 beside other graph engines.

W6 and W8 give the cost of a step at each size, and `growth`: the cost at the largest size as a multiple of that at the
smallest. W7's `growth` compares the last hundred steps of one long chain with the first hundred. The limit of a growth
is 1, that of the memory of a finished step 2 KiB.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from benchmarks.environments import Foreign
from benchmarks.harness import Figure, Metric, Workload, figure, figures, profile, run_side

TASKS: Final = {"small": 300, "full": 1000}
WIDE: Final = {"small": (500, 2000), "full": (500, 1000, 2000, 4000)}
DEEP: Final = {"small": 1000, "full": 2000}
ITEMS: Final = {"small": (500, 2500), "full": (500, 5000)}
ROUNDS: Final = {"small": 3, "full": 5}

_LIMIT: Final = "trio task per step"
_PEERS: Final = (
    Foreign(name="pydantic-graph", script="pydantic_graph_chains.py", requirements=("pydantic-graph==2.68.0",)),
    Foreign(name="langgraph", script="langgraph_chains.py", requirements=("langgraph==1.2.24",), size=0.3),
)


def run(scale: str) -> Iterator[Figure]:
    """Yield every figure of the group."""
    rounds = ROUNDS[scale]
    chains = _workload("W5", "chains", {"tasks": TASKS[scale], "steps": 10}, "steps_s")
    peers = {name: does for peer in _PEERS for name, does in peer.doing("chains").items()}
    yield from figures(attrs.evolve(chains, peers=peers), rounds)
    yield from _at_sizes("W6", "wide", "steps", WIDE[scale], rounds)
    deep = [run_side("benchmarks.tasks_ours:deep", {"steps": DEEP[scale]}) for _ in range(rounds)]
    profile("benchmarks.tasks_ours:deep", {"steps": DEEP[scale]})
    yield _against("W7", "growth", [one["growth"] for one in deep], 1.0, "no growth")
    yield from _at_sizes("W8", "foreach", "items", ITEMS[scale], rounds)
    held = [run_side("benchmarks.tasks_ours:memory", {"steps": DEEP[scale]}) for _ in range(rounds)]
    yield _against("W7", "bytes_per_step", [one["bytes_per_step"] for one in held], 2048.0, "2 KiB")


def _workload(name: str, function: str, arguments: dict[str, float], metric: str) -> Workload:
    return Workload(
        name=name,
        ours=f"benchmarks.tasks_ours:{function}",
        limit=f"benchmarks.tasks_raw:{function}",
        metrics=(Metric(name=metric, limit_name=_LIMIT),),
        arguments=arguments,
    )


def _at_sizes(name: str, function: str, what: str, sizes: Sequence[int], rounds: int) -> Iterator[Figure]:
    """Measure every size in every round, so that the growth is that of the work and not of the machine's load."""
    ours: dict[int, list[float]] = {size: [] for size in sizes}
    limit: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            for side, costs in (("ours", ours), ("raw", limit)):
                costs[size].append(run_side(f"benchmarks.tasks_{side}:{function}", {what: size})["us_per_step"])
    profile(f"benchmarks.tasks_ours:{function}", {what: sizes[-1]})
    for size in sizes:
        yield attrs.evolve(
            figure(name, Metric(name="us_per_step", limit_name=_LIMIT), ours[size], limit[size]), size=size
        )
    growth = [last / first for first, last in zip(ours[sizes[0]], ours[sizes[-1]], strict=True)]
    yield _against(name, "growth", growth, 1.0, "no growth")


def _against(name: str, metric: str, values: Sequence[float], limit: float, limit_name: str) -> Figure:
    return figure(name, Metric(name=metric, limit_name=limit_name), values, [limit] * len(values))
