"""Crashes happen on a clock that jumps, but not while a thread writes: it would go round and round for days meanwhile."""

import pytest
import trio.testing


@pytest.fixture
def autojump_clock():
    """A clock that jumps once nothing has happened for a moment."""
    return trio.testing.MockClock(autojump_threshold=0.001)
