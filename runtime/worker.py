"""The other end of a ``process`` step: ``python -m runtime.worker`` calls one function and answers (runner `process`).

The job is JSON on standard input: ``module`` (or ``file``, for a function of the program that was started), ``name``,
``arguments``, ``path`` for ``sys.path``, and ``memory``, bytes of address space, 0 for no limit. The answer goes to the
descriptor that ``UNDERSTUDY_ANSWER_FD`` names: ``{"output", "metadata", "tags"}`` or ``{"failed", "message", "output",
"metadata"}``, where ``failed`` is the name of an error class of `runtime.runner`, or empty for any other error. What the
function prints is its own affair.
"""

import importlib
import inspect
import os
import resource
import runpy
import sys
from collections.abc import Mapping
from functools import partial, reduce
from typing import Any

from runtime.values.json import NotJson, dumps, loads, normalise

_FAILURES = ("ClientError", "NotAssigned", "NotProvisioned", "StepFailed")
_MAIN = "__understudy_main__"
"""What the program that was started is called here, so that it does not start again."""


def answer(job: Mapping[str, Any]) -> dict[str, Any]:
    """Do the job; give what to answer. Only what ends the process gets through."""
    try:
        return _result(_call(job))
    except Exception as failure:  # noqa: BLE001 - foreign code may raise anything
        return _failure(failure)


def _call(job: Mapping[str, Any]) -> object:
    if job["file"]:
        names: Any = runpy.run_path(job["file"], run_name=_MAIN)
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


def main() -> None:
    """Read the job, do it, write the answer."""
    descriptor = int(os.environ.pop("UNDERSTUDY_ANSWER_FD"))
    os.set_inheritable(descriptor, False)
    job: Any = loads(sys.stdin.buffer.read())
    sys.path[:] = job["path"]
    if job["memory"]:
        resource.setrlimit(resource.RLIMIT_AS, (job["memory"], job["memory"]))
    text = dumps(answer(job)).encode(errors="replace")
    sys.stdout.flush()
    with os.fdopen(descriptor, "wb") as out:
        out.write(text)


if __name__ == "__main__":
    main()
