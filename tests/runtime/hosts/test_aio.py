"""A runtime in an asyncio program."""

import asyncio
import contextvars
from contextlib import asynccontextmanager

import anyio
import pytest
import trio

from runtime import Action, Refused, Step, TaskNotDone, Template, Unavailable
from runtime.hosts import aio
from runtime.hosts.aio import on_host, open_runtime
from tests.runtime.hosts.test_sync import SAY, STUCK, understudies

asked_by = contextvars.ContextVar("asked_by", default="nobody")


def hosted(main):
    """Run a test as an asyncio program of its own."""

    def test():
        asyncio.run(asyncio.wait_for(main(), 120))
        assert not understudies()

    test.__name__ = main.__name__
    return test


@hosted
async def test_a_task_is_submitted_and_its_result_awaited():
    async with open_runtime() as rt:
        task = await rt.submit(SAY)
        assert await task.result() == {"a": "said"}


@hosted
async def test_a_runtime_that_was_closed_says_so():
    async with open_runtime() as rt:
        task = await rt.submit(SAY)
    for ask in (task.status, lambda: rt.submit(SAY)):
        with pytest.raises(Unavailable, match="the runtime is closed"):
            await ask()


@hosted
async def test_an_opening_that_is_cancelled_is_given_up_wherever_it_is():
    opening = asyncio.Event()
    loop = asyncio.get_running_loop()

    @asynccontextmanager
    async def stuck(*arguments, **options):
        async with real(*arguments, **options) as runtime:
            loop.call_soon_threadsafe(opening.set)
            await trio.sleep_forever()
            yield runtime

    async def program():
        async with open_runtime():
            raise AssertionError("it was cancelled")

    async def cancelled(program):
        program.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(program, 20)
        assert not understudies()

    real = aio.app.open_runtime
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aio.app, "open_runtime", stuck)
        early = asyncio.create_task(program())
        await asyncio.sleep(0)  # its thread is being started
        await cancelled(early)
        late = asyncio.create_task(program())
        await opening.wait()
        await cancelled(late)


@hosted
async def test_a_scope_of_anyio_is_cancelled_at_every_turn_and_the_runtime_has_ended_behind_it():
    for seconds in (0, 0.001, 0.02):
        with anyio.move_on_after(seconds):
            async with open_runtime(grace_seconds=0) as rt:
                await (await rt.submit(STUCK)).result()
        assert not understudies()


@hosted
async def test_what_is_opened_in_another_loop_says_what_is_opened_there():
    with pytest.raises(Refused, match=r"use runtime\.hosts\.aio\.open_runtime"):
        async with aio.app.open_runtime():
            raise AssertionError("it was refused")


async def test_a_runtime_for_asyncio_is_refused_on_trio():
    with pytest.raises(Refused, match=r"use runtime\.open_runtime"):
        async with open_runtime():
            raise AssertionError("it was refused")


@hosted
async def test_a_thousand_tasks_some_of_them_cancelled_end_with_the_block():
    async with open_runtime(grace_seconds=0) as rt:
        tasks = await asyncio.gather(*(rt.submit(SAY) for _ in range(990)))
        stuck = await asyncio.gather(*(rt.submit(STUCK) for _ in range(10)))
        results = await asyncio.gather(*(task.result() for task in tasks))
        assert results == [{"a": "said"}] * 990
        await asyncio.gather(*(task.cancel() for task in stuck[:5]))
        views = await asyncio.gather(*(task.wait() for task in stuck[:5]))
        assert {view.state for view in views} == {"CANCELLED"}


@hosted
async def test_cancelling_a_wait_leaves_the_task_alone_and_the_loop_free():
    async with open_runtime(grace_seconds=0) as rt:
        task = await rt.submit(STUCK)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(task.result(), 0.2)
        assert (await task.status()).state == "RUNNING"
        await task.interrupt_step("a", "it hangs", retry=False)
        with pytest.raises(TaskNotDone, match="interrupted by user: it hangs"):
            await task.result()
        await task.cancel("enough")
        with pytest.raises(TaskNotDone, match="enough"):
            await task.result()


@hosted
async def test_steps_call_back_into_the_loop_of_the_host_and_are_cut_there():
    home, began, cut = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    async def answer():
        await asyncio.sleep(0)
        assert asyncio.get_running_loop() is home
        return "from the host"

    async def hang():
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            cut.set()

    async with open_runtime(grace_seconds=0) as rt:
        template = Template(name="ask", steps={"a": Step(action=Action.calling(on_host(answer)))})
        assert (await (await rt.submit(template)).wait()).steps["a"].output == "from the host"
        task = await rt.submit(Template(name="hang", steps={"a": Step(action=Action.calling(on_host(hang)))}))
        await began.wait()
        await task.cancel()
        await cut.wait()


@hosted
async def test_what_is_in_context_is_seen_by_the_call():
    async def look():
        return asked_by.get()

    async with open_runtime() as rt:
        asked_by.set("ada")
        assert await rt.call(look) == "ada"


@hosted
async def test_events_are_followed_from_any_position():
    async with open_runtime() as rt:
        task = await rt.submit(SAY)
        await task.wait()
        seen = []
        async for event in rt.events(task_id=task.id):
            seen.append(event)
            if getattr(event, "resolution", "") == "DONE":
                break
        async for event in rt.events(after=seen[0].position):
            assert event == seen[1]
            break


@hosted
async def test_an_error_inside_the_block_ends_the_runtime_and_is_told():
    async def failing():
        async with open_runtime(grace_seconds=0) as rt:
            await rt.submit(STUCK)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
