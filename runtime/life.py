"""What an attempt can say of itself while it runs, and hear.

`Life` itself is silent: it is what a runner gets when it is called outside of a runtime, in a test for instance.
"""

import trio


class Life:
    """The line between a running attempt and the runtime. Everything but `wait_stopping` is sync."""

    __slots__ = ()

    def progress(self, done: float | None = None, message: str = "") -> None:
        """Tell whoever watches how far it is: `done` from 0 to 1 where that is known. A sign of life, too.

        It is not stored, and a watcher that is too slow misses some: say nothing that has to be heard.
        """

    def heartbeat(self) -> None:
        """Give a sign of life: one whose runner has `heartbeat_seconds` is cut when it gives none for so long."""

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop. A runner with `grace_seconds` has so long to leave things in order."""
        return False

    async def wait_stopping(self) -> None:
        """Wait until it is asked to stop; without `grace_seconds` this is only ever cancelled, like everything else."""
        await trio.sleep_forever()


SILENT = Life()
