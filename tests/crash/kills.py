"""Rounds of killing: a process runs tasks against a store and is killed at random moments, until all tasks are done."""

import os
import random
import select
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from runtime import Limits
from runtime.journal.keys import KeyRing, add_key
from runtime.journal.sqlite.upkeep import check
from tests.crash import ledger
from tests.crash.flow_life import flow_names
from tests.crash.life import LOOPS, ONCE, live, names, template_of

LIFE_SECONDS = 60.0
"""How long the last life may take before it counts as hung."""


def run_round(folder: Path, seed: int) -> Sequence[str]:
    """Play one round in an empty folder; give what went wrong."""
    rng = random.Random(seed)
    tasks, flows = names(rng.randint(3, 12)), flow_names(rng.randint(0, 4))
    keys = folder / "keys.json" if rng.random() < 0.5 else None
    if keys is not None:
        add_key(keys, "first")
    store = f"sqlite:///{folder / 'tasks.db'}" + rng.choice(["", "?synchronous=normal"])
    facts = folder / "ledger"
    began = time.time()  # noqa: TID251 - the lives share one calendar
    limits = rng.choice([None, Limits(executions=2, executions_from_crashed=1)])
    begin = partial(live, store, keys, facts, tasks, flows, began=began, limits=limits)
    for _ in range(rng.randint(1, 5)):
        life = fork(begin)
        if wait_for(life, rng.uniform(0.0, 0.5)) is None:
            os.kill(life, signal.SIGKILL)
            os.waitpid(life, 0)
    life = fork(begin)
    status = wait_for(life, LIFE_SECONDS)
    if status is None:
        os.kill(life, signal.SIGKILL)
        os.waitpid(life, 0)
        return [f"the last life did not end within {LIFE_SECONDS:g} s"]
    lines = ledger.read(facts)
    once = {(task, step) for task in tasks for name, step in ONCE if template_of(task).name == name}
    wrong = list(ledger.faults(lines, once))
    if status:
        wrong.append(f"the last life ended with status {status}")
    missing = {*tasks, *flows} - {line[1] for line in lines if line[0] == "accepted"}
    wrong += [f"{task} was never accepted" for task in sorted(missing)]
    found = check(folder / "tasks.db", None if keys is None else KeyRing.load(keys))
    return [*wrong, *without_results(tasks, lines), *found.problems]


def without_results(tasks: Sequence[str], lines: Sequence[ledger.Line]) -> list[str]:
    seen = {(line[1], line[2]) for line in lines if line[0] == "seen"}
    return [
        f"{(task, step)} has no result"
        for task in tasks
        for step in template_of(task).steps
        if (task, step) not in seen and (template_of(task).name, step) not in LOOPS
    ]


def fork(begin: Callable[[], None]) -> int:
    """Begin a life in a child of this process, which costs no import."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            begin()
            status = 0
        except BaseException:  # noqa: BLE001 - the child ends here, whatever it was
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def wait_for(child: int, seconds: float) -> int | None:
    """Give the exit status, or None when the child still runs after so many seconds."""
    descriptor = os.pidfd_open(child)
    try:
        ready, _, _ = select.select([descriptor], [], [], seconds)
    finally:
        os.close(descriptor)
    if not ready:
        return None
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
