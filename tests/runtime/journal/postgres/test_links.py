"""Links that fall silent without being closed: noticed while the lease lasts, and nothing arrives late that would harm."""

import math
import os
import socket
from contextlib import asynccontextmanager, suppress

import psycopg
import pytest
import structlog
import trio

from runtime.journal.postgres import database, links
from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.driver import TrioConnection
from runtime.journal.postgres.journal import PostgresJournal
from runtime.journal.protocol import Entry, JournalUnavailable, LeaseLost, StoreUnusable
from runtime.journal.shared import Claim
from tests.support.journal_laws import TODO, first, names, started
from tests.support.postgres_journal import running_journal
from tests.support.proxy import Mode, link_to, through

LEASE_SECONDS = 30.0
"""Longer than any pause of a busy machine; where it has to pass, it is made to."""

PATIENCE_SECONDS = 0.3


@pytest.fixture
def behind(postgres_store, monkeypatch):
    """Open a journal behind a link of its own. It asks early whether there will be an answer."""
    monkeypatch.setattr(StoreAddress, "patience_seconds", PATIENCE_SECONDS)

    @asynccontextmanager
    async def opened(**options):
        async with (
            link_to(postgres_store) as link,
            running_journal(f"{through(postgres_store, link.port)}&lease={LEASE_SECONDS}", **options) as journal,
        ):
            yield link, journal

    return opened


def lose_connections(link):
    """Have all connections that there are lead nowhere from now on; new ones are good."""
    link.set(Mode.HOLE)
    link.set(Mode.OPEN)


async def test_postgres_links_that_lead_nowhere_are_replaced_while_the_lease_lasts(behind):
    async with behind() as (link, journal):
        await journal.append([first("t")])
        await journal.read("t")
        me = journal._instance.number
        lose_connections(link)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.append, [Entry("t", [started(1.0)])])
            nursery.start_soon(refused_or_done, journal.read, "t")
        assert [record.at for record in await journal.read("t")] == [0.0, 1.0]
        assert journal.lease_held
        assert (journal._instance.number, journal.leases.lost) == (me, 0)


async def refused_or_done(ask, *arguments):
    with suppress(JournalUnavailable):
        await ask(*arguments)


@pytest.mark.parametrize("mode", [Mode.HOLE, Mode.STALL])
async def test_postgres_links_that_are_silent_for_longer_than_the_lease_lose_it_and_nothing_arrives_late(
    behind, postgres_store, mode
):
    async with (
        running_journal(postgres_store) as other,
        behind(loses_lease=True) as (link, journal),
    ):
        other._instance._judges_from = -math.inf  # it has been there for a while
        await journal.append([first("t"), first("u")])
        await journal.read("t")
        link.set(mode)
        refusals = []

        async def append():
            try:
                await journal.append([Entry("t", [started(1.0)]), first("late", standing=TODO)])
            except LeaseLost as refusal:
                refusals.append(refusal)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(append)
            assert not await other.claim_awake()
            assert journal.lease_held
            while not (page := await other.claim_awake()):  # a beat that was on its way may have put it off
                await let_a_lease_pass(journal, other)
                await trio.sleep(0.02)
            assert names(page) == ["t", "u"]
            assert not journal.lease_held
            await other.read("t")
            await other.append([Entry("t", [started(2.0)])])
            with structlog.testing.capture_logs() as logs:
                link.set(Mode.OPEN)
                while not refusals:  # noqa: ASYNC110 - the other task says so
                    await trio.sleep(0.01)
        [lost] = [line for line in logs if line["event"] == "lease_lost"]
        assert (lost["log_level"], lost["tasks"]) == ("error", 2)
        assert lost["silent_seconds"] > LEASE_SECONDS
        assert [record.at for record in await other.read("t")] == [0.0, 2.0]
        assert names(await other.tasks()) == ["t", "u"]
        assert (journal.leases.lost, journal.leases.tasks_lost) == (1, 2)
        assert (other.leases.taken_over, other.leases.tasks_taken_over) == (1, 2)


async def let_a_lease_pass(journal, other):
    """Have it be later by a lease, for the journal as for the server."""
    instance = journal._instance
    instance._until -= LEASE_SECONDS
    values = {"it": instance.number, "seconds": LEASE_SECONDS}
    later = (
        "UPDATE instances SET expires = expires - make_interval(secs => %(seconds)s) WHERE number = %(it)s RETURNING 1"
    )
    await other._look(later, values)


async def test_postgres_links_that_are_cut_in_the_middle_of_a_message_lose_and_repeat_nothing(behind):
    async with behind() as (link, journal):
        await journal.append([first("t")])
        for number in range(1, 8):
            link.set(Mode.SEVER)
            await journal.append([Entry("t", [started(float(number))])])
        assert [record.at for record in await journal.read("t")] == [float(number) for number in range(8)]


async def test_postgres_links_a_claim_whose_answer_was_lost_is_found_again(behind, postgres_store):
    async with running_journal(postgres_store) as maker:
        await maker.append([first("a"), first("b"), first("c")])
        maker.release(["a", "b", "c"])
        await maker.read("a")
        async with behind() as (_link, journal):
            await journal.append([first("mine")])
            look = journal._reader.look

            async def answer_lost(text, values=()):
                await look(text, values)
                raise JournalUnavailable("the answer was lost")

            journal._reader.look = answer_lost
            with pytest.raises(JournalUnavailable):
                await journal.claim_awake()
            del journal._reader.look
            assert list(journal.held) == ["mine"]
            assert await maker.claim("a") == journal._instance.number
            assert names(await journal.claim_awake()) == ["a", "b", "c"]
            assert await journal.claim("a") is Claim.OURS
            assert not await journal.claim_awake()


async def test_postgres_links_that_are_cut_in_mid_message_with_locks_in_hand_hold_nobody_up(behind, postgres_store):
    async with running_journal(postgres_store), behind() as (_link, journal):
        await journal.append([first("t")])
        stuck = await journal._links.open()
        stuck.pgconn.enter_pipeline_mode()  # the server executes this, and waits for the rest of what it is to do
        stuck.pgconn.send_query_params(b"SELECT begin_commit($1, 1000000, 0)", [b"%d" % journal._me])
        stuck.pgconn.send_flush_request()
        stuck.pgconn.flush()
        stuck._waits_since = trio.current_time()
        locked = (
            "SELECT FROM pg_stat_activity WHERE pid = %(pid)s AND wait_event = 'ClientRead' AND xact_start IS NOT NULL"
        )
        while not await journal._look(locked, {"pid": stuck.backend}):  # noqa: ASYNC110 - the server says it
            await trio.sleep(0.01)
        await journal.append([first("u")])
        assert stuck.closed
        assert journal.leases.lost == 0


async def test_postgres_links_that_were_cut_are_not_sure_until_the_server_has_dropped_its_end(postgres_store):
    async with running_journal(postgres_store) as journal, journal._pool.connection() as connection:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cut_once_it_asks, connection)
            with pytest.raises(psycopg.OperationalError):
                await connection.execute("SELECT pg_sleep(60)")  # whose answer the server tries to send only then
        assert not journal._links.sure
        while not journal._links.sure:  # noqa: ASYNC110 - whoever beats the heart sees to it
            await trio.sleep(0.01)
        at_work = "SELECT FROM pg_stat_activity WHERE pid = %(pid)s"
        assert not await journal._look(at_work, {"pid": connection.backend})


async def cut_once_it_asks(connection):
    while connection.asked_at is None:  # noqa: ASYNC110 - nobody says so
        await trio.sleep(0.01)
    with socket.socket(fileno=os.dup(connection.pgconn.socket)) as link:
        link.shutdown(socket.SHUT_RDWR)


async def test_postgres_links_an_answer_that_is_lost_takes_no_letter_along_and_brings_none_twice(
    postgres_store, monkeypatch
):
    execute, lost = TrioConnection.execute, iter([True, False, True])

    async def answer_lost(self, query, *arguments, **options):
        cursor = await execute(self, query, *arguments, **options)
        if "FROM mail" in str(query) and next(lost, False):
            raise psycopg.OperationalError("the answer was lost")
        return cursor

    async with running_journal(postgres_store) as sender, running_journal(postgres_store) as journal:
        for number in range(3):
            assert await sender.send(journal._me, number, b"x", answer=False)
        monkeypatch.setattr(TrioConnection, "execute", answer_lost)
        for _ in range(2):
            with pytest.raises(JournalUnavailable):
                await journal.fetch()
        assert [letter.conversation for letter in await journal.fetch()] == [0, 1, 2]
        assert not await journal.fetch()


async def test_postgres_links_that_lead_nowhere_when_a_store_is_opened_are_said_to(postgres_store, monkeypatch):
    monkeypatch.setattr(TrioConnection, "cancel_within", 0.2)
    async with link_to(postgres_store) as link:
        store = StoreAddress.parse(through(postgres_store, link.port))
        await (await PostgresJournal.open(store)).close()
        monkeypatch.setattr(database, "_ANSWER_SECONDS", 0.3)
        version = database._version

        async def unanswered(*arguments):
            link.set(Mode.HOLE)
            return await version(*arguments)

        monkeypatch.setattr(database, "_version", unanswered)
        with pytest.raises(StoreUnusable, match="its server has not answered"):
            await PostgresJournal.open(store)


async def test_postgres_links_that_lead_nowhere_while_the_tables_are_made_hold_nobody_up(
    mock_clock, postgres_store, monkeypatch
):
    mock_clock.rate = 1
    monkeypatch.setattr(database, "_IDLE_SECONDS", 1)
    async with link_to(postgres_store) as link, trio.open_nursery() as nursery:
        version, asked, locked = database._version, 0, trio.Event()

        async def silent_with_the_lock_in_hand(connection, address):
            nonlocal asked
            asked += 1
            if asked == 2:
                link.set(Mode.HOLE)
                locked.set()
            return await version(connection, address)

        monkeypatch.setattr(database, "_version", silent_with_the_lock_in_hand)
        nursery.start_soon(cannot_be_opened, StoreAddress.parse(through(postgres_store, link.port)))
        await locked.wait()
        await (await PostgresJournal.open(StoreAddress.parse(postgres_store))).close()
        mock_clock.jump(database._ANSWER_SECONDS)
        await trio.testing.wait_all_tasks_blocked(0.05)
        mock_clock.jump(TrioConnection.cancel_within)


async def cannot_be_opened(store):
    with pytest.raises(StoreUnusable, match="its server has not answered"):
        await PostgresJournal.open(store)


async def test_postgres_links_that_nobody_watches_are_given_up_in_time(postgres_store, monkeypatch):
    monkeypatch.setattr(links, "_UNWATCHED_SECONDS", 0.3)
    monkeypatch.setattr(TrioConnection, "cancel_within", 0.2)
    async with link_to(postgres_store) as link:
        journal = await PostgresJournal.open(StoreAddress.parse(through(postgres_store, link.port)))
        link.set(Mode.HOLE)
        with pytest.raises(JournalUnavailable, match="has not answered"):
            await journal.read("t")
        link.set(Mode.OPEN)
        assert not await journal.read("t")
        await journal.close()


async def test_postgres_links_a_statement_that_takes_long_is_not_given_up(behind):
    async with behind() as (_link, journal):
        [(slept,)] = await journal._look(f"SELECT 1 FROM pg_sleep({PATIENCE_SECONDS * 5})")
        assert slept == 1
        assert journal.leases.lost == 0
