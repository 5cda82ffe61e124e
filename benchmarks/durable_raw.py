"""The limits of group `durable`: SQLite with nothing above it, write-ahead log, FULL."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import trio

from benchmarks.harness import lateness, perf_counter, resident_bytes

_ROW_BYTES = 210
_GROUP = 64
_READ = 100


@contextmanager
def database() -> Iterator[apsw.Connection]:
    """Give a fresh database with a table of rows."""
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        connection = _opened(Path(folder) / "raw.db")
        connection.execute("CREATE TABLE rows (key TEXT UNIQUE, body BLOB)")
        yield connection
        connection.close()


def _opened(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    return connection


def commits(tasks: int, steps: int, at_once: int) -> dict[str, float]:
    """One row a commit, one after the other, as many as there are steps (but no more than take a few seconds)."""
    del at_once
    count = min(tasks * steps, 1_000)
    with database() as connection:
        body = os.urandom(_ROW_BYTES)
        began = perf_counter()
        for number in range(count):
            connection.execute("INSERT INTO rows VALUES (?, ?)", (f"row {number}", body))
        rate = count / (perf_counter() - began)
    return {"sequential_steps_s": rate, "concurrent_steps_s": rate}


def sleeping_rows(tasks: int, waking: int, first_seconds: float, last_seconds: float) -> dict[str, float]:
    """Tasks of trio that sleep as long, with their row in memory; each reads its row when it wakes up."""

    async def main(connection: apsw.Connection) -> tuple[int, list[float]]:
        late: list[float] = []

        async def sleeper(number: int, due: float) -> None:
            row = os.urandom(_ROW_BYTES)
            await trio.sleep_until(due)
            connection.execute("SELECT body FROM rows WHERE key = ?", (f"row {number % _READ}",)).fetchall()
            late.append(trio.current_time() - due)
            del row

        async with trio.open_nursery() as nursery:
            before = resident_bytes()
            start = trio.current_time() + first_seconds
            for number in range(tasks):
                wakes = start + (last_seconds - first_seconds) * number / waking
                nursery.start_soon(sleeper, number, wakes if number < waking else trio.current_time() + 86_400.0)
            await trio.sleep(min(0.5, first_seconds / 2))
            grown = resident_bytes() - before
            while len(late) < waking:  # noqa: ASYNC110 - they say so themselves
                await trio.sleep(0.05)
            nursery.cancel_scope.cancel()
        return grown, late

    with database() as connection:
        for number in range(_READ):
            connection.execute("INSERT INTO rows VALUES (?, ?)", (f"row {number}", os.urandom(_ROW_BYTES)))
        grown, late = trio.run(main, connection)
    return {"bytes_per_task": grown / tasks, **lateness(late)}


def rows_again(tasks: int, steps: int, done: int) -> dict[str, float]:
    """Read the rows that half-done tasks left, and write those of the other half, in groups."""
    with database() as connection:
        path = connection.filename
        body = os.urandom(_ROW_BYTES)
        connection.execute("BEGIN")
        for number in range(tasks * done):
            connection.execute("INSERT INTO rows VALUES (?, ?)", (f"row {number}", body))
        connection.execute("COMMIT")
        began = perf_counter()
        other = _opened(Path(path))
        moments: list[float] = []
        for number in range(tasks * done):
            other.execute("SELECT body FROM rows WHERE key = ?", (f"row {number}",)).fetchall()
            moments.append(perf_counter())
        for number in range(tasks * done, tasks * steps):
            if not other.in_transaction:
                other.execute("BEGIN")
            other.execute("INSERT INTO rows VALUES (?, ?)", (f"row {number}", body))
            if number % _GROUP == _GROUP - 1:
                other.execute("COMMIT")
        if other.in_transaction:
            other.execute("COMMIT")
        ended = perf_counter()
        other.close()
    reached = {"first_ms": moments[done - 1], "all_started_ms": moments[-1], "all_ms": ended}
    return {name: (moment - began) * 1e3 for name, moment in reached.items()}
