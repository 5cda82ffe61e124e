"""How long tasks took is counted once for each, when it is done here."""

import attrs
import pytest
import trio

from actors import VirtualClock
from runtime import open_runtime
from runtime.engine.records import RunEnded
from runtime.engine.states import ResolutionState
from runtime.work.durations import MOST_TEMPLATES, DurationFigures, Durations
from tests.support.plans import echo, plan, step
from tests.support.times import EPOCH


async def test_a_task_counts_from_its_submission_and_from_who_took_it_on_until_it_is_done(autojump_clock):
    async with open_runtime(clock=VirtualClock(EPOCH)) as rt:
        task = await rt.submit(plan(a=step(), b=step("a", execution_delay=5.0)), resolve=False)
        blocked = await rt.submit(plan(a=step(action=echo(error_message="no", error_type="client"))))
        await trio.sleep(3)
        await rt.resolve(task.id)
        await task.wait()
        await blocked.wait()
        assert rt.durations() == {"plan": Durations(1, pytest.approx(3), pytest.approx(8), pytest.approx(5))}
        await task.operator("ann").comment("it is over")
        assert rt.durations()["plan"].tasks == 1
        done = await rt.read(task.id)

    figures, end = DurationFigures(), [RunEnded(at=0.0, state=ResolutionState.DONE)]
    for number in range(MOST_TEMPLATES + 5):
        template = attrs.evolve(done.plan.template, name=f"t{number}")
        figures.count(attrs.evolve(done, plan=attrs.evolve(done.plan, template=template)), end)
    assert len(figures.all()) == MOST_TEMPLATES + 1
    assert figures.all()[""].tasks == 5
