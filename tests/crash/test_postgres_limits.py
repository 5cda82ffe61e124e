"""A limit of all instances, with processes that are killed while they hold some of it."""

import os
import signal
import time

import pytest
import trio

from runtime import Action, Limits, Step, Template, open_runtime
from tests.crash import ledger
from tests.crash.kills import fork, wait_for
from tests.support.postgres import asking, let_lease_run_out

LEASE_SECONDS = 300.0
"""Nobody loses it to a busy machine; that of who was killed is made to run out."""

LIMIT = 2
TASKS = 12
LIMITS = Limits(resources={"api": LIMIT}, everywhere=frozenset({"api"}))

_facts: ledger.Ledger


async def use() -> None:
    """Say who uses it, and when no more."""
    _facts.write("in", str(os.getpid()))
    await trio.sleep(0.05)
    _facts.write("out", str(os.getpid()))


async def use_for_ever() -> None:
    _facts.write("in", str(os.getpid()))
    await trio.sleep_forever()


def live(store, path, function, count):
    """Run tasks that use the resource, up to the end of all."""
    global _facts
    _facts = ledger.Ledger(path)

    async def main():
        step = Step(action=Action.calling(function), resources=("api",), idempotent=function is use)
        async with open_runtime(store, limits=LIMITS, callables=[use, use_for_ever]) as rt:
            tasks = [await rt.submit(Template(name="limited", steps={"a": step})) for _ in range(count)]
            for task in tasks:
                await task.wait()

    trio.run(main)


def until(told, path):
    while not told(ledger.read(path)):
        time.sleep(0.01)


def those_who(connection, said):
    """Name the instances that said something to the server last, on one of their connections."""
    return set(connection.execute(f"SELECT application_name FROM pg_stat_activity WHERE {said}").fetchall())


@pytest.fixture
def lives():
    children = []
    yield children
    for child in children:
        if wait_for(child, 0.0) is None:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_postgres_slow_a_limit_of_all_instances_holds_and_the_share_of_one_that_was_killed_is_given_back(
    postgres_store, tmp_path, lives
):
    store, path = f"{postgres_store}&lease={LEASE_SECONDS}", tmp_path / "facts"
    greedy = fork(lambda: live(store, path, use_for_ever, LIMIT))
    until(lambda lines: len(lines) == LIMIT, path)
    with asking(store) as connection:
        of_greedy = those_who(connection, "application_name LIKE 'understudy %'")
        lives += [fork(lambda: live(store, path, use, TASKS // 2)) for _ in range(2)]
        refused = set()
        while len(refused) < 2:
            refused |= those_who(connection, "query LIKE 'SELECT hold(%' AND state = 'idle'") - of_greedy
            time.sleep(0.01)
        assert len(ledger.read(path)) == LIMIT  # nobody else got any
        os.kill(greedy, signal.SIGKILL)
        os.waitpid(greedy, 0)
    let_lease_run_out(store, greedy)
    until(lambda lines: sum(line[0] == "out" for line in lines) == TASKS, path)
    using, most = 0, 0
    for what, who in ledger.read(path)[LIMIT:]:
        assert who != str(greedy)
        using += 1 if what == "in" else -1
        most = max(most, using)
    assert most <= LIMIT
