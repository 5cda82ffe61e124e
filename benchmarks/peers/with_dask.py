"""W5-W7 with dask's threaded scheduler: a graph of calls, computed once a task; every result is kept."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

from common import Clock, growth, main
from dask.threaded import get


def increment(number):
    return number + 1


def _chain(steps, function=increment):
    return {"step-1": 0} | {f"step{number}": (function, f"step{number - 1}") for number in range(steps)}


def chains(tasks, steps):
    """One graph after the other: it takes all processors as it is."""
    graph, names = _chain(steps), [f"step{number}" for number in range(steps)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        get(graph, names, pool=pool)
        clock = Clock()
        for _ in range(tasks):
            assert get(graph, names, pool=pool)[-1] == steps
        return {"steps_s": tasks * steps / clock()}


def wide(steps):
    names = [f"step{number}" for number in range(steps)]
    graph = dict.fromkeys(names, (increment, 0)) | {"join": (len, names)}
    clock = Clock()
    assert get(graph, "join") == steps
    return {"us_per_step": clock() / steps * 1e6}


def deep(steps):
    began = []

    def stamped(number):
        began.append(time.perf_counter())
        return number + 1

    assert get(_chain(steps, stamped), f"step{steps - 1}") == steps
    return growth(began)


if __name__ == "__main__":
    main(globals())
