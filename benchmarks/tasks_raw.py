"""The workloads of group `tasks`, done with bare trio and a task per step: the limits."""

import trio

from benchmarks.harness import perf_counter

AT_ONCE = 100


async def increment(number: int) -> int:
    """Do nothing worth mentioning: every side's step."""
    return number + 1


def chains(tasks: int, steps: int) -> dict[str, float]:
    """Every step is a new trio task, which begins the next one; every result is kept."""
    results: list[list[int]] = []

    async def main() -> float:
        async def step(kept: list[int], free: trio.Semaphore) -> None:
            kept.append(await increment(kept[-1]))
            if len(kept) <= steps:
                nursery.start_soon(step, kept, free)
            else:
                free.release()

        began = perf_counter()
        async with trio.open_nursery() as nursery:
            free = trio.Semaphore(AT_ONCE)
            for _ in range(tasks):
                await free.acquire()
                results.append([0])
                nursery.start_soon(step, results[-1], free)
        return perf_counter() - began

    seconds = trio.run(main)
    assert all(kept[-1] == steps for kept in results)
    return {"steps_s": tasks * steps / seconds}
