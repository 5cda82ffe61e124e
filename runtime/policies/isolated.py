"""A process for one question: whatever the code in it does, it can be ended."""

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

import trio

from runtime.policies.protocol import PolicyBroken
from runtime.values.json import Json, dumps, loads

MEMORY_BYTES: Final = 2 << 30
"""The address space of the process."""

LARGEST_ANSWER: Final = 1 << 20


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
    }
    return await _ask(dumps(job).encode(errors="replace"))


async def _ask(job: bytes) -> Json:
    reading, writing = os.pipe()
    environment = {"UNDERSTUDY_ANSWER_FD": str(writing), "PATH": os.environ.get("PATH", "")}
    try:
        async with trio.open_nursery() as nursery:
            answer = bytearray()
            nursery.start_soon(_collect, reading, answer)
            try:
                await trio.run_process(
                    [sys.executable, "-m", "runtime.worker"],
                    stdin=job,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[writing],
                    env=environment,
                    check=False,
                )
            finally:
                os.close(writing)
    except OSError as fault:
        raise PolicyBroken(f"the process that evaluates it cannot be started: {fault}") from fault
    return _read(bytes(answer))


async def _collect(reading: int, answer: bytearray) -> None:
    async with trio.lowlevel.FdStream(reading) as stream:
        async for chunk in stream:
            answer += chunk
            if len(answer) > LARGEST_ANSWER:
                raise PolicyBroken("its answer is too large")


def _read(answer: bytes) -> Json:
    try:
        told = loads(answer)
    except ValueError:
        raise PolicyBroken("the process that evaluates it ended without an answer") from None
    if not isinstance(told, Mapping) or "failed" in told:
        raise PolicyBroken(str(told["message"]) if isinstance(told, Mapping) else "it gave no answer")
    return told["output"]
