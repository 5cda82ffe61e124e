"""What holds up the end of a runtime is named for as long as it does."""

import trio
from structlog.testing import capture_logs

from actors import VirtualClock
from runtime import Action, open_runtime
from tests.support.plans import plan, step
from tests.support.times import EPOCH


async def deaf() -> None:
    with trio.CancelScope(shield=True):
        await trio.sleep(20)


async def hearing() -> None:
    await trio.sleep_forever()


async def test_a_step_that_shields_itself_is_named_until_it_ends(autojump_clock):
    """Nothing can end it, and a program that does not stop would otherwise say nothing."""
    with capture_logs() as logs:
        async with open_runtime(clock=VirtualClock(EPOCH), grace_seconds=1) as rt:
            steps = {"deaf": step(action=Action.calling(deaf)), "hearing": step(action=Action.calling(hearing))}
            task = await rt.submit(plan(**steps), task_id="held-up")
            await trio.sleep(0.5)
            assert task.id == "held-up"
    told = [line for line in logs if line["event"] == "shutdown_held_up"]
    assert [line["seconds"] for line in told] == [1, 3, 7, 15]
    assert {(line["task"], line["step"]) for line in told} == {("held-up", "deaf")}
    assert all(line["where"].startswith("deaf (") and "test_holdups.py:" in line["where"] for line in told)


async def test_an_end_that_nothing_holds_up_says_nothing(autojump_clock):
    with capture_logs() as logs:
        async with open_runtime(clock=VirtualClock(EPOCH), grace_seconds=1) as rt:
            await rt.submit(plan(hearing=step(action=Action.calling(hearing))))
            await trio.sleep(0.5)
    assert not [line for line in logs if line["event"] == "shutdown_held_up"]
