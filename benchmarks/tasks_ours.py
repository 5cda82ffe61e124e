"""The workloads of group `tasks`, done by the runtime with its memory journal."""

import trio

from benchmarks.harness import perf_counter
from benchmarks.tasks_raw import AT_ONCE
from runtime import Action, Step, Template, open_runtime


async def increment(number: str) -> int:
    """Do nothing worth mentioning. Templates give texts, so the number is one."""
    return int(number) + 1


def _chain(steps: int) -> Template:
    first = {"step0": Step(action=Action.calling(increment, number="0"))}
    return Template(
        name="chain",
        steps=first
        | {
            f"step{k}": Step(
                action=Action.calling(increment, number=f"{{{{.step.step{k - 1}.output}}}}"),
                dependencies=[f"step{k - 1}"],
            )
            for k in range(1, steps)
        },
        result_format={"last": f"{{{{.step.step{steps - 1}.output}}}}"},
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
