"""What holds for every test: how long one takes depends on what else the machine does, and proves nothing."""

import pytest
import trio.testing
from hypothesis import HealthCheck, settings

settings.register_profile("no_clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no_clock")


@pytest.fixture
def jumping_clock():
    """A clock of trio's that goes as the real one does, until it is told to `jump`: what has to take long does not."""
    return trio.testing.MockClock(rate=1)


@pytest.fixture(scope="session")
def postgres_url():
    """The address of a PostgreSQL server, which is started for the first test that asks for it."""
    from tests.support.postgres import server_url

    with server_url() as url:
        yield url


@pytest.fixture
def postgres_store(postgres_url):
    """The address of a store on it that nobody has used."""
    from tests.support.postgres import fresh_store

    with fresh_store(postgres_url) as store:
        yield store
