"""A link to a server that can be made to fail as links do: it loses everything and says nothing, is slow, or is cut.

What a kernel would notice is not noticed here: whoever writes into a hole has it acknowledged by the proxy's side of
the connection, as where something on the way has hung.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import trio
from psycopg import conninfo

_CHUNK: Final = 65_536


class Mode(StrEnum):
    """What becomes of what is sent, in either direction."""

    OPEN = "open"
    HOLE = "hole"
    """It is lost, and so is whatever the connections that are there by then will ever send."""
    STALL = "stall"
    """It is kept, and arrives once the link is open again."""
    SLOW = "slow"
    """Each piece takes a while."""
    SEVER = "sever"
    """Half of the next piece arrives, and the connection is cut; later ones are let through."""


class Link:
    """One way to the server, with a port of its own."""

    def __init__(self, server: "trio.abc.Stream | str | tuple[str, int]") -> None:
        self._server = server
        self.mode = Mode.OPEN
        self.seconds = 0.05
        self._changed = trio.Event()
        self._lost: set[object] = set()
        self._alive: set[object] = set()
        self.port = 0

    def set(self, mode: Mode) -> None:
        """Change what the link does."""
        self.mode = mode
        if mode is Mode.HOLE:
            self._lost |= self._alive
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    async def run(self, *, task_status: "trio.TaskStatus[None]") -> None:
        """Listen, and pass on, until cancelled."""
        async with trio.open_nursery() as nursery:
            [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
            self.port = listener.socket.getsockname()[1]
            task_status.started()
            await trio.serve_listeners(self._serve, [listener], handler_nursery=nursery)

    async def _serve(self, client: trio.SocketStream) -> None:
        token = object()
        self._alive.add(token)
        if self.mode is Mode.HOLE:
            self._lost.add(token)
        try:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError, OSError):
                server = await self._reach()
                async with client, server, trio.open_nursery() as nursery:
                    for one, other in ((client, server), (server, client)):
                        nursery.start_soon(self._pass, token, one, other, nursery.cancel_scope)
        finally:
            self._alive.discard(token)

    async def _reach(self) -> trio.SocketStream:
        if isinstance(self._server, str):
            return await trio.open_unix_socket(self._server)
        host, port = self._server  # type: ignore[misc] # as it is said
        return await trio.open_tcp_stream(host, port)

    async def _pass(
        self, token: object, source: trio.SocketStream, sink: trio.SocketStream, both: trio.CancelScope
    ) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while piece := await source.receive_some(_CHUNK):
                while self.mode is Mode.STALL:
                    await self._changed.wait()
                if token in self._lost:
                    await trio.sleep_forever()  # neither end hears of anything any more, not even of the other's
                if self.mode is Mode.SLOW:
                    await trio.sleep(self.seconds)
                if self.mode is Mode.SEVER and len(piece) > 1:
                    self.set(Mode.OPEN)
                    await sink.send_all(piece[: len(piece) // 2])
                    break
                await sink.send_all(piece)
        if token in self._lost:
            await trio.sleep_forever()
        both.cancel()


def place_of(url: str) -> str | tuple[str, int]:
    """Say where the server of an address listens: the path of a socket, or host and port."""
    known = conninfo.conninfo_to_dict(url.partition("&schema=")[0])
    host, port = str(known.get("host") or "127.0.0.1"), int(known.get("port") or 5432)
    return f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)


def through(url: str, port: int) -> str:
    """Give an address that leads through a link's port."""
    parts = urlsplit(url)
    options = [(name, value) for name, value in parse_qsl(parts.query) if name not in {"host", "port"}]
    credentials = f"{parts.username or ''}@" if parts.username else ""
    return f"postgresql://{credentials}127.0.0.1:{port}{parts.path}?{urlencode(options, quote_via=quote)}"


@asynccontextmanager
async def link_to(url: str) -> AsyncIterator[Link]:
    """Open a link for as long as the block lasts."""
    link = Link(place_of(url))
    async with trio.open_nursery() as nursery:
        await nursery.start(link.run)
        try:
            yield link
        finally:
            nursery.cancel_scope.cancel()
