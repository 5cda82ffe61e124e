"""Every kind of restart against every kind of end; every strategy against every kind of trouble; every way to stop."""

import itertools
import math

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors import (
    Actor,
    Backoff,
    ChildSpec,
    ChildState,
    Restart,
    RestartWindow,
    ShutdownContext,
    StopKind,
    StopReason,
    Strategy,
    SupervisorFailed,
    infrastructure,
    nested,
    open_supervisor,
)
from tests.actors.messages import Crash, bye
from tests.actors.test_supervisor import AT_ONCE, Log

ENDS = {
    "normal": StopReason.normal("it"),
    "shutdown": StopReason.shutdown("it"),
    "self cancelled": StopReason(kind=StopKind.CANCELLED),
    "error": ValueError("x"),
}
RESTARTED = {
    *itertools.product([Restart.PERMANENT], ENDS),
    (Restart.TRANSIENT, "error"),
}


class Ends(Actor[str]):
    async def turn(self, batch):
        end = ENDS[batch[0]]
        if isinstance(end, Exception):
            raise end
        self.stop(end)


@pytest.mark.parametrize(("restart", "end"), list(itertools.product(Restart, ENDS)))
async def test_restart_kind_against_end_kind(restart, end):
    async with open_supervisor("s", [ChildSpec(id="c", start=lambda _: Ends(), restart=restart)]) as s:
        first = s.address_of("c")
        first.post(end)
        await wait_all_tasks_blocked()
        assert first.stopped is not None
        alive = [child.id for child in s.children() if child.state is ChildState.RUNNING]
        assert alive == (["c"] if (restart, end) in RESTARTED else [])
        if restart is Restart.TEMPORARY:
            assert s.children() == ()


@pytest.mark.parametrize("restart", Restart)
async def test_an_end_that_was_asked_for_restarts_nothing(restart):
    async with open_supervisor("s", [ChildSpec(id="c", start=lambda _: Ends(), restart=restart)]) as s:
        await s.terminate_child("c", bye())
        await wait_all_tasks_blocked()
        assert s.count().alive == 0


@pytest.mark.parametrize("restart", Restart)
async def test_a_base_exception_ends_the_tree_whatever_the_restart_kind(restart):
    log = Log()
    tree = open_supervisor("s", [log.spec("a", restart=restart), log.spec("b", restart=restart)])
    s = await tree.__aenter__()
    await wait_all_tasks_blocked()
    s.address_of("a").post(Crash(error=SystemExit(3)))
    with pytest.raises(BaseExceptionGroup) as caught:  # noqa: PT012 - the whole block is under test
        try:
            await trio.sleep_forever()
        except trio.Cancelled as cancelled:
            await tree.__aexit__(trio.Cancelled, cancelled, None)
            raise
    assert caught.group_contains(SystemExit)
    assert s.statistics().started == 2


GROUPS = [Strategy.ONE_FOR_ONE, Strategy.REST_FOR_ONE, Strategy.ONE_FOR_ALL]


def flaky(log, child_id, failures):
    """Make a child whose incarnations 2, 3, ... fail at once, so many of them."""

    async def run(inbox):
        log.append(f"+{child_id}{inbox.address.incarnation}")
        if 1 < inbox.address.incarnation <= 1 + failures:
            raise OSError("not yet")
        async for batch in inbox:
            raise batch[0].error

    return ChildSpec(id=child_id, start=infrastructure(run), backoff=AT_ONCE)


@pytest.mark.parametrize("strategy", GROUPS)
async def test_a_restart_that_fails_is_tried_again(strategy):
    log = Log()
    specs = [log.spec("a"), flaky(log, "b", 3), log.spec("c")]
    async with open_supervisor("s", specs, strategy=strategy) as s:
        await wait_all_tasks_blocked()
        s.address_of("b").post(Crash())
        await wait_all_tasks_blocked()
        assert {child.state for child in s.children()} == {ChildState.RUNNING}
        assert s.address_of("b").incarnation == 5


@pytest.mark.parametrize("strategy", GROUPS)
async def test_a_sibling_that_fails_during_the_restart_is_restarted_too(strategy):
    log = Log()
    specs = [log.spec("a"), log.spec("b"), flaky(log, "c", 2)]
    async with open_supervisor("s", specs, strategy=strategy) as s:
        await wait_all_tasks_blocked()
        s.address_of("b").post(Crash())
        s.address_of("c").post(Crash())
        await wait_all_tasks_blocked()
        assert {child.state for child in s.children()} == {ChildState.RUNNING}


@pytest.mark.parametrize("strategy", [*GROUPS, Strategy.DYNAMIC])
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


@pytest.mark.parametrize("strategy", GROUPS)
async def test_a_stop_is_never_stuck_behind_a_restart(strategy, autojump_clock):
    log = Log()
    slow = Backoff(first_seconds=1000, base_seconds=1000, most_seconds=1000)
    async with open_supervisor("s", [log.spec("a"), log.spec("b", backoff=slow)], strategy=strategy) as s:
        await wait_all_tasks_blocked()
        s.address_of("b").post(Crash())
        await wait_all_tasks_blocked()
        assert s.children()[1].state is ChildState.WAITING
    assert trio.current_time() == 0.0


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize(
    ("stop_within", "seconds", "cut"), [(0, 0, False), (3, 3, True), (20, 10, False), (math.inf, 10, False)]
)
async def test_stop_modes(autojump_clock, dynamic, stop_within, seconds, cut):
    log, shutdown = Log(), ShutdownContext(math.inf)
    specs = [log.spec(name, lingers=10, stop_within=stop_within) for name in "ab"]
    async with open_supervisor("s", () if dynamic else specs, shutdown=shutdown) as s:
        for spec in specs if dynamic else ():
            s.start_child(spec)
        await wait_all_tasks_blocked()
    assert trio.current_time() == seconds * (1 if dynamic else 2)
    assert sorted(shutdown.cut) == (["s/a", "s/b"] if cut else [])


@pytest.mark.parametrize("dynamic", [False, True])
async def test_children_that_ignore_cancel_are_waited_for(autojump_clock, dynamic):
    log = Log()
    specs = [log.spec(name, deaf=True, stop_within=1, lingers=100) for name in "ab"]
    async with open_supervisor("s", () if dynamic else specs) as s:
        for spec in specs if dynamic else ():
            s.start_child(spec)
        await wait_all_tasks_blocked()
    assert trio.current_time() == (21 if dynamic else 42)


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
