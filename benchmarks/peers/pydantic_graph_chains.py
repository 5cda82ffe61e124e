"""W5 with pydantic-graph: a graph of steps in a chain, run once a task, a hundred at once."""

import asyncio
import json
import sys
import time
from itertools import pairwise

from pydantic_graph import GraphBuilder, StepContext


def build(steps):
    builder = GraphBuilder(input_type=int, output_type=int, state_type=list)

    async def increment(context: StepContext[list, None, int]) -> int:
        context.state.append(context.inputs + 1)
        return context.inputs + 1

    made = [builder.step(increment, node_id=f"step{number}") for number in range(steps)]
    ends = [builder.start_node, *made, builder.end_node]
    for before, after in pairwise(ends):
        builder.add(builder.edge_from(before).to(after))
    return builder.build()


async def chains(tasks, steps):
    graph, free = build(steps), asyncio.Semaphore(100)

    async def one():
        async with free:
            results = []
            assert await graph.run(state=results, inputs=0) == steps
            return results

    await one()
    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(tasks)))
    return {"steps_s": tasks * steps / (time.perf_counter() - began)}


if __name__ == "__main__":
    assert sys.argv[1] == "chains"
    print(json.dumps(asyncio.run(chains(**json.loads(sys.argv[2])))))
