"""Opening a store's database: its tables made or migrated, its keys known, and what its errors mean."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import psycopg
import trio
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from runtime.errors import Unavailable
from runtime.journal.codec import RecordUnreadable
from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.driver import TrioConnection
from runtime.journal.postgres.notes import IndexBuilt, MigrationWaits, note
from runtime.journal.postgres.schema import LEASE_LOST, MIGRATIONS, NEWEST
from runtime.journal.protocol import JournalUnavailable, LeaseLost, StoreUnusable, TaskUnreadable
from runtime.journal.vault import SealBroken, Vault

_OLDEST_SERVER: Final = 140_000
_MIGRATING: Final = 0x756E6473
"""The advisory lock that whoever migrates holds, with the hash of the schema's name: "unds"."""

_BUILDING: Final = 0x756E6462
"""Likewise that of whoever builds indexes for that: "undb"."""

_ANSWER_SECONDS: Final = 10.0
"""How long a server may take to say what it holds when a store is opened."""

_MIGRATING_SECONDS: Final = 900.0
"""How long it may take to migrate what a store holds, or to wait for somebody who does."""

_LOCK_SECONDS: Final = 1.0
_LOCK_AGAIN_SECONDS: Final = 2.0
"""How long migrating waits for a table that somebody reads (a backup, say), and how long it then lets others go on.

All who want the table wait behind whoever waits for it alone.
"""

_IDLE_SECONDS: Final = 2
"""How long a transaction may wait for its program, which may have been stopped with a lock in hand."""

_SETTINGS: Final = {
    "idle_in_transaction_session_timeout": f"{_IDLE_SECONDS}s",
    "jit": "off",  # our statements take a millisecond, and compiling one takes a second, where plans look dear
    "statement_timeout": "0",  # what takes too long is given up here, where it is known what it is
    "lock_timeout": "0",
    "default_transaction_isolation": r"read\ committed",  # which our statements are written for
    "extra_float_digits": "1",  # a time comes back as it was given
}
"""What our statements rely on, whatever an administrator has set for this user, or for all."""


async def connect(address: StoreAddress, mark: str = "") -> TrioConnection:
    """Open a connection that finds the tables of the store. The `mark` is in the name that the server shows for it."""
    given = conninfo_to_dict(address.server)
    timeouts = _timeouts(address.connect_seconds)
    ours = _as_options({"search_path": address.schema, **_SETTINGS})
    return await TrioConnection.open(
        address.server,
        timeouts,
        options=f"{_at_the_server(timeouts)} {given.get('options') or ''} {ours}",
        application_name=f"{given.get('application_name') or 'understudy'} {mark}".strip(),
        client_encoding="UTF8",
    )


def _timeouts(seconds: float) -> Mapping[str, str]:
    """Say when our kernel gives a silent link up, as far as it counts that finely."""
    return {
        "connect_timeout": str(max(2, math.ceil(seconds))),
        "tcp_user_timeout": str(max(500, int(seconds * 1000))),
        "keepalives_idle": str(max(1, int(seconds / 2))),
        "keepalives_interval": str(max(1, int(seconds / 6))),
        "keepalives_count": "3",
    }


def _at_the_server(timeouts: Mapping[str, str]) -> str:
    """Say the same to the server, as options: what it holds for a machine that is gone must not outlast the lease."""
    names = {name: f"tcp_{name.removeprefix('tcp_')}" for name in timeouts if name != "connect_timeout"}
    return _as_options({theirs: timeouts[ours] for ours, theirs in names.items()})


def _as_options(settings: Mapping[str, str]) -> str:
    return " ".join(f"-c {name}={setting}" for name, setting in settings.items())


async def prepare(address: StoreAddress, *, create: bool = True) -> None:
    """Make the tables of the store, or migrate them, or see that they are what this version can use.

    Raises:
        StoreUnusable: with what is wrong, and what to do.
    """
    with explained(address):
        connection = await connect(address, "opens")
        try:
            await _check_server(connection, address)
            await _prepare(connection, address, create=create)
        finally:
            connection.abandon()


async def _check_server(connection: TrioConnection, address: StoreAddress) -> None:
    """See that a server is one that a store can be on, and that nobody stands in between who lends its sessions around."""
    if connection.info.server_version < _OLDEST_SERVER:
        raise StoreUnusable(f"the store {address.shown} is on PostgreSQL before 14: upgrade the server")
    with answering(address):
        cursor = await connection.execute("SELECT pg_backend_pid(), current_setting('server_encoding')")
        backend, encoding = await cursor.fetchone() or (0, "")
    if backend != connection.backend:
        raise StoreUnusable(f"the store {address.shown} cannot be opened: {_POOLED}")
    if encoding != "UTF8":
        raise StoreUnusable(
            f"the store {address.shown} cannot be opened: its database is encoded as {encoding}, which has no place for "
            "every text; make another for it: CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )


async def check_use(connection: TrioConnection, address: StoreAddress) -> None:
    """See that this user may do all that using a store comes to.

    Raises:
        StoreUnusable: it may not, or nobody may; what to do is said.
    """
    cursor = await connection.execute(_FORBIDDEN, {"schema": address.schema})
    read_only, user, forbidden = await cursor.fetchone() or (False, "", None)
    if read_only:
        raise StoreUnusable(f"the store {address.shown} cannot be used: {_READ_ONLY}")
    if forbidden:
        raise StoreUnusable(
            f"the store {address.shown} cannot be used: its user {user} may not {forbidden[0]}; whoever owns the tables "
            f"has to say GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {address.schema} TO {user}; "
            f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {address.schema} TO {user}"
        )


async def _prepare(connection: TrioConnection, address: StoreAddress, *, create: bool) -> None:
    with answering(address):
        version = await _version(connection, address)
    if version < NEWEST:  # however the link falls silent meanwhile, this ends, and so does what the server holds for us
        with answering(address, _MIGRATING_SECONDS if version else _ANSWER_SECONDS):
            if version:
                await _build_indexes(connection, address)
            while True:
                try:
                    await _migrate(connection, address, create=create)
                except psycopg.errors.LockNotAvailable:
                    note(MigrationWaits(address.shown, _LOCK_AGAIN_SECONDS))
                    await trio.sleep(_LOCK_AGAIN_SECONDS)
                else:
                    return


async def _build_indexes(connection: TrioConnection, address: StoreAddress) -> None:
    """Build the indexes that migrating takes, while others go on using the tables. This session is the one that may.

    Nobody waits for that in a statement: whoever builds one waits for all that have begun before.
    """
    claim = "SELECT WHERE pg_try_advisory_lock(%s, hashtext(%s))"
    while not await (await connection.execute(claim, [_BUILDING, address.schema])).fetchall():  # noqa: ASYNC110 - another session has it
        await trio.sleep(_LOCK_AGAIN_SECONDS)
    for migration in MIGRATIONS[await _version(connection, address) :]:
        for index in migration.indexes:
            name, *_ = index.split()
            unfinished = "SELECT FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid"
            if await (await connection.execute(unfinished, [name])).fetchall():  # somebody was cut in building it
                await connection.execute(f"DROP INDEX CONCURRENTLY {name}".encode())
            note(IndexBuilt(address.shown, name))
            await connection.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index}".encode())


async def _migrate(connection: TrioConnection, address: StoreAddress, *, create: bool) -> None:
    schema = Identifier(address.schema)
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_MIGRATING, address.schema])
        version = await _version(connection, address)
        if version == 0:
            if not create:
                raise StoreUnusable(
                    f'the store {address.shown} cannot be opened: there is none in the schema "{address.schema}" of its '
                    "database; its address names another with ?schema="
                )
            await _make_schema(connection, address)
        await connection.execute(SQL("SET LOCAL search_path TO {}").format(schema))
        await connection.execute(SQL("SET LOCAL lock_timeout TO {}").format(int(_LOCK_SECONDS * 1000)))
        for number, migration in enumerate(MIGRATIONS[version:], version + 1):
            made = [f"CREATE INDEX IF NOT EXISTS {index};" for index in migration.indexes]
            await connection.execute("\n".join([*made, migration.script]).encode())
            await connection.execute("INSERT INTO versions VALUES (%s, %s)", [number, migration.usable_since])


async def _make_schema(connection: TrioConnection, address: StoreAddress) -> None:
    """Make the schema, unless somebody has: even to ask for it "if not exists" takes a right that few users have."""
    found = await connection.execute("SELECT FROM pg_catalog.pg_namespace WHERE nspname = %s", [address.schema])
    if await found.fetchone() is not None:
        return
    try:
        await connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(address.schema)))
    except psycopg.errors.InsufficientPrivilege as fault:
        user = Identifier(connection.info.user).as_string(connection)
        raise StoreUnusable(
            f"the store {address.shown} cannot be made: its user {user} may not make a schema in this database; whoever "
            f"may has to say CREATE SCHEMA {address.schema} AUTHORIZATION {user}"
        ) from fault


async def _version(connection: TrioConnection, address: StoreAddress) -> int:
    """Give the version of the tables; 0 where there are none, and `NEWEST` for a later one that can be used all the same."""
    place = SQL("{}.versions").format(Identifier(address.schema))
    # Read from the catalogue itself: what `to_regclass` remembers may be from before the wait for the lock.
    found = "SELECT FROM pg_catalog.pg_tables WHERE schemaname = %s AND tablename = 'versions'"
    if not await (await connection.execute(found, [address.schema])).fetchall():
        return 0
    cursor = await connection.execute(SQL("SELECT max(version), max(usable_since) FROM {}").format(place))
    version, usable_since = await cursor.fetchone() or (0, 0)
    if version > NEWEST and usable_since > NEWEST:
        raise StoreUnusable(
            f"the store {address.shown} was migrated by a later version of understudy (its tables are of version "
            f"{version}, this one knows {NEWEST}): use that version, or a copy from before"
        )
    return min(int(version), NEWEST)


async def key_numbers(connection: TrioConnection) -> Mapping[bytes, int]:
    """Give the store's numbers of keys, by fingerprint."""
    cursor = await connection.execute("SELECT fingerprint, number FROM keys")
    return {bytes(fingerprint): number for fingerprint, number in await cursor.fetchall()}


async def renew_key(connection: TrioConnection, vault: Vault, numbers: dict[bytes, int]) -> None:
    """Have a number for the key that is to seal now, which the file of the ring may have changed. Updates `numbers`."""
    primary = vault.refresh(trio.current_time())
    if primary is not None:
        insert = "INSERT INTO keys (fingerprint) VALUES (%s) ON CONFLICT DO NOTHING"
        await connection.execute(insert, [primary.fingerprint])
        numbers.update(await key_numbers(connection))
        vault.settle()


@contextmanager
def explained(address: StoreAddress) -> Iterator[None]:
    """Turn the errors of opening into what they mean."""
    try:
        yield
    except psycopg.Error as fault:
        raise StoreUnusable(f"the store {address.shown} cannot be opened: {_meaning(fault)}") from fault


@contextmanager
def answering(address: StoreAddress, seconds: float | None = None) -> Iterator[None]:
    """Wait for a server as long as one that is there may take: not long, where it is asked something simple, as usually.

    Raises:
        StoreUnusable: it took longer.
    """
    seconds = _ANSWER_SECONDS if seconds is None else seconds
    with trio.move_on_after(seconds) as patience:
        yield
    if patience.cancelled_caught:
        raise StoreUnusable(
            f"the store {address.shown} cannot be opened: its server has not answered for {seconds:g} s; check the "
            "network between here and there"
        )


@contextmanager
def serving(address: StoreAddress) -> Iterator[None]:
    """Turn the errors of reading and writing into what they mean."""
    try:
        yield
    except psycopg.Error as fault:
        raise unavailable(address, fault) from fault
    except (RecordUnreadable, SealBroken) as fault:
        raise TaskUnreadable(f"the store {address.shown} holds what cannot be read: {fault}") from fault


class Unstorable(JournalUnavailable):
    """The server does not take this, whoever sends it; it takes other things."""


def unavailable(address: StoreAddress, fault: psycopg.Error) -> Unavailable:
    """Say what an error of reading or writing means."""
    if fault.sqlstate == LEASE_LOST:
        return LeaseLost("this instance was silent for too long: others have taken its tasks over")
    of_itself = isinstance(fault, psycopg.DataError | psycopg.IntegrityError)
    kind = Unstorable if of_itself else JournalUnavailable
    meaning = _meaning(fault)
    if isinstance(fault, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedFunction):
        meaning = (
            f'what was in the schema "{address.schema}" of its database is gone ({meaning}): if another server or database '
            "took its place, bring back the one that has the tasks, and all goes on; to begin with none, start this anew"
        )
    return kind(f"the store {address.shown} is unavailable: {meaning}")


def is_cut(fault: psycopg.Error, connection: TrioConnection | None) -> bool:
    """Say whether an error is about the link to the server, so that another one may do better."""
    return isinstance(fault, psycopg.OperationalError | psycopg.InterfaceError) and (
        connection is None or connection.closed or connection.broken
    )


def _meaning(fault: psycopg.Error) -> str:
    text = fault.diag.message_primary or " ".join(str(fault).split())  # without the statement, which is ours
    match fault:
        case psycopg.OperationalError() if "unsupported startup parameter" in text:
            return f"{text}: {_POOLED}"
        case psycopg.OperationalError() if "unrecognized configuration parameter" in text:
            return f"{text}: it is of before PostgreSQL 14, or that is misspelt in ?options="
        case psycopg.OperationalError() if any(sign in text for sign in _CROWDED):  # nobody connected has no SQLSTATE
            return f"{text}: an instance needs seven connections; let the server have more, or end some"
        case psycopg.Error(sqlstate=str(state)) if state.startswith(_SHORT_OF_SOMETHING):
            return f"the server has run out of something ({text}); it goes on by itself once there is more"
        case psycopg.errors.InsufficientPrivilege() | psycopg.errors.InvalidAuthorizationSpecification():
            return f"the server does not let this user do that ({text}); check the user and its rights"
        case psycopg.OperationalError():
            return f"{text}; check that the server runs and can be reached, the database, the user and its password"
        case psycopg.errors.ReadOnlySqlTransaction():
            return _READ_ONLY
        case psycopg.errors.DataError():
            return f"there is no place in it for a text with a NUL character or half a surrogate ({text})"
        case _:
            return f"{type(fault).__name__}: {text}"


_CROWDED: Final = ("too many clients", "too many connections", "connection slots are reserved")
_SHORT_OF_SOMETHING: Final = "53"
"""The class of errors (SQLSTATE) of a server that lacks disk, memory or connections."""

_READ_ONLY: Final = "the server is read-only, a standby perhaps; name the one that can be written"
_POOLED: Final = "a pooler (PgBouncer, say) stands before the server, and instances need sessions of their own; name the server itself"
_FORBIDDEN: Final = """
SELECT current_setting('transaction_read_only')::boolean, quote_ident(current_user),
       (SELECT array_agg(format('%%s %%s', verb, tablename) ORDER BY tablename, verb)
        FROM pg_catalog.pg_tables, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS verb
        WHERE schemaname = %(schema)s AND tablename <> 'versions'
          AND NOT has_table_privilege(format('%%I.%%I', schemaname, tablename), verb))
       || (SELECT array_agg(format('EXECUTE %%s', proname) ORDER BY proname)
           FROM pg_catalog.pg_proc JOIN pg_catalog.pg_namespace ON pg_namespace.oid = pronamespace
           WHERE nspname = %(schema)s AND NOT has_function_privilege(pg_proc.oid, 'EXECUTE'))
"""
