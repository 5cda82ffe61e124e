"""A runtime for asyncio programs: the same names, awaited from a running loop.

::

    from runtime.hosts.aio import open_runtime

    async with open_runtime() as rt:
        task = await rt.submit("hello.yaml", {"name": "Ada"})
        print(await task.result())
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import Any, ParamSpec, TypeVar, TypeVarTuple, Unpack

import attrs
import trio
from anyio.from_thread import start_blocking_portal

from runtime import app
from runtime.api.client import Runtime
from runtime.api.handle import TaskHandle
from runtime.api.messages import StoredEvent
from runtime.api.templates import Prepared, TemplateSource
from runtime.api.views import TaskView
from runtime.errors import Refused
from runtime.hosts.crossing import Crossing, SubmitOptions, keep, let_go, taking
from runtime.values.json import Json

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@taking(app.open_runtime)
@asynccontextmanager
async def open_runtime(store: str | None = None, **options: Any) -> "AsyncIterator[AioRuntime]":
    """Run a runtime in a thread for as long as the block lasts. The options are those of `runtime.open_runtime`.

    Cancelled while it opens, it gives that up; cancelled while it closes, it closes: its thread has ended when this raises.

    Raises:
        Refused: no loop of asyncio runs here.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise Refused("no loop of asyncio runs here: in a task of trio use runtime.open_runtime") from None
    door = start_blocking_portal("trio", name="understudy")
    fault: BaseException | None = None
    try:
        portal = await _seen_through(door.__enter__)
        crossing = await _seen_through(Crossing.into, portal)
        opened = portal.wrap_async_context_manager(app.open_runtime(store, **options))
        try:
            runtime = await asyncio.to_thread(opened.__enter__)
        except BaseException as raised:
            fault = raised  # the door hears of it, and cancels what is still opening
            raise
        entered = ExitStack()
        entered.push(door)
        entered.push(opened)
        keep(entered)
        try:
            yield AioRuntime(crossing, runtime)
        finally:
            let_go(entered)
            await _seen_through(opened.__exit__, None, None, None)
    finally:
        await _seen_through(door.__exit__, type(fault) if fault else None, fault, None)


async def _seen_through(function: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """Call a function in a thread, and wait for its end however often this is cancelled: somebody has to undo it."""
    calling = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    cancelled: asyncio.CancelledError | None = None
    while not calling.done():
        try:
            await asyncio.wait({calling})
        except asyncio.CancelledError as again:  # scopes of anyio say so at every turn of the loop
            cancelled = again
    if cancelled is None:
        return calling.result()
    calling.exception()
    raise cancelled


@attrs.frozen
class AioTask:
    """A task that was accepted; its methods are those of `runtime.api.handle.TaskHandle`."""

    id: str
    _runtime: "AioRuntime" = attrs.field(repr=False)
    _handle: TaskHandle = attrs.field(repr=False)

    async def status(self) -> TaskView:
        """Read the task as it is now."""
        return await self._runtime.call(self._handle.status)

    async def wait(self) -> TaskView:
        """Wait for the task to come to rest. Cancelling the wait leaves the task alone."""
        return await self._runtime.call(self._handle.wait)

    async def result(self) -> Json:
        """Wait for the task and give its result."""
        return await self._runtime.call(self._handle.result)

    async def cancel(self, reason: str = "cancelled") -> None:
        """Stop the task for good."""
        await self._runtime.call(self._handle.cancel, reason)

    async def interrupt_step(self, step: str, reason: str = "", *, attempt: int = 0, retry: bool = True) -> None:
        """Have the running attempt of a step cut: it has failed then, and its retries go on."""
        interrupt = partial(self._handle.interrupt_step, step, reason, attempt=attempt, retry=retry)
        await self._runtime.call(interrupt)

    async def run(self) -> None:
        """Start a run now."""
        await self._runtime.call(self._handle.run)


class AioRuntime:
    """A running runtime, as `open_runtime` gives it."""

    def __init__(self, crossing: Crossing, runtime: Runtime) -> None:
        self._crossing = crossing
        self._runtime = runtime

    async def submit(
        self,
        template: TemplateSource | Prepared,
        inputs: Mapping[str, Json] | None = None,
        **options: Unpack[SubmitOptions],
    ) -> AioTask:
        """Take a task on, see `runtime.api.client.Runtime.submit`. Returns once it is stored."""

        async def submit() -> TaskHandle:
            return await self._runtime.submit(template, inputs, **options)

        handle = await self.call(submit)
        return AioTask(handle.id, self, handle)

    def task(self, task_id: str) -> AioTask:
        """Give a task by its id; whether there is one is seen when it is asked."""
        return AioTask(task_id, self, TaskHandle(task_id, self._runtime))

    async def prepare(self, source: TemplateSource) -> Prepared:
        """Read and check a template, see `runtime.api.client.Runtime.prepare`."""
        return await self.call(self._runtime.prepare, source)

    async def register(self, source: TemplateSource | Prepared) -> Prepared:
        """Read, check and keep a template, see `runtime.api.client.Runtime.register`."""
        return await self.call(self._runtime.register, source)

    async def events(self, *, after: int = 0, task_id: str = "") -> AsyncIterator[StoredEvent]:
        """Give all events behind a position, in the order in which they were stored, until the runtime is closed.

        Raises:
            RequestInvalid: there was never an event of that position.
        """
        feed = self._runtime.feed(after=after, task_id=task_id)
        await self.call(feed.__aenter__)
        try:
            while True:
                events = await self.call(feed.read)
                for event in events:
                    yield event
                if not events and not await self.call(feed.wait):
                    return
        finally:
            await self.call(feed.__aexit__)

    async def call(self, function: Callable[[*Ts], Awaitable[T]], *arguments: *Ts) -> T:
        """Await a function of the runtime's in its thread; anything that has no method here, too.

        Raises:
            Unavailable: the runtime is closed.
        """
        return await asyncio.wrap_future(self._crossing.begin(function, *arguments))

    @property
    def runtime(self) -> Runtime:
        """The runtime itself, whose methods `call` awaits."""
        return self._runtime


def on_host(function: "Callable[P, Awaitable[T]]") -> "Callable[P, Awaitable[T]]":
    """Make a function of the running asyncio loop one that steps can call: ``Action.calling(on_host(function))``.

    It is awaited on that loop; when the step is cut, it is cancelled there, and the step waits until it has ended.
    """
    loop = asyncio.get_running_loop()

    async def called(*arguments: P.args, **named: P.kwargs) -> T:
        ended = trio.Event()
        token = trio.lowlevel.current_trio_token()

        async def run() -> T:
            return await function(*arguments, **named)

        future = asyncio.run_coroutine_threadsafe(run(), loop)
        future.add_done_callback(lambda _future: token.run_sync_soon(ended.set))
        try:
            await ended.wait()
        except trio.Cancelled:
            future.cancel()
            raise
        return future.result()

    called.__module__, called.__qualname__ = function.__module__, getattr(function, "__qualname__", "on_host")
    return called
