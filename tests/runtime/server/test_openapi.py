"""The server holds to the OpenAPI document it gives, whatever is sent that the document allows."""

from collections.abc import Iterable
from typing import Any

import attrs
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from runtime.server.openapi import document
from runtime.templates.model import Action
from tests.runtime.server.test_flow_routes import KIT
from tests.runtime.server.test_routes import BY_HAND, HELLO, WRONG
from tests.support.api_server import running_server, server_in_a_thread

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SCHEMA = schemathesis.openapi.from_dict(document()).exclude(
    path="/v1/events"
)  # it is answered for as long as one listens
FOUND: Iterable[Any] = SCHEMA.get_all_operations()
OPERATIONS = [found.ok() for found in FOUND]


@pytest.fixture(scope="module")
def url():
    with server_in_a_thread([HELLO, BY_HAND, WRONG], flows=KIT) as address:
        yield address


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_no_request_that_the_document_allows_is_answered_otherwise_than_it_says(url, operation):
    @settings(
        max_examples=8,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case):
        reply = case.call(base_url=url, headers={"x-remote-user": "admin"}, timeout=20)
        case.validate_response(reply, checks=CHECKS)

    ask()


REAL = {
    "GET /template": {},
    "GET /template/{name}": {"name": "hello"},
    "GET /function": {},
    "GET /function/{name}": {"name": "say"},
    "POST /task": {"body": {"template_name": "hello", "input": {"name": "Ada"}, "comment": "well", "tags": {"a": "b"}}},
    "POST /batch": {"body": {"template_name": "hello", "inputs": [{"name": "Ada"}, {"name": "Bob"}]}},
    "GET /task": {},
    "GET /task/{id}": {"id": "done"},
    "PUT /task/{id}": {"id": "new", "body": {"input": {"name": "Eve"}}},
    "POST /task/{id}/wontfix": {"id": "new"},
    "DELETE /task/{id}": {"id": "done"},
    "POST /task/{id}/comment": {"id": "done", "body": {"content": "well done"}},
    "GET /task/{id}/comment": {"id": "done"},
    "GET /task/{id}/comment/{comment_id}": {"id": "done", "comment_id": "comment"},
    "PUT /task/{id}/comment/{comment_id}": {"id": "done", "comment_id": "comment", "body": {"content": "or not"}},
    "DELETE /task/{id}/comment/{comment_id}": {"id": "done", "comment_id": "comment"},
    "POST /resolution": {"body": {"task_id": "new"}},
    "GET /resolution/{id}": {"id": "execution"},
    "PUT /resolution/{id}": {"id": "paused", "body": {"resolver_inputs": {}}},
    "POST /resolution/{id}/run": {"id": "paused"},
    "POST /resolution/{id}/pause": {"id": "blocked"},
    "POST /resolution/{id}/extend": {"id": "used up"},
    "POST /resolution/{id}/cancel": {"id": "blocked"},
    "GET /resolution/{id}/step/{name}": {"id": "execution", "name": "greet"},
    "PUT /resolution/{id}/step/{name}": {
        "id": "paused",
        "name": "a",
        "body": {"action": {"type": "echo", "configuration": {"output": 1}}},
    },
    "PUT /resolution/{id}/step/{name}/state": {"id": "paused", "name": "a", "body": {"state": "DONE"}},
    "GET /unsecured/stats": {},
    "GET /meta": {},
    "GET /healthz": {},
    "GET /readyz": {},
    "GET /metrics": {},
    "GET /unsecured/mon/ping": {},
    "GET /unsecured/spec.json": {},
    "GET /openapi.json": {},
}
"""A request for each operation about tasks that is done, and not refused."""

ELSEWHERE = {
    "POST /key-rotate",
    "POST /resolution/{id}/step/{name}/interrupt",
    "POST /unsecured/callback/{id}",
    "POST /v1/messages",
}
"""Those of `test_routes`: they need a store that is sealed, a step that is running, a callback that was opened, a message."""

ONCE = attrs.evolve(WRONG, name="once", retry_max=1, steps={"a": WRONG.steps["a"]})


async def ids_of(rt):
    """Make tasks in every state that a request needs; give their ids, and those of their executions and comments."""
    done = await rt.submit(HELLO, {"name": "Ada"}, requester="ada", comment="well", tags={"a": "b"})
    await done.wait()
    new = await rt.submit(BY_HAND, {"name": "Ada"}, resolve=False, run=False)
    blocked, paused = [await rt.submit(WRONG, {"name": "Ada"}) for _ in range(2)]
    for task in (blocked, paused):
        await task.wait()
    await paused.operator().pause()
    failing = attrs.evolve(WRONG.steps["a"], action=Action(type="echo", configuration={"error_message": "no"}))
    used_up = await rt.submit(attrs.evolve(ONCE, steps={"a": failing}), {"name": "Ada"})
    await used_up.wait()
    comments = (await rt.read(done.id)).notes.comments
    views = {
        name: await task.status()
        for name, task in (("execution", done), ("blocked", blocked), ("paused", paused), ("used up", used_up))
    }
    return {
        "done": done.id,
        "new": new.id,
        "comment": next(iter(comments)),
        **{name: view.resolution_id for name, view in views.items()},
    }


@pytest.mark.parametrize("label", REAL)
async def test_what_is_done_is_answered_as_the_document_says(tmp_path, label):
    (tmp_path / "say.yaml").write_text("name: say\naction: {type: echo, configuration: {output: hello}}\n")
    given = dict(REAL[label])
    body = given.pop("body", None)
    async with running_server([HELLO, BY_HAND, WRONG], functions=tmp_path) as server:
        ids = await ids_of(server.runtime)
        [operation] = [one for one in OPERATIONS if one.label == label]
        if body is not None and "task_id" in body:
            body = {"task_id": ids[body["task_id"]]}
        case = operation.Case(path_parameters={name: ids.get(value, value) for name, value in given.items()})
        reply = await server.client("admin").request(case.method, case.formatted_path, json=body)
        assert reply.status_code in {200, 201, 204}, reply.text
        response = requests_response(reply)
        case.validate_response(response, checks=CHECKS)


def requests_response(reply):
    """Give a reply as the checks read it."""
    return schemathesis.Response(
        status_code=reply.status_code,
        headers={name: [value] for name, value in reply.headers.items()},
        content=reply.content,
        request=requests.Request(str(reply.request.method), str(reply.request.url)).prepare(),
        elapsed=0.1,
        verify=False,
        message=reply.reason_phrase,
        http_version="1.1",
    )


def test_no_operation_about_tasks_is_left_out():
    labels = {one.label for one in OPERATIONS if not one.path.startswith(("/v1/flow", "/v1/tasks"))}
    assert labels == REAL.keys() | ELSEWHERE
