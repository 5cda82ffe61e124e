"""The workloads of group `tasks`, done by the runtime with its memory journal.

A step is a function that reads the result it needs from its request. One task is run before anything is counted.
"""

import gc
from itertools import pairwise

import trio

from benchmarks.harness import perf_counter, resident_bytes
from benchmarks.tasks_raw import AT_ONCE, growth
from runtime import Action, Limits, Prepared, Runtime, Step, TaskState, Template, open_runtime
from runtime.runner import StepRequest
from runtime.testing import load

_began: list[float] = []


async def increment(step: str, request: StepRequest[object]) -> int:
    """Do nothing worth mentioning with the result of another step."""
    number: int = request.values["step"][step]["output"] if step else 0
    return number + 1


async def stamped_increment(step: str, request: StepRequest[object]) -> int:
    """Note when it began, too."""
    _began.append(perf_counter())
    return await increment(step, request)


async def count(request: StepRequest[object]) -> int:
    """Count the results of all steps that have one."""
    return sum(view["output"] != {} for view in request.values["step"].values() if view["state"] == "DONE")


async def increment_item(item: str) -> int:
    """Do nothing worth mentioning with an item, which a template gives as text."""
    return int(item) + 1


async def children(request: StepRequest[object]) -> int:
    """Count the results of the loop."""
    return len(request.values["step"]["each"]["children"])


def _chain(steps: int, function: object = increment) -> Template:
    names = ["", *(f"step{number}" for number in range(steps))]
    return Template(
        name="chain",
        steps={
            name: Step(action=Action.calling(function, step=before), dependencies=[before] if before else [])  # type: ignore[arg-type]
            for before, name in pairwise(names)
        },
    )


async def _results(rt: Runtime, template: Template | Prepared) -> list[object]:
    task = await rt.submit(template)
    view = await task.wait()
    return [step.output for step in view.steps.values()]


def chains(tasks: int, steps: int) -> dict[str, float]:
    """A task of the runtime per chain."""

    async def main() -> float:
        async with open_runtime() as rt:
            template = await rt.prepare(_chain(steps))
            report = await load(rt, template, tasks=tasks, concurrency=AT_ONCE, warm_up=1)
            assert report.done == tasks, report
            assert await _results(rt, template) == [*range(1, steps + 1)]
        return report.per_second

    return {"steps_s": trio.run(main) * steps}


def wide(steps: int) -> dict[str, float]:
    """One task of many steps, and one that needs them all."""

    def template(size: int) -> Template:
        names = [f"step{number}" for number in range(size)]
        apart = {name: Step(action=Action.calling(increment, step="")) for name in names}
        return Template(name="wide", steps=apart | {"join": Step(action=Action.calling(count), dependencies=names)})

    async def main() -> float:
        async with open_runtime() as rt:
            await (await rt.submit(template(10))).wait()
            prepared = await rt.prepare(template(steps))
            gc.collect()
            began = perf_counter()
            view = await (await rt.submit(prepared)).wait()
            seconds = perf_counter() - began
        assert view.steps["join"].output == steps, view.steps["join"]
        return seconds

    return {"us_per_step": trio.run(main) / steps * 1e6}


def deep(steps: int) -> dict[str, float]:
    """One chain: what a step takes, and the last hundred steps as a multiple of the first hundred."""

    async def main() -> None:
        async with open_runtime() as rt:
            await _results(rt, _chain(10, stamped_increment))
            prepared = await rt.prepare(_chain(steps, stamped_increment))
            _began.clear()
            gc.collect()
            await (await rt.submit(prepared)).result()

    trio.run(main)
    return growth(_began)


def foreach(items: int) -> dict[str, float]:
    """One loop over items that only a step knows, and a step that reads all its children: a hundred at once; and all."""
    return {
        "us_per_step": trio.run(_seconds_of_loop, items, Limits(resources={"body": AT_ONCE})) / items * 1e6,
        "unlimited_us_per_step": trio.run(_seconds_of_loop, items, None) / items * 1e6,
    }


async def _seconds_of_loop(items: int, limits: Limits | None) -> float:
    def template(size: int) -> Template:
        return Template(
            name="foreach",
            steps={
                "list": Step(action=Action(type="echo", configuration={"output": list(range(size))})),
                "each": Step(
                    foreach="{{.step.list.output | toJson}}",
                    dependencies=["list"],
                    action=Action.calling(increment_item, item="{{.iterator}}"),
                    resources=["body"] if limits else [],
                ),
                "read": Step(action=Action.calling(children), dependencies=["each"]),
            },
        )

    async with open_runtime(limits=limits) as rt:
        await (await rt.submit(template(10))).wait()
        prepared = await rt.prepare(template(items))
        gc.collect()
        began = perf_counter()
        view = await (await rt.submit(prepared)).wait()
        seconds = perf_counter() - began
    assert view.steps["read"].output == items, view.steps["read"]
    return seconds


_ended: list[float] = []


async def asleep() -> None:
    """Sleep until cancelled, and note when that was."""
    _running.append(True)
    try:
        await trio.sleep_forever()
    finally:
        _ended.append(perf_counter())


_running: list[bool] = []


def cancel(steps: int) -> dict[str, float]:
    """One task with so many running steps: until the last has ended, and until whoever waits for the task knows."""
    apart = {f"step{number}": Step(action=Action.calling(asleep)) for number in range(steps)}

    async def main() -> tuple[float, float]:
        async with open_runtime() as rt:
            task = await rt.submit(Template(name="asleep", steps=apart))
            while len(_running) < steps:  # noqa: ASYNC110 - nothing of this is measured
                await trio.sleep(0.01)
            began = perf_counter()
            await task.cancel()
            view = await task.wait()
            told = perf_counter()
        assert view.state is TaskState.CANCELLED, view.state
        assert len(_ended) == steps
        return max(_ended) - began, told - began

    ended, told = trio.run(main)
    return {"task_ms": ended * 1e3, "told_ms": told * 1e3}


def memory(steps: int) -> dict[str, float]:
    """What a finished step costs while its task goes on: a chain's growth of the resident set."""

    async def main() -> float:
        reached, go_on = trio.Event(), trio.Event()

        async def pause() -> None:
            reached.set()
            await go_on.wait()

        chain = _chain(steps)
        last = Step(action=Action.calling(pause), dependencies=[f"step{steps - 1}"])
        template = Template(name="held", steps={**chain.steps, "pause": last})
        async with open_runtime() as rt:
            prepared = await rt.prepare(template)
            before = resident_bytes()
            task = await rt.submit(prepared)
            await reached.wait()
            grown = resident_bytes() - before
            go_on.set()
            await task.wait()
        return grown

    return {"bytes_per_step": trio.run(main) / steps}
