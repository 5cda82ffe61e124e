"""The product of fault points and records, for one flow on PostgreSQL: each life is that of another instance."""

import pytest
import trio

from runtime.faults import FaultPoint
from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.journal import PostgresJournal
from tests.crash import flows
from tests.crash.flows import FLOWS, World
from tests.crash.test_product import live, submit_and_wait, with_a_person
from tests.support.postgres import fresh_store

_RATE = 50
"""How many seconds of a life pass in one of ours."""


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

    def __init__(self, address, clock):
        self._clock = clock
        self._address = StoreAddress.parse(f"{address}&lease=1000")  # of the virtual seconds of a life

    async def reopened(self):
        self._clock.rate = 1  # a busy machine takes its time to make tables
        journal = await DyingJournal.open(self._address)
        self._clock.rate = _RATE
        await journal._look("SELECT leave(number, 'x') FROM instances")
        return journal


@pytest.mark.parametrize("point", FaultPoint)
async def test_postgres_slow_a_crash_anywhere_ends_as_if_there_had_been_none(mock_clock, postgres_url, point):
    template = FLOWS["non_idempotent"]
    flows.WORLD = World()
    with fresh_store(postgres_url) as address:
        expected = await with_a_person(Store(address, mock_clock), template)
    crashes, survived = 0, False
    while not survived:
        flows.WORLD = World()
        crashes += 1
        with fresh_store(postgres_url) as address:
            store = Store(address, mock_clock)
            survived = await live(store, lambda rt: submit_and_wait(rt, template), point=point, nth=crashes)
            if not survived:
                assert await with_a_person(store, template) == expected, f"after crash {crashes}"
    assert crashes > 1
