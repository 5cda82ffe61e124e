"""Watching over an attempt whose runner wants it: signs of life have to come, and a cancel comes with a grace."""

import math

import trio

from runtime.api.messages import StepProgressed
from runtime.foreign import passes
from runtime.life import Life
from runtime.runner import AnyRunner, StepFailed, StepRequest
from runtime.work.trial import Tools

MOST_GRACE_SECONDS = 10.0
"""How long a runner may ask to be spared for: a shutdown has to end."""

_LONGEST_MESSAGE = 1000


class AttemptLife(Life):
    """The line between one attempt and those who watch its task."""

    __slots__ = ("_deadline_after", "_number", "_scope", "_step", "_stopping", "_task_id", "_tools")

    def __init__(self, tools: Tools, task_id: str, step: str, number: int) -> None:
        self._tools = tools
        self._task_id = task_id
        self._step = step
        self._number = number
        self._scope: trio.CancelScope | None = None
        self._stopping: trio.Event | None = None
        self._deadline_after = math.inf

    def progress(self, done: float | None = None, message: str = "") -> None:
        """Tell subscribers."""
        self.heartbeat()
        self._tools.tell(
            StepProgressed(
                at=self._tools.clock.wall(),
                task_id=self._task_id,
                step=self._step,
                attempt=self._number,
                done=None if done is None else min(max(done, 0.0), 1.0),
                message=message[:_LONGEST_MESSAGE],
            )
        )

    def heartbeat(self) -> None:
        """Put the end off."""
        if self._scope is not None and not self.stopping:
            self._scope.deadline = trio.current_time() + self._deadline_after

    @property
    def stopping(self) -> bool:
        """Whether the attempt was cancelled and has its grace."""
        return self._stopping is not None and self._stopping.is_set()

    async def wait_stopping(self) -> None:
        """Wait for that."""
        if self._stopping is None:
            await trio.sleep_forever()
        else:
            await self._stopping.wait()

    async def guard(self, runner: AnyRunner, request: StepRequest[object]) -> object:
        """Run the attempt, cut when it gives no sign of life, and with a grace before a cancel gets to it.

        Raises:
            StepFailed: no sign of life came.
            BaseException: whatever the runner raises.
        """
        self._stopping = trio.Event()
        self._deadline_after = runner.heartbeat_seconds
        outcome: object = None
        failure: BaseException | None = None
        async with trio.open_nursery() as nursery:
            with trio.CancelScope(shield=True) as self._scope:
                self.heartbeat()
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
            if self._scope is not None and self._stopping is not None:
                self._stopping.set()
                self._scope.deadline = trio.current_time() + grace_seconds


def watched(runner: AnyRunner) -> bool:
    """Say whether a runner's attempts need `AttemptLife.guard`."""
    return runner.grace_seconds > 0 or runner.heartbeat_seconds < math.inf
