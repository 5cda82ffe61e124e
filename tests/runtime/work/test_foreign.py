"""Whatever the functions of a program raise or return, their step says so in words that can be stored, and others go on."""

from collections.abc import Mapping

import pytest
import trio

from actors import VirtualClock
from runtime import Action, Limits, open_runtime
from runtime.foreign import LONGEST_TOLD, told
from runtime.runner import Outcome, StepFailed
from runtime.work.limits import limits_of
from tests.support.plans import plan, step
from tests.support.times import EPOCH


class Unsayable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class Own(BaseException):
    """One that no `except Exception` catches."""


class Hostile(dict[str, int]):
    def items(self):
        raise RuntimeError("no items")


def circular() -> list[object]:
    value: list[object] = []
    value.append(value)
    return value


def nested() -> object:
    value: object = None
    for _ in range(100_000):
        value = [value]
    return value


class Endless(Mapping[str, object]):
    def __getitem__(self, key: str) -> object:
        return Endless()

    def __iter__(self):
        return iter("a")

    def __len__(self) -> int:
        return 1


RAISED = {
    "unsayable": (Unsayable(), "Unsayable: (its text cannot be had: RuntimeError)"),
    "exit": (SystemExit(5), "SystemExit: 5"),
    "own": (Own("no"), "Own: no"),
    "groups": (
        BaseExceptionGroup("g", [Own("a"), ExceptionGroup("h", [KeyError("b")] * 11)]),
        "BaseExceptionGroup: g (Own: a; ExceptionGroup: h (" + "KeyError: 'b'; " * 10 + "1 more))",
    ),
    "surrogate": (ValueError("a\ud800b"), "ValueError: a\ufffdb"),
    "failed surrogate": (StepFailed("a\ud800b"), "a\ufffdb"),
    "failed with no text": (StepFailed(17), "17"),  # type: ignore[arg-type]
    "huge": (ValueError("x" * 10**6), f"ValueError: {'x' * (LONGEST_TOLD - 12)}..."),
    "an interpreter in itself": (None, "RuntimeError: Attempted to call run() from inside a run()"),
}
RETURNED = {
    "circular": (circular(), "nested too deeply, or circular"),
    "nested": (nested(), "nested too deeply, or circular"),
    "endless": (Endless(), "nested too deeply, or circular"),
    "huge": (10**10_000, "an integer of more than 4000 digits"),
    "hostile": (Hostile(a=1), "cannot be read: RuntimeError: no items"),
    "nan": ({"a": [float("nan")]}, "a[0]: nan is not JSON"),
    "set": ({1}, "a value of type set is not JSON"),
    "tags": (Outcome(tags={"a": object()}), "tags"),  # type: ignore[dict-item]
    "tag numbers": (Outcome(tags={"a": 1}), "tags: must be a mapping of texts to texts"),  # type: ignore[dict-item]
}


async def call(raised: str = "", returned: str = "") -> object:
    if raised:
        error = RAISED[raised][0]
        if error is None:
            trio.run(trio.sleep, 0)
        else:
            raise error
    return RETURNED[returned][0]


async def test_what_a_function_raises_or_returns_is_told_of_its_step_and_of_no_other(autojump_clock):
    """``sys.exit()`` in a step is no end of the runtime, and a text that cannot be stored no end of a task."""
    cases = {f"r{n}": (Action.calling(call, raised=name), RAISED[name][1]) for n, name in enumerate(RAISED)}
    cases |= {f"v{n}": (Action.calling(call, returned=name), RETURNED[name][1]) for n, name in enumerate(RETURNED)}
    steps = {name: step(action=action, max_retries=1) for name, (action, _) in cases.items()}
    async with open_runtime(clock=VirtualClock(EPOCH)) as rt:
        task = await rt.submit(plan(**steps))
        view = await task.wait()
        for name, (_, text) in cases.items():
            assert text in view.steps[name].error, name
        assert (await (await rt.submit(plan(a=step()))).wait()).state == "DONE"


LARGE = {
    "text": "x" * 101,
    "nested": {"a": [["x"] * 7] * 2},
    "metadata": Outcome(metadata={"a": "x" * 100}),
    "tags": Outcome(tags={"a": "x" * 100}),
}


async def give(name: str) -> object:
    if name == "failed":
        raise StepFailed("the disk is full", output="x" * 101)
    return LARGE[name]


async def test_a_result_that_is_too_large_ends_its_step_in_words_that_say_what_to_do(autojump_clock):
    """It would be stored, shown and kept: and what no store can hold, its task would try to store for ever."""
    steps = {name: step(action=Action.calling(give, name=name)) for name in [*LARGE, "failed"]}
    async with open_runtime(clock=VirtualClock(EPOCH), limits=Limits(result_size=100)) as rt:
        view = await (await rt.submit(plan(**steps))).wait()
        for name, one in view.steps.items():
            assert (one.state, one.output, one.metadata) == ("FATAL_ERROR", None, None), name
            assert "larger than 100 (" in one.error
            assert "Limits(result_size=...)" in one.error
        assert "the disk is full" in view.steps["failed"].error


def test_a_result_is_no_larger_than_a_store_can_hold():
    for size in (0, -1, 2**30):
        with pytest.raises(ValueError, match="result_size"):
            Limits(result_size=size)
    assert limits_of({"utask-cfg": '{"max_result_size": 1000}'}).result_size == 1000
    assert limits_of({"utask-cfg": "{}"}).result_size == Limits().result_size


def test_what_is_told_of_a_group_in_groups_is_bounded():
    error: Exception = ValueError("x" * 5000)
    for _ in range(50):
        error = ExceptionGroup("y" * 100, [error] * 20)
    assert len(told(error)) <= LONGEST_TOLD + 3
