"""W5-W7 and W12 with pydantic-graph: a graph of steps, run once a task; every result is kept."""

import asyncio
import time
from itertools import pairwise

from common import AT_ONCE, Clock, growth, main, many
from pydantic_graph import GraphBuilder, StepContext
from pydantic_graph.join import reduce_list_append


def _chain(steps, began=None):
    builder = GraphBuilder(input_type=int, output_type=int, state_type=list)

    async def increment(context: StepContext[list, None, int]) -> int:
        if began is not None:
            began.append(time.perf_counter())
        context.state.append(context.inputs + 1)
        return context.inputs + 1

    made = [builder.step(increment, node_id=f"step{number}") for number in range(steps)]
    ends = [builder.start_node, *made, builder.end_node]
    for before, after in pairwise(ends):
        builder.add(builder.edge_from(before).to(after))
    return builder.build()


def chains(tasks, steps):
    async def body():
        graph = _chain(steps)

        async def one(_number):
            results = []
            assert await graph.run(state=results, inputs=0) == steps
            return results

        await one(0)
        clock = Clock()
        await many(one, tasks, AT_ONCE)
        return {"steps_s": tasks * steps / clock()}

    return asyncio.run(body())


def wide(steps):
    """A map over so many inputs, and a join."""
    builder = GraphBuilder(input_type=list, output_type=int, state_type=list)

    @builder.step
    async def increment(context: StepContext[list, None, int]) -> int:
        return context.inputs + 1

    @builder.step
    async def count(context: StepContext[list, None, list]) -> int:
        return len(context.inputs)

    join = builder.join(reduce_list_append, initial_factory=list)
    builder.add(
        builder.edge_from(builder.start_node).map().to(increment),
        builder.edge_from(increment).to(join),
        builder.edge_from(join).to(count),
        builder.edge_from(count).to(builder.end_node),
    )
    graph = builder.build()

    async def body():
        clock = Clock()
        assert await graph.run(state=[], inputs=[0] * steps) == steps
        return {"us_per_step": clock() / steps * 1e6}

    return asyncio.run(body())


def deep(steps):
    began = []
    assert asyncio.run(_chain(steps, began).run(state=[], inputs=0)) == steps
    return growth(began)


def first():
    """W12: the program that is started."""
    asyncio.run(_chain(1).run(state=[], inputs=0))
    return {}


if __name__ == "__main__":
    main(globals())
