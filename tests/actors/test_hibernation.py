"""An actor that holds neither task nor mailbox while idle is an actor like any other."""

import gc
import math
import tracemalloc
import weakref

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors import (
    Actor,
    ActorStopped,
    AskExpired,
    AutoShutdown,
    Backoff,
    ChildSpec,
    ChildState,
    Effects,
    Exit,
    Restart,
    RestartWindow,
    Returned,
    ShutdownContext,
    SpecInvalid,
    StopKind,
    Stopped,
    StopReason,
    Strategy,
    SupervisorFailed,
    Timers,
    VirtualClock,
    handles,
    infrastructure,
    nested,
    open_supervisor,
)
from tests.actors.messages import Add, Counter, Crash, Total, bye, soon
from tests.actors.test_supervisor import AT_ONCE


def sleeper(child_id="it", start=lambda _: Counter(), **more):
    return ChildSpec(id=child_id, start=start, hibernate=True, **{"backoff": AT_ONCE, **more})


def tasks():
    """How many tasks the root nursery of the test's supervisor holds, its own included."""
    return len(trio.lowlevel.current_task().child_nurseries[-1].child_tasks)


def state(supervisor, child="it"):
    return supervisor.child(child).state


async def test_it_has_a_task_only_while_there_is_something_to_do_and_keeps_its_state():
    async with open_supervisor("s") as s:
        it = s.start_child(sleeper())
        await wait_all_tasks_blocked()
        assert (tasks(), state(s)) == (1, ChildState.HIBERNATING)
        for amount in range(3):
            it.post(Add(amount=amount))
            assert (tasks(), state(s)) == (2, ChildState.RUNNING)
            await wait_all_tasks_blocked()
            assert (tasks(), state(s)) == (1, ChildState.HIBERNATING)
        assert await it.ask(Total(), deadline=soon()) == 3
        await wait_all_tasks_blocked()
        assert (tasks(), it.stopped, it.incarnation, it.path) == (1, None, 1, "s/it")
        assert s.address_of("it") is it


async def test_it_is_made_and_started_once_with_its_first_message():
    made = []

    class Starts(Counter):
        async def started(self):
            await trio.lowlevel.checkpoint()
            made.append("started")

    def start(incarnation):
        made.append(incarnation)
        return Starts()

    async with open_supervisor("s") as s:
        it = s.start_child(sleeper(start=start))
        await wait_all_tasks_blocked()
        assert made == []
        for _ in range(3):
            it.post(Add())
            await wait_all_tasks_blocked()
        assert made == [1, "started"]
        assert await it.ask(Total(), deadline=soon()) == 3


async def test_one_that_waits_for_its_first_message_is_one_small_row_and_an_address():
    def start(_):
        return Counter()

    async with open_supervisor("s", strategy=Strategy.DYNAMIC) as s:
        ids = [f"child {number}" for number in range(2000)]  # which are their caller's
        gc.collect()
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            for child in ids:
                s.start_child(sleeper(child, start, restart=Restart.TEMPORARY))
            gc.collect()
            each = (tracemalloc.get_traced_memory()[0] - before) / len(ids)
        finally:
            tracemalloc.stop()
    assert 100 < each < 210, each  # some 300 of the resident set, with its id and what the allocator rounds up to


async def test_its_statistics_outlive_its_sleep_and_its_end():
    async with open_supervisor("s") as s:
        it = s.start_child(sleeper(capacity=2))
        assert it.statistics().capacity == 2
        for _ in range(2):
            it.post(Add())
            it.post(Add())
            with pytest.raises(Exception, match="full"):
                it.post(Add())
            await wait_all_tasks_blocked()
            await it.wait_room()
        seen = it.statistics()
        assert (seen.posted, seen.peak, seen.refused, seen.depth) == (4, 2, 2, 0)
        await s.terminate_child("it")
        assert it.statistics() == seen
        assert s.statistics().alive == 0


async def test_it_is_counted_listed_and_drawn_as_living():
    async with open_supervisor("app", strategy=Strategy.DYNAMIC) as s:
        for name in "ab":
            s.start_child(sleeper(name))
        s.address_of("a").post(Add())
        assert [child.state for child in s.children()] == [ChildState.RUNNING, ChildState.HIBERNATING]
        assert (s.count().alive, s.statistics().alive) == (2, 2)
        assert s.tree().splitlines() == ["app  dynamic", "|- a  running, 1 waiting", "`- b  hibernating"]


@pytest.mark.parametrize("awaken", [False, True])
@pytest.mark.parametrize("restart", Restart)
async def test_a_stop_that_was_asked_for_needs_no_task(awaken, restart):
    async with open_supervisor("s") as s:
        it = s.start_child(sleeper(restart=restart))
        if awaken:
            it.post(Add())
            await wait_all_tasks_blocked()
        waited = s.terminate_child("it", bye())
        stopped = await waited
        assert stopped == Stopped(name="it", incarnation=1, reason=bye())
        assert s.children() == ()
        for door in (it.post, it.ask_nowait):
            with pytest.raises(ActorStopped) as caught:
                door(Add())
            assert caught.value.reason == bye()
        it.deliver(Add())


async def test_an_actor_that_wants_to_hear_of_its_stop_hears_of_it(autojump_clock):
    heard = []

    class Polite(Counter):
        async def stopping(self, reason):
            await trio.sleep(2)
            heard.append((reason, self.total))

    async with open_supervisor("s") as s:
        it = s.start_child(sleeper(start=lambda _: Polite()))
        never = s.start_child(sleeper("never", start=lambda _: Polite()))
        it.post(Add())
        await wait_all_tasks_blocked()
        await s.terminate_child("it", bye())
        assert heard == [(bye(), 1)]
        await s.terminate_child("never", bye())
        assert heard == [(bye(), 1)]
        assert never.stopped.reason == bye()
    assert trio.current_time() == 2


async def test_a_stop_deadline_holds_for_one_that_is_woken_to_stop(autojump_clock):
    class Slow(Counter):
        async def stopping(self, _reason):
            await trio.sleep_forever()

    shutdown = ShutdownContext(100)
    async with open_supervisor("s", shutdown=shutdown) as s:
        it = s.start_child(sleeper(start=lambda _: Slow(), stop_within=3))
        it.post(Add())
        await wait_all_tasks_blocked()
        assert (await s.terminate_child("it")).reason.kind is StopKind.DEADLINE
    assert trio.current_time() == 3
    assert shutdown.cut == ("s/it",)


async def test_a_crash_is_restarted_and_the_next_incarnation_sleeps_until_it_is_needed():
    made = []

    def start(incarnation):
        made.append(incarnation)
        return Counter(100 * incarnation)

    async with open_supervisor("s") as s:
        first = s.start_child(sleeper(start=start))
        first.post(Crash())
        await wait_all_tasks_blocked()
        second = s.address_of("it")
        assert (first.stopped.reason.kind, second.incarnation, tasks(), made) == (StopKind.ERROR, 2, 1, [1])
        with pytest.raises(ActorStopped):
            first.post(Add())
        assert await second.ask(Total(), deadline=soon()) == 200


async def test_a_start_that_fails_fails_once_a_message_until_it_is_quarantined():
    def start(_incarnation):
        raise OSError("no journal")

    async with open_supervisor("s") as s:
        s.start_child(sleeper(start=start, window=RestartWindow(limit=2, period_seconds=100)))
        for _ in range(3):
            assert state(s) is ChildState.HIBERNATING
            with pytest.raises(ActorStopped, match="no journal"):
                await s.address_of("it").ask(Total(), deadline=soon())
        assert state(s) is ChildState.QUARANTINED
        s.restart_child("it")
        assert state(s) is ChildState.HIBERNATING


async def test_backoff_holds_it_down(autojump_clock):
    async with open_supervisor("s") as s:
        s.start_child(sleeper(backoff=Backoff(first_seconds=5, jitter=0))).post(Crash())
        await wait_all_tasks_blocked()
        assert state(s) is ChildState.WAITING
        await trio.sleep(6)
        assert state(s) is ChildState.HIBERNATING


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_it_goes_with_its_group_and_long_groups_need_no_stack(strategy):
    specs = [sleeper(f"c{n}") for n in range(2_000)]
    async with open_supervisor("s", specs, strategy=strategy) as s:
        await wait_all_tasks_blocked()
        last = s.address_of("c1999")
        s.address_of("c0").post(Crash())
        await wait_all_tasks_blocked()
        assert last.stopped.reason.kind is StopKind.SIBLING
        assert {child.incarnation for child in s.children()} == {2}
        assert {child.state for child in s.children()} == {ChildState.HIBERNATING}


async def test_too_many_failures_escalate_past_those_asleep():
    async def fail():
        async with open_supervisor("s", window=RestartWindow(limit=0, period_seconds=9)) as s:
            others.append(s.start_child(sleeper("other")))
            s.start_child(sleeper()).post(Crash())
            await trio.sleep_forever()

    others = []
    with pytest.raises(SupervisorFailed):
        await fail()
    assert others[0].stopped.reason.kind is StopKind.ERROR


async def test_a_significant_one_ends_the_supervisor():
    class Ends(Actor[Add]):
        @handles(Add)
        def end(self, _: Add) -> Effects:
            self.stop(StopReason.normal("it"))
            return ()

    spec = sleeper(start=lambda _: Ends(), significant=True)
    async with open_supervisor("s", [spec], auto_shutdown=AutoShutdown.ANY_SIGNIFICANT) as s:
        s.address_of("it").post(Add())
        await s.wait_stopped()


async def test_watching_wakes_the_watcher_and_not_the_watched():
    @attrs.frozen
    class Gone:
        stopped: Stopped

    seen = []

    class Watcher(Actor[Gone]):
        @handles(Gone)
        def gone(self, message: Gone) -> Effects:
            seen.append(message.stopped.reason)
            return ()

    async with open_supervisor("s") as s:
        await wait_all_tasks_blocked()
        watched, watcher = s.start_child(sleeper("watched")), s.start_child(sleeper("w", start=lambda _: Watcher()))
        watched.watch(watcher, Gone)
        assert (tasks(), state(s, "watched")) == (1, ChildState.HIBERNATING)
        await s.terminate_child("watched", bye())
        await wait_all_tasks_blocked()
        assert (seen, tasks()) == ([bye()], 1)
        watched.watch(watcher, Gone)
        await wait_all_tasks_blocked()
        assert seen == [bye(), bye()]


async def test_it_does_not_sleep_while_it_owes_an_answer(autojump_clock):
    class Keeps(Actor[Total | Add]):
        def __init__(self):
            self.kept = []

        async def turn(self, batch):
            for message in batch:
                if isinstance(message, Add):
                    self.kept.pop().answer("at last")
                else:
                    self.kept.append(message)

    async with open_supervisor("s") as s:
        it = s.start_child(sleeper(start=lambda _: Keeps()))
        slot = it.ask_nowait(Total())
        await wait_all_tasks_blocked()
        assert state(s) is ChildState.RUNNING
        it.post(Add())
        assert await slot.wait_until(soon()) == "at last"
        await wait_all_tasks_blocked()
        assert state(s) is ChildState.HIBERNATING
        with pytest.raises(AskExpired):
            await it.ask(Total(), deadline=soon())


async def test_it_does_not_sleep_while_its_children_run(autojump_clock):
    reports = []

    @attrs.frozen
    class Done:
        exit: Exit[int]

    async def work():
        await trio.sleep(5)
        return 7

    class Works(Actor[Add | Done]):
        async def turn(self, batch):
            for message in batch:
                if isinstance(message, Done):
                    reports.append(message.exit)
                else:
                    self.children.start("w", work, report=Done)

    async with open_supervisor("s") as s:
        it = s.start_child(sleeper(start=lambda _: Works()))
        for round_ in range(1, 3):
            it.post(Add())
            await trio.sleep(1)
            assert state(s) is ChildState.RUNNING
            await trio.sleep(5)
            assert (state(s), reports) == (ChildState.HIBERNATING, [Returned(7)] * round_)
            assert tasks() == 2  # the supervisor's own, and the one that carried the child and waits for another
        it.post(Add())
        await trio.sleep(1)
        await s.terminate_child("it", bye())
        assert it.stopped.reason == bye()
    assert trio.current_time() == 13


async def test_a_message_that_comes_while_it_lies_down_is_handled(autojump_clock):
    """Leaving the nursery of its children takes a moment, and a post may fall into it."""

    @attrs.frozen
    class Done:
        exit: Exit[None]

    class Works(Counter, Actor[Add | Total | Crash | Done]):
        @handles(Done)
        def done(self, message: Done) -> Effects: ...

        async def started(self):
            self.children.start("w", trio.sleep, 1, report=Done)

    async with open_supervisor("s") as s:
        it = s.start_child(sleeper(start=lambda _: Works()))
        it.post(Add())
        await trio.sleep(1)
        for _ in range(20):
            it.post(Add())
            await trio.lowlevel.checkpoint()
        assert await it.ask(Total(), deadline=soon()) == 21
        await wait_all_tasks_blocked()
        assert state(s) is ChildState.HIBERNATING


async def test_a_timer_wakes_it(autojump_clock):
    clock = VirtualClock(0)
    timers = Timers(clock)
    async with open_supervisor("s", [ChildSpec(id="timers", start=infrastructure(timers.run), stop_within=0)]) as s:
        it = s.start_child(sleeper())
        timers.arm_in("t", 5, it, Add())
        await trio.sleep(6)
        assert (state(s), it.statistics().posted) == (ChildState.HIBERNATING, 1)


async def test_below_a_supervisor_that_has_not_begun_it_takes_messages(autojump_clock):
    async with open_supervisor("s", [ChildSpec(id="pool", start=nested(strategy=Strategy.DYNAMIC))]) as s:
        it = s.nested("pool").start_child(sleeper())
        it.post(Add(amount=4))
        assert await it.ask(Total(), deadline=soon()) == 4


async def test_a_cancel_from_outside_ends_those_asleep_too(autojump_clock):
    with trio.move_on_after(5):
        async with open_supervisor("s", [sleeper("static")]) as s:
            s.start_child(sleeper()).post(Add())
            addresses = [s.address_of("static"), s.address_of("it")]
            await trio.sleep_forever()
    assert [address.stopped.reason.kind for address in addresses] == [StopKind.CANCELLED] * 2
    with pytest.raises(ActorStopped):
        addresses[1].post(Add())
    assert s.count().alive == 0


async def test_the_hard_deadline_ends_one_that_lies_down_while_all_is_cancelled(autojump_clock):
    class Deaf(Actor[Add]):
        async def turn(self, _batch):
            with trio.CancelScope(shield=True, deadline=20):
                await trio.sleep(10)

    shutdown = ShutdownContext(4)
    async with open_supervisor("s", shutdown=shutdown) as s:
        it = s.start_child(sleeper(start=lambda _: Deaf(), stop_within=math.inf))
        it.post(Add())
        await trio.sleep(1)
        shutdown.begin(bye())
    assert trio.current_time() == 10
    assert it.stopped is not None


async def test_a_plain_function_begins_with_its_first_message_and_stays():
    log = []

    async def run(inbox):
        log.append("begun")
        async for batch in inbox:
            log.extend(batch)

    async with open_supervisor("s") as s:
        it = s.start_child(sleeper(start=infrastructure(run)))
        await wait_all_tasks_blocked()
        assert log == []
        it.post(Add())
        await wait_all_tasks_blocked()
        assert (log, state(s)) == (["begun", Add()], ChildState.RUNNING)


async def test_nothing_is_kept_of_one_that_ended_asleep():
    made = []

    def start(_incarnation):
        actor = Counter()
        made.append(weakref.ref(actor))
        return actor

    async with open_supervisor("s") as s:
        it = s.start_child(sleeper(start=start))
        other = s.start_child(sleeper("other", start=start, restart=Restart.PERMANENT))
        for address in (it, other):
            address.post(Add())
        await wait_all_tasks_blocked()
        await s.terminate_child("it")
        other.post(Crash())
        await wait_all_tasks_blocked()
        gc.collect()
        assert [ref() for ref in made] == [None, None]


async def test_the_start_of_a_temporary_one_is_let_go_when_it_has_begun():
    class Load:
        def __call__(self, _incarnation):
            return Counter()

    load = Load()
    gone = weakref.ref(load)
    async with open_supervisor("s") as s:
        it = s.start_child(sleeper(start=load, restart=Restart.TEMPORARY))
        del load
        for _ in range(2):
            it.post(Add())
            await wait_all_tasks_blocked()
        gc.collect()
        assert gone() is None
        assert await it.ask(Total(), deadline=soon()) == 2


def test_a_supervisor_or_a_handshake_cannot_hibernate():
    for more in ({"start": nested()}, {"handshake": True}):
        with pytest.raises(SpecInvalid, match="begins with its first message"):
            sleeper(**more)
