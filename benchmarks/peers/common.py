"""What the scripts share; it needs nothing but Python."""

import asyncio
import gc
import json
import os
import sys
import time

AT_ONCE = 100
WINDOW = 100


def main(functions):
    """Do the workload that the command line names."""
    gc.collect()  # as in every side
    gc.freeze()
    gc.set_threshold(5_000, *gc.get_threshold()[1:])
    measures = functions[sys.argv[1]](**json.loads(sys.argv[2]))
    print(json.dumps(measures), flush=True)
    os._exit(0)  # whatever a product still has to tidy up is no part of it


def measure_asks(ask, asks):
    """Ask so many times, after those that warm up and do not count."""
    times = []
    for _ in range(warm_up(asks) + asks):
        began = time.perf_counter()
        ask()
        times.append(time.perf_counter() - began)
    return round_trips(times[warm_up(asks) :])


def warm_up(asks):
    """How many, as every side does."""
    return min(2_000, asks // 10)


def round_trips(times):
    ordered = sorted(times)
    return {"p50_us": ordered[len(ordered) // 2] * 1e6, "p99_us": ordered[len(ordered) * 99 // 100] * 1e6}


def lateness(late):
    """Give what W10 asks, from seconds."""
    ordered = sorted(late)
    return {
        "late_p50_ms": ordered[len(ordered) // 2] * 1e3,
        "late_p99_ms": ordered[len(ordered) * 99 // 100] * 1e3,
        "late_max_ms": ordered[-1] * 1e3,
    }


def growth(times):
    """Give what W7 asks, from the moments at which its steps began."""
    first, last = times[WINDOW] - times[0], times[-1] - times[-1 - WINDOW]
    return {"growth": last / first, "us_per_step": (times[-1] - times[0]) / (len(times) - 1) * 1e6}


def step_result(task, step):
    """Give about a hundred bytes."""
    return {"task": str(task), "step": f"step{step}", "text": "x" * 20}


def resident_bytes():
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def many(one, tasks, at_once):
    """Run one coroutine a task, so many at a time."""
    free = asyncio.Semaphore(at_once)

    async def within(number):
        async with free:
            await one(number)

    await asyncio.gather(*(within(number) for number in range(tasks)))


class Clock:
    """Seconds since it was made."""

    def __init__(self):
        self._began = time.perf_counter()

    def __call__(self):
        return time.perf_counter() - self._began
