"""The other end of ``process`` steps: ``python -m runtime.worker`` calls functions and answers (runner `process`).

Calls come, one after the other, from the socket that ``UNDERSTUDY_WORKER_FD`` names, until it is closed, or nothing came
for a minute. A call is a length of four bytes and JSON: ``module`` (or ``file``, for a function of the program that was
started), ``name``, ``arguments``, ``path`` for ``sys.path``, ``memory``, bytes of address space, 0 for no limit, and
``mark``. One byte says that it begins. The answer is a byte that says whether nothing of the call is left here, a length
and JSON: ``{"output", "metadata", "tags"}`` or ``{"failed", "message", "output", "metadata"}``, where ``failed`` is the
name of an error class of `runtime.runner`, or empty for any other error. What the function prints is its own affair;
behind it comes the mark.
"""

import ctypes
import importlib
import inspect
import os
import resource
import runpy
import select
import socket
import struct
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cache, partial, reduce
from typing import Any

from runtime.values.json import NotJson, dumps, loads, normalise

_FAILURES = ("ClientError", "NotAssigned", "NotProvisioned", "StepFailed")
_LENGTH = struct.Struct("!I")
_HEAD = struct.Struct("!?I")
_IDLE_SECONDS = 60.0
_PR_SET_CHILD_SUBREAPER = 36
_MAIN = "__understudy_main__"
"""What the program that was started is called here, so that it does not start again."""


def answer(job: Mapping[str, Any]) -> dict[str, Any]:
    """Do the job; give what to answer. Only what ends the process gets through."""
    try:
        return _result(_call(job))
    except Exception as failure:  # noqa: BLE001 - foreign code may raise anything
        return _failure(failure)


@cache
def _program(file: str) -> Mapping[str, Any]:
    return runpy.run_path(file, run_name=_MAIN)


def _call(job: Mapping[str, Any]) -> object:
    if job["file"]:
        names: Any = _program(job["file"])
        first, *rest = job["name"].split(".")
        function = reduce(getattr, rest, names[first])
    else:
        function = reduce(getattr, job["name"].split("."), importlib.import_module(job["module"]))
    if not inspect.iscoroutinefunction(function):
        return function(**job["arguments"])
    import trio  # noqa: PLC0415 - most functions for a process are plain, and it takes a while to load

    return trio.run(partial(function, **job["arguments"]))


def _result(returned: object) -> dict[str, Any]:
    if type(returned).__name__ != "Outcome":
        return {"output": normalise(returned), "metadata": None, "tags": {}}
    outcome: Any = returned
    return {
        "output": normalise(outcome.output),
        "metadata": normalise(outcome.metadata),
        "tags": dict(outcome.tags),
    }


def _failure(failure: Exception) -> dict[str, Any]:
    if isinstance(failure, NotJson):
        return {"failed": "NotJson", "message": failure.problem, "output": None, "metadata": None}
    runner = sys.modules.get("runtime.runner")  # not loaded: then it is none of its errors
    for name in _FAILURES if runner else ():
        if isinstance(failure, getattr(runner, name)):
            told: Any = failure
            try:
                output, metadata = normalise(told.output), normalise(told.metadata)
            except NotJson as fault:
                return {"failed": "NotJson", "message": fault.problem, "output": None, "metadata": None}
            return {"failed": name, "message": told.message, "output": output, "metadata": metadata}
    return {"failed": "", "message": f"{type(failure).__name__}: {failure}", "output": None, "metadata": None}


def _read(line: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size and (chunk := line.recv(size - len(data))):
        data += chunk
    return bytes(data)


def _alone() -> bool:
    """Say whether a call left neither threads nor processes behind."""
    if threading.active_count() > 1:
        return False
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return True
    return False


def _adopt_orphans() -> None:
    """Be the parent of whatever a call leaves behind, so that it is noticed."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class _Room:
    """What a call may change of the process, and how it was before."""

    def __init__(self) -> None:
        self._output = os.dup(1)
        self._folder = os.getcwd()  # noqa: PTH109 - what chdir takes
        self._environment = dict(os.environ)
        self._memory = resource.getrlimit(resource.RLIMIT_AS)

    def furnish(self, job: Mapping[str, Any]) -> None:
        sys.path[:] = job["path"]
        if job["memory"]:
            resource.setrlimit(resource.RLIMIT_AS, (job["memory"], self._memory[1]))

    def clear(self, mark: bytes) -> bool:
        """Put everything back; false when that cannot be done."""
        try:
            resource.setrlimit(resource.RLIMIT_AS, self._memory)
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
            os.write(self._output, mark)
            os.dup2(self._output, 1)
            os.dup2(self._output, 2)
            os.chdir(self._folder)
            os.environ.clear()
            os.environ.update(self._environment)
        except (OSError, ValueError):
            return False
        return _alone()


def main() -> None:
    """Take calls until there are no more."""
    line = socket.socket(fileno=int(os.environ.pop("UNDERSTUDY_WORKER_FD")))
    line.set_inheritable(False)
    _adopt_orphans()
    room = _Room()
    while select.select([line], [], [], _IDLE_SECONDS)[0]:
        head = _read(line, _LENGTH.size)
        if len(head) < _LENGTH.size:
            return
        job: Any = loads(_read(line, _LENGTH.unpack(head)[0]))
        line.sendall(b"B")
        room.furnish(job)
        told = answer(job)
        clean = room.clear(job["mark"].encode())
        text = dumps(told).encode(errors="replace")
        line.sendall(_HEAD.pack(clean, len(text)) + text)


if __name__ == "__main__":
    main()
