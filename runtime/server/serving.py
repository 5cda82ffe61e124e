"""Serving an application over HTTP: Hypercorn's trio worker, inside our own nursery.

The application is plain ASGI, so that another server can take this one's place; nothing else here knows of Hypercorn.
"""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, cast

import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from starlette.applications import Starlette

from runtime.errors import Refused

_KEEP_ALIVE_SECONDS: Final = 30.0
_LONGEST_HEADERS: Final = 16_384
_BACKLOG: Final = 1024


class CannotListen(Refused):
    """The server cannot have the address it was given."""


@asynccontextmanager
async def serving(app: Starlette, listen: str, *, grace_seconds: float) -> AsyncIterator[str]:
    """Serve for as long as the block lasts; gives the address, ``host:port``, in which a port 0 has become a real one.

    Leaving the block closes the door first; requests that are being answered get the grace.

    Raises:
        CannotListen: the address is in use, or none of this machine.
    """
    door, address = _bound(listen)
    config = Config()
    config.bind = [f"fd://{door.detach()}"]
    config.accesslog = None
    config.errorlog = None
    config.include_server_header = False
    config.graceful_timeout = grace_seconds
    config.keep_alive_timeout = _KEEP_ALIVE_SECONDS
    config.h11_max_incomplete_size = _LONGEST_HEADERS
    config.websocket_max_message_size = 65_536
    closing = trio.Event()
    async with trio.open_nursery() as nursery:
        run: Any = partial(serve, cast("Any", app), config, shutdown_trigger=closing.wait, mode="asgi")
        await nursery.start(run)
        try:
            yield address
        finally:
            closing.set()


def _bound(listen: str) -> tuple[socket.socket, str]:
    """Take an address, and give it as clients write it."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if not port.isdecimal() or int(port) > 65_535:
        raise CannotListen(f"cannot listen on {listen}: an address is HOST:PORT")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        door = socket.create_server((host, int(port)), family=family, backlog=_BACKLOG)
    except OSError as fault:
        raise CannotListen(f"cannot listen on {listen}: {fault.strerror or fault}") from None
    door.setblocking(False)
    shown = f"[{host}]" if family is socket.AF_INET6 else host
    return door, f"{shown}:{door.getsockname()[1]}"
