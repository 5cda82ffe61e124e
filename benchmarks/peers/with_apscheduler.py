"""W10 with APScheduler 4: a schedule a task, each due once, in its memory store."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from apscheduler import AsyncScheduler
from apscheduler.triggers.date import DateTrigger
from common import lateness, main, resident_bytes

_late = []


async def wake(due):
    _late.append(time.time() - due)


def timers(tasks, first_seconds, last_seconds):
    async def body():
        async with AsyncScheduler(max_concurrent_jobs=100) as scheduler:
            await scheduler.configure_task("wake", func=wake)
            before = resident_bytes()
            began = time.perf_counter()
            probe = await _schedule(scheduler, min(200, tasks), time.time() + 3600, 0, 0)
            need = (time.perf_counter() - began) / probe * tasks * 1.5 + 1  # they are due only once all are there
            start = time.time() + need
            await _schedule(scheduler, tasks, start, first_seconds, last_seconds)
            grown = resident_bytes() - before
            await scheduler.start_in_background()
            while len(_late) < tasks:
                await asyncio.sleep(0.01)
        return {"bytes_per_task": grown / tasks, **lateness(_late)}

    return asyncio.run(body())


async def _schedule(scheduler, tasks, start, first_seconds, last_seconds):
    for number in range(tasks):
        due = start + first_seconds + (last_seconds - first_seconds) * number / tasks
        when = datetime.fromtimestamp(0, UTC) + timedelta(seconds=due)
        await scheduler.add_schedule("wake", DateTrigger(when), args=[due], misfire_grace_time=None)
    return tasks


if __name__ == "__main__":
    main(globals())
