"""The server as its users meet it: real requests, over loopback."""

import re

import apsw
import attrs
import pytest
import trio

from runtime.api.answers import Statistics
from runtime.api.showing import shown
from runtime.api.submission import Submission
from runtime.errors import InputInvalid, Refused
from runtime.journal.keys import add_key
from runtime.runner import ClientError
from runtime.server.limits import ServerLimits
from runtime.templates.model import Action, Assertion, Condition, ConditionType, Input, Operator, Step, Template
from tests.support.api_server import ROOMY, running_server


def echo(output, **more):
    return Step(action=Action(type="echo", configuration={"output": output, **more}))


HELLO = Template(
    name="hello",
    title_format="Greet {{.input.name}}",
    inputs=[Input(name="name")],
    steps={"greet": echo({"message": "Hello, {{.input.name}}!"})},
    result_format={"message": "{{.step.greet.output.message}}"},
    allow_all_resolver_usernames=True,
    auto_runnable=True,
)
BY_HAND = attrs.evolve(
    HELLO,
    name="by-hand",
    auto_runnable=False,
    allow_all_resolver_usernames=False,
    allowed_resolver_usernames=["oscar"],
)
HIDDEN = attrs.evolve(HELLO, name="hidden", hidden=True)
BLOCKED = attrs.evolve(HELLO, name="blocked", blocked=True)
WRONG = attrs.evolve(
    HELLO, name="wrong", steps={"a": echo(None, error_message="no", error_type="client")}, result_format={}
)


@pytest.fixture
async def server():
    with trio.fail_after(60):
        async with running_server([HELLO, BY_HAND, HIDDEN, BLOCKED, WRONG]) as running:
            yield running


async def submitted(client, template="hello", **more):
    reply = await client.post("/task", json={"template_name": template, "input": {"name": "Ada"}, **more})
    assert reply.status_code == 201, reply.text
    return reply.json()


@pytest.mark.parametrize(
    "tags",
    ["{version: 1.50, live: true, name: x}", '{"version": 1.50, "live": true, "name": "x"}'],
)
async def test_numbers_and_truth_values_are_texts_where_texts_are_wanted(server, tags):
    ada = server.client("ada")
    body = f"template_name: hello\ninput: {{name: Ada}}\ncomment: 12345\nwatcher_usernames: [7]\ntags: {tags}"
    made = await ada.post("/task", content=body)
    assert made.json()["tags"] == {"version": "1.50", "live": "true", "name": "x"}
    assert made.json()["watcher_usernames"] == ["7"]
    seen = await ada.get(f"/task/{made.json()['id']}")
    assert seen.json()["comments"][0]["content"] == "12345"
    refused = await ada.post("/task", json={"template_name": "hello", "input": {"name": 5}, "tags": {"a": [1]}})
    assert (refused.status_code, refused.json()["faults"][0]["path"]) == (400, "tags.a")


async def test_a_task_is_submitted_and_runs_and_its_result_is_read(server):
    ada = server.client("ada")
    made = await submitted(ada, tags={"team": "blue"}, comment="please")
    await server.runtime.wait(made["id"])
    seen = (await ada.get(f"/task/{made['id']}")).json()
    assert (seen["state"], seen["title"], seen["result"]) == ("DONE", "Greet Ada", {"message": "Hello, Ada!"})
    assert seen["tags"] == {"team": "blue"}
    assert [comment["content"] for comment in seen["comments"]] == ["please"]
    assert seen["steps_done"] == seen["steps_total"] == 1
    execution = (await ada.get(f"/resolution/{seen['resolution']}")).json()
    assert (execution["state"], execution["task_id"]) == ("DONE", made["id"])
    step = (await ada.get(f"/resolution/{seen['resolution']}/step/greet")).json()
    assert (step["name"], step["state"], step["action"]["type"]) == ("greet", "DONE", "echo")
    assert (step["foreach_strategy"], step["resources"], step["tags"]) == ("", [], None)  # always there (section 16.4)
    assert (await ada.get(f"/resolution/{seen['resolution']}/step/gret")).status_code == 404


async def test_templates_see_the_groups_of_whoever_takes_a_task_on_by_submitting_it(server):
    olga = server.client("olga")
    groups = "{{.task.resolver_username}} {{.task.resolver_groups}} {{.task.requester_groups}}"
    server.runtime.templates.put(
        attrs.evolve(
            HELLO,
            name="groups",
            inputs=(),
            steps={"a": echo(groups)},
            result_format={"groups": "{{.step.a.output}}"},
            title_format="groups",
        )
    )
    made = (await olga.post("/task", json={"template_name": "groups", "input": {}})).json()
    assert (await server.runtime.wait(made["id"])).result == {"groups": "olga ops ops"}


async def test_outputs_are_for_those_who_manage_the_execution(server):
    made = await submitted(server.client("ada"), "by-hand")
    oscar = server.client("oscar")
    execution = (await oscar.post("/resolution", json={"task_id": made["id"]})).json()
    await server.runtime.wait(made["id"])
    path = f"/resolution/{execution['id']}"
    assert (await oscar.get(path)).json()["steps"]["greet"]["output"] == {"message": "Hello, Ada!"}
    assert "output" not in (await server.client("ada").get(path)).json()["steps"]["greet"]


async def test_a_step_that_hangs_is_interrupted_by_who_manages_the_execution(server):
    slow = attrs.evolve(HELLO.steps["greet"], execution_delay=20)
    server.runtime.templates.put(attrs.evolve(HELLO, name="slow", steps={"a": slow}, result_format={}))
    ada, eve = server.client("ada"), server.client("eve")
    made = await submitted(ada, "slow")
    path = f"/resolution/{made['resolution']}"
    while not (attempt := (await ada.get(f"{path}/step/a")).json().get("attempt")):
        await trio.lowlevel.checkpoint()
    assert (await eve.post(f"{path}/step/a/interrupt")).status_code == 404
    late = await ada.post(f"{path}/step/a/interrupt", json={"attempt": attempt + 1})
    assert late.status_code == 400
    assert f"its attempt {attempt} is running" in late.json()["error"]
    said = {"attempt": attempt, "reason": "it hangs", "retry": False}
    assert (await ada.post(f"{path}/step/a/interrupt", json=said)).status_code == 204
    await server.runtime.wait(made["id"])
    step = (await ada.get(f"{path}/step/a")).json()
    assert (step["state"], step["error"]) == ("FATAL_ERROR", "interrupted by ada: it hangs")
    assert "attempt" not in step
    assert (await ada.post(f"{path}/step/a/interrupt")).status_code == 400
    unknown = await ada.post(f"{path}/step/aa/interrupt")
    assert unknown.status_code == 404
    assert 'did you mean "a"' in unknown.json()["error"]
    wrong = await ada.post(f"{path}/step/a/interrupt", json={"attempt": -1, "retry": "no"})
    assert (wrong.status_code, len(wrong.json()["faults"])) == (400, 2)


async def test_an_administrator_who_takes_a_task_on_is_named_to_resolve_it_and_nobody_else_is(server):
    admin, oscar = server.client("admin"), server.client("oscar")
    for who, named in ((admin, ["admin"]), (oscar, None)):
        made = await submitted(server.client("ada"), "by-hand")
        assert (await who.post("/resolution", json={"task_id": made["id"]})).status_code == 201
        await server.runtime.wait(made["id"])
        assert (await admin.get(f"/task/{made['id']}")).json().get("resolver_usernames") == named
        found = (await admin.get("/task?type=resolvable")).json()
        assert (made["id"] in [one["id"] for one in found]) is (named is not None)


async def test_json_and_yaml_say_the_same(server):
    ada = server.client("ada")
    text = "template_name: hello\ninput: {name: Ada}\n"
    assert (await ada.post("/task", content=text)).status_code == 201
    reply = await ada.get("/meta", headers={"accept": "application/x-yaml"})
    assert reply.headers["content-type"].startswith("application/x-yaml")
    assert "username: ada\n" in reply.text
    for accepted, kind in (
        ("application/x-yaml, application/json;q=0.5", "x-yaml"),
        ("application/json, application/x-yaml", "json"),
        ("text/html, */*", "json"),
    ):
        reply = await ada.get("/meta", headers={"accept": accepted})
        assert reply.headers["content-type"].startswith(f"application/{kind}")


async def test_what_somebody_may_not_see_is_not_there(server):
    made = await submitted(server.client("ada"))
    for path in (f"/task/{made['id']}", f"/task/{made['id']}/comment", f"/resolution/{made['resolution']}"):
        assert (await server.client("eve").get(path)).status_code == 404
        assert (await server.client("ada").get(path)).status_code == 200
    assert (await server.client("eve").get("/task")).json() == []
    hidden = (await server.client("eve").get(f"/task/{made['id']}")).json()["error"]
    missing = (await server.client("eve").get("/task/nothing")).json()["error"]
    assert hidden.replace(made["id"], "nothing") == missing


async def test_nobody_is_refused_and_administrators_routes_are_theirs(server):
    nobody, ada = server.client(None), server.client("ada")
    made = await submitted(ada)
    for path in ("/task", "/meta", "/template", f"/task/{made['id']}", "/v1/events"):
        assert (await nobody.get(path)).status_code == 401
    assert (await ada.delete(f"/task/{made['id']}")).status_code == 401
    assert (await ada.put(f"/resolution/{made['resolution']}", json={})).status_code == 401
    await server.runtime.wait(made["id"])
    assert (await server.client("admin").delete(f"/task/{made['id']}")).status_code == 204
    assert (await ada.get(f"/task/{made['id']}")).status_code == 404


async def test_hidden_templates_are_listed_to_administrators_and_blocked_ones_make_no_tasks(server):
    names = {
        user: [one["name"] for one in (await server.client(user).get("/template")).json()] for user in ("ada", "admin")
    }
    assert names["ada"] == ["hello", "by-hand", "blocked", "wrong"]
    assert "hidden" in names["admin"]
    assert (await server.client("ada").get("/template/hidden")).status_code == 200
    reply = await server.client("ada").post("/task", json={"template_name": "blocked", "input": {"name": "x"}})
    assert reply.status_code == 400
    assert "blocked" in reply.json()["error"]


async def test_lists_are_paged_newest_first_and_the_link_keeps_the_filters(server):
    ada = server.client("ada")
    made = [await submitted(ada, tags={"n": str(number)}, template="hello") for number in range(25)]
    for one in made:
        await server.runtime.wait(one["id"])
    seen, path = [], "/task?page_size=10&type=own&state=DONE"
    while path:
        reply = await ada.get(path)
        assert reply.headers["x-paging-pagesize"] == "10"
        seen += [one["id"] for one in reply.json()]
        link = reply.headers.get("link")
        path = link.partition("<")[2].partition(">")[0] if link else None
        assert path is None or ("type=own" in path and "state=DONE" in path)
    assert sorted(seen) == sorted(one["id"] for one in made)
    activities = [one["last_activity"] for one in (await ada.get("/task")).json()]
    assert activities == sorted(activities, reverse=True)
    by_id = (await ada.get(f"/task?page_size=10&last={seen[9]}")).json()
    assert [one["id"] for one in by_id] == seen[10:20]
    assert [one["id"] for one in (await ada.get("/task?tag=n=7")).json()] == [made[7]["id"]]
    newest_first = (await ada.get("/task")).json()
    for place in range(0, 25, 4):  # a moment as it is written leaves out whose it is
        moment = newest_first[place]["last_activity"]
        later = (await ada.get("/task", params={"after": moment})).json()
        earlier = (await ada.get("/task", params={"before": moment})).json()
        assert later == [one for one in newest_first[:place] if one["last_activity"] != moment]
        assert earlier == [one for one in newest_first[place + 1 :] if one["last_activity"] != moment]
    assert (await ada.get("/task?page_size=-1")).headers["x-paging-pagesize"] == "10"
    assert (await ada.get(f"/task?last={made[0]['id']}@soon")).json()["faults"][0]["path"] == "last"


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("tag=x", "tag"),
        ("tag==x", "tag"),
        ("type=mine", "type"),
        ("state=DON", "state"),
        ("after=yesterday", "after"),
        ("before=2026-01-01T00:00:00", "before"),
        ("page_size=many", "page_size"),
        ("last=nothing", "last"),
    ],
)
async def test_a_list_that_cannot_be_is_refused_with_the_parameter(server, query, path):
    reply = await server.client("ada").get(f"/task?{query}")
    assert reply.status_code == 400
    assert reply.headers["content-type"] == "application/problem+json"
    assert [fault["path"] for fault in reply.json()["faults"]] == [path]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("{", "cannot be read as JSON or YAML"),
        (
            '{"template_name": "hello", "input": {"name": "x", "name": "y"}}',
            'input.name: the key "name" is given twice',
        ),
        ("[1]", "has to be an object"),
        ("{}", "template_name: it is missing"),
        ('{"template_name": [3]}', "template_name: must be text"),
        ('{"template_name": "hello", "input": 3}', "input: must be an object"),
        ('{"template_name": "hello", "input": {}}', "name"),
        ('{"template_name": "hello", "input": {"name": "x"}, "delay": "soon"}', "delay: time: invalid duration"),
        ('{"template_name": "hello", "input": {"name": "x"}, "tags": {"_utask_parent_task_id": "x"}}', "reserved"),
        ('{"template_name": "helo", "input": {"name": "x"}}', 'did you mean "hello"'),
    ],
)
async def test_a_submission_that_cannot_be_is_refused_and_leaves_no_trace(server, body, text):
    reply = await server.client("ada").post("/task", content=body)
    assert reply.status_code in {400, 404}
    assert text in reply.json()["error"]
    assert (await server.client("admin").get("/task")).json() == []


async def test_a_body_that_is_too_large_is_refused():
    async with running_server([HELLO], limits=attrs.evolve(ROOMY, body_bytes=1024)) as server:
        reply = await server.client("ada").post("/task", content=b" " * 2000 + b"{}")
        assert reply.status_code == 413


async def test_who_asks_too_often_is_told_when_to_come_back():
    async with running_server([HELLO], limits=ServerLimits(requests_per_second=0.5, burst=3)) as server:
        ada = server.client("ada")
        statuses = [(await ada.get("/meta")).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        reply = await ada.get("/meta")
        assert int(reply.headers["retry-after"]) >= 1
        assert (await server.client("bob").get("/meta")).status_code == 200


async def test_comments_are_their_authors(server):
    ada = server.client("ada")
    made = await submitted(ada, watcher_usernames=["will"])
    path = f"/task/{made['id']}/comment"
    comment = (await server.client("will").post(path, json={"content": "interesting"})).json()
    assert comment["username"] == "will"
    own = f"{path}/{comment['id']}"
    assert (await ada.put(own, json={"content": "something else"})).status_code == 403
    assert (await server.client("will").put(own, json={"content": "very interesting"})).json()["content"] == (
        "very interesting"
    )
    assert (await server.client("will").post(path, json={"content": "no"})).status_code == 400
    assert [one["content"] for one in (await ada.get(path)).json()] == ["very interesting"]
    assert (await server.client("admin").delete(own)).status_code == 204
    assert (await ada.get(own)).status_code == 404


async def test_to_ask_for_the_run_of_a_task_that_just_began_by_itself_is_no_mistake(server, monkeypatch):
    """In µTask it would still be waiting to; of one that ended some time ago it is."""
    admin = server.client("admin")
    made = await submitted(admin)
    await server.runtime.wait(made["id"])
    assert (await admin.post(f"/resolution/{made['resolution']}/run")).status_code == 204
    monkeypatch.setattr("runtime.server.app._CLAIMED_WITHIN_SECONDS", 0.0)
    assert (await admin.post(f"/resolution/{made['resolution']}/run")).status_code == 400
    assert (await admin.get(f"/resolution/{made['resolution']}")).json()["run_count"] == 1


async def test_a_batch_is_taken_on_as_a_whole(server):
    ada = server.client("ada")
    asked = {"template_name": "hello", "inputs": [{"name": "a"}, {"name": "b"}]}
    batch = (await ada.post("/batch", json=asked)).json()
    listed = (await ada.get(f"/task?batch={batch['id']}")).json()
    assert sorted(one["title"] for one in listed) == ["Greet a", "Greet b"]
    clash = {**asked, "common_input": {"name": "c"}}
    assert (await ada.post("/batch", json=clash)).status_code == 400
    wrong = await ada.post("/batch", json={**asked, "inputs": [{}, {"name": "a"}, {"name": 5}]})
    assert wrong.status_code == 400
    assert [fault["path"] for fault in wrong.json()["faults"]] == ["inputs[0].name", "inputs[2].name"]
    assert len((await ada.get("/task")).json()) == 2


async def test_an_input_that_there_is_not_is_dropped_by_the_routes_of_utask_and_refused_by_ours(server):
    ada, given = server.client("ada"), {"name": "Ada", "nmae": "Ada"}
    made = (await ada.post("/task", json={"template_name": "hello", "input": given})).json()
    assert made["input"] == {"name": "Ada"}
    batch = {"template_name": "hello", "inputs": [given], "common_input": {}}
    assert (await ada.post("/batch", json=batch)).status_code == 201
    for message, path in (
        ({"type": "submit_task", "inputs": given}, "input.nmae"),
        ({"type": "submit_batch", "inputs": [{"name": "Bob"}, given]}, "inputs[1].nmae"),
        ({"type": "submit_batch", "inputs": [{}], "common_inputs": given}, "common_inputs.nmae"),
    ):
        refused = await ada.post("/v1/messages", json={**message, "template": "hello"})
        fault = {"path": path, "message": 'there is no input called "nmae"', "hint": 'did you mean "name"?'}
        assert (refused.status_code, refused.json()["faults"]) == (400, [fault])
    assert len((await ada.get("/task")).json()) == 2


async def test_a_batch_that_is_sent_again_is_the_one_that_it_was(server):
    """Who heard no answer sends it again, and nothing is done twice."""
    ada = server.client("ada")
    asked = {"type": "submit_batch", "template": "hello", "batch_id": "mine", "inputs": [{"name": "a"}, {"name": "b"}]}
    first, again = [(await ada.post("/v1/messages", json=asked)).json() for _ in range(2)]
    assert first == again
    assert first["id"] == "mine"
    assert len((await ada.get("/task?batch=mine")).json()) == len((await ada.get("/task")).json()) == 2
    assert (await ada.post("/v1/messages", json={**asked, "inputs": [{"name": "c"}]})).status_code == 409


async def test_what_went_wrong_last_is_seen_of_every_step_that_is_not_done_whatever_state_it_is_in(server):
    """A task that goes on trying, too: nobody would know what it fails at."""

    def becomes(state, **more):
        holds = [Assertion(value="a", operator=Operator.EQ, expected="a")]
        then = Condition(type=ConditionType.CHECK, if_=holds, then={"this": state}, message=f"now {state}")
        return attrs.evolve(echo(None, error_message="no", error_type="client"), conditions=[then], **more)

    steps = {
        "fails": echo(None, error_message="no", error_type="server"),
        "fatal": becomes("FATAL_ERROR"),
        "again": becomes("TO_RETRY"),
        "odd": becomes("ODD", custom_states=["ODD"], description="an odd one"),
        "well": becomes("DONE"),
        "left": becomes("PRUNE"),
    }
    server.runtime.templates.put(attrs.evolve(HELLO, name="all-ways", steps=steps, result_format={}))
    trying = {name: step for name, step in steps.items() if name != "fatal"}
    server.runtime.templates.put(attrs.evolve(HELLO, name="tries", steps=trying, result_format={}))
    admin = server.client("admin")
    made = await submitted(admin, "all-ways")
    await server.runtime.wait(made["id"])
    blocked = (await admin.get(f"/task/{made['id']}")).json()
    assert (blocked["state"], blocked["errors"]) == (
        "BLOCKED",
        [
            {"step": "fails", "error": "no", "name": "fails", "state": "SERVER_ERROR"},
            {"step": "fatal", "error": "now FATAL_ERROR", "name": "fatal", "state": "FATAL_ERROR"},
            {"step": "again", "error": "now TO_RETRY", "name": "again", "state": "TO_RETRY"},
            {"step": "an odd one", "error": "now ODD", "name": "odd", "state": "ODD"},
        ],
    )
    tries = await submitted(admin, "tries")
    while not (await server.runtime.status(tries["id"])).next_retry:
        await trio.lowlevel.checkpoint()
    goes_on = (await admin.get(f"/task/{tries['id']}")).json()
    assert (goes_on["state"], [one["name"] for one in goes_on["errors"]]) == ("RUNNING", ["fails", "again", "odd"])


async def test_why_a_task_was_stopped_and_what_its_result_lacks_is_seen(server):
    admin = server.client("admin")
    made = await submitted(admin, "wrong")
    await server.runtime.wait(made["id"])
    await server.runtime.cancel(made["id"], "enough", requester="ada")
    assert (await admin.get(f"/task/{made['id']}")).json()["stop_reason"] == "ada: enough"
    server.runtime.templates.put(attrs.evolve(HELLO, name="lacks", result_format={"it": "{{fail `gone`}}"}))
    lacks = await submitted(admin, "lacks")
    await server.runtime.wait(lacks["id"])
    assert "gone" in (await admin.get(f"/task/{lacks['id']}")).json()["result_error"]


async def test_an_id_that_no_task_can_have_is_refused_and_nothing_else_happens(server):
    """It was stored, and no actor could be called so: every runtime that went on with it failed."""
    ada = server.client("ada")
    asked = {"type": "submit_task", "template": "hello", "inputs": {"name": "Ada"}, "task_id": "a/b"}
    refused = await ada.post("/v1/messages", json=asked)
    assert (refused.status_code, "task_id" in refused.json()["error"]) == (400, True)
    for task_id in ("a/b", ""):
        wanted = Submission(HELLO, {"name": "Ada"}, task_id)
        with pytest.raises(InputInvalid, match='task_id: must be a text without "/"'):
            await server.runtime.take_on([wanted])
    taken = await ada.post("/v1/messages", json={**asked, "task_id": "..\\ \n#?%2F"})
    assert (await server.runtime.wait(taken.json()["id"])).result == {"message": "Hello, Ada!"}
    assert len((await server.client("admin").get("/task")).json()) == 1


async def test_an_execution_is_read_by_a_message_with_its_steps(server):
    made = await submitted(server.client("ada"))
    await server.runtime.wait(made["id"])
    asked = {"type": "find_task", "resolution_id": made["resolution"]}
    told = (await server.client("ada").post("/v1/messages", json=asked)).json()
    assert told == (await server.client("ada").get(f"/resolution/{made['resolution']}")).json()
    assert told["steps"]["greet"]["state"] == "DONE"


async def test_an_execution_is_paused_mended_and_started_over(server):
    ada, admin = server.client("ada"), server.client("admin")
    made = await submitted(ada, "wrong")
    await server.runtime.wait(made["id"])
    blocked = (await ada.get(f"/task/{made['id']}")).json()
    assert blocked["state"] == "BLOCKED"
    assert blocked["errors"] == [{"step": "a", "error": "no", "name": "a", "state": "CLIENT_ERROR"}]
    path = f"/resolution/{made['resolution']}"
    assert (await admin.put(f"{path}/step/a/state", json={"state": "DONE"})).status_code == 400  # it is not paused
    assert (await admin.post(f"{path}/pause")).status_code == 204
    step = (await admin.get(f"{path}/step/a")).json()
    step["action"]["configuration"] = {"output": "mended"}
    step["state"] = "TODO"
    reply = await admin.put(f"{path}/step/a", json=step)
    assert reply.status_code == 204, reply.text
    assert (await admin.post(f"{path}/run")).status_code == 204
    await server.runtime.wait(made["id"])
    assert (await ada.get(f"/task/{made['id']}")).json()["state"] == "DONE"
    refused = await admin.post("/resolution", json={"task_id": made["id"], "start_over": True})
    assert refused.status_code == 400
    assert (await admin.put(f"{path}/step/a", json=step)).json()["error"].endswith("it is DONE")  # and cannot be held
    again = await submitted(ada, "wrong")
    await server.runtime.wait(again["id"])
    first = (await admin.get(f"/resolution/{again['resolution']}")).json()
    over = await admin.post("/resolution", json={"task_id": again["id"], "start_over": True})
    assert over.status_code == 201
    assert over.json()["id"] != again["resolution"]
    assert over.json()["created"] > first["last_stop"] > first["created"] >= again["created"]
    assert (await admin.get(f"/resolution/{again['resolution']}")).status_code == 404


async def test_an_open_loop_is_mended_by_sending_it_back(server):
    admin = server.client("admin")
    each = Step(
        action=Action(type="echo", configuration={"error_message": "no", "error_type": "client"}), foreach="[1]"
    )
    server.runtime.templates.put(attrs.evolve(WRONG, name="wrongs", steps={"each": each}))
    made = await submitted(admin, "wrongs")
    await server.runtime.wait(made["id"])
    path = f"/resolution/{made['resolution']}"
    assert (await admin.post(f"{path}/pause")).status_code == 204
    step = (await admin.get(f"{path}/step/each")).json()
    assert step["dependencies"] == ["each-0:ANY"]
    step |= {"state": "TODO", "action": {"type": "echo", "configuration": {"output": "mended"}}}
    reply = await admin.put(f"{path}/step/each", json=step)
    assert reply.status_code == 204, reply.text
    assert (await admin.post(f"{path}/run")).status_code == 204
    assert (await server.runtime.wait(made["id"])).steps["each"].children[0]["output"] == "mended"


async def test_who_sends_an_execution_back_rewrites_what_they_changed_and_nothing_else(server):
    """An open loop goes on where it was: what its children did is not done again."""
    admin, done = server.client("admin"), []

    async def work(item: str) -> float:
        done.append(item)
        if item == "2":
            raise ClientError("no")
        return 1.50

    each = Step(action=Action.calling(work, item="{{.iterator}}"), foreach="[1, 2]")
    template = attrs.evolve(WRONG, name="wrongs", steps={"each": each, "b": echo("b"), "c": echo("c")})
    task = await server.runtime.submit(template, {"name": "x"}, requester="admin")
    await task.wait()
    path = f"/resolution/{(await task.status()).resolution_id}"
    assert (await admin.post(f"{path}/pause")).status_code == 204
    steps = (await admin.get(path)).json()["steps"]
    steps["b"] |= {"state": "TODO", "action": {"type": "echo", "configuration": {"output": "mended"}}}
    reply = await admin.put(path, json={"steps": steps})
    assert reply.status_code == 204, reply.text
    assert (await admin.put(path, json={"steps": (await admin.get(path)).json()["steps"]})).status_code == 204
    await task.run()
    view = await task.wait()
    assert (view.steps["b"].output, sorted(done)) == ("mended", ["1", "2", "2"])
    said = [one["content"] for one in (await admin.get(f"/task/{task.id}/comment")).json()]
    assert said == ["paused it", "edited steps: b"]


async def test_who_sends_an_execution_back_without_some_of_its_steps_removes_them_as_in_mutask(server):
    admin = server.client("admin")
    template = attrs.evolve(WRONG, name="wrongs", steps={"a": WRONG.steps["a"], "b": echo("b"), "c": echo("c")})
    task = await server.runtime.submit(template, {"name": "x"}, requester="admin")
    await task.wait()
    path = f"/resolution/{(await task.status()).resolution_id}"
    await admin.post(f"{path}/pause")
    steps = (await admin.get(path)).json()["steps"]
    assert (await admin.put(path, json={"steps": {"b": steps["b"], "c": steps["c"]}})).status_code == 204
    assert [*(await admin.get(path)).json()["steps"]] == ["b", "c"]
    edit = {"type": "edit_task_steps", "task_id": task.id, "steps": {"c": None}}
    assert (await admin.post("/v1/messages", json=edit)).status_code == 200
    assert [*(await admin.get(path)).json()["steps"]] == ["b"]
    await task.run()
    assert (await task.wait()).state == "DONE"
    said = [one["content"] for one in (await admin.get(f"/task/{task.id}/comment")).json()]
    assert said[1:3] == ["edited steps: a", "edited steps: c"]


async def test_every_manual_intervention_leaves_a_comment_of_who_did_what(server):
    """Whoever looks at the task next has to know why it is not as its template would have it."""
    admin = server.client("admin")
    made = await submitted(server.client("ada"), "wrong")
    await server.runtime.wait(made["id"])
    path = f"/resolution/{made['resolution']}"
    step = (await admin.get(f"{path}/step/a")).json()
    for method, rest, body in (
        ("POST", "/pause", None),
        ("PUT", "/step/a/state", {"state": "TO_RETRY"}),
        ("PUT", "/step/a", step),  # as it was before
        ("PUT", "", {"resolver_inputs": {"more": 1}}),
        ("POST", "/run", None),
    ):
        reply = await admin.request(method, path + rest, json=body)
        assert reply.status_code == 204, reply.text
    assert (await admin.post(f"{path}/extend")).status_code == 400
    await server.runtime.wait(made["id"])
    await admin.post("/v1/messages", json={"type": "cancel_task", "task_id": made["id"], "reason": "enough of it"})
    seen = (await server.client("ada").get(f"/task/{made['id']}")).json()["comments"]
    assert [(one["username"], one["content"]) for one in seen] == [
        ("admin", "paused it"),
        ("admin", 'set the state of step "a": CLIENT_ERROR -> TO_RETRY'),
        ("admin", "edited steps: a"),
        ("admin", "edited the inputs of its resolver"),
        ("admin", "ran it"),
        ("admin", "cancelled it: enough of it"),
    ]


async def test_a_task_that_has_as_many_comments_as_it_may_have_can_still_be_mended(server, monkeypatch):
    monkeypatch.setattr("runtime.engine.comments.MOST_COMMENTS", 0)
    made = await submitted(server.client("ada"), "wrong")
    await server.runtime.wait(made["id"])
    assert (await server.client("admin").post(f"/resolution/{made['resolution']}/pause")).status_code == 204


async def test_a_step_that_is_not_there_cannot_be_edited(server):
    admin = server.client("admin")
    made = await submitted(server.client("ada"), "wrong")
    await server.runtime.wait(made["id"])
    path = f"/resolution/{made['resolution']}"
    await admin.post(f"{path}/pause")
    step = (await admin.get(f"{path}/step/a")).json()
    assert (await admin.put(f"{path}/step/b", json=step)).status_code == 404
    assert (await admin.put(f"{path}/step/b/state", json={"state": "DONE"})).status_code == 404
    assert [*(await admin.get(path)).json()["steps"]] == ["a"]
    for wrong in ({"steps": []}, {"steps": "a"}, {"resolver_inputs": []}):
        assert (await admin.put(path, json=wrong)).status_code == 400
    for wrong, where in (
        (5, ""),
        ({"state": 5}, ".state"),
        ({"error": 5}, ".error"),
        ({"try_count": -1}, ".try_count"),
    ):
        reply = await admin.put(path, json={"steps": {"a": {**step, **wrong} if where else wrong}})
        assert (reply.status_code, [fault["path"] for fault in reply.json()["faults"]]) == (400, [f"steps.a{where}"])


async def test_what_a_template_does_not_declare_is_kept_when_a_task_is_edited(server):
    ada = server.client("ada")
    made = await submitted(ada, "by-hand", input={"name": "Ada", "more": 1})
    assert made["input"] == {"name": "Ada"}
    edited = await ada.put(f"/task/{made['id']}", json={"input": {"name": "Bob", "more": 1}})
    assert (edited.json()["input"], edited.json()["title"]) == ({"name": "Bob", "more": 1}, "Greet Bob")
    assert [one["content"] for one in edited.json()["comments"]] == ["edited what it was submitted with"]


async def test_a_task_is_rejected_once(server):
    made = await submitted(server.client("ada"), "by-hand")
    assert (await server.client("ada").post(f"/task/{made['id']}/wontfix")).status_code == 204
    seen = (await server.client("ada").get(f"/task/{made['id']}")).json()
    assert (seen["state"], seen["stop_reason"]) == ("WONTFIX", "ada: rejected")
    assert "it is WONTFIX" in (await server.client("ada").post(f"/task/{made['id']}/wontfix")).json()["error"]
    assert (await server.client("ada").post(f"/task/{made['id']}/wontfix")).status_code == 400
    assert (await server.client("oscar").post("/resolution", json={"task_id": made["id"]})).status_code == 400


async def test_messages_are_sent_as_they_are(server):
    ada = server.client("ada")
    submission = {"type": "submit_task", "template": "hello", "inputs": {"name": "Ada"}, "task_id": "mine"}
    first = await ada.post("/v1/messages", json=submission)
    again = await ada.post("/v1/messages", json=submission)
    assert first.json()["id"] == again.json()["id"] == "mine"
    other = await ada.post("/v1/messages", json={**submission, "inputs": {"name": "Bob"}})
    assert other.status_code == 409
    unknown = await ada.post("/v1/messages", json={**submission, "inptus": {}})
    assert unknown.json()["faults"] == [
        {"path": "inptus", "message": "there is no such field", "hint": 'did you mean "inputs"?'}
    ]


async def test_every_reply_has_the_headers_that_keep_browsers_careful(server):
    for path in ("/meta", "/nowhere", "/unsecured/mon/ping"):
        reply = await server.client("ada").get(path)
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "server" not in reply.headers
    assert (await server.client("ada").get("/nowhere")).json()["error"] == "there is nothing here"
    assert (await server.client("ada").patch("/task")).status_code == 405


async def test_metrics_say_how_limited_resources_and_notifications_stand():
    limits = '{"resource_limits": {"steps": 5, "socket": 0}, "max_concurrent_executions": 7}'
    async with running_server([HELLO], config={"utask-cfg": limits}) as server:
        made = await submitted(server.client("ada"))
        await server.runtime.wait(made["id"])
        metrics = (await server.client(None).get("/metrics")).text
    for line in (
        'understudy_resource_limit{resource="steps"} 5.0',
        'understudy_resource_limit{resource="socket"} 0.0',
        'understudy_resource_limit{resource="executions"} 7.0',
        'understudy_resource_granted_total{resource="steps"} 1.0',
        'understudy_resource_held{resource="steps"} 0.0',
        'understudy_resource_waiting{resource="steps"} 0.0',
        "understudy_notifications_dropped_total 0.0",
    ):
        assert f"{line}\n" in metrics


async def test_health_figures_and_the_openapi_document_are_for_everybody(server):
    nobody = server.client(None)
    made = await submitted(server.client("ada"))
    await server.runtime.wait(made["id"])
    assert (await nobody.get("/unsecured/mon/ping")).text == "pong"
    assert (await nobody.get("/healthz")).status_code == (await nobody.get("/readyz")).status_code == 200
    stats = (await nobody.get("/unsecured/stats")).json()["task_states"]
    assert stats == {"TODO": 0, "BLOCKED": 0, "RUNNING": 0, "WONTFIX": 0, "DONE": 1, "CANCELLED": 0}
    assert shown(Statistics(stats, 12.34)) == {"task_states": stats, "age_seconds": 12.3}
    metrics = (await nobody.get("/metrics")).text
    assert 'utask_task_state{group="",status="DONE",template="hello"} 1.0' in metrics
    assert "understudy_task_state_age_seconds 0.0" in metrics
    assert "understudy_actor_failures_total 0.0" in metrics
    for name in ("process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total"):
        assert re.search(rf"^{name} [1-9]|^{name} 0\.", metrics, re.MULTILINE)
    for kind in ("valid", "complete", "exec"):
        assert f'utask_{kind}_times_count{{template="hello"}} 1.0' in metrics
    document = (await nobody.get("/unsecured/spec.json")).json()
    assert document["openapi"] == "3.1.0"
    assert "/task/{id}" in document["paths"]
    server.runtime.shutdown("over")
    assert (await nobody.get("/readyz")).status_code == 503


async def test_a_server_whose_store_takes_nothing_is_not_ready_until_it_does_or_it_is_time_to_try(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("runtime.journal.sqlite.database._BUSY_SECONDS", 0.05)
    path = tmp_path / "tasks.db"
    with trio.fail_after(60):
        async with running_server(
            [HELLO], store=f"sqlite:///{path}", limits=attrs.evolve(ROOMY, wait_seconds=0.05)
        ) as server:
            ada = server.client("ada")
            assert (await ada.get("/readyz")).status_code == 200
            other = apsw.Connection(str(path))
            other.execute("BEGIN IMMEDIATE")
            refused = await ada.post("/task", json={"template_name": "hello", "input": {"name": "Ada"}})
            assert refused.status_code == 503
            reply = await ada.get("/readyz")
            assert (reply.status_code, "keeps it locked" in reply.json()["error"]) == (503, True)
            assert "understudy_store_refuses 1.0\n" in (await ada.get("/metrics")).text
            for _ in range(server.office.limits.in_flight):
                server.office.room.acquire_nowait()  # as those have that wait for it
            full = (await ada.get("/task")).json()["error"]
            assert "as many requests as it takes: try again later (the store" in full
            assert "keeps it locked" in full
            for _ in range(server.office.limits.in_flight):
                server.office.room.release()
            number, since = server.office.trouble
            server.office.trouble = number, since - 31  # nothing was to be stored meanwhile, for nobody was let through
            assert (await ada.get("/readyz")).status_code == 200
            await ada.post("/task", json={"template_name": "hello", "input": {"name": "Ada"}})
            assert (await ada.get("/readyz")).status_code == 503
            other.execute("COMMIT")
            other.close()
            await submitted(ada)
            assert (await ada.get("/readyz")).status_code == 200
            assert "understudy_store_refuses 0.0\n" in (await ada.get("/metrics")).text


async def test_keys_are_rotated_by_administrators_even_under_maintenance(tmp_path):
    keys = tmp_path / "keys.json"
    for name in ("old", "new"):
        add_key(keys, name)
        async with running_server([HELLO], store=tmp_path / "tasks.db", keys=keys) as server:
            made = await submitted(server.client("ada"))
            await server.runtime.wait(made["id"])
    options = {"store": tmp_path / "tasks.db", "keys": keys, "maintenance": True}
    async with running_server([HELLO], **options) as server:
        ada, admin = server.client("ada"), server.client("admin")
        assert (await ada.post("/key-rotate")).status_code == 401
        rotated = await admin.post("/key-rotate")
        assert rotated.status_code == 200
        assert rotated.json()["rows"] > 0
        assert (await admin.post("/v1/messages", json={"type": "rotate_keys"})).json() == {"rows": 0}
        assert (await ada.get(f"/task/{made['id']}")).json()["state"] == "DONE"
        writes = (
            ("POST", "/task", {"template_name": "hello", "input": {"name": "Ada"}}),
            ("POST", f"/task/{made['id']}/comment", {"content": "what now?"}),
            ("POST", "/v1/messages", {"type": "tag_task", "task_id": made["id"], "tags": {"a": "b"}}),
        )
        for method, path, body in writes:
            refused = await ada.request(method, path, json=body)
            assert (refused.status_code, "maintenance" in refused.json()["error"]) == (405, True)
        assert (await admin.delete(f"/task/{made['id']}")).status_code == 405
        assert len((await admin.get("/task")).json()) == 2


async def test_an_execution_tells_when_it_ran_and_who_goes_on_with_it(server):
    ada = server.client("ada")
    made = await submitted(ada)
    await server.runtime.wait(made["id"])
    task = (await ada.get(f"/task/{made['id']}")).json()
    run = (await ada.get(f"/resolution/{task['resolution']}")).json()
    assert task["last_start"] == run["last_start"] <= run["last_stop"] == task["last_stop"]
    assert "instance_id" not in run  # nobody goes on with it any more
    assert task["created"] <= run["created"] <= run["last_start"]
    slow = attrs.evolve(HELLO, name="slow", steps={"a": Step(action=Action.calling(trio.sleep_forever))})
    task = await server.runtime.submit(attrs.evolve(slow, result_format={}), {"name": "x"}, requester="ada")
    run = (await ada.get(f"/resolution/{(await task.status()).resolution_id}")).json()
    assert (run["instance_id"], "last_stop" in run, "last_start" in run) == (1, False, True)


async def test_a_fault_reads_the_same_in_python_and_over_http(server):
    rt, admin = server.runtime, server.client("admin")
    task = await rt.submit(HELLO, {"name": "Ada"})
    await task.wait()
    for call, message in (
        (lambda: rt.run("none"), {"type": "run_task", "task_id": "none"}),
        (lambda: rt.cancel(task.id), {"type": "cancel_task", "task_id": task.id}),
        (lambda: rt.submit(HELLO, {}), {"type": "submit_task", "template": "hello"}),
        (lambda: rt.submit(HELLO, {"nam": "x"}), {"type": "submit_task", "template": "hello", "inputs": {"nam": "x"}}),
        (lambda: rt.operator(task.id).extend(), {"type": "extend_task", "task_id": task.id}),
        (lambda: rt.rotate_keys(), {"type": "rotate_keys"}),
    ):
        with pytest.raises(Refused) as refusal:
            await call()
        assert (await admin.post("/v1/messages", json=message)).json()["error"] == str(refusal.value)


async def test_a_name_with_a_slash_is_addressed_as_any_other():
    named = attrs.evolve(
        HELLO,
        name="team/greet",
        steps={"say/it": echo({"message": "{{.input.name}}"}), "50%2F": echo({})},
        result_format={},
    )
    async with running_server([named]) as server:
        ada = server.client("admin")
        assert (await ada.get("/template/team%2Fgreet")).json()["name"] == "team/greet"
        task = await submitted(ada, "team/greet")
        await server.runtime.wait(task["id"])
        seen = (await ada.get(f"/task/{task['id']}")).json()
        path = f"/resolution/{seen['resolution']}/step"
        for name, sent in (("say/it", "say%2Fit"), ("50%2F", "50%252F")):
            assert (await ada.get(f"{path}/{sent}")).json()["name"] == name
        assert (await ada.get(f"{path}/say/it")).status_code == 404
