"""The workloads of group `tasks`, done with bare trio and a task per step: the limits."""

from collections.abc import Sequence

import trio

from benchmarks.harness import perf_counter

AT_ONCE = 100
WINDOW = 100


async def increment(number: int) -> int:
    """Do nothing worth mentioning: every side's step."""
    return number + 1


async def _step(results: list[int], ended: trio.Event) -> None:
    results.append(await increment(results[-1]))
    ended.set()


def chains(tasks: int, steps: int) -> dict[str, float]:
    """A task per chain, which starts a task per step and waits for its result; every result is kept."""
    kept: list[list[int]] = []

    async def chain(free: trio.Semaphore) -> None:
        results = [0]
        kept.append(results)
        async with trio.open_nursery() as nursery:
            for _ in range(steps):
                ended = trio.Event()
                nursery.start_soon(_step, results, ended)
                await ended.wait()
        free.release()

    async def main() -> float:
        free = trio.Semaphore(AT_ONCE)
        began = perf_counter()
        async with trio.open_nursery() as nursery:
            for _ in range(tasks):
                await free.acquire()
                nursery.start_soon(chain, free)
        return perf_counter() - began

    seconds = trio.run(main)
    assert all(results[-1] == steps for results in kept)
    return {"steps_s": tasks * steps / seconds}


def wide(steps: int) -> dict[str, float]:
    """A task per step, and the number of results once all have ended."""

    async def main() -> float:
        results: dict[int, int] = {}

        async def step(number: int) -> None:
            results[number] = await increment(number)

        began = perf_counter()
        async with trio.open_nursery() as nursery:
            for number in range(steps):
                nursery.start_soon(step, number)
        assert len(results) == steps
        return perf_counter() - began

    return {"us_per_step": trio.run(main) / steps * 1e6}


def growth(times: Sequence[float]) -> dict[str, float]:
    """Compare the ends of a chain whose steps began at these times."""
    first, last = times[WINDOW] - times[0], times[-1] - times[-1 - WINDOW]
    return {"growth": last / first, "us_per_step": (times[-1] - times[0]) / (len(times) - 1) * 1e6}


def deep(steps: int) -> dict[str, float]:
    """One chain: what a task per step takes. The limit of its growth is none."""
    times: list[float] = []

    async def step(results: list[int], ended: trio.Event) -> None:
        times.append(perf_counter())
        await _step(results, ended)

    async def main() -> None:
        results = [0]
        async with trio.open_nursery() as nursery:
            for _ in range(steps):
                ended = trio.Event()
                nursery.start_soon(step, results, ended)
                await ended.wait()

    trio.run(main)
    return {**growth(times), "growth": 1.0}


def foreach(items: int) -> dict[str, float]:
    """A task per item, and the results in order: a hundred at once; and all."""

    async def main() -> float:
        results: dict[int, int] = {}
        free = trio.Semaphore(AT_ONCE)

        async def body(number: int) -> None:
            results[number] = await increment(number)
            free.release()

        began = perf_counter()
        async with trio.open_nursery() as nursery:
            for number in range(items):
                await free.acquire()
                nursery.start_soon(body, number)
        assert [results[number] for number in range(items)] == [*range(1, items + 1)]
        return perf_counter() - began

    return {
        "us_per_step": trio.run(main) / items * 1e6,
        "unlimited_us_per_step": wide(items)["us_per_step"],
    }


def cancel(steps: int) -> dict[str, float]:
    """A task per step under one nursery that is cancelled."""

    async def main() -> float:
        ended: list[float] = []

        async def asleep() -> None:
            try:
                await trio.sleep_forever()
            finally:
                ended.append(perf_counter())

        async with trio.open_nursery() as nursery:
            for _ in range(steps):
                nursery.start_soon(asleep)
            await trio.sleep(0.2)
            began = perf_counter()
            nursery.cancel_scope.cancel()
        assert len(ended) == steps
        return perf_counter() - began

    milliseconds = trio.run(main) * 1e3
    return {"task_ms": milliseconds, "told_ms": milliseconds}
