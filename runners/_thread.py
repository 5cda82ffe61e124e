"""Blocking work off the event loop."""

import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import outcome
import trio

from runtime.runner import BRIEF

S = TypeVar("S", str, bytes)
T = TypeVar("T")

_LARGE = 32 * 1024  # characters or bytes: about a millisecond of JSON


async def decoded(decode: Callable[[S], T], text: S) -> T:
    """Call `decode` with the text, in a thread when the text is large.

    Cancelling waits for the thread, so that none is left behind; texts are bounded, so it is not for long.
    """
    if len(text) < _LARGE:
        return decode(text)
    return await BRIEF.run(decode, text)


async def conversing(stream: trio.SocketStream, converse: Callable[[socket.socket], T]) -> T:
    """Hand a connected socket to a blocking library, in a thread of its own. The socket is closed afterwards.

    Cancelling shuts the connection down, which ends whatever the library waits for, and waits for the thread.
    """
    plain = socket.socket(fileno=stream.socket.detach())
    plain.setblocking(True)
    ended: list[outcome.Outcome[T]] = []
    # A library that speaks TLS moves the connection to a socket of its own, and leaves `plain` empty.
    with plain.dup() as line:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_shut_down_when_cancelled, line)
            with trio.CancelScope(shield=True):
                thread = partial(trio.to_thread.run_sync, limiter=trio.CapacityLimiter(1))
                ended.append(await thread(outcome.capture, converse, plain))
                plain.close()
            nursery.cancel_scope.cancel()
    return ended[0].unwrap()


async def _shut_down_when_cancelled(line: socket.socket) -> None:
    try:
        await trio.sleep_forever()
    finally:
        with suppress(OSError):  # it was over already
            line.shutdown(socket.SHUT_RDWR)
