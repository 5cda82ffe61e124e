"""A server, as the command line talks to it: the same messages as everywhere, over HTTP."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self

from runtime.api.codec import EVENTS, REQUESTS
from runtime.api.commands import Command
from runtime.api.messages import Event
from runtime.api.queries import Query
from runtime.cli.tables import printable
from runtime.errors import Refused
from runtime.extras import needed_by
from runtime.values.json import Json, dumps, loads, normalise, unicode_of

with needed_by("a command that asks a server"):
    import httpx2

_TIMEOUT_SECONDS: Final = 60.0
"""How long the server may say nothing. One that tells events says every 15 s that it is there."""

_TOKEN: Final = re.compile(r"[!-~]+")
_NUMBER: Final = re.compile(r"^\[Errno -?\d+\] ")
_UNREACHABLE: Final = (httpx2.HTTPError, UnicodeError)
"""What comes of asking nobody; the second, of a name that can be no host's."""

_ATTEMPTS: Final = 20
_PAUSE_SECONDS: Final = 0.5


class ServerRefused(Refused):
    """The server did not do it; the text is its own."""


class Remote:
    """A connection to a server: ``with Remote(url) as server``."""

    def __init__(self, url: str, *, token: str = "", user: str = "") -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        name, colon, password = user.partition(":")
        self._url = printable(url)  # which may be shown
        if token and not _TOKEN.fullmatch(token):
            raise ServerRefused(
                "a token is letters, digits and signs, without blanks: look at --token, or UNDERSTUDY_TOKEN"
            )
        if user and not (name and colon):
            raise ServerRefused("who you are is written NAME:PASSWORD: look at --user, or UNDERSTUDY_USER")
        try:
            auth = httpx2.BasicAuth(name, password) if user else None
            address = httpx2.URL(url)
            known = bool(address.host) and address.scheme in {"http", "https"}
        except UnicodeError:
            raise ServerRefused("what --server and --user say has to be text") from None
        except httpx2.InvalidURL:
            known = False
        if not known:
            raise ServerRefused(f'the address of a server is written "http://host:8081", not "{self._url}"')
        self._client = httpx2.Client(base_url=url, headers=headers, auth=auth, timeout=_TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def ask(self, message: Command | Query) -> Any:
        """Send a message; give the answer.

        Raises:
            MessageInvalid: what it says cannot be.
            ServerRefused: it was not done, or nobody answers.
        """
        said = normalise(REQUESTS.encode(message))
        REQUESTS.decode(said)  # what no server would take is refused here, in the same words
        try:
            reply = self._client.post("/v1/messages", content=dumps(said))
        except _UNREACHABLE as fault:
            raise self._unreachable(fault) from None
        return self._taken(reply.status_code, reply.text)

    def events(self, *, after: int = 0, task_id: str = "") -> Iterator[Event]:
        """Give events from a position on. Where the server goes, and comes back soon, it goes on and misses none.

        Raises:
            ServerRefused: it gives none, or does not come back.
        """
        attempts, heard = 0, False
        while True:
            try:
                for event in self._told(after, task_id):
                    attempts, heard = 0, True
                    after = getattr(event, "position", after)
                    yield event
                fault = ServerRefused(f"{self._url} tells no more")
            except ServerRefused as refusal:
                if not heard:
                    raise
                fault = refusal
            attempts += 1
            if attempts > _ATTEMPTS:
                raise fault
            time.sleep(_PAUSE_SECONDS)

    def _told(self, after: int, task_id: str) -> Iterator[Event]:
        query: Mapping[str, str] = {"after": str(after), **({"task_id": unicode_of(task_id)} if task_id else {})}
        try:
            with self._client.stream("GET", "/v1/events", params=query) as reply:
                if reply.status_code != 200:
                    reply.read()
                    self._taken(reply.status_code, reply.text)
                for line in reply.iter_lines():
                    if line.startswith("data: "):
                        yield EVENTS.decode(json.loads(line.removeprefix("data: ")))
        except _UNREACHABLE as fault:
            raise self._unreachable(fault) from None

    def _taken(self, status: int, text: str) -> Json:
        try:
            answer = loads(text)
        except ValueError:
            raise ServerRefused(f"{self._url} is not a server of tasks: it answered {status}") from None
        if status >= 400:
            said = answer.get("error") if isinstance(answer, Mapping) else None
            hint = "; look at --token and --user" if status == 401 else ""
            raise ServerRefused(f"{said or f'the server answered {status}'}{hint}")
        return answer

    def _unreachable(self, fault: Exception) -> ServerRefused:
        why = _NUMBER.sub("", str(fault)) or type(fault).__name__
        return ServerRefused(
            f"{self._url} cannot be reached: {why}; start a server with understudy serve, or name one with --server"
        )
