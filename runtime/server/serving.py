"""Serving an application over HTTP: Hypercorn's protocol on trio, behind a door and in a nursery of our own.

The application is plain ASGI, so that another server can take this one's place; nothing else here knows of Hypercorn.
Its protocol is given one connection at a time: how many there are, of whom, how long one may stall, and that a fault in
one is no concern of the others, is seen to here.
"""

import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Final, cast

import trio

from runtime.errors import Refused
from runtime.extras import needed_by
from runtime.logs.lines import log
from runtime.server.limits import ServerLimits

with needed_by("a server"):
    from hypercorn.config import Config
    from hypercorn.trio.tcp_server import TCPServer
    from hypercorn.trio.worker_context import WorkerContext
    from hypercorn.typing import ConnectionState
    from hypercorn.utils import wrap_app
    from starlette.types import ASGIApp, Receive, Scope, Send

_LONGEST_HEADERS: Final = 16_384
_LONGEST_FRAME: Final = 65_536
_BACKLOG: Final = 1024
_PING_SECONDS: Final = 20.0
_PIECE: Final = 65_536
_TURNED_AWAY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nConnection: close\r\n"
    b"Retry-After: 1\r\nContent-Length: 73\r\n\r\n"
    b'{"status":503,"error":"the server has as many connections as it takes"}\r\n'
)


class CannotListen(Refused):
    """The server cannot have the address it was given."""


@asynccontextmanager
async def serving(
    app: ASGIApp, listen: str, *, grace_seconds: float, limits: ServerLimits | None = None
) -> AsyncIterator[str]:
    """Serve for as long as the block lasts; gives the address, ``host:port``, in which a port 0 has become a real one.

    Leaving the block closes the door first; requests that are being answered get the grace, and are cut then.

    Raises:
        CannotListen: the address is in use, or none of this machine.
    """
    listener, address = _bound(listen)
    house = _House(app, limits or ServerLimits(), grace_seconds)
    async with trio.open_nursery() as connections:
        async with trio.open_nursery() as door:
            serve = partial(trio.serve_listeners, house.receive, [listener], handler_nursery=connections)
            door.start_soon(serve)
            try:
                yield address
            finally:
                door.cancel_scope.cancel()
        await house.close(grace_seconds)
        connections.cancel_scope.cancel()


class _House:
    """The connections of one server."""

    def __init__(self, app: ASGIApp, limits: ServerLimits, grace_seconds: float) -> None:
        self._app = wrap_app(cast("Any", _telling(app)), 0, "asgi")
        self._limits = limits
        self._config = _config(limits, grace_seconds)
        self._context = WorkerContext(None)
        self._open: dict[_Stream, str] = {}
        self._from: Counter[str] = Counter()
        self._emptied = trio.Event()

    async def receive(self, stream: trio.SocketStream) -> None:
        """Talk to one connection until it ends. Never raises but when it is cancelled."""
        limits = self._limits
        try:
            address = str(stream.socket.getpeername()[0])
        except OSError:  # it is gone again
            await trio.aclose_forcefully(stream)
            return
        if len(self._open) >= limits.connections or self._from[address] >= limits.connections_per_address:
            await _turn_away(stream)
            return
        _notice_the_dead(stream.socket, limits.stall_seconds)
        patient = _Stream(stream, limits.stall_seconds)
        self._open[patient] = address
        self._from[address] += 1
        try:
            await _Connection(self._app, self._config, self._context, ConnectionState({}), cast("Any", patient))
        except Exception:  # noqa: BLE001 - a fault in one connection ends that one
            log("understudy.server").exception("connection_failed", address=address)
        finally:
            self._leave(patient)
            await trio.aclose_forcefully(stream)

    def _leave(self, stream: "_Stream") -> None:
        address = self._open.pop(stream)
        self._from[address] -= 1
        if not self._from[address]:
            del self._from[address]
        if not self._open:
            self._emptied.set()

    async def close(self, grace_seconds: float) -> None:
        """Let requests that are being answered end within the grace; cut what is left."""
        with trio.CancelScope(shield=True, deadline=trio.current_time() + grace_seconds):
            await self._context.terminated.set()
            self._emptied = trio.Event()
            if self._open:
                await self._emptied.wait()
        for stream in list(self._open):
            stream.cut()


def _telling(app: ASGIApp) -> ASGIApp:
    """Have what an application raises in the log: Hypercorn answers it with 500, and says nothing."""

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except Exception:
            log("understudy.server").exception("request_failed", path=scope.get("path", ""))
            raise

    return told


class _Connection(TCPServer):
    """One connection. Once the other side has left it does not go on waiting for another request."""

    async def _read_data(self) -> None:
        await super()._read_data()
        await self.idle_task.stop()


class _Stream:
    """A connection as Hypercorn uses it, on which nothing that is sent waits for ever.

    Hypercorn sends in a scope that no cancel reaches, so a peer that reads nothing would hold its task, and the end of
    the program, for as long as it likes.
    """

    def __init__(self, stream: trio.SocketStream, patience_seconds: float) -> None:
        self._stream = stream
        self._patience = patience_seconds
        self.socket = stream.socket

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send; a peer that takes nothing for too long is gone."""
        view = memoryview(data)
        for start in range(0, len(view), _PIECE):
            with trio.move_on_after(self._patience) as waiting:
                try:
                    await self._stream.send_all(view[start : start + _PIECE])
                except (
                    trio.BusyResourceError
                ):  # Hypercorn sends one at a time: this one is too late, for it is being closed
                    raise trio.BrokenResourceError from None
            if waiting.cancelled_caught:
                self.cut()
                raise trio.BrokenResourceError

    async def receive_some(self, most: int) -> bytes | bytearray:
        """Receive."""
        return await self._stream.receive_some(most)

    async def send_eof(self) -> None:
        """Say that nothing follows."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close it."""
        await self._stream.aclose()

    def cut(self) -> None:
        """End it at once. Sync: who waits on it hears of it."""
        self.socket.close()


def _config(limits: ServerLimits, grace_seconds: float) -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = None
    config.include_server_header = False
    config.graceful_timeout = grace_seconds
    config.keep_alive_timeout = limits.idle_seconds
    config.h11_max_incomplete_size = _LONGEST_HEADERS
    config.websocket_max_message_size = _LONGEST_FRAME
    config.websocket_ping_interval = _PING_SECONDS
    return config


async def _turn_away(stream: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError), trio.move_on_after(1):
        await stream.send_all(_TURNED_AWAY)
        await stream.send_eof()
        await stream.receive_some(_PIECE)  # what was asked is taken in, so that the answer is not lost to a reset
    await trio.aclose_forcefully(stream)


def _notice_the_dead(connection: trio.socket.SocketType, seconds: float) -> None:
    """Have the system end a connection whose other side is gone without a word."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", int(seconds)),
            ("TCP_KEEPINTVL", 10),
            ("TCP_KEEPCNT", 3),
            ("TCP_USER_TIMEOUT", int(seconds * 1000)),
        ):
            option = getattr(socket, name, None)  # not every system has each
            if option is not None:
                connection.setsockopt(socket.IPPROTO_TCP, option, value)


def parted(listen: str) -> tuple[str, int]:
    """Take an address apart.

    Raises:
        CannotListen: it is none.
    """
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:
        raise CannotListen(f"cannot listen on {listen}: an address is HOST:PORT, such as 127.0.0.1:8081")
    return host.strip("[]"), int(port)


def _bound(listen: str) -> tuple[trio.SocketListener, str]:
    """Take an address, and give it as clients write it."""
    host, port = parted(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        door = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as fault:
        why = str(fault.strerror or fault).partition(" (while")[0]  # the address again
        raise CannotListen(f"cannot listen on {listen}: {why}") from None
    door.setblocking(False)
    shown = f"[{host}]" if family is socket.AF_INET6 else host
    return trio.SocketListener(trio.socket.from_stdlib_socket(door)), f"{shown}:{door.getsockname()[1]}"
