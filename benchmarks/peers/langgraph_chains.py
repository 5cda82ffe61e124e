"""W5 with langgraph: a state graph of nodes in a chain, invoked once a task, a hundred at once."""

import asyncio
import json
import sys
import time
from itertools import pairwise
from typing import TypedDict

from langgraph.graph import END, START, StateGraph


class State(TypedDict):
    number: int


async def increment(state: State) -> State:
    return {"number": state["number"] + 1}


def build(steps):
    graph = StateGraph(State)
    names = [f"step{number}" for number in range(steps)]
    for name in names:
        graph.add_node(name, increment)
    ends = [START, *names, END]
    for before, after in pairwise(ends):
        graph.add_edge(before, after)
    return graph.compile()


async def chains(tasks, steps):
    graph, free = build(steps), asyncio.Semaphore(100)

    async def one():
        async with free:
            result = await graph.ainvoke({"number": 0}, {"recursion_limit": steps + 10})
            assert result["number"] == steps

    await one()
    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(tasks)))
    return {"steps_s": tasks * steps / (time.perf_counter() - began)}


if __name__ == "__main__":
    assert sys.argv[1] == "chains"
    print(json.dumps(asyncio.run(chains(**json.loads(sys.argv[2])))))
