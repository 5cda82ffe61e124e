"""Crossing over into the thread that a runtime lives in."""

from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from typing import ParamSpec, TypedDict, TypeVar, TypeVarTuple

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
