"""dask: functions on a real cluster, in processes of its own on this machine."""

import os
import signal
from functools import partial

import pytest
import trio

import runners.dask
from runners import _cluster
from runners.dask import Dask
from runtime import Action, ResolutionState, Step, TaskState, open_runtime
from runtime.functions import Functions
from runtime.runner import ClientError, NotJson, RunnerSettings, StepFailed
from runtime.testing import laws
from tests.support import callables, dask_cluster
from tests.support.plans import plan
from tests.support.processes import wait_gone

SECONDS = 300
"""How long anything may take: a worker that was lost is a process to be started, which others may keep waiting."""

FUNCTIONS = (
    callables.add,
    callables.nap,
    callables.refuse,
    callables.odd,
    callables.hang,
    callables.vanish_the_first_time,
    callables.large,
    callables.leave,
)


@pytest.fixture(scope="module")
def started():
    with dask_cluster.running() as running:
        yield running


@pytest.fixture
def cluster(started):
    """The scheduler's address, once all workers are there: some tests kill some."""
    address, whole = started
    whole()
    return address


def runner(address, **config):
    known = Functions()
    for function in FUNCTIONS:
        known.register(function)
    return Dask(RunnerSettings(functions=known, config={"dask": address, **config}))


def calling(function, timeout=f"{SECONDS}s", **arguments):
    name = f"tests.support.callables:{function.__qualname__}"
    return {"name": name, "arguments": arguments, "timeout": timeout}


async def warm(address):
    """Use the client once: Dask has threads for all of a process, which stay."""
    once = runner(address)
    await once.run(laws.request_for(once, calling(callables.add, a=1)))
    await once.close()


async def test_a_function_gives_its_result_whether_it_is_async_or_not_and_leaves_nothing(cluster):
    with trio.fail_after(SECONDS):
        await warm(cluster)
        outcome = await laws.gives_json(runner(cluster), calling(callables.add, a=41))
        assert outcome.output == 42
        assert outcome.metadata["worker"].startswith("tcp://127.0.0.1")
        assert (await laws.gives_json(runner(cluster), calling(callables.nap, seconds=0.01))).output == {"slept": 0.01}


async def test_an_error_is_what_it_was_there(cluster):
    with trio.fail_after(SECONDS):
        await warm(cluster)
        failed = await laws.fails_as_declared(runner(cluster), calling(callables.refuse, kind="client"))
        assert (type(failed), failed.message, failed.output) == (ClientError, "no", {"o": 1})
        failed = await laws.fails_as_declared(runner(cluster), calling(callables.refuse, kind="other"))
        assert failed.message == "ArithmeticError: two and two"
        one = runner(cluster)
        with pytest.raises(NotJson):
            await one.run(laws.request_for(one, calling(callables.odd)))
        await one.close()


async def test_a_cancel_ends_the_attempt_at_once_and_so_does_the_end_of_its_time(
    jumping_clock, started, cluster, signpost
):
    with trio.fail_after(2 * SECONDS):
        await warm(cluster)
        configuration = calling(callables.hang, signpost=str(signpost.path))
        await laws.is_cancelled_promptly(runner(cluster), configuration, partial(signpost.lines, 1))
        await kill(await signpost.lines(1))  # deaf to everything but a signal; and the scheduler takes it for free
        await trio.to_thread.run_sync(started[1])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(times_out, calling(callables.hang, signpost=str(signpost.path)), cluster)
            [_, pid] = await signpost.lines(2)
            jumping_clock.jump(SECONDS)
        await kill([pid])
        assert (await laws.gives_json(runner(cluster), calling(callables.add, a=1))).output == 2


async def kill(pids):
    """Kill workers: their nannies start new ones."""
    for pid in pids:
        os.kill(int(pid), signal.SIGKILL)
    await wait_gone(map(int, pids))


async def times_out(configuration, address):
    failed = await laws.fails_as_declared(runner(address), configuration)
    assert failed.message == f"timed out after {SECONDS}s"


async def test_one_that_has_not_begun_when_it_is_cancelled_never_does(cluster, signpost, tmp_path):
    one = runner(cluster)
    with trio.fail_after(SECONDS):
        async with trio.open_nursery() as nursery:
            for _ in range(2):  # as many as there are workers
                configuration = calling(callables.hang, signpost=str(signpost.path))
                nursery.start_soon(one.run, laws.request_for(one, configuration))
            pids = await signpost.lines(2)
            with trio.move_on_after(0.5):
                trace = calling(callables.vanish_the_first_time, trace=str(tmp_path / "trace"))
                await one.run(laws.request_for(one, trace))
            await kill(pids)
            nursery.cancel_scope.cancel()
        assert (await one.run(laws.request_for(one, calling(callables.add, a=1)))).output == 2
        await one.close()
    assert not (tmp_path / "trace").exists()


async def test_when_a_worker_is_lost_only_an_idempotent_function_is_begun_again(cluster, tmp_path):
    one = runner(cluster)
    with trio.fail_after(SECONDS):
        for idempotent in (True, False):
            trace = tmp_path / str(idempotent)
            configuration = calling(callables.vanish_the_first_time, trace=str(trace))
            request = laws.request_for(one, configuration, idempotent=idempotent)
            if idempotent:
                assert (await one.run(request)).output == 2
            else:
                with pytest.raises(ClientError, match="nobody knows what it did"):
                    await one.run(request)
            assert trace.read_text().count("begun") == 1 + idempotent
        await one.close()


async def test_without_a_scheduler_the_step_fails_and_says_so():
    nowhere = await laws.fails_as_declared(runner("tcp://127.0.0.1:9"), calling(callables.add, a=1, timeout="500ms"))
    assert nowhere.message.startswith("timed out after 0.5s")
    unsaid = Dask(RunnerSettings(functions=runner("x").settings.functions))
    assert 'no configuration item "dask"' in (await laws.fails_as_declared(unsaid, calling(callables.add, a=1))).message
    odd = runner("[1, 2]")
    assert "is not of the form" in (await laws.fails_as_declared(odd, calling(callables.add, a=1))).message


async def test_what_is_too_large_stays_where_it_is(cluster, monkeypatch):
    came = []
    decoded = runners.dask.decoded

    async def seen(decode, answer):
        came.append(len(answer))
        return await decoded(decode, answer)

    monkeypatch.setattr(runners.dask, "decoded", seen)
    with trio.fail_after(SECONDS):
        await warm(cluster)
        failed = await laws.fails_as_declared(runner(cluster), calling(callables.large, size=11 * 1024 * 1024))
    assert failed.message == "the result is larger than 10 MiB"
    assert max(came) < 1024


async def test_a_function_that_exits_ends_its_step_and_nothing_else(cluster):
    with trio.fail_after(SECONDS):
        await warm(cluster)
        failed = await laws.fails_as_declared(runner(cluster), calling(callables.leave, code=3))
        assert failed.message == "SystemExit: 3"
        assert (await laws.gives_json(runner(cluster), calling(callables.add, a=1))).output == 2


async def test_the_scheduler_does_not_keep_for_ever_that_something_was_begun(cluster, monkeypatch):
    one = runner(cluster)

    async def begin():
        request = laws.request_for(one, calling(callables.add, a=1), idempotent=False)
        assert (await one.run(request)).output == 2

    async def kept():
        def marks(dask_scheduler):
            return {name for name in dask_scheduler.extensions["events"]._events if name.startswith("understudy-")}

        portal, client = one._cluster._portal, one._cluster._session._client
        return await trio.to_thread.run_sync(portal.call, client.run_on_scheduler, marks)

    with trio.fail_after(SECONDS):
        monkeypatch.setattr(_cluster, "_FORGET_SECONDS", SECONDS)
        await begin()
        first = await kept()
        await begin()
        both = await kept()
        assert len(both - first) == 1
        monkeypatch.setattr(_cluster, "_FORGET_SECONDS", 0.1)
        await begin()
        while await kept() - both:  # noqa: ASYNC110
            await trio.sleep(0.05)
        await one.close()


async def test_when_the_scheduler_is_lost_only_an_idempotent_function_may_be_begun_again(signpost):
    with dask_cluster.running_apart() as (address, scheduler), trio.fail_after(SECONDS):
        one, failures = runner(address), {}

        async def call(configuration, *, idempotent):
            with pytest.raises(StepFailed) as failed:
                await one.run(laws.request_for(one, configuration, idempotent=idempotent))
            failures[idempotent] = failed.value

        async with trio.open_nursery() as nursery:
            hang = calling(callables.hang, signpost=str(signpost.path))
            nursery.start_soon(partial(call, hang, idempotent=False))
            await signpost.lines(1)
            nursery.start_soon(partial(call, calling(callables.add, a=1), idempotent=True))
            await trio.sleep(0.2)  # it is sent; that the scheduler has it does not matter
            scheduler.kill()
        await one.close()
    assert type(failures[True]) is StepFailed
    assert type(failures[False]) is ClientError
    assert "nobody knows what it did" in failures[False].message


async def test_all_who_want_a_scheduler_that_is_away_hear_so_at_the_same_time(monkeypatch):
    monkeypatch.setattr(_cluster, "_CONNECT_SECONDS", 1.0)
    one, heard = runner("tcp://127.0.0.1:9"), []

    async def call():
        with pytest.raises(StepFailed, match="there is no Dask scheduler at tcp://127"):
            await one.run(laws.request_for(one, calling(callables.add, a=1)))
        heard.append(trio.current_time())

    with trio.fail_after(SECONDS):
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(call)
        await one.close()
    assert max(heard) - min(heard) < 0.9  # an attempt takes a second


async def test_as_a_step(cluster, tmp_path):
    def act(function, **arguments):
        return Action(type="dask", configuration=calling(function, **arguments))

    template = plan(
        a=Step(action=act(callables.add, a=1)),
        b=Step(action=act(callables.vanish_the_first_time, trace=str(tmp_path / "t")), dependencies=["a"]),
    )
    with trio.fail_after(SECONDS):
        async with open_runtime(config={"dask": f'{{"scheduler": "{cluster}"}}'}, callables=FUNCTIONS) as rt:
            view = await (await rt.submit(template)).wait()
    assert (view.steps["a"].output, view.state) == (2, TaskState.BLOCKED)
    assert view.resolution is ResolutionState.BLOCKED_BADREQUEST


def test_what_a_worker_cannot_find_is_refused():
    one = runner("x")
    assert [fault.path for fault in one.check(calling(callables.add, c=1)).faults] == ["arguments"]
    assert [fault.path for fault in one.check({"name": "os:system"}).faults] == ["name"]
