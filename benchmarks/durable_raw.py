"""The limits of group `durable`: SQLite with nothing above it, write-ahead log, FULL."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from benchmarks.harness import perf_counter, resident_bytes

_ROW_BYTES = 210
_GROUP = 64


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
    """Read the rows of sleeping tasks back one by one; hold them in a list."""
    del waking, first_seconds, last_seconds
    with database() as connection:
        connection.execute("BEGIN")
        for number in range(tasks):
            connection.execute("INSERT INTO rows VALUES (?, ?)", (f"row {number}", os.urandom(_ROW_BYTES)))
        connection.execute("COMMIT")
        before = resident_bytes()
        began = perf_counter()
        held = [
            connection.execute("SELECT body FROM rows WHERE key = ?", (f"row {number}",)).get for number in range(tasks)
        ]
        took = perf_counter() - began
        return {
            "bytes_per_task": (resident_bytes() - before) / len(held),
            "late_p99_ms": took / tasks * 1e3,
        }


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
        for number in range(tasks * done):
            other.execute("SELECT body FROM rows WHERE key = ?", (f"row {number}",)).fetchall()
        first = perf_counter()
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
    return {"first_ms": (first - began) * 1e3, "all_ms": (ended - began) * 1e3}
