"""The laws of `runtime.journal.protocol.Journal`: plain functions, run against every implementation.

Each takes a fresh, empty journal.
"""

import pytest
import trio

from runtime.engine.records import Record, RunStarted, StepStarted, TaskSubmitted
from runtime.journal.protocol import Entry, Journal, JournalUnavailable
from tests.support.plans import plan, step


def submitted(task_id: str, at: float = 0.0) -> TaskSubmitted:
    return TaskSubmitted(at=at, task_id=task_id, template=plan(a=step()), title="title", inputs={"x": [1.5, None]})


def started(at: float, name: str = "a") -> StepStarted:
    return StepStarted(at=at, step=name, attempt=1)


async def what_was_appended_is_read_back_in_order(journal: Journal) -> None:
    first: list[Record] = [submitted("t"), RunStarted(at=1.0)]
    then: list[Record] = [started(2.0), started(3.0)]
    await journal.append([Entry("t", first)])
    await journal.append([Entry("t", then)])
    assert list(await journal.read("t")) == [*first, *then]


async def tasks_are_kept_apart_and_named_in_the_order_they_came(journal: Journal) -> None:
    await journal.append([Entry("b", [submitted("b")]), Entry("a", [submitted("a")])])
    await journal.append([Entry("b", [RunStarted(at=1.0)])])
    assert list(await journal.task_ids()) == ["b", "a"]
    assert [type(record) for record in await journal.read("a")] == [TaskSubmitted]
    assert [type(record) for record in await journal.read("b")] == [TaskSubmitted, RunStarted]


async def a_task_nobody_submitted_has_no_records(journal: Journal) -> None:
    assert not await journal.read("ghost")
    assert not await journal.task_ids()


async def positions_count_every_record_without_gaps(journal: Journal) -> None:
    assert await journal.append([Entry("a", [submitted("a"), RunStarted(at=0.0)]), Entry("b", [submitted("b")])]) == 1
    assert await journal.append([Entry("a", [started(1.0)])]) == 4
    assert await journal.append([Entry("b", [started(1.0)])]) == 5


async def what_was_read_does_not_change_afterwards(journal: Journal) -> None:
    await journal.append([Entry("t", [submitted("t")])])
    before = await journal.read("t")
    await journal.append([Entry("t", [RunStarted(at=1.0)])])
    assert len(before) == 1


async def a_cancelled_append_stored_all_or_nothing(journal: Journal) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await journal.append([Entry("a", [submitted("a")]), Entry("b", [submitted("b")])])
    assert len(await journal.task_ids()) in {0, 2}


async def appends_at_once_do_not_mix(journal: Journal) -> None:
    async def add(name: str) -> None:
        for number in range(20):
            await journal.append([Entry(name, [started(float(number)), started(number + 0.5)])])

    async with trio.open_nursery() as nursery:
        for name in "abc":
            nursery.start_soon(add, name)
    for name in "abc":
        times = [record.at for record in await journal.read(name)]
        assert times == sorted(times)
        assert len(times) == 40


async def a_closed_journal_refuses(journal: Journal) -> None:
    await journal.close()
    with pytest.raises(JournalUnavailable):
        await journal.append([Entry("t", [submitted("t")])])
    with pytest.raises(JournalUnavailable):
        await journal.read("t")
    with pytest.raises(JournalUnavailable):
        await journal.task_ids()


LAWS = (
    what_was_appended_is_read_back_in_order,
    tasks_are_kept_apart_and_named_in_the_order_they_came,
    a_task_nobody_submitted_has_no_records,
    positions_count_every_record_without_gaps,
    what_was_read_does_not_change_afterwards,
    a_cancelled_append_stored_all_or_nothing,
    appends_at_once_do_not_mix,
    a_closed_journal_refuses,
)
