"""What operators do to tasks (section 7.8), through the runtime, on a virtual clock."""

import attrs
import pytest
import trio

from runtime import (
    Action,
    Assertion,
    Condition,
    ConditionType,
    Conflict,
    Input,
    InputInvalid,
    NotFound,
    Operator,
    ResolutionState,
    Step,
    TaskState,
    TemplateInvalid,
    open_runtime,
)
from runtime.api.messages import StepStateChanged, TaskStateChanged
from runtime.configuration import ConfigurationInvalid
from runtime.engine.draft import replay
from runtime.engine.records import EditedStep
from runtime.engine.rights import Administrators
from runtime.journal.listing import Wanted
from runtime.journal.memory import MemoryJournal
from runtime.runner import PARENT_TAG, ClientError
from runtime.templates.model import InputType
from tests.support.plans import echo, plan, step
from tests.support.times import EPOCH


@pytest.fixture
async def rt(autojump_clock, clock):
    async with open_runtime(clock=clock) as runtime:
        yield runtime


def failing(message="down"):
    return echo(error_message=message)


async def came_to(task, state):
    with trio.fail_after(10_000):
        while True:
            view = await task.status()
            if view.resolution == state and not view.running:
                return view
            await trio.sleep(0.1)


async def test_a_paused_task_waits_for_nothing_but_a_person(autojump_clock, rt, clock):
    task = await rt.submit(plan(a=step(action=failing())))
    await came_to(task, ResolutionState.ERROR)
    await task.operator("ann").pause("look at it")
    view = await task.wait()  # nothing more happens: that is at rest
    assert view.resolution is ResolutionState.PAUSED
    assert view.state is TaskState.RUNNING  # a pause does not touch the state of the task
    assert view.next_retry is None
    await trio.sleep(3600)
    assert (await task.status()).run_count == 1
    await task.operator("ann").edit_steps({"a": step(action=echo("mended"))})
    await task.run()
    view = await task.wait()
    assert view.steps["a"].output == "mended"


@pytest.mark.parametrize(("reason", "said"), [("", "ann"), ("look at it", "ann: look at it")])
async def test_who_holds_a_task_is_said_and_why_as_far_as_it_is_known(autojump_clock, rt, clock, reason, said):
    task = await rt.submit(plan(a=step(action=failing())))
    await came_to(task, ResolutionState.ERROR)
    await task.operator("ann").pause(reason)
    view = await task.wait()
    assert (view.stop_reason, view.waits_for[0]) == (said, f"somebody to run it: it is paused ({said})")


async def test_a_running_task_is_held_by_force_and_what_is_in_flight_is_kept(autojump_clock, rt, clock):
    async def work():
        await trio.sleep(10)
        return "kept"

    task = await rt.submit(plan(a=Step(action=work), b=step("a", action=echo("b"))))
    await trio.sleep(1)
    with pytest.raises(Conflict, match="force"):
        await task.operator().pause()
    await task.operator().pause(force=True)
    view = await task.wait()
    assert view.resolution is ResolutionState.PAUSED
    assert view.steps["a"].output == "kept"
    assert view.steps["b"].state == "TODO"
    await task.run()
    assert (await task.wait()).state is TaskState.DONE


@pytest.mark.parametrize("over", [TaskState.DONE, TaskState.CANCELLED])
async def test_a_task_that_is_over_is_held_by_force_to_be_mended_or_started_over(autojump_clock, rt, clock, over):
    task = await rt.submit(plan(a=step(), b=step("a")), run=over is TaskState.DONE)
    await (task.wait() if over is TaskState.DONE else task.cancel())
    with pytest.raises(Conflict):
        await task.operator().pause()
    await task.operator().pause(force=True)
    view = await task.wait()
    assert (view.resolution, view.state) == (ResolutionState.PAUSED, over)
    await task.operator().set_step_state("b", "TODO")
    await task.run()
    view = await task.wait()
    assert (view.state, view.steps["b"].try_count) == (TaskState.DONE, 1 + (over is TaskState.DONE))
    await task.operator().pause(force=True)
    await task.operator().start_over()
    view = await task.wait()
    assert (view.state, view.run_count) == (TaskState.DONE, 1)


async def test_a_loop_whose_children_ended_while_the_task_was_held_is_contracted_when_it_goes_on(
    autojump_clock, rt, clock
):
    async def work():
        await trio.sleep(10)
        return "kept"

    task = await rt.submit(plan(each=Step(action=work, foreach='["x", "y"]'), after=step("each")))
    await trio.sleep(1)
    await task.operator().pause(force=True)
    view = await task.wait()
    assert view.steps["each"].state == "EXPANDED"
    await task.run()
    view = await task.wait()
    assert view.state is TaskState.DONE
    assert [child["output"] for child in view.steps["each"].children] == ["kept", "kept"]


@pytest.mark.parametrize(("state", "after"), [("PRUNE", "PRUNE"), ("FOO", "PRUNE"), ("DONE", "DONE")])
async def test_what_can_no_longer_be_met_once_somebody_set_a_state_is_pruned_when_the_task_goes_on(
    autojump_clock, rt, state, after
):
    """Not before: whoever set the wrong state, and then the right one, loses nothing."""
    template = plan(a=step(action=failing(), custom_states=["FOO"]), b=step("a"), c=step("b"), d=step("b:ANY"))
    task = await rt.submit(template)
    await came_to(task, ResolutionState.ERROR)
    await task.operator().pause()
    await task.operator().set_step_state("a", "PRUNE")
    await task.operator().set_step_state("a", state)
    assert (await task.status()).steps["b"].state == "TODO"
    await task.run()
    view = await task.wait()
    assert {name: one.state for name, one in view.steps.items()} == {"a": state, "b": after, "c": after, "d": "DONE"}
    assert view.state is TaskState.DONE


@pytest.mark.parametrize(("error_type", "state"), [("", "DONE"), ("client", "CLIENT_ERROR")])
async def test_a_check_that_could_not_be_asked_is_mended_without_the_action(autojump_clock, rt, error_type, state):
    action = echo("made", error_message=error_type and "no", error_type=error_type)

    def checked(value):
        holds = Assertion(value=value, operator=Operator.EQ, expected="b")
        return step(
            action=action, conditions=[Condition(type=ConditionType.CHECK, if_=[holds], then={"this": "PRUNE"})]
        )

    task = await rt.submit(plan(a=checked("{{.iterator.nothing}}")))
    await came_to(task, ResolutionState.ERROR)
    await task.operator().pause()
    kept = (await task.status()).steps["a"]
    assert kept.state == "AFTERRUN_ERROR"
    mended = EditedStep(definition=checked("a"), state=kept.state, output=kept.output, tries=kept.try_count)
    await task.operator().edit_steps({"a": mended})
    await task.run()
    step_ = (await task.wait()).steps["a"]
    assert (step_.state, step_.output, step_.try_count) == (state, "made", 1)


async def test_a_task_that_used_up_its_runs_can_be_given_more(autojump_clock, rt, clock):
    template = attrs.evolve(plan(a=step(action=failing())), retry_max=2)
    task = await rt.submit(template)
    view = await task.wait()
    assert view.resolution is ResolutionState.BLOCKED_MAXRETRIES
    assert (view.run_count, view.run_max) == (2, 2)
    await task.operator("ann").extend("once more")
    view = await came_to(task, ResolutionState.BLOCKED_MAXRETRIES)
    assert (view.run_count, view.run_max) == (4, 4)
    await task.operator().pause()
    with pytest.raises(Conflict, match="used up its runs"):
        await task.operator().extend()


async def test_starting_over_takes_the_template_as_it_is_now_and_forgets_what_was(autojump_clock, rt, clock):
    await rt.register(attrs.evolve(plan(a=step(action=failing()), b=step()), name="kept"))
    first = attrs.evolve(plan(a=step(action=echo(error_message="no", error_type="client"))), name="kept")
    task = await rt.submit(first, requester="eve")
    blocked = await task.wait()
    assert blocked.resolution is ResolutionState.BLOCKED_BADREQUEST
    await rt.register(attrs.evolve(plan(a=step(action=echo("now")), c=step("a")), name="kept"))
    await task.operator("ann").start_over()
    view = await task.wait()
    assert view.state is TaskState.DONE
    assert sorted(view.steps) == ["a", "c"]
    assert view.steps["a"].output == "now"
    assert (view.run_count, view.steps["a"].try_count) == (1, 1)
    assert view.resolution_id != blocked.resolution_id
    assert (view.requester_username, view.resolver_username) == ("eve", "ann")
    with pytest.raises(Conflict, match="PAUSED, BLOCKED_BADREQUEST or CANCELLED"):
        await task.operator().start_over()


async def test_a_cancelled_task_can_be_started_over(autojump_clock, rt, clock):
    task = await rt.submit(plan(a=step(action=echo("x"))), run=False)
    await task.cancel("mistake")
    assert (await task.wait()).state is TaskState.CANCELLED
    await task.operator().start_over(run=False)
    view = await task.status()
    assert view.resolution is ResolutionState.TODO
    await task.run()
    assert (await task.wait()).state is TaskState.DONE


async def test_a_task_that_nobody_took_on_can_be_rejected_and_is_over_then(autojump_clock, rt, clock):
    task = await rt.submit(plan(a=step()), resolve=False)
    assert (await task.status()).state is TaskState.TODO
    await task.operator("ann").reject("no budget")
    view = await task.wait()
    assert view.state is TaskState.WONTFIX
    assert view.stop_reason == "ann: no budget"
    for attempt in (task.run, task.operator().reject, task.operator().start_over, task.cancel):
        with pytest.raises(Conflict):
            await attempt()
    with pytest.raises(Conflict):
        await rt.resolve(task.id)


async def test_no_task_is_made_from_a_blocked_template(autojump_clock, rt, clock):
    with pytest.raises(Conflict, match='"plan" is blocked'):
        await rt.submit(attrs.evolve(plan(a=step()), blocked=True))


async def test_what_a_resolver_has_to_say_is_asked_of_whoever_takes_the_task_on(autojump_clock, rt, clock):
    template = attrs.evolve(plan(a=step(action=echo("{{.resolver_input.who}}"))), resolver_inputs=[Input(name="who")])
    task = await rt.submit(template, resolve=False)
    with pytest.raises(InputInvalid, match="missing input who"):
        await rt.resolve(task.id)
    await rt.resolve(task.id, {"who": "ann"}, resolver="bob")
    view = await task.wait()
    assert (view.steps["a"].output, view.resolver_username) == ("ann", "bob")


async def test_a_delayed_task_starts_when_its_time_has_come(autojump_clock, rt, clock):
    task = await rt.submit(plan(a=step()), delay=3600)
    view = await task.status()
    assert (view.state, view.resolution) == (TaskState.DELAYED, ResolutionState.TO_AUTORUN_DELAYED)
    assert view.next_retry == EPOCH + 3600
    assert (await task.wait()).state is TaskState.DONE
    assert EPOCH + 3600 <= clock.wall() < EPOCH + 3601


async def test_a_delay_is_kept_for_whoever_takes_the_task_on(autojump_clock, rt, clock):
    """Q35: it was forgotten, and the task could not be rejected."""
    task = await rt.submit(plan(a=step()), delay=3600, resolve=False)
    await trio.sleep(600)
    await rt.resolve(task.id, resolver="bob")
    assert (await task.status()).state is TaskState.DELAYED
    assert (await task.wait()).state is TaskState.DONE
    assert EPOCH + 3600 <= clock.wall() < EPOCH + 3601
    other = await rt.submit(plan(a=step()), delay=3600, resolve=False)
    await other.operator().reject()


async def test_edits_need_a_task_that_is_held(autojump_clock, rt, clock):
    task = await rt.submit(plan(a=step(action=echo(error_message="no", error_type="client"))))
    await task.wait()
    operator = task.operator()
    for edit in (
        operator.edit_steps({"a": step()}),
        operator.set_step_state("a", "DONE"),
        operator.edit_task(tags={"x": "y"}),
        operator.edit_resolver_inputs({}),
    ):
        with pytest.raises(Conflict, match="pause it first"):
            await edit


async def test_a_step_put_in_another_state_counts_as_that(autojump_clock, rt, clock):
    template = plan(
        a=step(action=echo(error_message="no", error_type="client"), custom_states=["GIVEN_UP"]), b=step("a:GIVEN_UP")
    )
    task = await rt.submit(template)
    await task.wait()
    operator = task.operator("ann")
    await operator.pause()
    with pytest.raises(TemplateInvalid, match=r'no state "GIVEN_UPP" .did you mean "GIVEN_UP"'):
        await operator.set_step_state("a", "GIVEN_UPP")
    with pytest.raises(TemplateInvalid):
        await operator.set_step_state("a", "ANY")
    with pytest.raises(NotFound):
        await operator.set_step_state("nobody", "DONE")
    async with rt.subscribe(task.id) as events:
        await operator.set_step_state("a", "GIVEN_UP")
        await task.run()
        view = await task.wait()
        seen = []
        async for event in events:
            seen.append(event)
            if isinstance(event, TaskStateChanged) and event.state is TaskState.DONE:
                break
    assert any(isinstance(one, StepStateChanged) and one.state == "GIVEN_UP" for one in seen)
    assert view.steps["b"].state == "DONE"
    assert view.edits == 1


async def test_a_child_of_a_loop_can_be_put_in_another_state(autojump_clock, rt, clock):
    async def work(item):
        if item == "b":
            raise ClientError("no")
        return item

    each = Step(action=Action.calling(work, item="{{.iterator}}"), foreach='["a", "b"]')
    task = await rt.submit(plan(each=each))
    assert (await task.wait()).steps["each-1"].state == "CLIENT_ERROR"
    await task.operator().pause()
    with pytest.raises(TemplateInvalid, match="edit the loop"):
        await task.operator().edit_steps({"each-1": step()})
    await task.operator().set_step_state("each-1", "PRUNE")
    await task.run()
    view = await task.wait()
    assert [child["output"] for child in view.steps["each"].children] == ["a"]


async def test_rewritten_steps_are_checked_like_those_of_a_template(autojump_clock, rt, clock):
    task = await rt.submit(plan(a=step(), b=step("a")), run=False)
    operator = task.operator()
    await operator.pause()
    with pytest.raises(TemplateInvalid, match=r'steps.b.dependencies\[0\]: .* "aa" .did you mean "a"'):
        await operator.edit_steps({"b": {"action": {"type": "echo", "configuration": {}}, "dependencies": ["aa"]}})
    with pytest.raises(TemplateInvalid, match=r"steps.b.dependencies\[0\]"):
        await operator.edit_steps({"a": None})
    with pytest.raises(TemplateInvalid, match=r"steps\.b\.state"):
        await operator.edit_steps({"b": {"action": {"type": "echo", "configuration": {}}, "state": "NOWHERE"}})
    with pytest.raises(TemplateInvalid, match=r"steps\.b\.try_count"):
        await operator.edit_steps({"b": {"action": {"type": "echo", "configuration": {}}, "try_count": -1}})
    assert (await task.status()).edits == 0
    given = {"action": {"type": "echo", "configuration": {}}, "state": "DONE", "output": {"by": "hand"}, "try_count": 3}
    await operator.edit_steps({"b": given, "c": {"action": {"type": "echo", "configuration": {"output": "{{.step.b.output.by}}"}}, "dependencies": ["b"]}})  # fmt: skip
    await task.run()
    view = await task.wait()
    assert view.steps["b"].try_count == 3
    assert view.steps["c"].output == "hand"
    assert view.steps_total == 3


async def test_steps_can_be_replaced_as_a_whole(autojump_clock, rt, clock):
    task = await rt.submit(plan(a=step(), b=step("a")), run=False)
    await task.operator().pause()
    await task.operator().edit_steps({"only": step(action=echo("x"))}, replace=True)
    await task.run()
    assert list((await task.wait()).steps) == ["only"]


async def test_inputs_can_be_rewritten_and_the_title_follows(autojump_clock, rt, clock):
    template = attrs.evolve(
        plan(
            a=step(action=echo("{{.input.n}}/{{.input.secret}}")),
            inputs=[Input(name="n", type=InputType.NUMBER), Input(name="secret", type=InputType.PASSWORD)],
        ),
        title_format="number {{.input.n}}",
    )
    task = await rt.submit(template, {"n": 1, "secret": "abc"}, tags={"kept": "x"}, resolve=False)
    shown = (await task.status()).inputs
    operator = task.operator()
    with pytest.raises(InputInvalid, match="must be a number"):
        await operator.edit_task(inputs={"n": "x", "secret": "abc"})
    await operator.edit_task(inputs={**shown, "n": 2})
    view = await task.status()
    assert view.title == "number 2"
    assert view.tags == {"kept": "x"}
    with pytest.raises(InputInvalid, match="reserved"):
        await operator.edit_task(tags={PARENT_TAG: "other"})
    await operator.edit_task(tags={"new": "y"}, watcher_usernames=("wendy",))
    await rt.resolve(task.id)
    view = await task.wait()
    assert view.steps["a"].output == "2/abc"
    assert view.tags == {"new": "y"}
    assert view.watcher_usernames == ("wendy",)


async def test_what_the_resolver_gave_can_be_rewritten(autojump_clock, rt, clock):
    template = attrs.evolve(
        plan(a=step(action=echo("{{.resolver_input.who}}"))), resolver_inputs=[Input(name="who", regex="^[a-z]+$")]
    )
    task = await rt.submit(template, resolver_inputs={"who": "ann"}, run=False)
    await task.operator().pause()
    with pytest.raises(InputInvalid):
        await task.operator().edit_resolver_inputs({"who": "1"})
    await task.operator().edit_resolver_inputs({"who": "bob"})
    await task.run()
    assert (await task.wait()).steps["a"].output == "bob"


async def test_an_edit_of_a_task_that_somebody_else_edited_meanwhile_is_refused(autojump_clock, rt, clock):
    task = await rt.submit(plan(a=step()), run=False)
    first, second = task.operator("ann"), task.operator("bob")
    await first.pause()
    read = second._workshop.ask

    async def late(message):
        if type(message).__name__ == "EditTaskSteps":
            await first.set_step_state("a", "DONE")
        return await read(message)

    late_bob = attrs.evolve(second, workshop=attrs.evolve(second._workshop, ask=late))
    with pytest.raises(Conflict, match="edited meanwhile"):
        await late_bob.edit_steps({"a": step()})


async def test_everything_an_operator_did_is_in_the_journal_with_who_and_why(autojump_clock, clock):
    journal = MemoryJournal()
    async with open_runtime(clock=clock, journal=journal, administrators=Administrators()) as rt:
        task = await rt.submit(plan(a=step(action=echo(error_message="no", error_type="client"))))
        await task.wait()
        operator = task.operator("ann")
        await operator.pause("1")
        await operator.set_step_state("a", "DONE", "2")
        await operator.edit_steps({"b": step()}, "3")
        await operator.edit_task(tags={}, reason="4")
        await operator.edit_resolver_inputs({}, "5")
        await operator.tag({"x": "1"}, reason="6")
        await operator.start_over(reason="7")
        await came_to(task, ResolutionState.BLOCKED_BADREQUEST)
        records = await journal.read(task.id)
        by_ann = [record.reason for record in records if getattr(record, "requester", "") == "ann"]
        assert by_ann == list("1234567")
        assert replay(records).notes.edits == 5


async def test_config_is_shown_to_steps_but_for_what_is_concealed(autojump_clock, clock):
    config = {
        "numbers": '{"one": 1}',
        "text": "just text: [",
        "secret": "hush",
        "encryption-key": "key",
        "utask-cfg": '{"concealed_secrets": ["secret"]}',
    }
    shown = "{{.config.numbers.one}} {{.config.text}} {{.config.secret}} {{field `config` `encryption-key`}}"
    async with open_runtime(clock=clock, config=config) as rt:
        task = await rt.submit(plan(a=step(action=echo(shown)), result_format={"r": "{{.config.numbers.one}}"}))
        view = await task.wait()
    assert view.steps["a"].output == "1 just text: [ <no value> <no value>"
    assert view.result == {"r": "1"}


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        ("admin_usernames: [ann]", "utask-cfg: is not JSON"),
        ("[]", "utask-cfg: must be a JSON object"),
        ('{"concealed_secrets": "secret"}', "concealed_secrets: must be a list"),
        ('{"completed_task_expiration": 30}', "completed_task_expiration: must be a duration"),
        ('{"resource_limits": {"a": "many"}}', "resource_limits.a: must be a number"),
        ('{"notify_config": []}', "notify_config: must be a mapping"),
    ],
)
async def test_a_host_item_that_cannot_be_read_starts_nothing(item, fault):
    """Else what it conceals would be shown, and what it limits would be without limit."""
    with pytest.raises(ConfigurationInvalid, match=fault):
        async with open_runtime(config={"utask-cfg": item}):
            raise AssertionError


async def test_the_host_says_how_long_tasks_are_kept_once_they_ended(autojump_clock, clock):
    async with open_runtime(clock=clock, config={"utask-cfg": '{"completed_task_expiration": "2h"}'}) as rt:
        task = await rt.submit(plan(a=step()))
        await task.wait()
        await trio.sleep(3600)
        assert (await task.status()).state is TaskState.DONE
        await trio.sleep(4 * 3600)  # it is looked for every two hours
        with pytest.raises(NotFound):
            await task.status()


async def test_tags_are_changed_whatever_state_a_task_is_in(autojump_clock, rt):
    task = await rt.submit(plan(a=step()), tags={"team": "red", "size": "L"})
    await task.wait()
    operator = task.operator("ann")
    await operator.tag({"team": "blue", "size": "", "new": "1"})
    assert (await task.status()).tags == {"team": "blue", "new": "1"}
    assert [one.task_id for one in await rt.find(Wanted(tags={"team": "blue"}))] == [task.id]
    before = (await task.status()).last_activity
    await operator.tag({"team": "blue", "gone": ""})  # nothing changes, so nothing is stored
    assert (await task.status()).last_activity == before
    with pytest.raises(InputInvalid, match="reserved"):
        await operator.tag({PARENT_TAG: "x"})


async def test_a_view_tells_when_the_last_run_began_and_when_one_ended(autojump_clock, rt, clock):
    task = await rt.submit(plan(a=step(action=failing())), run=False)
    view = await task.status()
    assert (view.last_start, view.last_stop) == (None, None)
    await trio.sleep(5)
    started = clock.wall()
    await task.run()
    view = await came_to(task, ResolutionState.ERROR)
    assert view.last_start == started
    assert started <= view.last_stop < started + 1
    stopped = view.last_stop
    await trio.sleep(view.next_retry - clock.wall() + 1)
    view = await came_to(task, ResolutionState.ERROR)
    assert view.run_count == 2
    assert view.last_stop >= view.last_start > stopped
    await task.cancel()
    assert (await task.status()).last_stop == view.last_stop  # it did not run then


async def test_a_run_that_is_cut_ended_then(autojump_clock, rt, clock):
    for cut in ("cancel", "pause"):
        task = await rt.submit(plan(a=step(action=Action.calling(trio.sleep_forever), idempotent=True)))
        await trio.sleep(10)
        now = clock.wall()
        await (task.cancel() if cut == "cancel" else task.operator().pause(force=True))
        view = await task.status()
        assert view.last_stop == now
        assert view.last_start < now - 9
        if cut == "pause":
            await task.cancel()
