"""Every kind of restart against every kind of end; every strategy against every kind of trouble; every way to stop."""

import itertools
import math
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors import (
    Actor,
    Backoff,
    ChildSpec,
    ChildState,
    Effects,
    Exit,
    Restart,
    RestartWindow,
    ShutdownContext,
    StopKind,
    StopReason,
    Strategy,
    SupervisorFailed,
    handles,
    infrastructure,
    nested,
    open_supervisor,
)
from tests.actors.messages import Counter, Crash, bye
from tests.actors.test_supervisor import AT_ONCE, Log

ENDS = {
    "normal": StopReason.normal("it"),
    "shutdown": StopReason.shutdown("it"),
    "self cancelled": StopReason(kind=StopKind.CANCELLED),
    "error": None,
}
RESTARTED = {
    *itertools.product([Restart.PERMANENT], ENDS),
    (Restart.TRANSIENT, "error"),
}


class Ends(Actor[str]):
    async def turn(self, batch):
        end = ENDS[batch[0]]
        if end is None:
            raise ValueError(end)
        self.stop(end)


@pytest.mark.parametrize("hibernate", [False, True])
@pytest.mark.parametrize(("restart", "end"), list(itertools.product(Restart, ENDS)))
async def test_restart_kind_against_end_kind(restart, end, hibernate):
    spec = ChildSpec(id="c", start=lambda _: Ends(), restart=restart, hibernate=hibernate)
    async with open_supervisor("s", [spec]) as s:
        first = s.address_of("c")
        first.post(end)
        await wait_all_tasks_blocked()
        assert first.stopped is not None
        living = ChildState.HIBERNATING if hibernate else ChildState.RUNNING
        alive = [child.id for child in s.children() if child.state is living]
        assert alive == (["c"] if (restart, end) in RESTARTED else [])
        if restart is Restart.TEMPORARY:
            assert s.children() == ()


@pytest.mark.parametrize("hibernate", [False, True])
@pytest.mark.parametrize("restart", Restart)
async def test_an_end_that_was_asked_for_restarts_nothing(restart, hibernate):
    spec = ChildSpec(id="c", start=lambda _: Ends(), restart=restart, hibernate=hibernate)
    async with open_supervisor("s", [spec]) as s:
        await s.terminate_child("c", bye())
        await wait_all_tasks_blocked()
        assert s.count().alive == 0


@pytest.mark.parametrize("stop_within", [0, 3])
@pytest.mark.parametrize("restart", Restart)
async def test_a_child_that_is_cancelled_to_stop_is_not_restarted(autojump_clock, restart, stop_within):
    log = Log()
    spec = log.spec("c", lingers=10, stop_within=stop_within, restart=restart)
    async with open_supervisor("s", [spec]) as s:
        await wait_all_tasks_blocked()
        stopped = await s.terminate_child("c", bye())
        assert stopped.reason.kind is (StopKind.DEADLINE if stop_within else StopKind.SHUTDOWN)
        await wait_all_tasks_blocked()
        assert s.statistics().started == 1


@pytest.mark.parametrize("hibernate", [False, True])
@pytest.mark.parametrize("restart", Restart)
async def test_a_cancel_from_outside_restarts_nothing(autojump_clock, restart, hibernate):
    """Not even a child that fails while it is being cancelled."""

    class Fails(Actor[str]):
        async def turn(self, _batch):
            try:
                await trio.sleep_forever()
            finally:
                raise ValueError

    spec = ChildSpec(id="c", start=lambda _: Fails(), restart=restart, hibernate=hibernate)
    with trio.move_on_after(2):
        async with open_supervisor("s", [spec]) as s:
            c = s.address_of("c")
            c.post("normal")
            await trio.sleep_forever()
    assert s.statistics().started == 1
    assert (s.statistics().restarted, s.count().alive) == (0, 0)
    assert c.stopped.reason.kind is StopKind.ERROR


@pytest.mark.parametrize("hibernate", [False, True])
@pytest.mark.parametrize("restart", Restart)
@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
async def test_a_base_exception_ends_the_tree_whatever_the_restart_kind(restart, hibernate, error):
    specs = [ChildSpec(id=c, start=lambda _: Counter(), restart=restart, hibernate=hibernate) for c in "ab"]
    tree = open_supervisor("s", specs)
    s = await tree.__aenter__()
    await wait_all_tasks_blocked()
    a, b = s.address_of("a"), s.address_of("b")
    a.post(Crash(error=error(3)))
    with pytest.raises(BaseExceptionGroup) as caught:  # noqa: PT012 - the whole block is under test
        try:
            await trio.sleep_forever()
        except trio.Cancelled as cancelled:
            await tree.__aexit__(trio.Cancelled, cancelled, None)
            raise
    assert caught.group_contains(error)
    assert s.statistics().started == 2
    assert (a.stopped.reason.kind, b.stopped.reason.kind) == (StopKind.ERROR, StopKind.CANCELLED)


@asynccontextmanager
async def group(strategy, specs, **more):
    """Open a supervisor of these children; a DYNAMIC one is given them at run time."""
    dynamic = strategy is Strategy.DYNAMIC
    async with open_supervisor("s", () if dynamic else specs, strategy=strategy, **more) as s:
        for spec in specs if dynamic else ():
            s.start_child(spec)
        await wait_all_tasks_blocked()
        yield s


WHO_GOES = {
    Strategy.ONE_FOR_ONE: "b",
    Strategy.DYNAMIC: "b",
    Strategy.REST_FOR_ONE: "bc",
    Strategy.ONE_FOR_ALL: "abc",
}


@pytest.mark.parametrize("strategy", Strategy)
async def test_a_single_failure(strategy):
    log = Log()
    async with group(strategy, [log.spec(name) for name in "abc"]) as s:
        s.address_of("b").post(Crash())
        await wait_all_tasks_blocked()
        assert {child.state for child in s.children()} == {ChildState.RUNNING}
        assert "".join(child.id for child in s.children() if child.incarnation == 2) == WHO_GOES[strategy]


def flaky(log, child_id, failures):
    """Make a child whose incarnations 2, 3, ... fail at once, so many of them."""

    async def run(inbox):
        log.append(f"+{child_id}{inbox.address.incarnation}")
        if 1 < inbox.address.incarnation <= 1 + failures:
            raise OSError("not yet")
        async for batch in inbox:
            raise batch[0].error

    return ChildSpec(id=child_id, start=infrastructure(run), backoff=AT_ONCE)


@pytest.mark.parametrize("strategy", Strategy)
async def test_a_restart_that_fails_is_tried_again(strategy):
    log = Log()
    async with group(strategy, [log.spec("a"), flaky(log, "b", 3), log.spec("c")]) as s:
        s.address_of("b").post(Crash())
        await wait_all_tasks_blocked()
        assert {child.state for child in s.children()} == {ChildState.RUNNING}
        assert s.address_of("b").incarnation == 5


@pytest.mark.parametrize("strategy", Strategy)
async def test_a_sibling_that_fails_during_the_restart_is_restarted_too(strategy):
    log = Log()
    async with group(strategy, [log.spec("a"), log.spec("b"), flaky(log, "c", 2)]) as s:
        s.address_of("b").post(Crash())
        s.address_of("c").post(Crash())
        await wait_all_tasks_blocked()
        assert {child.state for child in s.children()} == {ChildState.RUNNING}
        assert s.address_of("c").incarnation >= 4


@pytest.mark.parametrize("strategy", Strategy)
async def test_a_sibling_that_fails_while_it_is_being_stopped_for_the_restart(strategy, autojump_clock):
    """In the very stop the restart asked for: an error then changes nothing."""
    log = Log()

    async def spiteful(inbox):
        async for _ in inbox:
            pass
        await trio.sleep(1)
        if inbox.address.incarnation == 1:
            raise OSError("so there")

    spec = ChildSpec(id="c", start=infrastructure(spiteful), backoff=AT_ONCE)
    async with group(strategy, [log.spec("a"), log.spec("b"), spec]) as s:
        s.address_of("b").post(Crash())
        await trio.sleep(2)
        assert {child.state for child in s.children()} == {ChildState.RUNNING}
        assert s.address_of("c").incarnation == (2 if "c" in WHO_GOES[strategy] else 1)


@pytest.mark.parametrize("strategy", [Strategy.REST_FOR_ONE, Strategy.ONE_FOR_ALL])
async def test_a_stop_during_the_restart_of_a_group_wins(strategy, autojump_clock):
    log = Log()
    async with group(strategy, [log.spec("a"), log.spec("b"), log.spec("c", lingers=2)]) as s:
        s.address_of("b").post(Crash())
        await wait_all_tasks_blocked()
        assert s.child("b").state is ChildState.WAITING
    assert s.count().alive == 0
    assert sum(line == "+b" for line in log) == 1
    assert trio.current_time() == 2


@pytest.mark.parametrize("strategy", [Strategy.REST_FOR_ONE, Strategy.ONE_FOR_ALL])
async def test_a_child_terminated_during_the_restart_of_its_group_stays_down(strategy, autojump_clock):
    log = Log()
    async with group(strategy, [log.spec("a"), log.spec("b"), log.spec("c", lingers=2)]) as s:
        s.address_of("b").post(Crash())
        await wait_all_tasks_blocked()
        await s.terminate_child("c")
        await wait_all_tasks_blocked()
        assert [child.state.value for child in s.children()] == ["running", "running", "stopped"]


@pytest.mark.parametrize("strategy", Strategy)
async def test_a_group_that_gives_up_is_restarted_by_the_one_above_until_that_gives_up_too(strategy):
    log = Log()
    narrow = RestartWindow(limit=1, period_seconds=100)
    below = nested(() if strategy is Strategy.DYNAMIC else [log.spec("b")], strategy=strategy, window=narrow)
    generations = 0
    with pytest.raises(SupervisorFailed) as caught:  # noqa: PT012 - the whole block is under test
        async with open_supervisor("s", [ChildSpec(id="below", start=below, backoff=AT_ONCE)], window=narrow) as s:
            while True:
                group = s.nested("below")
                generations += 1
                for _ in range(2):
                    await wait_all_tasks_blocked()
                    if strategy is Strategy.DYNAMIC and not group.children():
                        group.start_child(log.spec("b"))
                        await wait_all_tasks_blocked()
                    group.address_of("b").post(Crash())
                await wait_all_tasks_blocked()
                await trio.lowlevel.checkpoint()
    assert generations == 2
    assert caught.value.child == "below"
    assert sum(line[0] == "+" for line in log) == sum(line[0] == "-" for line in log) == 4


@pytest.mark.parametrize("strategy", Strategy)
async def test_too_many_failures_escalate_and_leave_nothing_behind(strategy):
    log = Log()
    tree = open_supervisor("s", strategy=strategy, window=RestartWindow(limit=3, period_seconds=100))
    with pytest.raises(SupervisorFailed):
        await _fail_until_cancelled(tree, log)
    assert sum(line[0] == "+" for line in log) == sum(line[0] == "-" for line in log)


async def _fail_until_cancelled(tree, log):
    async with tree as s:
        for name in "abc":
            s.start_child(log.spec(name))
        while True:
            await wait_all_tasks_blocked()
            s.address_of("b").post(Crash())


@pytest.mark.parametrize("strategy", Strategy)
async def test_a_stop_is_never_stuck_behind_a_restart(strategy, autojump_clock):
    log = Log()
    slow = Backoff(first_seconds=1000, base_seconds=1000, most_seconds=1000)
    async with group(strategy, [log.spec("a"), log.spec("b", backoff=slow)]) as s:
        s.address_of("b").post(Crash())
        await wait_all_tasks_blocked()
        assert s.child("b").state is ChildState.WAITING
    assert trio.current_time() == 0.0


# --- how it is stopped, against what is stopped ---------------------------------


@attrs.frozen
class Ended:
    exit: Exit[None]


class Spawner(Actor[Ended]):
    """Two children, each of which takes ten seconds to end when it is stopped."""

    async def started(self):
        for name in "xy":
            self.children.start(name, trio.sleep_forever, report=Ended, stop_within=10)

    @handles(Ended)
    def note(self, _: Ended) -> Effects: ...


def prompt(log, child_id, **more):
    return log.spec(child_id, **more)


def lingering(log, child_id, **more):
    return log.spec(child_id, lingers=10, **more)


def deaf(log, child_id, **more):
    return log.spec(child_id, lingers=10, deaf=True, **more)


def spawning(log, child_id, **more):
    return ChildSpec(id=child_id, start=lambda _: Spawner(), **more)


def supervising(log, child_id, **more):
    below = nested([log.spec("x", lingers=10, stop_within=math.inf)])
    return ChildSpec(id=child_id, start=below, **more)


def sleeping(log, child_id, **more):
    return ChildSpec(id=child_id, start=lambda _: Counter(), hibernate=True, **more)


# seconds until it has ended when stopped at once, within 3 s, within any time
STOPS = {
    prompt: (0, 0, 0),
    lingering: (0, 3, 10),
    deaf: (20, 23, 30),
    spawning: (0, 3, 10),
    supervising: (0, 3, 10),
    sleeping: (0, 0, 0),
}


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("mode", range(3))
@pytest.mark.parametrize("kind", STOPS)
async def test_stop_mode_against_kind_of_child(autojump_clock, kind, mode, dynamic):
    log, shutdown = Log(), ShutdownContext(math.inf)
    specs = [kind(log, name, stop_within=(0, 3, math.inf)[mode]) for name in "ab"]
    strategy = Strategy.DYNAMIC if dynamic else Strategy.ONE_FOR_ONE
    async with group(strategy, specs, shutdown=shutdown) as s:
        addresses = [s.address_of(name) for name in "ab"]
    assert trio.current_time() == STOPS[kind][mode] * (1 if dynamic else 2)
    cut = {path for path in shutdown.cut if path in {"s/a", "s/b"}}
    assert cut == ({"s/a", "s/b"} if mode == 1 and STOPS[kind][mode] else set())
    below = {path for path in shutdown.cut if path.count("/") > 1}
    assert bool(below) == (kind in {spawning, supervising} and mode < 2)
    assert all(address.stopped for address in addresses)
    kinds = {address.stopped.reason.kind for address in addresses}
    assert kinds == {StopKind.DEADLINE if cut else StopKind.SHUTDOWN}


@pytest.mark.parametrize("stop_within", [0, 5])
async def test_a_stopped_supervisor_takes_everything_below_with_it(autojump_clock, stop_within):
    log = Log()
    deepest = nested([log.spec("x", lingers=100, stop_within=math.inf), log.spec("y")])
    middle = nested([ChildSpec(id="deepest", start=deepest)])
    async with open_supervisor("s", [ChildSpec(id="middle", start=middle, stop_within=stop_within)]) as s:
        await wait_all_tasks_blocked()
        await s.terminate_child("middle")
        assert sum(line[0] == "-" for line in log) == 2
    assert trio.current_time() == stop_within
