"""How often all tasks are counted: as often as is asked, unless that takes long."""

import trio

from runtime.api.tally import Tallied, Tally


class Counting:
    def __init__(self, seconds):
        self.seconds = seconds
        self.times = 0

    async def __call__(self):
        self.times += 1
        counted = (self.times,)
        await trio.sleep(self.seconds)
        return counted


async def test_a_count_that_is_quick_is_always_fresh(autojump_clock):
    tally = Tally(Counting(0.05))
    assert [await tally.now() for _ in range(3)] == [Tallied((1,)), Tallied((2,)), Tallied((3,))]


async def test_a_count_that_takes_long_takes_up_a_small_part_of_the_time_and_says_how_old_it_is(autojump_clock):
    counting = Counting(2.0)
    tally = Tally(counting)
    end = trio.current_time() + 3600
    ages = set()
    while trio.current_time() < end:
        tallied = await tally.now()
        assert tallied.counts == (counting.times,)
        ages.add(round(tallied.age))
        await trio.sleep(1)
    assert 30 < counting.times <= 36
    assert ages == set(range(100))


async def asking(tally, *times):
    """Ask at each of these times, and give what was answered, in the order in which it was asked."""
    got = {}

    async def ask(number, seconds):
        await trio.sleep(seconds)
        got[number] = (await tally.now()).counts[0]

    async with trio.open_nursery() as nursery:
        for number, seconds in enumerate(times):
            nursery.start_soon(ask, number, seconds)
    return [got[number] for number in range(len(times))]


async def test_who_asks_while_a_long_count_goes_on_gets_what_it_gives(autojump_clock):
    assert await asking(Tally(Counting(2.0)), 0, 1, 1, 1.9) == [1] * 4


async def test_all_who_ask_while_a_quick_count_goes_on_share_the_next_one(autojump_clock):
    """The one that goes on may have missed what they have just done; one for each of them would have them wait in line."""
    counting = Counting(0.05)
    assert await asking(Tally(counting), 0, 0.01, 0.02, 0.03) == [1, 2, 2, 2]
    assert counting.times == 2


async def test_a_count_that_fails_or_is_given_up_is_made_by_the_next(autojump_clock):
    counting = Counting(2.0)
    tally = Tally(counting)
    with trio.move_on_after(1):
        await tally.now()
    assert await tally.now() == Tallied((2,))


async def test_who_waits_for_a_count_that_is_given_up_makes_it(autojump_clock):
    counting = Counting(2.0)
    tally = Tally(counting)
    async with trio.open_nursery() as nursery:
        with trio.move_on_after(1):
            nursery.start_soon(asking, tally, 0.5, 0.6)
            await tally.now()
    assert counting.times == 2
