"""The harness of `tests.crash.kills`, for a few rounds; and that its ledger would notice."""

import subprocess
import sys

import pytest
import trio

from tests.crash.ledger import faults


async def test_nothing_acknowledged_is_lost_when_the_process_is_killed():
    with trio.fail_after(300):
        async with trio.open_nursery() as nursery:
            for seed in (1, 11):  # side by side: half of a round is waiting for processes to start
                nursery.start_soon(ten_rounds, seed)


async def ten_rounds(seed):
    command = [sys.executable, "-m", "tests.crash", "--rounds", "10", "--seed", str(seed), "--keep"]
    done = await trio.run_process(command, capture_stdout=True, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout.decode()


GOOD = [
    "accepted t",
    "start t a 1",
    "finish t a 1",
    "seen t a 1",
    "start t b 2",
    "start t b 3",
    "finish t b 3",
    "seen t b 3",
    "seen t a 1",
    "end t DONE",
    "end t DONE",
]


def told(lines, once=()):
    return list(faults([line.split() for line in lines], set(once)))


def test_a_good_ledger_has_no_faults():
    assert not told(GOOD, {("t", "a")})


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (GOOD[:-2], "acknowledged and ended never"),
        ([*GOOD[:-2], "end t BLOCKED"], "acknowledged and ended BLOCKED"),
        ([*GOOD, "end t CANCELLED"], "ended DONE and then CANCELLED"),
        ([*GOOD, "start t c 9"], "after its task had ended"),
        ([*GOOD[:5], "start t a 9", *GOOD[5:]], "started after its result was told"),
        ([*GOOD[:2], *GOOD[3:]], "a result that it never gave"),
        ([*GOOD[:-2], "finish t a 9", "seen t a 9", *GOOD[-2:]], "another result than before"),
    ],
)
def test_the_ledger_notices(lines, fault):
    assert any(fault in one for one in told(lines))


def test_the_ledger_notices_a_step_that_was_started_twice_unless_a_person_allowed_it():
    assert any("started twice" in one for one in told(GOOD, {("t", "b")}))
    assert not told([*GOOD[:5], "allow t", *GOOD[5:]], {("t", "b")})


async def test_postgres_slow_nothing_acknowledged_is_lost_whatever_happens_to_four_instances():
    command = [sys.executable, "-m", "tests.crash", "--store", "postgres", "--rounds", "3", "--seed", "1"]
    with trio.fail_after(300):
        done = await trio.run_process(command, capture_stdout=True, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout.decode()
