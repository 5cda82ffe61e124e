"""The laws of `runtime.journal.protocol.Journal`: plain functions, run against every implementation.

Each takes a fresh, empty journal.
"""

from collections.abc import Sequence

import pytest
import trio

from runtime.engine.records import Record, RunEnded, RunStarted, StepReturned, StepStarted, TaskSubmitted
from runtime.engine.states import ResolutionState
from runtime.journal.protocol import Entry, Journal, JournalUnavailable, Standing
from runtime.templates.model import Template
from runtime.values.json import Json, Number
from tests.support.plans import plan, step

TODO = Standing(ResolutionState.TODO)
RUNNING = Standing(ResolutionState.RUNNING, awake=True, run=1)
DONE = Standing(ResolutionState.DONE, run=1)
PLAN = plan(a=step())


def submitted(task_id: str, at: float = 0.0, template: Template = PLAN) -> TaskSubmitted:
    return TaskSubmitted(at=at, task_id=task_id, template=template, title="title", inputs={"x": [1.5, None]})


def first(task_id: str, *records: Record, standing: Standing = RUNNING) -> Entry:
    return Entry(task_id, [submitted(task_id), *records], standing)


def sleeping(task_id: str, due: float) -> Entry:
    ended = RunEnded(at=1.0, state=ResolutionState.ERROR, next_retry=due)
    return first(task_id, ended, standing=Standing(ResolutionState.ERROR, due=due, run=1))


def started(at: float, name: str = "a") -> StepStarted:
    return StepStarted(at=at, step=name, attempt=1)


def names(page: Sequence[object]) -> list[str]:
    return [stored.task_id for stored in page]  # type: ignore[attr-defined]


async def what_was_appended_is_read_back_in_order(journal: Journal) -> None:
    begun: list[Record] = [submitted("t"), RunStarted(at=1.0)]
    then: list[Record] = [started(2.0), started(3.0)]
    await journal.append([Entry("t", begun, RUNNING)])
    await journal.append([Entry("t", then)])
    assert list(await journal.read("t")) == [*begun, *then]


async def values_come_back_as_they_were(journal: Journal) -> None:
    output: Json = {"big": 2**100, "literal": Number("1.50"), "text": "\u00e9\x00", "deep": [[{"": []}]], "none": None}
    record = StepReturned(at=1.0, step="a", state="CUSTOM", returned="DONE", error="e", output=output, metadata=[1])
    await journal.append([first("t", record)])
    *_, back = await journal.read("t")
    assert back == record
    assert isinstance(back, StepReturned)
    assert repr(back.output) == repr(output)


async def each_task_keeps_the_template_it_was_submitted_with(journal: Journal) -> None:
    other = plan(a=step(idempotent=True), b=step("a"))
    for task_id, template in (("a", PLAN), ("b", other), ("c", PLAN)):
        await journal.append([Entry(task_id, [submitted(task_id, template=template)], TODO)])
    found = [(await journal.read(task_id))[0] for task_id in "abc"]
    assert [record.template for record in found] == [PLAN, other, PLAN]  # type: ignore[union-attr]


async def tasks_are_kept_apart_and_listed_in_the_order_they_came(journal: Journal) -> None:
    await journal.append([first("b"), first("a", standing=TODO)])
    await journal.append([Entry("b", [RunStarted(at=1.0)])])
    page = await journal.tasks()
    assert names(page) == ["b", "a"]
    assert [stored.standing for stored in page] == [RUNNING, TODO]
    assert [type(record) for record in await journal.read("a")] == [TaskSubmitted]
    assert [type(record) for record in await journal.read("b")] == [TaskSubmitted, RunStarted]


async def a_task_nobody_submitted_has_no_records(journal: Journal) -> None:
    assert not await journal.read("ghost")
    assert not await journal.tasks()


async def positions_count_every_record_without_gaps(journal: Journal) -> None:
    assert await journal.append([first("a", RunStarted(at=0.0)), first("b")]) == 1
    assert await journal.append([Entry("a", [started(1.0)])]) == 4
    assert await journal.append([Entry("b", [started(1.0)])]) == 5


async def what_was_read_does_not_change_afterwards(journal: Journal) -> None:
    await journal.append([first("t")])
    before = await journal.read("t")
    await journal.append([Entry("t", [RunStarted(at=1.0)])])
    assert len(before) == 1


async def a_cancelled_append_stored_all_or_nothing(journal: Journal) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await journal.append([first("a"), first("b")])
    stored = {task_id: await journal.read(task_id) for task_id in "ab"}
    assert bool(stored["a"]) == bool(stored["b"])
    assert len(await journal.tasks()) in {0, 2}


async def appends_at_once_do_not_mix(journal: Journal) -> None:
    async def add(name: str) -> None:
        await journal.append([first(name)])
        for number in range(20):
            await journal.append([Entry(name, [started(float(number)), started(number + 0.5)])])

    async with trio.open_nursery() as nursery:
        for name in "abc":
            nursery.start_soon(add, name)
    for name in "abc":
        times = [record.at for record in (await journal.read(name))[1:]]
        assert times == sorted(times)
        assert len(times) == 40


async def tasks_are_listed_page_by_page(journal: Journal) -> None:
    await journal.append([first(name) for name in "abcde"])
    seen: list[str] = []
    number = 0
    while page := await journal.tasks(after=number, limit=2):
        assert len(page) <= 2
        seen += names(page)
        number = page[-1].number
    assert seen == list("abcde")


async def only_what_somebody_has_to_go_on_with_is_awake(journal: Journal) -> None:
    await journal.append([first("a"), first("b"), first("c", standing=TODO), sleeping("d", 5.0)])
    assert names(await journal.awake()) == ["a", "b"]
    await journal.append([Entry("a", [RunEnded(at=2.0, state=ResolutionState.DONE)], DONE)])
    assert names(await journal.awake()) == ["b"]
    assert not await journal.awake(after=(await journal.awake())[0].number)


async def sleeping_tasks_are_given_in_the_order_they_are_due(journal: Journal) -> None:
    await journal.append([sleeping("late", 30.0), sleeping("b", 10.0), sleeping("a", 10.0), sleeping("soon", 5.0)])
    assert names(await journal.due(10.0)) == ["soon", "b", "a"]
    page = await journal.due(10.0, limit=2)
    assert names(page) == ["soon", "b"]
    assert names(await journal.due(10.0, after=(10.0, page[-1].number))) == ["a"]
    assert await journal.next_due(10.0) == 30.0
    assert await journal.next_due(0.0) == 5.0
    assert await journal.next_due(30.0) is None


async def a_task_that_was_woken_is_due_no_more(journal: Journal) -> None:
    await journal.append([sleeping("t", 5.0)])
    await journal.append([Entry("t", [RunStarted(at=5.0)], RUNNING)])
    assert not await journal.due(10.0)
    assert await journal.next_due(0.0) is None
    assert names(await journal.awake()) == ["t"]


async def only_tasks_that_ended_long_ago_are_collected(journal: Journal) -> None:
    cancelled = Standing(ResolutionState.CANCELLED, awake=True, run=1)
    await journal.append([first("run"), first("new"), first("old"), first("older"), first("cut"), sleeping("z", 5.0)])
    for task_id, at, standing in (
        ("old", 10.0, DONE),
        ("older", 9.0, DONE),
        ("new", 20.0, DONE),
        ("cut", 1.0, cancelled),
    ):
        await journal.append([Entry(task_id, [RunEnded(at=at, state=standing.state)], standing)])
    assert await journal.collect(15.0, limit=1) == 1
    assert await journal.collect(15.0) == 1
    assert await journal.collect(15.0) == 0
    assert names(await journal.tasks()) == ["run", "new", "cut", "z"]
    assert not await journal.read("old")
    position = await journal.append([Entry("run", [started(30.0)])])
    assert position == 12


async def what_was_collected_may_be_submitted_again(journal: Journal) -> None:
    await journal.append([first("t", standing=DONE)])
    assert await journal.collect(1.0) == 1
    assert await journal.append([first("t")]) == 2
    assert len(await journal.read("t")) == 1


async def a_closed_journal_refuses(journal: Journal) -> None:
    await journal.close()
    await journal.close()
    with pytest.raises(JournalUnavailable):
        await journal.append([first("t")])
    for ask in (journal.read("t"), journal.tasks(), journal.awake(), journal.due(1.0), journal.next_due(1.0)):
        with pytest.raises(JournalUnavailable):
            await ask
    with pytest.raises(JournalUnavailable):
        await journal.collect(1.0)


LAWS = (
    what_was_appended_is_read_back_in_order,
    values_come_back_as_they_were,
    each_task_keeps_the_template_it_was_submitted_with,
    tasks_are_kept_apart_and_listed_in_the_order_they_came,
    a_task_nobody_submitted_has_no_records,
    positions_count_every_record_without_gaps,
    what_was_read_does_not_change_afterwards,
    a_cancelled_append_stored_all_or_nothing,
    appends_at_once_do_not_mix,
    tasks_are_listed_page_by_page,
    only_what_somebody_has_to_go_on_with_is_awake,
    sleeping_tasks_are_given_in_the_order_they_are_due,
    a_task_that_was_woken_is_due_no_more,
    only_tasks_that_ended_long_ago_are_collected,
    what_was_collected_may_be_submitted_again,
    a_closed_journal_refuses,
)
