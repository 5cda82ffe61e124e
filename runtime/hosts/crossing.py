"""Crossing over into the thread that a runtime lives in."""

from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from anyio.from_thread import BlockingPortal

from runtime.errors import Unavailable

T = TypeVar("T")


def begin(portal: BlockingPortal, function: Callable[..., Awaitable[T]], *arguments: Any) -> Future[T]:
    """Have a function awaited there.

    Raises:
        Unavailable: the block of the runtime was left.
    """
    try:
        return portal.start_task_soon(function, *arguments)
    except RuntimeError as fault:
        if "not running" not in str(fault):  # but called from within
            raise
        raise Unavailable("the runtime is closed") from None
