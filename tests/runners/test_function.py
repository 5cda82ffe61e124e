"""function: callables of the embedding program, on trio and in threads."""

import threading
from typing import Any

import pytest
import trio

from runners.function import Function
from runtime import Action, Input, Step, TaskState, open_runtime
from runtime.functions import Functions
from runtime.runner import ClientError, RunnerSettings
from runtime.testing import laws
from tests.support.plans import plan


def runner(function):
    known = Functions()
    name = known.register(function)
    return Function(RunnerSettings(functions=known)), name


async def test_a_plain_function_runs_in_a_thread_and_its_errors_count_as_any():
    def where(kind):
        if kind == "client":
            raise ClientError("no", output={"o": 1})
        return {"main": threading.current_thread() is threading.main_thread()}

    function, name = runner(where)
    with trio.fail_after(30):
        outcome = await laws.gives_json(function, {"name": name, "arguments": {"kind": ""}})
        assert outcome.output == {"main": False}
        failed = await laws.fails_as_declared(function, {"name": name, "arguments": {"kind": "client"}})
    assert isinstance(failed, ClientError)
    assert failed.output == {"o": 1}


async def test_a_cancel_ends_the_step_at_once_and_the_thread_when_it_looks():
    started, ended = trio.Event(), threading.Event()

    def work():
        trio.from_thread.run_sync(started.set)
        while True:
            try:
                trio.from_thread.check_cancelled()
            except trio.Cancelled:
                ended.set()
                raise

    function, name = runner(work)
    with trio.fail_after(30):
        await laws.is_cancelled_promptly(function, {"name": name}, started.wait)
        while not ended.is_set():
            await trio.lowlevel.checkpoint()


async def test_a_function_that_is_deaf_does_not_hold_up_its_step():
    started, release = trio.Event(), threading.Event()

    def work():
        trio.from_thread.run_sync(started.set)
        release.wait(60)

    with trio.fail_after(30):
        async with open_runtime() as rt:
            task = await rt.submit(plan(a=Step(action=work)))
            await started.wait()
            await task.cancel()
            assert (await task.wait()).state is TaskState.CANCELLED
            release.set()


async def test_many_blocking_functions_leave_threads_for_others():
    release = threading.Event()

    def work():
        release.wait(60)

    with trio.fail_after(60):
        async with open_runtime() as rt:
            task = await rt.submit(plan(**{f"s{n}": Step(action=work) for n in range(100)}))
            assert await trio.to_thread.run_sync(lambda: "free") == "free"
            release.set()
            assert (await task.wait()).state is TaskState.DONE


async def test_objects_that_are_called_like_functions_may_be_steps():
    class Adder:
        async def __call__(self, a):
            return a + 1

    class Doubler:
        def __call__(self, a):
            return a * 2

    with trio.fail_after(30):
        async with open_runtime() as rt:
            task = await rt.submit(
                plan(a=Step(action=Action.calling(Adder(), a=1)), b=Step(action=Action.calling(Doubler(), a=4)))
            )
            view = await task.wait()
    assert [view.steps[name].output for name in "ab"] == [2, 8]


@pytest.mark.parametrize("wrong", [int, 3, "f"])
def test_what_is_no_function_is_refused(wrong):
    with pytest.raises(TypeError, match="an action has to be a function"):
        Functions().register(wrong)


async def test_a_step_whose_function_is_not_known_here_fails_and_says_so():
    failed = await laws.fails_as_declared(Function(), {"name": "m:f"})
    assert failed.message.startswith('no function "m:f" is registered in this runtime')


def priced(
    amount: float, count: int = 1, gift: bool = False, items: list[str] | None = None, more: Any = "", name: str = ""
) -> list[object]:
    return [amount, count, gift, items, more, name]


@pytest.mark.parametrize("call", [Action.calling, Action.in_process])
async def test_what_a_template_renders_is_read_as_the_parameter_is_declared(call):
    template = plan(
        price=Step(
            action=call(
                priced,
                amount="{{.input.amount}}",
                count="{{.input.count}}",
                gift="{{.input.gift}}",
                items="{{.input.items | toJson}}",
                more="{{.input.count}}",
                name="{{.input.count}}",
            )
        ),
        inputs=[
            Input(name="amount", type="number"),
            Input(name="count", type="number"),
            Input(name="gift", type="bool"),
            Input(name="items", collection=True),
        ],
    )
    with trio.fail_after(30):
        async with open_runtime() as rt:
            task = await rt.submit(template, {"amount": 10.5, "count": 2, "gift": False, "items": ["a", "b"]})
            view = await task.wait()
    assert view.steps["price"].output == [10.5, 2, False, ["a", "b"], "2", "2"]


@pytest.mark.parametrize(
    ("argument", "fault"),
    [
        ({"amount": "{{.input.word}}"}, "arguments.amount: must be a number, not a text"),
        ({"amount": 1, "count": "1.5"}, "arguments.count: must be a whole number"),
        ({"amount": 1, "items": "[a b]"}, "arguments.items: must be a list, and the text is not one in JSON"),
    ],
)
async def test_a_text_that_cannot_be_read_as_the_parameter_blocks_the_task_and_names_it(argument, fault):
    template = plan(price=Step(action=Action.calling(priced, **argument)), inputs=[Input(name="word", default="x")])
    with trio.fail_after(30):
        async with open_runtime() as rt:
            view = await (await rt.submit(template)).wait()
    assert view.state is TaskState.BLOCKED
    assert view.steps["price"].error.startswith(f"{__name__}:priced: {fault}")
