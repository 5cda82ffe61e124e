"""Whoever lost its lease cannot write, and what it held is taken over; by one, and in time."""

import psycopg
import pytest
import trio

from runtime.engine.records import RunEnded
from runtime.engine.states import ResolutionState
from runtime.journal.postgres.instance import Instance
from runtime.journal.postgres.writer import Writer
from runtime.journal.protocol import Entry, LeaseLost
from runtime.journal.shared import Claim, Signal
from tests.support.journal_laws import DONE, RUNNING, TODO, first, names, sleeping, started
from tests.support.postgres_journal import running_journal


@pytest.fixture
def store(postgres_store):
    return f"{postgres_store}&lease=0.5"


async def test_postgres_who_was_declared_dead_stores_nothing_more_and_hears_so(store):
    async with running_journal(store) as other, running_journal(store, loses_lease=True) as journal:
        await journal.append([first("t")])
        await other._look("SELECT leave(%(it)s, 'x')", {"it": journal._instance.number})
        for entry in (Entry("t", [started(1.0)]), first("new")):
            with pytest.raises(LeaseLost):
                await journal.append([entry])
        assert not journal.lease_held
        assert len(await other.read("t")) == 1
        assert names(await other.tasks()) == ["t"]


async def test_postgres_what_a_silent_instance_held_is_taken_over_within_the_lease_and_a_second(store, monkeypatch):
    async with running_journal(store) as alive:
        beats = Instance.run

        async def silent(self):
            if self.number == alive._instance.number:
                await beats(self)
            await trio.sleep_forever()

        monkeypatch.setattr(Instance, "run", silent)
        async with running_journal(store, loses_lease=True) as dead:
            await dead.append([first("a"), first("b"), first("c", standing=TODO), sleeping("d", 5.0)])
            began = trio.current_time()
            assert not await alive.claim_awake()
            assert await alive.claim("a") == dead._instance.number
            while not (page := await alive.claim_awake()):  # noqa: ASYNC110 - that it takes so long is what is tested
                await trio.sleep(0.05)
            assert trio.current_time() - began < 0.5 + 1
            assert names(page) == ["a", "b"]
            assert await alive.claim("c") is Claim.OURS
            assert names(await alive.claim_due(10.0)) == ["d"]
            with pytest.raises(LeaseLost):
                await dead.append([Entry("a", [started(1.0)])])
            assert not await dead.claim_awake()
            await alive.read("a")
            await alive.append([Entry("a", [started(2.0)])])
            assert [record.at for record in await alive.read("a")] == [0.0, 2.0]


async def test_postgres_a_writer_that_does_not_know_what_was_stored_last_is_kept_out(store):
    async with running_journal(store) as one, running_journal(store) as two:
        await one.append([first("t")])
        stale = dict(one._held)
        one.release(["t"])
        assert await two.claim("t") is Claim.OURS or await claimed(two, "t")
        await two.read("t")
        await two.append([Entry("t", [started(1.0)])])
        one._held.update(stale)  # as if it had never let go
        with pytest.raises(LeaseLost):
            await one.append([Entry("t", [started(9.0)])])
        assert [record.at for record in await two.read("t")] == [0.0, 1.0]


async def claimed(journal, task_id):
    while await journal.claim(task_id) is not Claim.OURS:  # noqa: ASYNC110 - it has to be let go of, with some commit
        await trio.sleep(0.01)
    return True


async def test_postgres_each_of_many_tasks_is_claimed_by_one(store):
    async with running_journal(store) as maker:
        await maker.append([first(f"t{number:03}") for number in range(100)])
        maker.release([f"t{number:03}" for number in range(100)])
        await maker.read("t000")
        taken = []
        async with running_journal(store) as one, running_journal(store) as two, running_journal(store) as three:

            async def take(journal):
                while page := await journal.claim_awake(limit=2):
                    taken.append((journal, names(page)))

            async with trio.open_nursery() as nursery:
                for journal in (one, two, three):
                    nursery.start_soon(take, journal)
        everything = [name for _, page in taken for name in page]
        assert sorted(everything) == [f"t{number:03}" for number in range(100)]
        assert len({journal for journal, _ in taken}) > 1


async def test_postgres_what_was_let_go_of_can_be_claimed_at_once_even_by_the_same(store):
    async with running_journal(store) as journal, running_journal(store) as other:
        await journal.append([first("t", standing=DONE)])
        for _ in range(5):
            journal.release(["t"])
            assert "t" not in journal.held
            assert await journal.claim("t") is Claim.OURS
            await journal.read("t")
            await journal.append([Entry("t", [started(1.0)])])
        assert await other.claim("t") == journal._instance.number
        assert await other.claim("ghost") is Claim.UNKNOWN


async def test_postgres_a_commit_whose_answer_was_lost_is_neither_refused_nor_done_again(store, monkeypatch):
    async with running_journal(store) as journal:
        await journal.append([first("t")])
        store_once = Writer.store
        cut = []

        async def stored_and_cut(self, connection, *arguments):
            stored = await store_once(self, connection, *arguments)
            if not cut:
                cut.append(True)
                connection.abandon()
                raise psycopg.OperationalError("the answer was lost")
            return stored

        monkeypatch.setattr(Writer, "store", stored_and_cut)
        assert await journal.append([Entry("t", [started(1.0), started(2.0)])]) == 2
        assert await journal.append([Entry("t", [started(3.0)])]) == 4
        assert cut
        assert [record.at for record in await journal.read("t")] == [0.0, 1.0, 2.0, 3.0]


async def test_postgres_a_commit_that_did_not_get_there_is_made_when_the_link_is_there_again(store, monkeypatch):
    async with running_journal(store) as journal:
        await journal.append([first("t")])
        store_later = Writer.store
        cuts = []

        async def cut_first(self, connection, *arguments):
            if len(cuts) < 2:
                cuts.append(True)
                connection.abandon()
                raise psycopg.OperationalError("the link was cut")
            return await store_later(self, connection, *arguments)

        monkeypatch.setattr(Writer, "store", cut_first)
        assert await journal.append([Entry("t", [started(1.0)])]) == 2
        assert len(await journal.read("t")) == 2


async def test_postgres_what_was_stored_is_not_refused_because_some_of_it_was_let_go_of_meanwhile(
    postgres_store, monkeypatch
):
    async with running_journal(postgres_store) as journal:
        await journal.append([first("gone")])
        store_once = Writer.store
        cut = []

        async def stored_and_cut(self, connection, *arguments):
            stored = await store_once(self, connection, *arguments)
            if not cut:
                cut.append(True)
                journal.release(["gone"])
                connection.abandon()
                raise psycopg.OperationalError("the answer was lost")
            return stored

        monkeypatch.setattr(Writer, "store", stored_and_cut)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.append, [Entry("gone", [started(1.0)])])
            nursery.start_soon(journal.append, [first("new")])
        assert cut
        assert len(await journal.read("gone")) == 2
        assert list(journal.held) == ["new"]


async def test_postgres_what_was_let_go_of_is_free_though_the_server_refused_it_at_first(postgres_store, monkeypatch):
    async with running_journal(postgres_store) as journal, running_journal(postgres_store) as other:
        await journal.append([first("t")])
        store_later = Writer.store
        useless = []

        async def refused_on_the_first(self, connection, *arguments):
            if self._me == journal._me and connection in (useless or [connection]):
                useless.append(connection)
                raise psycopg.errors.InvalidSqlStatementName("it was forgotten")
            return await store_later(self, connection, *arguments)

        monkeypatch.setattr(Writer, "store", refused_on_the_first)
        journal.release(["t"])
        while not names(await other.claim_awake()):  # noqa: ASYNC110 - nobody says so
            await trio.sleep(0.05)
        assert len(useless) == 1


async def test_postgres_what_was_begun_and_nobody_heard_of_is_left_to_others(postgres_store, monkeypatch):
    async with running_journal(postgres_store) as journal, running_journal(postgres_store) as other:
        on_its_way, go_on = trio.Event(), trio.Event()
        store_later = Writer.store

        async def slow(self, *arguments):
            on_its_way.set()
            await go_on.wait()
            return await store_later(self, *arguments)

        monkeypatch.setattr(Writer, "store", slow)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.append, [first("t")])
            await on_its_way.wait()
            nursery.cancel_scope.cancel()
        go_on.set()
        while not names(await other.claim_awake()):  # noqa: ASYNC110 - nobody says so
            await trio.sleep(0.05)
        assert not journal.held


async def test_postgres_an_instance_leaves_alone_what_a_later_version_wrote(store):
    later = RunEnded(at=2.0, state=ResolutionState.DONE)
    async with running_journal(store, records_format=2) as new, running_journal(store) as old:
        await new.append([first("a"), sleeping("b", 5.0)])
        await old.append([first("c"), sleeping("d", 5.0)])
        new.release(["a", "b"])
        old.release(["c", "d"])
        await new.read("a")
        await old.read("c")
        assert await old.claim("a") is Claim.NOBODYS
        assert names(await old.claim_due(9.0)) == ["d"]
        old.release(["d"])
        await old.read("d")
        assert names(await new.claim_awake()) == ["a", "c"]
        await new.read("c")
        await new.append([Entry("c", [later], DONE)])
        new.release(["c"])
        await new.read("c")
        assert await old.claim("c") is Claim.NOBODYS  # the later version has had its hands on it


async def test_postgres_the_word_that_there_is_work_gets_round(store):
    heard = []
    async with running_journal(store) as one, running_journal(store) as two:
        for signal in Signal:
            two.listen(signal, lambda signal=signal: heard.append(signal))
        await trio.sleep(0.2)
        heard.clear()
        await one.wake_others()
        while Signal.WORK not in heard:  # noqa: ASYNC110 - it is a function that is called
            await trio.sleep(0.005)
        assert not {Signal.NEWS, Signal.MAIL} & set(heard)
        await one.append([first("t", standing=RUNNING)])
        await trio.sleep(0.05)
        assert Signal.NEWS not in heard  # nobody follows
        await two.follow(on=True)
        await one.append([Entry("t", [started(1.0)])])
        while Signal.NEWS not in heard:  # noqa: ASYNC110 - as above
            await trio.sleep(0.005)
        assert await one.send(two._instance.number, 1, b"x", answer=False)
        while Signal.MAIL not in heard:  # noqa: ASYNC110 - as above
            await trio.sleep(0.005)
        assert [letter.body for letter in await two.fetch()] == [b"x"]
        assert not await two.fetch()
