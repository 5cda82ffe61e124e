"""How appends share commits: few keep together, and of many some work while what the others did is stored."""

import pytest
import trio

from runtime.journal.postgres.writer import Writer
from runtime.journal.protocol import Entry
from tests.support.journal_laws import first, started
from tests.support.postgres_journal import running_journal


@pytest.fixture
def groups(monkeypatch):
    """How many turns each commit stored."""
    sizes = []
    store = Writer.store

    async def noted(self, connection, serial, rows, *freed):
        sizes.append(len(rows.turns))
        return await store(self, connection, serial, rows, *freed)

    monkeypatch.setattr(Writer, "store", noted)
    return sizes


async def in_step(journal, tasks, rounds):
    """Have so many tasks store something again as soon as they were told that what they stored before is."""

    async def goes_on(task_id):
        for number in range(rounds):
            await trio.lowlevel.checkpoint()  # what follows a commit takes a few passes of the scheduler
            await trio.lowlevel.checkpoint()
            await journal.append([Entry(task_id, [started(float(number))])])

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for number in range(tasks):
                nursery.start_soon(goes_on, f"t{number}")


async def test_postgres_few_that_were_told_of_one_commit_are_together_in_the_next(postgres_store, groups):
    async with running_journal(postgres_store) as journal:
        await journal.append([first(f"t{number}") for number in range(15)])
        groups.clear()
        await in_step(journal, 15, 3)
        assert groups == [15, 15, 15]


async def test_postgres_once_all_who_were_told_have_come_back_nobody_is_waited_for(postgres_store, monkeypatch):
    async with running_journal(postgres_store) as journal:
        await journal.append([first(f"t{number}") for number in range(5)])
        await in_step(journal, 5, 1)
        waited = []
        checkpoint = trio.lowlevel.checkpoint

        async def noted():
            if "Committer" in trio.lowlevel.current_task().name:
                waited.append(len(journal._committer._jobs))
            await checkpoint()

        monkeypatch.setattr(trio.lowlevel, "checkpoint", noted)
        await in_step(journal, 5, 4)
        assert all(together < 5 for together in waited), waited


async def test_postgres_many_that_go_round_in_step_part_in_two_that_take_turns(postgres_store, groups):
    async with running_journal(postgres_store) as journal:
        await journal.append([first(f"t{number}") for number in range(50)])
        groups.clear()
        await in_step(journal, 50, 10)
        assert sum(groups) == 500
        assert max(groups) < 50
        assert len(groups) <= 40
        assert len(await journal.read("t0")) == 11


async def test_postgres_many_tasks_that_begin_with_one_append_count_as_many(postgres_store, groups):
    async with running_journal(postgres_store) as journal:
        await journal.append([first(f"t{number}") for number in range(25)])
        groups.clear()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.append, [first(f"new{number}") for number in range(25)])
            for number in range(25):
                nursery.start_soon(journal.append, [Entry(f"t{number}", [started(1.0)])])
        assert sum(groups) == 50
        assert max(groups) < 40


async def test_postgres_one_half_is_told_only_once_the_other_has_been_let_run(postgres_store, groups, monkeypatch):
    seen = []
    both_stored = trio.Event()
    store = Writer.store

    async def noted(*arguments):
        stored = await store(*arguments)
        if len(groups) == 2:
            both_stored.set()
        return stored

    async def goes_on(task_id):
        await journal.append([Entry(task_id, [started(0.0)])])
        seen.append("told")
        if len(seen) <= 25:
            await both_stored.wait()
            seen.append("comes again")
            await journal.append([Entry(task_id, [started(1.0)])])

    async with running_journal(postgres_store) as journal:
        await journal.append([first(f"t{number}") for number in range(50)])
        groups.clear()
        monkeypatch.setattr(Writer, "store", noted)
        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                for number in range(50):
                    nursery.start_soon(goes_on, f"t{number}")
    assert seen == ["told"] * 25 + ["comes again"] * 25 + ["told"] * 25
    assert (groups[:2], sum(groups)) == ([25, 25], 75)  # the last may be two: who comes is drawn


async def test_postgres_what_nobody_waits_for_when_a_commit_begins_is_not_stored(postgres_store, groups):
    async with running_journal(postgres_store) as journal:
        await journal.append([first("t")])
        groups.clear()
        with trio.move_on_after(0) as scope:
            await journal.append([Entry("t", [started(1.0)])])
        assert scope.cancelled_caught
        assert len(await journal.read("t")) == 1
        await journal.append([Entry("t", [started(2.0)])])
        assert len(await journal.read("t")) == 2
        assert groups == [1]
