"""Timers: due is due, on the right clock, exactly once."""

import trio

from actors import (
    Actor,
    ChildSpec,
    Restart,
    ShutdownContext,
    Timers,
    infrastructure,
    open_supervisor,
)
from tests.actors.messages import Add, bye
from tests.support.times import EPOCH


class Listener(Actor[Add]):
    def __init__(self):
        self.heard = []

    async def turn(self, batch):
        self.heard.extend((message.amount, trio.current_time()) for message in batch)


class Stage:
    """Timers and one listener under a supervisor."""

    def __init__(self, clock, *, capacity=1024, shutdown=None):
        self.timers = Timers(clock, shutdown=shutdown)
        self.listener = Listener()
        specs = [
            ChildSpec(id="timers", start=infrastructure(self.timers.run), restart=Restart.PERMANENT, stop_within=0),
            ChildSpec(id="listener", start=lambda _: self.listener, capacity=capacity),
        ]
        self.tree = open_supervisor("s", specs, clock=clock, shutdown=shutdown)

    async def __aenter__(self):
        self.supervisor = await self.tree.__aenter__()
        self.target = self.supervisor.address_of("listener")
        return self

    async def __aexit__(self, *exc):
        return await self.tree.__aexit__(*exc)


async def test_both_kinds_fire_when_due_and_in_order(clock, autojump_clock):
    async with Stage(clock) as stage:
        stage.timers.arm("w", EPOCH + 3, stage.target, Add(amount=3))
        stage.timers.arm_in("m", 2, stage.target, Add(amount=2))
        stage.timers.arm("past", EPOCH - 100, stage.target, Add(amount=0))
        stage.timers.arm_in("later", 40, stage.target, Add(amount=40))
        stage.timers.arm("far", EPOCH + 1000, stage.target, Add(amount=1000))
        await trio.sleep(2000)
        assert stage.listener.heard == [(0, 0.0), (2, 2.0), (3, 3.0), (40, 40.0), (1000, 1000.0)]
        assert stage.timers.statistics().fired == 5
        assert len(stage.timers) == 0


async def test_re_arming_replaces_and_disarming_forgets(clock, autojump_clock):
    async with Stage(clock) as stage:
        stage.timers.arm_in("a", 1, stage.target, Add(amount=1))
        stage.timers.arm("a", EPOCH + 5, stage.target, Add(amount=5))
        stage.timers.arm_in("b", 1, stage.target, Add(amount=2))
        assert stage.timers.disarm("b")
        assert not stage.timers.disarm("b")
        await trio.sleep(100)
        assert stage.listener.heard == [(5, 5.0)]


async def test_arming_something_earlier_wakes_the_sleeper(clock, autojump_clock):
    async with Stage(clock) as stage:
        stage.timers.arm_in("late", 100, stage.target, Add(amount=100))
        await trio.sleep(10)
        stage.timers.arm_in("soon", 1, stage.target, Add(amount=1))
        await trio.sleep(5)
        assert stage.listener.heard == [(1, 11.0)]


async def test_a_jump_forward_fires_wall_timers_soon_and_leaves_monotonic_ones(clock, autojump_clock):
    async with Stage(clock) as stage:
        for n in range(1000):
            stage.timers.arm(n, EPOCH + 3600 + n, stage.target, Add(amount=n))
        stage.timers.arm_in("m", 3600, stage.target, Add(amount=-1))
        await trio.sleep(5)
        clock.jump(10_000)
        await trio.sleep(11)
        assert [amount for amount, _ in stage.listener.heard] == list(range(1000))
        await trio.sleep(3600)
        assert stage.listener.heard[-1] == (-1, 3600.0)


async def test_a_jump_back_makes_wall_timers_wait_for_the_calendar(clock, autojump_clock):
    async with Stage(clock) as stage:
        stage.timers.arm("w", EPOCH + 60, stage.target, Add(amount=1))
        await trio.sleep(30)
        clock.jump(-100)
        await trio.sleep(100)
        assert stage.listener.heard == []
        await trio.sleep(100)
        assert stage.listener.heard == [(1, 160.0)]


async def test_a_full_mailbox_defers_and_loses_nothing(clock, autojump_clock):
    class Stuck(Listener):
        async def turn(self, batch):
            await super().turn(batch)
            await trio.sleep(5)

    stage = Stage(clock, capacity=1)
    stage.listener = Stuck()
    async with stage:
        for n in range(4):
            stage.timers.arm_in(n, 1, stage.target, Add(amount=n))
        await trio.sleep(60)
        assert sorted(amount for amount, _ in stage.listener.heard) == [0, 1, 2, 3]
        assert stage.timers.statistics().deferred > 0


async def test_a_stopped_target_drops_its_timer(clock, autojump_clock):
    async with Stage(clock) as stage:
        stage.timers.arm_in("a", 5, stage.target, Add())
        await stage.supervisor.terminate_child("listener")
        await trio.sleep(10)
        assert stage.timers.statistics().dropped == 1


async def test_timers_are_quiet_once_a_shutdown_has_begun(clock, autojump_clock):
    shutdown = ShutdownContext(100)
    async with Stage(clock, shutdown=shutdown) as stage:
        stage.timers.arm_in("a", 5, stage.target, Add())
        shutdown.begin(bye())
        with trio.fail_after(20):
            await trio.sleep(10)
        assert stage.listener.heard == []
        assert len(stage.timers) == 1


async def test_a_restart_of_the_sleeper_loses_no_timer(clock, autojump_clock):
    async with Stage(clock) as stage:
        stage.timers.arm_in("a", 5, stage.target, Add())
        await stage.supervisor.terminate_child("timers")
        stage.supervisor.restart_child("timers")
        await trio.sleep(10)
        assert stage.listener.heard == [(1, 5.0)]
