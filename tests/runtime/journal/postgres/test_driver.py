"""psycopg under trio: everything that the journal uses of it."""

from functools import partial

import psycopg
import pytest
import trio
from psycopg.pq import Format, TransactionStatus

from runtime.journal.postgres.driver import TrioConnection
from runtime.journal.postgres.pool import Pool

WAITS_FOR = "SELECT wait_event FROM pg_stat_activity WHERE pid = %s"


@pytest.fixture
async def connection(postgres_url):
    connection = await TrioConnection.open(postgres_url)
    with trio.fail_after(30):
        yield connection
    await connection.close()


async def value(connection, query, *parameters):
    [row] = await (await connection.execute(query, parameters)).fetchall()
    return row[0]


async def cut_asleep(connection, url, work):
    """Cancel `work` once the server sleeps for it: one that has not begun is not ended by what it is sent."""
    other = await TrioConnection.open(url)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work)
        while await value(other, WAITS_FOR, connection.backend) != "PgSleep":  # noqa: ASYNC110 - the server says it
            await trio.sleep(0.001)
        nursery.cancel_scope.cancel()
    assert await value(other, "SELECT state FROM pg_stat_activity WHERE pid = %s", connection.backend) != "active"
    await other.close()


async def test_postgres_driver_statements_give_rows_and_prepared_ones_too(connection):
    for number in range(12):  # from the sixth on it is prepared
        assert await value(connection, "SELECT %s::int + 1", number) == number + 1


async def test_postgres_driver_calls_give_one_value_and_go_on_after_an_error_or_a_cancel(connection, postgres_url):
    text, binary = Format.TEXT, Format.BINARY
    for body, number in ((b"\x00\xff", b"7"), (bytearray(b"\x01"), b"-1"), (b"", None)):
        answer = await connection.call("SELECT $2::int || encode($1::bytea, 'hex')", [body, number], [binary, text])
        assert answer == (number and number + body.hex().encode())
    with pytest.raises(psycopg.errors.DivisionByZero):
        await connection.call("SELECT 1 / $1::int", [b"0"], [text])
    with pytest.raises(psycopg.errors.SyntaxError):
        await connection.call("SELEC $1::int", [b"0"], [text])
    await cut_asleep(connection, postgres_url, partial(connection.call, "SELECT pg_sleep($1::int)", [b"60"], [text]))
    async with connection.transaction():
        assert await connection.call("SELECT 1 / $1::int", [b"1"], [text]) == b"1"


async def test_postgres_driver_a_call_is_under_way_before_anybody_else_runs(connection):
    await connection.call("SELECT pg_sleep(0.02)", [], [])  # it is prepared

    async def look():
        under_way.append(connection.pgconn.transaction_status == TransactionStatus.ACTIVE)

    under_way = []
    for _ in range(10):  # who runs first is drawn
        async with trio.open_nursery() as nursery:
            nursery.start_soon(look)
            await connection.call("SELECT pg_sleep(0.02)", [], [])
    assert under_way == [True] * 10


async def test_postgres_driver_a_transaction_is_undone_as_a_whole(connection):
    await connection.execute("CREATE TEMPORARY TABLE t (n int)")

    async def fail():
        async with connection.transaction():
            await connection.execute("INSERT INTO t VALUES (1)")
            await connection.execute("SELECT 1/0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        await fail()
    async with connection.transaction():
        await connection.execute("INSERT INTO t VALUES (2)")
    assert await value(connection, "SELECT array_agg(n) FROM t") == [2]


async def test_postgres_driver_a_long_pipeline_of_large_values_does_not_lock_up(connection):
    text = "x" * 200_000
    async with connection.pipeline():
        cursors = [await connection.execute("SELECT %s::text", [text]) for _ in range(100)]
    assert [len((await cursor.fetchone())[0]) for cursor in cursors] == [len(text)] * 100


async def test_postgres_driver_large_values_come_back(connection):
    assert await value(connection, "SELECT %s::bytea", b"\x00\xff" * 2_500_000) == b"\x00\xff" * 2_500_000


async def test_postgres_driver_copy_streams_both_ways(connection):
    await connection.execute("CREATE TEMPORARY TABLE t (n int)")
    async with connection.cursor().copy("COPY t FROM STDIN") as copy:
        for number in range(1000):
            await copy.write_row([number])
    seen = 0
    async with connection.cursor().copy("COPY t TO STDOUT") as copy:
        async for _ in copy:
            seen += 1
    assert (seen, await value(connection, "SELECT sum(n) FROM t")) == (1000, 499_500)


async def test_postgres_driver_notifications_arrive_and_waiting_for_them_has_a_timeout(connection, postgres_url):
    await connection.execute("LISTEN news")
    assert [one async for one in connection.notifies(timeout=0.01)] == []
    other = await TrioConnection.open(postgres_url)
    await other.execute("SELECT pg_notify('news', 'a')")
    assert [one.payload async for one in connection.notifies(timeout=10, stop_after=1)] == ["a"]
    await other.execute("SELECT pg_notify('news', 'b')")
    await connection.execute("SELECT 1")
    assert [one.payload async for one in connection.notifies(timeout=10, stop_after=1)] == ["b"]
    await other.close()


async def test_postgres_driver_a_cancel_ends_the_statement_on_the_server_and_the_connection_goes_on(
    connection, postgres_url
):
    await cut_asleep(connection, postgres_url, partial(connection.execute, "SELECT pg_sleep(60)"))
    assert await value(connection, "SELECT 1") == 1


async def test_postgres_driver_a_cancel_that_comes_too_late_does_not_end_the_next_statement(connection):
    with trio.fail_after(30):
        for number in range(100):
            with trio.move_on_after(0.001 + number * 0.00002):
                await connection.execute("SELECT pg_sleep(0.002)")
            await connection.execute("SELECT pg_sleep(0.002)")


async def test_postgres_driver_a_call_goes_on_after_what_was_prepared_is_forgotten(connection):
    add = partial(connection.call, "SELECT $1::integer + 1", [b"1"], [Format.TEXT])
    assert await add() == b"2"
    async with connection.transaction(force_rollback=True):
        await connection.execute("SELECT 1", prepare=True)
    assert await add() == b"2"


async def test_postgres_driver_other_tasks_run_while_a_statement_does(connection, postgres_url):
    other = await TrioConnection.open(postgres_url)
    await other.execute("SELECT pg_advisory_lock(1)")

    async def let_it_end():
        waits = "SELECT FROM pg_locks WHERE pid = %s AND locktype = 'advisory' AND NOT granted"
        while not await (await other.execute(waits, [connection.backend])).fetchall():  # noqa: ASYNC110 - the server says it
            await trio.sleep(0.001)
        await other.execute("SELECT pg_advisory_unlock(1)")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(let_it_end)
        await connection.execute("SELECT pg_advisory_lock(1)")
    await other.close()


async def test_postgres_driver_a_link_that_is_cut_raises_its_own_error(connection, postgres_url):
    other = await TrioConnection.open(postgres_url)
    await other.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        await connection.execute("SELECT 1")
    await other.close()


async def test_postgres_driver_no_server_raises_its_own_error(tmp_path):
    with pytest.raises(psycopg.OperationalError):
        await TrioConnection.open(f"postgresql:///x?host={tmp_path}")


async def test_postgres_pool_lends_no_more_than_it_has_and_each_to_one_at_a_time(postgres_url):
    pool = Pool(lambda: TrioConnection.open(postgres_url), 2)
    lent, most, seen = 0, 0, set()

    async def use():
        nonlocal lent, most
        async with pool.connection() as connection:
            lent += 1
            most = max(most, lent)
            seen.add(await value(connection, "SELECT pg_backend_pid() FROM pg_sleep(0.01)"))
            lent -= 1

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(use)
    assert most == 2
    assert len(seen) == 2
    pool.close()


async def test_postgres_pool_replaces_what_broke(postgres_url):
    pool = Pool(lambda: TrioConnection.open(postgres_url), 1)

    async def use(statement):
        async with pool.connection() as connection, connection.transaction():
            await connection.execute(statement)
            raise ZeroDivisionError

    with pytest.raises(psycopg.OperationalError):
        await use("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(ZeroDivisionError):
        await use("SELECT 1")
    async with pool.connection() as connection:
        assert await value(connection, "SELECT 1") == 1
    pool.close()


async def test_postgres_pool_does_not_lend_what_the_server_has_ended_meanwhile(postgres_url):
    pool = Pool(lambda: TrioConnection.open(postgres_url), 2)
    async with pool.connection() as one, pool.connection() as another:
        ended = [one.backend, another.backend]
    async with await TrioConnection.open(postgres_url) as administrator:
        assert await value(
            administrator, f"SELECT count(pg_terminate_backend(pid, 5000)) FROM unnest(ARRAY{ended}) AS pid"
        )
    async with pool.connection() as connection:
        assert await value(connection, "SELECT pg_backend_pid()") not in ended
    pool.close()


async def test_postgres_pool_makes_do_with_fewer_while_the_server_has_no_room(postgres_url):
    opened, tried = 0, 0

    async def connect():
        nonlocal opened, tried
        tried += 1
        if opened == 1:
            await trio.lowlevel.checkpoint()
            raise psycopg.OperationalError("too many clients already")
        opened += 1
        return await TrioConnection.open(postgres_url)

    async def use():
        async with pool.connection() as connection:
            seen.append(await value(connection, "SELECT pg_backend_pid() FROM pg_sleep(0.01)"))

    pool, seen = Pool(connect, 4), []
    with trio.fail_after(30):
        await use()
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(use)
    assert len(seen) == 21
    assert len(set(seen)) == 1
    assert tried < 10  # and it does not ask all the time
    pool.clear()
    with pytest.raises(psycopg.OperationalError):
        await use()
    pool.close()
