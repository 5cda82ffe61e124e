"""Timers and supervisors under a calendar that jumps: random steps against models of a few lines."""

import attrs
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from actors import (
    Actor,
    Backoff,
    ChildSpec,
    ChildState,
    Effects,
    Restart,
    RestartWindow,
    Strategy,
    Timers,
    VirtualClock,
    handles,
    infrastructure,
    open_supervisor,
)
from tests.actors.messages import Counter, Crash, bye
from tests.support.times import EPOCH

RECHECK = 2.0
patiently = settings(deadline=None)  # how long a run takes is the machine's affair
jumps = st.integers(-10_000, 10_000) | st.sampled_from([-1, 1, 10**6, -(10**6)])


def run(main, *args):
    trio.run(main, *args, clock=trio.testing.MockClock(autojump_threshold=0))


# --- timers ----------------------------------------------------------------------


@attrs.frozen
class Due:
    serial: int


class CountingClock(VirtualClock):
    """Counts how often the calendar is looked at: a storm would show."""

    looks = 0

    def wall(self):
        self.looks += 1
        return super().wall()


class Listener(Actor[Due]):
    def __init__(self, clock):
        self.clock_ = clock
        self.heard = {}

    @handles(Due)
    def hear(self, message: Due) -> Effects:
        assert message.serial not in self.heard, "fired twice"
        self.heard[message.serial] = (trio.current_time(), VirtualClock.wall(self.clock_))
        return None


KEYS = st.sampled_from("abc")
TIMER_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wall"), KEYS, st.integers(-5, 30)),
        st.tuples(st.just("monotonic"), KEYS, st.integers(0, 30)),
        st.tuples(st.just("disarm"), KEYS, st.just(0)),
        st.tuples(st.just("jump"), st.just(""), jumps),
        st.tuples(st.just("sleep"), st.just(""), st.integers(0, 12)),
        st.tuples(st.just("restart"), st.just(""), st.just(0)),
    ),
    max_size=30,
)


@patiently
@given(TIMER_STEPS, st.booleans())
def test_timers_are_neither_early_nor_lost_nor_a_storm_whatever_the_calendar_does(steps, hibernate):
    """The model: key -> (serial, kind, due). What is due fires once, a wall timer at the next look at the latest."""

    async def main():
        clock = CountingClock(EPOCH)
        timers, listener = Timers(clock, recheck_seconds=RECHECK), Listener(clock)
        specs = [
            ChildSpec(id="timers", start=infrastructure(timers.run), restart=Restart.PERMANENT, stop_within=0),
            ChildSpec(id="listener", start=lambda _: listener, hibernate=hibernate),
        ]
        armed, gone = {}, set()
        async with open_supervisor("s", specs, clock=clock) as s:
            target = s.address_of("listener")
            await wait_all_tasks_blocked()
            for serial, (step, key, number) in enumerate(steps):
                match step:
                    case "wall" | "monotonic":
                        gone.add(armed.pop(key, (None,))[0])
                        if step == "wall":
                            due = VirtualClock.wall(clock) + number
                            timers.arm(key, due, target, Due(serial))
                        else:
                            due = trio.current_time() + number
                            timers.arm_in(key, number, target, Due(serial))
                        armed[key] = (serial, step, due)
                    case "disarm":
                        assert timers.disarm(key) == (key in armed)
                        gone.add(armed.pop(key, (None,))[0])
                    case "jump":
                        clock.jump(number)
                    case "sleep":
                        await trio.sleep(number)
                    case "restart":
                        await s.terminate_child("timers", bye())
                        s.restart_child("timers")
                await wait_all_tasks_blocked()
                await see_what_fired(armed, listener, clock)
                assert len(timers) == len(armed)
            clock.jump(10**8)
            await trio.sleep(100)
            await see_what_fired(armed, listener, clock)
            assert not armed
            assert timers.statistics().fired == len(listener.heard)
            assert not gone & set(listener.heard)
            assert clock.looks <= 6 * len(steps) + 2 * trio.current_time() / RECHECK + 6 * len(listener.heard) + 20

    run(main)


async def see_what_fired(armed, listener, clock):
    """Take out of the model what was heard; what has been due for long enough must have been."""
    while True:
        for key, (serial, kind, due) in list(armed.items()):
            if serial in listener.heard:
                at, calendar = listener.heard[serial]
                assert (at if kind == "monotonic" else calendar) >= due, "fired early"
                assert kind == "wall" or at == due, "late without a reason"
                del armed[key]
        assert all(due > trio.current_time() for _, kind, due in armed.values() if kind == "monotonic"), "lost"
        jumped = [serial for serial, kind, due in armed.values() if kind == "wall" and due <= VirtualClock.wall(clock)]
        if not jumped:
            return
        await trio.sleep(RECHECK)  # a jump made them due: they fire at the next look
        await wait_all_tasks_blocked()
        assert set(jumped) <= set(listener.heard), "lost in a jump"


# --- supervisors -----------------------------------------------------------------

NAMES = "abcd"
GROUP_STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["crash", "end", "revive", "delete"]), st.sampled_from(NAMES)),
        st.tuples(st.just("jump"), jumps),
        st.tuples(st.just("wait"), st.integers(1, 20)),
    ),
    max_size=25,
)


@patiently
@given(st.sampled_from(list(Strategy)[:3]), GROUP_STEPS, st.booleans(), st.booleans())
def test_a_group_is_a_row_of_counters_whatever_the_calendar_does(strategy, steps, hibernate, slow):
    """The model: id -> (incarnation, up). A crash counts up whoever goes with it, and nothing else does."""

    async def main():
        clock = VirtualClock(EPOCH)
        wide = RestartWindow(limit=10**6, period_seconds=1)
        delay = Backoff(first_seconds=3, base_seconds=3, jitter=0) if slow else Backoff(base_seconds=0)
        specs = [
            ChildSpec(id=name, start=lambda _: Counter(), window=wide, backoff=delay, hibernate=hibernate)
            for name in NAMES
        ]
        model = dict.fromkeys(NAMES, (1, True))
        async with open_supervisor("s", specs, strategy=strategy, window=wide, clock=clock) as s:
            await wait_all_tasks_blocked()
            for step, what in steps:
                match step:
                    case "jump":
                        clock.jump(what)
                    case "wait":
                        await trio.sleep(what)
                    case _ if what in model:
                        number, up = model[what]
                        if step == "crash" and up:
                            s.address_of(what).post(Crash())
                            await wait_all_tasks_blocked()
                            for other in who_goes(strategy, model, what):
                                model[other] = (model[other][0] + 1, True)
                            await trio.sleep(4 if slow else 0)
                        elif step == "end":
                            await s.terminate_child(what)
                            model[what] = (number, False)
                        elif step == "revive" and not up:
                            s.restart_child(what)
                            model[what] = (number + 1, True)
                        elif step == "delete" and not up:
                            s.delete_child(what)
                            del model[what]
                await wait_all_tasks_blocked()
                up_state = ChildState.HIBERNATING if hibernate else ChildState.RUNNING
                assert {c.id: (c.incarnation, c.state is up_state) for c in s.children()} == model
        assert s.count().alive == 0

    run(main)


def who_goes(strategy, model, crashed):
    """The one that crashed and those of its group that are up."""
    for name, (_, up) in model.items():
        together = strategy is Strategy.ONE_FOR_ALL or (strategy is Strategy.REST_FOR_ONE and name > crashed)
        if name == crashed or (up and together):
            yield name
