"""The product of fault points and records, for one flow on PostgreSQL: each life is that of another instance."""

import math
from contextlib import contextmanager

import pytest
import trio
import trio.testing

from runtime.faults import FaultPoint
from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.driver import TrioConnection
from runtime.journal.postgres.journal import PostgresJournal
from tests.crash import flows
from tests.crash.flows import FLOWS
from tests.crash.test_product import crash_anywhere
from tests.support.postgres import fresh_store


class DyingJournal(PostgresJournal):
    """Nothing is stored once the world is over, and nobody says goodbye."""

    async def append(self, entries):
        if flows.WORLD.over:
            await trio.sleep_forever()
        return await super().append(entries)

    async def close(self):
        if flows.WORLD.over:
            self._closed = True
            self._instance.hang_up()
            self._pool.close()
        else:
            await super().close()


class Store:
    """One store, as each life opens it: after the one before was found dead."""

    def __init__(self, address):
        self._address = StoreAddress.parse(f"{address}&lease=1000")

    async def reopened(self):
        journal = await DyingJournal.open(self._address)
        await journal._look("SELECT leave(number, 'x') FROM instances")
        return journal


@pytest.fixture
async def time_passes(mock_clock, monkeypatch):
    """Time passes while nobody waits for the server: however slow that is on a busy machine, it takes no time."""
    asked = 0

    def counted(ask):
        async def asking(self, *arguments, timeout=None, **options):  # noqa: ASYNC109 - psycopg's
            nonlocal asked
            if timeout is not None:  # whoever waits for notifications has not asked for anything
                return await ask(self, *arguments, timeout=timeout, **options)
            asked += 1
            try:
                return await ask(self, *arguments, **options)
            finally:
                asked -= 1

        return asking

    async def jump():
        while True:
            await trio.testing.wait_all_tasks_blocked(0.001)
            seconds = trio.lowlevel.current_statistics().seconds_to_next_deadline
            if not asked and seconds < math.inf:
                mock_clock.jump(max(0.0, seconds))

    monkeypatch.setattr(TrioConnection, "open", classmethod(counted(TrioConnection.open.__func__)))
    monkeypatch.setattr(TrioConnection, "wait", counted(TrioConnection.wait))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(jump)
        yield
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("point", FaultPoint)
async def test_postgres_slow_a_crash_anywhere_ends_as_if_there_had_been_none(
    mock_clock, time_passes, postgres_url, point
):
    @contextmanager
    def stores():
        with fresh_store(postgres_url) as address:
            yield Store(address)

    await crash_anywhere(point, FLOWS["non_idempotent"], stores)
