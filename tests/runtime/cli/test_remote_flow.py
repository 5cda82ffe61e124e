"""``understudy flow --server``: the same commands, exit statuses and texts as with a store."""

import json

import pytest
from click.testing import CliRunner

from runtime.cli.commands import cli
from tests.runtime.cli.test_flow import FAILS, FLAT, FLOW
from tests.runtime.server.test_flow_routes import ASKS, KIT
from tests.support.api_server import server_in_a_thread


@pytest.fixture(scope="module")
def url():
    with server_in_a_thread([ASKS], user="admin", flows=KIT) as address:
        yield address


@pytest.fixture
def shell(url):
    def run(*arguments: str):
        done = CliRunner().invoke(cli, ["flow", *arguments, "--server", url])
        assert "Traceback" not in done.output
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    return run


def test_a_flow_that_the_server_knows_waits_is_looked_at_approved_and_done(shell):
    waits = shell("run", "deploy", "--id", "one", "-i", "what=it")
    assert waits.exit_code == 3, waits.output
    assert "  s1 plan: approval-awaiting\n" in waits.output
    assert "s1    plan   approval-awaiting  approve or deny it" in waits.output
    assert json.loads(shell("show", "one", "--plan", "s1").output) == {"changes": [{"actions": ["update"]}]}
    assert shell("show", "one").exit_code == 3
    done = shell("approve", "one", "s1", "--note", "fine")
    assert done.exit_code == 0
    assert "s1 plan: checking-plan" not in done.output, "what is known already is not told again"
    assert "  s2 apply: success\n" in done.output
    assert "Deployed one: success" in done.output
    view = json.loads(shell("show", "one", "--json").output)
    assert view["steps"][0]["approval"]["response"]["note"] == "fine"
    assert ["one", "success"] in [line.split()[:2] for line in shell("ls").output.splitlines()]


def test_a_flow_in_a_file_is_taken_there_and_retried_skipped_and_cancelled(shell, tmp_path):
    path = tmp_path / "fails.yaml"
    path.write_text(FAILS)
    failed = shell("run", str(path), "--id", "two")
    assert failed.exit_code == 3
    assert "no luck" in failed.output
    assert "s3 bad (retry 1): error" in shell("retry", "two", "s1").output
    assert shell("skip", "two", "s3").exit_code == 0
    (tmp_path / "flow.yaml").write_text(FLOW)
    started = shell("run", str(tmp_path / "flow.yaml"), "--id", "three", "-i", "x=1", "--no-wait", "--json")
    assert started.exit_code == 3
    assert shell("cancel", "three", "--reason", "enough").exit_code == 1
    assert json.loads(shell("show", "three", "--json").output)["status"]["status_human_description"] == "enough"
    shell("run", str(tmp_path / "flow.yaml"), "--id", "stops", "-i", "x=1")
    stopped = shell("cancel", "stops", "--group", "g1.0", "--reason", "enough")
    assert (stopped.exit_code, "was cancelled: enough" in stopped.output) == (1, True)


def test_what_the_messages_about_flows_can_say_the_command_line_can(shell, tmp_path):
    (tmp_path / "flat.yaml").write_text(FLAT)
    made = shell("run", str(tmp_path / "flat.yaml"), "--id", "flat", "--no-start")
    assert (made.exit_code, "pending" in made.output) == (3, True)
    assert shell("start", "flat").exit_code == 1
    assert shell("rerun", "flat", "s1", "skip-step").exit_code == 0
    assert json.loads(shell("show", "flat", "--step", "s2").output)["output"] == {"size": 1}
    assert shell("policies", "flat", "--json").output == "[]\n"
    assert shell("delete", "flat").exit_code == 0
    assert shell("show", "flat").exit_code == 2


def test_what_is_refused_is_one_line_and_status_2(shell, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("kind: flow\ngroups: [{steps: [{nam: x}]}]")
    shell("run", "deploy", "--id", "four")
    for arguments, says in (
        (("run", "deplyo"), 'did you mean "deploy"?'),
        (("run", "nowhere.yaml"), "there is no such file"),
        (("run", str(bad)), "groups[0].steps[0].name: is missing"),
        (("run", "deploy", "-i", "x"), "NAME=VALUE"),
        (("show", "nobody"), 'no flow "nobody"'),
        (("approve", "four", "s9"), 'no step "s9"'),
        (("respond", "four", "s1", "banana"), "response: must be one of approve, "),
        (("skip", "four", "s1"), "cannot be skipped: it is approval-awaiting"),
        (("interrupt", "four", "s1"), "cannot be interrupted: no work of it is running, it is approval-awaiting"),
        (("unpause", "four"), "is not paused"),
        (("option", "four", "never"), "option: must be one of prompt, approve-all"),
    ):
        done = shell(*arguments)
        assert done.exit_code == 2, done.output
        assert says in done.output
        assert done.output.startswith("error: ")
    nobody = CliRunner().invoke(cli, ["flow", "ls", "--server", "http://127.0.0.1:9"])
    assert (nobody.exit_code, "cannot be reached" in nobody.output) == (2, True)


def test_the_server_may_be_named_by_the_environment_where_there_is_no_store(url, tmp_path):
    def run(*arguments: str):
        return CliRunner().invoke(cli, ["flow", *arguments], env={"UNDERSTUDY_SERVER": url})

    assert run("run", "deploy", "--id", "by-environment", "-i", "what=it").exit_code == 3
    assert "by-environment" in run("ls").output
    (tmp_path / "flow.yaml").write_text(FLOW)
    store = ("--store", str(tmp_path / "flows.db"))
    assert run("run", str(tmp_path / "flow.yaml"), "--id", "one", "-i", "x=5", *store).exit_code == 3
    assert [line.split()[0] for line in run("ls", *store).output.splitlines()] == ["ID", "one"]
