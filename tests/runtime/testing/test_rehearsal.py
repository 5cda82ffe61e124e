"""Templates are rehearsed as they would run: fakes take the place of what steps do, and of nothing else."""

import json

import pytest
import trio

from runtime import Action, Condition, Input, Step, TaskState, Template, TemplateInvalid, open_runtime
from runtime.settings import SettingInvalid
from runtime.templates.model import Assertion, ConditionType, Operator
from runtime.testing import (
    ClientError,
    FakesInvalid,
    NotAssigned,
    NotProvisioned,
    Outcome,
    StepFailed,
    rehearse,
    rehearse_here,
)


def http(url="https://example.org/{{.input.name}}", **more):
    return Step(action=Action(type="http", configuration={"url": url, "method": "GET"}), **more)


def echo(output, **more):
    return Step(action=Action(type="echo", configuration={"output": output}), **more)


def template(**steps):
    return Template(name="played", inputs=[Input(name="name", default="x")], steps=steps)


FETCH = template(fetch=http(), say=echo("{{.step.fetch.output.words}}!", dependencies=["fetch"]))


def test_what_a_fake_gives_is_seen_by_steps_behind_it_and_what_it_was_asked_is_told():
    played = rehearse(FETCH, {"name": "Ada"}, steps={"fetch": Outcome(output={"words": "Hello"})})
    assert played.task.state is TaskState.DONE
    assert played.task.steps["say"].output == "Hello!"
    [call] = played.calls_of("fetch")
    assert (call.configuration, call.action, call.faked) == (
        {"url": "https://example.org/Ada", "method": "GET"},
        "http",
        True,
    )
    assert [(one.step, one.faked) for one in played.calls] == [("fetch", True), ("say", False)]


def test_a_list_is_one_reply_for_each_attempt_the_last_for_all_that_follow_and_retries_take_no_time():
    replies = [StepFailed("busy"), NotProvisioned("full"), Outcome(output={"words": "at last"})]
    played = rehearse(FETCH, steps={"fetch": replies})
    assert played.order == ("fetch", "fetch", "fetch", "say")
    assert [one.attempt for one in played.calls_of("fetch")] == [1, 2, 3]
    assert played.task.steps["fetch"].try_count == 3
    assert played.seconds > 15  # ten seconds, and more, between them
    failing = rehearse(FETCH, steps={"fetch": StepFailed("never")})
    assert failing.task.resolution == "BLOCKED_MAXRETRIES"
    assert failing.task.errors == {"fetch": "never"}


@pytest.mark.parametrize(
    ("fake", "state"),
    [(ClientError("no"), "CLIENT_ERROR"), (Outcome(output=object()), "FATAL_ERROR"), (lambda _: {}, "FATAL_ERROR")],
)
def test_what_a_fake_gives_goes_through_the_engine_as_that_of_a_runner(fake, state):
    played = rehearse(FETCH, steps={"fetch": fake})
    assert played.task.steps["fetch"].state == state
    assert played.task.state is TaskState.BLOCKED


def test_a_function_is_given_the_request_and_may_take_its_time():
    async def slow(request):
        await trio.sleep(3600)
        return Outcome(output={"words": f"{request.config.url} {request.attempt}"})

    played = rehearse(FETCH, {"name": "Ada"}, steps={"fetch": slow})
    assert played.task.steps["say"].output == "https://example.org/Ada 1!"
    assert played.seconds == pytest.approx(3600)
    assert played.calls_of("say")[0].at == pytest.approx(3600)


def test_what_a_fake_asserts_is_the_tests_and_is_not_tried_again():
    asked = []

    def wrong(request):
        asked.append(request)
        assert request.config.method == "PUT", "it has to be put"

    with pytest.raises(AssertionError, match="it has to be put"):
        rehearse(FETCH, steps={"fetch": wrong})
    assert len(asked) == 1


def test_fakes_that_are_none_or_of_what_is_not_there_are_named_all_at_once():
    wanted = "must be an Outcome, an error to raise, a function of the request, or a list of these"
    with pytest.raises(FakesInvalid) as refusal:
        rehearse(
            FETCH,
            steps={"fetsh": Outcome(), "fetch": {"words": "Hello"}, "say": []},
            actions={"htpp": Outcome(), "echo": [Outcome(), StepFailed]},
        )
    assert [str(fault) for fault in refusal.value.faults] == [
        'steps.fetsh: there is nothing of that name; known: fetch, say (did you mean "fetch"?)',
        f"steps.fetch: {wanted}, not a dict (Outcome(output=...)?)",
        "steps.say: nothing comes of any attempt: the list is empty",
        'actions.htpp: there is nothing of that name; known: echo, http (did you mean "http"?)',
        f"actions.echo[1]: {wanted}, not the class StepFailed",
    ]


def test_a_template_is_validated_as_ever_and_so_is_what_is_rendered():
    with pytest.raises(TemplateInvalid, match=r"steps.fetch.action.configuration.method"):
        rehearse(
            template(fetch=Step(action=Action(type="http", configuration={"url": "x"}))), steps={"fetch": Outcome()}
        )
    odd = Step(
        action=Action(
            type="http", configuration={"url": "http://x", "method": "GET", "follow_redirect": "{{.input.name}}"}
        )
    )
    played = rehearse(template(fetch=odd), {"name": "soon"}, steps={"fetch": Outcome()})
    assert played.task.steps["fetch"].state == "FATAL_ERROR"
    assert "follow_redirect" in played.task.steps["fetch"].error
    assert not played.calls


def test_what_has_no_fake_reaches_no_network():
    played = rehearse(FETCH)
    assert played.task.errors == {"fetch": "the destination example.org is not allowed here"}


def test_nobody_is_notified_whoever_would_be(monkeypatch):
    """What notifies people is not even there."""
    monkeypatch.delattr("runtime.notifications.setup.set_up")
    says = Step(action=Action(type="notify", configuration={"message": "m", "backends": ["hook"]}))
    hook = {"type": "webhook", "config": {"webhook_url": "https://example.org"}}
    for config in ({}, {"utask-cfg": json.dumps({"notify_config": {"hook": hook}})}):
        assert rehearse(template(says=says), config=config).task.state is TaskState.DONE


def test_types_of_actions_are_faked_wherever_they_are_and_a_step_before_its_type():
    two = template(one=http(), two=http(), three=http(foreach='["a","b"]'))
    played = rehearse(two, steps={"two": Outcome(output=2)}, actions={"http": Outcome(output=1)})
    assert [played.task.steps[name].output for name in ("one", "two")] == [1, 2]
    assert [one["output"] for one in played.task.steps["three"].children] == [1, 1]
    assert set(played.order) == {"one", "two", "three-0", "three-1"}
    looped = rehearse(two, steps={"three": [StepFailed("no"), Outcome(output=3)]}, actions={"http": Outcome()})
    assert [one["output"] for one in looped.task.steps["three"].children] == [3, 3]


def test_a_pre_hook_is_no_attempt_of_its_step(tmp_path):
    hooked = Step(
        action=Action(type="http", configuration={"url": "http://{{.pre_hook.output}}", "method": "GET"}),
        pre_hook=Action(type="echo", configuration={"output": "example.org"}),
    )
    played = rehearse(template(one=hooked), steps={"one": Outcome()})
    assert [(one.action, one.hook, one.faked) for one in played.calls] == [("echo", True, False), ("http", False, True)]
    assert played.order == ("one",)
    assert played.calls_of("one")[0].configuration["url"] == "http://example.org"
    faked = rehearse(template(one=hooked), steps={"one": Outcome()}, actions={"echo": Outcome(output="here")})
    assert faked.calls_of("one")[0].configuration["url"] == "http://here"


FUNCTION = """
name: greet
action: {type: http, configuration: {url: 'http://{{.function_args.who}}', method: GET}}
"""


def test_a_function_file_is_faked_by_its_own_name_and_by_that_of_its_runner(tmp_path):
    (tmp_path / "greet.yaml").write_text(FUNCTION)
    calling = template(one=Step(action=Action(type="greet", configuration={"who": "{{.input.name}}"})), two=http())
    played = rehearse(calling, functions=tmp_path, actions={"greet": Outcome(output=1), "http": Outcome(output=2)})
    assert [played.task.steps[name].output for name in ("one", "two")] == [1, 2]
    assert played.calls_of("one")[0].configuration == {"url": "http://x", "method": "GET"}


CHILD = "{name: child, description: a child, title_format: child, auto_runnable: true, steps: {fetch: %s}}"


def test_tasks_that_a_step_starts_are_played_too_and_only_their_types_are_faked(tmp_path):
    asks = "{action: {type: http, configuration: {url: 'http://x', method: GET}}}"
    (tmp_path / "child.yaml").write_text(CHILD % asks)
    starts = template(fetch=Step(action=Action(type="subtask", configuration={"template": "child"})))
    played = rehearse(starts, templates=tmp_path, actions={"http": Outcome(output="of the child")})
    assert played.task.state is TaskState.DONE
    assert [(one.template, one.step, one.action) for one in played.calls][:2] == [
        ("played", "fetch", "subtask"),
        ("child", "fetch", "http"),
    ]
    assert set(played.order) == {"fetch"}
    alone = rehearse(starts, templates=tmp_path, steps={"fetch": Outcome(output={"result": 1})})
    assert [one.action for one in alone.calls] == ["subtask"]


def test_conditions_see_what_fakes_give():
    found = Assertion(value="{{.step.this.metadata.HTTPStatus}}", operator=Operator.EQ, expected="404")
    check = Condition(type=ConditionType.CHECK, if_=[found], then={"this": "GONE"})
    steps = template(
        fetch=http(custom_states=["GONE"], conditions=[check]), then=echo("x", dependencies=["fetch:GONE"])
    )
    played = rehearse(steps, steps={"fetch": Outcome(metadata={"HTTPStatus": 404})})
    assert [played.task.steps[name].state for name in ("fetch", "then")] == ["GONE", "DONE"]


def test_a_task_that_waits_for_a_person_is_played_to_where_it_waits():
    played = rehearse(FETCH, steps={"fetch": NotAssigned("nobody has said yet")})
    assert (played.task.state, played.task.errors) == (TaskState.WAITING, {"fetch": "nobody has said yet"})


async def test_in_a_test_that_is_on_trio_it_is_awaited(autojump_clock):
    began = trio.current_time()
    played = await rehearse_here(FETCH, steps={"fetch": [StepFailed("busy"), Outcome(output={"words": "x"})]})
    assert played.task.steps["say"].output == "x!"
    assert trio.current_time() - began == pytest.approx(played.seconds)


async def test_what_stands_in_for_runners_has_to_be_a_function():
    with pytest.raises(SettingInvalid, match="stand_in: must be a function of a runner"):
        async with open_runtime(stand_in="echo"):
            pass
