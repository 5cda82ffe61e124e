"""Bodies of requests and replies: JSON or YAML, number literals as they came (spec section 11.1)."""

import json
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Final

import trio
import yaml
from starlette.requests import Request
from starlette.responses import Response

from runtime.errors import Refused, Unavailable
from runtime.server.limits import ServerLimits
from runtime.templates.yaml import YamlInvalid, parse_yaml
from runtime.threads import BRIEF
from runtime.values.json import Json, dumps, loads

_YAML: Final = "application/x-yaml"
_JSON: Final = "application/json"

_PARSED_AT_ONCE: Final = 4096
"""How many bytes are parsed while everybody else waits: some milliseconds of YAML."""

_PASSED_OVER: Final = 16 * 2**20
_PASSED_OVER_SECONDS: Final = 1.0


class BodyTooLarge(Refused):
    """A body is larger than is taken."""


class BodyTooSlow(Refused):
    """A body takes longer than is waited for."""


class BodyUnreadable(Refused):
    """A body is neither JSON nor YAML, or says the same twice."""


class Reading:
    """The bodies that are being read, of all requests together: `held` bytes."""

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self.held = 0

    @asynccontextmanager
    async def of(self, request: Request) -> AsyncIterator[bytes]:
        """Read the body of a request, and hold it for as long as the block lasts; empty where there is none.

        Raises:
            BodyTooLarge, BodyTooSlow, Unavailable: it cannot be taken.
        """
        own = 0
        try:
            raw = bytearray()
            with trio.move_on_after(self._limits.body_seconds) as waiting:
                async with aclosing(request.stream()) as pieces:
                    async for piece in pieces:
                        own += len(piece)
                        self.held += len(piece)
                        try:
                            self._check(own)
                        except Refused:
                            waiting.deadline = math.inf
                            await _pass_over(pieces)
                            raise
                        raw += piece
            if waiting.cancelled_caught:
                raise BodyTooSlow(f"the body did not arrive within {self._limits.body_seconds:g} s")
            yield bytes(raw)
        finally:
            self.held -= own

    def _check(self, own: int) -> None:
        if own > self._limits.body_bytes:
            raise BodyTooLarge(f"the body is too large: it may have at most {self._limits.body_bytes:,} bytes")
        if self.held > self._limits.bodies_bytes:
            raise Unavailable("the server reads as much as it takes: try again later")


async def _pass_over(pieces: AsyncIterator[bytes]) -> None:
    """Take in some of what still comes, and drop it: whoever is sending would lose the answer to a reset."""
    dropped = 0
    with trio.move_on_after(_PASSED_OVER_SECONDS):
        async for piece in pieces:
            dropped += len(piece)
            if dropped > _PASSED_OVER:
                return


async def parsed(raw: bytes) -> Json:
    """Read JSON, or else YAML, whatever the content type says; null where there is nothing. What is long, in a thread.

    Raises:
        BodyUnreadable: it is neither.
    """
    if len(raw) <= _PARSED_AT_ONCE:
        return _parsed(raw)
    return await BRIEF.run(_parsed, raw)


def _parsed(raw: bytes) -> Json:
    if not raw.strip():
        return None
    try:
        return loads(raw, once=True)
    except ValueError:
        pass  # as YAML it is read, or refused with the place of the fault
    try:
        return parse_yaml(raw.decode("utf-8")).data
    except UnicodeDecodeError:
        raise BodyUnreadable("the body is not UTF-8") from None
    except YamlInvalid as fault:
        raise BodyUnreadable(f"the body cannot be read as JSON or YAML: {fault}") from None


def reply(request: Request, value: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Give a value as the client prefers it: JSON, or YAML where that is named first."""
    text = dumps(value)
    accepted = [one.partition(";")[0].strip() for one in request.headers.get("accept", "").split(",")]
    if next((one for one in accepted if one in {_YAML, _JSON}), _JSON) == _JSON:
        return Response(text, status, headers, media_type=_JSON)
    written = yaml.safe_dump(json.loads(text), sort_keys=False, allow_unicode=True)
    return Response(written, status, headers, media_type=_YAML)
