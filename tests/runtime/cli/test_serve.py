"""``understudy serve``, as a process: it listens, tells where, drains on SIGTERM, and keeps what it was given."""

import json
import signal
import subprocess
import sys
from contextlib import contextmanager

import httpx2
import pytest
from click.testing import CliRunner

from runtime.cli.commands import cli
from tests.runtime.cli.test_flow import FLOW, POLICIES

TEMPLATE = """
name: hello
description: greets
title_format: hello
auto_runnable: true
allow_all_resolver_usernames: true
steps:
  say:
    action: {type: echo, configuration: {output: hello}}
result_format: {said: '{{.step.say.output}}'}
"""


@pytest.fixture
def served(tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/hello.yaml").write_text(TEMPLATE)
    (tmp_path / "templates/probe.yaml").write_text(PROBE)
    options = ["--store", tmp_path / "tasks.db", "--templates", tmp_path / "templates", "--listen", "127.0.0.1:0"]
    with serving(*options) as started:
        yield started


@contextmanager
def serving(*arguments):
    process = subprocess.Popen(
        [sys.executable, "-c", "from runtime.cli import main; main()", "serve", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line
        yield process, line.split()[-1]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


PROBE = """
name: probe
description: asks
title_format: probe
auto_runnable: true
allow_all_resolver_usernames: true
steps:
  ask:
    action: {type: http, configuration: {url: 'http://169.254.169.254/latest/meta-data', method: GET}}
"""


def test_no_step_of_a_served_task_reaches_the_metadata_service_of_a_cloud(served, tmp_path):
    _, url = served
    with httpx2.Client(base_url=url, timeout=30) as client:
        made = client.post("/task", json={"template_name": "probe", "input": {}}).json()
        for _ in range(100):
            task = client.get(f"/task/{made['id']}").json()
            if task["state"] == "BLOCKED":
                break
        resolution = client.get(f"/resolution/{task['resolution']}").json()
    assert resolution["steps"]["ask"]["error"] == "the destination 169.254.169.254 is not allowed here"


def test_a_server_takes_tasks_and_drains_when_it_is_told_to_end(served):
    process, url = served
    with httpx2.Client(base_url=url, timeout=30) as client:
        made = client.post("/task", json={"template_name": "hello", "input": {}}).json()
        assert client.get("/meta").json()["user_is_admin"]
        for _ in range(100):
            task = client.get(f"/task/{made['id']}").json()
            if task["state"] == "DONE":
                break
        assert task["result"] == {"said": "hello"}
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "SIGTERM: draining" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("kept", [True, False])
def test_a_server_that_ends_says_what_it_has_cut_and_what_somebody_has_to_look_at(tmp_path, kept):
    (tmp_path / "nap").write_text("#!/bin/sh\nsleep 600\n")
    (tmp_path / "nap").chmod(0o755)
    for name, idempotent in (("again", "true"), ("once", "false")):
        say, action = "{type: echo, configuration: {output: hello}}", "{type: script, configuration: {file_path: nap}}"
        text = TEMPLATE.replace("hello\ndesc", f"{name}\ndesc").replace(say, f"{action}\n    idempotent: {idempotent}")
        (tmp_path / f"{name}.yaml").write_text(text)
    options = ["--templates", tmp_path, "--scripts", tmp_path, "--listen", "127.0.0.1:0", "--grace", "0"]
    with serving(*options, *(["--store", tmp_path / "tasks.db"] if kept else [])) as (process, url):
        made = {}
        with httpx2.Client(base_url=url, timeout=30) as client:
            for name in ("again", "once"):
                made[name] = client.post("/task", json={"template_name": name, "input": {}}).json()
                while (
                    client.get(f"/resolution/{made[name]['resolution']}").json()["steps"]["say"]["state"] != "RUNNING"
                ):
                    pass
        process.send_signal(signal.SIGTERM)
        last = process.communicate(timeout=30)[0].splitlines()[-1]
    if kept:
        assert last == (
            "stopped; 2 steps were cut; 1 will go on where the store is open; not idempotent, so look how far they got, "
            f"then run or cancel: {made['once']['id']}"
        )
    else:
        assert last == "stopped; 2 steps were cut, and what was not over is gone: there was no --store"


def test_a_server_reads_its_templates_again_when_it_is_told_to(served, tmp_path):
    process, url = served
    (tmp_path / "templates/probe.yaml").unlink()
    (tmp_path / "templates/other.yaml").write_text(TEMPLATE.replace("name: hello", "name: other"))
    process.send_signal(signal.SIGHUP)
    assert process.stdout.readline() == "templates: other added; probe deleted\n"
    with httpx2.Client(base_url=url, timeout=30) as client:
        assert [one["name"] for one in client.get("/template").json()] == ["hello", "other"]


def serve(*arguments):
    done = CliRunner().invoke(cli, ["serve", *map(str, arguments)])
    assert done.exit_code == 2
    return done.output


def test_a_server_knows_the_flows_of_its_folder_and_holds_plans_against_its_policies(tmp_path):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "deploy.yaml").write_text(FLOW.replace("name: deploy\n", "", 1))
    (tmp_path / "policies.yaml").write_text(POLICIES)
    options = ["--flows", tmp_path / "flows", "--policies", tmp_path / "policies.yaml", "--listen", "127.0.0.1:0"]
    with serving(*options) as (_process, url):
        done = CliRunner().invoke(cli, ["flow", "run", "deploy", "--server", url])
        assert "1 policy violation denies the plan" in done.output


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--flows", "nowhere"], "the folder cannot be read: no such file or directory"),
        (["--flows", "bad"], "groups[0].steps[0].name: is missing"),
        (["--policies", "nowhere.yaml"], "there is no such file"),
    ],
)
def test_flows_and_policies_that_cannot_be_used_are_refused(tmp_path, monkeypatch, options, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.yaml").write_text("kind: flow\ngroups: [{steps: [{nam: x}]}]")
    done = CliRunner().invoke(cli, ["serve", *options])
    assert (done.exit_code, says in done.output) == (2, True), done.output
    assert done.output.startswith("error: ")


def test_a_server_that_others_could_reach_wants_to_know_who_may_use_it(tmp_path):
    assert "say who may use it" in serve("--listen", "0.0.0.0:0")
    tokens = tmp_path / "tokens.json"
    tokens.write_text(json.dumps({"0" * 64: {"username": "ada"}}))
    assert "name who may do everything" in serve("--tokens", tokens)


HOST = {"admin_usernames": ["ada"], "application_name": "orders", "server_options": {"max_body_bytes": 5}}


def whoami(url, **given):
    answer = httpx2.get(f"{url}/meta", timeout=30, **given)
    return answer.json().get("user_is_admin", answer.status_code) if answer.status_code == 200 else answer.status_code


def test_configuration_items_say_who_may_use_a_server(tmp_path):
    (tmp_path / "utask-cfg").write_text(json.dumps({"admin_groups": ["ops"], **HOST}))
    (tmp_path / "basic-auth").write_text(json.dumps({"ada": "a", "bob": "b", "carl": "c"}))
    (tmp_path / "groups-auth").write_text(json.dumps({"ops": ["bob"]}))
    with serving("--config", tmp_path, "--listen", "127.0.0.1:0") as (_process, url):
        assert [whoami(url, auth=one) for one in (("ada", "a"), ("bob", "b"), ("carl", "c"))] == [True, True, False]
        assert whoami(url, auth=("ada", "b")) == whoami(url) == 401
        assert whoami(url, headers={"X-Remote-User": "ada"}) == 401
        assert httpx2.get(f"{url}/meta", timeout=30, auth=("ada", "a")).json()["application_name"] == "orders"
        large = httpx2.post(f"{url}/task", timeout=30, auth=("ada", "a"), content=b"{" + b" " * 1024 + b"}")
        assert (large.status_code, "at most 1,024 bytes" in large.text) == (413, True)


def test_a_server_that_only_its_machine_reaches_believes_a_header_where_only_an_item_names_administrators(tmp_path):
    config = tmp_path / "items.json"
    config.write_text(json.dumps({"utask-cfg": HOST}))
    with serving("--config", config, "--listen", "127.0.0.1:0") as (_process, url):
        assert [whoami(url, headers={"X-Remote-User": one}) for one in ("ada", "bob")] == [True, False]
        assert whoami(url) == 401
    assert "users that are known" in serve("--config", config, "--listen", "0.0.0.0:0")


@pytest.mark.parametrize(
    ("items", "says"),
    [
        ({"basic-auth": {"ada": "hush"}}, "admin_usernames or admin_groups in utask-cfg"),
        ({"basic-auth": {"ada": ["hush"]}, "utask-cfg": HOST}, "basic-auth: must map usernames to passwords"),
        ({"basic-auth": "hush", "utask-cfg": HOST}, "basic-auth is not JSON"),
        ({"groups-auth": {"ops": "hush"}, "utask-cfg": HOST}, "groups-auth: must map groups to lists of usernames"),
        ({"groups-auth": {"ops": ["hush"]}}, "are about users that are known"),
        ({"utask-cfg": {"admin_usernames": "hush"}}, "admin_usernames"),
        ({"utask-cfg": {"server_options": {"max_body_bytes": "hush"}}}, "server_options.max_body_bytes"),
    ],
)
def test_items_about_users_that_cannot_be_used_are_refused_without_showing_them(tmp_path, items, says):
    config = tmp_path / "items.json"
    config.write_text(json.dumps(items))
    output = serve("--config", config)
    assert says in output
    assert "hush" not in output


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[]", "must be an object"),
        ('{"secret": {"username": "ada"}}', "SHA-256"),
    ],
)
def test_a_file_of_tokens_that_cannot_be_used_is_refused_without_showing_it(tmp_path, content, says):
    tokens = tmp_path / "tokens.json"
    if content is not None:
        tokens.write_text(content)
    output = serve("--tokens", tokens, "--admin", "ada")
    assert says in output
    assert "secret" not in output


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--listen", "127.0.0.1"], "an address is HOST:PORT"),
        (["--listen", "localhost:http"], "an address is HOST:PORT"),
        (["--admin", "ada"], "say how they are, with --tokens"),
        (["--admin-group", "ops"], "say how they are, with --tokens"),
        (["--deny", "https://evil.example"], "'https://evil.example' is not a host"),
        (["--allow", "10.0.0.0/33"], "is not a host"),
        (["--cors", "example.org"], '--cors: an origin is written "https://host"'),
        (["--hostname", "https://example.org"], "--hostname: a name of the server, as tasks.example.org"),
        (["--hostname", "example.org:80"], "without a port"),
        (["--cors", "https://example.org/path"], "--cors: an origin is written"),
    ],
)
def test_what_would_silently_not_do_what_it_says_is_refused(options, says):
    assert says in serve(*options)


def test_an_address_in_use_is_named(served):
    _, url = served
    taken = url.removeprefix("http://")
    assert f"error: cannot listen on {taken}: Address already in use\n" in serve("--listen", taken)


def test_a_server_logs_all_that_it_has_to_say_as_json_and_its_audit_is_all_that_is_on_standard_output(tmp_path):
    (tmp_path / "hello.yaml").write_text(TEMPLATE)
    options = ["--templates", str(tmp_path), "--listen", "127.0.0.1:0", "--log-format", "json", "--audit", "-"]
    with subprocess.Popen(
        [sys.executable, "-c", "from runtime.cli import main; main()", "serve", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        listening = json.loads(process.stderr.readline())
        assert (listening["level"], listening["logger"]) == ("info", "understudy.cli")
        with httpx2.Client(base_url=listening["event"].removeprefix("listening on "), timeout=30) as client:
            made = client.post("/task", json={"template_name": "hello", "input": {}}).json()
        lines = [json.loads(process.stderr.readline()) for _ in range(3)]
        assert [one["state"] for one in lines] == ["TODO", "RUNNING", "DONE"]
        assert {one["task"] for one in lines} == {made["id"]}
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert [json.loads(line)["event"] for line in err.splitlines()] == [
        "SIGTERM: draining; again to stop at once",
        "stopped; no step was cut",
    ]
    assert [json.loads(line)["message"] for line in out.splitlines()] == ["submit_task"]
