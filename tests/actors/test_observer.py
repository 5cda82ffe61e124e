"""What observers are told, and that they can do no harm."""

import math
import subprocess
import sys

import pytest
import structlog
import trio

from actors import Actor, Backoff, ChildSpec, MailboxFull, Restart, RestartWindow, Strategy, nested, open_supervisor
from actors.log import StructlogObserver
from tests.actors.messages import Add, Counter, Crash, bye


class Recorder:
    """Keeps every event, then raises."""

    def __init__(self, slow_seconds=math.inf, *, lives=True):
        self.slow_seconds = slow_seconds
        self.lives = lives
        self.events = []

    def __getattr__(self, name):
        def record(*facts):
            self.events.append((name, *facts[:2]))
            raise RuntimeError("observers may fail")

        return record


def counter(child_id="c", **more):
    return ChildSpec(id=child_id, start=lambda _: Counter(), backoff=Backoff(jitter=0), **more)


async def test_every_event_is_told_and_a_failing_observer_does_no_harm():
    seen = Recorder()
    async with open_supervisor("s", observer=seen) as s:
        address = s.start_child(counter(capacity=1, window=RestartWindow(limit=1, period_seconds=9)))
        address.post(Crash())
        for _ in range(3):  # told once
            with pytest.raises(MailboxFull):
                address.post(Add())
        assert address.statistics().refused == 3
        await trio.testing.wait_all_tasks_blocked()
        s.address_of("c").post(Crash())
        await trio.testing.wait_all_tasks_blocked()
        assert s.statistics().quarantined == 1
        assert (s.statistics().started, s.statistics().restarted) == (2, 1)
    assert [event[0] for event in seen.events] == [
        "started",
        "mailbox_full",
        "stopped",
        "restarted",
        "started",
        "stopped",
        "quarantined",
    ]
    assert seen.events[3] == ("restarted", "s/c", 2)


async def test_who_wants_no_lives_is_told_of_failures_alone():
    seen = Recorder(lives=False)
    async with open_supervisor("s", [counter()], observer=seen) as s:
        s.address_of("c").post(Crash())
        await trio.testing.wait_all_tasks_blocked()
    assert seen.events == [("stopped", "s/c", 1), ("restarted", "s/c", 2)]


async def test_a_slow_turn_and_a_late_reply_are_told(autojump_clock):
    class Slow(Actor[Add]):
        async def turn(self, batch):
            await trio.sleep(2)
            batch[0].answer("late")

    seen = Recorder(slow_seconds=1)
    async with open_supervisor("s", observer=seen) as s:
        address = s.start_child(ChildSpec(id="slow", start=lambda _: Slow(), restart=Restart.TEMPORARY))
        with trio.move_on_after(1):
            await address.ask(Add(), deadline=math.inf)
        await trio.sleep(5)
    assert ("slow_handler", "s/slow", 2.0) in seen.events
    assert ("late_reply", "s/slow") in seen.events


async def test_structlog_lines():
    with structlog.testing.capture_logs() as lines:
        async with open_supervisor("s", [counter()], observer=StructlogObserver()) as s:
            s.address_of("c").post(Crash())
            await trio.testing.wait_all_tasks_blocked()
    assert [line["event"] for line in lines] == [
        "actor_started",
        "actor_failed",
        "actor_restarted",
        "actor_started",
        "actor_stopped",
    ]
    assert lines[1]["path"] == "s/c"


async def test_the_tree_is_drawn():
    specs = [counter("a"), ChildSpec(id="pool", start=nested(strategy=Strategy.DYNAMIC))]
    async with open_supervisor("app", specs) as s:
        for n in range(4):
            s.nested("pool").start_child(counter(f"t{n}"))
        s.address_of("a").post(Crash())
        await trio.testing.wait_all_tasks_blocked()
        s.address_of("a").post(Add())
        assert s.tree(most=2).splitlines() == [
            "app  one_for_one",
            "|- a  running, incarnation 2, 1 waiting",
            "`- pool  dynamic",
            "   |- t0  running",
            "   |- t1  running",
            "   `- ... and 2 more",
        ]
        await s.nested("pool").terminate_child("t0", bye())


def test_importing_the_package_does_not_import_structlog():
    code = "import actors, sys; sys.exit('structlog' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
