"""Decoding off the event loop, where there is enough of it to be noticed there."""

from collections.abc import Callable
from typing import TypeVar

import trio

S = TypeVar("S", str, bytes)
T = TypeVar("T")

_LARGE = 32 * 1024  # characters or bytes: about a millisecond of JSON


async def decoded(decode: Callable[[S], T], text: S) -> T:
    """Call `decode` with the text, in a thread when the text is large.

    Cancelling waits for the thread, so that none is left behind; texts are bounded, so it is not for long.
    """
    if len(text) < _LARGE:
        return decode(text)
    return await trio.to_thread.run_sync(decode, text)
