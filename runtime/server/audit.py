"""Who asked for what, and what became of it: one line of JSON for each request (spec section 11.1).

No secret is in it: neither headers nor bodies are, and of the address what is secret there is masked.
"""

import json
import os
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self, TypeAlias

from starlette.requests import Request

from runtime.api.commands import Command
from runtime.api.queries import Query
from runtime.api.schema import tag_of
from runtime.errors import Refused
from runtime.logs.lines import log
from runtime.values.json import Json

Audit: TypeAlias = Callable[[str], None]
"""Takes a line, and keeps it. Sync; called once a request was answered."""

_NAMES: Final = (
    "task_id",
    "resolution_id",
    "flow_id",
    "template",
    "step",
    "comment_id",
    "batch_id",
    "callback_id",
    "name",
)
_SECRET: Final = frozenset({"t"})


class AuditUnusable(Refused):
    """Requests cannot be written of where it was asked for."""


_MASK: Final = "***"
_LONGEST: Final = 1000


class AuditFile:
    """Appends lines to a file, which may be truncated meanwhile: ``with AuditFile(path) as audit``.

    One that cannot be written costs no request.

    Raises:
        AuditUnusable: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as fault:
            raise AuditUnusable(f"{path} cannot be written: {fault.strerror or fault}") from None

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the file."""
        os.close(self._file)

    def __call__(self, line: str) -> None:
        """Append a line."""
        try:
            os.write(self._file, f"{line}\n".encode())
        except OSError as fault:
            log("understudy.server").error("audit_unwritable", error=str(fault))


def new_request_id() -> str:
    """Give an id of a request, which its answer tells too (``X-Request-ID``)."""
    return uuid.uuid4().hex


def about(message: Command | Query) -> dict[str, Json]:
    """Say what a message is, and what it names: the ids in it, and no more."""
    named: dict[str, Json] = {name: str(getattr(message, name)) for name in _NAMES if getattr(message, name, "")}
    return {"message": tag_of(type(message)), **named}


def line_of(request: Request, *, at: float, seconds: float, about: Mapping[str, Json]) -> str:
    """Write the line of a request. `at` is when it came, in Unix seconds; `about` says who asked for what."""
    query = "&".join(
        f"{name}={_MASK if name in _SECRET else value}" for name, value in request.query_params.multi_items()
    )
    return json.dumps(
        {
            "at": datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z"),
            "method": request.method,
            "path": request.url.path[:_LONGEST],
            "query": query[:_LONGEST],
            "ip": request.client.host if request.client else "",
            "seconds": round(seconds, 6),
            **about,
        }
    )
