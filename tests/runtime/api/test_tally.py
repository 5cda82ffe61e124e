"""How often all tasks are counted: as often as is asked, unless that takes long."""

import trio

from runtime.api.tally import Tally


class Counting:
    def __init__(self, seconds):
        self.seconds = seconds
        self.times = 0

    async def __call__(self):
        self.times += 1
        await trio.sleep(self.seconds)
        return (self.times,)


async def test_a_count_that_is_quick_is_always_fresh(autojump_clock):
    tally = Tally(Counting(0.05))
    assert [await tally.now() for _ in range(3)] == [(1,), (2,), (3,)]


async def test_a_count_that_takes_long_takes_up_a_small_part_of_the_time(autojump_clock):
    counting = Counting(2.0)
    tally = Tally(counting)
    end = trio.current_time() + 3600
    while trio.current_time() < end:
        [shown] = await tally.now()
        assert shown == counting.times
        await trio.sleep(1)
    assert 30 < counting.times <= 36


async def test_who_asks_while_somebody_counts_gets_what_they_count(autojump_clock):
    counting, got = Counting(2.0), []

    async def ask():
        got.append(await tally.now())

    tally = Tally(counting)
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask)
    assert got == [(1,)] * 5


async def test_a_count_that_fails_or_is_given_up_is_made_by_the_next(autojump_clock):
    counting = Counting(2.0)
    tally = Tally(counting)
    with trio.move_on_after(1):
        await tally.now()
    assert await tally.now() == (2,)
