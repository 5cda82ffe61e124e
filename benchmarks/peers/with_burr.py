"""W5, W7, W9 and W12 with burr: an application of actions in a chain, run once a task; W9 with its SQLite persister.

An action is async, as ours are; burr has no parallel actions of one application without threads, so no W6.
"""

import asyncio
import tempfile
import time
from itertools import pairwise

from burr.core import ApplicationBuilder, GraphBuilder, State, action
from common import AT_ONCE, Clock, growth, main, many, step_result


def _graph(steps, function):
    names = [f"step{number}" for number in range(steps)]
    return (
        GraphBuilder().with_actions(**dict.fromkeys(names, function)).with_transitions(*pairwise(names)).build()
    ), names


async def _run(graph, names, state, builder=None):
    built = (builder or ApplicationBuilder()).with_graph(graph).with_state(**state)
    application = await built.with_entrypoint(names[0]).abuild()
    _, _, ended = await application.arun(halt_after=[names[-1]])
    return ended


@action(reads=["number"], writes=["number", "results"])
async def increment(state: State) -> State:
    number = state["number"] + 1
    return state.update(number=number).append(results=number)


def chains(tasks, steps):
    async def body():
        graph, names = _graph(steps, increment)

        async def one(_number):
            ended = await _run(graph, names, {"number": 0, "results": []})
            assert ended["results"][-1] == len(ended["results"]) == steps

        await one(0)
        clock = Clock()
        await many(one, tasks, AT_ONCE)
        return {"steps_s": tasks * steps / clock()}

    return asyncio.run(body())


def deep(steps):
    began = []

    @action(reads=["number"], writes=["number"])
    async def stamped(state: State) -> State:
        began.append(time.perf_counter())
        return state.update(number=state["number"] + 1)

    graph, names = _graph(steps, stamped)
    asyncio.run(_run(graph, names, {"number": 0}))
    return growth(began)


def durable(tasks, steps, at_once):
    """One after another only: the connection of its persister is not for use by many at once."""
    del at_once
    from burr.integrations.persisters.b_aiosqlite import AsyncSQLitePersister  # noqa: PLC0415 - only here

    @action(reads=["task", "step"], writes=["step", "result"])
    async def work(state: State) -> State:
        return state.update(step=state["step"] + 1, result=step_result(state["task"], state["step"]))

    async def body(folder):
        graph, names = _graph(steps, work)
        async with AsyncSQLitePersister.from_values(db_path=f"{folder}/tasks.db") as persister:
            await persister.initialize()

            async def one(number):
                builder = ApplicationBuilder().with_identifiers(app_id=f"t{number}", partition_key="bench")
                state = {"task": f"t{number}", "step": 0, "result": {}}
                ended = await _run(graph, names, state, builder.with_state_persister(persister))
                assert ended["step"] == steps

            await one("warm")
            clock = Clock()
            for number in range(tasks):
                await one(number)
            return {"sequential_steps_s": tasks * steps / clock()}

    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        return asyncio.run(body(folder))


def first():
    """W12: the program that is started."""
    asyncio.run(_run(*_graph(1, increment), {"number": 0, "results": []}))
    return {}


if __name__ == "__main__":
    main(globals())
