"""The workloads of group `tasks`, done by the runtime with its memory journal."""

from itertools import pairwise

import trio

from benchmarks.harness import perf_counter
from benchmarks.tasks_raw import AT_ONCE
from runtime import Action, Step, Template, open_runtime
from runtime.runner import StepRequest


async def increment(step: str, request: StepRequest[object]) -> int:
    """Do nothing worth mentioning with the result of another step."""
    number: int = request.values["step"][step]["output"] if step else 0
    return number + 1


def _chain(steps: int) -> Template:
    names = ["", *(f"step{number}" for number in range(steps))]
    return Template(
        name="chain",
        steps={
            name: Step(action=Action.calling(increment, step=before), dependencies=[before] if before else [])
            for before, name in pairwise(names)
        },
        result_format={"last": f"{{{{.step.{names[-1]}.output}}}}"},
    )


def chains(tasks: int, steps: int) -> dict[str, float]:
    """A task of the runtime per chain."""

    async def main() -> float:
        template = _chain(steps)

        async def one(free: trio.Semaphore) -> None:
            task = await rt.submit(template)
            assert await task.result() == {"last": str(steps)}
            free.release()

        async with open_runtime() as rt:
            async with trio.open_nursery() as nursery:
                free = trio.Semaphore(AT_ONCE)
                began = perf_counter()
                for _ in range(tasks):
                    await free.acquire()
                    nursery.start_soon(one, free)
            return perf_counter() - began

    return {"steps_s": tasks * steps / trio.run(main)}
