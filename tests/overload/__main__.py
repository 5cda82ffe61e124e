"""See the package's docstring."""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import trio

from runtime.server.limits import ServerLimits
from tests.overload.load import ask_for
from tests.overload.server import serving

LIMITS = ServerLimits()
"""Those of a server that was told nothing else."""

WARMING_CLIENTS = 8
GROWTH = 1.15
"""How much of what it held after the first half the server may hold at most at the end."""


async def overload(folder: Path, *, connections: int, seconds: float, factor: float) -> dict[str, Any]:
    """Measure what a server can do, ask for more, and say what came of it; `problems` is what must not be."""
    with serving(folder) as server:
        probe = min(3.0, seconds)
        known = await ask_for(server.host, server.port, clients=WARMING_CLIENTS, rate=0, seconds=probe, name="probe")
        capacity = known.statuses[200] / probe
        rate = max(1.0, capacity * factor)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.watch)
            answers = await ask_for(
                server.host, server.port, clients=connections, rate=rate, seconds=seconds, name="more"
            )
            nursery.cancel_scope.cancel()
        acknowledged = [*known.acknowledged, *answers.acknowledged]
        status = server.stop()
        lost = await server.lost(acknowledged)
    middle, end = max(server.memory[: len(server.memory) // 2 + 1]), max(server.memory[len(server.memory) // 2 :])
    # It waits for room at most so long, and then until those that were let in before it are answered.
    bound = LIMITS.wait_seconds + 3 * LIMITS.in_flight / max(answers.statuses[200] / seconds, 1.0) + 0.5
    bound += server.late_seconds  # nobody is answered while the machine does something else
    figures = {
        "connections": connections,
        "seconds": seconds,
        "capacity_per_second": round(capacity, 1),
        "p99_at_capacity_seconds": round(known.percentile(0.99), 3),
        "asked_per_second": round(rate, 1),
        "answered_per_second": round(sum(answers.statuses.values()) / seconds, 1),
        "accepted_per_second": round(answers.statuses[200] / seconds, 1),
        "statuses": {str(status): count for status, count in sorted(answers.statuses.items())},
        "p50_seconds": round(answers.percentile(0.5), 3),
        "p99_seconds": round(answers.percentile(0.99), 3),
        "p99_has_to_be_below_seconds": round(bound, 3),
        "longest_seconds": round(max(answers.seconds, default=0.0), 3),
        "memory_mib_first_half": round(middle / 2**20, 1),
        "memory_mib_second_half": round(end / 2**20, 1),
        "acknowledged": len(acknowledged),
        "lost": len(lost),
        "broken_connections": answers.broken,
    }
    verdicts = {
        "something is accepted": answers.statuses[200] > 0,
        "refusals are 429 or 503": set(answers.statuses) <= {200, 429, 503},
        "refusals say when to come back": answers.without_retry_after == 0,
        "no connection is broken": answers.broken == 0,
        "memory stays flat": end <= middle * GROWTH,
        "what is accepted is answered soon": answers.percentile(0.99) <= bound,
        "nothing acknowledged is lost": not lost,
        "the server ends in order": status == 0,
    }
    return {**figures, "problems": [name for name, holds in verdicts.items() if not holds]}


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.overload", description=__doc__)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--factor", type=float, default=10.0, help="how many times what the server can do is asked for")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:

        async def run() -> dict[str, Any]:
            return await overload(Path(name), **vars(arguments))

        figures = trio.run(run)
    print(json.dumps(figures, indent=2))
    sys.exit(1 if figures["problems"] else 0)


if __name__ == "__main__":
    main()
