"""A runtime in a trio program: the same thousand tasks as in the other hosts."""

import trio

from runtime import open_runtime
from tests.runtime.hosts.test_sync import SAY, STUCK, understudies


async def test_a_thousand_tasks_some_of_them_cancelled_end_with_the_block():
    with trio.fail_after(120):
        async with open_runtime(grace_seconds=0) as rt:
            tasks = [await rt.submit(SAY) for _ in range(990)]
            stuck = [await rt.submit(STUCK) for _ in range(10)]
            assert [await task.result() for task in tasks] == [{"a": "said"}] * 990
            for task in stuck[:5]:
                await task.cancel()
                assert (await task.wait()).state == "CANCELLED"
    assert not understudies()
