"""W5-W7, W9, W11 and W12 with langgraph: a state graph, invoked once a task; W9 with its SQLite checkpointer."""

import asyncio
import operator
import tempfile
import time
from itertools import pairwise
from typing import Annotated, TypedDict

from common import AT_ONCE, Clock, growth, main, many, step_result
from langgraph.graph import END, START, StateGraph


class Numbered(TypedDict):
    number: int


class Kept(TypedDict):
    number: int
    results: Annotated[list, operator.add]


class Gathered(TypedDict):
    results: Annotated[list, operator.add]
    count: int


class Written(TypedDict):
    task: str
    result: dict


def _chain(state, steps, node, **options):
    graph = StateGraph(state)
    names = [f"step{number}" for number in range(steps)]
    for number, name in enumerate(names):
        graph.add_node(name, node(number))
    for before, after in pairwise([START, *names, END]):
        graph.add_edge(before, after)
    return graph.compile(**options)


def chains(tasks, steps):
    async def increment(state: Kept) -> Kept:
        return {"number": state["number"] + 1, "results": [state["number"] + 1]}

    async def body():
        graph = _chain(Kept, steps, lambda _: increment)

        async def one(_number):
            result = await graph.ainvoke({"number": 0, "results": []}, {"recursion_limit": steps + 10})
            assert result["number"] == len(result["results"]) == steps

        await one(0)
        clock = Clock()
        await many(one, tasks, AT_ONCE)
        return {"steps_s": tasks * steps / clock()}

    return asyncio.run(body())


def wide(steps):
    graph = StateGraph(Gathered)

    async def increment(_state: Gathered):
        return {"results": [1]}

    async def join(state: Gathered):
        return {"count": len(state["results"])}

    names = [f"step{number}" for number in range(steps)]
    graph.add_node("join", join)
    for name in names:
        graph.add_node(name, increment)
        graph.add_edge(START, name)
    graph.add_edge(names, "join")
    graph.add_edge("join", END)
    made = graph.compile()

    async def body():
        clock = Clock()
        result = await made.ainvoke({"results": [], "count": 0})
        assert result["count"] == steps
        return {"us_per_step": clock() / steps * 1e6}

    return asyncio.run(body())


def deep(steps):
    began = []

    async def increment(state: Numbered) -> Numbered:
        began.append(time.perf_counter())
        return {"number": state["number"] + 1}

    graph = _chain(Numbered, steps, lambda _: increment)
    asyncio.run(graph.ainvoke({"number": 0}, {"recursion_limit": steps + 10}))
    return growth(began)


def durable(tasks, steps, at_once):
    """Every checkpoint is written before the next step (durability="sync"); `synchronous` is SQLite's default, FULL."""
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # noqa: PLC0415 - only here

    def node(step):
        async def work(state: Written) -> Written:
            return {"result": step_result(state["task"], step)}

        return work

    async def body(folder):
        async with AsyncSqliteSaver.from_conn_string(f"{folder}/tasks.db") as saver:
            graph = _chain(Written, steps, node, checkpointer=saver)

            async def one(number):
                options = {"configurable": {"thread_id": f"t{number}"}, "recursion_limit": steps + 10}
                await graph.ainvoke({"task": f"t{number}", "result": {}}, options, durability="sync")

            await one("warm")
            clock = Clock()
            for number in range(tasks):
                await one(f"s{number}")
            sequential = tasks * steps / clock()
            clock = Clock()
            await many(one, tasks, at_once)
            return {"sequential_steps_s": sequential, "concurrent_steps_s": tasks * steps / clock()}

    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        return asyncio.run(body(folder))


def cancel(steps):
    running, ended = [], []

    async def asleep(_state: Gathered):
        running.append(1)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(1)

    graph = StateGraph(Gathered)
    for number in range(steps):
        graph.add_node(f"step{number}", asleep)
        graph.add_edge(START, f"step{number}")
    made = graph.compile()

    async def body():
        task = asyncio.ensure_future(made.ainvoke({"results": [], "count": 0}))
        while len(running) < steps:
            await asyncio.sleep(0.01)
        clock = Clock()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert len(ended) == steps
        milliseconds = clock() * 1e3
        return {"task_ms": milliseconds, "told_ms": milliseconds}

    return asyncio.run(body())


def first():
    """W12: the program that is started."""

    def increment(state: Numbered) -> Numbered:
        return {"number": state["number"] + 1}

    _chain(Numbered, 1, lambda _: increment).invoke({"number": 0})
    return {}


if __name__ == "__main__":
    main(globals())
