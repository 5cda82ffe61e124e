"""Threads are taken from those that are for such work, whatever hangs in others."""

import threading

import trio

from runtime import Flows, generator, open_runtime
from runtime.threads import BRIEF, Threads
from runtime.values.json import Json
from tests.support.plans import plan, step


async def test_what_is_left_counts_until_it_ends_and_what_waits_can_be_cancelled():
    threads, go_on = Threads("a test", 1), threading.Event()
    begun = trio.Event()
    token = trio.lowlevel.current_trio_token()

    def hang() -> None:
        trio.from_thread.run_sync(begun.set, trio_token=token)
        go_on.wait(10)

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: threads.run(hang, leave=True))
            await begun.wait()
            nursery.cancel_scope.cancel()
        assert threads.taken
        with trio.move_on_after(0) as patience:
            await threads.run(int)
        assert patience.cancelled_caught
        go_on.set()
        assert await threads.run(int, "5") == 5
        assert await Threads("another test", 1).run(int, "5") == 5


async def test_hooks_and_generators_that_hang_take_no_threads_of_the_program_and_the_other_way_round():
    go_on, hanging = threading.Event(), threading.Semaphore(0)

    def hang(*_args: object) -> Json:
        hanging.release()
        go_on.wait(20)
        return []

    kit = Flows(generators=[generator("hangs")(hang)], generate_within_seconds=0.2)
    try:
        with trio.fail_after(20):
            async with open_runtime(flows=kit, grace_seconds=0) as rt, trio.open_nursery() as nursery:
                flows = [await rt.flow("hangs", owner_id=str(number)) for number in range(70)]
                views = [await flow.wait() for flow in flows]
                assert "did not end within 0.2 s" in str(views[0].error)
                assert "all 64 threads for functions of flows" in str(views[-1].error)
                most = int(trio.to_thread.current_default_thread_limiter().total_tokens)
                assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
                for _ in range(most):
                    nursery.start_soon(trio.to_thread.run_sync, hang)
                for _ in range(64 + most):
                    await BRIEF.run(hanging.acquire)
                assert (await (await rt.submit(plan(a=step()))).wait()).state == "DONE"
                go_on.set()
    finally:
        go_on.set()
