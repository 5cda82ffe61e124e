"""What a reader is shown of a task."""

import trio

from runtime import Action, Step, StepState, StepStateChanged, open_runtime
from tests.support.plans import plan


async def test_the_state_of_a_step_is_a_member_of_its_enum_wherever_it_was_read(tmp_path):
    template = plan(one=Step(action=Action(type="echo", configuration={"output": 1})))
    with trio.fail_after(20):
        async with open_runtime(tmp_path / "tasks.db") as rt:
            task = await rt.submit(template)
            views = [await task.wait()]
        async with open_runtime(tmp_path / "tasks.db") as rt:
            views.append(await rt.status(task.id))
            async with rt.feed() as feed:
                events = [event for event in await feed.read() if isinstance(event, StepStateChanged)]
    assert all(view.steps["one"].state is StepState.DONE for view in views)
    assert [event.state for event in events if isinstance(event.state, StepState)] == ["RUNNING", "DONE"]
