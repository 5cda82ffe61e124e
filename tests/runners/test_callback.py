"""callback in a runtime, called as whoever is given its address does, on a virtual clock."""

import json

import pytest
import trio
import trio.testing

from runners._callback_settings import callback_settings
from runners.callback import Callback
from runtime import Action, Conflict, InputInvalid, NotFound, Step, TaskState, open_runtime
from runtime.runner import ClientError, RunnerSettings
from runtime.testing import laws
from tests.support.plans import plan

CONFIG = {"callback-config": '{"base_url": "https://example.org/", "path_prefix": "hooks/"}'}
SCHEMA = '{"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}}}'


def waiting(schema="", **wait):
    return plan(
        create=Step(action=Action(type="callback", configuration={"action": "Create", "schema": schema})),
        wait=Step(
            action=Action(
                type="callback", configuration={"action": "wait", "id": "{{.step.create.output.id}}", **wait}
            ),
            dependencies=["create"],
        ),
    )


async def test_a_task_waits_for_a_call_and_sees_its_body(autojump_clock, clock):
    async with open_runtime(clock=clock, config=CONFIG) as rt:
        task = await rt.submit(waiting(SCHEMA))
        await trio.testing.wait_all_tasks_blocked()
        view = await task.status()
        assert view.state is TaskState.WAITING
        made = view.steps["create"].output
        assert made["url"] == f"https://example.org/hooks/{made['id']}?t={made['token']}"
        assert made["schema"] == json.loads(SCHEMA)
        with pytest.raises(NotFound):
            await rt.call_back(made["id"], "wrong", {"ok": True})
        with pytest.raises(InputInvalid):
            await rt.call_back(made["id"], made["token"], {"ok": "yes"})
        await trio.sleep(60)
        await rt.call_back(made["id"], made["token"], {"ok": True})
        view = await task.wait()
        with pytest.raises(Conflict):
            await rt.call_back(made["id"], made["token"], {"ok": True})
    assert view.state is TaskState.DONE
    assert view.steps["wait"].output == {"id": made["id"], "date": "2023-11-14T22:14:20Z", "body": {"ok": True}}


async def test_a_call_that_comes_before_anybody_waits_is_kept(autojump_clock, clock):
    template = plan(
        create=Step(action=Action(type="callback", configuration={"action": "create"})),
        wait=Step(
            action=Action(type="callback", configuration={"action": "wait", "id": "{{.step.create.output.id}}"}),
            dependencies=["create"],
            execution_delay=10,
        ),
    )
    async with open_runtime(clock=clock, config=CONFIG) as rt:
        task = await rt.submit(template)
        await trio.testing.wait_all_tasks_blocked()
        made = (await task.status()).steps["create"].output
        await rt.call_back(made["id"], made["token"], None)
        assert (await task.wait()).steps["wait"].output["body"] is None


async def test_waiting_for_a_callback_of_another_task_is_the_authors_fault(autojump_clock, clock):
    async with open_runtime(clock=clock, config=CONFIG) as rt:
        view = await (await rt.submit(waiting(id="somebody-else.s"))).wait()
    assert view.steps["wait"].state == "CLIENT_ERROR"
    assert view.steps["wait"].error == 'this task has no callback "somebody-else.s"'


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, 'configstore: get "callback-config": no item found'),
        ({"callback-config": "{}"}, '"base_url" key not defined in "callback-config"'),
        ({"callback-config": "["}, '"base_url" key not defined in "callback-config"'),
        ({"utask-cfg": "{}"}, 'configstore: get "callback-config": no item found'),
    ],
)
async def test_without_an_address_no_callback_is_made(config, said):
    failed = await laws.fails_as_declared(Callback(RunnerSettings(config=config)), {"action": "create"})
    assert isinstance(failed, ClientError)
    assert failed.message == said


@pytest.mark.parametrize(
    ("item", "url"),
    [
        ({"callback-config": {"base_url": "http://h"}}, "http://h/unsecured/callback/i?t=s"),
        ({"callback-config": {"base_url": "http://h/", "path_prefix": "/p/"}}, "http://h/p/i?t=s"),
        ({"callback-config": {"base_url": "http://h", "path_prefix": "p"}}, "http://h/p/i?t=s"),
        ({"callback-config": {"base_url": "http://h", "path_prefix": "/"}}, "http://h/i?t=s"),
        ({"utask-cfg": {"base_url": "http://u/"}}, "http://u/unsecured/callback/i?t=s"),
    ],
)
def test_the_address_is_made_of_the_settings(item, url):
    settings = callback_settings({name: json.dumps(value) for name, value in item.items()})
    assert settings.url("i", "s") == url


async def test_a_schema_that_is_none_is_the_authors_fault(autojump_clock, clock):
    for wrong in ("[]", "{", '{"type": 3}'):
        async with open_runtime(clock=clock, config=CONFIG) as rt:
            view = await (await rt.submit(waiting('{{fromJson (toJson "' + wrong.replace('"', '\\"') + '")}}'))).wait()
        assert view.steps["create"].state == "CLIENT_ERROR"


@pytest.mark.parametrize(
    ("wrong", "path"), [({"action": "wait"}, "id"), ({"action": "foo"}, "action"), ({"schema": "["}, "schema")]
)
def test_what_can_never_be_done_is_refused(wrong, path):
    assert [fault.path for fault in Callback().check({"action": "create", **wrong}).faults] == [path]
