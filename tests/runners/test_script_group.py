"""A script is all the processes of its group: none of them outlives the step, whatever ends it."""

import os
import signal
import subprocess
from collections import Counter

import pytest
import trio

from runtime.duration import parse_duration
from runtime.testing import laws
from tests.support.processes import is_running, wait_gone

# Three generations: a shell, a child that ignores every polite signal, a grandchild in the background.
FAMILY = """
trap '' TERM INT HUP
sh -c 'trap "" TERM INT HUP; sh -c "echo \\$\\$ > {signpost}; sleep 1000; :" & echo $$ > {signpost}; sleep 1000; :' &
echo $$ > {signpost}
{then}
"""


def family(signpost, then):
    return FAMILY.format(signpost=signpost.path, then=then)


async def members(signpost):
    pids = [int(line) for line in await signpost.lines(3)]
    assert len(set(pids)) == 3
    return pids


async def test_a_cancel_ends_every_process_of_the_group(scripts, signpost):
    file = scripts.shell(family(signpost, "sleep 1000; :"))
    seen = []

    async def started():
        seen.extend(await members(signpost))
        assert all(is_running(pid) for pid in seen)

    with trio.fail_after(30):
        await laws.is_cancelled_promptly(scripts.runner, {"file_path": file}, started)
    with trio.fail_after(30):
        await wait_gone(seen)  # they were killed; when the kernel is done with them is its affair


async def test_so_does_a_timeout_and_the_step_fails_with_what_was_said(scripts, signpost, mock_clock):
    mock_clock.rate = 1
    file = scripts.shell(family(signpost, "echo '{}'; sleep 1000; :"))
    seen, failures = [], []

    async def attempt():
        failures.append(await laws.fails_as_declared(scripts.runner, {"file_path": file, "timeout": "10m"}))

    with trio.fail_after(630):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(attempt)
            seen.extend(await members(signpost))
            mock_clock.jump(600)
    (failed,) = failures
    assert failed.message == "timed out: the script and everything it started were killed"
    assert failed.metadata["exit_code"] == "-1"
    assert failed.metadata["process_state"] == "signal: killed"
    assert parse_duration(failed.metadata["execution_time"]) >= 600
    with trio.fail_after(30):
        await wait_gone(seen)  # they were killed; when the kernel is done with them is its affair


async def test_the_end_of_the_script_ends_what_it_left_and_does_not_wait_for_it(scripts, signpost):
    """The background processes hold the pipe open; only the script itself is waited for."""
    wait = f"while [ ! -s {signpost.path}.all ]; do :; done; echo '{{}}'"
    file = scripts.shell(family(signpost, wait))
    seen = []

    async def let_it_end_once_all_are_there():
        seen.extend(await members(signpost))
        (signpost.path.parent / "signpost.all").write_text("go")

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(let_it_end_once_all_are_there)
            outcome = await laws.gives_json(scripts.runner, {"file_path": file})
    assert outcome.output == {}
    with trio.fail_after(30):
        await wait_gone(seen)  # they were killed; when the kernel is done with them is its affair


async def test_a_process_that_leaves_the_group_and_keeps_the_pipe_does_not_hold_the_step(scripts, signpost):
    """Such a one is out of reach: the step ends without it, after the second that it is given to hang up."""
    file = scripts.shell(f"setsid sh -c 'echo $$ > {signpost.path}; exec sleep 1000' &\nread line < {signpost.path}.go")
    os.mkfifo(f"{signpost.path}.go")
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            ended = []

            async def attempt():
                ended.append(await laws.gives_json(scripts.runner, {"file_path": file}))

            nursery.start_soon(attempt)
            (escaped,) = [int(line) for line in await signpost.lines(1)]
            await trio.to_thread.run_sync(lambda: (signpost.path.parent / "signpost.go").write_text("go\n"))
        assert is_running(escaped)
        os.kill(escaped, signal.SIGKILL)
        await wait_gone([escaped])
    assert ended[0].metadata["exit_code"] == "0"


@pytest.mark.parametrize("ending", ["exec sleep 1000", "exec 1>&- 2>&-; exec sleep 1000", "kill -STOP $$"])
async def test_a_script_is_cancelled_whatever_it_is_doing(scripts, signpost, ending):
    file = scripts.shell(f"echo $$ > {signpost.path}; {ending}")

    async def started():
        await signpost.lines(1)

    with trio.fail_after(30):
        await laws.is_cancelled_promptly(scripts.runner, {"file_path": file, "stdin": "x" * 1_000_000}, started)


async def test_a_script_that_never_stops_talking_can_be_cancelled(scripts, signpost):
    file = scripts.shell(f"echo $$ > {signpost.path}; exec yes")

    async def started():
        await signpost.lines(1)

    with trio.fail_after(30):
        await laws.is_cancelled_promptly(scripts.runner, {"file_path": file}, started)


async def test_many_scripts_run_side_by_side(scripts):
    file = scripts.shell("echo '{\"n\": '$1'}'")
    outputs = []

    async def attempt(number):
        request = laws.request_for(scripts.runner, {"file_path": file, "argv": [number]})
        outputs.append((await scripts.runner.run(request)).output["n"])

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(attempt, number)
    assert sorted(outputs) == list(range(20))


async def test_scripts_that_start_together_give_everybody_a_turn_between_two_of_them(scripts, monkeypatch):
    """Starting one stops the program for as long as it takes: many at once must not do so one right after the other."""
    turn, starts, popen = 0, [], subprocess.Popen

    def start(*args, **options):
        starts.append(turn)
        return popen(*args, **options)

    monkeypatch.setattr("runners._process.subprocess.Popen", start)
    file = scripts.shell("echo '{}'")
    with trio.fail_after(30):
        async with trio.open_nursery() as others:

            @others.start_soon
            async def _():
                nonlocal turn
                while True:
                    turn += 1
                    await trio.lowlevel.checkpoint()

            async with trio.open_nursery() as nursery:
                for _ in range(20):
                    nursery.start_soon(scripts.runner.run, laws.request_for(scripts.runner, {"file_path": file}))
            others.cancel_scope.cancel()
    assert len(starts) == 20
    assert (
        max(Counter(starts).values()) <= 2
    )  # the one of a turn may come after, and that of the next before, the count


async def test_a_script_that_waits_to_be_started_is_cancelled_like_any_other(scripts):
    file = scripts.shell("sleep 1000; :")
    with trio.fail_after(30), trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(scripts.runner.run, laws.request_for(scripts.runner, {"file_path": file}))
            await trio.lowlevel.checkpoint()
            scope.cancel()
    assert scope.cancelled_caught
