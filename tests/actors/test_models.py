"""Stateful properties: mailbox, schedule and supervisor against models of about ten lines."""

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import (
    ActorStopped,
    Backoff,
    ChildSpec,
    ChildState,
    Mailbox,
    MailboxFull,
    Restart,
    RestartWindow,
    Schedule,
    Strategy,
    open_supervisor,
)
from actors.window import Stamps
from tests.actors.messages import Add, Counter, Crash, Total, bye

patiently = settings(deadline=None)  # how long a run takes is the machine's affair

MAILBOX_STEPS = st.lists(
    st.sampled_from(["post", "expect", "report", "deliver", "take", "close", "finish"]), max_size=40
)


@patiently
@given(st.integers(1, 4), MAILBOX_STEPS)
def test_a_mailbox_is_a_bounded_list_with_room_for_reports(capacity, steps):
    async def main():
        box = Mailbox("it", capacity)
        waiting, posts, owed, state, unhandled = [], 0, 0, "open", 0
        for number, step in enumerate(steps):
            match step:
                case "post":
                    try:
                        box.post(number)
                    except MailboxFull:
                        assert state == "open"
                        assert posts == capacity
                    except ActorStopped:
                        assert state != "open"
                    else:
                        waiting.append(number)
                        posts += 1
                case "expect":
                    box.expect()
                    owed += 1
                case "report" | "deliver":
                    if step == "report" and not owed:
                        continue
                    getattr(box, step)(number)
                    owed -= step == "report"
                    if state != "finished":
                        waiting.append(number)
                case "take":
                    assert box.take_nowait() == waiting
                    waiting, posts = [], 0
                case "close":
                    box.close(bye())
                    state = "closed" if state == "open" else state
                case "finish":
                    box.finish(bye())
                    unhandled += len(waiting)
                    waiting, state = [], "finished"
        assert box.statistics().depth == len(waiting)
        assert box.unhandled == unhandled

    trio.run(main)


TIMES = st.integers(0, 20)
KEYS = st.sampled_from("abcde")
SCHEDULE_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, TIMES),
        st.tuples(st.just("drop"), KEYS, TIMES),
        st.tuples(st.just("due"), KEYS, TIMES),
    ),
    max_size=200,
)


@patiently
@given(SCHEDULE_STEPS)
def test_a_schedule_is_a_dict_of_times(steps):
    schedule, model = Schedule(), {}
    for step, key, time in steps:
        match step:
            case "put":
                schedule.put(key, time, key.upper())
                model[key] = time
            case "drop":
                assert schedule.drop(key) == (model.pop(key, None) is not None)
            case "due":
                found = []
                while (due := schedule.pop_due(time)) is not None:
                    found.append((model.pop(due[0]), due[1]))
                assert found == sorted(found, key=lambda pair: pair[0])
                assert all(when > time for when in model.values())
        assert len(schedule) == len(model)
        assert schedule.next_due() == min(model.values(), default=None)


def test_a_schedule_holds_little_more_than_what_is_due_however_often_it_is_put_off():
    schedule, living = Schedule(), 10
    schedule.put("soon", 0.0, "first")  # what is behind it never surfaces
    for number in range(10_000):
        schedule.put(number % living, number + 1.0, number)
        assert len(schedule._heap) <= 2 * (living + 1) + 64
    assert schedule.pop_due(0.0) == ("soon", "first")
    assert [schedule.pop_due(1e6)[1] for _ in range(living)] == list(range(10_000 - living, 10_000))


@patiently
@given(st.integers(0, 4), st.lists(st.sampled_from([0.0, 1.0, 9.0, 11.0]) | st.floats(0, 5), max_size=40))
def test_a_window_allows_a_failure_if_few_enough_came_before_it(limit, gaps):
    stamps, now, seen = Stamps(RestartWindow(limit=limit, period_seconds=10)), 0.0, []
    for gap in gaps:
        now += gap
        seen.append(now)
        recent = [stamp for stamp in seen if stamp > now - 10]
        assert stamps.allow(now) == (len(recent) <= limit)
        assert stamps.count == min(len(recent), limit)
        assert len(stamps._stamps) <= 2 * limit


@patiently
@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.floats(0, 1))
def test_backoff_stays_within_its_bounds(count, chance, jitter):
    backoff = Backoff(first_seconds=0.5, base_seconds=1, factor=3, most_seconds=60, jitter=jitter)
    assert 0 <= backoff.delay(count, chance) <= 60


CHILD_STEPS = st.lists(
    st.tuples(st.sampled_from(["start", "crash", "end", "stop", "revive", "wait"]), st.sampled_from("abc")),
    max_size=30,
)
WINDOW = RestartWindow(limit=2, period_seconds=10)


@patiently
@given(CHILD_STEPS)
def test_a_supervisor_is_a_table_of_who_is_up(steps):
    """Transient dynamic children, one for one: up, quarantined, or not there."""

    async def main():
        model = {}  # id -> [failures in the window] while up, None in quarantine
        async with open_supervisor("s", strategy=Strategy.DYNAMIC) as s:
            for step, name in steps:
                await act(s, model, step, name)
                await trio.testing.wait_all_tasks_blocked()
                assert {c.id: c.state is ChildState.RUNNING for c in s.children()} == {
                    key: failures is not None for key, failures in model.items()
                }
        assert s.count().alive == 0

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0.01))


async def act(s, model, step, name):
    up = model.get(name) is not None
    if step == "start" and name not in model:
        s.start_child(spec(name))
        model[name] = []
    elif step == "crash" and up:
        s.address_of(name).post(Crash())
        now = trio.current_time()
        model[name] = [*(stamp for stamp in model[name] if stamp > now - 10), now]
        if len(model[name]) > 2:
            model[name] = None
    elif step == "end" and up:
        await s.terminate_child(name)
        del model[name]
    elif step == "revive" and name in model and not up:
        s.restart_child(name)
        model[name] = []
    elif step == "wait":
        await trio.sleep(6)
    elif step == "stop" and up:
        s.address_of(name).post(Add())
        await s.address_of(name).ask(Total(), deadline=trio.current_time() + 1)


def spec(name):
    at_once = Backoff(base_seconds=0)
    return ChildSpec(id=name, start=lambda _: Counter(), restart=Restart.TRANSIENT, window=WINDOW, backoff=at_once)
