"""Tasks that touch the world: what they started is gone when they are."""

from pathlib import Path

import pytest
import trio

from runtime import TaskState, open_runtime
from runtime.templates.model import Action
from tests.support.http_server import respond, serving, stall
from tests.support.plans import plan, step
from tests.support.processes import Signpost, is_running, wait_gone

FIXTURES = Path(__file__).parents[2] / "fixtures/utask"
HELLO = FIXTURES / "examples/hello-world-now.yaml"
CLOCK = b'{"currentDateTime": "2026-11-22T03:04Z", "isDayLightSavingsTime": false, "dayOfTheWeek": "Sunday"}'


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def signpost(tmp_path):
    post = Signpost(tmp_path)
    yield post
    post.close()


@pytest.mark.parametrize(
    ("inputs", "greeting"),
    [({"language": "english"}, "Hello World!"), ({"language": "spanish"}, "Hola mundo!"), ({}, "Hello World!")],
)
async def test_the_hello_world_of_old_runs_with_only_its_url_changed(tmp_path, inputs, greeting):
    with trio.fail_after(60):
        async with serving(respond(200, CLOCK, ("Content-Type", "application/json"))) as server, open_runtime() as rt:
            template = tmp_path / "hello.yaml"
            url = server.url("/api/json/utc/now")
            template.write_text(HELLO.read_text().replace("http://worldclockapi.com/api/json/utc/now", url))
            task = await rt.submit(template, inputs)
            result = await task.result()
            view = await task.status()
    assert result["echo_message"].strip() == greeting
    assert result["echo_when"] == "2026-11-22T03:04Z"
    assert view.title == f"Say hello in {inputs.get('language', 'english')}"
    assert [request.target for request in server.requests] == ["/api/json/utc/now"]


async def test_a_reply_that_breaks_the_schema_blocks_the_hello_world_of_old(tmp_path):
    with trio.fail_after(60):
        async with serving(respond(200, b"{}", ("Content-Type", "application/json"))) as server, open_runtime() as rt:
            template = tmp_path / "hello.yaml"
            template.write_text(HELLO.read_text().replace("http://worldclockapi.com/api/json/utc/now", server.url()))
            view = await (await rt.submit(template)).wait()
    assert view.state is TaskState.BLOCKED
    assert view.steps["getTime"].state == "FATAL_ERROR"
    assert "currentDateTime" in view.steps["getTime"].error


async def test_cancelling_a_task_ends_its_script_and_the_grandchildren_of_it(tmp_path, signpost):
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    script = scripts / "family.sh"
    script.write_text(
        f"#!/bin/sh\ntrap '' TERM INT HUP\n(sh -c 'echo $$ > {signpost.path}; sleep 1000; :') &\n"
        f"echo $$ > {signpost.path}\nsleep 1000; :\n"
    )
    script.chmod(0o755)
    with trio.fail_after(60):
        async with open_runtime(scripts=scripts) as rt:
            task = await rt.submit(plan(a=step(action=Action(type="script", configuration={"file_path": "family.sh"}))))
            pids = [int(line) for line in await signpost.lines(2)]
            assert all(is_running(pid) for pid in pids)
            await task.cancel()
            view = await task.wait()
            assert view.steps["a"].state == "CRASHED"
            await wait_gone(pids)


async def test_cancelling_a_task_hangs_up_on_the_server_it_was_asking():
    with trio.fail_after(60):
        async with serving(stall()) as server, open_runtime() as rt:
            configuration = {"url": server.url(), "method": "GET"}
            task = await rt.submit(plan(a=step(action=Action(type="http", configuration=configuration))))
            await server.asked.wait()
            await task.cancel()
            await task.wait()
            await server.abandoned.wait()


async def test_a_script_sees_who_it_works_for(tmp_path):
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    script = scripts / "who.sh"
    script.write_text('#!/bin/sh\necho "{\\"task\\": \\"$UTASK_TASK_ID\\", \\"step\\": \\"$UTASK_STEP_NAME\\"}"\n')
    script.chmod(0o755)
    with trio.fail_after(60):
        async with open_runtime(scripts=scripts) as rt:
            task = await rt.submit(plan(a=step(action=Action(type="script", configuration={"file_path": "who.sh"}))))
            view = await task.wait()
    assert view.steps["a"].output == {"task": task.id, "step": "a"}
