"""The wire under an HTTP exchange: connections within the rules about destinations, over a proxy where one is set."""

import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from typing import Any, cast
from urllib.request import proxy_bypass

import httpcore2
import httpx2

from runners._connect import addresses_of, said
from runtime.runner import Destinations, StepFailed

_NONE: Mapping[str, str] = {}
_PROXY_SCHEMES = ("http", "https")


class Wire(httpx2.AsyncBaseTransport):
    """Carries the requests of one exchange.

    Without `proxy` those in `environment` are used, as `urllib.request.getproxies` gives them. What a proxy connects to is
    beyond the rules, save for what can be told by the host's name. A proxy's own address is checked like any.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None,
        destinations: Destinations,
        proxy: str = "",
        environment: Mapping[str, str] = _NONE,
    ) -> None:
        self._tls = tls
        self._environment = environment
        self._destinations = destinations
        self._proxy = proxy
        self._pools: dict[str, httpcore2.AsyncConnectionPool] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request.

        Raises:
            Forbidden: the rules do not allow it.
            StepFailed: nobody answers there.
        """
        url = request.url
        self._destinations.check(url.host)
        proxy = self._proxy or self._proxy_for(url.scheme, url.host)
        asked = httpcore2.Request(
            method=request.method,
            url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            response = await self._pool(proxy).handle_async_request(asked)
        except httpcore2.ConnectError as fault:
            raise StepFailed(
                f"cannot connect to {'the proxy' if proxy else url.netloc.decode()}: {said(fault)}"
            ) from None
        return httpx2.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(cast("AsyncIterable[bytes]", response.stream)),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            await pool.aclose()

    def _proxy_for(self, scheme: str, host: str) -> str:
        if not self._environment:
            return ""
        proxy = self._environment.get(scheme) or self._environment.get("all") or ""
        if not proxy or proxy_bypass(host):
            return ""
        return proxy if "://" in proxy else f"http://{proxy}"

    def _pool(self, proxy: str) -> httpcore2.AsyncConnectionPool:
        pool = self._pools.get(proxy)
        if pool is None:
            pool = self._pools[proxy] = httpcore2.AsyncConnectionPool(
                ssl_context=self._tls,
                proxy=proxy_of(proxy) if proxy else None,
                network_backend=None if self._destinations.unrestricted else _Backend(self._destinations),
            )
        return pool


def proxy_of(text: str) -> httpcore2.Proxy:
    """Read the address of a proxy, with the credentials in it.

    Raises:
        ValueError: it is none of a proxy that speaks HTTP. What it is instead is not said: it may hold a password.
    """
    try:
        proxy = httpx2.Proxy(text)
        url = proxy.url
        usable = url.scheme in _PROXY_SCHEMES and bool(url.host)
    except (httpx2.InvalidURL, ValueError):
        usable = False
    if not usable:
        raise ValueError('proxy must be an address such as "http://proxy.example.org:3128"')
    address = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=b"/")
    return httpcore2.Proxy(url=address, auth=proxy.raw_auth, headers=proxy.headers.raw)


class _Body(httpx2.AsyncByteStream):
    def __init__(self, stream: AsyncIterable[bytes]) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        close: Any = getattr(self._stream, "aclose", None)
        if close is not None:
            await close()


class _Backend(httpcore2.TrioBackend):
    """Connects to addresses that were checked, not to names that may mean others a moment later."""

    def __init__(self, destinations: Destinations) -> None:
        self._destinations = destinations

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        problem: Exception | None = None
        try:
            addresses = await addresses_of(host, self._destinations, port)
        except OSError as fault:
            raise httpcore2.ConnectError(said(fault)) from fault
        for address in addresses:
            try:
                return await super().connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore2.ConnectError as fault:
                problem = fault
        raise problem or httpcore2.ConnectError(f"{host} has no address")
