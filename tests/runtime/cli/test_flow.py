"""``understudy flow``: exit statuses and texts, as a shell sees them; no refusal is a traceback."""

import json
import re
import signal
import subprocess
import sys

import pytest
import trio
from click.testing import CliRunner

from actors import VirtualClock
from runtime import Action, Step, Template, open_runtime
from runtime.api.codec import to_json
from runtime.api.flow_views import view_flow
from runtime.cli.commands import cli
from runtime.cli.flow_report import report
from runtime.flow.rows import RetryRule, Violation
from runtime.flow.states import Mode
from tests.support.plain_flow import Evaluation, FlowLoop, Work, plan, scripted, step

FLOW = """
kind: flow
name: deploy
labels: {present: Deploying, past: Deployed}
groups:
  - steps:
      - name: plan
        execution_type: approval
        signal: {type: echo, data: {output: {changes: [{actions: [create], text: "{{.input.x}}"}]}}}
      - {name: apply, signal: {type: echo, data: {output: "{{(index .step.plan.output.changes 0).text}}"}}}
"""
FAILS = """
kind: flow
name: fails
groups:
  - steps:
      - {name: bad, signal: {type: echo, data: {error_message: no luck, output: {}}}}
      - {name: after, signal: {type: echo, data: {output: {}}}}
"""
PLAN = "{type: echo, data: {output: {changes: [{actions: [create]}]}}}"
POLICIES = """
policies:
  - {id: no-creates, rule: 'plan.changes.all(change, !("create" in change.actions))', message: nothing new}
"""


@pytest.fixture
def shell(tmp_path):
    store = str(tmp_path / "flows.db")

    def run(*arguments: str):
        done = CliRunner().invoke(cli, ["flow", *arguments, "--store", store])
        assert "Traceback" not in done.output
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done

    return run


@pytest.fixture
def document(tmp_path):
    def write(text: str, name: str = "flow.yaml") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def test_a_flow_waits_is_looked_at_approved_and_done(shell, document):
    waits = shell("run", document(FLOW), "--id", "one", "-i", "x=5")
    assert waits.exit_code == 3
    assert "Deploying one: approval-awaiting" in waits.output
    assert "s1    plan   approval-awaiting  approve or deny it" in waits.output
    plan = shell("show", "one", "--plan", "s1")
    assert plan.exit_code == 0
    assert json.loads(plan.output) == {"changes": [{"actions": ["create"], "text": "5"}]}
    assert shell("show", "one").exit_code == 3
    done = shell("approve", "one", "s1", "--by", "ada", "--note", "fine")
    assert done.exit_code == 0
    assert "Deployed one: success" in done.output
    view = json.loads(shell("show", "one", "--json").output)
    response = view["steps"][0]["approval"]["response"]
    assert (response["type"], response["note"], response["created_by_id"]) == ("approve", "fine", "ada")
    assert [one["status"] for one in view["steps"][0]["status"]["history"]][-1] == "approval-awaiting"


def test_what_is_refused_is_one_line_and_status_2(shell, document):
    shell("run", document(FLOW), "--id", "one", "-i", "x=5")
    shell("approve", "one", "s1")
    for arguments, says in (
        (("approve", "one", "s1"), "answered already"),
        (("approve", "one", "s9"), 'no step "s9"'),
        (("retry", "one", "s1"), "has ended"),
        (("cancel", "one"), "cannot be cancelled"),
        (("interrupt", "one", "s1"), "cannot be interrupted: no work of it is running"),
        (("show", "nobody"), 'no flow "nobody"'),
        (
            ("run", document("kind: flow\ngroups: [{steps: [{nam: x}]}]", "bad.yaml")),
            "groups[0].steps[0].name: is missing",
        ),
        (("run", document("kind: flow", "empty.yaml")), "no steps"),
        (("run", document("kind: task\nsteps: []", "task.yaml")), "kind"),
        (("run", "nowhere.yaml"), "there is no such file"),
        (("run", document(FLOW), "-i", "x"), "NAME=VALUE"),
    ):
        done = shell(*arguments)
        assert done.exit_code == 2, done.output
        assert says in done.output
        assert done.output.startswith("error: ")


def test_a_denied_flow_and_a_cancelled_one_end_otherwise(shell, document):
    shell("run", document(FLOW), "--id", "one", "-i", "x=5")
    denied = shell("deny", "one", "s1", "--note", "no")
    assert denied.exit_code == 1
    assert "deny by user: no" in denied.output
    shell("run", document(FLOW), "--id", "two", "-i", "x=5")
    assert shell("cancel", "two").exit_code == 1
    for number, only in enumerate((("--group", "g1.0"), ("--step", "s1"))):
        shell("run", document(FLOW), "--id", f"only-{number}", "-i", "x=5")
        assert shell("cancel", f"only-{number}", *only, "--step", "s1", "--group", "g1.0").exit_code == 2
        stopped = shell("cancel", f"only-{number}", *only, "--reason", "enough")
        assert stopped.exit_code == 1
        assert "g1.0   s1    plan   cancelled  enough" in stopped.output


def test_a_failed_step_is_retried_or_skipped(shell, document):
    failed = shell("run", document(FAILS), "--id", "one")
    assert failed.exit_code == 3
    assert "no luck" in failed.output
    again = shell("retry", "one", "s1")
    assert again.exit_code == 3
    assert "s3 bad (retry 1): error" in again.output
    skipped = shell("skip", "one", "s3")
    assert skipped.exit_code == 0
    assert "user-skipped" in skipped.output


def test_what_can_be_done_is_said_where_it_is_said_what_a_flow_waits_for(shell, document):
    flow = f"""
kind: flow
groups:
  - steps: [{{name: ask, execution_type: approval, approvers: [user], approver_groups: [ops], signal: {PLAN}}}]
  - steps: [{{name: bad, signal: {{type: echo, data: {{error_message: no luck, output: {{}}}}}}}}]
"""
    assert "approve or deny it (user, group ops may)" in shell("run", document(flow), "--id", "one").output
    assert "one: approval-awaiting (to be paused after this group)" in shell("pause", "one").output
    paused = shell("approve", "one", "s1").output
    assert "one: in-progress (paused)" in paused
    assert "the flow is paused: unpause it, and it goes on" in paused
    assert "no luck: retry or skip it" in shell("unpause", "one").output


def test_a_step_that_waits_to_be_tried_again_says_so(capsys):
    later = step("later", 1, retry=RetryRule(auto=True, backoff_seconds=900))
    loop = FlowLoop(later, mode=Mode.GROUP, script=scripted(later=Work(error="no"))).run()
    report(to_json(view_flow(loop.flow)), as_json=False)
    again = r"later \(retry 1\)  pending  tried again at 20[0-9-]+T[0-9:]+Z: retry it to have that now"
    assert re.search(again, capsys.readouterr().out)


def test_a_step_that_waits_for_resources_says_so(capsys):
    loop = FlowLoop(step("waits", 1), mode=Mode.GROUP, script=scripted(waits=Work(error="no")))
    loop.run()
    waiting = view_flow(loop.flow, queued={"s1": "lock (1)"})
    report(to_json(waiting), as_json=False)
    assert "waits for resources that others hold: lock (1)" in capsys.readouterr().out


def test_what_policies_found_in_a_plan_is_said_to_whoever_has_to_answer_it(capsys):
    loop = FlowLoop(plan("p"), mode=Mode.GROUP)
    warning = Violation(policy_id="small", severity="warn", message="it is big")
    loop.evaluation = Evaluation(evaluated=("small",), violations=(warning,), error="policy x: boom")
    loop.run()
    report(to_json(view_flow(loop.flow)), as_json=False)
    assert "approve or deny it; small: it is big; not checked: policy x: boom" in capsys.readouterr().out


def test_policies_come_from_a_file(shell, document):
    policies = document(POLICIES, "policies.yaml")
    denied = shell("run", document(FLOW), "--id", "one", "-i", "x=5", "--approve-all", "--policies", policies)
    assert denied.exit_code == 3
    assert "1 policy violation" in denied.output
    bad = shell("run", document(FLOW), "--policies", document("policies: [{id: x}]", "bad.yaml"))
    assert bad.exit_code == 2
    assert "policies[0]" in bad.output


def test_nobody_is_asked_where_the_option_says_so(shell, document):
    done = shell("run", document(FLOW), "-i", "x=5", "--approve-all", "--json")
    assert done.exit_code == 0
    assert json.loads(done.output)["status"]["status"] == "success"
    planned = shell("run", document(FLOW), "-i", "x=5", "--plan-only")
    assert planned.exit_code == 0
    assert "apply  auto-skipped" in planned.output


def test_flows_are_listed(shell, document):
    shell("run", document(FLOW), "--id", "one", "-i", "x=5", "--owner", "app-1", "--owner-type", "app")
    shell("run", document(FAILS), "--id", "two")
    listed = shell("ls")
    assert listed.exit_code == 0
    assert [line.split()[:3] for line in listed.output.splitlines()] == [
        ["ID", "STATUS", "STEPS"],
        ["two", "error", "2"],
        ["one", "approval-awaiting", "2"],
    ]
    assert [one["id"] for one in json.loads(shell("ls", "--status", "error", "--json").output)] == ["two"]
    assert [
        one["id"] for one in json.loads(shell("ls", "--owner", "app-1", "--owner-type", "app", "--json").output)
    ] == ["one"]
    wrong = shell("ls", "--status", "eror")
    assert (wrong.exit_code, "status: must be one of pending" in wrong.output) == (2, True)


def test_all_answers_and_the_option_can_be_given(shell, document):
    shell("run", document(FLOW), "--id", "one", "-i", "x=5")
    again = shell("respond", "one", "s1", "retry")
    assert again.exit_code == 3
    assert "plan (retry 1)  approval-awaiting" in again.output
    banana = shell("respond", "one", "s3", "banana")
    assert (banana.exit_code, "response: must be one of approve, " in banana.output) == (2, True)
    assert shell("option", "one", "approve-al").exit_code == 2
    assert shell("option", "one", "approve-all").exit_code == 0


def test_where_the_flows_are_has_to_be_said():
    for arguments in (["show", "f"], ["show", "f", "--store", "a.db", "--server", "http://127.0.0.1:1"]):
        done = CliRunner().invoke(cli, ["flow", *arguments])
        assert (done.exit_code, "--store" in done.output) == (2, True)


@pytest.mark.parametrize("command", [["ls"], ["show", "f"], ["approve", "f", "s1"], ["retry", "f", "s1"]])
def test_who_only_looks_for_flows_makes_no_store(shell, tmp_path, command):
    done = shell(*command)
    assert (done.exit_code, done.output) == (2, f"error: there is no store {tmp_path / 'flows.db'}\n")
    assert not list(tmp_path.iterdir())


def test_the_log_of_a_flow_is_written_as_that_of_a_task(shell, document):
    logged = shell("run", document(FLOW), "--id", "one", "-i", "x=5", "--log-format", "json", "--log-level", "debug")
    assert logged.exit_code == 3
    lines = [json.loads(line) for line in logged.stderr.splitlines()]
    assert {one["flow"] for one in lines} == {"one"}
    assert lines[-1]["event"] == "flow_state"
    assert lines[-1]["state"] == "approval-awaiting"
    refused = shell("show", "nobody", "--log-format", "json")
    [line] = [json.loads(one) for one in refused.stderr.splitlines()]
    assert (refused.exit_code, line["event"], line["level"]) == (2, "refused", "error")


@pytest.mark.parametrize("command", [("ls",), ("show", "one")])
def test_looking_at_flows_lets_nothing_go_on(shell, document, tmp_path, command):
    """What was unfinished in the store was gone on with, and cut as soon as the answer was there."""

    later = Template(name="later", steps={"a": Step(action=Action(type="echo"))})

    async def leave_a_task():
        async with open_runtime(tmp_path / "flows.db", clock=VirtualClock(1e9)) as rt:
            await rt.submit(later, task_id="t", delay=1e6)

    shell("run", document(FLOW), "--id", "one", "-i", "x=5")
    trio.run(leave_a_task)
    assert "one" in shell(*command).stdout

    async def read():
        async with open_runtime(tmp_path / "flows.db", maintenance=True) as rt:
            return await rt.status("t")

    assert trio.run(read).run_count == 0


@pytest.mark.parametrize("output", [(), ("--json",)])
def test_a_flow_in_memory_that_waits_says_that_nobody_can_answer(document, output):
    done = CliRunner().invoke(cli, ["flow", "run", document(FLOW), "-i", "x=5", *output])
    assert done.exit_code == 3
    assert done.stderr == (
        "nobody can answer it: it was kept in memory, and ended with this command; keep it with --store FILE\n"
    )
    assert "nobody" not in done.stdout


FLAT = """
kind: flow
mode: flat
steps:
  - {name: a, signal: {type: echo, data: {error_message: no luck, output: {}}}}
  - {name: b, signal: {type: echo, data: {output: {size: 1}}}}
"""


def test_what_a_flow_may_not_mean_is_said_and_it_runs(shell, document):
    odd = document("kind: flow\ncolour: red\nsteps: [{name: a, signal: {type: echo, data: {outptu: x}}}]\n")
    done = shell("run", odd)
    assert (done.exit_code, done.stderr.splitlines()) == (
        0,
        [
            f"warning: {odd}: colour: nothing reads this key (line 2)",
            f'warning: {odd}: steps[0].signal.data.outptu: nothing reads this key (line 3; did you mean "output"?)',
        ],
    )


def test_what_the_messages_about_flows_can_say_the_command_line_can(shell, document, tmp_path):
    made = shell("run", document(FLAT), "--id", "f", "--no-start")
    assert (made.exit_code, "pending" in made.output) == (3, True)
    assert shell("start", "f").exit_code == 1
    skipped = shell("rerun", "f", "s1", "skip-step")
    assert (skipped.exit_code, "s1    a     user-skipped" in skipped.output) == (0, True), skipped.output
    assert json.loads(shell("show", "f", "--step", "s2").output)["output"] == {"size": 1}
    assert shell("show", "f", "--step", "s2", "--plan", "s2").exit_code == 2
    (tmp_path / "policies.yaml").write_text(POLICIES)
    asked = document(FLOW, "asks.yaml")
    assert shell("run", asked, "--id", "p", "-i", "x=5", "--policies", str(tmp_path / "policies.yaml")).exit_code == 3
    [_, found] = shell("policies", "p").output.splitlines()
    assert found.split()[:3] == ["s1", "no-creates", "deny"]
    assert shell("delete", "p").exit_code == 2
    assert shell("delete", "f").exit_code == 0
    assert shell("show", "f").exit_code == 2


def test_what_a_flow_starts_finds_its_template_its_functions_and_the_items_of_the_host(shell, document, tmp_path):
    for folder in ("functions", "templates"):
        (tmp_path / folder).mkdir()
    shouts = "{type: echo, configuration: {output: '{{.function_args.what | upper}}'}}"
    document(f"name: shout\ndescription: shouts\nargs: [what]\naction: {shouts}\n", "functions/shout.yaml")
    head = "name: loud\ndescription: says it\ntitle_format: loud\nauto_runnable: true\n"
    says = "steps: {say: {action: {type: shout, configuration: {what: '{{.config.word}}'}}}}\n"
    document(f"{head}{says}result_format: {{said: '{{{{.step.say.output}}}}'}}\n", "templates/loud.yaml")
    flow = document("kind: flow\nsteps: [{name: a, signal: {type: subtask, data: {template: loud}}}]\n")
    given = [f"--{name}={tmp_path / name}" for name in ("functions", "templates")]
    ran = shell("run", flow, "--id", "f", *given, "--config", document('{"word": "hey"}', "items.json"))
    assert ran.exit_code == 0, ran.output
    assert json.loads(shell("show", "f", "--step", "s1").output)["output"]["result"] == {"said": "HEY"}


@pytest.mark.parametrize("received", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_shuts_down_in_order_and_the_flow_goes_on_where_it_is_kept(shell, document, tmp_path, received):
    (tmp_path / "wait.sh").write_text("#!/bin/sh\nexec sleep 1000\n")
    (tmp_path / "wait.sh").chmod(0o700)
    data = "{file_path: wait.sh, timeout: 1000s}"
    flow = document(f"kind: flow\nsteps: [{{name: a, idempotent: true, signal: {{type: script, data: {data}}}}}]\n")
    command = [sys.executable, "-c", "from runtime.cli import main; main()", "flow"]
    there = ["--store", str(tmp_path / "flows.db"), "--scripts", str(tmp_path)]
    with subprocess.Popen(
        [*command, "run", flow, "--id", "f", *there], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        while "a: in-progress" not in (line := process.stdout.readline()):
            assert line
        process.send_signal(received)
        process.send_signal(received)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (128 + received, False), err
    assert "in-progress" in shell("show", "f").output
