"""Processes that call functions, kept warm between calls.

A worker does one call at a time, in a process group of its own. One that has answered, and left nothing behind, is kept
for the next call: what it has imported is there already. One that is cancelled, takes too long, dies, or has threads or
processes left over when its call is over, is killed with its group. Those that nobody needs for a while end by
themselves, as all do when this process is gone.
"""

import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final, Self, cast

import attrs
import trio

from runners._output import KEPT_BYTES, KeptText
from runtime.runner import Json, dumps

WORKER_FD: Final = "UNDERSTUDY_WORKER_FD"
"""The variable that tells a worker where its calls come from."""

_KEPT: Final = max(2, os.cpu_count() or 1)
"""How many workers are kept at most while nobody needs them."""

_MOST_CALLS: Final = 200
"""After how many calls a worker is replaced: what they leak ends with it."""

_DEATH_SECONDS: Final = 5.0
_CHUNK: Final = 64 * 1024
_LENGTH: Final = struct.Struct("!I")
_HEAD: Final = struct.Struct("!?I")
_BEGUN: Final = b"B"
_LAST_WORDS_SECONDS: Final = 1.0


@attrs.frozen(kw_only=True)
class Called:
    """How a call ended.

    Attributes:
        answer: what the worker answered, as JSON; empty if it ended without.
        code: its exit code, minus the signal's number when a signal ended it; only if it ended without an answer.
        timed_out: it was killed because its time was over.
        too_large: the answer was not read, for it has more bytes than it may have.
        output: what the function printed.
        seconds: how long it took, starting the process included where that was necessary.
        begun: the worker had taken the call.
        clean: nothing of the call is left in the worker, neither threads nor processes.
    """

    answer: bytes = b""
    code: int = 0
    timed_out: bool = False
    too_large: bool = False
    output: str = ""
    seconds: float = 0.0
    begun: bool = True
    clean: bool = False


class Workers:
    """The workers of one runtime."""

    def __init__(self) -> None:
        self._idle: list[_Worker] = []
        self._closed = False

    async def call(
        self,
        job: Mapping[str, Json],
        *,
        environment: Mapping[str, str],
        limit_seconds: float,
        answer_bytes: int,
        fresh: bool = False,
    ) -> Called:
        """Have a worker do a job (`runtime.worker`), which it is killed for when it takes too long, or is cancelled.

        `fresh`: by one that has done nothing before, nor will do anything after it.

        Raises:
            OSError: no worker can be started.
        """
        began = trio.current_time()
        kept = KeptText(KEPT_BYTES)
        called = Called(timed_out=True)
        with trio.move_on_after(limit_seconds):
            called = await self._call(job, dict(environment), answer_bytes, kept, fresh=fresh)
        return attrs.evolve(called, output=kept.text(), seconds=trio.current_time() - began)

    async def _call(
        self, job: Mapping[str, Json], environment: dict[str, str], answer_bytes: int, kept: KeptText, *, fresh: bool
    ) -> Called:
        while True:
            warm = None if fresh else self._take(job, environment)
            worker = warm or await _Worker.start(environment)
            usable = False
            try:
                called = await worker.call(job, answer_bytes, kept)
                usable = called.clean and not fresh
            finally:
                with trio.CancelScope(shield=True):
                    await (self._give(worker) if usable else worker.kill())
            if called.begun or warm is None:
                return called

    def _take(self, job: Mapping[str, Json], environment: dict[str, str]) -> "_Worker | None":
        """Give a worker that is idle and has this environment, if there is one: best one that did the like."""
        fit = [worker for worker in self._idle if worker.environment == environment]
        if not fit:
            return None
        worker = next((one for one in reversed(fit) if one.last == _kind(job)), fit[-1])
        self._idle.remove(worker)
        return worker

    async def _give(self, worker: "_Worker") -> None:
        """Keep a worker, in the place of the one that was idle for longest if there are too many."""
        surplus = worker
        if not self._closed and worker.calls < _MOST_CALLS:
            self._idle.append(worker)
            if len(self._idle) <= _KEPT:
                return
            surplus = self._idle.pop(0)
        await surplus.kill()

    async def close(self) -> None:
        """End those that are idle, and keep none from now on."""
        self._closed = True
        idle, self._idle = self._idle, []
        async with trio.open_nursery() as nursery:
            for worker in idle:
                nursery.start_soon(worker.kill)


def _kind(job: Mapping[str, Json]) -> str:
    return str(job["file"] or job["module"])


class _Worker:
    """One process. `last` says what its last call was of."""

    def __init__(self, process: trio.Process, line: trio.socket.SocketType, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.calls = 0
        self.last = ""
        self._process = process
        self._line = line
        self._output = cast("trio.lowlevel.FdStream", process.stdout)

    @classmethod
    async def start(cls, environment: dict[str, str]) -> Self:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = await trio.lowlevel.open_process(
                    # Unbuffered: what it prints comes in the order of all that is printed, and is there when it is killed.
                    [sys.executable, "-u", "-m", "runtime.worker"],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env={**environment, WORKER_FD: str(theirs.fileno())},
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
        return cls(process, trio.socket.from_stdlib_socket(ours), environment)

    async def call(self, job: Mapping[str, Json], answer_bytes: int, kept: KeptText) -> Called:
        """Have it do a job."""
        self.calls += 1
        self.last = _kind(job)
        mark = os.urandom(16).hex()
        frame = dumps({**job, "mark": mark}).encode(errors="replace")
        if not await self._send(_LENGTH.pack(len(frame)) + frame) or await self._receive(1) != _BEGUN:
            return Called(begun=False, code=await self._end())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen, mark.encode(), kept)
            head = await self._receive(_HEAD.size)
            if len(head) == _HEAD.size:
                clean, size = _HEAD.unpack(head)
                called = await self._answer(size, answer_bytes, clean=clean)
            else:
                called = Called(code=await self._end())
            nursery.cancel_scope.deadline = trio.current_time() + _LAST_WORDS_SECONDS
        return called

    async def _answer(self, size: int, limit: int, *, clean: bool) -> Called:
        if size > limit:
            return Called(too_large=True)
        answer = await self._receive(size)
        if len(answer) < size:
            return Called(code=await self._end())
        return Called(answer=answer, clean=clean)

    async def _end(self) -> int:
        """Wait for the end of a worker that has hung up, and end what is left of its group; give its exit code."""
        with _exit_of(self._process) as exited, trio.move_on_after(_DEATH_SECONDS):
            await trio.lowlevel.wait_readable(exited)
        await self._reap()  # and no more: what it said last may still be read
        return -signal.SIGKILL if self._process.returncode is None else self._process.returncode

    async def _send(self, data: bytes) -> bool:
        view = memoryview(data)
        try:
            while view:
                view = view[await self._line.send(view) :]
        except OSError:
            return False
        return True

    async def _receive(self, size: int) -> bytes:
        """Read so many bytes, or fewer if it ends before."""
        data = bytearray()
        with suppress(OSError):
            while len(data) < size and (chunk := await self._line.recv(min(_CHUNK, size - len(data)))):
                data += chunk
        return bytes(data)

    async def _listen(self, mark: bytes, kept: KeptText) -> None:
        """Read what it prints, up to the mark that ends a call."""
        held = b""
        while chunk := await self._output.receive_some(_CHUNK):
            held += chunk
            end = held.find(mark)
            if end >= 0:
                kept.write(held[:end])
                return
            safe = max(0, len(held) - len(mark) + 1)
            kept.write(held[:safe])
            held = held[safe:]
        kept.write(held)

    async def kill(self) -> None:
        """Kill it with its group, wait for the end, and let go of it. Idempotent; takes as long as the kernel needs."""
        await self._reap()
        self._line.close()
        with trio.CancelScope(shield=True):  # closing waits for nothing
            await self._output.aclose()

    async def _reap(self) -> None:
        if self._process.returncode is None:  # not reaped: its number is still its own
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with trio.CancelScope(shield=True, deadline=trio.current_time() + _DEATH_SECONDS):
                await self._process.wait()


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
