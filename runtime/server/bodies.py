"""Bodies of requests and replies: JSON or YAML, number literals as they came (spec section 11.1)."""

import json
from collections.abc import Mapping
from contextlib import aclosing
from typing import Final

import yaml
from starlette.requests import Request
from starlette.responses import Response

from runtime.errors import Refused
from runtime.templates.yaml import YamlInvalid, parse_yaml
from runtime.values.json import Json, dumps, loads

YAML: Final = "application/x-yaml"


class BodyTooLarge(Refused):
    """A body is larger than is taken."""


class BodyUnreadable(Refused):
    """A body is neither JSON nor YAML."""


async def read_body(request: Request, most: int) -> Json:
    """Read the body of a request; null where there is none.

    Raises:
        BodyTooLarge, BodyUnreadable: it cannot be taken.
    """
    raw = bytearray()
    async with aclosing(request.stream()) as pieces:
        async for piece in pieces:
            raw += piece
            if len(raw) > most:
                raise BodyTooLarge(f"the body is too large: {most:,} bytes are the most")
    return parsed(bytes(raw))


def parsed(raw: bytes) -> Json:
    """Read JSON, or else YAML, whatever the content type says."""
    if not raw.strip():
        return None
    try:
        return loads(raw)
    except ValueError:
        pass
    try:
        return parse_yaml(raw.decode("utf-8")).data
    except UnicodeDecodeError:
        raise BodyUnreadable("the body is not UTF-8") from None
    except YamlInvalid as fault:
        raise BodyUnreadable(f"the body is neither JSON nor YAML: {fault}") from None


def reply(request: Request, value: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Give a value as the client prefers it: JSON, or YAML."""
    text = dumps(value)
    if YAML not in request.headers.get("accept", ""):
        return Response(text, status, headers, media_type="application/json")
    written = yaml.safe_dump(json.loads(text), sort_keys=False, allow_unicode=True)
    return Response(written, status, headers, media_type=YAML)
