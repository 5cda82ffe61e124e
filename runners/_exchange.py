"""One HTTP exchange: no retries, bounded in size, nothing left open, and one kind of error for all that goes wrong."""

import re
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import cast

import attrs
import httpcore2
import httpx2
import trio

from runners._reply import Reply, metadata_of
from runners._thread import decoded
from runners._wire import Wire
from runtime.runner import ClientError, Destinations, Forbidden, StepFailed

LARGEST_REPLY = 10 * 1024 * 1024
"""Bytes of a reply's body, before and after it is decompressed, unless a call says otherwise."""

MOST_REDIRECTS = 10
"""How often a call follows a redirect, unless it says otherwise."""

_OUR_HEADERS = (
    ("Accept", "*/*"),
    ("Accept-Encoding", "gzip"),
    ("Connection", "keep-alive"),
    ("User-Agent", "understudy"),
)
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
"""What a method or the name of a header may look like."""
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LONGEST_PROBLEM = 300  # characters of what a library says about bytes from outside


class _RefusedError(ValueError):
    """The reply came, and is not one that can be taken."""


_ILLEGAL = "the request is not legal HTTP: look for odd characters in its host, method and headers"

_SAYINGS: Sequence[tuple[type[Exception] | tuple[type[Exception], ...], str]] = (
    (_RefusedError, "{}"),
    (
        (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpcore2.UnsupportedProtocol),
        "the url is not one that can be asked",
    ),
    (
        (httpx2.LocalProtocolError, UnicodeError),
        _ILLEGAL,
    ),
    (httpcore2.LocalProtocolError, _ILLEGAL),
    ((httpx2.ConnectError, httpcore2.ConnectError), "cannot connect: {}"),
    ((httpx2.ProxyError, httpcore2.ProxyError), "the proxy does not let us through: {}"),
    ((httpx2.ProtocolError, httpcore2.ProtocolError), "the reply is not HTTP: {}"),
    ((httpx2.TransportError, httpcore2.NetworkError, httpcore2.TimeoutException), "the connection broke: {}"),
)
"""The words for each kind of failure, the first that fits; only those with braces repeat what a library says."""


_FAULTS = (
    *(httpx2.HTTPError, httpx2.InvalidURL),
    *(httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError, httpcore2.TimeoutException),
    *(httpcore2.UnsupportedProtocol, OSError, ValueError, NotImplementedError),
)
"""Whatever may go wrong in an exchange, but for a bug."""


@attrs.frozen(kw_only=True)
class Call:
    """What to ask of whom."""

    method: str
    url: str = attrs.field(repr=False)
    headers: Sequence[tuple[str, str]] = attrs.field(default=(), repr=False)
    body: bytes = attrs.field(default=b"", repr=False)
    auth: httpx2.Auth | None = attrs.field(default=None, repr=False)
    follow_redirects: bool = False
    most_redirects: int = MOST_REDIRECTS
    largest_reply: int = LARGEST_REPLY
    proxy: str = attrs.field(default="", repr=False)

    @property
    def takes_one_request(self) -> bool:
        """Whether nothing the reply may say leads to another request."""
        challenged = not isinstance(self.auth, httpx2.BasicAuth | None)
        return not self.follow_redirects and not challenged and "@" not in self.url


async def exchange(
    call: Call,
    *,
    tls: ssl.SSLContext | None,
    destinations: Destinations,
    environment: Mapping[str, str],
    transport: httpx2.AsyncBaseTransport | None,
) -> Reply:
    """Send a request and read the reply to its end. It has no time limit: the caller's scope is the limit.

    Cancelling it closes its connection at once. `environment` holds the proxies to use for each scheme. `transport`
    takes the place of the network, and of what is said of TLS, destinations and proxies.

    Raises:
        ClientError: the request, or one that it was redirected to, may not go where it should.
        StepFailed: there is no whole reply that could be read; it carries the metadata when the headers came. Its text
            never holds more of the url than its host, a header or a credential.
    """
    head: Reply | None = None
    limit = _Limit(call.largest_reply)
    wire = transport or Wire(tls=tls, destinations=destinations, proxy=call.proxy, environment=environment)
    try:
        with limit.scope:
            async with _answered(call, wire, limit) as response:
                head = Reply(status=response.status_code, headers=response.headers.multi_items())
                raw = await response.aread()
        if limit.exceeded or head is None:
            raise _too_large(call.largest_reply)
        return attrs.evolve(head, body=await decoded(lambda body: _plain(body, limit.encoding, limit.size), raw))
    except Forbidden as fault:
        raise ClientError(str(fault), metadata=metadata_of(head) if head else None) from None
    except httpx2.TooManyRedirects:
        raise StepFailed(f"more than {call.most_redirects} redirects") from None
    except _FAULTS as fault:
        raise StepFailed(_problem(fault), metadata=metadata_of(head) if head else None) from None


@asynccontextmanager
async def _answered(call: Call, wire: httpx2.AsyncBaseTransport, limit: "_Limit") -> AsyncIterator[httpx2.Response]:
    """Send the request and give the reply, whose body has not been read.

    What takes more than one request, redirects and challenges, is a client's affair; making one for a single request
    would cost a third of the exchange.
    """
    _check_headers(call.headers)
    if call.takes_one_request:
        request = httpx2.Request(call.method, call.url, headers=_all_headers(call), content=call.body)
        if call.auth is not None:
            request = next(call.auth.sync_auth_flow(request))
        async with wire:
            response = await wire.handle_async_request(request)
            await limit.set_on(response)
            try:
                yield response
            finally:
                await response.aclose()
        return
    async with (
        httpx2.AsyncClient(
            auth=call.auth,
            transport=wire,
            follow_redirects=call.follow_redirects,
            max_redirects=call.most_redirects,
            timeout=None,
            headers=list(_OUR_HEADERS),
            event_hooks={"response": [limit.set_on]},
        ) as client,
        client.stream(call.method, call.url, headers=_encoded(call.headers), content=call.body) as response,
    ):
        yield response


def _check_headers(headers: Sequence[tuple[str, str]]) -> None:
    """Refuse what the library would refuse, and would show to its log.

    Raises:
        _RefusedError: a name or a value is not legal.
    """
    for name, value in headers:
        if not TOKEN.fullmatch(name) or value != value.strip(" \t") or _CONTROL.search(value):
            raise _RefusedError(_ILLEGAL)


def _all_headers(call: Call) -> list[tuple[bytes, bytes]]:
    """Give the headers of a call, and those of ours that it does not name itself."""
    named = {name.lower() for name, _ in call.headers}
    return _encoded([*(pair for pair in _OUR_HEADERS if pair[0].lower() not in named), *call.headers])


def _encoded(headers: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers]


def _problem(fault: Exception) -> str:
    """Say what went wrong, in words that hold nothing of the request."""
    for kinds, saying in _SAYINGS:
        if isinstance(fault, kinds):
            return saying.format(_root_cause(fault))
    return f"the exchange failed ({type(fault).__name__})"


def _root_cause(fault: BaseException) -> str:
    """Give the first error that says something, going down the causes: wrappers tend to be silent."""
    cause: BaseException | None = fault
    while cause is not None:
        if str(cause):
            return str(cause)[:_LONGEST_PROBLEM]
        cause = cause.__cause__ or cause.__context__
    return type(fault).__name__


class _Limit:
    """Bounds every reply of an exchange, those to redirects and challenges included, and decompresses none of them.

    Attributes:
        size: how many bytes a body may have.
        scope: what the exchange runs in; it is cancelled when a reply is too large, so that whatever is being read is
            left the way that cancelling leaves it.
        exceeded: whether that happened.
        encoding: the content encoding of the last reply, which is taken out of its headers.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.scope = trio.CancelScope()
        self.exceeded = False
        self.encoding = ""

    async def set_on(self, response: httpx2.Response) -> None:
        """Bound a reply whose headers have come."""
        self.encoding = response.headers.pop("content-encoding", "").strip().lower()
        if self.encoding:
            response.headers.pop("content-length", None)
        response.stream = _Bounded(cast("httpx2.AsyncByteStream", response.stream), self)

    def exceed(self) -> None:
        """Give up."""
        self.exceeded = True
        self.scope.cancel()


class _Bounded(httpx2.AsyncByteStream):
    """A body that may not become too large."""

    def __init__(self, stream: httpx2.AsyncByteStream, limit: _Limit) -> None:
        self._stream = stream
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size <= self._limit.size:
                yield chunk
            else:
                self._limit.exceed()  # and go on: the next read is where the cancel comes in

    async def aclose(self) -> None:
        await self._stream.aclose()


def _too_large(limit: int) -> _RefusedError:
    size = f"{limit // 1024 // 1024} MiB" if limit % (1024 * 1024) == 0 else f"{limit} bytes"
    return _RefusedError(f"the reply is larger than {size}, and no more than that is read")


def _plain(raw: bytes, encoding: str, limit: int) -> bytes:
    """Decompress a body, never to more than the limit.

    Raises:
        _RefusedError: it is in an encoding that was not asked for, is not what it says, or is too large.
    """
    if not raw or encoding in {"", "identity"}:
        return raw
    if encoding not in {"gzip", "x-gzip"}:
        raise _RefusedError(f'the reply is compressed as "{encoding[:20]}", and only gzip is read')
    body = bytearray()
    try:
        while raw:
            member = zlib.decompressobj(16 + zlib.MAX_WBITS)
            body += member.decompress(raw, limit + 1 - len(body))
            if len(body) > limit:
                raise _too_large(limit)
            if not member.eof:
                raise _RefusedError("the reply is cut: its gzip data has no end")
            raw = member.unused_data
    except zlib.error as fault:
        raise _RefusedError(f"the reply is not the gzip data that it says it is: {fault}") from None
    return bytes(body)
