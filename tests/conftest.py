"""What holds for every test: how long one takes depends on what else the machine does, and proves nothing.

What is drawn at random is drawn alike in every run: the examples of hypothesis, and in which order trio lets tasks run.
With ``UNDERSTUDY_TEST_SEED=7`` in the environment other orders are tried, and other examples, every time.

``pytest -p xdist -n 2`` has two processes share the tests, in any order: each has a PostgreSQL server of its own, and
whatever a test starts is where no other finds it, in its ``tmp_path`` or at a port that was free. A server that
``UNDERSTUDY_TEST_POSTGRES`` names is one for all, and some tests change it whole: name none for two processes.
"""

import gc
import os

import pytest
import structlog
import trio.testing
from hypothesis import HealthCheck, settings
from trio._core import _run as trio_run

from actors import VirtualClock
from tests.support.times import EPOCH

SEED = os.environ.get("UNDERSTUDY_TEST_SEED", "")

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds are started: the first compiles for all

settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=not SEED)
settings.load_profile("ours")


@pytest.hookimpl(wrapper=True)
def pytest_collection(session):
    """Look for no garbage in what is collected, not now and not later: it is large, and stays to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Have trio draw alike, and structlog be as nobody set it up, whichever tests ran before.

    Trio has no other way to be told. And what captures logs leaves structlog set up: from then on each traceback would be
    written with the values of all variables, for half a minute where they reach a whole runtime.
    """
    trio_run._r.seed(f"{SEED} {item.nodeid}")
    structlog.reset_defaults()


@pytest.fixture
def jumping_clock():
    """A clock of trio's that goes as the real one does, until it is told to `jump`: what has to take long does not."""
    return trio.testing.MockClock(rate=1)


@pytest.fixture
def clock():
    """A runtime's clock, whose time is that of trio's."""
    return VirtualClock(EPOCH)


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
