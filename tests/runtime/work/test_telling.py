"""Functions that are called with what happens: those that fail are named, and keep nothing from going on."""

from contextlib import ExitStack

import pytest
from structlog.testing import capture_logs

from runtime import InputInvalid, Step, TaskState, open_runtime
from tests.support.plans import echo, plan


@pytest.mark.parametrize("failure", [ValueError("no room"), SystemExit(3)])
async def test_a_listener_that_fails_is_logged_once_and_told_all_that_follows(autojump_clock, failure):
    told, heard = [], []

    def fails(event):
        told.append(event)
        raise failure

    with capture_logs() as lines:
        async with open_runtime() as rt:
            with rt.telling(fails), rt.telling(heard.append):
                for _ in range(2):
                    task = await rt.submit(plan(a=Step(action=echo("x"))))
                    assert (await task.wait()).state is TaskState.DONE
    assert told == heard
    assert len(told) > 6
    [line] = lines
    assert (line["event"], line["exc_info"], line["log_level"]) == ("listener_failed", failure, "error")
    assert line["listener"].endswith("fails")
    assert line["task"] == told[0].task_id


async def test_a_listener_that_leaves_as_it_is_told_hears_no_more_and_costs_the_others_nothing(autojump_clock):
    told, heard = [], []
    async with open_runtime() as rt:
        with ExitStack() as leaving:

            def once(event):
                told.append(event)
                leaving.close()

            leaving.enter_context(rt.telling(once))
            with rt.telling(heard.append):
                await (await rt.submit(plan(a=Step(action=echo("x"))))).wait()
    assert told == heard[:1]
    assert [event.position for event in heard] == list(range(1, len(heard) + 1))


async def test_ctrl_c_in_a_listener_is_nobodys_but_the_programs(autojump_clock):
    def interrupted(_event):
        raise KeyboardInterrupt

    async def use():
        async with open_runtime() as rt:
            with rt.telling(interrupted):
                await (await rt.submit(plan(a=Step(action=echo("x"))))).wait()

    with capture_logs() as lines, pytest.raises(BaseExceptionGroup) as ended:
        await use()
    assert ended.value.subgroup(KeyboardInterrupt) is not None
    assert not [line for line in lines if line["event"] == "listener_failed"]


async def _tell(event):
    raise NotImplementedError(event)


@pytest.mark.parametrize("tell", [None, "print", _tell])
async def test_what_cannot_listen_is_refused(tell):
    """A coroutine would be made for every event, and nobody awaits it."""
    async with open_runtime() as rt:
        with pytest.raises(InputInvalid, match="tell: must be a function that is not async"):
            rt.telling(tell)
