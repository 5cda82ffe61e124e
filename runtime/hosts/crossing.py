"""Crossing over into the thread that a runtime lives in; and closing it at last, if the program does not."""

import os
import threading
import warnings
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Final, ParamSpec, TypedDict, TypeVar, TypeVarTuple

import attrs
import trio
from anyio.from_thread import BlockingPortal

from runtime.errors import Unavailable
from runtime.values.json import Json

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class SubmitOptions(TypedDict, total=False):
    """What `runtime.api.client.Runtime.submit` takes by name."""

    task_id: str | None
    requester: str
    resolver_inputs: Mapping[str, Json] | None
    tags: Mapping[str, str] | None
    resolve: bool
    run: bool
    delay: float
    comment: str
    strict: bool


def taking(_original: Callable[P, object]) -> Callable[[Callable[..., T]], Callable[P, T]]:
    """Tell type checkers that a function, which hands on what it is given, takes what another one does."""
    return lambda function: function


async def _here() -> trio.lowlevel.TrioToken:
    await trio.lowlevel.checkpoint()
    return trio.lowlevel.current_trio_token()


@attrs.frozen
class Crossing:
    """The way into the thread of a portal, whose run of trio is `home`."""

    portal: BlockingPortal
    home: trio.lowlevel.TrioToken

    @classmethod
    def into(cls, portal: BlockingPortal) -> "Crossing":
        """Find the way. Blocks for a moment."""
        return cls(portal, portal.call(_here))

    def begin(self, function: Callable[[*Ts], Awaitable[T]], *arguments: *Ts) -> Future[T]:
        """Have a function awaited there.

        Raises:
            Unavailable: the block of the runtime was left.
            RuntimeError: this is called from within.
        """
        try:
            return self.portal.start_task_soon(function, *arguments)
        except RuntimeError:  # it is one of the two
            if trio.lowlevel.in_trio_run() and trio.lowlevel.current_trio_token() is self.home:
                raise
            raise Unavailable("the runtime is closed") from None


_open: Final[dict[ExitStack, int]] = {}
"""What is still to be left, and by which process: one that was forked off has no thread of it."""


def keep(block: ExitStack) -> None:
    """Have a block left when the program ends, unless it is let go first; it is not collected as garbage meanwhile."""
    _open[block] = os.getpid()


def let_go(block: ExitStack) -> None:
    """Leave a block to whoever asks. Idempotent."""
    _open.pop(block, None)


def _leave_all() -> None:
    with ExitStack() as all_of_them:  # that one fails keeps no other from being left
        for block, process in _open.items():
            if process == os.getpid():
                all_of_them.callback(_leave, block)


def _leave(block: ExitStack) -> None:
    try:
        warnings.warn("a runtime is closed as the program ends: its block was not left", ResourceWarning, stacklevel=1)
    finally:
        block.close()


# As `concurrent.futures` does: the functions of `atexit` are called when no thread can be started any more.
threading._register_atexit(_leave_all)  # type: ignore[attr-defined] # noqa: SLF001
