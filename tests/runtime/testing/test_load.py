"""A load says what a user would have felt."""

from random import Random

import pytest
import trio

from actors import VirtualClock
from runtime import Action, Input, InputInvalid, Step, Template, open_runtime
from runtime.testing import load


async def nap(seconds: str) -> None:
    await trio.sleep(float(seconds))


async def fail() -> None:
    raise LookupError("always")


TEMPLATE = Template(
    name="nap",
    inputs=[Input(name="seconds")],
    steps={"nap": Step(action=Action.calling(nap, seconds="{{.input.seconds}}"))},
)


@pytest.fixture
def clock():
    return VirtualClock()


async def test_tasks_without_a_rate_follow_each_other(autojump_clock):
    async with open_runtime() as rt:
        report = await load(rt, TEMPLATE, {"seconds": "2"}, tasks=20, concurrency=5, warm_up=1)
    assert (report.done, report.failed, report.refused) == (20, 0, 0)
    assert report.seconds == pytest.approx(8)
    assert [report.percentile(share) for share in (0.01, 0.5, 1.0)] == pytest.approx([2, 2, 2])
    assert report.per_second == pytest.approx(2.5)


async def test_a_runtime_that_falls_behind_cannot_hide_it(autojump_clock):
    """One at a time, two seconds each, one arriving each second: the last of ten waits for all before it."""
    async with open_runtime() as rt:
        report = await load(rt, TEMPLATE, {"seconds": "2"}, tasks=10, rate=1, concurrency=1, warm_up=0)
    assert report.seconds == pytest.approx(20)
    assert report.percentile(1.0) == pytest.approx(11)
    assert report.latencies[0] == pytest.approx(2)


async def test_arrivals_can_be_those_of_independent_users_and_be_repeated(autojump_clock):
    seconds = []
    async with open_runtime() as rt:
        for _ in range(2):
            report = await load(
                rt, TEMPLATE, {"seconds": "0"}, tasks=50, rate=10, steady=False, random=Random(7), warm_up=0
            )
            seconds.append(report.seconds)
    assert seconds[0] == pytest.approx(seconds[1])
    assert 2 < seconds[0] < 10


async def test_inputs_may_differ_and_tasks_fail(autojump_clock):
    async with open_runtime() as rt:
        report = await load(rt, TEMPLATE, lambda number: {"seconds": str(number)}, tasks=3, concurrency=3, warm_up=0)
        assert report.latencies == pytest.approx([0, 1, 2])
        broken = Template(name="broken", steps={"one": Step(action=Action.calling(fail), max_retries=-1)}, retry_max=1)
        failed = await load(rt, broken, tasks=2, warm_up=0)
    assert (failed.done, failed.failed) == (0, 2)
    assert "2 failed" in str(failed)


async def test_what_cannot_be_submitted_is_refused_as_submit_does():
    async with open_runtime() as rt:
        with pytest.raises(InputInvalid, match="seconds"):
            await load(rt, TEMPLATE, {}, tasks=3)
        with pytest.raises(ValueError, match="positive rate"):
            await load(rt, TEMPLATE, {"seconds": "1"}, rate=0)


async def test_a_closing_runtime_refuses(autojump_clock):
    async with open_runtime() as rt:
        prepared = await rt.prepare(TEMPLATE)
        rt.shutdown()
        report = await load(rt, prepared, {"seconds": "1"}, tasks=4, warm_up=0)
    assert (report.refused, report.done) == (4, 0)
    assert report.percentile(0.5) != report.percentile(0.5)
