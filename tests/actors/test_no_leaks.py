"""Nothing is kept of a dead actor, a clean run says nothing, and ten times the children cost ten times the work."""

import gc
import subprocess
import sys
import weakref
from functools import partial

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors import Backoff, ChildSpec, Restart, RestartWindow, StopReason, Strategy, open_supervisor
from tests.actors.messages import Counter, Crash, Total, bye, soon


async def test_no_reference_to_a_dead_actor_is_kept():
    made = []

    def start(_incarnation):
        actor = Counter()
        made.append(weakref.ref(actor))
        return actor

    async with open_supervisor("s", [ChildSpec(id="c", start=start)]) as s:
        temporary = s.start_child(ChildSpec(id="t", start=start, restart=Restart.TEMPORARY))
        first = s.address_of("c")
        await first.ask(Total(), deadline=soon())
        first.post(Crash())
        await wait_all_tasks_blocked()
        await s.terminate_child("t", bye())
        gc.collect()
        assert first.stopped
        assert temporary.stopped
        assert [ref() is None for ref in made].count(True) == 2
    gc.collect()
    assert all(ref() is None for ref in made)


async def test_the_arguments_of_a_temporary_child_are_let_go():
    class Load:
        def __call__(self, _incarnation):
            return Counter()

    load = Load()
    gone = weakref.ref(load)
    async with open_supervisor("s") as s:
        s.start_child(ChildSpec(id="t", start=load, restart=Restart.TEMPORARY))
        del load
        await wait_all_tasks_blocked()
        gc.collect()
        assert gone() is None


async def test_many_children_that_come_and_go_leave_no_row():
    async with open_supervisor("s", strategy=Strategy.DYNAMIC) as s:
        for round_ in range(20):
            for n in range(20):
                s.start_child(ChildSpec(id=f"{round_}-{n}", start=lambda _: Counter(), restart=Restart.TEMPORARY))
            await wait_all_tasks_blocked()
            for child in s.children():
                await s.terminate_child(child.id)
        assert s.children() == ()
        assert len(s._table) == len(s._held) == len(s._incarnations._unspawned) == 0
        assert s._plan.idle


PROGRAM = """
import attrs, trio
from trio.testing import MockClock, wait_all_tasks_blocked
from actors import *
from tests.actors.messages import Add, Counter, Crash, Total
from tests.actors.test_supervisor import Log

@attrs.frozen
class Ended:
    exit: Exit[None]

class Owner(Actor[Ended]):
    async def started(self):
        for name in "xyz":
            self.children.start(name, trio.sleep_forever, report=Ended)
    @handles(Ended)
    def note(self, message: Ended) -> Effects: ...

async def main():
    log, timers = Log(), Timers(SystemClock())
    specs = [
        ChildSpec(id="timers", start=infrastructure(timers.run), stop_within=0),
        log.spec("a"),
        log.spec("b", handshake=True),
        ChildSpec(id="pool", start=nested(strategy=Strategy.DYNAMIC)),
        ChildSpec(id="owner", start=lambda _: Owner()),
    ]
    async with open_supervisor("s", specs, strategy=Strategy.REST_FOR_ONE) as s:
        s.start_child(log.spec("d"))
        for n in range(10):
            spec = ChildSpec(id=str(n), start=lambda _: Counter(), hibernate=n % 2 == 0)
            counter = s.nested("pool").start_child(spec)
            timers.arm_in(n, n, counter, Add())
            assert await counter.ask(Total(), deadline=trio.current_time() + 1) == 0
        await trio.sleep(5)
        s.nested("pool").address_of("3").post(Crash())
        s.address_of("a").post(Crash())
        await wait_all_tasks_blocked()
        await s.terminate_child("owner")
    with trio.move_on_after(1):
        async with open_supervisor("cancelled", specs[1:]):
            await trio.sleep_forever()
trio.run(main, clock=MockClock(autojump_threshold=0))
"""


def test_a_run_in_development_mode_is_silent():
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# --- ten times the children --------------------------------------------------------

WIDE = RestartWindow(limit=10**9, period_seconds=1)


def spec(n, *, hibernate):
    return ChildSpec(id=str(n), start=lambda _: Counter(), backoff=Backoff(first_seconds=0), hibernate=hibernate)


async def start_restart_stop(children, *, dynamic, hibernate):
    specs = [spec(n, hibernate=hibernate) for n in range(children)]
    strategy = Strategy.DYNAMIC if dynamic else Strategy.ONE_FOR_ONE
    async with open_supervisor("s", () if dynamic else specs, strategy=strategy, window=WIDE) as s:
        for one in specs if dynamic else ():
            s.start_child(one)
        await wait_all_tasks_blocked()
        for child in s.children():
            s.address_of(child.id).post(Crash())
        await wait_all_tasks_blocked()
        assert s.statistics().restarted == s.count().alive == children
        s.stop(StopReason.normal())


KINDS = [
    pytest.param({"dynamic": True, "hibernate": False}, id="dynamic"),
    pytest.param({"dynamic": False, "hibernate": False}, id="static"),
    pytest.param({"dynamic": True, "hibernate": True}, id="hibernating"),
]


def work(children, kind):
    """Count the lines that run and the built-in functions that are called, trio's too: the same on any machine."""
    count = 0

    def line(_frame, event, _argument):
        nonlocal count
        count += event == "line"
        return line

    def call(_frame, event, _argument):
        nonlocal count
        count += event == "c_call"

    before = sys.gettrace(), sys.getprofile()
    sys.settrace(line)
    sys.setprofile(call)
    try:
        trio.run(partial(start_restart_stop, children, **kind))
    finally:
        sys.settrace(before[0])
        sys.setprofile(before[1])
    return count


@pytest.mark.parametrize("kind", KINDS)
def test_ten_times_the_children_take_less_than_thirteen_times_the_work(kind):
    work(10, kind)
    assert work(1_000, kind) < 13 * work(100, kind)
