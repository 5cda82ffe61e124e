"""The dashboard's script, run in an engine without a browser: what it asks of the server, and what it shows."""

import json
from pathlib import Path

import _quickjs  # type: ignore[import-not-found]  # the engine has no types
import pytest

import runtime.server
from runtime.runner import PARENT_TAG

SCRIPT = Path(runtime.server.__file__).parent / "static" / "dashboard" / "dashboard.js"

BROWSER = """
class El {
  constructor(name) { Object.assign(this, { name, kids: [], hidden: false, value: "" }); }
  append(...kids) { this.kids.push(...kids); }
  replaceChildren(...kids) { this.kids = kids; }
  addEventListener() {}
  contains() { return false; }
  get text() { return this.kids.map((one) => one.text ?? String(one)).join("|"); }
  all(name) { return [...(this.name === name ? [this] : []), ...this.kids.flatMap((one) => one.all ? one.all(name) : [])]; }
}
const ids = {}, asked = [];
for (const id of ["main", "token", "fault", "application", "user"]) ids[id] = new El(id);
var document = { getElementById: (id) => ids[id], createElement: (name) => new El(name), hidden: true };
var window = { addEventListener() {} }, sessionStorage = { getItem() {}, setItem() {} };
var location = { hash: HASH }, setInterval = () => {};
var URLSearchParams = class extends Map {
  constructor(given) { super(typeof given === "string" ? [] : Object.entries(given)); }
  toString() { return [...this].map((one) => one.join("=")).join("&"); }
};
var fetch = async (path, options) => {
  const url = path.replace("../../", "");
  asked.push([options.method, url, options.body ?? ""].join(" "));
  const found = ANSWERS[url.split("?")[0]];
  return { ok: found !== undefined, status: 404, text: async () => JSON.stringify(found ?? { error: "there is none" }),
    headers: { get: (name) => name === "Content-Type" ? "application/json" : null } };
};
"""

STATUS = {"status": "approval-awaiting", "status_human_description": "", "metadata": {}}
FOUND = {
    "warn_violations": [{"policy_id": "small", "message": "it is big"}],
    "policy_error": "policy x: boom",
}
STEP = {"id": "s1", "name": "<b>plan", "group_id": "g1.0", "status": STATUS, "waits": True}
FLOW = {
    "id": "a b", "name": "Deploying", "type": "deploy", "mode": "group", "status": STATUS, "error": "", "ended": False,
    "paused": False, "created_by_id": "fay", "created_at": 1.0, "turn": "",
    "groups": [{"id": "g1.0", "name": "app", "may_retry": True}],
    "steps": [STEP | {"may_retry": False, "may_skip": False, "status": STATUS | {"metadata": FOUND}},
              STEP | {"id": "s2", "name": "bad", "waits": False, "may_retry": True, "may_skip": False}],
}  # fmt: skip
LISTED = {
    "id": "a b",
    "name": "Deploying",
    "status": "approval-awaiting",
    "steps": 2,
    "owner": "",
    "created_by_id": "fay",
}
TASK = {"id": "t", "title": "Wait", "state": "RUNNING", "template_name": "x", "resolution": "r", "input": {},
        "waits_for": ["step a: <b>", "step c: step a"]}  # fmt: skip
CHILD = TASK | {"id": "c", "title": "Child", "tags": {PARENT_TAG: "t"}}
EXECUTION = {
    "state": "RUNNING", "run_count": 1, "run_max": 100,
    "steps": {"a b": {"name": "a b", "state": "RUNNING", "attempt": 2}, "c": {"name": "c", "state": "TODO"}},
}  # fmt: skip
ANSWERS = {
    "task/t": TASK,
    "task/c": CHILD,
    "resolution/r": EXECUTION,
    "meta": {"application_name": "x", "username": "fay"},
    "v1/flows": [LISTED | {"changed_at": 1.0}],
    "v1/flows/a%20b": FLOW,
    "v1/flows/a%20b/steps/s1/approval": {"contents": {"changes": ["a new thing"]}, "expires_at": 2.0},
}


def shown(path: str, *presses: str) -> tuple[str, list[str]]:
    """Show a page, press buttons; give the texts of the page, and what was asked of the server."""
    context = page(path, *presses)
    return context.eval("[ids.main.text, ids.fault.textContent ?? ''].join('')"), json.loads(
        context.eval("JSON.stringify(asked)")
    )


def links(path: str) -> dict[str, str]:
    """Give where the links of a page lead, by their texts."""
    found = page(path).eval("JSON.stringify(ids.main.all('a').map((one) => [one.text, one.href]))")
    return dict(json.loads(found))


def page(path: str, *presses: str):
    context = _quickjs.Context()
    context.eval(f"var HASH = {json.dumps(path)}, ANSWERS = {json.dumps(ANSWERS)};")
    context.eval(BROWSER)
    context.eval(SCRIPT.read_text())
    for press in ("", *presses):
        if press:
            context.eval(f"ids.main.all('button').find((one) => one.text === {json.dumps(press)}).onclick();")
        while context.execute_pending_job():
            pass
    return context


def test_a_task_leads_to_those_that_it_started_and_back():
    assert links("#/task/t")["Tasks that it started"] == f"#/?tag={PARENT_TAG}%3Dt"
    assert links("#/task/c")["t"] == "#/task/t"


def test_flows_are_listed_and_lead_to_their_pages():
    text, asked = shown("#/flows")
    assert "Deploying|approval-awaiting|2" in text
    assert "GET v1/flows?page_size=100 " in asked


def test_a_plan_is_shown_and_answered():
    text, _ = shown("#/flow/a%20b")
    assert "a new thing" in text
    assert "small: it is big|not checked: policy x: boom" in text, "what policies found is there with the plan"
    assert "app|<b>plan|approval-awaiting" in text, "what others wrote is text"
    _, asked = shown("#/flow/a%20b", "deny")
    said = next(one for one in asked if one.startswith("POST"))
    assert said == 'POST v1/flows/a%20b/steps/s1/respond {"response":"deny","note":""}'


@pytest.mark.parametrize(
    ("press", "says"),
    [
        ("retry", "steps/s1/respond"),
        ("pause", "pause"),
        ("cancel", "cancel"),
        ("approve", "respond"),
        ("deny-skip-current-and-dependents", "respond"),
        ("retry app", "steps/s1/retry-group"),
    ],
)
def test_every_button_says_what_is_on_it(press, says):
    _, asked = shown("#/flow/a%20b", press)
    assert any(one.startswith(f"POST v1/flows/a%20b/{says}") or f"{says} " in one for one in asked if "POST" in one)


def test_a_task_says_what_it_waits_for():
    assert "Waits for|step a: <b>|step c: step a" in shown("#/task/t")[0]


def test_an_attempt_that_is_seen_running_is_interrupted_and_no_other():
    text, _ = shown("#/task/t")
    assert text.count("interrupt") == 1
    _, asked = shown("#/task/t", "interrupt")
    assert 'POST resolution/r/step/a%20b/interrupt {"attempt":2}' in asked


def test_what_is_refused_is_said():
    text, _ = shown("#/flow/none")
    assert text.endswith("there is none")
