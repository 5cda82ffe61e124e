"""Refusals as replies: one JSON document for each, ``application/problem+json`` (RFC 9457).

`error` holds the text that the command line and Python give for the same fault, and where clients of µTask look for it;
`faults` every fault of a document with its path.
"""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from runtime.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound, Refused, Unavailable, UnderMaintenance
from runtime.values.json import Json, dumps

_TITLES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    421: "Misdirected Request",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
RETRY_AFTER_SECONDS: Final = 1


def problem(status: int, text: str, *, faults: Json = None, headers: Mapping[str, str] | None = None) -> Response:
    """Make the reply of a refusal."""
    document: dict[str, Json] = {
        "type": "about:blank",
        "title": _TITLES.get(status, "Refused"),
        "status": status,
        "detail": text,
        "error": text,
    }
    if faults:
        document["faults"] = faults
    return Response(dumps(document), status, headers, media_type="application/problem+json")


def refusal(cause: Refused, *, conflict: int = 409) -> Response:
    """Give the reply of what was refused. `conflict` is the status where the state of a task forbids what was asked."""
    text = str(cause)
    match cause:
        case Invalid():
            faults: Json = [{"path": one.path, "message": one.message, "hint": one.hint} for one in cause.faults]
            return problem(400, text, faults=faults)
        case NotFound():
            return problem(404, text)
        case Forbidden():
            return problem(403, text)
        case AlreadyExists():
            return problem(409, text)
        case Conflict():
            return problem(conflict, text)
        case UnderMaintenance():
            return problem(405, text)
        case Unavailable():
            return problem(503, text, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        case _:
            return problem(400, text)
