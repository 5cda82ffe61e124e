"""The limits of group `scale`: PostgreSQL with nothing above it but its driver."""

import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
import trio

from benchmarks.harness import percentile, perf_counter
from runtime.journal.postgres.driver import TrioConnection

SERVER_VARIABLE: Final = "UNDERSTUDY_BENCH_POSTGRES"
"""Where every side finds the server of the group."""

_ROW_BYTES = 210
_CONNECTIONS = 16


@contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """Give the address of an empty database on a server, and drop it afterwards."""
    name = f"d{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield url.replace("/postgres?", f"/{name}?", 1)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def commits(tasks: int, steps: int, at_once: int) -> dict[str, float]:
    """One row a commit on sixteen connections, as psycopg does that by itself, and as one statement that commits."""
    del at_once
    each = min(tasks * steps, 4_000) // _CONNECTIONS
    rate, implicit = (_commits_s(each, autocommit=autocommit) for autocommit in (False, True))
    rates = dict.fromkeys(("steps_s_1", "steps_s_2", "steps_s_4", "steps_s_4_shared"), rate)
    return {**rates, "steps_s_1_autocommit": implicit, "steps_s_4_to_1": 1.0, "steps_s_4_shared_to_1": 1.0}


def _commits_s(each: int, *, autocommit: bool) -> float:
    """So many rows on each connection, which has a thread of its own: INSERT and COMMIT, or INSERT alone."""
    with fresh_database(os.environ[SERVER_VARIABLE]) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE rows (key text PRIMARY KEY, body bytea)")
        ready = threading.Barrier(_CONNECTIONS + 1)

        def write(number: int) -> None:
            body = os.urandom(_ROW_BYTES)
            with psycopg.connect(url, autocommit=autocommit) as connection:
                connection.execute("SELECT 1")
                connection.commit()
                ready.wait()
                for row in range(each):
                    connection.execute("INSERT INTO rows VALUES (%s, %s)", (f"{number} {row}", body))
                    if not autocommit:
                        connection.commit()

        threads = [threading.Thread(target=write, args=(number,)) for number in range(_CONNECTIONS)]
        for thread in threads:
            thread.start()
        ready.wait()
        began = perf_counter()
        for thread in threads:
            thread.join()
        return each * _CONNECTIONS / (perf_counter() - began)


def notifications(times: int) -> dict[str, float]:
    """From NOTIFY on one connection to its arrival on another."""
    took: list[float] = []

    async def main(url: str) -> None:
        sender, receiver = await TrioConnection.open(url), await TrioConnection.open(url)
        await receiver.execute("LISTEN bench")
        for _ in range(times):
            began = perf_counter()
            await sender.execute("NOTIFY bench")
            [_notice] = [one async for one in receiver.notifies(stop_after=1)]
            took.append((perf_counter() - began) * 1e3)
        await sender.close()
        await receiver.close()

    trio.run(main, os.environ[SERVER_VARIABLE])
    return {"wake_p50_ms": percentile(took, 0.5), "wake_p99_ms": percentile(took, 0.99)}
