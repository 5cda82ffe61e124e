"""The acceptance scenarios again, through the whole runtime: client, intake, actors, journal, timers, runners.

Each scenario is the very test that the engine alone passes, with a driver that talks to a runtime. Those about a
function alone are left out, and two that hold a flow at a cut have their own form in `test_recovery`.
"""

import re
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trio
import trio.testing

from runtime.journal.opening import open_journal
from tests.runtime.flow import test_approvals, test_basics, test_cancellation, test_groups, test_plans, test_retries
from tests.support.live_flow import Kept, Live

MODULES = (test_basics, test_approvals, test_plans, test_retries, test_groups, test_cancellation)
ALONE = {"a11", "a12", "a46", "a61", "a62", "a63"}
"""About functions, or (A62) about a flow that is held at a cut."""

HELD = {"test_a44_a_rerun_that_was_cut_is_continued_where_it_was"}
"""The form of a scenario that holds a flow at a cut."""


def scenarios() -> Iterator[tuple[str, Callable[..., None], Any]]:
    for module in MODULES:
        for name, test in vars(module).items():
            found = re.match(r"test_(a\d\d)_", name)
            if found and found[1] not in ALONE and name not in HELD:
                yield name, test, module


def cases() -> Iterator[Any]:
    for name, test, module in scenarios():
        marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
        arguments: list[dict[str, Any]] = [{}]
        for mark in marks:
            names = mark.args[0] if isinstance(mark.args[0], str) else ",".join(mark.args[0])
            keys = [one.strip() for one in names.split(",")]
            values = [one if len(keys) > 1 else (one,) for one in mark.args[1]]
            arguments = [{**known, **dict(zip(keys, row, strict=True))} for known in arguments for row in values]
        for number, given in enumerate(arguments):
            yield pytest.param(test, module, given, id=f"{name}-{number}" if len(arguments) > 1 else name)


def with_driver(test: Callable[..., None], module: Any, driver: Any) -> Callable[..., None]:
    """Give a test, and the helpers of its module, that mean `driver` where they say `FlowLoop`."""
    names = dict(vars(module))
    names["FlowLoop"] = driver
    for name, value in vars(module).items():
        if isinstance(value, types.FunctionType) and value.__module__ == module.__name__:
            copy = types.FunctionType(value.__code__, names, name, value.__defaults__, value.__closure__)
            copy.__kwdefaults__ = value.__kwdefaults__
            names[name] = copy
    driven: Callable[..., None] = names[test.__name__]
    return driven


@pytest.mark.parametrize(("test", "module", "given"), list(cases()))
async def test_a_scenario_holds_through_the_whole_runtime(mock_clock, test, module, given):
    await play(mock_clock, test, module, given, lambda _number: Kept())


@pytest.mark.parametrize(("test", "module", "given"), [one for one in cases() if not re.search(r"-[1-9]", one.id)])
async def test_a_scenario_holds_with_a_store(mock_clock, tmp_path, test, module, given):
    async def store(number):
        return await open_journal(f"sqlite:///{tmp_path}/{number}.db?synchronous=normal")

    await play(mock_clock, test, module, given, store)


async def play(mock_clock, test, module, given, journal):
    with trio.fail_after(10**12):
        async with trio.open_nursery() as nursery:
            live = Live(nursery, mock_clock, journal)
            body = with_driver(test, module, live)
            try:
                await trio.to_thread.run_sync(lambda: body(**given))
            finally:
                await live.end()


def test_every_scenario_of_the_specification_is_there():
    names = {
        re.match(r"test_(a\d\d)_", name)[1]
        for module in MODULES
        for name in vars(module)
        if re.match(r"test_a\d\d_", name)
    }
    assert names == {f"a{number:02}" for number in range(1, 64)}
