"""A runtime in a synchronous program."""

import threading
import time

import pytest

from runtime import Action, Refused, Step, TaskNotDone, Template, Unavailable
from runtime.hosts.sync import open_runtime

SAY = Template(
    name="say",
    steps={"a": Step(action=Action(type="echo", configuration={"output": "said"}))},
    result_format={"a": "{{.step.a.output}}"},
)


async def for_ever():
    import trio

    await trio.sleep_forever()


STUCK = Template(name="stuck", steps={"a": Step(action=Action.calling(for_ever), idempotent=True)})


def understudies():
    return [thread for thread in threading.enumerate() if thread.name.startswith("understudy")]


def test_a_task_is_submitted_and_its_result_awaited():
    with open_runtime() as rt:
        task = rt.submit(SAY)
        assert task.result(timeout=60) == {"a": "said"}
        assert rt.task(task.id).status().state == "DONE"
    assert not understudies()


def test_a_runtime_that_was_closed_says_so():
    with open_runtime() as rt:
        task = rt.submit(SAY)
    for ask in (task.status, lambda: rt.submit(SAY)):
        with pytest.raises(Unavailable, match="the runtime is closed"):
            ask()


def test_a_call_from_within_is_a_fault_of_the_program_and_not_of_the_runtime():
    with open_runtime() as rt:

        async def within():
            rt.submit(SAY)

        with pytest.raises(RuntimeError, match="event loop thread"):
            rt.call(within)


def test_a_timeout_gives_the_call_up_and_leaves_the_task_alone():
    with open_runtime(grace_seconds=0) as rt:
        task = rt.submit(STUCK)
        with pytest.raises(TimeoutError):
            task.result(timeout=0.2)
        while task.status().state == "TODO":
            time.sleep(0.01)
        assert task.status().state == "RUNNING"
        task.cancel("enough")
        with pytest.raises(TaskNotDone, match="enough"):
            task.result(timeout=60)


def test_a_step_that_hangs_is_interrupted():
    with open_runtime(grace_seconds=0) as rt:
        task = rt.submit(STUCK)
        while not task.status().running:
            time.sleep(0.01)
        task.interrupt_step("a", "it hangs", retry=False, timeout=60)
        assert task.wait(timeout=60).steps["a"].error == "interrupted by user: it hangs"


def test_a_thousand_tasks_some_of_them_cancelled_end_with_the_block():
    with open_runtime(grace_seconds=0) as rt:
        tasks = [rt.submit(SAY) for _ in range(990)]
        stuck = [rt.submit(STUCK) for _ in range(10)]
        assert all(task.result(timeout=60) == {"a": "said"} for task in tasks)
        for task in stuck[:5]:
            task.cancel()
            assert task.wait(timeout=60).state == "CANCELLED"
    assert not understudies()


def test_an_error_inside_the_block_ends_the_runtime_and_is_told():
    def failing():
        with open_runtime(grace_seconds=0) as rt:
            rt.submit(STUCK)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert not understudies()


async def test_it_is_refused_in_a_task_of_trio_and_holds_up_none():
    with pytest.raises(Refused, match=r"use runtime\.open_runtime"), open_runtime():
        raise AssertionError
