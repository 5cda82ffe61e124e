"""W14: chains by instances of the runtime that share a store, each in a process of its own."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence

from benchmarks.harness import perf_counter, python
from benchmarks.scale_raw import SERVER_VARIABLE
from tests.support.postgres import fresh_store


def chains(tasks: int, steps: int, at_once: int) -> dict[str, float]:
    """One, two and four instances, with so many tasks at a time each; and four that have as many together."""
    url = os.environ[SERVER_VARIABLE]
    work = {"tasks": tasks, "steps": steps, "at_once": at_once}
    one, two, four = (_steps_s(url, [work] * count) for count in (1, 2, 4))
    shared = _steps_s(url, _shares(work, 4))
    return {
        "steps_s_1": one,
        "steps_s_1_autocommit": one,
        "steps_s_2": two,
        "steps_s_4": four,
        "steps_s_4_shared": shared,
        "steps_s_4_to_1": four / one,
        "steps_s_4_shared_to_1": shared / one,
    }


def _shares(work: Mapping[str, int], count: int) -> Sequence[Mapping[str, int]]:
    """Give each its share of those at once, and of all tasks as large a one: so none is left alone with the last."""
    at_once = work["at_once"]
    each = [at_once // count + (number < at_once % count) for number in range(count)]
    return [{**work, "tasks": work["tasks"] * share // at_once, "at_once": share} for share in each]


def _steps_s(url: str, works: Sequence[Mapping[str, int]]) -> float:
    """Give the steps a second of all together: an instance for each work."""
    with fresh_store(url) as store:
        instances = [begin("worker", {"store": store, **work}) for work in works]
        for instance in instances:
            hear(instance)
        began = perf_counter()
        for instance in instances:
            say(instance)
        for instance in instances:
            hear(instance)
        rate = sum(work["tasks"] * work["steps"] for work in works) / (perf_counter() - began)
        for instance in instances:
            say(instance)
            instance.wait()
    return rate


def begin(what: str, arguments: Mapping[str, object]) -> "subprocess.Popen[bytes]":
    """Begin an instance that does as `benchmarks.scale_ours` says."""
    # Not ``-m``: what steps call is found by the name of its module, which has to be the same in all processes.
    program = f"from benchmarks.scale_ours import be; be({what!r})"
    command = [*python(what), "-c", program, json.dumps(arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def hear(instance: "subprocess.Popen[bytes]") -> None:
    """Wait until it has something to say."""
    assert instance.stdout is not None
    if not instance.stdout.readline():
        raise RuntimeError(f"an instance ended with {instance.wait()}")


def say(instance: "subprocess.Popen[bytes]") -> None:
    assert instance.stdin is not None
    instance.stdin.write(b"go\n")
    instance.stdin.flush()
