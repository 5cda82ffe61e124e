"""DBOS doing W14 with one instance: ``python dbos_postgres.py WHAT JSON``, on the server that $BENCHMARK_POSTGRES names."""

import json
import os
import sys
import threading
import time

from dbos import DBOS


def chains(tasks, steps, at_once):
    """So many workflows at a time, on the server of the environment."""
    url = os.environ["BENCHMARK_POSTGRES"]
    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR"})

    @DBOS.step()
    def work(task, step):
        return {"task": task, "step": step, "text": "x" * 20}

    @DBOS.workflow()
    def chain(task):
        for number in range(steps):
            work(task, f"step{number}")

    DBOS.launch()
    chain("warm")
    free = threading.Semaphore(at_once)

    def one(number):
        DBOS.start_workflow(chain, f"c{number}").get_result()
        free.release()

    began = time.perf_counter()
    threads = []
    for number in range(tasks):
        free.acquire()
        threads.append(threading.Thread(target=one, args=(number,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    rate = tasks * steps / (time.perf_counter() - began)
    DBOS.destroy()
    return {"steps_s_1": rate}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](**json.loads(sys.argv[2]))))
