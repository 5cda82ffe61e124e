"""W6, W7, W9, W12 and W13 with DBOS on SQLite, and W14 in the PostgreSQL database that $BENCHMARK_POSTGRES names.

Its SQLite file has the rollback journal that it comes with, but for `durable_with_wal` and W13: there it is set to a
write-ahead log, which it leaves as it finds it, for with its own journal W13 takes three times as long. W13's workflows
and steps are async: with a thread each it takes a quarter longer.
"""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from common import Clock, growth, main, step_result
from dbos import DBOS, SetWorkflowID


def _configure(url):
    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "CRITICAL"})


def _configure_file(folder, *, wal):
    if wal:
        with sqlite3.connect(f"{folder}/dbos.db") as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    _configure(f"sqlite:///{folder}/dbos.db")


def _in_a_file(body, *, wal=False):
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        _configure_file(folder, wal=wal)
        return body()


def _chain(steps):
    @DBOS.step()
    def work(task, step):
        return step_result(task, step)

    @DBOS.workflow()
    def chain(task):
        for number in range(steps):
            work(task, number)

    return chain


def _at_once(chain, tasks, at_once):
    """Run so many at a time, and give the seconds."""
    free = threading.Semaphore(at_once)

    def one(number):
        DBOS.start_workflow(chain, f"c{number}").get_result()
        free.release()

    clock = Clock()
    threads = []
    for number in range(tasks):
        free.acquire()
        threads.append(threading.Thread(target=one, args=(number,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    return clock()


def durable(tasks, steps, at_once, *, wal=False):
    def body():
        chain = _chain(steps)
        DBOS.launch()
        chain("warm")
        clock = Clock()
        for number in range(tasks):
            chain(f"s{number}")
        sequential = tasks * steps / clock()
        return {
            "sequential_steps_s": sequential,
            "concurrent_steps_s": tasks * steps / _at_once(chain, tasks, at_once),
        }

    return _in_a_file(body, wal=wal)


def durable_with_wal(tasks, steps, at_once):
    return durable(tasks, steps, at_once, wal=True)


def on_postgres(tasks, steps, at_once):
    """One instance."""
    _configure(os.environ["BENCHMARK_POSTGRES"])
    chain = _chain(steps)
    DBOS.launch()
    chain("warm")
    return {"steps_s_1": tasks * steps / _at_once(chain, tasks, at_once)}


def wide(steps):
    """Steps of one workflow, gathered."""

    def body():
        @DBOS.step()
        async def increment(number):
            return number + 1

        @DBOS.workflow()
        async def fan_out():
            return len(await asyncio.gather(*(increment(0) for _ in range(steps))))

        DBOS.launch()

        async def timed():
            clock = Clock()
            assert await fan_out() == steps
            return clock()

        return {"us_per_step": asyncio.run(timed()) / steps * 1e6}

    return _in_a_file(body)


def deep(steps):
    def body():
        began = []

        @DBOS.step()
        def increment(number):
            began.append(time.perf_counter())
            return number + 1

        @DBOS.workflow()
        def chain():
            number = 0
            for _ in range(steps):
                number = increment(number)
            return number

        DBOS.launch()
        assert chain() == steps
        return growth(began)

    return _in_a_file(body)


def first():
    """W12: the program that is started."""

    def body():
        chain = _chain(1)
        DBOS.launch()
        chain("first")
        return {}

    return _in_a_file(body)


def killed(tasks, steps, done):
    """W13: two lives, and a line for every execution of a step."""
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        arguments = {"folder": folder, "tasks": tasks, "steps": steps, "done": done}

        def one_life(**more):
            command = [sys.executable, __file__, "life", json.dumps({**arguments, **more})]
            return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)

        before = one_life(stay=True, began=0)
        assert before.returncode == -signal.SIGKILL, before
        measures = json.loads(one_life(stay=False, began=time.perf_counter()).stdout.splitlines()[-1])
        calls = Path(folder, "lines").read_text().splitlines()
        assert len(calls) - len(set(calls)) == tasks, "a step that had finished ran again"
        return measures


def life(folder, tasks, steps, done, stay, began):
    """One life of W13; the first gets all tasks into the middle and is killed there."""
    _configure_file(folder, wal=True)
    lines = os.open(Path(folder, "lines"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    there, lock, middle = threading.Event(), threading.Lock(), {}

    @DBOS.step()
    async def work(task, step):
        os.write(lines, f"{task} {step}\n".encode())
        if step == done:
            with lock:
                middle[task] = time.perf_counter()
                if len(middle) == tasks:
                    there.set()
            if stay:
                await asyncio.Event().wait()
        return step_result(task, step)

    @DBOS.workflow()
    async def chain(task):
        for number in range(steps):
            await work(task, number)

    async def start():
        for number in range(tasks):
            with SetWorkflowID(f"t{number}"):
                await DBOS.start_workflow_async(chain, f"t{number}")
        await asyncio.to_thread(there.wait)

    DBOS.launch()
    if stay:
        asyncio.run(start())
        os.kill(os.getpid(), signal.SIGKILL)
    there.wait()
    for number in range(tasks):
        DBOS.retrieve_workflow(f"t{number}").get_result(polling_interval_sec=0.05)
    ended = time.perf_counter()
    moments = {"first_ms": min(middle.values()), "all_started_ms": max(middle.values()), "all_ms": ended}
    return {name: (moment - began) * 1e3 for name, moment in moments.items()}


if __name__ == "__main__":
    main(globals())
