"""Who listens to one task is told of that one, and costs the others nothing."""

import sys
from contextlib import AsyncExitStack

from runtime import Action, Step, Template, open_runtime
from runtime.api.messages import StepProgressed
from runtime.work.broadcast import Broadcast


def said(task_id, message=""):
    return StepProgressed(at=0.0, task_id=task_id, step="s", attempt=1, done=None, message=message)


async def test_subscribers_hear_of_their_task_or_of_all_until_they_leave():
    broadcast = Broadcast()
    async with broadcast.subscribe(None, 9) as every, broadcast.subscribe("a", 9) as first:
        async with broadcast.subscribe("a", 9) as second:
            broadcast.tell(said("a"))
            broadcast.tell(said("b"))
            assert await second.receive() == said("a")
        broadcast.tell(said("a", "more"))
        broadcast.close()
        assert [event async for event in first] == [said("a"), said("a", "more")]
        assert [event async for event in every] == [said("a"), said("b"), said("a", "more")]
    assert not broadcast.subscribed


async def test_an_event_costs_no_more_where_others_listen_to_other_tasks():
    lines = {}
    for others in (1, 1000):
        broadcast = Broadcast()

        def count(_frame, event, _argument, others=others):
            lines[others] = lines.get(others, 0) + (event == "line")
            return count

        async with AsyncExitStack() as leaving:
            for number in range(others):
                await leaving.enter_async_context(broadcast.subscribe(f"t{number}", 1))
            before = sys.gettrace()
            sys.settrace(count)
            try:
                broadcast.spread("t0", 1, [said("t0")])
            finally:
                sys.settrace(before)
    assert lines[1] == lines[1000] > 0


async def test_a_task_that_was_given_up_and_has_come_to_rest_all_the_same_may_be_waited_for_again(autojump_clock):
    async with open_runtime() as rt:
        task = await rt.submit(Template(name="idle", steps={"a": Step(action=Action(type="echo"))}))
        ended = await rt.rest(task.id)
        broadcast = Broadcast()
        broadcast.give_up(task.id, "its actor failed too often")
        with broadcast.waiter(task.id) as told:
            assert told.filled
        broadcast.publish(ended, 1, [], ours=False)  # by another instance
        with broadcast.waiter(task.id) as told:
            assert not told.filled
        assert not broadcast.given_up
