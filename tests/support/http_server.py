"""An HTTP server made of bytes: it says exactly what a test tells it to, whether that is HTTP or not.

    async with serving(respond(200, b"hello")) as server:
        ... ask server.url("/path") ...
    assert server.requests[0].target == "/path"

A handler gets the request and the raw stream, and may answer, stall, lie, or hang up.
"""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import attrs
import trio

_LARGEST_HEAD = 1 << 20


@attrs.frozen(kw_only=True)
class Request:
    """What came in: header names in lower case."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


Handler = Callable[[Request, trio.abc.Stream], Awaitable[None]]


@attrs.define(eq=False)
class Server:
    """A server that is listening.

    Attributes:
        requests: every request whose head and body came in whole.
        asked: set when the first of them did.
        abandoned: set when a client hung up before a handler was done with it.
    """

    handler: Handler
    scheme: str = "http"
    port: int = 0
    requests: list[Request] = attrs.field(factory=list)
    asked: trio.Event = attrs.field(factory=trio.Event)
    abandoned: trio.Event = attrs.field(factory=trio.Event)
    connections: int = 0

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Take one request and let the handler do as it likes; then hang up."""
        self.connections += 1
        try:
            async with stream:
                request = await _read(stream)
                if request is None:
                    return
                self.requests.append(request)
                self.asked.set()
                await self.handler(request, stream)
        except trio.BrokenResourceError:
            self.abandoned.set()  # the client left in the middle: some tests are about that


async def _read(stream: trio.abc.Stream) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = await stream.receive_some(65536)
        if not chunk or not (data + chunk)[:1].isalpha() or len(data) > _LARGEST_HEAD:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    method, target, _ = first.split(" ", 2)
    length = int(dict(headers).get("content-length", 0))
    while len(body) < length:
        body += await stream.receive_some(65536) or b"\0" * length
    return Request(method=method, target=target, headers=headers, body=body)


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Listen on a free port of the loopback interface until the block ends."""
    server = Server(handler, scheme="https" if tls else "http")

    async def serve(stream: trio.SocketStream) -> None:
        if tls is None:
            await server.serve(stream)
        else:
            await server.serve(trio.SSLStream(stream, tls, server_side=True, https_compatible=True))

    async with trio.open_nursery() as nursery:
        listen = partial(trio.serve_tcp, serve, 0, host="127.0.0.1")
        (listener,) = await nursery.start(listen)
        server.port = listener.socket.getsockname()[1]
        yield server
        nursery.cancel_scope.cancel()


def message(status: int, body: bytes = b"", *headers: tuple[str, str], length: int | None = None) -> bytes:
    """Write a reply; `length` is the lie it tells about the length of its body, if it lies."""
    lines = [f"HTTP/1.1 {status} Reason", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def respond(status: int = 200, body: bytes = b"", *headers: tuple[str, str], length: int | None = None) -> Handler:
    """Answer, and hang up."""
    return send(message(status, body, *headers, length=length))


def send(data: bytes) -> Handler:
    """Say these bytes, and hang up."""

    async def handler(_request: Request, stream: trio.abc.Stream) -> None:
        await stream.send_all(data)

    return handler


def send_for_ever(start: bytes, chunk: bytes) -> Handler:
    """Say `start`, then `chunk` again and again."""

    async def handler(_request: Request, stream: trio.abc.Stream) -> None:
        await stream.send_all(start)
        while True:
            await stream.send_all(chunk)

    return handler


def stall(start: bytes = b"") -> Handler:
    """Say `start`, then nothing more until the client hangs up."""

    async def handler(_request: Request, stream: trio.abc.Stream) -> None:
        await stream.send_all(start)
        await stream.receive_some(1)
        raise trio.BrokenResourceError

    return handler
