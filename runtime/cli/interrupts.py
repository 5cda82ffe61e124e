"""Ctrl-C and SIGTERM on the command line: the first shuts down in order, the second at once."""

import signal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeVar

import trio

from runtime.api.client import Runtime

SOON_SECONDS: Final = 5.0
"""How long nothing may happen without somebody wondering whether to interrupt."""


T = TypeVar("T")


def run_until_done(command: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    """Run a command. Ctrl-C before it heeds signals, or after, ends it where it waits, and no part of the runtime amid its work."""
    return trio.run(partial(command, *arguments), restrict_keyboard_interrupt_to_checkpoints=True)


class Interrupts:
    """What somebody in front of the terminal, or the system, wants. `received` is the first signal that came."""

    def __init__(self, grace_seconds: float, say: Callable[[str], None]) -> None:
        self._grace = grace_seconds
        self._say = say
        self.received: int | None = None

    async def heed(self, runtime: Runtime, *, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        """Shut the runtime down when a signal comes, from when it is `started`; never ends by itself."""
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for received in signals:
                name = signal.Signals(received).name
                if self.received is None:
                    self.received = received
                    self._say(f"{name}: running steps get {self._grace:g} s to finish; again to stop at once")
                    runtime.shutdown(name, requester="user")
                else:
                    runtime.shutdown(name, requester="user", grace_seconds=0)
