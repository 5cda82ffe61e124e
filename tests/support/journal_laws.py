"""The laws of `runtime.journal.protocol.Journal`: plain functions, run against every implementation.

Each takes a fresh, empty journal.
"""

from collections.abc import Sequence
from typing import Any

import attrs
import pytest
import trio

from runtime.cache import Memo, Room
from runtime.engine.records import Record, RunEnded, RunStarted, StepReturned, StepStarted, TaskSubmitted
from runtime.engine.states import ResolutionState, TaskState
from runtime.flow.records import FlowCreated, FlowStarted
from runtime.flow.states import FlowTurn
from runtime.journal.listing import Count, Listing, Role, Wanted
from runtime.journal.protocol import (
    MOST_BYTES_TOGETHER,
    MOST_TURNS_TOGETHER,
    AlreadyStored,
    Entry,
    Journal,
    JournalUnavailable,
    Standing,
    StoreUnusable,
)
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


async def histories_are_read_together_unless_they_are_long_or_large(journal: Journal) -> None:
    await journal.append([first(name, standing=TODO) for name in ("b", "a", "long", "large", "other")])
    large = StepReturned(at=1.0, step="a", state="DONE", returned="DONE", output="x" * MOST_BYTES_TOGETHER)
    await journal.append([Entry("large", [large]), Entry("large", [RunStarted(at=2.0)])])
    await journal.append([Entry("a", [RunStarted(at=1.0), started(2.0)]), Entry("b", [RunStarted(at=1.0)])])
    for turn in range(MOST_TURNS_TOGETHER):
        await journal.append([Entry("long", [started(float(turn))])])
    found = await journal.histories(["ghost", "a", "b", "long", "large"])
    assert set(found) - {"long", "large"} == {"a", "b"}
    for task_id, records in found.items():
        assert list(records) == list(await journal.read(task_id))
    assert not await journal.histories([])


async def positions_count_every_record_without_gaps(journal: Journal) -> None:
    assert await journal.append([first("a", RunStarted(at=0.0)), first("b")]) == 1
    assert await journal.append([Entry("a", [started(1.0)])]) == 4
    assert await journal.last_position() == 4
    assert await journal.append([Entry("b", [started(1.0)])]) == 5
    assert await journal.last_position() == 5
    assert await journal.delete("b")
    assert await journal.last_position() == 5  # what was given once is not given again


async def a_task_begins_once_and_whatever_came_with_a_second_beginning_is_not_stored(journal: Journal) -> None:
    await journal.append([first("a"), Entry("f", [FlowCreated(at=1.0, by="ada", flow_id="f", type="t")], TODO)])
    again = FlowCreated(at=2.0, by="ada", flow_id="f", type="t")
    for entries in ([first("b"), first("a")], [first("a"), Entry("f", [again], TODO)], [Entry("f", [again], TODO)]):
        with pytest.raises(AlreadyStored) as refusal:
            await journal.append(entries)
        assert refusal.value.task_ids == {entry.task_id for entry in entries} - {"b"}
    assert names(await journal.tasks()) == ["a", "f"]
    assert len(await journal.read("a")) == 1
    assert await journal.append([first("b")]) == 3


async def of_those_that_begin_the_same_task_at_once_one_does(journal: Journal) -> None:
    outcomes: list[str] = []

    async def begin(*task_ids: str) -> None:
        try:
            await journal.append([first(task_id) for task_id in task_ids])
        except AlreadyStored as refusal:
            outcomes.extend(refusal.task_ids)
        else:
            outcomes.append("stored")

    async with trio.open_nursery() as nursery:
        for other in "bcd":
            nursery.start_soon(begin, "a", other)
        nursery.start_soon(begin, "e")
    assert sorted(outcomes) == ["a", "a", "stored", "stored"]
    assert len(await journal.tasks()) == 3


async def no_position_is_left_out_or_given_twice_whoever_appends_and_reads(journal: Journal) -> None:
    """What a reader has passed is all that there ever will be up to there: it can stop, and come back, and miss nothing."""
    records = 0
    seen: list[int] = []
    writing = trio.CancelScope()

    async def write(name: str, scope: trio.CancelScope) -> None:
        with scope:
            await journal.append([first(name)])
            for number in range(20):
                await journal.append([Entry(name, [started(float(number))] * (1 + number % 3))])

    async def follow() -> None:
        with writing:
            while True:
                await read_on()
                await trio.lowlevel.checkpoint()
        await read_on()

    async def read_on() -> None:
        for turn in await journal.since(seen[-1] if seen else 0, limit=7):
            seen.extend(range(turn.position, turn.position + len(turn.records)))

    async with trio.open_nursery() as following:
        following.start_soon(follow)
        async with trio.open_nursery() as writers:
            for name in "abcdef":
                scope = trio.CancelScope()
                writers.start_soon(write, name, scope)
                if name == "f":
                    await trio.lowlevel.checkpoint()
                    scope.cancel()  # all of an append is stored, or nothing: never a part, nor a number without it
            with pytest.raises((JournalUnavailable, ValueError)):
                await journal.append([Entry("never submitted", [started(1.0)])])
        writing.cancel()
    for name in "abcdef":
        records += len(await journal.read(name))
    while len(seen) < records:
        await read_on()
    assert seen == list(range(1, records + 1))
    assert await journal.append([first("last")]) == records + 1


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


async def templates_go_with_the_last_of_their_tasks(journal: Journal) -> None:
    shared, other = plan(a=step(idempotent=True), b=step("a")), plan(c=step(idempotent=True))
    for task_id, template in (("a", shared), ("b", other), ("c", shared)):
        await journal.append([Entry(task_id, [submitted(task_id, template=template)], DONE)])
    assert await journal.delete("a")
    assert await journal.delete("b")
    assert [await stored_template(journal, name) for name in "abc"] == [None, None, shared]
    for task_id, template in (("a", shared), ("b", other)):
        await journal.append([Entry(task_id, [submitted(task_id, template=template)], DONE)])
    assert [await stored_template(journal, name) for name in "abc"] == [shared, other, shared]
    assert await journal.collect(1.0) == 3
    await journal.append([Entry("a", [submitted("a", template=shared)], DONE)])
    assert await stored_template(journal, "a") == shared


async def stored_template(journal: Journal, task_id: str) -> Template | None:
    records = await journal.read(task_id)
    return records[0].template if records and isinstance(records[0], TaskSubmitted) else None


async def what_was_collected_may_be_submitted_again(journal: Journal) -> None:
    await journal.append([first("t", standing=DONE)])
    assert await journal.collect(1.0) == 1
    assert await journal.append([first("t")]) == 2
    assert len(await journal.read("t")) == 1


def listed(task_id: str, at: float = 0.0, standing: Standing = DONE, **listing: Any) -> Entry:
    made = Listing(title=f"title of {task_id}", template="plan", created=at, steps_total=1, **listing)
    return Entry(task_id, [submitted(task_id, at)], standing, made)


async def found(journal: Journal, **wanted: Any) -> list[str]:
    return names(await journal.find(Wanted(**wanted)))


async def tasks_are_found_newest_change_first_and_page_by_page(journal: Journal) -> None:
    await journal.append([listed(name, at) for name, at in (("b", 2.0), ("a", 1.0), ("c", 2.0), ("d", 0.5))])
    await journal.append([Entry("d", [RunEnded(at=3.0, state=ResolutionState.DONE)], RUNNING)])
    seen: list[str] = []
    place = None
    while page := await journal.find(Wanted(), before=place, limit=2):
        assert len(page) <= 2
        seen += names(page)
        place = page[-1].place
    assert seen == ["d", "c", "b", "a"]


async def tasks_are_found_by_all_that_is_wanted_of_them(journal: Journal) -> None:
    both = {"team": "red", "size": "L"}
    await journal.append([listed("a", 1.0, tags=both), listed("b", 2.0, tags={"team": "red"}, batch="x")])
    await journal.append([listed("c", 3.0, RUNNING, tags={"team": "blue"}), listed("d", 4.0)])
    assert await found(journal, tags={"team": "red"}) == ["b", "a"]
    assert await found(journal, tags=both) == ["a"]
    assert await found(journal, tags={"team": "red"}, batch="x") == ["b"]
    assert await found(journal, state=TaskState.RUNNING) == ["c"]
    assert await found(journal, state=TaskState.DONE, after=1.0, before=4.0) == ["b"]
    assert await found(journal, template="plan") == ["d", "c", "b", "a"]
    assert not await found(journal, template="other")
    assert not await found(journal, batch="y")


async def tasks_are_found_by_who_has_to_do_with_them(journal: Journal) -> None:
    await journal.append(
        [
            listed("a", 1.0, requester="ann", owner_groups=("ops",)),
            listed("b", 2.0, requester="bob", watcher_usernames=("ann", "eve"), resolver="ann"),
            listed("c", 3.0),
        ]
    )
    assert await found(journal, involving=frozenset({(Role.REQUESTER, "ann"), (Role.WATCHER, "ann")})) == ["b", "a"]
    assert await found(journal, involving=frozenset({(Role.OWNER_GROUP, "ops")})) == ["a"]
    assert await found(journal, involving=frozenset({(Role.TAKER, "ann")})) == ["b"]
    assert not await found(journal, involving=frozenset({(Role.RESOLVER, "ann")}))
    assert not await found(journal, involving=frozenset())
    assert len(await found(journal, involving=None)) == 3


async def what_lists_show_is_what_was_said_last(journal: Journal) -> None:
    before = Listing(title="one", template="plan", created=1.0, steps_total=2, tags={"a": "1"}, requester="ann")
    after = attrs.evolve(before, title="two", tags={"b": "2"}, resolution="r", watcher_groups=("ops",))
    await journal.append([Entry("t", [submitted("t", 1.0)], TODO, before)])
    stands = attrs.evolve(RUNNING, steps_done=1)
    await journal.append([Entry("t", [RunStarted(at=2.0)], stands, after)])
    [seen] = await journal.find(Wanted())
    assert seen == await journal.look_up("t")
    assert (seen.task_id, seen.listing, seen.changed, seen.standing) == ("t", after, 2.0, stands)
    assert seen.standing.steps_done == 1
    assert not await found(journal, tags={"a": "1"})
    assert await found(journal, tags={"b": "2"}) == ["t"]
    assert await found(journal, involving=frozenset({(Role.WATCHER_GROUP, "ops")})) == ["t"]
    assert await journal.of_resolution("r") == "t"
    assert await journal.of_resolution("") is None
    assert await journal.look_up("other") is None


async def a_task_is_listed_as_it_was_submitted_unless_more_is_said(journal: Journal) -> None:
    await journal.append([first("t")])
    [seen] = await journal.find(Wanted())
    assert seen.listing == Listing(title="title", template=PLAN.name, created=0.0, steps_total=1)


async def flows_are_in_lists_of_their_own_and_what_they_stored_is_told(journal: Journal) -> None:
    created = FlowCreated(at=1.0, by="ada", flow_id="f", type="t", owner_id="x", owner_type="app", metadata={"k": "v"})
    await journal.append([Entry("f", [created], TODO), listed("a")])
    assert await found(journal) == ["a"]
    assert await found(journal, flows=True) == ["f"]
    assert await found(journal, flows=True, tags={"k": "v"}, template="t") == ["f"]
    assert await found(journal, flows=True, involving=frozenset({(Role.REQUESTER, "ada")})) == ["f"]
    assert await found(journal, flows=True, about=(Role.FLOW_OWNER, "app/x")) == ["f"]
    assert not await found(journal, flows=True, about=(Role.TURN, "app/x"))
    seen = await journal.look_up("f")
    assert seen is not None
    assert seen.listing.flow
    relisted = attrs.evolve(seen.listing, turn=FlowTurn.WAITS, turn_since=2.0)
    await journal.append([Entry("f", [FlowStarted(at=2.0)], RUNNING, relisted)])
    [seen] = await journal.find(Wanted(flows=True, about=(Role.TURN, "app/x"), state=TaskState.RUNNING))
    assert (seen.listing, seen.changed) == (relisted, 2.0)
    assert sum(one.tasks for one in await journal.count({})) == 1
    assert [turn.task_id for turn in await journal.since(0)] == ["f", "a", "f"]


async def tasks_are_counted_by_state_and_by_the_groups_that_resolve_them(journal: Journal) -> None:
    await journal.append([listed("a"), listed("b", tags={"x": "1"}), listed("c", standing=RUNNING)])
    await journal.append(
        [listed("d", owner_groups=("g1", "g2")), listed("e", owner_groups=("g1",), resolver_groups=("g3",))]
    )
    done, running = TaskState.DONE, TaskState.RUNNING
    assert list(await journal.count({})) == [
        Count(done, "plan", "", 2),
        Count(done, "plan", "g1", 1),
        Count(done, "plan", "g2", 1),
        Count(done, "plan", "g3", 1),
        Count(running, "plan", "", 1),
    ]
    assert list(await journal.count({"x": "1"})) == [Count(done, "plan", "", 1)]


async def what_was_committed_is_given_in_order_from_any_position(journal: Journal) -> None:
    await journal.append([first("a", RunStarted(at=0.0)), first("b")])
    await journal.append([Entry("a", [started(1.0)])])
    turns = await journal.since(0)
    assert [(turn.position, turn.task_id, len(turn.records)) for turn in turns] == [
        (1, "a", 2),
        (3, "b", 1),
        (4, "a", 1),
    ]
    assert [turn.position for turn in await journal.since(0, limit=2)] == [1, 3]
    assert [turn.position for turn in await journal.since(1)] == [1, 3, 4]  # the rest of the turn that it is in
    assert [turn.position for turn in await journal.since(2)] == [3, 4]
    assert not await journal.since(4)
    assert [turn.position for turn in await journal.since(0, task_id="a")] == [1, 4]
    assert [turn.position for turn in await journal.since(2, task_id="a", limit=1)] == [4]
    assert not await journal.since(0, task_id="other")
    await journal.delete("b")
    assert [turn.position for turn in await journal.since(2)] == [4]


async def what_was_deleted_is_gone(journal: Journal) -> None:
    await journal.append(
        [listed("a", tags={"x": "1"}, requester="ann"), listed("b", resolution="r"), sleeping("c", 5.0)]
    )
    assert await journal.delete("a")
    assert not await journal.delete("a")
    assert await journal.delete("c")
    assert not await journal.read("a")
    assert await found(journal) == ["b"]
    assert not await found(journal, tags={"x": "1"})
    assert not await found(journal, involving=frozenset({(Role.REQUESTER, "ann")}))
    assert await journal.next_due(0.0) is None
    await journal.append([listed("a")])
    assert await found(journal) == ["a", "b"]


def memo(name: str, body: bytes = b"", until: float | None = None) -> Memo:
    return Memo(name.encode(), body or name.encode(), until)


async def recalled(journal: Journal, names: str, at: float = 0.0) -> str:
    return "".join([name for name in names if await journal.recall(name.encode(), at) is not None])


async def what_is_remembered_is_recalled_until_its_time_and_no_longer(journal: Journal) -> None:
    for one in (memo("a", b"\x00\xff", 10.1), memo("b"), memo("c", b"old"), memo("c", b"new", 5.0)):
        await journal.remember(one, Room(), 0.0)
    assert await journal.recall(b"a", 10.0) == b"\x00\xff"
    assert await journal.recall(b"a", 10.1) is None
    assert await journal.recall(b"b", 1e12) == b"b"
    assert await journal.recall(b"c", 4.0) == b"new"
    for _ in range(2):
        await journal.forget(b"b")
    assert await recalled(journal, "abcd") == "ac"
    assert not await journal.tasks()


async def those_that_were_remembered_longest_ago_make_room(journal: Journal) -> None:
    room = Room(memos=3, bytes=40)
    for name in "abcd":
        await journal.remember(memo(name, b"x" * 5), room, 0.0)
    assert await recalled(journal, "abcd") == "bcd"
    await journal.remember(memo("b", b"again"), room, 0.0)
    await journal.remember(memo("e", b"x" * 30), room, 0.0)
    assert await recalled(journal, "abcde") == "be"
    await journal.forget(b"e")
    await journal.remember(memo("f", b"x" * 31), room, 0.0)
    assert await recalled(journal, "abcdef") == "bf"


async def only_what_is_worth_nothing_any_more_is_swept(journal: Journal) -> None:
    for name, until in (("a", 10.0), ("b", 20.0), ("c", 5.0), ("d", None)):
        await journal.remember(memo(name, until=until), Room(), 0.0)
    assert await journal.forget_expired(10.0, limit=1) == 1
    assert await journal.forget_expired(10.0, limit=5) == 1
    assert await journal.forget_expired(10.0, limit=5) == 0
    assert await recalled(journal, "abcd") == "bd"
    await journal.remember(memo("e"), Room(memos=2), 30.0)
    assert await recalled(journal, "de") == "de"


async def what_many_remember_at_once_stays_within_its_room(journal: Journal) -> None:
    async def remember(name: str) -> None:
        for number in range(5):
            await journal.remember(memo(name, until=None if number % 2 else float(number)), Room(memos=4), 3.0)
            if number == 2:
                await journal.forget(name.encode())

    async with trio.open_nursery() as nursery:
        for name in "abcdefgh":
            nursery.start_soon(remember, name)
            nursery.start_soon(remember, name)
    assert len(await recalled(journal, "abcdefgh")) == 4


async def what_is_sealed_anew_is_read_as_before(journal: Journal) -> None:
    await journal.append([first("a", RunStarted(at=0.0)), listed("b", tags={"x": "1"})])
    await journal.remember(memo("m", until=9.0), Room(), 0.0)
    before = [await journal.read(name) for name in "ab"], await journal.since(0), await journal.find(Wanted())
    try:
        assert await journal.reseal() == 0  # with the key that it is sealed with
    except StoreUnusable as refusal:
        assert "seal" in str(refusal)
    assert await journal.recall(b"m", 1.0) == b"m"
    assert ([await journal.read(name) for name in "ab"], await journal.since(0), await journal.find(Wanted())) == before


async def a_closed_journal_refuses(journal: Journal) -> None:
    await journal.close()
    await journal.close()
    with pytest.raises(JournalUnavailable):
        await journal.append([first("t")])
    for ask in (
        journal.read("t"),
        journal.histories(["t"]),
        journal.tasks(),
        journal.awake(),
        journal.due(1.0),
        journal.next_due(1.0),
    ):
        with pytest.raises(JournalUnavailable):
            await ask
    later = (
        journal.reseal(),
        journal.collect(1.0),
        journal.delete("t"),
        journal.since(0),
        journal.last_position(),
        journal.find(Wanted()),
        journal.count({}),
        journal.remember(memo("m"), Room(), 0.0),
        journal.recall(b"m", 0.0),
        journal.forget(b"m"),
        journal.forget_expired(0.0, limit=1),
    )
    for one in later:
        with pytest.raises(JournalUnavailable):
            await one


LAWS = (
    what_was_appended_is_read_back_in_order,
    values_come_back_as_they_were,
    each_task_keeps_the_template_it_was_submitted_with,
    tasks_are_kept_apart_and_listed_in_the_order_they_came,
    a_task_nobody_submitted_has_no_records,
    histories_are_read_together_unless_they_are_long_or_large,
    positions_count_every_record_without_gaps,
    a_task_begins_once_and_whatever_came_with_a_second_beginning_is_not_stored,
    of_those_that_begin_the_same_task_at_once_one_does,
    no_position_is_left_out_or_given_twice_whoever_appends_and_reads,
    what_was_read_does_not_change_afterwards,
    a_cancelled_append_stored_all_or_nothing,
    appends_at_once_do_not_mix,
    tasks_are_listed_page_by_page,
    only_what_somebody_has_to_go_on_with_is_awake,
    sleeping_tasks_are_given_in_the_order_they_are_due,
    a_task_that_was_woken_is_due_no_more,
    only_tasks_that_ended_long_ago_are_collected,
    templates_go_with_the_last_of_their_tasks,
    what_was_collected_may_be_submitted_again,
    tasks_are_found_newest_change_first_and_page_by_page,
    tasks_are_found_by_all_that_is_wanted_of_them,
    tasks_are_found_by_who_has_to_do_with_them,
    what_lists_show_is_what_was_said_last,
    a_task_is_listed_as_it_was_submitted_unless_more_is_said,
    flows_are_in_lists_of_their_own_and_what_they_stored_is_told,
    tasks_are_counted_by_state_and_by_the_groups_that_resolve_them,
    what_was_committed_is_given_in_order_from_any_position,
    what_was_deleted_is_gone,
    what_is_remembered_is_recalled_until_its_time_and_no_longer,
    those_that_were_remembered_longest_ago_make_room,
    only_what_is_worth_nothing_any_more_is_swept,
    what_many_remember_at_once_stays_within_its_room,
    what_is_sealed_anew_is_read_as_before,
    a_closed_journal_refuses,
)
