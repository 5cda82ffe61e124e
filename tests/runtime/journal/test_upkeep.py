from contextlib import closing
from pathlib import Path

import apsw
import attrs
import pytest

from runtime import Action, Limits, open_runtime
from runtime.engine.states import ResolutionState, TaskState
from runtime.journal import queries
from runtime.journal.listing import Wanted
from runtime.journal.protocol import Entry, Standing, StoreUnusable, standing_of
from runtime.journal.sqlite import database, schema
from runtime.journal.sqlite.database import Opening
from runtime.journal.sqlite.journal import SqliteJournal
from runtime.journal.sqlite.schema import MIGRATIONS, NEWEST
from runtime.journal.sqlite.upkeep import backup, check, collect, compact
from tests.support.journal_laws import DONE, RUNNING, TODO, first, names, started, submitted
from tests.support.plain_loop import Loop
from tests.support.plans import plan, step


async def make(path, count=5):
    """A store of tasks that ran; the journal is left open."""
    journal = await SqliteJournal.open(Opening(path=path))
    for number in range(count):
        loop = Loop(plan(a=step(), b=step("a")), task_id=f"t{number}")
        loop.run()
        await journal.append([Entry(f"t{number}", loop.records, standing_of(loop.task))])
    return journal


def change(path, statement):
    connection = apsw.Connection(str(path))
    connection.execute(statement)
    connection.close()


async def test_a_sound_store_has_no_problems_while_it_is_in_use_and_after(tmp_path):
    path = tmp_path / "tasks.db"
    journal = await make(path)
    found = check(path, None)
    assert (found.tasks, found.problems) == (5, ())
    await journal.close()
    assert check(path, None) == found


async def test_tasks_that_are_shown_otherwise_than_their_resolution_are_sound(tmp_path):
    path = tmp_path / "tasks.db"
    asks = step(action=Action(type="approval", configuration={"plan": "x"}))
    async with open_runtime(path, limits=Limits(resources={"template:off": 0})) as rt:
        await rt.submit(plan(a=step()), task_id="held", delay=1000)
        await rt.operator("held").pause()
        await rt.submit(attrs.evolve(plan(a=step()), name="off"), task_id="off")
        task = await rt.submit(plan(a=asks), task_id="denied")
        async with rt.feed() as feed:
            async for event in feed:
                if getattr(event, "status", "") == "approval-awaiting" and event.task_id == "denied.a":
                    break
        await rt.flow_handle("denied.a").deny("s1")
        await task.wait()
        assert (await rt.status("held")).state == "DELAYED"
    found = check(path, None)
    assert (found.tasks, found.problems) == (4, ())


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("UPDATE tasks SET state = 'ERROR' WHERE id = 't1'", "task t1: it is listed as"),
        ("UPDATE tasks SET due = 5.0 WHERE id = 't1'", "task t1: it is listed as"),
        ("DELETE FROM turns WHERE position = 1", "task t0: it has no records"),
        ("UPDATE turns SET body = x'c1' WHERE position = 1", "task t0: the store"),
        ("UPDATE turns SET records = 1000 WHERE position = 1", "and the next begin at"),
        ("UPDATE turns SET task = 2 WHERE task = 1", "task t1: "),
        ("UPDATE tasks SET id = 'other' WHERE id = 't1'", "task other: its records are those of t1"),
        ("DELETE FROM templates", "template of a task is missing"),
    ],
)
async def test_damage_is_named(tmp_path, damage, says):
    path = tmp_path / "tasks.db"
    await (await make(path)).close()
    change(path, damage)
    problems = check(path, None).problems
    assert any(says in problem for problem in problems), problems


async def test_a_backup_is_a_store_and_is_made_while_the_other_is_in_use(tmp_path):
    path, copy = tmp_path / "tasks.db", tmp_path / "copy.db"
    journal = await make(path)
    assert backup(path, copy) == copy.stat().st_size
    assert copy.stat().st_mode & 0o777 == 0o600
    await journal.append([first("later")])
    await journal.close()
    assert check(copy, None).problems == ()
    restored = await SqliteJournal.open(Opening(path=copy))
    assert [stored.task_id for stored in await restored.tasks()] == [f"t{number}" for number in range(5)]
    assert await restored.append([first("new")]) > 1
    await restored.close()


async def test_a_backup_replaces_nothing_and_leaves_nothing_when_it_fails(tmp_path):
    path = tmp_path / "tasks.db"
    await (await make(path)).close()
    (tmp_path / "there").write_text("mine")
    with pytest.raises(StoreUnusable, match="is there already"):
        backup(path, tmp_path / "there")
    assert (tmp_path / "there").read_text() == "mine"
    with pytest.raises(StoreUnusable):
        backup(tmp_path / "gone.db", tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


async def test_what_was_deleted_gives_its_room_back_and_a_store_in_use_is_left_alone(tmp_path):
    path = tmp_path / "tasks.db"
    journal = await make(path, 300)
    for work in (lambda: compact(path), lambda: collect(path, None, 1e12)):
        with pytest.raises(StoreUnusable, match="in use by process"):
            work()
    await journal.append([Entry("open", [submitted("open"), started(1.0)], TODO)])
    await journal.close()
    assert collect(path, None, 0.0) == 0
    assert collect(path, None, 1e12) == 300
    before, after = compact(path)
    assert after < before
    assert check(path, None).tasks == 1


STORES = sorted((Path(__file__).parent.parent / "golden").glob("*.db"))


def test_there_are_golden_stores():
    assert STORES


@pytest.mark.parametrize("golden", STORES, ids=lambda path: path.stem)
async def test_a_store_of_a_past_version_is_brought_up_to_date_and_used(tmp_path, golden):
    path = tmp_path / "tasks.db"
    path.write_bytes(golden.read_bytes())
    journal = await SqliteJournal.open(Opening(path=path))
    assert [stored.task_id for stored in await journal.tasks()] == ["t0", "t1", "t2"]
    await journal.append([first("new")])
    await journal.close()
    connection = apsw.Connection(str(path))
    assert connection.pragma("user_version") == NEWEST
    connection.close()
    problems = check(path, None).problems
    assert ["task new" in problem for problem in problems] == [True], problems  # which never ran


def pretend(monkeypatch, *migrations):
    """Have a version of this program that knows just these."""
    monkeypatch.setattr(schema, "MIGRATIONS", migrations)
    for module in (schema, database):
        monkeypatch.setattr(module, "NEWEST", len(migrations))


@pytest.mark.parametrize("version", range(1, NEWEST))
async def test_an_empty_store_of_any_earlier_version_is_brought_up_to_date(tmp_path, monkeypatch, version):
    path = tmp_path / "tasks.db"
    with monkeypatch.context() as earlier:
        pretend(earlier, *MIGRATIONS[:version])
        database.connect(Opening(path=path)).close()
    journal = await SqliteJournal.open(Opening(path=path))
    await journal.append([first("t", standing=RUNNING)])
    assert names(await journal.find(Wanted(state=TaskState.RUNNING))) == ["t"]
    await journal.close()


async def test_tasks_of_before_the_list_of_the_unfinished_was_made_anew_are_listed(tmp_path, monkeypatch):
    path = tmp_path / "tasks.db"
    with monkeypatch.context() as earlier:
        pretend(earlier, *MIGRATIONS[:5])
        journal = await SqliteJournal.open(Opening(path=path))
        off = Standing(ResolutionState.CANCELLED)
        await journal.append(
            [first("runs", standing=RUNNING), first("ended", standing=DONE), first("off", standing=off)]
        )
        await journal.close()
    journal = await SqliteJournal.open(Opening(path=path))
    assert names(await journal.find(Wanted(state=TaskState.RUNNING))) == ["runs"]
    assert names(await journal.find(Wanted(state=TaskState.DONE))) == ["ended"]
    assert names(await journal.find(Wanted(state=TaskState.CANCELLED))) == ["off"]
    await journal.append([Entry("runs", [started(2.0)], DONE)])
    assert names(await journal.find(Wanted(state=TaskState.RUNNING))) == []
    await journal.close()
    assert not [problem for problem in check(path, None).problems if problem.startswith("file")]


@pytest.mark.parametrize("state", [state for state in TaskState if state is not TaskState.DONE])
async def test_those_that_are_not_done_are_found_without_looking_at_the_others(tmp_path, state):
    path = tmp_path / "tasks.db"
    await (await make(path)).close()
    query = queries.find(Wanted(state=state), None, 1)
    with closing(database.connect(Opening(path=path))) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query.text}", query.values)]
    assert plan == ["SEARCH tasks USING INDEX tasks_not_done (shown=?)"]


async def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "tasks.db"
    await (await make(path)).close()
    pretend(monkeypatch, *MIGRATIONS, "CREATE TABLE more (x); CREATE TABLE tasks (y);")
    with pytest.raises(StoreUnusable, match="already exists"):
        await SqliteJournal.open(Opening(path=path))
    monkeypatch.undo()
    assert check(path, None).problems == ()
