"""Connecting, within the rules about destinations."""

import os
import re
import socket
import ssl

import trio

from runtime.runner import Destinations, Forbidden

_ATTEMPT = re.compile(r"Error connecting to \('(?P<address>[^']+)', ")
"""How trio begins what it says of one of several addresses."""


async def addresses_of(host: str, destinations: Destinations, port: int = 0) -> list[str]:
    """Resolve a host and give those of its addresses that may be connected to, best first.

    Raises:
        Forbidden: none of them may.
        OSError: it has no address.
    """
    destinations.check(host)
    found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    allowed: list[str] = []
    refused = Forbidden(host)
    for *_, sockaddr in found:
        address = str(sockaddr[0])
        try:
            destinations.check(host, address)
        except Forbidden as why:
            refused = why
        else:
            allowed.append(address)
    if not allowed:
        raise refused
    return list(dict.fromkeys(allowed))


async def connect(host: str, port: int, destinations: Destinations) -> trio.SocketStream:
    """Open a TCP connection. Cancelling it leaves nothing behind.

    Raises:
        Forbidden: the rules do not allow it.
        OSError: nobody answered.
    """
    if destinations.unrestricted:
        return await trio.open_tcp_stream(host, port)
    problem: OSError | None = None
    for address in await addresses_of(host, destinations, port):
        try:
            return await trio.open_tcp_stream(address, port)
        except OSError as failed:
            problem = failed
    raise problem or OSError(f"no address of {host} could be connected to")


def said(fault: BaseException) -> str:
    """Give what the system said about a connection, below the words that others wrapped around it.

    Of a name with several addresses it is said of each.
    """
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, BaseExceptionGroup):
            if len(cause.exceptions) > 1:
                return "; ".join(_at_its_address(one) for one in cause.exceptions)
            cause = cause.exceptions[0]
        if isinstance(cause, OSError) and cause.strerror:
            other = isinstance(cause, socket.gaierror | ssl.SSLError)  # which number their errors otherwise
            return cause.strerror if other or not cause.errno else os.strerror(cause.errno)
        cause = cause.__cause__ or cause.__context__
    return str(fault) or type(fault).__name__


def _at_its_address(fault: BaseException) -> str:
    attempt = _ATTEMPT.match(fault.strerror or "") if isinstance(fault, OSError) else None
    return f"{attempt['address']}: {said(fault)}" if attempt else said(fault)
