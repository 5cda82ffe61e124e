"""The laws of a runner, as plain functions: call them on yours, from your own tests (``understudy[testing]``).

::

    from runtime.testing import laws

    async def test_a_nap_can_be_interrupted():
        await laws.is_cancelled_promptly(Nap(), {"seconds": 1000}, trio.testing.wait_all_tasks_blocked)

Each takes a runner and whatever the law needs, and raises `AssertionError` when the law is broken. The async ones run
on any clock, and wait for events: give those that stall a `started` that waits until the attempt is under way. Behind
every attempt the runner is closed, as it is with its runtime; it has to bear being used again all the same.

===============================  ======================================================================================
`check_never_raises`             whatever a template holds, `Runner.check` answers with faults that can be printed
`structure_builds_or_refuses`    and `Runner.structure` with a configuration or with `ConfigurationInvalid`
`takes_any_configuration`        both of these
`gives_json`                     an outcome is JSON, and the attempt leaves nothing behind
`fails_as_declared`              a failure is one of the declared classes, JSON too, and leaves nothing behind
`is_cancelled_promptly`          a cancelled attempt ends within 100 ms and the runner's grace, lets the cancel through,
                                 and leaves nothing behind
`keeps_secret`                   a text does not appear in what a failed attempt says or logs, nor in the request's repr
===============================  ======================================================================================
"""

import logging
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from time import monotonic  # noqa: TID251 - what a thread has, which knows no clock of ours
from typing import Any, Final, get_args, get_type_hints

import attrs
import trio

from runtime.configuration import ConfigurationInvalid
from runtime.extras import needed_by
from runtime.runner import AnyRunner, Json, Outcome, StepFailed, StepRequest, normalise

with needed_by("runtime.testing.laws"):
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

CANCEL_SECONDS: Final = 0.1
"""How long a cancel may take, besides the runner's own grace, and the time that this machine keeps everybody waiting."""

_NOTICED_SECONDS: Final = 5.0
"""How long a peer in this same process gets to notice the end: far longer than that takes, on any machine."""

_TICK_SECONDS: Final = 0.005


def request_for(runner: AnyRunner, configuration: Json, **others: Any) -> StepRequest[Any]:
    """Make the request of one attempt."""
    about = {"task_id": "a-task", "resolution_id": "a-resolution", "step": "a-step", "attempt": 1, **others}
    return StepRequest(config=runner.structure(configuration), **about)


def check_never_raises(runner: AnyRunner, *, examples: int = 100) -> None:
    """Check that no configuration, however odd, makes the static check fail."""
    _for_all_documents(runner, examples, _checks)


def structure_builds_or_refuses(runner: AnyRunner, *, examples: int = 100) -> None:
    """Check that a rendered configuration becomes a value of the runner's class, or a refusal that names its faults."""
    _for_all_documents(runner, examples, _structures)


def takes_any_configuration(runner: AnyRunner, *, examples: int = 100) -> None:
    """Check both of these at once, on the same configurations: in half the time."""
    _for_all_documents(runner, examples, _checks, _structures)


_Law = Callable[[AnyRunner, Json, Json], None]


def _for_all_documents(runner: AnyRunner, examples: int, *laws: _Law) -> None:
    documents = _documents(runner)

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(documents, documents)
    def law(configuration: Json, base: Json) -> None:
        for one in laws:
            one(runner, configuration, base)

    law()


def _checks(runner: AnyRunner, configuration: Json, base: Json) -> None:
    checked = runner.check(configuration, base)
    assert (checked.config is None) <= bool(checked.faults)
    for fault in (*checked.faults, *checked.warnings):
        str(fault).encode()


def _structures(runner: AnyRunner, configuration: Json, base: Json) -> None:
    try:
        config = runner.structure(configuration, base)
    except ConfigurationInvalid as refused:
        refusal = refused
    else:
        assert isinstance(config, runner.config)
        assert all(isinstance(name, str) for name in runner.resources(config))
        return
    assert refusal.faults


async def gives_json(runner: AnyRunner, configuration: Json, **others: Any) -> Outcome:
    """Check that an attempt succeeds with JSON and leaves nothing behind; give its outcome, in plain form."""
    async with _leaving_nothing(runner):
        outcome = await runner.run(request_for(runner, configuration, **others))
    assert isinstance(outcome, Outcome)
    assert set(map(type, (*outcome.tags, *outcome.tags.values()))) <= {str}
    return attrs.evolve(outcome, output=normalise(outcome.output), metadata=normalise(outcome.metadata))


async def fails_as_declared(runner: AnyRunner, configuration: Json, **others: Any) -> StepFailed:
    """Check that an attempt fails with a declared error that carries JSON, and leaves nothing behind; give the error."""
    async with _leaving_nothing(runner):
        try:
            outcome = await runner.run(request_for(runner, configuration, **others))
        except StepFailed as failure:
            failed = failure
        else:
            raise AssertionError(f"it did not fail, it gave {outcome}")
    assert failed.message
    failed.message.encode()
    failed.output, failed.metadata = normalise(failed.output), normalise(failed.metadata)
    return failed


async def is_cancelled_promptly(
    runner: AnyRunner, configuration: Json, started: Callable[[], Awaitable[object]], **others: Any
) -> None:
    """Check that an attempt that is under way ends as soon as it is cancelled."""
    request = request_for(runner, configuration, **others)
    ended = trio.Event()

    async def attempt() -> None:
        await runner.run(request)
        ended.set()

    async with _leaving_nothing(runner):
        measuring = ExitStack()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(attempt)
            await started()
            delays = measuring.enter_context(_delays())
            cancelled_at = trio.current_time()
            nursery.cancel_scope.cancel()
        took = trio.current_time() - cancelled_at
        measuring.close()
        assert took < CANCEL_SECONDS + runner.grace_seconds + sum(delays), f"the cancel took {took:.3f} s"
        assert not ended.is_set(), "it swallowed the cancel, or ended before it"


async def keeps_secret(runner: AnyRunner, configuration: Json, secret: str) -> StepFailed:
    """Check that a failing attempt says nothing, and logs nothing, that holds `secret`; give its error."""
    request = request_for(runner, configuration)
    assert secret not in repr(request)
    with _logged() as lines:
        failed = await fails_as_declared(runner, configuration)
    assert not [line for line in lines if secret in line]
    assert secret not in failed.message
    assert secret not in repr(failed)
    for cause in (failed.__cause__, failed.__context__ if not failed.__suppress_context__ else None):
        assert secret not in repr(cause)
    return failed


@contextmanager
def _delays() -> Iterator[list[float]]:
    """Collect how late a thread is that only wants to sleep: as late as the machine makes everybody.

    A runner that holds up the event loop holds up no thread, unless it does so in Python alone.
    """
    delays: list[float] = []
    over = threading.Event()

    def tick() -> None:
        while True:
            before = monotonic()
            ended = over.wait(_TICK_SECONDS)
            if ended:
                return
            delays.append(max(0.0, monotonic() - before - _TICK_SECONDS))

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        yield delays
    finally:
        over.set()
        thread.join()


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Collect all that is logged meanwhile, at every level, by this program and by its libraries."""
    lines: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]  # a handler in a line
    root = logging.getLogger()
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.setLevel(level)
        root.removeHandler(listener)


def _documents(runner: AnyRunner) -> st.SearchStrategy[Json]:
    """Make JSON whose keys are often the ones that the runner reads."""
    keys = st.sampled_from(sorted(_keys(runner.config))) | st.text(max_size=5)
    words = st.sampled_from(
        ["", "{{ .input.x }}", "true", "-1", "1e3", "10s", "GET", "http://h/", "..", "\ud800", "\0"]
    )
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | words
    values = st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
    )
    return st.dictionaries(keys, values, max_size=8) | values


def _keys(config: Any) -> Iterator[str]:
    """Name the fields of a configuration class, and of the classes in its fields."""
    if attrs.has(config):
        for name, hint in get_type_hints(config).items():
            yield name
            yield from _keys(hint)
    for inner in get_args(config):
        yield from _keys(inner)


@asynccontextmanager
async def _leaving_nothing(runner: AnyRunner) -> AsyncIterator[None]:
    """Compare what the process holds before and after; a peer in this same process gets a moment to notice the end."""
    before = _holdings()
    yield
    await runner.close()
    with trio.move_on_after(_NOTICED_SECONDS):
        while _left(before):
            await trio.lowlevel.checkpoint()
    assert not _left(before), f"left behind: {_left(before)}"


def _left(before: Mapping[str, frozenset[str]]) -> Mapping[str, frozenset[str]]:
    left = {name: now - before[name] for name, now in _holdings().items()}
    return {name: things for name, things in left.items() if things}


def _holdings() -> dict[str, frozenset[str]]:
    """Name the open descriptors, the child processes and the threads; idle threads of trio's pool are nobody's."""
    return {
        "descriptors": frozenset(_descriptors()),
        "children": frozenset(_children()),
        "threads": frozenset(thread.name for thread in threading.enumerate() if "Trio thread" not in thread.name),
    }


def _descriptors() -> Iterator[str]:
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that was listing
            yield f"{descriptor.name} {descriptor.readlink()}"


def _children() -> Iterator[str]:
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == os.getpid():
            yield status.parent.name
