"""Rounds of several instances on one PostgreSQL store, which are killed, paused and cut off while they run tasks.

Each reaches the server over a link of its own (`tests.support.proxy`), in a process that does nothing else; so what an
instance is cut off by is what happens to links, besides a server that does not let it in.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import trio
from psycopg.sql import SQL, Identifier

from runtime.journal.keys import KeyRing, add_key
from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.upkeep import check
from tests.crash import ledger
from tests.crash.flow_life import flow_names
from tests.crash.kills import fork, wait_for, without_results
from tests.crash.life import ONCE, live_among_others, names, template_of
from tests.support.postgres import fresh_store
from tests.support.proxy import Link, Mode, place_of, through

LEASE_SECONDS = 1.5
RATE = 4
"""How much faster the clocks of a life go than the real one. Leases are the database's, and real."""

LONGEST_SECONDS = 600.0
"""How long at most, however busy the machine is."""

_LOOK_SECONDS = 0.1
_SHOWING_SECONDS = 2.0
"""How long those that have not ended get to write down where they stand."""

LAST_SECONDS = 60.0
"""How long it may take, once nobody disturbs any more, until all tasks are done."""


class _Instances:
    """The processes of one round, by the number of their slot; each logs in under a name of its own."""

    def __init__(self, url: str, begin: Callable[[int], None], count: int, links: "_Links") -> None:
        self._url = url
        self._links = links
        self._begin = begin
        self._lives: dict[int, int] = {}
        self._count = count

    def start(self, slot: int) -> None:
        self._lives[slot] = fork(lambda: self._begin(slot))

    def start_all(self) -> None:
        for slot in range(self._count):
            self.start(slot)

    def disturb(self, rng: random.Random) -> str:
        """Do something bad to one of them; give what it was."""
        slot = rng.randrange(self._count)
        kind = rng.choice(["kill", "kill", "pause", "pause", "refuse", "stop", *_SILENT, *_SILENT, Mode.SEVER])
        life = self._lives[slot]
        if wait_for(life, 0.0) is not None:  # it has seen all of its tasks through
            self.start(slot)
            return f"{slot} again"
        match kind:
            case "kill":
                os.kill(life, signal.SIGKILL)
                os.waitpid(life, 0)
                time.sleep(rng.choice([0.0, 0.0, LEASE_SECONDS * 1.2]))
                self.start(slot)
            case "pause":
                os.kill(life, signal.SIGSTOP)
                time.sleep(rng.uniform(0.1, 2.0) * LEASE_SECONDS)
                os.kill(life, signal.SIGCONT)
            case "refuse":
                with self.refused(slot):
                    time.sleep(rng.uniform(0.1, 2.0) * LEASE_SECONDS)
            case Mode.SEVER:
                self._links.set(slot, Mode.SEVER)
            case Mode():
                self._links.set(slot, kind)
                time.sleep(rng.choice([0.0, rng.uniform(0.1, 2.0)]) * LEASE_SECONDS)
                self._links.set(slot, Mode.OPEN)
            case _:
                os.kill(life, signal.SIGTERM)
                if wait_for(life, LAST_SECONDS) is None:
                    self.kill_all()
                    return f"{slot} {kind}: it did not leave"
                self.start(slot)
        return f"{slot} {kind}"

    @contextmanager
    def refused(self, slot: int) -> Iterator[None]:
        """Have the server cut an instance off, and let it in no more."""
        role = _role(slot)
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f"ALTER ROLE {role} NOLOGIN")
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [role])
        try:
            yield
        finally:
            with psycopg.connect(self._url, autocommit=True) as connection:
                connection.execute(f"ALTER ROLE {role} LOGIN")

    def wait_all(self, leases_begun: Callable[[], int]) -> Iterator[str]:
        """Wait until everybody has seen all tasks through; say what went wrong.

        A lease that is lost though nobody disturbs is the doing of a busy machine: then all get as long again.
        """
        running, begun, deadline = dict(self._lives), -1, 0.0
        last = time.monotonic() + LONGEST_SECONDS  # noqa: TID251 - what is waited for lives in real time
        while running:
            now = time.monotonic()  # noqa: TID251 - as above
            before, begun = begun, leases_begun()
            if begun > before:
                deadline = min(now + LAST_SECONDS, last)
            if now > deadline:
                break
            for slot, life in list(running.items()):
                status = wait_for(life, _LOOK_SECONDS)
                if status is not None:
                    del running[slot]
                if status:
                    yield f"instance {slot} ended with status {status}"
        for slot, life in running.items():
            os.kill(life, signal.SIGUSR1)
            yield f"instance {slot} (process {life}) did not end within {LAST_SECONDS:g} s"

    def kill_all(self) -> None:
        for life in self._lives.values():
            try:
                os.kill(life, signal.SIGKILL)
                os.waitpid(life, 0)
            except (ProcessLookupError, ChildProcessError):
                continue


def _role(slot: int) -> str:
    return f"slot{slot}"


def _as_role(store: str, slot: int, port: int) -> str:
    head, _, query = through(store, port).partition("?")
    rest = "&".join(one for one in query.split("&") if not one.startswith("user="))
    return f"{head}?{rest}&user={_role(slot)}"


_SILENT = (Mode.HOLE, Mode.STALL, Mode.SLOW)


class _Links:
    """Where the links of a round are told what to do: a process of their own, that ends with the block."""

    def __init__(self, ports: Sequence[int], orders: int) -> None:
        self.ports = ports
        self._orders = orders

    def set(self, slot: int, mode: Mode) -> None:
        os.write(self._orders, f"{slot} {mode}\n".encode())


@contextmanager
def _links(url: str, count: int) -> Iterator[_Links]:
    orders_in, orders_out = os.pipe()
    ports_in, ports_out = os.pipe()
    child = fork(lambda: trio.run(_be_links, url, count, orders_in, ports_out))
    try:
        with os.fdopen(ports_in, "rb", closefd=False) as told:
            ports = [int(port) for port in told.readline().split()]
        yield _Links(ports, orders_out)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for descriptor in (orders_in, orders_out, ports_in, ports_out):
            os.close(descriptor)


async def _be_links(url: str, count: int, orders: int, ports: int) -> None:
    links = [Link(place_of(url)) for _ in range(count)]
    async with trio.open_nursery() as nursery:
        for link in links:
            await nursery.start(link.run)
        os.write(ports, (" ".join(str(link.port) for link in links) + "\n").encode())
        told = b""
        stream = trio.lowlevel.FdStream(orders)
        while piece := await stream.receive_some(4096):
            *lines, told = (told + piece).split(b"\n")
            for line in lines:
                slot, mode = line.decode().split()
                links[int(slot)].set(Mode(mode))


def _leases_begun(connection: psycopg.Connection, store: str) -> int:
    query = SQL("SELECT last_value FROM {}.instances_number_seq").format(Identifier(StoreAddress.parse(store).schema))
    try:
        row = connection.execute(query).fetchone()
    except psycopg.errors.UndefinedTable:  # nobody has got that far
        return 0
    return 0 if row is None else int(row[0])


def _state_of(url: str, store: str) -> Iterator[str]:
    """Say what the store says of tasks that have not ended, and of who lives."""
    schema = StoreAddress.parse(store).schema
    for query in (
        "SELECT id, owner, state, awake, due, run, flow FROM {0}.tasks WHERE state NOT IN ('DONE', 'CANCELLED') OR awake",
        "SELECT number, name, expires - clock_timestamp() AS left, follows FROM {0}.instances",
        "SELECT number, receiver, sender, conversation, answer FROM {0}.mail",
        "SELECT pid, usename, application_name, state, query FROM pg_stat_activity WHERE usename LIKE 'slot%'",
    ):
        with psycopg.connect(url, autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
            yield from map(str, connection.execute(SQL(query).format(Identifier(schema))))


def prepare(url: str, count: int) -> None:
    """Make a login for every slot."""
    with psycopg.connect(url, autocommit=True) as connection:
        known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        for slot in range(count):
            if _role(slot) not in known:
                connection.execute(f"CREATE ROLE {_role(slot)} SUPERUSER LOGIN")


def run_round(url: str, folder: Path, seed: int, count: int) -> Sequence[str]:
    """Play one round in an empty folder, on a fresh store; give what went wrong."""
    rng = random.Random(seed)
    tasks, flows = names(rng.randint(8, 20)), flow_names(rng.randint(0, 6))
    keys = folder / "keys.json" if rng.random() < 0.5 else None
    if keys is not None:
        add_key(keys, "first")
    facts = folder / "ledger"
    began = time.time()  # noqa: TID251 - the lives share one calendar
    with fresh_store(url) as store, _links(url, count) as links:
        address = f"{store}&lease={LEASE_SECONDS}"

        def begin(slot: int) -> None:
            mine = tasks[slot::count]
            live_among_others(
                _as_role(address, slot, links.ports[slot]), keys, facts, tasks, mine, flows, began=began, rate=RATE
            )

        instances = _Instances(url, begin, count, links)
        disturbances = []
        try:
            instances.start_all()
            for _ in range(rng.randint(3, 8)):
                time.sleep(rng.uniform(0.0, 0.8))
                disturbances.append(instances.disturb(rng))
            wrong = [one for one in disturbances if "did not leave" in one]
            with psycopg.connect(url, autocommit=True) as connection:
                wrong += instances.wait_all(lambda: _leases_begun(connection, store))
            if wrong:
                time.sleep(_SHOWING_SECONDS)
                wrong += _state_of(url, store)
        finally:
            instances.kill_all()
        lines = ledger.read(facts)
        once = {(task, step) for task in tasks for name, step in ONCE if template_of(task).name == name}
        wrong += ledger.faults(lines, once)
        missing = {*tasks, *flows} - {line[1] for line in lines if line[0] == "accepted"}
        wrong += [f"{task} was never accepted" for task in sorted(missing)]
        wrong += without_results(tasks, lines)
        found = trio.run(check, StoreAddress.parse(store), None if keys is None else KeyRing.load(keys))
        wrong += found.problems
    return [", ".join(disturbances), *wrong] if wrong else []
