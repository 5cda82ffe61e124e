"""What is said to a task that is a flow, or to a flow that is a task, is refused in words, and costs neither anything."""

import pytest
import trio
import trio.testing

from runtime import Action, NotFound, Step, TaskState, open_runtime
from runtime.flow.rerun_input import RerunInput
from runtime.runner import Outcome, Runner
from tests.support.plans import plan

TO_A_TASK = {
    "status": lambda rt, task_id: rt.status(task_id),
    "wait": lambda rt, task_id: rt.wait(task_id),
    "resolve": lambda rt, task_id: rt.resolve(task_id),
    "run": lambda rt, task_id: rt.run(task_id),
    "cancel": lambda rt, task_id: rt.cancel(task_id),
    "interrupt": lambda rt, task_id: rt.interrupt_step(task_id, "s1"),
    "delete": lambda rt, task_id: rt.delete(task_id),
    "pause": lambda rt, task_id: rt.operator(task_id).pause(),
    "extend": lambda rt, task_id: rt.operator(task_id).extend(),
    "reject": lambda rt, task_id: rt.operator(task_id).reject(),
    "start_over": lambda rt, task_id: rt.operator(task_id).start_over(),
    "set_step_state": lambda rt, task_id: rt.operator(task_id).set_step_state("s1", "DONE"),
    "edit_steps": lambda rt, task_id: rt.operator(task_id).edit_steps({}),
    "edit_resolver_inputs": lambda rt, task_id: rt.operator(task_id).edit_resolver_inputs({}),
    "edit_task": lambda rt, task_id: rt.operator(task_id).edit_task(tags={"a": "b"}),
    "tag": lambda rt, task_id: rt.operator(task_id).tag({"a": "b"}),
    "comment": lambda rt, task_id: rt.operator(task_id).comment("hello"),
    "edit_comment": lambda rt, task_id: rt.operator(task_id).edit_comment("c1", "hello"),
    "delete_comment": lambda rt, task_id: rt.operator(task_id).delete_comment("c1"),
}
TO_A_FLOW = {
    "status": lambda rt, flow_id: rt.flow_handle(flow_id).status(),
    "wait": lambda rt, flow_id: rt.flow_handle(flow_id).wait(),
    "start": lambda rt, flow_id: rt.flow_handle(flow_id).start(),
    "respond": lambda rt, flow_id: rt.flow_handle(flow_id).approve("work"),
    "set_approval_option": lambda rt, flow_id: rt.flow_handle(flow_id).set_approval_option("approve-all"),
    "retry": lambda rt, flow_id: rt.flow_handle(flow_id).retry("work"),
    "skip": lambda rt, flow_id: rt.flow_handle(flow_id).skip("work"),
    "retry_group": lambda rt, flow_id: rt.flow_handle(flow_id).retry_group("work"),
    "rerun": lambda rt, flow_id: rt.flow_handle(flow_id).rerun(
        RerunInput(flow_id=flow_id, step_id="work", operation="retry")
    ),
    "pause": lambda rt, flow_id: rt.flow_handle(flow_id).pause(),
    "unpause": lambda rt, flow_id: rt.flow_handle(flow_id).unpause(),
    "cancel": lambda rt, flow_id: rt.flow_handle(flow_id).cancel(),
    "interrupt": lambda rt, flow_id: rt.flow_handle(flow_id).interrupt_step("work"),
    "delete": lambda rt, flow_id: rt.delete_flow(flow_id),
}


class Gate(Runner[object]):
    """Work that goes on until it is let go, and has begun so often."""

    name = "gate"
    config = object

    def __init__(self):
        super().__init__()
        self.begun, self.opened = 0, trio.Event()

    async def run(self, _request):
        self.begun += 1
        await self.opened.wait()
        return Outcome()


@pytest.mark.parametrize("said", TO_A_TASK)
async def test_a_flow_is_no_task_and_goes_on_with_what_it_is_at(autojump_clock, said):
    gate = Gate()
    async with open_runtime(runners=[gate]) as rt:
        flow = await rt.flow({"kind": "flow", "name": "f", "steps": [{"name": "work", "signal": {"type": "gate"}}]})
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(NotFound) as refused:
            await TO_A_TASK[said](rt, flow.id)
        assert str(refused.value) == f'no task "{flow.id}" (it is a flow)'
        gate.opened.set()
        assert (await flow.result()).id == flow.id
        assert (gate.begun, rt.failures()) == (1, 0)


@pytest.mark.parametrize("said", TO_A_FLOW)
async def test_a_task_is_no_flow_and_goes_on_with_what_it_is_at(autojump_clock, said):
    gate = Gate()
    async with open_runtime(runners=[gate]) as rt:
        task = await rt.submit(plan(work=Step(action=Action(type="gate"))))
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(NotFound) as refused:
            await TO_A_FLOW[said](rt, task.id)
        assert str(refused.value) == f'no flow "{task.id}" (it is a task)'
        gate.opened.set()
        assert (await task.wait()).state is TaskState.DONE
        assert (gate.begun, rt.failures()) == (1, 0)
