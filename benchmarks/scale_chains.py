"""W14: chains by instances of the runtime that share a store, each in a process of its own."""

import json
import os
import subprocess
from collections.abc import Mapping

from benchmarks.harness import perf_counter, python
from benchmarks.scale_raw import SERVER_VARIABLE
from tests.support.postgres import fresh_store


def chains(tasks: int, steps: int, at_once: int) -> dict[str, float]:
    """So many tasks at a time, in all, with one, two and four instances."""
    return {
        f"steps_s_{count}": _steps_s(os.environ[SERVER_VARIABLE], count, tasks, steps, at_once) for count in (1, 2, 4)
    }


def _steps_s(url: str, count: int, tasks: int, steps: int, at_once: int) -> float:
    """Each has its share of those at once, and of all tasks as large a one: so none is left alone with the last."""
    each = [at_once // count + (number < at_once % count) for number in range(count)]
    shares = [{"tasks": tasks * share // at_once, "steps": steps, "at_once": share} for share in each]
    with fresh_store(url) as store:
        instances = [begin("worker", {"store": store, **share}) for share in shares]
        for instance in instances:
            hear(instance)
        began = perf_counter()
        for instance in instances:
            say(instance)
        for instance in instances:
            hear(instance)
        rate = sum(share["tasks"] for share in shares) * steps / (perf_counter() - began)
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
