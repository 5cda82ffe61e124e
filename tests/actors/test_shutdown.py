"""Phases, one deadline, and the names of what it cut."""

import math

import pytest
import trio

from actors import ChildSpec, Phase, ShutdownContext, infrastructure, open_supervisor
from tests.actors.messages import bye


async def forever(inbox):
    await trio.sleep_forever()


async def test_the_phases_in_order(autojump_clock):
    shutdown = ShutdownContext(10)
    async with open_supervisor("s", shutdown=shutdown):
        assert shutdown.phase is Phase.RUNNING
        assert shutdown.hard_deadline == math.inf
        shutdown.begin(bye("first"))
        assert shutdown.phase is Phase.DRAINING
        assert await shutdown.wait_draining() == bye("first")
    assert shutdown.phase is Phase.CLOSED


async def test_the_deadline_only_moves_earlier_and_the_first_reason_stands(autojump_clock):
    shutdown = ShutdownContext(10)
    shutdown.begin(bye("first"))
    shutdown.begin(bye("second"), 60)
    assert shutdown.hard_deadline == 10
    shutdown.begin(bye("third"), 3)
    assert shutdown.hard_deadline == 3
    assert shutdown.reason == bye("first")


async def test_the_hard_deadline_cancels_the_block_and_names_the_children(autojump_clock):
    shutdown = ShutdownContext(4)
    specs = [ChildSpec(id=c, start=infrastructure(forever)) for c in "ab"]
    async with open_supervisor("s", specs, shutdown=shutdown):
        await trio.sleep(1)
        shutdown.begin(bye())
        await trio.sleep_forever()
    assert trio.current_time() == 5
    assert sorted(shutdown.cut) == ["s/a", "s/b"]
    assert shutdown.phase is Phase.CLOSED


async def test_an_impatient_second_begin_is_honoured_while_stopping(autojump_clock):
    shutdown = ShutdownContext(100)
    spec = ChildSpec(id="a", start=infrastructure(forever), stop_within=50)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hurry, shutdown)
        async with open_supervisor("s", [spec], shutdown=shutdown):
            await trio.sleep(1)
    assert trio.current_time() == 6
    assert shutdown.cut == ("s/a",)


async def hurry(shutdown):
    await trio.sleep(5)
    shutdown.begin(bye("now"), 1)


def test_a_negative_grace_is_refused():
    with pytest.raises(ValueError, match="0 or more"):
        ShutdownContext(-1)
