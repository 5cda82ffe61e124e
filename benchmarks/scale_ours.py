"""The workloads of group `scale`, done by instances of the runtime that share a PostgreSQL store."""

import json
import os
import signal
import subprocess
import sys
from functools import partial

import trio

from benchmarks.durable_ours import chain
from benchmarks.harness import percentile, perf_counter
from benchmarks.scale_chains import begin, hear
from benchmarks.scale_raw import SERVER_VARIABLE
from runtime import Action, Step, Template, open_runtime
from runtime.api.client import Runtime
from runtime.heap import settle_heap
from runtime.testing import load
from tests.support.postgres import fresh_store


async def _told() -> None:
    await trio.to_thread.run_sync(sys.stdin.buffer.readline)


def _tell() -> None:
    sys.stdout.write("here\n")
    sys.stdout.flush()


async def worker(store: str, tasks: int, steps: int, at_once: int) -> None:
    """Be one instance: say that it is there, run its share when told to, and say that it is done."""
    async with open_runtime(store) as rt:
        template = chain(steps)
        await (await rt.submit(template)).wait()
        _tell()
        await _told()
        report = await load(rt, template, tasks=tasks, concurrency=at_once, warm_up=0)
        assert report.done == tasks, report
        _tell()
        await _told()


_HANGS_SECONDS = 60.0

_cut: dict[str, float] = {}


async def until_cut(task: str) -> None:
    """Run until cancelled, and note when that was."""
    try:
        await trio.sleep_forever()
    finally:
        _cut[task] = perf_counter()


def wakes(times: int) -> dict[str, float]:
    """From asking one instance to cancel a task to the moment when its step, on another, feels it."""
    took: list[float] = []
    template = Template(
        name="long", steps={"a": Step(action=Action.calling(until_cut, task="{{.task.task_id}}"), idempotent=True)}
    )

    async def main(store: str) -> None:
        async with open_runtime(store) as one, open_runtime(store) as two:
            for number in range(times):
                task = f"t{number}"
                await one.submit(template, task_id=task)
                await _running(one, task)
                began = perf_counter()
                await two.cancel(task)
                await one.wait(task)
                took.append((_cut[task] - began) * 1e3)

    with fresh_store(os.environ[SERVER_VARIABLE]) as store:
        trio.run(main, store)
    return {"wake_p50_ms": percentile(took, 0.5), "wake_p99_ms": percentile(took, 0.99)}


async def _running(rt: Runtime, task: str) -> None:
    while (await rt.status(task)).running == 0:  # noqa: ASYNC110 - nothing of this is measured
        await trio.sleep(0.001)


_begun: list[float] = []


async def begin_and_stay() -> None:
    """Note when the step began, and stay."""
    _begun.append(perf_counter())
    await trio.sleep_forever()


def _stay() -> Template:
    return Template(name="stay", steps={"a": Step(action=Action.calling(begin_and_stay), idempotent=True)})


def take_over(tasks: int, lease_seconds: float) -> dict[str, float]:
    """From the kill of an instance to the moment when its steps, which may run again, have begun elsewhere."""

    async def main(store: str, other: "subprocess.Popen[bytes]") -> float:
        async with open_runtime(store):
            other.send_signal(signal.SIGKILL)
            killed = perf_counter()
            with trio.fail_after(_HANGS_SECONDS):
                while len(_begun) < tasks:  # noqa: ASYNC110 - the steps themselves say when
                    await trio.sleep(0.01)
            return killed

    with fresh_store(os.environ[SERVER_VARIABLE]) as plain:
        store = f"{plain}&lease={lease_seconds}"
        other = begin("victim", {"store": store, "tasks": tasks})
        hear(other)
        killed = trio.run(main, store, other)
        other.wait()
    return {"first_ms": (min(_begun) - killed) * 1e3, "all_ms": (max(_begun) - killed) * 1e3}


async def victim(store: str, tasks: int) -> None:
    """Be an instance with running steps, until killed."""
    async with open_runtime(store) as rt:
        for number in range(tasks):
            await rt.submit(_stay(), task_id=f"t{number}")
        while len(_begun) < tasks:  # noqa: ASYNC110 - as above
            await trio.sleep(0.01)
        _tell()
        await trio.sleep_forever()


def be(what: str) -> None:
    """Be an instance of a kind, as the command line says."""
    arguments = json.loads(sys.argv[1])
    settle_heap()  # as every side does, and `understudy serve`
    trio.run(partial(worker if what == "worker" else victim, **arguments))
