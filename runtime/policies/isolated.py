"""A process for one question: whatever the code in it does, it can be ended."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from typing import Final

import trio

from runtime.policies.protocol import PolicyBroken
from runtime.values.json import Json, dumps, loads

MEMORY_BYTES: Final = 2 << 30
"""The address space of the process."""

LARGEST_ANSWER: Final = 1 << 20


_LENGTH: Final = 4
_HEAD: Final = 2 + _LENGTH
"""What precedes an answer: that the call began, whether it left something behind, and how long the answer is."""

_JUDGES: Final = "runtime.policies.judges"


async def ask(judge: str, arguments: Mapping[str, Json]) -> Json:
    """Call a function of `runtime.policies.judges` in a process of its own. Cancelling the call kills the process.

    Raises:
        PolicyBroken: it raised, or the process ended without an answer.
    """
    job: dict[str, Json] = {
        "module": _JUDGES,
        "file": "",
        "name": judge,
        "arguments": arguments,
        "path": list(sys.path),
        "memory": MEMORY_BYTES,
        "mark": "",
    }
    return await _ask(dumps(job).encode(errors="replace"))


async def _ask(job: bytes) -> Json:
    """Have a worker of its own (`runtime.worker`) take one call, and end it."""
    ours, theirs = socket.socketpair()
    environment = {"UNDERSTUDY_WORKER_FD": str(theirs.fileno()), "PATH": os.environ.get("PATH", "")}
    with theirs:
        async with (
            trio.SocketStream(trio.socket.from_stdlib_socket(ours)) as line,
            trio.open_nursery() as nursery,
        ):
            worker = partial(
                trio.run_process,
                [sys.executable, "-m", "runtime.worker"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=environment,
                check=False,
            )
            told: bytes | PolicyBroken  # raised outside, or the nursery would wrap it
            try:
                await nursery.start(worker)
            except OSError as fault:
                told = PolicyBroken(f"the process that evaluates it cannot be started: {fault}")
            else:
                theirs.close()
                told = await _called(line, job)
            nursery.cancel_scope.cancel()
    if isinstance(told, PolicyBroken):
        raise told
    return _read(told)


async def _called(line: trio.SocketStream, job: bytes) -> bytes | PolicyBroken:
    """Send a call, and give what is answered; nothing where the process ends first."""
    answer = bytearray()
    try:
        await line.send_all(len(job).to_bytes(_LENGTH) + job)
        async for chunk in line:
            answer += chunk
            size = int.from_bytes(answer[_HEAD - _LENGTH : _HEAD])
            if len(answer) >= _HEAD and size > LARGEST_ANSWER:
                return PolicyBroken("its answer is too large")
            if len(answer) >= _HEAD + size > _HEAD:
                return bytes(answer[_HEAD:])
    except trio.BrokenResourceError:
        pass
    return b""


def _read(answer: bytes) -> Json:
    try:
        told = loads(answer)
    except ValueError:
        raise PolicyBroken("the process that evaluates it ended without an answer") from None
    if not isinstance(told, Mapping) or "failed" in told:
        raise PolicyBroken(str(told["message"]) if isinstance(told, Mapping) else "it gave no answer")
    return told["output"]
