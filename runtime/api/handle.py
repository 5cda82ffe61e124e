"""What whoever submits a task holds of it."""

from typing import TYPE_CHECKING

import attrs

from runtime.api.operator import Operator
from runtime.api.views import TaskView, view_task
from runtime.engine.states import TaskState
from runtime.errors import TaskNotDone
from runtime.values.json import Json

if TYPE_CHECKING:
    from runtime.api.client import Runtime


@attrs.frozen
class TaskHandle:
    """A task that was accepted. It holds the id only, and outlives restarts of everything behind it."""

    id: str
    _runtime: "Runtime" = attrs.field(repr=False)

    async def status(self) -> TaskView:
        """Read the task as it is now."""
        return await self._runtime.status(self.id)

    async def wait(self) -> TaskView:
        """Wait until nothing more will happen to the task unless somebody asks: it has ended, is BLOCKED or PAUSED.

        One that is WAITING, for an answer or a call, goes on by itself once that comes, and is waited for, too.
        Cancelling the wait leaves the task alone.

        Raises:
            Unavailable: the runtime was closed first.
        """
        return await self._runtime.wait(self.id)

    async def result(self) -> Json:
        """Wait for the task and give its result.

        Raises:
            TaskNotDone: it came to rest in another state; the text says which, and why.
            Unavailable: the runtime was closed first.
        """
        task = await self._runtime.rest(self.id)
        if task.state is not TaskState.DONE:
            view = view_task(task)
            reasons = [f"{name}: {error}" for name, error in view.errors.items()]
            raise TaskNotDone(view.id, str(view.resolution), [view.stop_reason] if view.stop_reason else reasons)
        return task.course.result

    async def cancel(self, reason: str = "cancelled", *, requester: str = "user") -> None:
        """Stop the task for good. Returns once that is stored; `wait` returns once its running steps have ended.

        Raises:
            Conflict: it has ended already.
        """
        await self._runtime.cancel(self.id, reason, requester=requester)

    async def interrupt_step(
        self, step: str, reason: str = "", *, requester: str = "user", attempt: int = 0, retry: bool = True
    ) -> None:
        """Have the running attempt of a step cut, because it hangs, say: it has failed then, and its retries go on.

        The step is SERVER_ERROR, with who wanted that and why as its error, and is tried again as after an error of
        its action; without `retry` it is FATAL_ERROR. Its runner has its grace. What the attempt comes to before it is
        cut counts instead. That is somebody's word: a step that is not `idempotent` is tried again, too.

        An `attempt` above 0 is the number of the one that is meant (`StepStatus.attempt`), so that no later one is cut
        by mistake. Returns once it is stored, before the attempt has ended; asking again changes nothing.

        Raises:
            NotFound: there is no such step.
            Conflict: it is not running, or another attempt of it is, or the task was cancelled; the text says what it
                is instead, and what to do.
        """
        await self._runtime.interrupt_step(self.id, step, reason, requester=requester, attempt=attempt, retry=retry)

    def operator(self, requester: str = "user") -> Operator:
        """Give what a person may do to the task when it does not go on by itself: hold it, mend it, let it go on."""
        return self._runtime.operator(self.id, requester=requester)

    async def run(self) -> None:
        """Start a run now: of a task that is blocked, waits for its retry, or was submitted without running.

        Raises:
            Conflict: it is running, or has ended.
        """
        await self._runtime.run(self.id)
