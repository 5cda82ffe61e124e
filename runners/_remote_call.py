"""Calls of functions in other processes: what goes there, and what comes back (`runtime.worker`)."""

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from runtime.runner import (
    ClientError,
    Fault,
    Json,
    NotAssigned,
    NotJson,
    NotProvisioned,
    Outcome,
    RunnerSettings,
    StepFailed,
)

LARGEST_RESULT = 10 * 1024 * 1024
"""How much may come back: bytes of a result, as JSON."""

_ERRORS: Mapping[str, type[StepFailed]] = {
    "ClientError": ClientError,
    "NotAssigned": NotAssigned,
    "NotProvisioned": NotProvisioned,
    "StepFailed": StepFailed,
    "": StepFailed,
}


def misfits(settings: RunnerSettings, name: str, arguments: Mapping[str, Json]) -> Iterable[Fault]:
    """Say why a function cannot be called elsewhere, if so."""
    try:
        known = settings.functions.get(name)
    except LookupError as unknown:
        yield Fault("name", str(unknown))
        return
    if not known.importable:
        yield Fault("name", "another process cannot find it by its name", "define it at the top of a module")
    try:
        known.signature.bind(**arguments)
    except TypeError as misfit:
        yield Fault("arguments", f"{name}: {misfit}")


def job_of(settings: RunnerSettings, registered: str, rendered: Mapping[str, Json]) -> dict[str, Json]:
    """Describe a call of a function that is known here.

    Raises:
        ClientError: an argument is not what its parameter is declared as.
    """
    try:
        arguments = settings.functions.get(registered).arguments(rendered)
    except ValueError as fault:
        raise ClientError(f"{registered}: {fault}") from None
    module, _, name = registered.partition(":")
    main = sys.modules["__main__"]
    file = os.path.abspath(getattr(main, "__file__", None) or "") if module == "__main__" else ""  # noqa: PTH100 - no links are followed
    return {"module": module, "file": file, "name": name, "arguments": arguments}


def outcome_of(told: Mapping[str, Any], metadata: Mapping[str, Json]) -> Outcome:
    """Read what a call came to; `metadata` where it says none of its own.

    Raises:
        StepFailed, NotJson: as the function did.
    """
    if "failed" not in told:
        return Outcome(output=told["output"], metadata=told["metadata"] or metadata, tags=told["tags"])
    if told["failed"] == "NotJson":
        raise NotJson(told["message"])
    error = _ERRORS[told["failed"]]
    raise error(told["message"], output=told["output"], metadata=told["metadata"] or metadata)
