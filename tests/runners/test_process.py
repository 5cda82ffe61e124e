"""process: functions in processes of their own, which are real here."""

import os
import signal
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import pytest
import trio

from runners._remote_call import LARGEST_RESULT
from runners._workers import _KEPT
from runners.process import Process
from runtime import Action, Step, StepState, TaskState, open_runtime
from runtime.functions import Functions
from runtime.runner import ClientError, NotAssigned, NotJson, RunnerSettings, StepFailed
from runtime.testing import laws
from tests.support import callables
from tests.support.plans import plan
from tests.support.processes import wait_gone


def runner(*functions, **settings):
    known = Functions()
    for function in functions:
        known.register(function)
    return Process(RunnerSettings(functions=known, **settings))


def calling(function, timeout="60s", memory_bytes=0, environment=None, **arguments):
    return {
        "name": f"tests.support.callables:{function.__qualname__}",
        "arguments": arguments,
        "timeout": timeout,
        "memory_bytes": memory_bytes,
        "environment": environment or {},
    }


async def succeeds(function, settings=None, **others):
    with trio.fail_after(60):
        return await laws.gives_json(runner(function, **(settings or {})), calling(function, **others))


async def fails(function, **others):
    with trio.fail_after(60):
        return await laws.fails_as_declared(runner(function), calling(function, **others))


async def test_a_function_gives_its_result_whether_it_is_async_or_not():
    outcome = await succeeds(callables.add, a=41)
    assert outcome.output == 42
    assert outcome.metadata["printed"] == ""
    assert (await succeeds(callables.nap, seconds=0.01)).output == {"slept": 0.01}
    assert (await succeeds(callables.Holder.inner)).output == "found"


async def test_what_it_prints_is_metadata_and_its_outcome_is_its_own():
    outcome = await succeeds(callables.describe, text="ä")
    assert (outcome.output, outcome.metadata, outcome.tags) == ({"text": "ä"}, {"m": 1}, {"t": "v"})


async def test_it_inherits_what_the_runtime_says_it_may_and_no_more(monkeypatch):
    monkeypatch.setenv("SECRET", "hunter2")
    assert (await succeeds(callables.environment, name="SECRET")).output == "hunter2"
    assert (await succeeds(callables.environment, {"environment": {}}, name="SECRET")).output is None
    given = await succeeds(callables.environment, {"environment": {}}, name="X", environment={"X": "y"})
    assert given.output == "y"


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("client", ClientError, "no"),
        ("waiting", NotAssigned, "not yet"),
        ("other", StepFailed, "ArithmeticError: two and two"),
    ],
)
async def test_an_error_is_what_it_was_there(kind, error, message):
    failed = await fails(callables.refuse, kind=kind)
    assert (type(failed), failed.message) == (error, message)
    if kind == "client":
        assert (failed.output, failed.metadata) == ({"o": 1}, {"m": 2})


@pytest.mark.parametrize("function", [callables.odd, callables.odder])
async def test_a_result_that_is_not_json_is_told_apart(function):
    process = runner(function)
    with trio.fail_after(60):
        with pytest.raises(NotJson):
            await process.run(laws.request_for(process, calling(function)))
        await process.close()


async def test_a_result_has_bounds_and_so_has_memory():
    assert len((await succeeds(callables.large, size=LARGEST_RESULT - 200)).output) == LARGEST_RESULT - 200
    failed = await fails(callables.large, size=LARGEST_RESULT)
    assert failed.message == "the result is larger than 10 MiB"
    failed = await fails(callables.hungry, size=1 << 32, memory_bytes=1 << 30)
    assert failed.message.startswith("MemoryError")


@pytest.mark.parametrize(("code", "said"), [(3, "exit status 3"), (-9, "signal 9"), (-11, "signal 11")])
async def test_a_process_that_vanishes_fails_the_step(code, said):
    failed = await fails(callables.vanish, code=code)
    assert failed.message == f"the process ended without an answer: {said}"


async def test_one_that_hangs_is_killed_when_its_time_is_over(jumping_clock, signpost):
    with trio.fail_after(120):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(fails, callables.hang, signpost=str(signpost.path), timeout="50s"))
            [pid] = await signpost.lines(1)
            jumping_clock.jump(50)
        await wait_gone([int(pid)])


async def test_a_cancel_kills_it_at_once(signpost):
    configuration = calling(callables.hang, signpost=str(signpost.path))
    with trio.fail_after(60):
        await laws.is_cancelled_promptly(runner(callables.hang), configuration, partial(signpost.lines, 1))


async def called(process, function, **others):
    return (await process.run(laws.request_for(process, calling(function, **others)))).output


async def test_a_process_that_has_answered_is_used_again_and_one_that_is_cancelled_or_dies_is_not(signpost):
    process = runner(callables.count_calls, callables.hang, callables.vanish)
    with trio.fail_after(60):
        first = await called(process, callables.count_calls)
        assert await called(process, callables.count_calls) == {"pid": first["pid"], "calls": 2}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(called, process, callables.hang, signpost=str(signpost.path)))
            [pid] = await signpost.lines(1)
            assert int(pid) == first["pid"]
            nursery.cancel_scope.cancel()
        await wait_gone([first["pid"]])
        second = await called(process, callables.count_calls)
        assert second["calls"] == 1
        with pytest.raises(StepFailed, match="exit status 3"):
            await called(process, callables.vanish, code=3)
        third = await called(process, callables.count_calls)
        assert third["calls"] == 1
        await process.close()
        await wait_gone([third["pid"]])


async def test_as_many_processes_are_kept_as_there_are_processors_and_no_more():
    process = runner(callables.count_calls)
    pids = []

    async def one():
        pids.append((await called(process, callables.count_calls))["pid"])

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for _ in range(_KEPT + 3):
                nursery.start_soon(one)
        again = [(await called(process, callables.count_calls))["pid"] for _ in range(3)]
        assert len(set(pids)) == _KEPT + 3
        assert set(again) <= set(pids)
        await process.close()
        await wait_gone(pids)


@pytest.mark.parametrize("what", ["thread", "child", "orphan"])
async def test_one_that_has_something_left_over_is_killed_with_it(what, signpost):
    process = runner(callables.leave_behind, callables.count_calls)
    with trio.fail_after(60):
        left = await called(process, callables.leave_behind, what=what, signpost=str(signpost.path))
        await wait_gone(left)
        assert (await called(process, callables.count_calls))["pid"] not in left
        await process.close()


async def test_what_a_call_changes_of_its_process_is_put_back_and_a_fresh_one_is_used_once():
    process = runner(callables.rearrange, callables.look_around, callables.count_calls)
    with trio.fail_after(60):
        before = await called(process, callables.look_around)
        assert await called(process, callables.rearrange) == before["pid"]
        assert await called(process, callables.look_around) == before
        configuration = {**calling(callables.count_calls), "fresh": True}
        fresh = [(await process.run(laws.request_for(process, configuration))).output for _ in range(2)]
        assert [one["calls"] for one in fresh] == [1, 1]
        await wait_gone([one["pid"] for one in fresh])
        await process.close()


async def test_a_worker_that_was_killed_while_nobody_needed_it_costs_no_call():
    process = runner(callables.count_calls)
    with trio.fail_after(60):
        first = await called(process, callables.count_calls)
        os.kill(first["pid"], signal.SIGKILL)
        assert (await called(process, callables.count_calls))["calls"] == 1
        await process.close()


async def test_a_runtime_leaves_no_process_when_it_is_closed():
    template = plan(a=Step(action=Action.in_process(callables.count_calls)))
    with trio.fail_after(60):
        async with open_runtime() as rt:
            view = await (await rt.submit(template)).wait()
        await wait_gone([view.steps["a"].output["pid"]])


async def test_what_is_printed_belongs_to_the_call_that_printed_it():
    process = runner(callables.shout)
    with trio.fail_after(60):
        for text in ("one", "two"):
            outcome = await process.run(laws.request_for(process, calling(callables.shout, text=text)))
            assert outcome.metadata["printed"] == text + "\n" + text
        await process.close()


async def test_as_a_step_it_takes_rendered_arguments_and_needs_no_word_of_configuration():
    template = plan(
        a=Step(action=Action.in_process(callables.add, a=1, b=2)),
        b=Step(action=Action.in_process(callables.odd)),
    )
    with trio.fail_after(60):
        async with open_runtime() as rt:
            view = await (await rt.submit(template)).wait()
    assert view.steps["a"].output == 3
    assert (view.steps["b"].state, view.state) == (StepState.FATAL_ERROR, TaskState.BLOCKED)
    assert "not JSON" in view.steps["b"].error


async def test_a_template_may_name_functions_that_the_program_offers():
    action = {"type": "process", "configuration": {"name": "tests.support.callables:add", "arguments": {"a": 1}}}
    with trio.fail_after(60):
        async with open_runtime(callables=[callables.add]) as rt:
            view = await (
                await rt.submit(
                    {"name": "plan", "description": "some", "title_format": "some", "steps": {"a": {"action": action}}}
                )
            ).wait()
    assert view.steps["a"].output == 2


def test_what_another_process_cannot_find_is_refused():
    def local():
        return 1

    known = Functions()
    name = known.register(local)
    process = Process(RunnerSettings(functions=known))
    assert [fault.message for fault in process.check({"name": name}).faults] == [
        "another process cannot find it by its name"
    ]
    assert [fault.path for fault in process.check({"name": "os:system"}).faults] == ["name"]
    wrong = runner(callables.add).check(calling(callables.add, c=1))
    assert [fault.path for fault in wrong.faults] == ["arguments"]


def test_a_function_of_the_program_itself_is_found_without_running_it_again(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            """
            import trio
            from runtime import Action, Step, Template, open_runtime

            def double(n):
                return n * 2

            async def main():
                async with open_runtime() as rt:
                    template = Template(name="plan", steps={"a": Step(action=Action.in_process(double, n=21))})
                    print((await (await rt.submit(template)).wait()).steps["a"].output)

            if __name__ == "__main__":
                trio.run(main)
            """
        )
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, cwd=root, timeout=60)
    assert (done.stdout, done.stderr) == ("42\n", "")
