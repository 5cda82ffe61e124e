"""Waiting for what real processes do, by events: a named pipe that they write to, descriptors of their ends."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import trio


class Signpost:
    """A named pipe that scripts write lines to, for a test to wait on."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "signpost"
        os.mkfifo(self.path)
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)  # a writer too: it never ends
        self._seen = b""

    async def lines(self, count: int) -> list[str]:
        """Wait until so many lines were written; give all of them."""
        while self._seen.count(b"\n") < count:
            await trio.lowlevel.wait_readable(self._descriptor)
            with suppress(BlockingIOError):
                self._seen += os.read(self._descriptor, 4096)
        return self._seen.decode().splitlines()

    def close(self) -> None:
        os.close(self._descriptor)


def is_running(pid: int) -> bool:
    """Say whether a process is there and not just waiting to be reaped by a parent that is not ours."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}


def children() -> set[int]:
    """Give the processes that any thread of this one has started, and that have not been reaped."""
    found = Path("/proc/self/task").glob("*/children")
    return {int(pid) for thread in found for pid in thread.read_text().split()}


async def wait_gone(pids: Iterable[int]) -> None:
    """Wait until none of the processes runs any more."""
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            await trio.lowlevel.wait_readable(descriptor)
        finally:
            os.close(descriptor)
