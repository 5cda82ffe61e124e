"""An append is what its own task is given when it goes on."""

import pytest
import trio
from outcome import Error, Value

from runtime.journal.appends import Append
from runtime.journal.protocol import JournalUnavailable


class Keeper:
    abandoned = 0


async def told(result, keeper=None):
    """Wait for an append that comes to this, and is told so once its task waits."""
    append = Append((), keeper or Keeper())

    async def tell():
        append.result = result
        trio.lowlevel.reschedule(append.task, append)

    with trio.fail_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell)
            return await append.wait()


async def test_who_waits_is_given_the_position():
    assert await told(7) == 7


async def test_who_waits_hears_why_nothing_was_stored():
    with pytest.RaisesGroup(pytest.RaisesExc(JournalUnavailable, match="full")):
        await told(JournalUnavailable("full"))


async def test_who_was_cancelled_is_counted_and_waits_no_longer():
    keeper = Keeper()
    append = Append((), keeper)
    with trio.move_on_after(0) as scope:
        await append.wait()
    assert scope.cancelled_caught
    assert append.task is None
    assert keeper.abandoned == 1


@pytest.mark.parametrize("result", [3, JournalUnavailable("full")])
async def test_it_is_an_outcome_like_any_other(result):
    append = Append((), Keeper())
    append.result = result

    def other():
        return Error(result) if isinstance(result, Exception) else Value(result)

    def echo():
        try:
            yield (yield)
        except JournalUnavailable as refusal:
            yield str(refusal)

    async def aecho():
        try:
            yield (yield)
        except JournalUnavailable as refusal:
            yield str(refusal)

    async def said(one, another):
        gen, agen = echo(), aecho()
        next(gen)
        await anext(agen)
        both = one.send(gen), await another.asend(agen)
        gen.close()
        await agen.aclose()
        return both

    assert await said(append, append) == await said(other(), other())
