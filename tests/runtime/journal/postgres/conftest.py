"""Every test here fails when it takes too long: what waits for a server may wait for ever."""

from functools import wraps
from inspect import iscoroutinefunction
from pathlib import Path

import trio

_SECONDS = 60


def pytest_collection_modifyitems(items):
    """Bound each test. An autouse fixture cannot: pytest-trio leaves those out that no test names."""
    for item in items:
        if item.path.parent == Path(__file__).parent and iscoroutinefunction(item.obj):
            item.obj = _in_time(item.obj)


def _in_time(test):
    @wraps(test)
    async def bounded(**values):
        with trio.fail_after(_SECONDS):
            await test(**values)

    return bounded
