"""Runtimes that follow each other on one store."""

import tracemalloc

import attrs
import pytest
import trio

from actors import VirtualClock
from runtime import Action, Conflict, Input, ResolutionState, Step, TaskState, Unavailable, open_runtime
from runtime.engine.records import RunEnded, RunStarted, TaskResolved
from runtime.journal.listing import Wanted
from runtime.journal.memory import MemoryJournal
from runtime.journal.protocol import Entry, JournalUnavailable, Standing
from runtime.journal.sqlite.database import Opening
from runtime.journal.sqlite.journal import SqliteJournal
from runtime.runner import StepFailed
from tests.support.journal_laws import submitted
from tests.support.plans import echo, plan, step
from tests.support.times import EPOCH

RATE = 100
"""Virtual seconds a second: the writer's thread lives in real time, so the clock must not jump over it."""


@pytest.fixture
def clock(mock_clock):
    mock_clock.rate = RATE
    return VirtualClock(EPOCH)


@pytest.fixture
def store(tmp_path, clock):
    def opened(**options):
        return open_runtime(f"sqlite:///{tmp_path}/tasks.db", clock=clock, answer_within_seconds=1e6, **options)

    return opened


calls: list[int] = []


async def count() -> int:
    calls.append(1)
    return len(calls)


async def hang() -> None:
    calls.append(1)
    if len(calls) == 1:
        await trio.sleep_forever()


async def flaky() -> None:
    calls.append(1)
    if len(calls) == 1:
        raise StepFailed("not yet")


@pytest.fixture(autouse=True)
def forget_calls():
    calls.clear()


async def test_a_task_is_read_and_run_after_a_restart(mock_clock, store):
    async with store() as rt:
        task = await rt.submit(plan(a=Step(action=count)), run=False)
        done = await rt.submit(plan(a=step(action=echo({"n": 1.5}))))
        before = await done.wait()
    async with store() as rt:
        assert await rt.status(done.id) == before
        await rt.run(task.id)
        assert (await rt.wait(task.id)).steps["a"].output == 1
        with pytest.raises(Conflict):
            await rt.run(done.id)


async def test_the_same_submission_is_the_same_task_after_a_restart(mock_clock, store):
    template = plan(a=step(action=echo({"list": [1, 2]})), inputs=[Input(name="x")])
    async with store() as rt:
        await rt.submit(template, {"x": "1"}, task_id="t")
    async with store() as rt:
        await rt.submit(template, {"x": "1"}, task_id="t")
        same = attrs.evolve(template, steps={"a": step(action=echo({"list": (1, 2)}))})
        await rt.submit(same, {"x": "1"}, task_id="t")
        with pytest.raises(Conflict, match="another task or flow with the id t"):
            await rt.submit(template, {"x": "2"}, task_id="t")


async def test_of_submissions_that_come_together_each_is_answered_for_itself(mock_clock, store):
    template = plan(a=step(action=Action.calling(count)), inputs=[Input(name="x")])
    outcomes: dict[str, str] = {}
    async with store() as rt:
        for known in ("k1", "k2"):
            await (await rt.submit(template, {"x": "1"}, task_id=known)).wait()

        async def submit(task_id, x):
            try:
                await rt.wait((await rt.submit(template, {"x": x}, task_id=task_id)).id)
            except Conflict:
                outcomes[f"{task_id} {x}"] = "conflict"
            else:
                outcomes[f"{task_id} {x}"] = "done"

        async with trio.open_nursery() as nursery:
            for task_id, x in (("k1", "1"), ("n1", "1"), ("k2", "2"), ("n2", "1"), ("n2", "1"), ("n3", "1")):
                nursery.start_soon(submit, task_id, x)
    assert outcomes == {"k1 1": "done", "k2 2": "conflict", "n1 1": "done", "n2 1": "done", "n3 1": "done"}
    assert len(calls) == 5


async def test_a_retry_that_came_due_meanwhile_is_made_at_once_and_one_that_did_not_is_waited_for(
    mock_clock, store, clock
):
    async with store() as rt:
        task = await rt.submit(plan(a=Step(action=flaky)), task_id="t")
        async with rt.subscribe("t") as events:
            async for event in events:
                if getattr(event, "next_retry", None):
                    break
        due = (await task.status()).next_retry
    clock.jump(due - clock.wall() - 5)
    async with store() as rt:
        assert (await rt.wait("t")).state is TaskState.DONE
        assert clock.wall() >= due
    assert len(calls) == 2


async def test_a_step_that_was_cut_by_a_shutdown_runs_again_if_it_is_idempotent(mock_clock, store):
    async with store(grace_seconds=0) as rt:
        await rt.submit(plan(a=Step(action=hang, idempotent=True)), task_id="t")
        while not calls:  # noqa: ASYNC110 - what is waited for is outside of trio's sight
            await trio.sleep(0.1)
    async with store() as rt:
        assert (await rt.wait("t")).state is TaskState.DONE


async def test_a_function_that_is_not_there_fails_its_step_with_what_to_do(mock_clock, store):
    async def local() -> None:
        """Cannot be found by its name."""

    async with store() as rt:
        await rt.submit(plan(a=Step(action=local)), task_id="t", run=False)
    async with store() as rt:
        await rt.run("t")
        view = await rt.status("t")
        while not view.steps["a"].error:
            await trio.sleep(0.1)
            view = await rt.status("t")
        assert "import its module first, or hand it over as one of the callables" in view.steps["a"].error
    async with store(callables=[local]) as rt:
        assert (await rt.wait("t")).state is TaskState.DONE


async def test_a_store_and_a_journal_at_once_are_a_mistake(mock_clock, store, tmp_path):
    journal = await SqliteJournal.open(Opening(path=tmp_path / "other.db"))
    with pytest.raises(TypeError, match="not in both"):
        async with store(journal=journal):
            pytest.fail("it opened")
    await journal.close()


class Moody(SqliteJournal):
    """A journal that cannot store while it sulks."""

    sulks = False

    async def append(self, entries):
        if self.sulks:
            await trio.lowlevel.checkpoint()
            raise JournalUnavailable("the disk is full; free some space, and it goes on by itself")
        return await super().append(entries)


async def test_a_full_disk_refuses_what_is_new_and_what_runs_goes_on_once_there_is_room(mock_clock, tmp_path, clock):
    """A step's result waits in memory until it can be stored: nothing is run again for it."""
    journal = await Moody.open(Opening(path=tmp_path / "tasks.db"))

    async def act() -> None:
        calls.append(1)
        journal.sulks = True

    async with open_runtime(journal=journal, clock=clock, answer_within_seconds=1e6) as rt:
        task = await rt.submit(plan(a=Step(action=act), b=step("a")))
        while not calls:  # noqa: ASYNC110 - as above
            await trio.sleep(0.1)
        with pytest.raises(Unavailable, match="the disk is full"):
            await rt.submit(plan(a=step()))
        await trio.sleep(20)
        journal.sulks = False
        assert (await task.wait()).state is TaskState.DONE
    assert len(calls) == 1


def asleep(number, due):
    task_id = f"t{number}"
    records = [
        submitted(task_id),
        TaskResolved(at=0.0, resolution_id="r"),
        RunStarted(at=0.0),
        RunEnded(at=0.0, state=ResolutionState.ERROR, next_retry=due),
    ]
    return Entry(task_id, records, Standing(ResolutionState.ERROR, due=due, run=1))


async def with_sleepers(tmp_path, count):
    journal = await SqliteJournal.open(Opening(path=tmp_path / f"{count}.db"))
    for start in range(0, count, 1000):
        await journal.append([asleep(number, 4e9 + number) for number in range(start, min(count, start + 1000))])
    return journal


async def test_the_memory_of_a_runtime_does_not_grow_with_the_tasks_that_sleep_in_its_store(
    mock_clock, tmp_path, clock
):
    grown = []
    for number in (100, 5_000):
        journal = await with_sleepers(tmp_path, number)
        tracemalloc.start()
        async with open_runtime(journal=journal, clock=clock, answer_within_seconds=1e6) as rt:
            await (await rt.submit(plan(a=step()))).wait()
            grown.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    assert grown[1] - grown[0] < 4_900 * 30


async def test_many_tasks_that_are_due_at_once_all_run(mock_clock, tmp_path, clock):
    journal = await SqliteJournal.open(Opening(path=tmp_path / "tasks.db"))
    await journal.append([asleep(number, EPOCH - 1000 + number % 7) for number in range(300)])
    async with open_runtime(journal=journal, clock=clock, answer_within_seconds=1e6) as rt:
        for number in range(300):
            assert (await rt.wait(f"t{number}")).state is TaskState.DONE
        assert not await journal.due(1e12)


class Unreadable(MemoryJournal):
    """A journal whose lists cannot be read for a while."""

    refusals = 7

    async def awake(self, **page):
        return await self._once(super().awake, **page)

    async def due(self, until, **page):
        return await self._once(super().due, until, **page)

    async def _once(self, read, *arguments, **page):
        self.refusals -= 1
        if self.refusals > 0 and self.refusals % 3:
            await trio.lowlevel.checkpoint()
            raise JournalUnavailable("reading failed")
        return await read(*arguments, **page)


async def test_a_journal_that_cannot_be_read_for_a_while_forgets_nobody(autojump_clock):
    clock = VirtualClock(EPOCH)
    journal = Unreadable()
    await journal.append([asleep(number, EPOCH + number) for number in range(100)])
    async with open_runtime(journal=journal, clock=clock) as rt:
        for number in range(100):
            assert (await rt.wait(f"t{number}")).state is TaskState.DONE
    assert journal.refusals < 0


class Away(MemoryJournal):
    """A journal of which a task cannot be read for a while."""

    refusals = 3

    async def read(self, task_id):
        self._refuse()
        return await super().read(task_id)

    async def histories(self, task_ids):
        self._refuse()
        return await super().histories(task_ids)

    def _refuse(self):
        self.refusals -= 1
        if self.refusals >= 0:
            raise JournalUnavailable("reading failed")


async def test_a_task_that_was_left_awake_goes_on_though_it_could_not_be_read_at_first(autojump_clock):
    journal = Away()
    begun = [submitted("t"), TaskResolved(at=0.0, resolution_id="r"), RunStarted(at=0.0)]
    await journal.append([Entry("t", begun, Standing(ResolutionState.RUNNING, awake=True, run=0))])
    async with open_runtime(journal=journal, clock=VirtualClock(EPOCH)) as rt:
        with trio.fail_after(1000):
            while journal.refusals > 0:  # noqa: ASYNC110 - nobody says so
                await trio.sleep(1)
            assert (await rt.wait("t")).state is TaskState.DONE


@pytest.fixture(params=["file", "database"])
def address(request, tmp_path):
    return f"{tmp_path}/tasks.db" if request.param == "file" else request.getfixturevalue("postgres_store")


async def test_an_id_that_nobody_could_submit_today_does_not_keep_a_store_from_being_opened(address):
    """A task called "a/b" was taken on over HTTP once, and stored before its actor was refused the name."""
    begun = [TaskResolved(at=0.0, resolution_id="r"), RunStarted(at=0.0)]
    awake, asleep = Standing(ResolutionState.RUNNING, awake=True, run=0), Standing(ResolutionState.TODO)
    async with open_runtime(address) as rt:
        await rt._journal.append([Entry("a/b", [submitted("a/b"), *begun], awake)])
        await rt._journal.append([Entry("/", [submitted("/")], asleep)])
    async with open_runtime(address) as rt:
        with trio.fail_after(60):
            assert (await rt.wait("a/b")).state is TaskState.DONE
        assert {one.task_id for one in await rt.find(Wanted())} == {"a/b", "/"}
        for task_id in ("a/b", "/"):
            await rt.delete(task_id)
        assert not await rt.find(Wanted())


async def test_a_damaged_task_does_not_keep_others_from_going_on(mock_clock, tmp_path, clock):
    journal = await SqliteJournal.open(Opening(path=tmp_path / "tasks.db"))
    await journal.append([asleep(0, EPOCH - 2), asleep(1, EPOCH - 1)])
    await journal._thread.call(
        lambda writer: writer._connection.execute("UPDATE turns SET body = x'c1' WHERE position = 1")
    )
    async with open_runtime(journal=journal, clock=clock, answer_within_seconds=1e6) as rt:
        assert (await rt.wait("t1")).state is TaskState.DONE
        with pytest.raises(Unavailable, match="holds what cannot be read"):
            await rt.status("t0")
        with pytest.raises(Unavailable, match="holds what cannot be read"):
            await rt.run("t0")


async def test_what_ended_long_ago_is_collected(mock_clock, store, clock):
    async with store() as rt:
        await (await rt.submit(plan(a=step()), task_id="old")).wait()
    clock.jump(31 * 86_400.0)
    async with store() as rt:
        while await known(rt, "old"):  # noqa: ASYNC110 - as above
            await trio.sleep(1)


async def known(rt, task_id):
    from runtime import NotFound

    try:
        await rt.status(task_id)
    except NotFound:
        return False
    return True


async def test_a_password_is_shown_to_nobody(mock_clock, store, tmp_path):
    template = plan(
        inputs=[Input(name="pw", type="password")],
        a=Step(action=Action.calling(count)),
        result_format={"x": "{{.step.a.output}}"},
    )
    async with store() as rt, rt.subscribe() as events:
        task = await rt.submit(template, {"pw": "Open-Sesame-4711"})
        view = await task.wait()
        assert "Open-Sesame" not in repr(view)
        rt.shutdown()
        await rt.drained()
        assert "Open-Sesame" not in repr([event async for event in events])
