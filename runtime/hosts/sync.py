"""A runtime for synchronous programs; its methods may be called from any thread.

::

    from runtime.hosts.sync import open_runtime

    with open_runtime() as rt:
        print(rt.submit("hello.yaml", {"name": "Ada"}).result(timeout=10))
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack
from functools import partial
from types import TracebackType
from typing import Any, TypeVar, TypeVarTuple, Unpack

import attrs
import trio
from anyio.from_thread import start_blocking_portal

from runtime import app
from runtime.api.client import Runtime
from runtime.api.handle import TaskHandle
from runtime.api.templates import Prepared, TemplateSource
from runtime.api.views import TaskView
from runtime.errors import Refused
from runtime.hosts.crossing import Crossing, SubmitOptions, keep, let_go, taking
from runtime.values.json import Json

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@taking(app.open_runtime)
def open_runtime(store: str | None = None, **options: Any) -> AbstractContextManager["SyncRuntime"]:
    """Run a runtime in a thread for as long as the block lasts. The options are those of `runtime.open_runtime`.

    Raises:
        Refused: this is a task of trio, which it would hold up.
    """
    return _Block(lambda: app.open_runtime(store, **options))


class _Block(AbstractContextManager["SyncRuntime"]):
    """The block of a runtime. No generator: one that is entered by hand, and forgotten, would be left at any moment."""

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[Runtime]]) -> None:
        self._opening = opening
        self._entered = ExitStack()

    def __enter__(self) -> "SyncRuntime":
        if trio.lowlevel.in_trio_run():
            raise Refused("this is a task of trio: in one use runtime.open_runtime")
        with ExitStack() as entered:
            portal = entered.enter_context(start_blocking_portal("trio", name="understudy"))
            runtime = entered.enter_context(portal.wrap_async_context_manager(self._opening()))
            crossing = Crossing.into(portal)
            self._entered = entered.pop_all()
        keep(self._entered)
        return SyncRuntime(crossing, runtime)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        let_go(self._entered)
        self._entered.__exit__(kind, error, trace)


@attrs.frozen
class SyncTask:
    """A task that was accepted. A `timeout`, in seconds, gives the call up and leaves the task alone (`TimeoutError`)."""

    id: str
    _runtime: "SyncRuntime" = attrs.field(repr=False)
    _handle: TaskHandle = attrs.field(repr=False)

    def status(self, timeout: float | None = None) -> TaskView:
        """Read the task as it is now."""
        return self._runtime.call(self._handle.status, timeout=timeout)

    def wait(self, timeout: float | None = None) -> TaskView:
        """Wait for the task to come to rest, see `TaskHandle.wait`."""
        return self._runtime.call(self._handle.wait, timeout=timeout)

    def result(self, timeout: float | None = None) -> Json:
        """Wait for the task and give its result, see `TaskHandle.result`."""
        return self._runtime.call(self._handle.result, timeout=timeout)

    def cancel(self, reason: str = "cancelled", timeout: float | None = None) -> None:
        """Stop the task for good, see `TaskHandle.cancel`."""
        self._runtime.call(self._handle.cancel, reason, timeout=timeout)

    def interrupt_step(
        self, step: str, reason: str = "", *, attempt: int = 0, retry: bool = True, timeout: float | None = None
    ) -> None:
        """Have the running attempt of a step cut, see `TaskHandle.interrupt_step`."""
        interrupt = partial(self._handle.interrupt_step, step, reason, attempt=attempt, retry=retry)
        self._runtime.call(interrupt, timeout=timeout)

    def run(self, timeout: float | None = None) -> None:
        """Start a run now, see `TaskHandle.run`."""
        self._runtime.call(self._handle.run, timeout=timeout)


class SyncRuntime:
    """A running runtime, as `open_runtime` gives it."""

    def __init__(self, crossing: Crossing, runtime: Runtime) -> None:
        self._crossing = crossing
        self._runtime = runtime

    def submit(
        self,
        template: TemplateSource | Prepared,
        inputs: Mapping[str, Json] | None = None,
        *,
        timeout: float | None = None,
        **options: Unpack[SubmitOptions],
    ) -> SyncTask:
        """Take a task on, see `runtime.api.client.Runtime.submit`. Returns once it is stored."""

        async def submit() -> TaskHandle:
            return await self._runtime.submit(template, inputs, **options)

        handle = self.call(submit, timeout=timeout)
        return SyncTask(handle.id, self, handle)

    def task(self, task_id: str) -> SyncTask:
        """Give a task by its id; whether there is one is seen when it is asked."""
        return SyncTask(task_id, self, TaskHandle(task_id, self._runtime))

    def prepare(self, source: TemplateSource, *, timeout: float | None = None) -> Prepared:
        """Read and check a template, see `runtime.api.client.Runtime.prepare`."""
        return self.call(self._runtime.prepare, source, timeout=timeout)

    def register(self, source: TemplateSource | Prepared, *, timeout: float | None = None) -> Prepared:
        """Read, check and keep a template, see `runtime.api.client.Runtime.register`."""
        return self.call(self._runtime.register, source, timeout=timeout)

    def call(self, function: Callable[[*Ts], Awaitable[T]], *arguments: *Ts, timeout: float | None = None) -> T:
        """Await a function of the runtime's in its thread; anything that has no method here, too.

        Raises:
            TimeoutError: it took longer, and was cancelled.
            Unavailable: the runtime is closed.
        """
        future = self._crossing.begin(function, *arguments)
        try:
            return future.result(timeout)
        finally:
            future.cancel()

    @property
    def runtime(self) -> Runtime:
        """The runtime itself, whose methods `call` awaits."""
        return self._runtime
