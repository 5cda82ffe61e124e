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
    """One row a commit, on sixteen connections, each with a thread of its own."""
    del at_once
    each = min(tasks * steps, 4_000) // _CONNECTIONS
    with fresh_database(os.environ[SERVER_VARIABLE]) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE rows (key text PRIMARY KEY, body bytea)")
        ready = threading.Barrier(_CONNECTIONS + 1)

        def write(number: int) -> None:
            body = os.urandom(_ROW_BYTES)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("SELECT 1")
                ready.wait()
                for row in range(each):
                    connection.execute("INSERT INTO rows VALUES (%s, %s)", (f"{number} {row}", body))

        threads = [threading.Thread(target=write, args=(number,)) for number in range(_CONNECTIONS)]
        for thread in threads:
            thread.start()
        ready.wait()
        began = perf_counter()
        for thread in threads:
            thread.join()
        rate = each * _CONNECTIONS / (perf_counter() - began)
    return {"steps_s_1": rate, "steps_s_2": rate, "steps_s_4": rate}


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
