"""Whoever lost its lease cannot write, and what it held is taken over; by one, and in time."""

import math
import os

import attrs
import psycopg
import pytest
import structlog
import trio

from actors import SystemClock
from runtime.engine.records import RunEnded, TaskSubmitted
from runtime.engine.states import ResolutionState
from runtime.journal.codec import RECORDS_FORMAT
from runtime.journal.health import Health
from runtime.journal.postgres import instance
from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.database import connect, prepare
from runtime.journal.postgres.driver import TrioConnection
from runtime.journal.postgres.instance import Instance
from runtime.journal.postgres.journal import PostgresJournal
from runtime.journal.postgres.links import Links
from runtime.journal.postgres.writer import Writer
from runtime.journal.protocol import AlreadyStored, Entry, JournalUnavailable, LeaseLost, NotHeld
from runtime.journal.shared import Claim, LeaseFigures, Signal
from tests.support.journal_laws import DONE, RUNNING, TODO, first, names, sleeping, started
from tests.support.postgres import asking
from tests.support.postgres_journal import running_journal

LEASE_SECONDS = 1000.0


@pytest.fixture
def store(postgres_store):
    """A store whose leases outlast any pause of a busy machine: those that are to run out are made to."""
    return f"{postgres_store}&lease={LEASE_SECONDS}"


@pytest.fixture
def silent(monkeypatch):
    """No heart beats by itself."""

    async def beat_not(_self):
        await trio.sleep_forever()

    monkeypatch.setattr(Instance, "run", beat_not)


async def test_postgres_what_is_refused_with_a_submission_that_is_known_is_held_or_not_as_before(store):
    async with running_journal(store) as other, running_journal(store) as journal:
        await other.append([first("known")])
        await journal.append([first("held")])
        with pytest.raises(AlreadyStored, match="known"):
            await journal.append([Entry("held", [started(1.0)]), first("new"), first("known")])
        await journal.append([Entry("held", [started(2.0)])])
        assert await journal.claim("new") is Claim.UNKNOWN
        await other.append([first("new")])
        assert len(await other.read("held")) == 2


async def test_postgres_who_may_have_lost_the_lease_waits_until_it_is_held_for_sure_and_for_ever_once_it_is_lost(store):
    """As whoever was suspended for long, and does not know yet: what begins now may run elsewhere, too."""
    async with running_journal(store, loses_lease=True) as journal:
        await journal.lease_sure()
        journal._instance._until = trio.current_time()
        assert not journal.lease_held
        with trio.fail_after(30):
            await journal.lease_sure()  # the next beat says so
        assert journal.lease_held
        journal._instance.lose(LeaseLost("gone"))
        assert not journal.lease_held
        with trio.move_on_after(0.1) as patience:
            await journal.lease_sure()
        assert patience.cancelled_caught


async def test_postgres_who_was_declared_dead_stores_nothing_more_and_hears_so(store):
    async with running_journal(store) as other, running_journal(store, loses_lease=True) as journal:
        await journal.append([first("t")])
        await other._look("SELECT leave(%(it)s, 'x')", {"it": journal._instance.number})
        for entry in (Entry("t", [started(1.0)]), first("new")):
            with pytest.raises(LeaseLost) as lost:
                await journal.append([entry])
            assert lost.type is LeaseLost
        assert not journal.lease_held
        assert len(await other.read("t")) == 1
        assert names(await other.tasks()) == ["t"]


@pytest.mark.usefixtures("silent")
async def test_postgres_what_a_silent_instance_held_is_taken_over_by_the_first_beat_after_its_lease(store):
    async with running_journal(store) as alive, running_journal(store, loses_lease=True) as dead:
        await dead.append([first("a"), first("b"), first("c", standing=TODO), sleeping("d", 5.0)])
        heart, it = alive._instance._connection, {"it": dead._me}
        alive._instance._judges_from = -math.inf  # it has been there for a while
        await alive._instance._beat(heart)
        assert not await alive.claim_awake()
        assert await alive.claim("a") == dead._me
        left = "SELECT extract(epoch FROM expires - clock_timestamp())::float8 FROM instances WHERE number = %(it)s"
        [(seconds,)] = await alive._look(left, it)
        assert LEASE_SECONDS / 2 < seconds <= LEASE_SECONDS
        await alive._look("UPDATE instances SET expires = clock_timestamp() WHERE number = %(it)s RETURNING 1", it)
        await alive._instance._beat(heart)
        assert names(await alive.claim_awake()) == ["a", "b"]
        assert await alive.claim("c") is Claim.OURS
        assert names(await alive.claim_due(10.0)) == ["d"]
        with pytest.raises(LeaseLost):
            await dead.append([Entry("a", [started(1.0)])])
        assert not await dead.claim_awake()
        await alive.read("a")
        await alive.append([Entry("a", [started(2.0)])])
        assert [record.at for record in await alive.read("a")] == [0.0, 2.0]


def redefine(store, function, value):
    with asking(store) as connection:
        connection.execute(f"CREATE OR REPLACE FUNCTION {function} LANGUAGE sql AS 'SELECT {value}'")


@pytest.mark.usefixtures("silent")
async def test_postgres_what_the_dead_held_is_freed_some_with_each_beat(store):
    """However much that is: each beat puts the lease off, and none waits for all of it. A life later goes on with the rest."""
    async with running_journal(store) as alive:
        redefine(store, "batch_of(lease float8) RETURNS integer", "2")
        async with running_journal(store, loses_lease=True) as dead:
            await dead.append([first(f"t{number}") for number in range(5)])
            await alive._look(
                "UPDATE instances SET expires = clock_timestamp() WHERE number = %(it)s RETURNING 1", {"it": dead._me}
            )
            alive._instance._judges_from = -math.inf
            free = []
            for _ in range(2):
                before = alive._instance._until
                await alive._instance._beat(alive._instance._connection)
                assert alive._instance._until > before
                free.append((len(await alive.claim_awake()), alive._instance._more))
            with pytest.raises(LeaseLost):
                await dead.append([Entry("t4", [started(1.0)])])
        assert free == [(2, True), (2, True)]
        assert alive.leases == LeaseFigures(taken_over=1, tasks_taken_over=5)
        async with running_journal(store) as beginner:
            assert names(await beginner.claim_awake()) == ["t4"]
            assert not beginner._instance._more
        assert await alive._look("SELECT count(*) FROM gone") == [(0,)]  # he held nothing any more when he left


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize(("gone", "taken"), [(True, ["t"]), (False, [])])
async def test_postgres_the_first_start_after_a_long_stop_takes_over_at_once(store, gone, taken):
    async with running_journal(store, loses_lease=True) as dead:
        await dead.append([first("t")])
        redefine(store, "nobody_since(silent timestamptz) RETURNS boolean", gone)
        await dead._look("UPDATE instances SET expires = clock_timestamp() - interval '1 year' RETURNING 1")
        async with running_journal(store) as beginner:
            assert names(await beginner.claim_awake()) == taken


async def test_postgres_somebody_may_still_come_back_where_a_connection_is_from_before_he_fell_silent(store):
    async with running_journal(store) as journal:
        mine = "datname = current_database() AND backend_type = 'client backend'"
        oldest = f"(SELECT min(backend_start) FROM pg_stat_activity WHERE {mine})"
        [known] = await journal._look(f"SELECT nobody_since({oldest}), nobody_since({oldest} + interval '1 us')")
        assert known == (True, False)


@pytest.mark.usefixtures("silent")
async def test_postgres_a_clock_of_the_server_that_jumps_costs_nobody_his_lease(store):
    async with running_journal(store) as one, running_journal(store) as other:
        judge, link = one._instance, one._instance._connection
        judge._judges_from = -math.inf

        async def beat_as_if_it_had_jumped(seconds):
            judge._told = attrs.evolve(judge._told, at=judge._told.at - seconds)
            await judge._beat(link)

        await one._look(
            "UPDATE instances SET expires = clock_timestamp() WHERE number = %(it)s RETURNING 1", {"it": other._me}
        )
        with structlog.testing.capture_logs() as logs:
            await beat_as_if_it_had_jumped(3600)
            await judge._beat(link)
            await beat_as_if_it_had_jumped(-3600)
            await judge._beat(link)
        assert [(line["event"], round(line["seconds"])) for line in logs] == [
            ("server_clock_jumped", 3600),
            ("server_clock_jumped", -3600),
        ]
        assert await one.lives(other._me)
        assert one.lease_held
        judge._judges_from = -math.inf  # later
        await judge._beat(link)
        assert not await one.lives(other._me)


@pytest.mark.usefixtures("silent")
async def test_postgres_a_clock_of_the_server_that_is_set_back_makes_no_lease_longer(store):
    async with running_journal(store) as one, running_journal(store) as other:
        it = {"it": other._me}
        later = "UPDATE instances SET expires = expires + interval '1 hour' WHERE number = %(it)s RETURNING 1"
        left = "SELECT extract(epoch FROM expires - clock_timestamp())::float8 FROM instances WHERE number = %(it)s"
        await one._look(later, it)
        judge, link = one._instance, one._instance._connection
        await judge._beat(link)
        [(seconds,)] = await one._look(left, it)
        assert seconds > LEASE_SECONDS
        judge._told = attrs.evolve(judge._told, at=judge._told.at + 3600)
        await judge._beat(link)
        [(seconds,)] = await one._look(left, it)
        assert LEASE_SECONDS / 2 < seconds <= LEASE_SECONDS


@pytest.mark.parametrize("seconds", [0.5, 2.5, 1000.0])
async def test_a_heart_beats_often_enough_for_its_own_lease_and_for_those_of_others(seconds):
    address = StoreAddress(server="", shown="", lease_seconds=seconds)
    tick = Instance(address, Links(address, connect), Health(address.shown))._tick
    assert tick <= min(seconds / 5, 0.5)  # so that others are found dead within a second
    assert tick + 2 * address.patience_seconds < seconds  # two that are not answered are followed by a third


GONE = "the store postgresql://h/d is unavailable: "
CHECK = "check that the server runs and can be reached, the database, the user and its password"


async def test_a_server_that_is_away_is_logged_once_for_each_reason_and_once_more_when_it_is_back(
    autojump_clock, monkeypatch
):
    address = StoreAddress(server="", shown="postgresql://h/d", lease_seconds=10)
    instance = Instance(address, Links(address, connect), Health(address.shown))
    opened = iter(["", "gone", "gone", "silent", "", "", "silent", "gone", ""])

    class Link:
        def abandon(self):
            pass

    async def seek(_instance):
        match next(opened, "over"):
            case "gone":
                raise psycopg.OperationalError("no\nroute")
            case "silent":
                await trio.sleep_forever()
            case "over":
                instance.lose(LeaseLost("over"))
        return Link()

    beats = iter([True, False] * 20)

    async def beat(_instance, _connection):
        await trio.lowlevel.checkpoint()
        if not next(beats):
            raise psycopg.OperationalError("cut")

    async def look(_links, _connection):
        pass

    monkeypatch.setattr(Instance, "_open", seek)
    monkeypatch.setattr(Instance, "_beat", beat)
    monkeypatch.setattr(Links, "look", look)
    with structlog.testing.capture_logs() as logs:
        await instance.run()
    assert [(line["event"], line.get("error")) for line in logs] == [
        ("store_unavailable", f"{GONE}no route; {CHECK}"),
        ("store_unavailable", f"{GONE}its server does not answer"),
        ("store_available", None),
        ("store_unavailable", f"{GONE}its server does not answer"),
        ("store_unavailable", f"{GONE}no route; {CHECK}"),
        ("store_available", None),
    ]
    assert {line["store"] for line in logs} == {"postgresql://h/d"}


async def test_postgres_a_clock_that_is_not_the_servers_is_logged_once_each_time(postgres_store, monkeypatch):
    address, wall = StoreAddress.parse(postgres_store), SystemClock.wall
    await prepare(address)
    instance = Instance(address, Links(address, connect), Health(address.shown))
    await instance.register(keys_from_file=False)
    with structlog.testing.capture_logs() as logs:
        for off in (0, 60, 60, 0, -60, 60):
            monkeypatch.setattr(SystemClock, "wall", lambda clock, off=off: wall(clock) + off)
            await instance._beat(instance._connection)
    assert [(line["event"], round(line["ahead_seconds"])) for line in logs] == [
        ("clock_differs", 60),
        ("clock_differs", -60),
    ]
    await instance.leave()


async def test_postgres_who_ends_while_its_heart_beats_ends_its_lease(store, monkeypatch):
    """Others need not wait for it to run out, and a store whose keys are to be changed is not in use any more."""
    monkeypatch.setattr(instance, "_LONGEST_TICK", 0.0)
    journal = await PostgresJournal.open(StoreAddress.parse(store))
    registered = trio.Event()
    waits = "SELECT FROM pg_locks WHERE pid = %s AND NOT granted"
    with asking(store) as administrator:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.run, registered.set)
            await registered.wait()
            with administrator.transaction():
                administrator.execute("SELECT FROM instances FOR UPDATE")
                heart = journal._instance._connection.backend
                while not administrator.execute(waits, [heart]).fetchall():  # noqa: ASYNC110 - the server says it
                    await trio.sleep(0.001)
                nursery.cancel_scope.cancel()
        await journal.close()
        assert administrator.execute("SELECT name FROM instances").fetchall() == []


async def test_who_was_silent_itself_takes_nobody_for_dead_before_others_can_have_connected(autojump_clock):
    address = StoreAddress(server="", shown="", lease_seconds=10)
    instance = Instance(address, Links(address, connect), Health(address.shown))
    instance._answered, instance._judges_from = trio.current_time(), -math.inf

    async def beat(after):
        await trio.sleep(after)
        knows = instance._knows_of_others(trio.current_time())
        instance._answered = trio.current_time()
        return knows

    assert [await beat(0.5) for _ in range(10)] == [True] * 10
    assert await beat(3) is True
    assert await beat(9.6) is False  # less than a lease, but the leases of others may have run out meanwhile
    assert [await beat(0.5) for _ in range(10)] == [False] * 9 + [True]
    assert await beat(20) is False


async def test_an_instance_begins_once_a_server_lets_it_and_says_so_until_then(autojump_clock, monkeypatch):
    answers = iter([psycopg.errors.ReadOnlySqlTransaction("no"), psycopg.errors.InsufficientPrivilege("no"), None])

    beginner = []

    class Link:
        async def execute(self, _statement, values):
            await trio.lowlevel.checkpoint()
            beginner.append(values[-1])
            answer = next(answers)
            if answer is not None:
                raise answer
            return self

        async def fetchone(self):
            await trio.lowlevel.checkpoint()
            return 7, None, None, False, 0.0

        def abandon(self):
            pass

    async def seek(_instance):
        await trio.lowlevel.checkpoint()
        return Link()

    address = StoreAddress(server="", shown="postgresql://h/d", lease_seconds=10)
    health = Health(address.shown)
    instance = Instance(address, Links(address, connect), health)
    monkeypatch.setattr(Instance, "_open", seek)
    with structlog.testing.capture_logs() as logs:
        await instance.register(keys_from_file=False)
    assert (instance.number, instance.held, health.trouble) == (7, True, None)
    assert beginner == [True, False, False]  # who finds no server is not the only one
    assert [line["event"] for line in logs] == ["store_unavailable"] * 2 + ["lease_begun", "store_available"]
    assert "read-only" in logs[0]["error"]
    assert logs[2]["instance"] == 7  # whoever reads of instance 7 elsewhere finds here which process that is
    assert logs[2]["name"].endswith(f":{os.getpid()}")


async def test_postgres_what_a_server_does_not_take_is_waited_with_and_who_asks_is_told(store, monkeypatch):
    async def full(*_arguments):
        await trio.lowlevel.checkpoint()
        raise psycopg.errors.DiskFull("could not extend file")

    async with running_journal(store) as journal:
        await journal.append([first("t")])
        assert journal.trouble is None
        with structlog.testing.capture_logs() as logs:
            with monkeypatch.context() as broken:
                broken.setattr(TrioConnection, "call", full)
                for number in (1, 2):
                    with pytest.raises(JournalUnavailable, match=r"run out of something \(could not extend file\)"):
                        await journal.append([first("u")])
                    assert journal.trouble.number == number
                assert "could not extend file" in journal.trouble.reason
                assert len(await journal.read("t")) == 1
            await journal.append([first("u")])
            assert journal.trouble is None
        assert [line["event"] for line in logs] == ["store_unavailable", "store_available"]


async def test_postgres_what_no_server_would_take_is_no_trouble_of_the_store(store, monkeypatch):
    async def refuse(*_arguments):
        await trio.lowlevel.checkpoint()
        raise psycopg.errors.UntranslatableCharacter("no such letter")

    async with running_journal(store) as journal:
        monkeypatch.setattr(TrioConnection, "call", refuse)
        with pytest.raises(JournalUnavailable, match="no such letter"):
            await journal.append([first("t")])
        assert journal.trouble is None
        monkeypatch.undo()


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


async def test_postgres_an_instance_of_the_version_before_commits_in_turn_with_others(store):
    async with running_journal(store) as journal, running_journal(store) as other:
        await journal.append([first("t", started(1.0))])
        before = "SELECT begin_commit(%(me)s, %(serial)s, 1)"  # what that version does first
        assert await other._look(before, {"me": other._me, "serial": 1}) == [(2,)]
        assert await journal.append([Entry("t", [started(2.0)])]) == 3
        assert await other._look(before, {"me": other._me, "serial": 2}) == [(3,)]
        with pytest.raises(JournalUnavailable, match="is there"):
            await other._look(before, {"me": other._me, "serial": 2})
        with pytest.raises(LeaseLost):
            await other._look(before, {"me": 77, "serial": 1})


@pytest.mark.usefixtures("silent")
async def test_postgres_an_instance_of_the_version_before_takes_over_from_the_dead(store):
    async with running_journal(store) as journal, running_journal(store, loses_lease=True) as dead:
        await dead.append([first("t")])
        await journal._look(
            "UPDATE instances SET expires = '-infinity' WHERE number = %(it)s RETURNING 1", {"it": dead._me}
        )
        before = "SELECT alive, dead, freed FROM renew_lease(%(me)s, 10.0, 'x')"  # what that version's heart does
        assert await journal._look(before, {"me": journal._me}) == [(True, [dead._me], 1)]
        assert names(await journal.claim_awake()) == ["t"]


async def test_postgres_a_commit_changes_no_row_that_every_other_changes_too(store, monkeypatch):
    """The server keeps all versions of such a row while anybody looks back (a backup), and each commit would go through them."""
    monkeypatch.setattr(instance, "_LONGEST_TICK", 1000.0)  # a heart that beats makes a version
    versions = (
        "SELECT xmin::text, ctid::text FROM instances UNION ALL SELECT xmin::text, ctid::text FROM floor ORDER BY 1, 2"
    )
    async with running_journal(store) as journal:
        await journal.append([first("t")])
        as_it_was = await journal._look(versions)
        for _ in range(3):
            await journal.append([Entry("t", [started(1.0)])])
        assert await journal._look(versions) == as_it_was
        await journal.append([first("u", standing=DONE)])
        assert await journal.collect(1.0) == 1  # what was stored last
        assert await journal.last_position() == 5


async def test_postgres_of_commits_only_the_last_are_kept(store, monkeypatch):
    async with running_journal(store) as journal:
        await journal.append([first("t")])
        journal._committer._serial = 995
        for _ in range(10):
            await journal.append([Entry("t", [started(1.0)])])
        journal._committer._serial = 2990
        for _ in range(20):
            await journal.append([Entry("t", [started(1.0)])])
        [(serials,)] = await journal._look("SELECT array_agg(serial ORDER BY serial) FROM commits")
        assert serials == [1, *range(996, 1000), *range(2991, 3011)]


@pytest.mark.parametrize("goes_on", [False, True])
async def test_postgres_an_instance_whose_server_has_lost_commits_begins_anew(store, goes_on):
    """As where a standby took the place of a server that had not sent it all: what is in memory is ahead of it."""
    async with running_journal(store) as other, running_journal(store, loses_lease=True) as journal:
        await journal.append([first("t")])
        assert await journal.append([Entry("t", [started(1.0)])]) == 2
        await other._look("DELETE FROM turns WHERE position = 2 RETURNING 1")
        await other._look("UPDATE floor SET position = 1 RETURNING 1")
        if goes_on:  # in what is then another's place
            assert await other.append([first("u", started(1.0))]) == 2
        journal._committer._hang_up()  # it seeks the server again
        with structlog.testing.capture_logs() as logs, pytest.raises(LeaseLost):
            await journal.append([Entry("t", [started(3.0)])])
        assert ("commits_lost", 2) in [(line["event"], line.get("position")) for line in logs]
        assert [type(record) for record in await other.read("t")] == [TaskSubmitted]


async def test_postgres_an_instance_goes_on_where_what_it_stored_last_was_deleted(store):
    async with running_journal(store) as other, running_journal(store) as journal:
        await journal.append([first("t")])
        journal._committer._hang_up()  # it seeks the server again
        assert await journal.append([first("u", standing=DONE)]) == 2
        journal.release(["u"])
        await journal._settled()
        assert await other.collect(1.0) == 1
        journal._committer._hang_up()  # it seeks the server again
        assert await journal.append([Entry("t", [started(1.0)])]) == 3


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
                    while len({one for one, _ in taken}) < 3:  # noqa: ASYNC110 - all are there before one goes on
                        await trio.sleep(0.001)

            async with trio.open_nursery() as nursery:
                for journal in (one, two, three):
                    nursery.start_soon(take, journal)
        everything = [name for _, page in taken for name in page]
        assert sorted(everything) == [f"t{number:03}" for number in range(100)]


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


async def test_postgres_the_commit_that_ends_a_task_lets_go_of_it(store):
    """Whoever has it still in memory takes hold of it again, if there is more to store, unless somebody else has."""
    async with running_journal(store) as journal, running_journal(store) as other:
        await journal.append([first(name) for name in "abcd"])
        ends = [Entry(name, [started(1.0)], DONE) for name in "abc"]
        await journal.append([*ends, first("e", standing=DONE), Entry("d", [started(1.0)])])
        assert await journal._look("SELECT id, owner FROM tasks ORDER BY id") == [
            *[(name, None) for name in "abc"],
            ("d", journal._me),
            ("e", None),
        ]
        assert await other.claim("a") is Claim.OURS
        await journal.append([Entry("b", [started(2.0)])])
        assert await other.claim("b") == journal._me
        with pytest.raises(NotHeld):
            await journal.append([Entry("a", [started(2.0)])])
        assert await journal.claim("a") == other._me
        assert await journal.claim("c") is Claim.OURS
        await journal.read("c")
        await journal.append([Entry("c", [started(2.0)])])
        journal.release(["b", "c", "e"])
        assert list(journal.held) == ["d"]
        assert await other.claim("c") is Claim.OURS or await claimed(other, "c")
        assert len(await other.read("a")) == 2


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
            if self is journal._committer._writer and connection in (useless or [connection]):
                useless.append(connection)
                raise psycopg.errors.InvalidSqlStatementName("it was forgotten")
            return await store_later(self, connection, *arguments)

        monkeypatch.setattr(Writer, "store", refused_on_the_first)
        journal.release(["t"])
        while not names(await other.claim_awake()):  # noqa: ASYNC110 - nobody says so
            await trio.sleep(0.05)
        assert len(useless) == 1


async def test_postgres_many_are_let_go_of_a_few_at_a_time_and_all_at_once_where_somebody_waits(
    postgres_store, monkeypatch
):
    freed, store_now = [], Writer.store

    async def noted(self, connection, serial, rows, *arguments):
        freed.append((len(rows.turns), *[len(one.tasks) for one in arguments]))
        return await store_now(self, connection, serial, rows, *arguments)

    async with running_journal(postgres_store) as journal:
        many = [f"t{number:02}" for number in range(40)]
        await journal.append([first("u"), *map(first, many)])
        monkeypatch.setattr(Writer, "store", noted)
        journal.release(many)
        await journal.append([Entry("u", [started(1.0)])])
        await journal._committer.settled()
        assert freed == [(1, 10), (0, 30)]
        assert names(await journal.claim_awake()) == many
        freed.clear()
        journal.release(many)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.append, [Entry("u", [started(2.0)])])
            assert await journal.claim("t39") is Claim.OURS
        assert freed[0] in ((1, 40), (0, 40))


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
    async with running_journal(store, records_format=RECORDS_FORMAT + 1) as new, running_journal(store) as old:
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
    heard, heard_by_one = [], []
    async with running_journal(store) as one, running_journal(store) as two:
        for signal in Signal:
            one.listen(signal, lambda signal=signal: heard_by_one.append(signal))
            two.listen(signal, lambda signal=signal: heard.append(signal))
        await heard_so_far(two, heard_by_one)
        await heard_so_far(one, heard)
        heard_by_one.clear()  # whoever begins to listen takes everything for heard
        heard.clear()
        await one.append([first("t", standing=RUNNING)])
        await heard_so_far(one, heard)
        assert not {Signal.NEWS, Signal.MAIL} & set(heard)  # nobody follows
        await two.follow(on=True)
        await one.append([Entry("t", [started(1.0)])])
        while Signal.NEWS not in heard:  # noqa: ASYNC110 - it is a function that is called
            await trio.sleep(0.005)
        await heard_so_far(two, heard_by_one)
        assert Signal.NEWS not in heard_by_one  # who does not follow
        assert await one.send(two._instance.number, 1, b"x", answer=False)
        while Signal.MAIL not in heard:  # noqa: ASYNC110 - as above
            await trio.sleep(0.005)
        assert [letter.body for letter in await two.fetch()] == [b"x"]
        assert not await two.fetch()


async def heard_so_far(sender, heard):
    """Wait until the other has heard a word of this one: whatever was said before it arrived before it."""
    while Signal.WORK in heard:
        heard.remove(Signal.WORK)
    while Signal.WORK not in heard:
        await sender.wake_others()
        await trio.sleep(0.005)
