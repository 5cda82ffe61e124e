"""Group `scale`: W14 on PostgreSQL, with one, two and four instances on one store, of which each has fifty tasks at a
time (`shared`: all of them together), beside sixteen connections that commit one row each, and DBOS on PostgreSQL; how
soon one instance hears of what another is asked, beside the server's own notifications; and how soon tasks go on
elsewhere once their instance was killed, beside the lease.

All have a schema or a database of their own on one server, which lasts for the group: PostgreSQL from a wheel, which
syncs what it commits.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from benchmarks.figures import Figure, Metric, Peer, Workload, figures
from benchmarks.harness import Measures
from benchmarks.products import DBOS
from benchmarks.scale_raw import SERVER_VARIABLE, fresh_database
from tests.support.postgres import running_server

ROUNDS: Final = {"small": 3, "full": 5}
CHAINS: Final = {
    "small": {"tasks": 60, "steps": 10, "at_once": 50},
    "full": {"tasks": 200, "steps": 10, "at_once": 50},
}
WAKES: Final = {"small": {"times": 40}, "full": {"times": 500}}
KILLS: Final = {"small": {"tasks": 30, "lease_seconds": 1.0}, "full": {"tasks": 200, "lease_seconds": 2.0}}
DATABASE_VARIABLE: Final = "BENCHMARK_POSTGRES"
"""Where the script of the peer finds its database."""

COMMITS: Final = "PostgreSQL, sixteen connections, INSERT and COMMIT"


def run(scale: str) -> Iterator[Figure]:
    """Yield every figure of the group."""
    with running_server(durable=True) as server:
        os.environ[SERVER_VARIABLE] = server.url
        for workload in workloads(scale):
            yield from figures(workload, ROUNDS[scale])


def _in_a_database(peer: Peer) -> Peer:
    """Have a peer measured in a fresh database."""

    def measure(arguments: Mapping[str, float], seconds: float) -> Measures:
        with fresh_database(os.environ[SERVER_VARIABLE]) as url:
            os.environ[DATABASE_VARIABLE] = url
            return peer.measure(arguments, seconds)

    return attrs.evolve(peer, measure=measure)


def workloads(scale: str) -> tuple[Workload, ...]:
    """Give the workloads at this scale."""
    return (
        Workload(
            name="W14",
            ours="benchmarks.scale_chains:chains",
            limit="benchmarks.scale_raw:commits",
            metrics=(
                Metric(name="steps_s_1", limit_name=COMMITS),
                Metric(
                    name="steps_s_1_autocommit",
                    limit_name="PostgreSQL, sixteen connections, one statement that commits",
                ),
                *(Metric(name=f"steps_s_{each}", limit_name=COMMITS) for each in ("2", "4", "4_shared")),
                *(Metric(name=f"steps_s_{each}_to_1", limit_name="one instance") for each in ("4", "4_shared")),
            ),
            arguments=CHAINS[scale],
            peers={
                name: _in_a_database(peer)
                for name, peer in DBOS.doing(
                    "on_postgres", tasks=15 if scale == "small" else 100, every_round=scale == "full"
                ).items()
            },
        ),
        Workload(
            name="wake",
            ours="benchmarks.scale_ours:wakes",
            limit="benchmarks.scale_raw:notifications",
            metrics=(
                Metric(name="wake_p50_ms", limit_name="NOTIFY alone"),
                Metric(name="wake_p99_ms", limit_name="NOTIFY alone"),
            ),
            arguments=WAKES[scale],
        ),
        Workload(
            name="take",
            ours="benchmarks.scale_ours:take_over",
            limit=dict.fromkeys(("first_ms", "all_ms"), KILLS[scale]["lease_seconds"] * 1e3),
            metrics=(
                Metric(name="first_ms", limit_name="the lease"),
                Metric(name="all_ms", limit_name="the lease"),
            ),
            arguments=KILLS[scale],
        ),
    )
