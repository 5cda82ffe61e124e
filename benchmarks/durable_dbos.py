# mypy: ignore-errors
"""DBOS doing W9 and W13, in an environment of its own: ``python durable_dbos.py WHAT JSON``."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

_HERE = Path(__file__)


def _launch(folder):
    from dbos import DBOS, SetWorkflowID

    DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{folder}/dbos.db", "log_level": "ERROR"})
    return DBOS, SetWorkflowID


def chains(tasks, steps, at_once):
    """W9."""
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        DBOS, _ = _launch(folder)

        @DBOS.step()
        def work(task, step):
            return {"task": task, "step": step, "text": "x" * 20}

        @DBOS.workflow()
        def chain(task):
            for number in range(steps):
                work(task, f"step{number}")

        DBOS.launch()
        chain("warm")
        few = max(4, tasks // 10)
        began = time.perf_counter()
        for number in range(few):
            chain(f"s{number}")
        sequential = few * steps / (time.perf_counter() - began)
        count = max(at_once, tasks // 4)
        free = threading.Semaphore(at_once)
        began = time.perf_counter()

        def one(number):
            DBOS.start_workflow(chain, f"c{number}").get_result()
            free.release()

        threads = []
        for number in range(count):
            free.acquire()
            threads.append(threading.Thread(target=one, args=(number,)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        concurrent = count * steps / (time.perf_counter() - began)
        DBOS.destroy()
    return {"sequential_steps_s": sequential, "concurrent_steps_s": concurrent}


def killed(tasks, steps, done):
    """W13."""
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as folder:
        arguments = {"folder": folder, "tasks": tasks, "steps": steps, "done": done}

        def life(**more):
            command = [sys.executable, str(_HERE), "life", json.dumps({**arguments, **more})]
            return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)

        first = life(stay=True, began=0)
        assert first.returncode == -signal.SIGKILL, first
        return json.loads(life(stay=False, began=time.perf_counter()).stdout.splitlines()[-1])


def life(folder, tasks, steps, done, stay, began):
    """One life of W13; the first gets so many tasks into the middle and is killed there."""
    DBOS, SetWorkflowID = _launch(folder)
    there, lock, middle = threading.Event(), threading.Lock(), set()

    @DBOS.step()
    def work(task, step):
        if step == f"step{done}":
            with lock:
                middle.add(task)
                if len(middle) == tasks:
                    there.set()
            if stay:
                threading.Event().wait()
        return {"task": task, "step": step, "text": "x" * 20}

    @DBOS.workflow()
    def chain(task):
        for number in range(steps):
            work(task, f"step{number}")

    def start(task):
        with SetWorkflowID(task):
            DBOS.start_workflow(chain, task)

    DBOS.launch()
    if stay:
        for number in range(tasks):
            threading.Thread(target=start, args=(f"t{number}",), daemon=True).start()
        there.wait()
        os.kill(os.getpid(), signal.SIGKILL)
    there.wait()
    first = time.perf_counter()
    for number in range(tasks):
        DBOS.retrieve_workflow(f"t{number}").get_result()
    return {"first_ms": (first - began) * 1e3, "all_ms": (time.perf_counter() - began) * 1e3}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](**json.loads(sys.argv[2]))))
