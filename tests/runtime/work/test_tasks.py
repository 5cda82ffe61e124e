"""Tasks from submission to rest, inside a trio program, on a virtual clock."""

import gc
import math
import weakref
from datetime import UTC, datetime

import attrs
import pytest
import trio
import trio.testing

from actors import StopReason
from runtime import (
    Action,
    Condition,
    Conflict,
    Input,
    InputInvalid,
    NotFound,
    Output,
    OutputStrategy,
    ResolutionState,
    Step,
    TaskNotDone,
    TaskState,
    Template,
    TemplateInvalid,
    Unavailable,
    open_runtime,
)
from runtime.api.messages import Lagged, Recorded, StepStateChanged, TaskStateChanged
from runtime.engine.draft import replay
from runtime.journal.memory import MemoryJournal
from runtime.journal.protocol import JournalUnavailable
from runtime.runner import ClientError, NotAssigned, NotProvisioned, Outcome, StepFailed
from runtime.templates.model import Assertion, ConditionScope, ConditionType, Operator
from tests.support.plans import echo, plan, step


async def forever() -> None:
    await trio.sleep_forever()


def when(operator, value, expected, then, *, kind=ConditionType.CHECK, message="", final=False):
    return Condition(
        type=kind,
        if_=[Assertion(value=value, operator=operator, expected=expected)],
        then=then,
        message=message,
        final=final,
    )


async def test_a_plan_built_in_python_runs_its_functions_with_rendered_arguments(autojump_clock, clock):
    async def greet(name: str) -> dict[str, str]:
        return {"message": f"Hello, {name}!"}

    template = plan(
        inputs=[Input(name="name")],
        greet=Step(action=Action.calling(greet, name="{{.input.name}}")),
        shout=step("greet", action=echo("{{.step.greet.output.message | upper}}")),
        result_format={"said": "{{.step.shout.output}}"},
    )
    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(template, {"name": "Ada"})
        assert await task.result() == {"said": "HELLO, ADA!"}


async def test_a_function_that_asks_for_the_request_gets_it(autojump_clock, clock):
    async def look(request) -> dict[str, object]:
        return {"step": request.step, "attempt": request.attempt, "seen": request.values["step"]["a"]["output"]}

    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(plan(a=step(action=echo({"n": 1.5})), b=Step(action=look, dependencies=["a"])))
        view = await task.wait()
    assert view.steps["b"].output == {"step": "b", "attempt": 1, "seen": {"n": 1.5}}


async def test_a_retry_waits_on_the_virtual_clock_and_the_task_leaves_memory_meanwhile(autojump_clock, clock):
    began = []

    async def flaky() -> None:
        began.append(clock.wall())
        if len(began) < 3:
            raise StepFailed("not yet")

    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(plan(a=Step(action=flaky)))
        assert (await task.wait()).state is TaskState.DONE
    assert [round(at - began[0], 1) for at in began] == [0, 10, 22.5]


@pytest.mark.parametrize(
    ("error", "state", "resolution"),
    [
        (ClientError("wrong"), "CLIENT_ERROR", ResolutionState.BLOCKED_BADREQUEST),
        (NotAssigned("later"), "WAITING", ResolutionState.WAITING),
        (NotProvisioned("full"), "TO_RETRY", ResolutionState.ERROR),
        (StepFailed("down"), "SERVER_ERROR", ResolutionState.ERROR),
        (ZeroDivisionError("a bug"), "SERVER_ERROR", ResolutionState.ERROR),
    ],
)
async def test_what_an_action_raises_chooses_the_state_of_its_step(autojump_clock, clock, error, state, resolution):
    async def act() -> None:
        raise error

    async with open_runtime(clock=clock) as rt, rt.subscribe() as events:
        task = await rt.submit(plan(a=Step(action=act)))
        async for event in events:
            if isinstance(event, TaskStateChanged) and event.resolution not in {"TODO", "RUNNING"}:
                break
        view = await task.status()
        assert (view.steps["a"].state, view.resolution) == (state, resolution)
        assert str(error) in view.steps["a"].error
        await task.cancel()


async def test_output_and_metadata_of_a_failure_are_kept_for_the_checks(autojump_clock, clock):
    async def act() -> None:
        raise ClientError("no such thing", output={"o": 1}, metadata={"status": 404})

    absent = when(
        Operator.EQ, "{{.step.this.metadata.status}}", "404", {"this": "ABSENT"}, message="{{.step.this.error}}, fine"
    )
    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(plan(a=Step(action=act, custom_states=["ABSENT"], conditions=[absent])))
        view = await task.wait()
    assert view.state is TaskState.DONE
    assert (view.steps["a"].state, view.steps["a"].error) == ("ABSENT", "no such thing, fine")


async def test_a_result_that_is_not_json_is_fatal(autojump_clock, clock):
    async def act() -> object:
        return {"at": object()}

    async with open_runtime(clock=clock) as rt:
        view = await (await rt.submit(plan(a=Step(action=act)))).wait()
    assert view.resolution is ResolutionState.BLOCKED_FATAL
    assert "at: a value of type object is not JSON" in view.steps["a"].error


async def test_a_json_schema_refuses_an_output_that_breaks_it(autojump_clock, clock):
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    async with open_runtime(clock=clock) as rt:
        good = await rt.submit(plan(a=step(action=echo({"n": 1}), json_schema=schema)))
        bad = await rt.submit(plan(a=step(action=echo({"n": "1"}), json_schema=schema)))
        assert (await good.wait()).state is TaskState.DONE
        view = await bad.wait()
    assert view.steps["a"].state == "FATAL_ERROR"
    assert view.steps["a"].error.startswith("output at n: ")


async def test_a_met_skip_condition_leaves_the_action_undone(autojump_clock, clock):
    ran = []

    async def act() -> None:
        ran.append(1)

    skip = when(Operator.EQ, "1", "1", {"this": "PRUNE"}, kind=ConditionType.SKIP, message="not needed")
    quiet = when(Operator.EQ, "1", "1", {"d": "DONE"}, kind=ConditionType.SKIP)
    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(
            plan(
                a=Step(action=act, conditions=[skip]),
                b=step("a"),
                c=Step(action=act, conditions=[quiet]),
                d=step("c:ANY"),
            )
        )
        view = await task.wait()
    assert not ran
    assert {name: one.state for name, one in view.steps.items()} == {
        "a": "PRUNE",
        "b": "PRUNE",
        "c": "DONE",
        "d": "DONE",
    }
    assert (view.steps["a"].error, view.steps["a"].try_count) == ("not needed", 0)


async def test_conditions_see_the_effects_of_those_before_them_and_a_final_one_is_the_last(autojump_clock, clock):
    conditions = [
        when(Operator.EQ, "{{.step.this.state}}", "DONE", {"this": "ONE"}),
        when(Operator.EQ, "{{.step.this.state}}", "ONE", {"this": "TWO"}, final=True, message="two"),
        when(Operator.EQ, "{{.step.this.state}}", "TWO", {"this": "THREE"}),
    ]
    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(plan(a=step(custom_states=["ONE", "TWO", "THREE"], conditions=conditions)))
        view = await task.wait()
    assert (view.steps["a"].state, view.steps["a"].error) == ("TWO", "two")


async def test_a_check_that_cannot_be_evaluated_is_asked_again_without_its_action(autojump_clock, clock):
    ran = []

    async def act() -> int:
        ran.append(1)
        return 7

    unclear = when(Operator.GT, "{{.step.this.output}}", "{{.step.b.output}}", {"this": "BIG"})
    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(
            plan(
                a=Step(action=act, custom_states=["BIG"], conditions=[unclear]),
                b=step("c", action=echo("5")),
                c=step(action=echo("x")),
            )
        )
        view = await task.wait()
    assert ran == [1]
    assert view.steps["a"].state == "BIG"
    assert view.steps["a"].try_count == 1


async def test_a_configuration_that_cannot_be_rendered_is_fatal_and_not_a_try(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt:
        view = await (await rt.submit(plan(a=step(action=echo("{{.task.task_id.x}}"))))).wait()
    assert view.steps["a"].state == "FATAL_ERROR"
    assert view.steps["a"].error.startswith("failed to template configuration: Templating error: template: ")
    assert view.steps["a"].try_count == 0


async def test_an_execution_delay_is_waited_for_before_the_action(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt:
        began = trio.current_time()
        await (await rt.submit(plan(a=step(execution_delay=7.0)))).wait()
        assert trio.current_time() - began == pytest.approx(7)


async def test_a_failed_result_format_keeps_what_could_be_rendered(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(
            plan(a=step(), result_format={"good": "{{.step.a.state}}", "bad": "{{.step.a.state.x}}"})
        )
        view = await task.wait()
    assert view.state is TaskState.DONE
    assert view.result == {"good": "DONE"}
    assert "can't evaluate field x" in view.result_error


async def test_cancelling_cuts_running_steps_and_records_who_asked_and_why(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(plan(a=Step(action=forever), b=Step(action=forever, idempotent=True), c=step("a")))
        await trio.testing.wait_all_tasks_blocked()
        await task.cancel("wrong customer", requester="ada")
        view = await task.wait()
        assert view.state is TaskState.CANCELLED
        assert view.stop_reason == "ada: wrong customer"
        assert {name: one.state for name, one in view.steps.items()} == {"a": "CRASHED", "b": "TO_RETRY", "c": "TODO"}
        assert view.steps["a"].error == "interrupted by ada: wrong customer"
        with pytest.raises(TaskNotDone, match="CANCELLED: ada: wrong customer"):
            await task.result()
        with pytest.raises(Conflict, match="it is CANCELLED"):
            await task.cancel()
        with pytest.raises(Conflict, match="it is CANCELLED"):
            await task.run()


async def test_a_task_asleep_until_its_retry_can_be_cancelled_and_stays_so(autojump_clock, clock):
    async def fail() -> None:
        raise StepFailed("down")

    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(plan(a=Step(action=fail)))
        await trio.sleep(1)
        await task.cancel()
        await trio.sleep(10_000)
        view = await task.status()
    assert (view.state, view.steps["a"].try_count) == (TaskState.CANCELLED, 1)


async def test_a_task_can_be_run_by_hand_before_its_retry_which_then_finds_nothing_to_do(autojump_clock, clock):
    tries = []

    async def fail_once() -> None:
        tries.append(trio.current_time())
        if len(tries) == 1:
            raise StepFailed("down")

    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(plan(a=Step(action=fail_once)))
        await trio.sleep(1)
        await task.run()
        assert (await task.wait()).run_count == 2
        await trio.sleep(100)
        assert (await task.status()).run_count == 2


async def test_a_task_submitted_without_running_waits_for_a_run(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(plan(a=step()), run=False)
        await trio.sleep(1000)
        assert (await task.status()).resolution is ResolutionState.TODO
        await task.run()
        assert (await task.wait()).state is TaskState.DONE


async def test_leaving_the_block_lets_running_steps_finish_within_the_grace(autojump_clock, clock):
    ended = []

    async def nap() -> None:
        await trio.sleep(2)
        ended.append(trio.current_time())

    async with open_runtime(clock=clock, grace_seconds=3) as rt:
        await rt.submit(plan(a=Step(action=nap), b=step("a")))
        await trio.testing.wait_all_tasks_blocked()
    assert ended == [pytest.approx(2)]


async def test_a_shutdown_cuts_what_outlasts_the_grace_and_says_so_on_the_step(autojump_clock, clock):
    async with open_runtime(clock=clock, grace_seconds=3) as rt:
        task = await rt.submit(plan(a=Step(action=forever), b=Step(action=forever, idempotent=True), c=step("a")))
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        rt.shutdown("deploy", requester="operator")
        with pytest.raises(Unavailable, match="shutting down"):
            await rt.submit(plan(a=step()))
        await rt.drained()
        assert trio.current_time() - began == pytest.approx(3)
        view = await task.status()
    assert view.steps["a"].error == "interrupted by operator: deploy"
    assert (view.steps["a"].state, view.steps["b"].state, view.steps["c"].state) == ("CRASHED", "TO_RETRY", "TODO")
    assert view.resolution is ResolutionState.BLOCKED_TOCHECK


async def test_once_drained_tasks_can_be_read_and_nothing_else(autojump_clock, clock):
    async def fail() -> None:
        raise StepFailed("down")

    async with open_runtime(clock=clock) as rt:
        asleep = await rt.submit(plan(a=Step(action=fail)))
        idle = await rt.submit(plan(a=step()), run=False)
        await trio.sleep(1)
        rt.shutdown()
        await rt.drained()
        for _ in range(2):
            with pytest.raises(Unavailable, match="shutting down"):
                await asleep.cancel()
            with pytest.raises(Unavailable, match="shutting down"):
                await idle.run()
            assert (await asleep.status()).resolution is ResolutionState.ERROR


async def test_a_second_more_impatient_shutdown_is_honoured(autojump_clock, clock):
    async with open_runtime(clock=clock, grace_seconds=1000) as rt, trio.open_nursery() as nursery:
        await rt.submit(plan(a=Step(action=forever)))
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        rt.shutdown()
        nursery.start_soon(rt.drained)
        await trio.sleep(5)
        rt.shutdown(grace_seconds=0)
        await rt.drained()
        assert trio.current_time() - began == pytest.approx(5)


async def test_cancelling_the_block_from_outside_ends_everything_at_once(autojump_clock, clock):
    began = trio.current_time()
    with trio.move_on_after(1):
        async with open_runtime(clock=clock, grace_seconds=1000) as rt:
            await rt.submit(plan(a=Step(action=forever)))
            await trio.sleep_forever()
    assert trio.current_time() - began == pytest.approx(1)


async def test_an_error_in_the_block_comes_out_as_it_is(autojump_clock, clock):
    with pytest.raises(ZeroDivisionError):
        async with open_runtime(clock=clock):
            raise ZeroDivisionError


async def test_a_closed_runtime_refuses_and_does_not_hang(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(plan(a=step()))
        await task.wait()
    for call in (task.status, task.wait, task.cancel, lambda: rt.submit(plan(a=step()))):
        with pytest.raises(Unavailable):
            await call()


async def test_who_waits_for_a_task_learns_that_the_runtime_closed(autojump_clock, clock):
    told = []

    async def wait(task):
        with pytest.raises(Unavailable):
            await task.wait()
        told.append(1)

    async with trio.open_nursery() as nursery, open_runtime(clock=clock, grace_seconds=0) as rt:
        nursery.start_soon(wait, await rt.submit(plan(a=Step(action=forever, idempotent=True))))
        await trio.testing.wait_all_tasks_blocked()
    assert told


async def test_who_waits_for_a_task_that_a_shutdown_brings_to_rest_is_told_how(autojump_clock, clock):
    seen = []

    async def wait(task):
        seen.append((await task.wait()).resolution)

    async with trio.open_nursery() as nursery, open_runtime(clock=clock, grace_seconds=0) as rt:
        nursery.start_soon(wait, await rt.submit(plan(a=Step(action=forever))))
        await trio.testing.wait_all_tasks_blocked()
    assert seen == [ResolutionState.BLOCKED_TOCHECK]


async def test_one_id_is_one_task(autojump_clock, clock):
    template = plan(inputs=[Input(name="n", optional=True)], a=step())
    async with open_runtime(clock=clock) as rt:
        first = await rt.submit(template, {"n": "1"}, task_id="mine")
        again = await rt.submit(template, {"n": "1"}, task_id="mine")
        assert (first.id, again.id) == ("mine", "mine")
        assert (await first.wait()).run_count == 1
        with pytest.raises(Conflict, match="another task or flow with the id mine"):
            await rt.submit(template, {"n": "2"}, task_id="mine")


async def test_many_submissions_of_one_id_at_once_are_one_task(autojump_clock, clock):
    ran = []

    async def act() -> None:
        ran.append(1)

    template = plan(a=Step(action=act))
    async with open_runtime(clock=clock) as rt:
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(lambda: rt.submit(template, task_id="mine"))
        await rt.wait("mine")
    assert ran == [1]


@pytest.mark.parametrize(
    ("inputs", "path"),
    [({}, "input.name: missing input name"), ({"name": "x", "n": "many"}, "input.n: "), ({"name": 3}, "input.name: ")],
)
async def test_inputs_that_do_not_fit_are_refused_with_their_path_and_leave_no_trace(
    autojump_clock, clock, inputs, path
):
    template = plan(inputs=[Input(name="name"), Input(name="n", type="number", optional=True)], a=step())
    journal = MemoryJournal()
    async with open_runtime(clock=clock, journal=journal) as rt:
        with pytest.raises(InputInvalid) as refusal:
            await rt.submit(template, inputs)
        assert path in str(refusal.value)
        assert not await journal.tasks()


async def test_a_template_that_is_wrong_is_refused_with_every_fault(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt:
        with pytest.raises(TemplateInvalid) as refusal:
            await rt.submit(plan(a=step("b"), c=step(action=Action(type="ehco"))))
        assert [fault.path for fault in refusal.value.faults] == ["steps.a.dependencies[0]", "steps.c.action.type"]


async def test_a_loop_runs_a_child_per_item_and_a_dependent_reads_their_results(autojump_clock, clock):
    check = when(Operator.EQ, "{{.iterator}}", "b", {"this": "SPECIAL"})
    skip = attrs.evolve(
        when(Operator.EQ, "{{.iterator}}", "c", {"this": "PRUNE"}, kind=ConditionType.SKIP),
        foreach=ConditionScope.CHILDREN,
    )
    template = plan(
        inputs=[Input(name="words", collection=True)],
        each=step(
            foreach="{{.input.words | toJson}}",
            custom_states=["SPECIAL"],
            conditions=[check, skip],
            action=echo("<{{.iterator}}>"),
        ),
        join=step("each", action=echo("{{range .step.each.children}}{{.output}}{{.state}} {{end}}")),
    )
    async with open_runtime(clock=clock) as rt:
        view = await (await rt.submit(template, {"words": ["a", "b", "c"]})).wait()
    assert view.steps["join"].output == "<a>DONE <b>SPECIAL "
    assert view.steps["each"].children == [
        {"output": "<a>", "metadata": {"iterator": "a"}, "state": "DONE"},
        {"output": "<b>", "metadata": {"iterator": "b"}, "state": "SPECIAL"},
    ]
    assert (view.steps_done, view.steps_total) == (2, 2)


async def test_the_children_of_an_open_loop_are_shown_as_steps_of_their_own(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(plan(each=Step(action=forever, foreach='[1.50, "x"]', foreach_strategy="sequence")))
        await trio.testing.wait_all_tasks_blocked()
        view = await task.status()
        assert view.steps["each"].children_steps == ("each-0", "each-1")
        assert [view.steps[name].state for name in ("each", "each-0", "each-1")] == ["EXPANDED", "RUNNING", "TODO"]
        assert str(view.steps["each-0"].item) == "1.50"
        assert view.steps["each-1"].dependencies == ("each-0",)
        assert view.steps["each"].dependencies == ("each-0:ANY", "each-1:ANY")
        await task.cancel()


@pytest.mark.parametrize("foreach", ["no json", '{"a": 1}', "{{.iterator}}", "{{.task.task_id.x}}"])
async def test_what_is_no_list_is_fatal_for_its_loop(autojump_clock, clock, foreach):
    async with open_runtime(clock=clock) as rt:
        view = await (await rt.submit(plan(each=step(foreach=foreach), other=step()))).wait()
    assert view.resolution is ResolutionState.BLOCKED_FATAL
    assert "foreach" in view.steps["each"].error
    assert view.steps["other"].state == "DONE"


async def test_a_loop_may_be_skipped_as_a_whole(autojump_clock, clock):
    skip = attrs.evolve(
        when(Operator.EQ, "1", "1", {"this": "PRUNE"}, kind=ConditionType.SKIP), foreach=ConditionScope.PARENT
    )
    async with open_runtime(clock=clock) as rt:
        view = await (await rt.submit(plan(each=step(foreach="[1]", conditions=[skip]), after=step("each")))).wait()
    assert {name: one.state for name, one in view.steps.items()} == {"each": "PRUNE", "after": "PRUNE"}


async def test_a_title_that_cannot_be_rendered_is_refused(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt:
        with pytest.raises(TemplateInvalid, match="title_format: Templating error"):
            await rt.submit(Template(name="abc", title_format="{{.task.requester_username.x}}", steps={"a": step()}))


async def test_nobody_knows_a_task_that_was_never_submitted(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt:
        for call in (rt.status, rt.wait, rt.cancel, rt.run):
            with pytest.raises(NotFound, match='no task "ghost"'):
                await call("ghost")


async def test_passwords_are_masked_for_readers_and_seen_by_steps(autojump_clock, clock):
    template = plan(inputs=[Input(name="pin", type="password")], a=step(action=echo("{{.input.pin | len}}")))
    async with open_runtime(clock=clock) as rt:
        view = await (await rt.submit(template, {"pin": "secret"})).wait()
    assert view.inputs == {"pin": "**__SECRET__**"}
    assert view.steps["a"].output == "6"


async def test_subscribers_are_told_all_that_is_stored_in_order_and_without_gaps(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt, rt.subscribe() as events:
        task = await rt.submit(plan(a=step(), b=step("a")))
        await task.wait()
        seen = []
        async for event in events:
            seen.append(event)
            if isinstance(event, TaskStateChanged) and event.state.at_rest:
                break
    assert [(type(one), getattr(one, "step", ""), str(getattr(one, "state", ""))) for one in seen] == [
        (TaskStateChanged, "", "TODO"),
        (Recorded, "", ""),
        (TaskStateChanged, "", "RUNNING"),
        (StepStateChanged, "a", "RUNNING"),
        (StepStateChanged, "a", "DONE"),
        (StepStateChanged, "b", "RUNNING"),
        (StepStateChanged, "b", "DONE"),
        (TaskStateChanged, "", "DONE"),
    ]
    assert [one.position for one in seen] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert seen[1].what == "task_resolved"


async def test_a_slow_subscriber_loses_events_and_is_told_how_many(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt, rt.subscribe(capacity=2) as slow, rt.subscribe() as quick:
        await (await rt.submit(plan(a=step(), b=step("a")))).wait()
        first = [await anext(aiter(slow)) for _ in range(2)]
        await (await rt.submit(plan(a=step()))).wait()
        lagged = await anext(aiter(slow))
        assert [type(one) for one in first] == [TaskStateChanged, Recorded]
        assert lagged == Lagged(missed=6)
        assert not isinstance(await anext(aiter(quick)), Lagged)


async def test_a_subscriber_with_room_for_all_loses_none(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt:
        async with rt.subscribe(capacity=math.inf) as events:
            for _ in range(300):
                await (await rt.submit(plan(a=step()))).wait()
            rt.shutdown()
            await rt.drained()
            positions = [one.position async for one in events]
        assert positions == list(range(1, len(positions) + 1))
        assert len(positions) > 1000


async def test_a_subscriber_of_one_task_hears_of_no_other(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt, rt.subscribe("mine") as events:
        await (await rt.submit(plan(a=step()))).wait()
        await (await rt.submit(plan(a=step()), task_id="mine")).wait()
        assert (await anext(aiter(events))).task_id == "mine"


async def test_the_journal_replayed_gives_what_readers_are_shown(autojump_clock, clock):
    from runtime.api.views import view_task

    journal = MemoryJournal()
    async with open_runtime(clock=clock, journal=journal) as rt:
        task = await rt.submit(plan(a=step(), b=step("a"), result_format={"x": "{{.step.b.state}}"}))
        view = await task.wait()
        rebuilt = replay(await journal.read(task.id))
        assert view_task(rebuilt) == view


class BrokenJournal(MemoryJournal):
    """Refuses to store from the nth append on."""

    def __init__(self, after: int, error: Exception) -> None:
        super().__init__()
        self.left = after
        self.error = error

    async def append(self, entries):
        self.left -= 1
        if self.left < 0:
            await trio.lowlevel.checkpoint()
            raise self.error
        return await super().append(entries)


async def test_a_submission_that_cannot_be_stored_is_refused_and_nothing_is_started(autojump_clock, clock):
    ran = []

    async def act() -> None:
        ran.append(1)

    journal = BrokenJournal(0, JournalUnavailable("the disk is full"))
    async with open_runtime(clock=clock, journal=journal) as rt:
        with pytest.raises(JournalUnavailable, match="disk is full"):
            await rt.submit(plan(a=Step(action=act)))
    assert not ran


class OnceBrokenJournal(BrokenJournal):
    async def append(self, entries):
        try:
            return await super().append(entries)
        except type(self.error):
            self.left = 1_000_000
            raise


@pytest.mark.parametrize("idempotent", [True, False])
async def test_a_task_whose_actor_failed_is_rebuilt_from_the_journal(autojump_clock, clock, idempotent):
    """The record of a finished step could not be stored, so nobody knows that it finished."""
    ran = []

    async def act() -> None:
        ran.append(1)

    journal = OnceBrokenJournal(1, OSError("a hiccup"))
    async with open_runtime(clock=clock, journal=journal) as rt:
        task = await rt.submit(plan(a=Step(action=act, idempotent=idempotent), b=step("a")))
        view = await task.wait()
        if idempotent:
            assert (view.state, ran) == (TaskState.DONE, [1, 1])
        else:
            assert (view.resolution, ran) == (ResolutionState.BLOCKED_TOCHECK, [1])
            assert view.steps["a"].state == "CRASHED"


async def test_who_waits_for_a_task_whose_actor_fails_for_good_is_told_and_others_live(autojump_clock, clock):
    class Sour(MemoryJournal):
        async def append(self, entries):
            if entries[0].task_id == "sour" and await self.read("sour"):
                raise OSError("nothing more of this task can be stored")
            return await super().append(entries)

    async with open_runtime(clock=clock, journal=Sour()) as rt:
        task = await rt.submit(plan(a=step()), task_id="sour")
        for _ in range(2):
            with pytest.raises(Unavailable, match="its actor failed too often"):
                await task.wait()
        assert (await task.status()).state is TaskState.RUNNING
        with pytest.raises(Unavailable, match="the actor of task sour failed"):
            await task.cancel()
        assert (await (await rt.submit(plan(a=step()))).wait()).state is TaskState.DONE


async def test_a_task_that_fails_for_good_is_given_up_though_the_front_door_is_another_than_when_it_began(
    autojump_clock, clock
):
    class Sour(MemoryJournal):
        async def append(self, entries):
            if entries[0].task_id == "front" or (entries[0].task_id == "sour" and await self.read("sour")):
                raise OSError("it cannot be stored")
            return await super().append(entries)

    async def nap() -> None:
        await trio.sleep(5)

    async with open_runtime(clock=clock, journal=Sour()) as rt:
        task = await rt.submit(plan(a=Step(action=nap, idempotent=True)), task_id="sour")
        front = rt._asking._intake()
        with pytest.raises(Unavailable):
            await rt.submit(plan(a=step()), task_id="front")
        assert not front.alive
        with pytest.raises(Unavailable, match="its actor failed too often"):
            await task.wait()


async def test_a_thousand_tasks_at_once_are_all_done(autojump_clock, clock):
    template = plan(a=step(), b=step("a"), c=step("a", "b"))
    async with open_runtime(clock=clock) as rt:
        prepared = await rt.prepare(template)
        tasks = [await rt.submit(prepared) for _ in range(1000)]
        ended = []

        async def see(task):
            ended.append((await task.wait()).state)

        async with trio.open_nursery() as nursery:
            for task in tasks:
                nursery.start_soon(see, task)
    assert ended == [TaskState.DONE] * 1000


async def test_nothing_of_a_task_stays_in_memory_but_its_records(autojump_clock, clock):
    seen = []

    async def act(request) -> None:
        seen.append(weakref.ref(request))

    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(plan(a=Step(action=act)))
        await task.wait()
        await trio.testing.wait_all_tasks_blocked()
        gc.collect()
        assert seen[0]() is None


async def test_a_template_object_is_checked_once(autojump_clock, clock):
    template = plan(a=step())
    async with open_runtime(clock=clock) as rt:
        assert await rt.prepare(template) is await rt.prepare(template)


async def test_an_outcome_can_set_and_delete_tags(autojump_clock, clock):
    async def tag() -> Outcome:
        return Outcome(output=1, tags={"new": "yes", "old": ""})

    template = Template(
        name="abc", tags={"old": "{{.input.x}}"}, inputs=[Input(name="x")], steps={"a": Step(action=tag)}
    )
    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(template, {"x": "v"}, run=False)
        assert (await task.status()).tags == {"old": "v"}
        await task.run()
        assert (await task.wait()).tags == {"new": "yes"}


@pytest.mark.parametrize("task_id", ["", "a/b"])
async def test_an_id_that_no_actor_can_have_is_refused(autojump_clock, clock, task_id):
    async with open_runtime(clock=clock) as rt:
        with pytest.raises(InputInvalid, match="task_id: must be a text"):
            await rt.submit(plan(a=step(action=echo("x"))), task_id=task_id)


async def test_what_is_no_function_is_refused_as_an_action(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt:
        with pytest.raises(TypeError, match="an action has to be a function"):
            await rt.submit(plan(a=Step(action=int)))


async def test_arguments_a_function_does_not_take_are_a_fault_of_the_template(autojump_clock, clock):
    async def act(name: str) -> None: ...

    async with open_runtime(clock=clock) as rt:
        with pytest.raises(TemplateInvalid, match=r"steps\.a\.action\.configuration\.arguments: .*'name'"):
            await rt.submit(plan(a=Step(action=Action.calling(act, nmae="x"))))


async def test_templates_see_where_the_runtime_is_and_when_the_task_was_made(autojump_clock, clock):
    """Section 4.2: `.task` is there from the first text that is rendered, the title, on."""
    template = attrs.evolve(
        plan(a=step(action=echo("{{.task.region}}/{{.task.task_id}}"))),
        title_format="{{.task.region}} {{.task.created}} {{.task.requester_username}}",
        tags={"where": "{{.task.region}}"},
    )
    for options, region in (({}, "default"), ({"region": "north"}, "north")):
        async with open_runtime(clock=clock, **options) as rt:
            view = await (await rt.submit(template, requester="ada", task_id="t")).wait()
            created = datetime.fromtimestamp(view.created, UTC).isoformat().replace("+00:00", "Z")
        assert view.title == f"{region} {created} ada"
        assert view.tags == {"where": region}
        assert view.steps["a"].output == f"{region}/t"


async def test_who_waits_for_a_task_in_memory_or_reads_it_asks_nobody(autojump_clock, clock):
    """A task's state is a value: whoever has stored it shows it, and a reader costs its actor no turn."""
    go_on = trio.Event()

    async def act() -> None:
        await go_on.wait()

    async with open_runtime(clock=clock) as rt:
        await trio.testing.wait_all_tasks_blocked()  # whoever looks for tasks that were left awake has looked
        task = await rt.submit(plan(a=Step(action=act)))
        intake = rt._asking._intake()
        before = intake.statistics().posted
        assert (await task.status()).steps["a"].state == "RUNNING"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(task.wait)
            await trio.testing.wait_all_tasks_blocked()
            assert intake.statistics().posted == before
            go_on.set()
        assert rt._broadcast.present(task.id) is None
        assert (await task.status()).state is TaskState.DONE


async def test_when_the_supervisor_of_the_tasks_is_another_so_is_the_front_door_that_holds_it(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt:
        front, root = rt._asking._intake(), rt._stop_tasks.__self__.root()
        root.nested("tasks").stop(StopReason.normal("test"))
        await front.wait_stopped()
        await trio.testing.wait_all_tasks_blocked()
        assert (await (await rt.submit(plan(a=Step(action=echo("x"))))).wait()).state is TaskState.DONE


@pytest.mark.parametrize(
    ("strategy", "shape", "state", "said"),
    [
        ("merge", None, "DONE", ""),
        (
            "merge",
            "text",
            "FATAL_ERROR",
            "failed to template base output: the format of strategy merge has to be an object",
        ),
        ("merge", {"x": "{{fail `no`}}"}, "FATAL_ERROR", "failed to template base output: "),
        ("template", {"x": "{{fail `no`}}"}, "FATAL_ERROR", "unable to format output: "),
    ],
)
async def test_an_output_that_cannot_be_shaped_is_a_fault_of_the_template(
    autojump_clock, clock, strategy, shape, state, said
):
    output = Output(strategy=OutputStrategy(strategy), format=shape)
    async with open_runtime(clock=clock) as rt:
        task = await rt.submit(plan(a=step(action=attrs.evolve(echo({"id": 7}), output=output))))
        view = (await task.wait()).steps["a"]
    assert (view.state, view.error[: len(said)], bool(view.error)) == (state, said, bool(said))
