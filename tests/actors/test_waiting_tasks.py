"""A trio task whose incarnation has ended waits for another one to run, and nobody can tell."""

from contextvars import ContextVar

import pytest
import trio
import trio.testing

from actors import (
    ChildExists,
    ChildKind,
    ChildSpec,
    Restart,
    Strategy,
    infrastructure,
    nested,
    open_supervisor,
)
from tests.actors.messages import bye

_said: ContextVar[str] = ContextVar("said", default="nothing")


class Seen(list[tuple[object, str, str]]):
    """Children that note in which trio task, under which name, and after whose words they run."""

    def start(self, word: str, within: float = 0.0):
        async def run(inbox):
            inbox.started()
            self.append((trio.lowlevel.current_task(), trio.lowlevel.current_task().name, _said.get()))
            _said.set(word)
            await trio.sleep(within)

        return infrastructure(run)

    def spec(self, child: str, within: float = 0.0) -> ChildSpec:
        return ChildSpec(id=child, start=self.start(child, within), restart=Restart.TEMPORARY)


async def test_a_task_runs_one_incarnation_after_the_other_each_in_a_context_and_under_a_name_of_its_own(
    autojump_clock,
):
    seen = Seen()
    async with open_supervisor("s") as s:
        for name in ("one", "two"):
            await s.start_child(seen.spec(name)).wait_stopped()
            await trio.testing.wait_all_tasks_blocked()
        assert len(s.children()) == 0
    (first, _, _), (second, _, _) = seen
    assert first is second
    assert [(name, word) for _, name, word in seen] == [("one", "nothing"), ("two", "nothing")]


async def test_few_tasks_wait_and_none_outlives_the_supervisor(autojump_clock):
    before = trio.lowlevel.current_statistics().tasks_living
    seen = Seen()
    with trio.fail_after(10):
        async with open_supervisor("s") as s:
            for number in range(300):
                s.start_child(seen.spec(str(number), within=1))
            await trio.sleep(2)
            assert len(seen) == 300
            assert 1 < trio.lowlevel.current_statistics().tasks_living - before <= 1 + 128 + 4
    assert trio.lowlevel.current_statistics().tasks_living == before


async def test_what_is_started_when_those_that_wait_were_just_cancelled_still_has_an_end(autojump_clock):
    seen = Seen()
    with trio.fail_after(10), trio.CancelScope() as scope:
        async with open_supervisor("s") as s:
            await s.start_child(seen.spec("one")).wait_stopped()
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
            late = s.start_child(seen.spec("two", within=5))
    assert scope.cancelled_caught
    assert late.stopped is not None


async def test_a_supervisor_that_stops_takes_those_that_wait_along(autojump_clock):
    seen = Seen()
    below = ChildSpec(id="below", start=nested(strategy=Strategy.DYNAMIC))
    with trio.fail_after(10):
        async with open_supervisor("s", [below]) as s:
            for _ in range(3):
                nursery = s.nested("below")
                await nursery.start_child(seen.spec("one")).wait_stopped()
                await trio.testing.wait_all_tasks_blocked()
                await s.terminate_child("below", bye())
                s.restart_child("below")
    assert len(seen) == 3


async def test_another_of_one_kind_is_started_under_its_own_id(autojump_clock):
    seen = Seen()
    kind = ChildKind(restart=Restart.TEMPORARY)
    async with open_supervisor("s") as s:
        address = s.start_another(kind, "one", seen.start("one", within=1))
        with pytest.raises(ChildExists):
            s.start_another(kind, "one", seen.start("one"))
        other = s.start_another(kind, "a/b", seen.start("other", within=1))
        assert s.child("one").restart is Restart.TEMPORARY
        assert s.address_of("a/b") is other
        await address.wait_stopped()
        await other.wait_stopped()
    assert [name for _, name, _ in seen] == ["one", "a/b"]
