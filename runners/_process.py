"""A program in a process group of its own, that dies whole."""

import os
import select
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self, cast

import attrs
import trio

from runners._output import KEPT_BYTES, KeptText

_DEATH_SECONDS = 5.0
"""How long a killed group is waited for: the kernel takes no time at all, unless a device holds a process."""

_LAST_WORDS_SECONDS = 1.0
"""How long, after that, its output is waited for: only a process that left the group can still hold it open."""

_CHUNK = 64 * 1024

ANSWER_FD = "UNDERSTUDY_ANSWER_FD"
"""The variable that tells a program where to write its answer."""


@attrs.frozen(kw_only=True)
class Ended:
    """How a program ended.

    Attributes:
        code: its exit code; minus the signal's number when a signal ended it.
        timed_out: it was killed because its time was over.
        output: what it and its children wrote to standard output and standard error, in the order they did.
        seconds: how long it ran.
        answer: what it wrote to the descriptor that `ANSWER_FD` named, if it was given one; it is cut off beyond the
            limit, and one byte more says so.
    """

    code: int
    timed_out: bool
    output: str
    seconds: float
    answer: bytes = b""


async def run_group(
    command: Sequence[str],
    *,
    folder: Path | None,
    environment: Mapping[str, str],
    stdin: bytes,
    limit_seconds: float,
    kept_bytes: int = KEPT_BYTES,
    answer_bytes: int = 0,
) -> Ended:
    """Run a program and everything it starts, until the program itself ends or its time is over.

    Then, and when cancelled, every process of its group is killed. Output beyond `kept_bytes` is read and dropped, so
    that a program never waits for a reader. A cancel takes as long as the kernel needs to end the group. With
    `answer_bytes` it is given a descriptor of its own to answer on, apart from what it prints.

    Raises:
        OSError: the program cannot be started.
        ValueError: the command or the environment holds what no program can be given.
    """
    began = trio.current_time()
    async with _Answer(answer_bytes) as answer:
        process = await trio.lowlevel.open_process(
            command,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**environment, **answer.environment},
            pass_fds=answer.writers,
            start_new_session=True,
        )
        answer.hand_over()
        kept = KeptText(kept_bytes)
        try:
            with trio.move_on_after(limit_seconds) as limit, exit_of(process) as exited:
                await _converse(process, exited, stdin, kept, answer)
            seconds = trio.current_time() - began
        finally:
            with suppress(ProcessLookupError, PermissionError):  # nothing is left, or nothing of it is ours to kill
                os.killpg(process.pid, signal.SIGKILL)
            if process.poll() is None or answer.wanted or not _said_all(process, kept):
                with trio.CancelScope(shield=True):
                    await _see_it_end(process, kept, answer)
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    cast("trio.lowlevel.FdStream", stream).close()
    return Ended(
        code=-signal.SIGKILL if process.returncode is None else process.returncode,
        timed_out=limit.cancelled_caught,
        output=kept.text(),
        seconds=seconds,
        answer=bytes(answer.data),
    )


class _Answer:
    """A pipe for an answer of at most `limit` bytes; none without a limit."""

    def __init__(self, limit: int) -> None:
        self.data = bytearray()
        self.environment: Mapping[str, str] = {}
        self.writers: tuple[int, ...] = ()
        self._limit = limit
        self._stream: trio.lowlevel.FdStream | None = None

    async def __aenter__(self) -> Self:
        if self._limit:
            reader, writer = os.pipe()
            self._stream = trio.lowlevel.FdStream(reader)
            self.writers = (writer,)
            self.environment = {ANSWER_FD: str(writer)}
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self.hand_over()
        if self._stream is not None:
            with trio.CancelScope(shield=True):  # closing waits for nothing
                await self._stream.aclose()

    @property
    def wanted(self) -> bool:
        """Whether there may be an answer."""
        return self._stream is not None

    def hand_over(self) -> None:
        """Leave the writing end to the program alone, so that it ends with it. Idempotent."""
        for writer in self.writers:
            os.close(writer)
        self.writers = ()

    async def collect(self) -> None:
        """Read to the end; what is too much is read and dropped."""
        while self._stream is not None and (chunk := await self._stream.receive_some(_CHUNK)):
            self.data += chunk[: self._limit + 1 - len(self.data)]


@contextmanager
def exit_of(process: trio.Process) -> Iterator[int]:
    """Give a descriptor that is readable once the program has exited.

    Unlike `trio.Process.wait` it does not reap the program, whose number must stay taken until its group is killed.
    """
    descriptor = os.pidfd_open(process.pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


async def _converse(process: trio.Process, exited: int, stdin: bytes, kept: KeptText, answer: _Answer) -> None:
    """Feed the program and read it until it exits."""
    if not stdin and not answer.wanted:
        await _listen(process, exited, kept)
        return
    async with trio.open_nursery() as nursery:
        if stdin:
            nursery.start_soon(_feed, process, stdin)
        nursery.start_soon(answer.collect)
        await _listen(process, exited, kept)
        nursery.cancel_scope.cancel()


async def _listen(process: trio.Process, exited: int, kept: KeptText) -> None:
    """Read the program until it exits, whoever else still holds its output open.

    One descriptor stands for the two that are waited for: a second task would cost as much again as all the rest.
    """
    output = _output_of(process).fileno()
    with select.epoll() as either:
        either.register(exited, select.EPOLLIN)
        either.register(output, select.EPOLLIN)
        while True:
            await trio.lowlevel.wait_readable(either.fileno())
            ready = dict(either.poll(0))
            if output in ready:
                chunk = os.read(output, _CHUNK)
                kept.write(chunk)
                if not chunk:
                    either.unregister(output)
            if exited in ready:
                return


def _output_of(process: trio.Process) -> trio.lowlevel.FdStream:
    return cast("trio.lowlevel.FdStream", process.stdout)


async def _feed(process: trio.Process, stdin: bytes) -> None:
    stream = cast("trio.abc.SendStream", process.stdin)
    with suppress(trio.BrokenResourceError):  # a program need not read what it is given
        async with stream:
            await stream.send_all(stdin)


async def _see_it_end(process: trio.Process, kept: KeptText, answer: _Answer) -> None:
    """Wait for the end of a program that was killed, and for what somebody still has to say, for as long as is fair."""
    with trio.move_on_after(_DEATH_SECONDS):
        await process.wait()
    with trio.move_on_after(_LAST_WORDS_SECONDS):
        while chunk := await _output_of(process).receive_some(_CHUNK):
            kept.write(chunk)
        await answer.collect()


def _said_all(process: trio.Process, kept: KeptText) -> bool:
    """Take what is there to be read; true when nothing more can come, as when nobody is left to say it."""
    output = _output_of(process).fileno()
    try:
        while chunk := os.read(output, _CHUNK):  # never waits: trio made it so
            kept.write(chunk)
    except BlockingIOError:
        return False
    return True
