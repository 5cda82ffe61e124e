"""A program in a process group of its own, that dies whole."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import attrs
import trio

from runners._output import KeptText

_DEATH_SECONDS = 5.0
"""How long a killed group is waited for: the kernel takes no time at all, unless a device holds a process."""

_LAST_WORDS_SECONDS = 1.0
"""How long, after that, its output is waited for: only a process that left the group can still hold it open."""

_CHUNK = 64 * 1024


@attrs.frozen(kw_only=True)
class Ended:
    """How a program ended.

    Attributes:
        code: its exit code; minus the signal's number when a signal ended it.
        timed_out: it was killed because its time was over.
        output: what it and its children wrote to standard output and standard error, in the order they did.
        seconds: how long it ran.
    """

    code: int
    timed_out: bool
    output: str
    seconds: float


async def run_group(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], stdin: bytes, limit_seconds: float
) -> Ended:
    """Run a program and everything it starts, until the program itself ends or its time is over.

    Then, and when cancelled, every process of its group is killed. Output beyond what `KeptText` keeps is read and
    dropped, so that a program never waits for a reader. A cancel takes as long as the kernel needs to end the group.

    Raises:
        OSError: the program cannot be started.
        ValueError: the command or the environment holds what no program can be given.
    """
    began = trio.current_time()
    process = await trio.lowlevel.open_process(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=environment,
        start_new_session=True,
    )
    kept = KeptText()
    try:
        with trio.move_on_after(limit_seconds) as limit, _exit_of(process) as exited:
            await _converse(process, exited, stdin, kept)
        seconds = trio.current_time() - began
    finally:
        with trio.CancelScope(shield=True):
            code = await _end_group(process, kept)
    return Ended(code=code, timed_out=limit.cancelled_caught, output=kept.text(), seconds=seconds)


@contextmanager
def _exit_of(process: trio.Process) -> Iterator[int]:
    """Give a descriptor that is readable once the program has exited.

    Unlike `trio.Process.wait` it does not reap the program, whose number must stay taken until its group is killed.
    """
    descriptor = os.pidfd_open(process.pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


async def _converse(process: trio.Process, exited: int, stdin: bytes, kept: KeptText) -> None:
    """Feed the program and read it until it exits."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_feed, process, stdin)
        nursery.start_soon(_collect, process, kept)
        await trio.lowlevel.wait_readable(exited)
        nursery.cancel_scope.cancel()


async def _feed(process: trio.Process, stdin: bytes) -> None:
    stream = cast("trio.abc.SendStream", process.stdin)
    with suppress(trio.BrokenResourceError):  # a program need not read what it is given
        async with stream:
            await stream.send_all(stdin)


async def _collect(process: trio.Process, kept: KeptText) -> None:
    stream = cast("trio.abc.ReceiveStream", process.stdout)
    while chunk := await stream.receive_some(_CHUNK):
        kept.write(chunk)


async def _end_group(process: trio.Process, kept: KeptText) -> int:
    """Kill what is left of the group, reap the program, take what was still said, and give the exit code."""
    with suppress(ProcessLookupError, PermissionError):  # nothing is left, or nothing of it is ours to kill
        os.killpg(process.pid, signal.SIGKILL)
    with trio.move_on_after(_DEATH_SECONDS):
        await process.wait()
    with trio.move_on_after(_LAST_WORDS_SECONDS):
        await _collect(process, kept)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            await stream.aclose()
    return -signal.SIGKILL if process.returncode is None else process.returncode
