"""The limit: the same work, bare."""

from collections.abc import Awaitable, Callable

import trio

from benchmarks.harness import Measures, perf_counter
from benchmarks.runners_server import SETTLE_SECONDS, serving


async def _waves(count: int, waves: int, work: Callable[[], Awaitable[object]]) -> float:
    seconds = 0.0
    for wave in range(waves + 1):
        began = perf_counter()
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(work)
        seconds += perf_counter() - began if wave else 0.0
    return seconds


def http(count: int, waves: int) -> Measures:
    """One client, asked so many times at once; every connection anew, as a step of ours has it."""
    import httpx2  # noqa: PLC0415 - each side loads its own

    async def main(url: str) -> float:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx2.AsyncClient(limits=limits, timeout=30) as client:

            async def work() -> None:
                reply = await client.get(url)
                assert reply.json() == {"hello": "you"}

            return await _waves(count, waves, work)

    with serving() as url:
        return {"us_per_step": trio.run(main, url) / waves / count * 1e6}


def script(count: int, waves: int) -> Measures:
    """`trio.run_process`, output captured."""

    async def work() -> None:
        await trio.run_process(["/bin/true"], capture_stdout=True, capture_stderr=True)

    return {"us_per_step": trio.run(_waves, count, waves, work) / waves / count * 1e6}


def cancel(count: int, waves: int) -> Measures:
    """`trio.run_process` of sleepers, cancelled."""

    async def work() -> None:
        await trio.run_process(["/bin/sleep", "1000"], capture_stdout=True, capture_stderr=True)

    async def main() -> float:
        seconds = 0.0
        for wave in range(waves + 1):
            async with trio.open_nursery() as nursery:
                for _ in range(count):
                    nursery.start_soon(work)
                await trio.sleep(SETTLE_SECONDS)
                began = perf_counter()
                nursery.cancel_scope.cancel()
            seconds += perf_counter() - began if wave else 0.0
        return seconds

    return {"ms": trio.run(main) / waves * 1e3}
