"""What the follower looks at, and what it does when it cannot: it looks again, and nobody else has to wait for that."""

from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from runtime.engine.events import RunRequested
from runtime.engine.states import ResolutionState, TaskState
from runtime.journal.protocol import JournalUnavailable, Standing, standing_of
from runtime.work.broadcast import Broadcast
from runtime.work.following import Follower, NewsCame
from tests.support.plain_loop import Loop
from tests.support.plans import plan, step


async def away(*_arguments):
    raise JournalUnavailable("the store is away")


@pytest.mark.parametrize("look_up", [away, lambda _: stands()])
async def test_a_task_that_cannot_be_read_is_looked_at_again(look_up):
    broadcast = Broadcast()
    follower = Follower(SimpleNamespace(read=away, look_up=look_up), broadcast, None, None)
    with broadcast.waiter("t") as waiter:
        await follower._look_at("t")
        assert follower._unread == {"t"}
        assert not waiter.filled


async def stands():
    return SimpleNamespace(standing=Standing(ResolutionState.BLOCKED_FATAL))


@pytest.mark.parametrize(
    ("standing", "told"),
    [
        (Standing(ResolutionState.DONE), True),
        (Standing(ResolutionState.CANCELLED), True),
        (Standing(ResolutionState.CANCELLED, awake=True), False),
    ],
)
async def test_who_waits_for_a_task_that_only_a_later_version_can_read_is_told_once_it_has_ended(standing, told):
    async def look_up(_task_id):
        return SimpleNamespace(standing=standing)

    broadcast = Broadcast()
    follower = Follower(SimpleNamespace(read=away, look_up=look_up), broadcast, None, None)
    with broadcast.waiter("t") as waiter:
        await follower._look_at("t")
        assert waiter.filled is told


async def test_a_task_that_goes_on_elsewhere_is_not_read_whatever_is_stored_of_it():
    loop, read = Loop(plan(a=step())), []
    loop.tell(RunRequested(at=loop.now))

    async def records(_task_id):
        read.append(loop.task.state)
        return loop.records

    async def look_up(_task_id):
        return SimpleNamespace(standing=standing_of(loop.task))

    broadcast = Broadcast()
    follower = Follower(SimpleNamespace(read=records, look_up=look_up), broadcast, None, None)
    with broadcast.waiter(loop.task.header.task_id) as waiter:
        await follower._look_at(loop.task.header.task_id)
        assert not read
        loop.settle()
        await follower._look_at(loop.task.header.task_id)
        assert read == [TaskState.DONE]
        assert waiter.filled


async def test_nobody_is_told_of_a_task_that_is_in_memory_here_before_its_actor_knows():
    loop = Loop(plan(a=step()))
    loop.tell(RunRequested(at=loop.now))
    running = loop.task
    loop.settle()
    assert loop.task.at_rest
    broadcast = Broadcast()

    async def read(_task_id):
        return loop.records

    async def look_up(_task_id):
        return SimpleNamespace(standing=standing_of(loop.task))

    follower = Follower(SimpleNamespace(read=read, look_up=look_up), broadcast, None, None)
    broadcast.show(running)  # its actor still waits to hear that the end was stored
    with broadcast.waiter(running.header.task_id) as waiter:
        await follower._look_at(running.header.task_id)
        assert not waiter.filled
        broadcast.hide(running.header.task_id)  # it has left memory, and somebody else ended it
        await follower._look_at(running.header.task_id)
        assert waiter.filled


class Counted(Broadcast):
    looked = 0

    def awaits(self, task_id):
        self.looked += 1
        return super().awaits(task_id)


async def test_a_word_of_news_costs_the_same_however_many_are_waited_for(monkeypatch):
    """Nothing was stored of any of them; and once nobody waits for any, nothing is followed."""
    monkeypatch.setattr(Follower, "address", None)
    broadcast, followed = Counted(), []

    async def follow(*, on):
        followed.append(on)
        return 0

    async def foreign(position, *, limit):
        return (), (), position

    async def runs(_task_id):
        return SimpleNamespace(standing=Standing(ResolutionState.RUNNING, task=TaskState.RUNNING))

    journal = SimpleNamespace(held=(), follow=follow, foreign=foreign, look_up=runs)
    ignored = SimpleNamespace(heard=lambda: None, arm_in=lambda *_: None)
    follower = Follower(journal, broadcast, ignored, ignored)
    with ExitStack() as waiting:
        for number in range(2_000):
            waiting.enter_context(broadcast.waiter(str(number)))
        await follower.started()
        broadcast.looked = 0
        for _ in range(1_000):
            await follower.turn([NewsCame()])
        assert broadcast.looked <= 17 * 1_000
        assert followed == [True]
    for _ in range(200):
        await follower.turn([NewsCame()])
    assert followed == [True, False]
