"""The two lives of W13 (`durable_kills`): one is killed with its tasks in their middle, the next has them done."""

import os
import signal
from collections.abc import Mapping

import trio

from benchmarks.durable_kills import LINES, STORE
from benchmarks.durable_ours import chain
from benchmarks.harness import Measures, perf_counter
from runtime import Action, TaskState, open_runtime
from runtime.runner import StepRequest

_in_the_middle: dict[str, float] = {}
_all_there = trio.Event()
_middle = ""
_stay = False
_expected = 0


async def work(request: StepRequest[object]) -> dict[str, str]:
    """Leave a line; in the first life, stay in the middle."""
    os.write(int(os.environ[LINES]), f"{request.task_id} {request.step}\n".encode())
    if request.step == _middle:
        _in_the_middle[request.task_id] = perf_counter()
        if len(_in_the_middle) == _expected:
            _all_there.set()
        if _stay:
            await trio.sleep_forever()
    return {"task": request.task_id, "step": request.step, "text": "x" * 20}


def _expect(tasks: int, done: int, *, stay: bool) -> None:
    global _middle, _stay, _expected
    _middle, _stay, _expected = f"step{done}", stay, tasks


def first_life(tasks: int, steps: int, done: int) -> None:
    """Get every task into its middle, and be killed there."""

    async def main() -> None:
        async with open_runtime(os.environ[STORE]) as rt:
            template = chain(steps, Action.calling(work))
            for number in range(tasks):
                await rt.submit(template, task_id=f"t{number}")
            await _all_there.wait()
            os.kill(os.getpid(), signal.SIGKILL)

    _expect(tasks, done, stay=True)
    trio.run(main)


def second_life(tasks: int, steps: int, done: int, began: float) -> Measures:
    """Go on; `began` is when this process was started."""
    del steps

    async def main() -> Mapping[str, float]:
        async with open_runtime(os.environ[STORE]) as rt:
            await _all_there.wait()
            for number in range(tasks):
                view = await rt.wait(f"t{number}")
                assert view.state is TaskState.DONE
            ended = perf_counter()
        there = _in_the_middle.values()
        reached = {"first_ms": min(there), "all_started_ms": max(there), "all_ms": ended}
        return {name: (moment - began) * 1e3 for name, moment in reached.items()}

    _expect(tasks, done, stay=False)
    return trio.run(main)
