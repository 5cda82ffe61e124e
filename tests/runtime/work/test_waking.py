"""Tasks that are due are brought back a page at a time, and what a page costs is shared by those on it."""

from collections import Counter

import attrs
import pytest
import trio

from runtime import Action, RetryPattern, Step, TaskState, open_runtime
from runtime.engine.records import CommentAdded
from runtime.journal.memory import MemoryJournal
from runtime.journal.protocol import MOST_TURNS_TOGETHER, Entry, JournalUnavailable
from runtime.runner import StepFailed
from runtime.work.wakeups import PAGE
from tests.runtime.work.test_recovery import asleep
from tests.support.plans import plan
from tests.support.times import EPOCH


class Counting(MemoryJournal):
    """A journal that counts what it is asked, once `counted` is emptied."""

    def __init__(self):
        super().__init__()
        self.counted = Counter()
        self.sizes = []
        self.refused = 0

    async def histories(self, task_ids):
        self.counted["histories"] += 1
        found = {task_id: await super(Counting, self).read(task_id) for task_id in task_ids}
        return {task_id: records for task_id, records in found.items() if len(records) <= MOST_TURNS_TOGETHER}

    async def read(self, task_id):
        self.counted["read"] += 1
        return await super().read(task_id)

    async def due(self, until, **page):
        self.counted["due"] += 1
        return await super().due(until, **page)

    async def append(self, entries):
        if self.refused and len(entries) > 1:
            self.refused -= 1
            raise JournalUnavailable("the disk is full")
        self.sizes.append(len(entries))
        return await super().append(entries)


async def all_done(journal, clock, count):
    async with open_runtime(journal=journal, clock=clock) as rt:
        for number in range(count):
            assert (await rt.wait(f"t{number}")).state is TaskState.DONE


async def test_a_page_of_due_tasks_is_read_with_one_look_and_begun_with_one_commit(autojump_clock, clock):
    journal = Counting()
    await journal.append([asleep(number, EPOCH - 1) for number in range(3 * PAGE)])
    journal.sizes.clear()
    await all_done(journal, clock, 3 * PAGE)
    assert journal.counted["histories"] == 3
    assert journal.counted["due"] <= 5
    assert journal.counted["read"] <= 3 * PAGE  # by whoever waits here, of tasks that have left memory again
    assert journal.sizes.count(PAGE) == 3
    assert sorted(journal.sizes)[:-3] == [1] * (3 * PAGE)  # the end of each


async def test_what_cannot_be_read_or_stored_together_is_for_each_by_itself(autojump_clock, clock):
    """A long history is read alone; a store that refuses a page may take what is on it."""
    journal = Counting()
    await journal.append([asleep(number, EPOCH - 1) for number in range(10)])
    for turn in range(MOST_TURNS_TOGETHER):
        comment = CommentAdded(at=1.0, comment_id=f"c{turn}", username="ada", content="still there?")
        await journal.append([Entry("t3", [comment])])
    journal.refused = 1
    await all_done(journal, clock, 10)
    assert not journal.refused


async def test_pages_are_begun_in_the_order_they_are_due_and_wait_for_no_step_of_those_before(autojump_clock, clock):
    """The steps of a page may take for ever."""
    began, all_began = [], trio.Event()

    async def act(number: str) -> None:
        began.append(int(number))
        if len(began) == 3 * PAGE:
            all_began.set()
        await all_began.wait()

    action = Action.calling(act, number="{{.task.task_id | trimPrefix `t`}}")
    async with open_runtime(clock=clock) as rt:  # it is what knows the function from here on
        template = (await rt.prepare(plan(a=Step(action=action)))).template
    journal = MemoryJournal()
    for number in reversed(range(3 * PAGE)):
        entry = asleep(number, EPOCH - 1000 + number)
        records = [attrs.evolve(entry.records[0], template=template), *entry.records[1:]]
        await journal.append([attrs.evolve(entry, records=records)])
    async with open_runtime(journal=journal, clock=clock, callables=[act]) as rt:
        await all_began.wait()
        await rt.settled()
    assert sorted(began) == list(range(3 * PAGE))
    assert all(abs(number - place) < 2 * PAGE for place, number in enumerate(began))


@pytest.mark.parametrize("later", range(20))
async def test_who_waits_until_all_is_settled_misses_no_task_that_goes_to_sleep_meanwhile(autojump_clock, clock, later):
    """What is awake is read after what is due: a task that is done with a run in between was in neither."""
    failures = [1]

    async def act() -> None:
        if failures:
            raise OSError(failures.pop())

    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(plan(a=Step(action=Action.calling(act))))
        for _ in range(later):
            await trio.lowlevel.checkpoint()
        await rt.settled()
        assert (await task.status()).state is TaskState.DONE


async def test_what_sleeps_for_long_is_not_waited_for_by_who_says_so(autojump_clock, clock):
    async def act() -> None:
        raise OSError("not yet")

    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(plan(a=Step(action=Action.calling(act), retry_pattern=RetryPattern.HOURS)))
        await rt.settled(within_seconds=5)
        assert trio.current_time() < 5
        due = (await task.status()).next_retry
        with trio.move_on_after(60) as patience:
            await rt.settled(within_seconds=due - clock.wall())
        assert patience.cancelled_caught


@pytest.mark.parametrize(("jump", "first"), [(3600, 30), (-3600, 3720)])
async def test_a_retry_is_due_by_the_calendar_wherever_that_goes_and_comes_once(autojump_clock, clock, jump, first):
    """It is a row in the store, with a time: those of before a jump come early or late by that, those of after in time."""
    template = plan(a=Step(action=Action.calling(at_last), retry_pattern=RetryPattern.MINUTES, idempotent=True))
    starts.clear()
    async with open_runtime(clock=clock) as rt:
        await rt.submit(template, task_id="before")
        await trio.sleep(10)
        assert (await rt.status("before")).next_retry is not None
        clock.jump(jump)
        began = trio.current_time()
        await rt.submit(template, task_id="after")
        took = {}
        async with trio.open_nursery() as nursery:
            for task_id in ("before", "after"):

                async def wait(task_id=task_id):
                    assert (await rt.wait(task_id)).state is TaskState.DONE
                    took[task_id] = trio.current_time() - began

                nursery.start_soon(wait)
        assert took["before"] <= first
        assert took["after"] <= 120
        assert [starts[task_id] for task_id in took] == [2, 2]


starts: Counter[str] = Counter()


async def at_last(request):
    await trio.lowlevel.checkpoint()
    starts[request.task_id] += 1
    if request.attempt == 1:
        raise StepFailed("not yet")
