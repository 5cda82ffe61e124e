"""Flows as their users meet them over HTTP: real requests, over loopback."""

from typing import Any

import pytest
import trio

from runtime.flow.document import FlowDocument, read_flow
from runtime.flow.records import FlowCreated
from runtime.flow.rows import Signal, StepSpec
from runtime.flows import Flows, generator
from runtime.policies.schema import SchemaPolicy
from runtime.templates.model import Action, Step, Template
from tests.runtime.server.test_events import told
from tests.support.api_server import running_server

PLAN = {"changes": [{"actions": ["update"]}]}
DEPLOY: Any = {
    "kind": "flow",
    "name": "deploy",
    "description": "Plan and apply",
    "labels": {"present": "Deploying", "past": "Deployed"},
    "groups": [
        {
            "name": "app",
            "steps": [
                {"name": "plan", "execution_type": "approval", "signal": {"type": "echo", "data": {"output": PLAN}}},
                {"name": "apply", "signal": {"type": "echo", "data": {"output": "{{.input.what}}"}}},
            ],
        },
        {
            "name": "check",
            "steps": [{"name": "check", "signal": {"type": "echo", "data": {"output": "fine"}}, "skippable": True}],
        },
    ],
}
BREAKS: Any = {
    "kind": "flow",
    "name": "breaks",
    "steps": [{"name": "a", "signal": {"type": "echo", "data": {"error_message": "no", "error_type": "client"}}}],
}
ASKS = Template(
    name="asks",
    steps={"ask": Step(action=Action(type="approval", configuration={"plan": "x"}), idempotent=True)},
    allow_all_resolver_usernames=True,
    auto_runnable=True,
    result_format={"by": "{{.step.ask.output.by}}", "said": "{{.step.ask.output.response}}"},
)


@generator("tidy", present="Tidying up", past="Tidied up")
def tidy(_flow: FlowCreated) -> list[StepSpec]:
    """Ask first."""
    return [StepSpec(name="ask", execution_type="approval", signal=Signal(type="echo", data={"output": PLAN}))]


DOCUMENTS = [read_flow(one) for one in (DEPLOY, BREAKS)]
WARNS = SchemaPolicy(id="small", schema={"properties": {"changes": {"maxItems": 0}}}, severity="warn")
KIT = Flows(
    generators=[tidy], documents=[*DOCUMENTS, FlowDocument(name="empty", steps=DOCUMENTS[1].steps)], policies=[WARNS]
)


@pytest.fixture
async def server():
    with trio.fail_after(60):
        async with running_server([ASKS], flows=KIT) as running:
            yield running


async def submitted(client, flow_type="deploy", **more):
    reply = await client.post("/v1/flows", json={"flow_type": flow_type, **more})
    assert reply.status_code == 201, reply.text
    return reply.json()


async def rested(server, flow_id):
    await server.runtime.flow_handle(flow_id).wait()
    return flow_id


async def test_a_flow_is_submitted_its_plan_is_read_and_approved_and_it_runs(server):
    fay = server.client("fay")
    made = await submitted(fay, inputs={"what": "it"}, metadata={"team": "blue"}, owner_id="app", owner_type="x")
    path = f"/v1/flows/{await rested(server, made['id'])}"
    seen = (await fay.get(path)).json()
    assert (seen["status"]["status"], seen["waits"], seen["turn"]) == ("approval-awaiting", ["s1"], "has")
    assert seen["status"]["history"][0]["status"] == "pending"
    assert (await fay.get(f"{path}/steps/s1/approval")).json()["contents"] == PLAN
    [report] = (await fay.get(f"{path}/policy-reports", params={"step_id": "s1"})).json()
    assert (report["results"], report["inputs"]) == ({"small": {"deny": 0, "warn": 1}}, 1)
    assert (report["owner_id"], report["passed_policy_ids"]) == ("app", [])
    said = await fay.post(f"{path}/steps/s1/approve", json={"note": "go"})
    assert said.status_code == 200, said.text
    await server.runtime.flow_handle(made["id"]).result()
    seen = (await fay.get(path)).json()
    assert seen["status"]["status"] == "success"
    assert seen["steps"][0]["approval"]["response"]["note"] == "go"
    assert seen["steps"][0]["approval"]["response"]["created_by_id"] == "fay"
    assert (await fay.get(f"{path}/steps/s2")).json()["output"] == "it"


async def test_flows_are_listed_by_status_owner_and_text(server):
    fay = server.client("fay")
    for n in range(3):
        made = await submitted(fay, flow_id=f"f{n}", owner_id=str(n), owner_type="app", metadata={"n": str(n)})
        await rested(server, made["id"])

    async def ids(**query):
        return [one["id"] for one in (await fay.get("/v1/flows", params=query)).json()]

    assert await ids(status="approval-awaiting") == ["f2", "f1", "f0"]
    assert not await ids(status="success")
    assert await ids(owner_id="1", owner_type="app") == ["f1"]
    assert await ids(tag="n=2") == ["f2"]
    assert await ids(flow_type="breaks") == []
    assert (await fay.get("/v1/flows", params={"status": "sucess"})).status_code == 400
    assert not (await server.client("eve").get("/v1/flows")).json()
    [deploy] = [one for one in (await fay.get("/v1/flow-types")).json() if one["name"] == "deploy"]
    labels = {"present": "Deploying", "past": "Deployed"}
    assert deploy == {"name": "deploy", "description": "Plan and apply", "document": True, "labels": labels}


async def test_every_flow_is_on_one_page(server):
    admin, made = server.client("admin"), [f"f{number}" for number in range(13)]
    for flow_id in made:
        await (await server.runtime.flow("breaks", flow_id=flow_id)).wait()
    seen, path = [], "/v1/flows?page_size=10&flow_type=breaks"
    while path:
        reply = await admin.get(path)
        seen += [one["id"] for one in reply.json()]
        path = reply.headers.get("link", "").partition("<")[2].partition(">")[0]
    assert seen == made[::-1]


async def test_a_flow_is_called_one_thing_until_it_has_ended_and_another_from_then_on(server):
    fay = server.client("fay")

    async def names(flow_id):
        listed = [one["name"] for one in (await fay.get("/v1/flows")).json() if one["id"] == flow_id]
        return [*listed, (await fay.get(f"/v1/flows/{flow_id}")).json()["name"]]

    for flow_type, now, then in (
        ("deploy", "Deploying (eu)", "Deployed (eu)"),
        ("tidy", "Tidying up (eu)", "Tidied up (eu)"),
        ("breaks", "breaks (eu)", "breaks (eu)"),
    ):
        made = await submitted(fay, flow_type, flow_id=flow_type, metadata={"workflow-name-suffix": "eu"})
        await rested(server, made["id"])
        assert await names(flow_type) == [now, now]
        assert (await fay.post(f"/v1/flows/{flow_type}/cancel")).status_code == 200
        assert await names(flow_type) == [then, then]
    again = await submitted(fay, "deploy", flow_id="deploy", metadata={"workflow-name-suffix": "eu"})
    assert again["name"] == "Deployed (eu)"


async def test_a_step_that_failed_is_retried_and_skipped(server):
    fay = server.client("fay")
    made = await submitted(fay, "breaks")
    path = f"/v1/flows/{await rested(server, made['id'])}"
    assert (await fay.get(path)).json()["failed"] == ["s1"]
    assert (await fay.post(f"{path}/steps/s1/retry")).status_code == 200
    await rested(server, made["id"])
    assert (await fay.get(path)).json()["failed"] == ["s2"]
    assert (await fay.post(f"{path}/steps/s2/skip", json={})).status_code == 200
    assert (await fay.get(path)).json()["status"]["status"] == "success"
    assert (await fay.post(f"{path}/steps/s2/skip")).status_code == 409
    assert (await server.client("fay").delete(path)).status_code == 403
    assert (await server.client("admin").delete(path)).status_code == 204
    assert (await fay.get(path)).status_code == 404


async def test_only_work_that_is_running_is_interrupted(server):
    fay = server.client("fay")
    made = await submitted(fay)
    path = f"/v1/flows/{await rested(server, made['id'])}"
    reply = await fay.post(f"{path}/steps/s1/interrupt", json={"reason": "it hangs", "attempt": 1})
    assert (reply.status_code, "it is approval-awaiting" in reply.json()["error"]) == (409, True)
    assert (await fay.post(f"{path}/steps/s1/interrupt", json={"why": "it hangs"})).status_code == 400
    assert (await fay.post(f"{path}/steps/s9/interrupt")).status_code == 404
    assert (await server.client("eve").post(f"{path}/steps/s1/interrupt")).status_code == 404


async def test_a_group_is_cancelled_and_its_flow_with_it(server):
    fay = server.client("fay")
    made = await submitted(fay)
    path = f"/v1/flows/{await rested(server, made['id'])}"
    assert (await fay.post(f"{path}/groups/g2.0/cancel")).status_code == 409
    unknown = await fay.post(f"{path}/groups/g9.0/cancel")
    assert (unknown.status_code, 'no group "g9.0"' in unknown.json()["error"]) == (404, True)
    assert (await server.client("eve").post(f"{path}/groups/g1.0/cancel")).status_code == 404
    both = {"type": "cancel_flow", "flow_id": made["id"], "step_id": "s1", "group_id": "g1.0"}
    assert (await fay.post("/v1/messages", json=both)).status_code == 400
    reply = await fay.post(f"{path}/groups/g1.0/cancel", json={"reason": "enough"})
    assert reply.status_code == 200, reply.text
    seen = reply.json()
    assert [one["status"]["status"] for one in seen["groups"]] == ["cancelled", "discarded"]
    assert seen["error"] == "the flow was stopped: app was cancelled: enough"
    assert (await fay.post(f"{path}/steps/s1/approve")).status_code == 409


async def test_a_flow_is_paused_and_cancelled_and_its_events_are_told(server):
    fay = server.client("fay")
    made = await submitted(fay, start=False)
    path = f"/v1/flows/{made['id']}"
    assert (await fay.post(f"{path}/start")).status_code == 200
    assert (await fay.post(f"{path}/start")).status_code == 409
    await rested(server, made["id"])
    assert (await fay.post(f"{path}/pause")).json()["paused"] is True
    assert (await fay.post(f"{path}/unpause")).json()["paused"] is False
    assert (await fay.put(f"{path}/approval-option", json={"option": "prompt"})).status_code == 200
    assert (await fay.post(f"{path}/cancel", json={"reason": "enough"})).json()["status"]["status"] == "cancelled"
    late = await fay.post(f"{path}/steps/s1/approve")
    assert (late.status_code, "is cancelled" in late.json()["error"]) == (409, True)
    events = await told(server, "fay", f"task_id={made['id']}", until=lambda one: one.get("status") == "cancelled")
    assert {one["type"] for one in events} >= {"flow_state_changed", "flow_step_changed"}
    assert (await server.client("eve").get("/v1/events", params={"task_id": made["id"]})).status_code == 404


async def test_what_a_step_of_a_task_asks_is_answered_under_the_tasks_own_name(server):
    ada = server.client("ada")
    made = (await ada.post("/task", json={"template_name": "asks", "input": {}})).json()
    await rested_soon(server, f"{made['id']}.ask")
    path = f"/v1/tasks/{made['id']}/steps/ask"
    assert (await server.client("eve").post(f"{path}/approve")).status_code == 404
    assert (await ada.post(f"/v1/tasks/{made['id']}/steps/other/approve")).status_code == 404
    assert (await ada.post(f"{path}/respond", json={"response": "banana"})).status_code == 400
    assert (await ada.post(f"{path}/approve", json={"note": "yes"})).status_code == 200
    assert (await server.runtime.wait(made["id"])).result == {"by": "ada", "said": "approve"}
    assert (await ada.post(f"{path}/deny")).status_code == 409


async def rested_soon(server, flow_id):
    async with server.runtime.subscribe(flow_id) as events:
        if not (await server.client("admin").get(f"/v1/flows/{flow_id}")).is_success:
            await anext(aiter(events))
    await rested(server, flow_id)


REFUSED: tuple[tuple[str, str, Any, int, str], ...] = (
    ("post", "/v1/flows", {}, 400, "flow_type: it is missing"),
    ("post", "/v1/flows", {"flow_type": "deplyo"}, 404, 'did you mean "deploy"?'),
    ("post", "/v1/flows", {"flow_type": "deploy", "colour": 1}, 400, "colour: there is no such field"),
    ("post", "/v1/flows", {"flow_type": "deploy", "flow_id": "a/b"}, 400, "flow_id"),
    ("post", "/v1/flows", {"flow_type": "deploy", "mode": "spiral"}, 400, "mode: must be one of flat, child, group"),
    ("post", "/v1/flows", {"document": {"kind": "flow", "steps": []}}, 400, "there are no steps"),
    ("post", "/v1/flows", {"document": {"kind": "flow", "stesp": []}}, 400, "stesp"),
    ("post", "/v1/flows", {"document": {"kind": "flow"}, "flow_type": "deploy"}, 400, "not both"),
    ("get", "/v1/flows/nope", None, 404, 'no flow "nope"'),
    ("get", "/v1/flows/f/steps/s9", None, 404, 'no step "s9"'),
    ("get", "/v1/flows/f/steps/s2/approval", None, 404, 'no approval "s2"'),
    ("get", "/v1/flows/f/policy-reports?step_id=s9", None, 404, 'no step "s9"'),
    ("get", "/v1/flows?last=gone", None, 400, "last: there is no such flow"),
    ("get", "/v1/flows?last=f@soon", None, 400, "last: must be the id of a flow"),
    ("get", "/task?last=f", None, 400, "last: there is no such task"),
    ("post", "/v1/flows/f/steps/s9/approve", {}, 404, 'no step "s9"'),
    ("post", "/v1/flows/f/steps/s1/respond", {"response": "banana"}, 400, "response: must be one of approve"),
    ("post", "/v1/flows/f/steps/s1/respond", {}, 400, "response"),
    ("post", "/v1/flows/f/steps/s1/skip", {}, 409, "cannot be skipped: it is approval-awaiting"),
    ("post", "/v1/flows/f/steps/s1/approve", {"note": 7}, 400, "note: must be text"),
    ("post", "/v1/flows/f/steps/s1/approve", [1], 400, "the body has to be an object"),
    ("post", "/v1/flows/f/rerun", {"step_id": "s1", "operation": "explode"}, 400, "operation: must be one of skip"),
    ("post", "/v1/flows/f/rerun", {"step_id": "s1", "operation": "retry-step"}, 409, "cannot be rerun"),
    ("post", "/v1/flows/f/unpause", {}, 409, "is not paused"),
    ("delete", "/v1/flows/f", None, 409, "has not ended"),
)


async def test_what_cannot_be_taken_is_refused_with_the_path_and_changes_nothing(server):
    admin = server.client("admin")
    await submitted(admin, flow_id="f")
    await rested(server, "f")
    before = (await admin.get("/v1/flows/f")).json()
    for method, path, body, status, said in REFUSED:
        reply = await admin.request(method.upper(), path, **({} if body is None else {"json": body}))
        assert (reply.status_code, said in reply.json()["error"]) == (status, True), (path, body, reply.text)
    assert (await admin.get("/v1/flows/f")).json() == before
    assert len((await admin.get("/v1/flows")).json()) == 1


async def test_the_same_flow_again_is_the_same_flow_and_another_of_its_id_is_refused(server):
    fay = server.client("fay")
    again = [await submitted(fay, flow_id="f", inputs={"what": "a"}) for _ in range(2)]
    assert [one["id"] for one in again] == ["f", "f"]
    other = await fay.post("/v1/flows", json={"flow_type": "deploy", "flow_id": "f", "inputs": {"what": "b"}})
    assert other.status_code == 409
