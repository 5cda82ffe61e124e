"""Notifications against local servers that do not always take what they are sent."""

import json
import ssl
from collections import Counter

import attrs
import pytest
import trio
import trio.testing

from runtime import Action, Step, TaskState, TemplateInvalid, open_runtime
from runtime.configuration import structure
from runtime.notifications import notifier as notifier_module
from runtime.notifications.delivery import Undelivered, _trust, deliver
from runtime.notifications.figures import NotificationFigures
from runtime.notifications.settings import Notifications
from runtime.notifications.shapes import Answer, Letter
from runtime.runner import ClientError
from runtime.values.json import Json
from tests.support.http_server import message, respond, serving, stall
from tests.support.plans import echo, plan, step


class Post:
    """Takes letters in place of the network, and answers as it is told."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.letters = []
        self.at = []

    async def __call__(self, letter):
        await trio.lowlevel.checkpoint()
        self.letters.append(letter)
        self.at.append(trio.current_time())
        answer = self.answers.pop(0) if self.answers else Answer(200, "ok")
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def bodies(self):
        return [json.loads(letter.body) for letter in self.letters]


@pytest.fixture
def post(monkeypatch):
    taken = Post()
    monkeypatch.setattr(notifier_module, "deliver", taken)
    return taken


def hook(url="https://h/hook", **others):
    return {"notify_config": {"hook": {"type": "webhook", "config": {"webhook_url": url}, **others}}}


QUIET = {"task_step_update": {"disabled": True}}


async def quiet(rt, pause=1.0):
    """Wait until nothing is left to deliver."""
    while (await rt.notifications()).waiting:  # noqa: ASYNC110 - a picture is all there is to look at
        await trio.sleep(pause)


async def test_every_state_of_a_task_and_of_its_steps_is_told_in_order(autojump_clock, clock, post):
    template = attrs.evolve(plan(a=step(action=echo("x")), b=step("a", action=echo("y"))), title_format="Hello")
    async with open_runtime(clock=clock, notifications={**hook(), "base_url": "https://u/"}) as rt:
        task = await rt.submit(template, requester="ada", task_id="t-1", tags={"b": "1", "a": "é"})
        await task.wait()
        await quiet(rt)
    told = [
        (body["notification_type"], body.get("step_name"), body.get("step_state", body["state"]))
        for body in post.bodies
    ]
    tasks = [state for kind, _, state in told if kind == "task_state_update"]
    steps = [(name, state) for kind, name, state in told if kind == "task_step_update"]
    assert tasks == ["TODO", "RUNNING", "DONE"]
    assert steps == [("a", "RUNNING"), ("a", "DONE"), ("b", "RUNNING"), ("b", "DONE")]
    last = post.bodies[-1]
    assert last["message"] == "#task #id:t-1\nHello"
    assert last["url"] == "https://u/ui/dashboard/#/task/t-1"
    assert last["tags"] == '{"a":"é","b":"1"}'
    assert (last["steps"], last["requester"], last["resolver"], last["template"]) == ("2/2", "ada", "ada", "plan")


async def test_a_retry_is_no_news_and_a_task_that_waits_for_a_person_is(autojump_clock, clock, post):
    tries = []

    async def flaky():
        tries.append(1)
        if len(tries) == 1:
            raise LookupError("not yet")
        raise ClientError("never")

    async with open_runtime(clock=clock, notifications={**hook(), "notify_actions": QUIET}) as rt:
        await (await rt.submit(plan(a=Step(action=flaky)))).wait()
        await quiet(rt)
    assert [body["state"] for body in post.bodies] == ["TODO", "RUNNING", "BLOCKED"]


async def test_a_failed_delivery_is_tried_again_and_what_follows_waits_for_it(autojump_clock, clock, post):
    post.answers += [Answer(500), Undelivered("gone"), Answer(429), Answer(204)]
    async with open_runtime(clock=clock, notifications={**hook(), "notify_actions": QUIET}) as rt:
        task = await rt.submit(plan(a=step(action=echo("x"))))
        assert (await task.wait()).state is TaskState.DONE
        assert trio.current_time() < 1, "no task is held up"
        await quiet(rt)
        assert await rt.notifications() == NotificationFigures(delivered=3)
    assert [body["state"] for body in post.bodies] == ["TODO", "TODO", "TODO", "TODO", "RUNNING", "DONE"]
    assert post.at[3] == pytest.approx(1 + 2 + 4, abs=0.1)


@pytest.mark.parametrize(("answer", "tries"), [(Answer(400), 1), (Answer(308), 1), (Answer(503), 6)])
async def test_what_cannot_be_delivered_is_given_up_and_counted(autojump_clock, clock, post, answer, tries):
    post.answers += [answer] * tries
    async with open_runtime(clock=clock, notifications={**hook(), "notify_actions": QUIET}) as rt:
        await (await rt.submit(plan(a=step(action=echo("x"))))).wait()
        await quiet(rt)
        assert await rt.notifications() == NotificationFigures(delivered=2, failed=1)
    assert len(post.letters) == tries + 2


async def test_what_does_not_fit_is_dropped_and_no_task_notices(autojump_clock, clock, post, monkeypatch):
    monkeypatch.setattr(notifier_module, "CAPACITY", 5)
    post.answers += [Undelivered("gone")] * 1000
    async with open_runtime(clock=clock, notifications=hook()) as rt:
        tasks = [await rt.submit(plan(a=step(action=echo("x")))) for _ in range(20)]
        for task in tasks:
            assert (await task.wait()).state is TaskState.DONE
        figures = await rt.notifications()
        assert (figures.waiting, figures.dropped) == (5, 20 * 5 - 5)


async def test_the_last_words_are_delivered_when_the_runtime_is_closed(autojump_clock, clock, post):
    async with open_runtime(clock=clock, notifications={**hook(), "notify_actions": QUIET}) as rt:
        await (await rt.submit(plan(a=step(action=echo("x"))))).wait()
    assert post.bodies[-1]["state"] == "DONE"


async def test_closing_does_not_wait_for_a_backend_that_is_gone(autojump_clock, clock, post):
    post.answers += [Undelivered("gone")] * 1000
    async with open_runtime(clock=clock, notifications=hook()) as rt:
        await (await rt.submit(plan(a=step(action=echo("x"))))).wait()
        closing = trio.current_time()
    assert trio.current_time() - closing < 8


async def test_a_notifier_that_fails_is_restarted_and_tasks_go_on(autojump_clock, clock, post, monkeypatch):
    broken = [True]
    begin = notifier_module.Notifier._begin

    def fail_once(self):
        if broken.pop() if broken else False:
            raise ZeroDivisionError
        begin(self)

    monkeypatch.setattr(notifier_module.Notifier, "_begin", fail_once)
    async with open_runtime(clock=clock, notifications={**hook(), "notify_actions": QUIET}) as rt:
        assert (await (await rt.submit(plan(a=step(action=echo("x"))))).wait()).state is TaskState.DONE
        await trio.sleep(5)
        assert (await (await rt.submit(plan(a=step(action=echo("x"))))).wait()).state is TaskState.DONE
        await quiet(rt)
    assert [body["state"] for body in post.bodies][-3:] == ["TODO", "RUNNING", "DONE"]


async def test_a_step_says_something_to_whom_it_names(autojump_clock, clock, post):
    two = {"notify_config": {name: {"type": "webhook", "config": {"webhook_url": f"https://{name}/"}} for name in "ab"}}
    silent = {event: {"disabled": True} for event in ("task_state_update", "task_step_update", "task_validation")}
    say = {"message": "hello {{.task.task_id}}", "fields": {"colour": "red"}}
    template = plan(
        one=step(action=Action(type="notify", configuration={**say, "backends": ["b"]})),
        all=step("one", action=Action(type="notify", configuration=say)),
    )
    async with open_runtime(clock=clock, notifications={**two, "notify_actions": silent}) as rt:
        task = await rt.submit(template, task_id="t-1")
        assert (await task.wait()).state is TaskState.DONE
        await quiet(rt)
        wrong = plan(a=step(action=Action(type="notify", configuration={"message": "x", "backends": ["zzz"]})))
        with pytest.raises(TemplateInvalid, match=r'backends\[0\]: no backend called "zzz"'):
            await rt.submit(wrong)
    assert sorted(letter.url for letter in post.letters) == ["https://a/", "https://b/", "https://b/"]
    assert post.bodies[0] == {"message": "hello t-1", "notification_type": "message", "colour": "red"}


def blocks(letter):
    return json.loads(letter.body)["blocks"]


async def test_slack_is_sent_blocks_and_has_to_say_ok(autojump_clock, clock, post):
    slack = {
        "notify_config": {"s": {"type": "slack", "config": {"webhook_url": "https://s/"}}},
        "notify_actions": QUIET,
    }
    post.answers += [Answer(200, "no_text"), Answer(200, "ok")]
    template = attrs.evolve(plan(a=step(action=echo("x"))), title_format="<!channel> & co")
    async with open_runtime(clock=clock, notifications=slack) as rt:
        await (await rt.submit(template)).wait()
        await quiet(rt)
    assert len(post.letters) == 4
    title, *sections, divider, context = blocks(post.letters[-1])
    assert title["text"]["text"].endswith("\n&lt;!channel&gt; &amp; co")
    assert {"type": "mrkdwn", "text": "*state*\nDONE"} in sections[0]["fields"]
    assert (divider["type"], context["elements"][0]["text"]) == ("divider", "task_state_update")


async def test_opsgenie_gets_an_alert_for_a_task_which_is_closed_when_it_is_done(autojump_clock, clock, post):
    opsgenie = {
        "notify_config": {"o": {"type": "opsgenie", "config": {"zone": "eu", "api_key": "k"}}},
        "notify_actions": QUIET,
    }
    async with open_runtime(clock=clock, notifications=opsgenie) as rt:
        await (await rt.submit(plan(a=step(action=echo("x"))), task_id="t 1")).wait()
        await quiet(rt)
    first, *_, last = post.letters
    assert first.url == "https://api.eu.opsgenie.com/v2/alerts"
    assert ("Authorization", "GenieKey k") in first.headers
    assert (post.bodies[0]["alias"], post.bodies[0]["details"]["state"]) == ("t 1", "TODO")
    assert last.url == "https://api.eu.opsgenie.com/v2/alerts/t%201/close?identifierType=alias"


WORKS: Json = {"type": "echo", "data": {"output": {"changes": [{"actions": ["create"]}]}}}
ASKS: Json = {
    "kind": "flow",
    "name": "Deploy",
    "steps": [
        {"name": "plan", "execution_type": "approval", "approvers": ["ada"], "signal": WORKS},
        {"name": "apply", "signal": WORKS},
        {"name": "breaks", "signal": {"type": "echo", "data": {"error_message": "boom"}}},
    ],
}


async def flow_of(rt):
    """Have a flow ask, go on, fail, and be mended."""
    flow = await rt.flow(ASKS, flow_id="f 1", by="fay")
    await flow.wait()
    await flow.approve("s1", by="ada")
    await flow.wait()
    await flow.skip("s3")
    await flow.result()
    await quiet(rt)


async def test_who_has_to_approve_or_mend_a_flow_is_told_so(autojump_clock, clock, post):
    async with open_runtime(clock=clock, notifications={**hook(), "base_url": "https://u/"}) as rt:
        await flow_of(rt)
    told = [(body["notification_type"], body["state"]) for body in post.bodies]
    assert told == [
        ("flow_state_update", "pending"),
        ("flow_state_update", "in-progress"),
        ("flow_approval", "approval-awaiting"),
        ("flow_state_update", "approval-awaiting"),
        ("flow_state_update", "in-progress"),
        ("flow_state_update", "error"),
        ("flow_state_update", "in-progress"),
        ("flow_state_update", "success"),
    ]
    asks, fails = post.bodies[2], post.bodies[5]
    assert asks["message"] == "#flow #id:f 1\nDeploy: step plan waits for approval"
    assert (asks["step_id"], asks["approvers"], asks["requester"]) == ("s1", "ada", "fay")
    assert asks["url"] == "https://u/ui/dashboard/#/flow/f%201"
    assert fails["error"] == 'the flow failed: step "breaks" (s3): boom'
    assert fails["status_human_description"].startswith("awaiting retry or skip")


async def test_strategies_are_for_flows_too_by_their_type(autojump_clock, clock, post):
    rules = {"flow_approval": [{"templates": ["deploy"], "notification_strategy": "silent"}]}
    settings = hook(
        default_notification_strategy={"flow_state_update": "failure_or_done"}, template_notification_strategies=rules
    )
    async with open_runtime(clock=clock, notifications=settings) as rt:
        await flow_of(rt)
    assert [body["state"] for body in post.bodies] == ["error", "success"]


async def test_nobody_is_asked_about_a_plan_that_approves_itself(autojump_clock, clock, post):
    document = {**ASKS, "steps": [{**ASKS["steps"][0], "approvers": []}, *ASKS["steps"][1:]]}
    async with open_runtime(clock=clock, notifications=hook()) as rt:
        flow = await rt.flow(document, approval_option="approve-all")
        await flow.wait()
        await quiet(rt)
    assert "flow_approval" not in [body["notification_type"] for body in post.bodies]


class Moody:
    """A server that fails every other time it is told something."""

    def __init__(self):
        self.taken = []
        self.refused = Counter()

    async def __call__(self, request, stream):
        self.refused[request.body] += 1
        if self.refused[request.body] % 2:
            await stream.send_all(message(500, b"later"))
        else:
            self.taken.append(request)
            await stream.send_all(message(200, b"thanks"))


async def test_a_real_server_that_fails_half_the_time_gets_everything_in_the_end(monkeypatch):
    monkeypatch.setattr(notifier_module, "FIRST_PAUSE_SECONDS", 0.01)
    server = Moody()
    with trio.fail_after(60):
        async with serving(server) as running:
            credentials = {
                "username": "ada",
                "password": "p",
                "webhook_url": running.url("/hook"),
                "headers": {"X-Y": "z"},
            }
            settings = {"notify_config": {"hook": {"type": "webhook", "config": credentials}}}
            async with open_runtime(notifications=structure(Notifications, settings)) as rt:
                for _ in range(5):
                    await (await rt.submit(plan(a=step(action=echo("x"))))).wait()
                await quiet(rt, 0.01)
                assert await rt.notifications() == NotificationFigures(delivered=25)
    assert len(server.taken) == 25
    assert server.refused.total() == 50
    assert server.taken[0].header("authorization") == "Basic YWRhOnA="
    assert (server.taken[0].target, server.taken[0].header("x-y")) == ("/hook", "z")


async def test_the_roots_that_are_trusted_are_loaded_once_and_not_for_each_letter(monkeypatch):
    """Loading them takes tens of milliseconds, in which nothing else goes on where it is not done in a thread."""
    loads = []
    load = ssl.SSLContext.load_verify_locations
    monkeypatch.setattr(
        ssl.SSLContext, "load_verify_locations", lambda *given, **named: loads.append(given) or load(*given, **named)
    )
    _trust.cache_clear()
    async with serving(respond(200, b"ok")) as server:
        for _ in range(3):
            assert await deliver(Letter(url=server.url())) == Answer(200, "ok")
    assert len(loads) == 1


@pytest.mark.parametrize("handler", [respond(200, b"x" * 100_000), stall()])
async def test_a_server_that_says_too_much_or_nothing_is_not_read_for_ever(handler, monkeypatch):
    monkeypatch.setattr("runtime.notifications.shapes._TIMEOUT", 0.2)
    monkeypatch.setattr(notifier_module, "TRIES", 1)
    with trio.fail_after(60):
        async with serving(handler) as server:
            settings = {**hook(server.url()), "notify_actions": QUIET}
            async with open_runtime(notifications=settings) as rt:
                await (await rt.submit(plan(a=step(action=echo("x"))))).wait()
                await quiet(rt, 0.01)
                figures = await rt.notifications()
    assert figures.delivered + figures.failed == 3
