"""How a supervisor starts, restarts, quarantines, escalates and stops."""

import math
from contextvars import ContextVar

import pytest
import trio

from actors import (
    Actor,
    ActorStopped,
    AutoShutdown,
    Backoff,
    ChildCount,
    ChildExists,
    ChildSpec,
    ChildState,
    ChildUnknown,
    Draining,
    Restart,
    RestartWindow,
    ShutdownContext,
    SpecInvalid,
    StopKind,
    StopReason,
    Strategy,
    Supervisor,
    SupervisorFailed,
    handles,
    infrastructure,
    nested,
    open_supervisor,
)
from tests.actors.messages import Add, Counter, Crash, Total, bye, soon

AT_ONCE = Backoff(first_seconds=0, base_seconds=0, most_seconds=0)


class Log(list[object]):
    """Makes children that write down when they start and end."""

    def spec(self, child_id, *, lingers=0.0, deaf=False, **more):
        async def run(inbox):
            self.append(f"+{child_id}")
            inbox.started()
            try:
                async for batch in inbox:
                    for message in batch:
                        if isinstance(message, Crash):
                            raise message.error
                        if isinstance(message, Total):
                            return
                await trio.sleep(lingers)
            except trio.Cancelled:
                self.append(f"!{child_id}")
                raise
            finally:
                if deaf:
                    with trio.move_on_after(30, shield=True):
                        await trio.sleep(20)
                self.append(f"-{child_id}")

        return ChildSpec(id=child_id, start=infrastructure(run), **{"backoff": AT_ONCE, **more})


async def settle():
    await trio.testing.wait_all_tasks_blocked()


def states(supervisor: Supervisor):
    return {child.id: child.state for child in supervisor.children()}


async def test_children_start_in_order_and_stop_in_reverse():
    log = Log()
    async with open_supervisor("s", [log.spec("a"), log.spec("b"), log.spec("c", handshake=True)]):
        await settle()
        assert log == ["+a", "+b", "+c"]
        log.clear()
    assert log == ["-c", "-b", "-a"]


async def test_a_handshake_holds_back_the_next_child(autojump_clock):
    log = Log()

    async def slow(inbox):
        await trio.sleep(3)
        inbox.started()
        async for _ in inbox:
            pass

    first = ChildSpec(id="slow", start=infrastructure(slow), handshake=True)
    async with open_supervisor("s", [first, log.spec("b")]):
        assert trio.current_time() == 3.0


async def test_a_failed_handshake_fails_the_start_and_stops_what_was_started():
    log = Log()

    async def bad(inbox):
        raise OSError("no port")

    specs = [log.spec("a"), ChildSpec(id="bad", start=infrastructure(bad), handshake=True), log.spec("c")]
    with pytest.raises(SupervisorFailed) as caught:
        async with open_supervisor("s", specs):
            pytest.fail("entered")
    assert caught.value.child == "bad"
    assert isinstance(caught.value.__cause__, OSError)
    assert log == ["+a", "-a"]


async def test_a_failed_child_is_restarted_under_a_new_address():
    async with open_supervisor("s", [ChildSpec(id="c", start=lambda n: Counter(n * 100))]) as s:
        old = s.address_of("c")
        old.post(Crash())
        await settle()
        new = s.address_of("c")
        assert (old.incarnation, new.incarnation) == (1, 2)
        with pytest.raises(ActorStopped):
            old.post(Add())
        assert await new.ask(Total(), deadline=soon()) == 200


VARIABLE = ContextVar("variable", default="nobody's")


class Neither:
    """A value that cannot be compared, as arrays cannot."""

    def __eq__(self, other):
        raise ValueError("ambiguous")

    def __hash__(self):
        return 1


@pytest.mark.parametrize("value", ["the first one's", Neither()])
async def test_a_replacement_sees_nothing_of_what_the_one_before_it_has_set(value):
    seen = []

    def start(incarnation):
        seen.append(VARIABLE.get())
        return Setter()

    class Setter(Actor[Add]):
        @handles(Add)
        def add(self, message):
            seen.append(VARIABLE.get())
            VARIABLE.set(value)
            raise ValueError(message)

    async with open_supervisor("s", [ChildSpec(id="a", start=start, backoff=AT_ONCE)]) as supervisor:
        for _ in range(3):
            supervisor.address_of("a").post(Add())
            await settle()
    assert seen == ["nobody's"] * 7


async def test_one_that_crashes_for_ever_on_its_own_message_lets_others_run():
    lives = 0

    class Hasty(Actor[Add]):
        async def started(self):
            nonlocal lives
            lives += 1
            self.address.post(Add())

        @handles(Add)
        def add(self, message):
            raise ValueError(message)

    endless = RestartWindow(limit=10**9)
    spec = ChildSpec(id="a", start=lambda _: Hasty(), backoff=AT_ONCE, window=endless)
    with trio.fail_after(5):
        async with open_supervisor("s", [spec], window=endless):
            for _ in range(20):
                await trio.lowlevel.checkpoint()
    assert 20 <= lives <= 20 * 10


async def test_an_async_start_is_awaited_in_the_childs_own_task():
    async def start(incarnation):
        await trio.lowlevel.checkpoint()
        if incarnation == 1:
            raise OSError("journal not there")
        return Counter(incarnation)

    async with open_supervisor("s", [ChildSpec(id="c", start=start, backoff=AT_ONCE)]) as s:
        await settle()
        assert await s.address_of("c").ask(Total(), deadline=soon()) == 2


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Strategy.ONE_FOR_ONE, ["-b", "+b"]),
        (Strategy.REST_FOR_ONE, ["-b", "-d", "-c", "+b", "+c", "+d"]),
        (Strategy.ONE_FOR_ALL, ["-b", "-d", "-c", "-a", "+a", "+b", "+c", "+d"]),
    ],
)
async def test_the_strategy_says_who_goes_with_a_failed_child(strategy, expected):
    log = Log()
    async with open_supervisor("s", [log.spec(c) for c in "abcd"], strategy=strategy) as s:
        await settle()
        log.clear()
        s.address_of("b").post(Crash())
        await settle()
        assert log == expected
        assert set(states(s).values()) == {ChildState.RUNNING}


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL])
async def test_backoff_delays_a_restart(autojump_clock, strategy):
    log = Log()
    backoff = Backoff(first_seconds=0, base_seconds=0.5, factor=4, most_seconds=60, jitter=0)
    async with open_supervisor("s", [log.spec("a", backoff=backoff), log.spec("b")], strategy=strategy) as s:
        for expected in (0, 0.5, 2, 8):
            await settle()
            began = trio.current_time()
            s.address_of("a").post(Crash())
            await settle()
            while s.address_of("a").stopped:  # noqa: ASYNC110 - the clock is virtual
                await trio.sleep(0.125)
            assert trio.current_time() - began == pytest.approx(expected, abs=0.125)


async def test_a_child_over_its_window_is_quarantined_and_its_siblings_live():
    log = Log()
    specs = [log.spec("a", window=RestartWindow(limit=2, period_seconds=100)), log.spec("b")]
    async with open_supervisor("s", specs) as s:
        for _ in range(3):
            await settle()
            s.address_of("a").post(Crash())
        await settle()
        assert states(s) == {"a": ChildState.QUARANTINED, "b": ChildState.RUNNING}
        assert s.children()[0].reason.kind is StopKind.ERROR
        with pytest.raises(ActorStopped):
            s.address_of("a").post(Add())
        assert s.restart_child("a").incarnation == 4
        await settle()
        assert set(states(s).values()) == {ChildState.RUNNING}


async def test_a_quarantined_child_holds_those_that_depend_on_it():
    log = Log()
    specs = [log.spec("a"), log.spec("b", window=RestartWindow(limit=0, period_seconds=9)), log.spec("c")]
    async with open_supervisor("s", specs, strategy=Strategy.REST_FOR_ONE) as s:
        await settle()
        s.address_of("b").post(Crash())
        await settle()
        assert list(states(s).values()) == [ChildState.RUNNING, ChildState.QUARANTINED, ChildState.HELD]
        s.restart_child("b")
        await settle()
        assert log[-4:] == ["-b", "-c", "+b", "+c"]
        assert set(states(s).values()) == {ChildState.RUNNING}


async def test_only_the_group_window_escalates():
    log = Log()
    wide = RestartWindow(limit=10, period_seconds=100)
    with pytest.raises(SupervisorFailed) as caught:  # noqa: PT012 - the whole block is under test
        async with open_supervisor(
            "s", [log.spec("a", window=wide), log.spec("b")], window=RestartWindow(limit=1, period_seconds=9)
        ) as s:
            await settle()
            s.address_of("a").post(Crash())
            await settle()
            s.address_of("a").post(Crash())
            await trio.sleep_forever()
    assert caught.value.child == "a"
    assert log == ["+a", "+b", "-a", "+a", "-a", "-b"]


async def test_a_nested_supervisor_that_gave_up_is_restarted_by_the_one_above():
    log = Log()
    below = nested([log.spec("a"), log.spec("b")], window=RestartWindow(limit=0, period_seconds=9))
    async with open_supervisor("s", [ChildSpec(id="below", start=below, backoff=AT_ONCE)]) as s:
        await settle()
        old = s.nested("below")
        old.address_of("a").post(Crash())
        await settle()
        new = s.nested("below")
        assert new is not old
        assert set(states(new).values()) == {ChildState.RUNNING}
        assert new.path == "s/below"
        with pytest.raises(Draining):
            old.start_child(log.spec("x"))
    assert log == ["+a", "+b", "-a", "-b", "+a", "+b", "-b", "-a"]


async def test_dynamic_children_stop_together_and_before_the_static_ones(autojump_clock):
    log = Log()
    async with open_supervisor(
        "s", [log.spec("a"), ChildSpec(id="pool", start=nested(strategy=Strategy.DYNAMIC))]
    ) as s:
        pool = s.nested("pool")
        for n in range(50):
            pool.start_child(log.spec(f"d{n}", lingers=3))
            s.start_child(log.spec(f"e{n}", lingers=3))
        await settle()
        began = trio.current_time()
    assert trio.current_time() - began == 6.0
    assert log[-1] == "-a"


async def test_a_dynamic_child_that_ends_leaves_the_table():
    log = Log()
    async with open_supervisor("s") as s:
        address = s.start_child(log.spec("a"))
        with pytest.raises(ChildExists):
            s.start_child(log.spec("a"))
        address.post(Total())
        await address.wait_stopped()
        assert s.children() == ()
        with pytest.raises(ChildUnknown):
            s.address_of("a")
        assert s.start_child(log.spec("a")).incarnation == 1


async def test_an_address_takes_messages_before_its_actor_has_begun():
    async with open_supervisor("s", [ChildSpec(id="pool", start=nested(strategy=Strategy.DYNAMIC))]) as s:
        address = s.nested("pool").start_child(ChildSpec(id="c", start=lambda _: Counter()))
        address.post(Add(amount=4))
        assert await address.ask(Total(), deadline=soon()) == 4


async def test_a_child_is_cancelled_at_its_stop_deadline_and_named(autojump_clock):
    log, shutdown = Log(), ShutdownContext(100)
    specs = [log.spec("a", lingers=1, stop_within=2), log.spec("b", lingers=9, stop_within=2)]
    async with open_supervisor("s", specs, shutdown=shutdown) as s:
        await settle()
        b = s.address_of("b")
    assert trio.current_time() == 3.0
    assert log[2:] == ["!b", "-b", "-a"]
    assert shutdown.cut == ("s/b",)
    assert b.stopped.reason.kind is StopKind.DEADLINE
    assert "still running 2 s after" in b.stopped.reason.text


async def test_brutal_is_at_once_and_not_worth_a_report(autojump_clock):
    log, shutdown = Log(), ShutdownContext(100)
    async with open_supervisor("s", [log.spec("a", lingers=9, stop_within=0)], shutdown=shutdown) as s:
        await settle()
        a = s.address_of("a")
    assert trio.current_time() == 0.0
    assert log == ["+a", "!a", "-a"]
    assert shutdown.cut == ()
    assert a.stopped.reason.kind is StopKind.SHUTDOWN


async def test_unbounded_waits_until_the_hard_deadline(autojump_clock):
    log, shutdown = Log(), ShutdownContext(7)
    specs = [log.spec("a", lingers=math.inf, stop_within=math.inf), log.spec("b")]
    async with open_supervisor("s", specs, shutdown=shutdown):
        await settle()
    assert trio.current_time() == 7.0
    assert shutdown.cut == ("s/a",)
    assert log[2:] == ["-b", "!a", "-a"]


async def test_a_child_that_ignores_cancel_is_waited_for(autojump_clock):
    log = Log()
    async with open_supervisor("s", [log.spec("a", deaf=True, stop_within=0)]):
        await settle()
    assert trio.current_time() == 20.0


async def test_operations_at_run_time():
    log = Log()
    async with open_supervisor("s", [log.spec("a"), log.spec("b")]) as s:
        await settle()
        with pytest.raises(ChildExists):
            s.delete_child("a")
        stopped = await s.terminate_child("a", bye())
        assert stopped.reason == bye()
        assert states(s)["a"] is ChildState.STOPPED
        assert (s.count().children, s.count().alive) == (2, 1)
        assert (await s.terminate_child("a")) == stopped
        assert s.restart_child("a").incarnation == 2
        assert s.restart_child("a").incarnation == 2
        await s.terminate_child("a")
        s.delete_child("a")
        with pytest.raises(ChildUnknown):
            s.restart_child("a")
        with pytest.raises(ChildUnknown):
            s.nested("b")


async def test_a_stopping_supervisor_starts_nothing():
    log, shutdown = Log(), ShutdownContext(5)
    async with open_supervisor("s", [log.spec("a")], shutdown=shutdown) as s:
        shutdown.begin(bye())
        with pytest.raises(Draining) as caught:
            s.start_child(log.spec("x"))
        assert caught.value.reason == bye()
        with pytest.raises(Draining):
            s.restart_child("a")


async def test_significant_children_end_the_supervisor():
    log = Log()
    specs = [log.spec("a", significant=True), log.spec("b", significant=True), log.spec("c")]
    async with open_supervisor("s", specs, auto_shutdown=AutoShutdown.ALL_SIGNIFICANT) as s:
        await settle()
        s.address_of("a").post(Total())
        await settle()
        assert s.stopping is None
        s.address_of("b").post(Total())
        await s.wait_stopped()
        assert s.stopping.kind is StopKind.SHUTDOWN
        assert log[-1] == "-c"


def test_a_spec_names_every_fault_at_once():
    with pytest.raises(SpecInvalid) as caught:
        ChildSpec(
            id="",
            start=None,
            restart=Restart.PERMANENT,
            window=RestartWindow(limit=-1, period_seconds=0),
            backoff=Backoff(factor=0.5, jitter=2),
            stop_within=-1,
            capacity=0,
            significant=True,
        )
    assert len(caught.value.faults) == 9
    assert all(fault.startswith("child ''") for fault in caught.value.faults)


@pytest.mark.parametrize("name", ["", "a/b"])
async def test_a_name_that_is_no_part_of_a_path_is_refused(name):
    with pytest.raises(SpecInvalid, match="supervisor name"):
        async with open_supervisor(name):
            pass


async def test_children_are_counted_by_what_they_are():
    specs = [Log().spec("a"), Log().spec("b"), ChildSpec(id="pool", start=nested(strategy=Strategy.DYNAMIC))]
    async with open_supervisor("s", specs) as s:
        await s.terminate_child("b", bye())
        assert s.count() == ChildCount(children=3, alive=2, supervisors=1, workers=2)


def test_a_set_of_specs_names_every_fault_at_once():
    log = Log()
    with pytest.raises(SpecInvalid) as caught:
        nested([log.spec("a"), log.spec("a", significant=True)], strategy=Strategy.DYNAMIC)
    assert len(caught.value.faults) == 3


async def test_an_exception_in_the_block_stops_the_tree_in_order_and_comes_out_bare(autojump_clock):
    log = Log()
    with pytest.raises(KeyError, match="mine"):  # noqa: PT012 - the whole block is under test
        async with open_supervisor("s", [log.spec("a", lingers=1), log.spec("b")]):
            await settle()
            raise KeyError("mine")
    assert log == ["+a", "+b", "-b", "-a"]


async def test_cancelling_the_block_cancels_every_child_and_restarts_none(autojump_clock):
    log = Log()
    with trio.move_on_after(5) as scope:
        async with open_supervisor("s", [log.spec("a"), log.spec("b", restart=Restart.PERMANENT)]) as s:
            a = s.address_of("a")
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert sorted(log) == ["!a", "!b", "+a", "+b", "-a", "-b"]
    assert a.stopped.reason.kind is StopKind.CANCELLED


async def test_a_base_exception_in_a_child_brings_the_tree_down():
    log = Log()
    with pytest.raises(BaseExceptionGroup) as caught:  # noqa: PT012 - the whole block is under test
        async with open_supervisor("s", [log.spec("a"), log.spec("b")]) as s:
            await settle()
            s.address_of("a").post(Crash(error=KeyboardInterrupt()))
            await trio.sleep_forever()
    assert caught.group_contains(KeyboardInterrupt)
    assert sorted(log) == ["!b", "+a", "+b", "-a", "-b"]


async def test_the_reason_of_a_stop_travels_down():
    async with open_supervisor("s", [ChildSpec(id="n", start=nested(strategy=Strategy.DYNAMIC))]) as s:
        address = s.nested("n").start_child(ChildSpec(id="c", start=lambda _: Counter()))
        reason = StopReason(kind=StopKind.CANCELLED, requester="user", text="no longer wanted")
        s.stop(reason)
        await s.wait_stopped()
        assert address.stopped.reason == reason
