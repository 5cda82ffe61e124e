"""A program in a process group of its own, that dies whole."""

import os
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

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
        left_out: how many bytes of that are missing from its middle.
        seconds: how long it ran.
    """

    code: int
    timed_out: bool
    output: str
    left_out: int
    seconds: float


async def run_group(
    command: Sequence[str],
    *,
    folder: Path | None,
    environment: Mapping[str, str],
    stdin: bytes,
    limit_seconds: float,
    kept_bytes: int,
    door: trio.Lock,
) -> Ended:
    """Run a program and everything it starts, until the program itself ends or its time is over.

    Of those that share a `door` one is started at a time, and everybody else gets a turn in between. Its time counts
    from there.

    When it has ended, and when cancelled, every process of its group is killed. Output beyond `kept_bytes` is read and
    dropped, so that a program never waits for a reader. A cancel takes as long as the kernel needs to end the group.

    Raises:
        OSError: the program cannot be started.
        ValueError: the command or the environment holds what no program can be given.
    """
    async with door:
        began = trio.current_time()
        program = _Program(command, folder, environment, KeptText(kept_bytes), fed=bool(stdin))
    try:
        with trio.move_on_after(limit_seconds) as limit:
            await program.converse(stdin)
        seconds = trio.current_time() - began
    finally:
        program.kill()
        try:
            if not program.is_over():
                with trio.CancelScope(shield=True):
                    await program.see_it_end()
        finally:
            program.close()
    return Ended(
        code=program.code,
        timed_out=limit.cancelled_caught,
        output=program.kept.text(),
        left_out=program.kept.left_out,
        seconds=seconds,
    )


class _Program:
    """One that runs.

    It is started here and now, and not in a thread: until the program has taken over, the interpreter waits for it in
    whichever thread it is started, and the way to another one and back takes half as long again.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path | None,
        environment: Mapping[str, str],
        kept: KeptText,
        *,
        fed: bool,
    ) -> None:
        self.kept = kept
        self._process = subprocess.Popen(  # noqa: S603 - what is run was checked
            command,
            stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        try:
            self._exited = os.pidfd_open(self._process.pid)
        except BaseException:
            with self._process:
                self.kill()
            raise
        assert self._process.stdout is not None  # noqa: S101 - narrows
        self._output = self._process.stdout.fileno()
        os.set_blocking(self._output, False)

    @property
    def code(self) -> int:
        """Its exit code, as far as anybody knows."""
        return -signal.SIGKILL if self._process.returncode is None else self._process.returncode

    async def converse(self, stdin: bytes) -> None:
        """Feed the program and read it until it exits."""
        if not stdin:
            await self._listen()
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._feed, stdin)
            await self._listen()
            nursery.cancel_scope.cancel()

    async def _feed(self, stdin: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - narrows
        with suppress(trio.BrokenResourceError):  # a program need not read what it is given
            async with trio.lowlevel.FdStream(os.dup(self._process.stdin.fileno())) as stream:
                self._process.stdin.close()
                await stream.send_all(stdin)

    async def _listen(self) -> None:
        """Read the program until it exits, whoever else still holds its output open.

        One descriptor stands for the two that are waited for: a second task would cost as much again as all the rest.
        It does not reap the program, whose number must stay taken until its group is killed.
        """
        with select.epoll() as either:
            either.register(self._exited, select.EPOLLIN)
            either.register(self._output, select.EPOLLIN)
            while True:
                await trio.lowlevel.wait_readable(either.fileno())
                ready = dict(either.poll(0))
                if self._output in ready:
                    chunk = os.read(self._output, _CHUNK)
                    self.kept.write(chunk)
                    if not chunk:
                        either.unregister(self._output)
                if self._exited in ready:
                    return

    def kill(self) -> None:
        """Kill all that is left of its group."""
        with suppress(ProcessLookupError, PermissionError):  # nothing is left, or nothing of it is ours to kill
            os.killpg(self._process.pid, signal.SIGKILL)

    def is_over(self) -> bool:
        """Reap it, and take what is there to be read; true when nothing more can come, for nobody is left to say it."""
        if self._process.poll() is None:
            return False
        try:
            while chunk := os.read(self._output, _CHUNK):
                self.kept.write(chunk)
        except BlockingIOError:
            return False
        return True

    async def see_it_end(self) -> None:
        """Wait for the end of what was killed, and for what somebody still has to say, for as long as is fair."""
        with trio.move_on_after(_DEATH_SECONDS):
            while self._process.poll() is None:
                await trio.lowlevel.wait_readable(self._exited)
        with trio.move_on_after(_LAST_WORDS_SECONDS):
            while not self.is_over():
                await trio.lowlevel.wait_readable(self._output)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._exited)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
