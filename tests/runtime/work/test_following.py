"""What the follower does when it cannot look: it looks again, and nobody else has to wait for that."""

from types import SimpleNamespace

import pytest

from runtime.journal.protocol import JournalUnavailable
from runtime.work.broadcast import Broadcast
from runtime.work.following import Follower


async def away(*_arguments):
    raise JournalUnavailable("the store is away")


@pytest.mark.parametrize("look_up", [away, lambda _: gone()])
async def test_a_task_that_cannot_be_read_is_looked_at_again(look_up):
    broadcast = Broadcast()
    follower = Follower(SimpleNamespace(read=away, look_up=look_up), broadcast, None, None)
    with broadcast.waiter("t") as waiter:
        await follower._look_at("t")
        assert follower._unread == {"t"}
        assert not waiter.filled


async def gone():
    return None
