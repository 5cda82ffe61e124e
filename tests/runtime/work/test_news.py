"""Whatever is stored is told, once, at its own position: that is why events have no gaps."""

from itertools import pairwise

import pytest
import trio

from runtime import open_runtime
from runtime.api.messages import Forgotten, Recorded
from runtime.errors import RequestInvalid
from runtime.flow.states import Mode
from runtime.journal.protocol import Entry, standing_of
from runtime.work.news import events_of
from tests.support.live_flow import Kept
from tests.support.plain_flow import FlowLoop, step
from tests.support.plans import plan
from tests.support.plans import step as task_step


def test_each_record_of_a_flow_is_one_event():
    loop = FlowLoop(*[step(f"s{n}", n) for n in range(3)], mode=Mode.FLAT).run()
    events = events_of(loop.flow, 7, loop.records)
    assert [event.position for event in events] == list(range(7, 7 + len(loop.records)))
    assert {event.task_id for event in events} == {loop.flow.header.flow_id}


async def test_a_feed_has_every_position_of_tasks_and_flows_together():
    journal, loop = Kept(), FlowLoop(*[step(f"s{n}", n) for n in range(3)], mode=Mode.FLAT).run()
    async with open_runtime(journal=journal, keep_ended_seconds=1e10) as rt:  # the flow ended years ago
        task = await rt.submit(plan(a=task_step(), b=task_step("a")))
        await journal.append([Entry("f", loop.records, standing_of(loop.flow))])
        await task.wait()
        operator = rt.operator(task.id, requester="ann")
        comment = await operator.comment("what about it?")
        await operator.edit_comment(comment, "what about this?")
        async with rt.feed() as feed:
            events = [event for _ in range(2) for event in await feed.read()]
        assert [event.position for event in events] == list(range(1, len(events) + 1))
        kinds = [event.what for event in events if isinstance(event, Recorded) and event.task_id == task.id]
        assert kinds == ["task_resolved", "comment_added", "comment_edited"]
        for after in range(len(events)):
            async with rt.feed(after=after) as again:
                assert await again.read() == events[after:]
        async with rt.feed() as feed:
            async for event in feed:
                assert event == events[0]
                break
            assert await anext(feed) == events[1]
            assert await feed.read() == events[2:]  # what was looked at ahead is not lost


async def test_a_feed_is_read_inside_its_block_and_says_so_elsewhere():
    async with open_runtime() as rt:
        with pytest.raises(TypeError, match="inside its block: async with"):
            aiter(rt.feed())


@pytest.mark.parametrize("after", [-1, True, "3", 1.0, 10_000])
async def test_where_there_was_never_an_event_none_is_waited_for(after):
    """Else who comes back to another store, or to an older copy of it, waits in silence and then hears what is not next."""
    async with open_runtime() as rt:
        await (await rt.submit(plan(a=task_step()))).wait()
        with pytest.raises(RequestInvalid) as refusal:
            async with rt.feed(after=after):
                raise AssertionError
    assert refusal.value.faults[0].path == "after"


async def test_what_was_deleted_since_leaves_no_unexplained_gap():
    async with open_runtime() as rt:
        tasks = [await rt.submit(plan(a=task_step())) for _ in range(5)]
        for one in tasks:
            await one.wait()
        for one in (tasks[0], tasks[2], tasks[3]):
            await rt.delete(one.id)
        async with rt.feed() as feed:
            with trio.fail_after(5):
                events = [event for _ in range(2) for event in await feed.read()]
    for before, after in pairwise([Forgotten(position=0, missing=0), *events]):
        assert after.position - before.position == (after.missing if isinstance(after, Forgotten) else 1)
    assert sum(isinstance(event, Forgotten) for event in events) >= 2
