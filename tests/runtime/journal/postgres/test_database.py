"""What a store's database and its user have to be, its versions, and its keys."""

import sys
import uuid
from contextlib import contextmanager
from functools import partial

import attrs
import psycopg
import pytest
import structlog
import trio

from runtime.cache import Memo, Room
from runtime.engine.states import TaskState
from runtime.journal import queries
from runtime.journal.keys import KeyRing, add_key
from runtime.journal.listing import Wanted
from runtime.journal.opening import open_journal
from runtime.journal.postgres import database, store, upkeep
from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.journal import PostgresJournal
from runtime.journal.postgres.reader import Reader
from runtime.journal.postgres.schema import MIGRATIONS, NEWEST
from runtime.journal.protocol import Entry, JournalUnavailable, StoreUnusable
from tests.support.journal_laws import DONE, TODO, first, started
from tests.support.postgres_journal import running_journal


@pytest.fixture
def address(postgres_store):
    return StoreAddress.parse(postgres_store)


def execute(address, statement, *values):
    with psycopg.connect(address.server, autocommit=True, options=f"-c search_path={address.schema}") as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else None


async def test_postgres_database_is_made_once_by_whoever_comes_first(address):
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(database.prepare, address)
    assert execute(address, "SELECT count(*), max(version) FROM versions") == [(NEWEST, NEWEST)]


@pytest.mark.parametrize("version", range(1, NEWEST))
async def test_postgres_database_of_an_earlier_version_is_migrated(address, postgres_store, monkeypatch, version):
    with monkeypatch.context() as earlier:
        earlier.setattr(database, "MIGRATIONS", MIGRATIONS[:version])
        earlier.setattr(database, "NEWEST", version)
        await database.prepare(address)
    async with running_journal(postgres_store) as journal:
        await journal.append([first("t")])
        assert len(await journal.read("t")) == 1
    assert execute(address, "SELECT max(version) FROM versions") == [(NEWEST,)]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Wanted(template="rare"), "tasks_of_kind"),
        *[(Wanted(state=state), "tasks_not_done") for state in TaskState if state is not TaskState.DONE],
    ],
)
async def test_postgres_the_few_are_found_without_looking_at_the_many(address, wanted, index):
    await database.prepare(address)
    execute(address, "INSERT INTO templates VALUES ('', NULL, '')")
    execute(
        address,
        "INSERT INTO tasks SELECT n, n, '', NULL, 1, 'DONE', false, NULL, 1, n, 'DONE', 1, 'frequent', '', '', false, ''"
        " FROM generate_series(1, 2000) AS n",
    )
    execute(address, "ANALYZE tasks")
    query = queries.find(wanted, None, 100)
    plan = execute(address, f"EXPLAIN {query.text.replace('?', '%s')}", *query.values)
    assert f"using {index} on tasks" in "".join(line for (line,) in plan)


async def test_postgres_database_that_is_backed_up_is_migrated_afterwards_and_nobody_held_up_meanwhile(
    address, monkeypatch
):
    monkeypatch.setattr(database, "_LOCK_SECONDS", 0.2)
    monkeypatch.setattr(database, "_LOCK_AGAIN_SECONDS", 0.2)
    with monkeypatch.context() as earlier:
        earlier.setattr(database, "MIGRATIONS", MIGRATIONS[:1])
        earlier.setattr(database, "NEWEST", 1)
        await database.prepare(address)
    reads = "SELECT FROM mail"
    with structlog.testing.capture_logs() as logs, psycopg.connect(address.server) as backup:
        backup.execute(f"SELECT FROM {address.schema}.mail")  # and its transaction goes on
        async with trio.open_nursery() as nursery:
            nursery.start_soon(database.prepare, address)
            while sum(line["event"] == "migration_waits" for line in logs) < 2:
                await trio.to_thread.run_sync(execute, address, reads)  # which comes to an end, too
                await trio.sleep(0.01)
            assert execute(address, "SELECT max(version) FROM versions") == [(1,)]
            backup.rollback()
    assert {line["event"] for line in logs} == {"index_built", "migration_waits"}
    assert execute(address, "SELECT max(version) FROM versions") == [(NEWEST,)]


async def test_postgres_database_of_a_later_version_is_used_if_that_says_so(address, postgres_store):
    await database.prepare(address)
    execute(address, "INSERT INTO versions VALUES (%s, %s)", NEWEST + 1, NEWEST)
    async with running_journal(postgres_store) as journal:
        await journal.append([first("t")])
    execute(address, "INSERT INTO versions VALUES (%s, %s)", NEWEST + 2, NEWEST + 1)
    with pytest.raises(StoreUnusable, match="migrated by a later version"):
        await database.prepare(address)


async def test_postgres_server_is_told_to_give_a_silent_link_up_when_we_would(postgres_store):
    address = StoreAddress.parse(f"{postgres_store}&lease=12&options=-c%20tcp_keepalives_count%3D7")
    connection = await database.connect(address)
    cursor = await connection.execute("SELECT name, reset_val FROM pg_settings WHERE name ~ '^tcp_' ORDER BY name")
    assert await cursor.fetchall() == [
        ("tcp_keepalives_count", "7"),  # as the address says
        ("tcp_keepalives_idle", "3"),
        ("tcp_keepalives_interval", "1"),
        ("tcp_user_timeout", "6000"),
    ]
    connection.abandon()


async def test_postgres_database_without_a_store_is_said_to_have_none(address):
    with pytest.raises(StoreUnusable, match='there is none in the schema "'):
        await upkeep.check(address, None)


@contextmanager
def plain_user(url):
    """Give the name of a user that has no rights, and what makes an address that acts in its name."""
    name = f"u{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name}")
        try:
            yield name, lambda address: StoreAddress.parse(f"{url}&schema={address.schema}&options=-c%20role%3D{name}")
        finally:
            connection.execute(f"DROP OWNED BY {name} CASCADE")
            connection.execute(f"DROP ROLE {name}")


async def refusal(address):
    with pytest.raises(StoreUnusable) as refused:
        await PostgresJournal.open(address)
    return str(refused.value)


async def test_postgres_user_without_rights_is_told_which_and_who_gives_them(address, postgres_url):
    with plain_user(postgres_url) as (name, as_it):
        said = await refusal(as_it(address))
        assert "may not make a schema in this database" in said
        assert f"CREATE SCHEMA {address.schema} AUTHORIZATION" in said
        await database.prepare(address)
        assert f"permission denied for schema {address.schema})" in await refusal(as_it(address))
        execute(address, f"GRANT USAGE ON SCHEMA {address.schema} TO {name}")
        execute(address, f"GRANT SELECT ON ALL TABLES IN SCHEMA {address.schema} TO {name}")
        said = await refusal(as_it(address))
        assert f"{name} may not DELETE commits" in said
        execute(address, said.partition("has to say ")[2])
        journal = await PostgresJournal.open(as_it(address))
        await journal.close()


async def test_postgres_user_who_may_use_the_tables_may_use_those_that_a_migration_adds(
    address, postgres_url, monkeypatch
):
    with plain_user(postgres_url) as (name, as_it):
        with monkeypatch.context() as earlier:
            earlier.setattr(database, "MIGRATIONS", MIGRATIONS[:5])
            earlier.setattr(database, "NEWEST", 5)
            await database.prepare(address)
        execute(address, f"GRANT USAGE ON SCHEMA {address.schema} TO {name}")
        execute(address, f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {address.schema} TO {name}")
        await database.prepare(address)
        journal = await PostgresJournal.open(as_it(address))
        await journal.close()


async def test_postgres_schema_that_was_made_for_a_user_is_taken(address, postgres_url):
    with plain_user(postgres_url) as (name, as_it):
        with psycopg.connect(address.server, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {address.schema} AUTHORIZATION {name}")
        journal = await PostgresJournal.open(as_it(address))
        await journal.close()


async def test_postgres_server_that_is_read_only_is_refused_but_can_be_looked_at(address, postgres_store):
    read_only = StoreAddress.parse(f"{postgres_store}&options=-c%20default_transaction_read_only%3Don")
    assert "read-only" in await refusal(read_only)
    async with running_journal(postgres_store) as journal:
        await journal.append([first("t", standing=TODO)])
    assert "read-only" in await refusal(read_only)
    assert (await upkeep.check(read_only, None)).tasks == 1


async def test_postgres_what_an_administrator_set_for_others_does_not_matter(postgres_store):
    settings = {
        "statement_timeout": "1",
        "lock_timeout": "1",
        "default_transaction_isolation": "serializable",
        "extra_float_digits": "-10",
        "client_encoding": "latin1",
        "timezone": "Asia/Kathmandu",
        "bytea_output": "escape",
        "standard_conforming_strings": "off",
    }
    options = "%20".join(f"-c%20{name}%3D{value}" for name, value in settings.items())
    async with running_journal(f"{postgres_store}&options={options}") as journal:
        [(isolation,)] = await journal._look("SELECT current_setting('transaction_isolation')")
        assert isolation == "read committed"
        await journal._look("SELECT pg_sleep(0.02)")
        due = attrs.evolve(TODO, due=1732803745.1234567)
        await journal.append([first("語", standing=due)])
        [stored] = await journal.tasks()
        assert (stored.task_id, stored.standing.due) == ("語", 1732803745.1234567)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_postgres_database_that_cannot_hold_every_text_is_refused(postgres_url, encoding):
    name = f"d{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
        try:
            it = f"postgresql:///{name}?{postgres_url.partition('?')[2]}"
            assert f"its database is encoded as {encoding}" in await refusal(StoreAddress.parse(it))
        finally:
            connection.execute(f"DROP DATABASE {name}")


@pytest.mark.parametrize("cut", [False, True])
async def test_postgres_indexes_are_built_while_others_write_and_anew_if_that_was_cut(address, monkeypatch, cut):
    monkeypatch.setattr(database, "_LOCK_AGAIN_SECONDS", 0.1)
    with monkeypatch.context() as earlier:
        earlier.setattr(database, "MIGRATIONS", MIGRATIONS[:5])
        earlier.setattr(database, "NEWEST", 5)
        await database.prepare(address)
    execute(address, "INSERT INTO templates VALUES ('', NULL, '')")
    born = (
        "INSERT INTO tasks SELECT %s, %s, '', NULL, 1, 'DONE', false, NULL, 1, 1, 'DONE', 1, 'kind', '', '', false, ''"
    )
    refused = []

    async def prepare():
        try:
            await database.prepare(address)
        except StoreUnusable as refusal:
            refused.append(refusal)

    with psycopg.connect(address.server, options=f"-c search_path={address.schema}") as writer:
        writer.execute(born, [1, "1"])
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(prepare)
            building = (
                "SELECT pid FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%%' AND %s = ANY(pg_blocking_pids(pid))"
            )
            while not (found := execute(address, building, writer.info.backend_pid)):  # noqa: ASYNC110 - as it is
                await trio.sleep(0.01)
            execute(address, born, 2, "2")
            assert execute(address, "SELECT max(version) FROM versions") == [(5,)]
            if cut:
                execute(address, "SELECT pg_terminate_backend(%s)", *found[0])
                while not refused:  # noqa: ASYNC110 - the other one goes on
                    await trio.sleep(0.01)
            writer.commit()
    assert len(refused) == cut
    assert execute(address, "SELECT max(version) FROM versions") == [(NEWEST,)]
    usable = "SELECT count(*) FROM pg_index WHERE indrelid = 'tasks'::regclass AND NOT indisvalid"
    assert execute(address, usable) == [(0,)]


async def test_postgres_server_before_14_is_refused(address, monkeypatch):
    monkeypatch.setattr(database, "_OLDEST_SERVER", 10**6)
    assert "is on PostgreSQL before 14: upgrade the server" in await refusal(address)


async def test_postgres_pooler_that_lends_sessions_around_is_refused(address, monkeypatch):
    async def through_a_pooler(address, mark=""):
        connection = await connect(address, mark)
        connection.backend += 1  # a pooler gives numbers of its own
        return connection

    connect = database.connect
    monkeypatch.setattr(database, "connect", through_a_pooler)
    assert "name the server itself" in await refusal(address)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("unsupported startup parameter: options", "name the server itself"),
        ('unrecognized configuration parameter "tcp_user_timeout"', "before PostgreSQL 14"),
    ],
)
async def test_postgres_session_that_is_refused_for_its_settings_is_said_why(error, said):
    async def refuse(stream):
        await stream.receive_some()  # what the session is to be
        fields = b"".join(b"%b\0" % field for field in (b"SFATAL", b"C08P01", b"M" + error.encode())) + b"\0"
        await stream.send_all(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)

    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, refuse, 0, host="127.0.0.1")
        [listener] = await nursery.start(serve)
        port = listener.socket.getsockname()[1]
        modes = "sslmode=disable&gssencmode=disable"
        message = await refusal(StoreAddress.parse(f"postgresql://u@127.0.0.1:{port}/d?{modes}"))
        assert error in message
        assert said in message
        nursery.cancel_scope.cancel()


async def test_postgres_sealed_store_opens_with_its_keys_only_and_gets_another_while_it_is_used(
    address, postgres_store, tmp_path
):
    keys = tmp_path / "keys.json"
    add_key(keys, "first")
    async with running_journal(postgres_store, KeyRing.load(keys)) as journal:
        await journal.append([first("t", standing=TODO), first("u", standing=TODO)])
        assert b"title" not in execute(address, "SELECT body FROM turns WHERE position = 1")[0][0]
        with pytest.raises(StoreUnusable, match="give its key ring"):
            await upkeep.check(address, None)
        await journal.remember(Memo(b"m", b"title"), Room(), 0.0)
        assert b"title" not in execute(address, "SELECT body FROM memos")[0][0]
        add_key(keys, "second")
        assert await journal.reseal() == 4  # the turns, their template, and the memo
        assert await journal.recall(b"m", 0.0) == b"title"
        await journal.append([first("v", standing=TODO)])
        await journal.remember(Memo(b"n", b"more"), Room(), 0.0)
        assert len(await journal.read("v")) == 1
        assert execute(address, "SELECT count(*) FROM keys") == [(1,)]
        found = await upkeep.check(address, KeyRing.load(keys))
        assert (found.tasks, found.records, found.problems) == (3, 3, ())
        execute(address, "UPDATE memos SET until = 5.0 WHERE number = 1")
        [problem] = (await upkeep.check(address, KeyRing.load(keys))).problems
        assert problem.startswith("memo 1: ")
        assert "does not open" in problem


async def test_postgres_store_gets_another_key_while_an_instance_writes_that_has_not_looked_yet(
    address, postgres_store, tmp_path
):
    keys = tmp_path / "keys.json"
    add_key(keys, "first")
    async with running_journal(postgres_store, KeyRing.load(keys)) as journal:
        stored = 0
        await journal.append([first("t")])
        add_key(keys, "second")

        async def write():
            nonlocal stored
            while True:
                await journal.append([Entry("t", [started(1.0)])])
                await journal.remember(Memo(b"m", b"x"), Room(), 0.0)
                stored += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            assert await upkeep.rotate_keys(address, KeyRing.load(keys)) > 1
            while execute(address, "SELECT count(*) FROM keys") != [(1,)] or stored < 10:  # noqa: ASYNC110 - as it is
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
        assert len(await journal.read("t")) > stored
    found = await upkeep.check(address, KeyRing.load(keys))
    assert not any("open" in problem for problem in found.problems)


async def test_postgres_store_is_not_sealed_while_somebody_uses_it_who_has_no_key_file(
    address, postgres_store, tmp_path
):
    add_key(tmp_path / "keys.json", "first")
    ring = KeyRing.load(tmp_path / "keys.json")
    async with running_journal(postgres_store) as journal:
        await journal.append([first("t", standing=TODO)])
        with pytest.raises(StoreUnusable, match="did not read its keys from a file"):
            await upkeep.rotate_keys(address, ring)
    assert await upkeep.rotate_keys(address, ring) == 2
    assert not (await upkeep.check(address, ring)).problems


async def test_postgres_row_that_was_moved_does_not_open_and_is_found(address, postgres_store, tmp_path):
    add_key(tmp_path / "keys.json", "first")
    ring = KeyRing.load(tmp_path / "keys.json")
    async with running_journal(postgres_store, ring) as journal:
        await journal.append([first("t", standing=TODO), first("u", standing=TODO)])
        execute(address, "UPDATE turns SET body = (SELECT body FROM turns WHERE position = 2) WHERE position = 1")
        with pytest.raises(JournalUnavailable, match="does not open"):
            await journal.read("t")
        assert len(await journal.read("u")) == 1
    found = await upkeep.check(address, ring)
    assert len(found.problems) == 1
    assert "task t" in found.problems[0]


async def test_postgres_of_all_templates_only_those_of_the_tasks_that_were_deleted_are_looked_at(
    address, postgres_store, monkeypatch
):
    tried = 0

    async def beaten_to_it(self, text, values=()):
        nonlocal tried
        if text == store._FORGET_UNUSED:
            tried += 1
            if tried == 1:  # somebody begins to use one while it is deleted
                raise psycopg.errors.ForeignKeyViolation
        return await look(self, text, values)

    look = Reader.look
    async with running_journal(postgres_store) as journal:
        await journal.append([first("t", standing=DONE)])
        execute(address, "INSERT INTO templates (hash, body) VALUES ('other', '')")
        monkeypatch.setattr(Reader, "look", beaten_to_it)
        assert await journal.collect(1.0) == 1
    assert tried == 2
    assert execute(address, "SELECT convert_from(hash, 'UTF8') FROM templates") == [("other",)]


async def test_postgres_check_finds_what_is_missing(address, postgres_store):
    async with running_journal(postgres_store) as journal:
        await journal.append([first("t", standing=TODO)])
        assert not (await upkeep.check(address, None)).problems
        for at in (1.0, 2.0):
            await journal.append([Entry("t", [started(at)])])
    execute(address, "DELETE FROM turns WHERE position = 2")
    assert "and the next begin at 2" in "\n".join((await upkeep.check(address, None)).problems)


async def test_postgres_check_looks_at_a_few_at_a_time_and_finds_what_is_wrong_between_them(
    address, postgres_store, monkeypatch
):
    monkeypatch.setattr(upkeep, "_BATCH", 1)
    monkeypatch.setattr(upkeep, "_TURNS", 2)
    async with running_journal(postgres_store) as journal:
        for name in "abcde":
            await journal.append([first(name, standing=TODO)])
        await journal.append([Entry("a", [started(1.0), started(2.0)])])
    assert (await upkeep.check(address, None)).tasks == 5
    execute(address, "UPDATE turns SET records = 2 WHERE position IN (1, 2, 3, 4)")
    execute(address, "DELETE FROM tasks WHERE id = 'e'")
    found = await upkeep.check(address, None)
    text = "\n".join(found.problems)
    assert all(f"records from {at} reach to {at + 1}, and the next begin at {at + 1}" in text for at in (1, 2, 3, 4))
    assert "records from 5 are of no task" in text
    assert "task 1: its turns have 0 records up to 2, and the next begin at 1" in text
    assert found.tasks == 4


async def test_postgres_check_holds_no_look_at_the_store_for_longer_than_it_reads_a_few_tasks(
    address, postgres_store, monkeypatch
):
    monkeypatch.setattr(upkeep, "_BATCH", 2)
    looks, sessions, differences = [], [], upkeep.differences

    async def noted(address):
        sessions.append(await database.connect(address))
        return sessions[0]

    def looked(stored, records):
        since = "SELECT xact_start FROM pg_stat_activity WHERE pid = %s"
        looks.append((stored.task_id, execute(address, since, sessions[0].backend)[0][0]))
        return differences(stored, records)

    monkeypatch.setattr(upkeep, "connect", noted)
    monkeypatch.setattr(upkeep, "differences", looked)
    async with running_journal(postgres_store) as journal:
        for name in "abcd":
            await journal.append([first(name, standing=TODO)])
        assert not (await upkeep.check(address, None)).problems
    assert [name for name, _ in looks] == list("abcd")
    (_, one), (_, two), (_, three), (_, four) = looks
    assert one == two < three == four


async def test_postgres_an_empty_database_in_the_place_of_the_one_with_the_tasks_is_said_to_be_that(
    address, postgres_store
):
    async with running_journal(postgres_store) as journal:
        await journal.append([first("t", standing=TODO)])
        execute(address, f"ALTER SCHEMA {address.schema} RENAME TO {address.schema}_away")
        with pytest.raises(
            JournalUnavailable, match=r'"\w+" of its database is gone .*bring back the one that has the tasks'
        ):
            await journal.read("t")
        execute(address, f"ALTER SCHEMA {address.schema}_away RENAME TO {address.schema}")
        assert len(await journal.read("t")) == 1


async def test_postgres_without_its_driver_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "runtime.journal.postgres.driver", raising=False)
    with pytest.raises(StoreUnusable, match=r"pip install 'understudy\[postgres\]'"):
        await open_journal("postgresql:///x")
