"""A runtime in a trio program: the same thousand tasks as in the other hosts."""

import asyncio
from functools import partial

import pytest
import trio

from runtime import Refused, open_runtime
from runtime.settings import SettingInvalid
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


async def test_a_runtime_is_called_where_it_runs_and_says_so_elsewhere():
    async with open_runtime() as rt:

        def elsewhere(run):
            with pytest.raises(Refused, match=r"runs in another event loop: .* `trio.from_thread.run`"):
                run()

        await trio.to_thread.run_sync(elsewhere, partial(trio.run, rt.submit, SAY))
        await trio.to_thread.run_sync(elsewhere, lambda: asyncio.run(rt.submit(SAY)))
        await trio.to_thread.run_sync(elsewhere, lambda: trio.run(rt.cancel, "t"))
        there = partial(trio.from_thread.run, rt.submit, SAY)
        assert await (await trio.to_thread.run_sync(there)).result() == {"a": "said"}


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), ValueError("mine")])
def test_what_ends_the_block_is_raised_as_it_is_and_what_runs_does_not_hold_up_the_end_of_a_program(error):
    async def main():
        with trio.fail_after(10):
            async with open_runtime(grace_seconds=0 if isinstance(error, ValueError) else 1000) as rt:
                await rt.submit(STUCK)
                raise error

    with pytest.raises(type(error)) as raised:
        trio.run(main)
    assert raised.value is error


@pytest.mark.parametrize("option", ["grace_seconds", "answer_within_seconds", "keep_ended_seconds"])
@pytest.mark.parametrize("value", ["5s", -1, float("nan"), False])
async def test_seconds_that_are_none_are_refused_before_anything_is_started(option, value):
    with pytest.raises(SettingInvalid, match=f"{option}: must be a number of seconds, 0 or more, not "):
        async with open_runtime(**{option: value}):
            raise AssertionError
