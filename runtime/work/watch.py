"""Watching over an attempt whose runner wants it: signs of life have to come, and a cancel comes with a grace."""

import trio

from runtime.foreign import passes
from runtime.runner import AnyRunner, StepFailed, StepRequest

MOST_GRACE_SECONDS = 10.0
"""How long a runner may ask to be spared for: a shutdown has to end."""


class Watch:
    """One such watch. `stopping` is set when the attempt was cancelled and has its grace."""

    __slots__ = ("_runner", "_scope", "stopping")

    def __init__(self, runner: AnyRunner) -> None:
        self._runner = runner
        self._scope: trio.CancelScope | None = None
        self.stopping = trio.Event()

    def put_off(self) -> None:
        """Note a sign of life."""
        if self._scope is not None and not self.stopping.is_set():
            self._scope.deadline = trio.current_time() + self._runner.heartbeat_seconds

    async def run(self, request: StepRequest[object]) -> object:
        """Run the attempt, cut when it gives no sign of life, and with a grace before a cancel gets to it.

        Raises:
            StepFailed: no sign of life came.
            BaseException: whatever the runner raises.
        """
        runner = self._runner
        outcome: object = None
        failure: BaseException | None = None
        async with trio.open_nursery() as nursery:
            with trio.CancelScope(shield=True) as self._scope:
                self.put_off()
                nursery.start_soon(self._soften, min(runner.grace_seconds, MOST_GRACE_SECONDS))
                try:
                    outcome = await runner.run(request)
                except BaseException as raised:
                    if passes(raised):
                        raise
                    failure = raised
            cut = self._scope.cancelled_caught
            self._scope = None
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure
        if cut:
            raise StepFailed(f"no sign of life for {runner.heartbeat_seconds:g}s: the attempt was cut")
        return outcome

    async def _soften(self, grace_seconds: float) -> None:
        """Turn a cancel into a request to stop, and a deadline."""
        try:
            await trio.sleep_forever()
        finally:
            if self._scope is not None:
                self.stopping.set()
                self._scope.deadline = trio.current_time() + grace_seconds
