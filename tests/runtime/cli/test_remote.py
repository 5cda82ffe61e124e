"""The command line as a client of a server."""

import json
import socket

import attrs
import pytest
from click.testing import CliRunner

from runtime import Action, Input, Step
from runtime.api.commands import SubmitTask
from runtime.cli.commands import cli
from runtime.cli.remote import Remote
from runtime.cli.watching import line_of
from tests.runtime.server.test_routes import BY_HAND, HELLO, WRONG
from tests.support.api_server import server_in_a_thread

ASKS = attrs.evolve(
    HELLO,
    name="asks",
    steps={"sure": Step(action=Action(type="approval", configuration={"plan": "delete it"}))},
    result_format={"said": "{{.step.sure.output.note}}"},
)

ASKS_WHOEVER = attrs.evolve(
    HELLO,
    name="by-hand-too",
    auto_runnable=False,
    allow_all_resolver_usernames=False,
    resolver_inputs=[Input(name="how")],
)


SLOW = attrs.evolve(
    HELLO, name="slow", steps={"a": attrs.evolve(HELLO.steps["greet"], execution_delay=20)}, result_format={}
)
TRIES = attrs.evolve(
    HELLO,
    name="tries",
    steps={"a": Step(action=Action(type="echo", configuration={"error_message": "not now", "error_type": "server"}))},
    result_format={},
)


@pytest.fixture(scope="module")
def url():
    with server_in_a_thread([HELLO, BY_HAND, WRONG, ASKS, ASKS_WHOEVER, SLOW, TRIES], user="admin") as address:
        yield address


def test_a_task_is_submitted_watched_shown_and_listed(understudy):
    output = understudy("submit", "hello", "-i", "name=Ada", "--tag", "team=blue", "--id", "t1", "--wait")
    assert output.splitlines()[0] == "t1"
    assert [line.partition(" ")[2] or line for line in output.splitlines()[-2:]] == ["task DONE", 'Ada!"}']
    assert understudy("submit", "hello", "-i", "name=Ada", "--tag", "team=blue", "--id", "t1") == "t1\n"
    assert "Greet Ada" in understudy("show", "t1")
    assert json.loads(understudy("show", "t1", "--json"))["state"] == "DONE"
    assert understudy("watch", "t1").splitlines()[-1] == '{"message":"Hello, Ada!"}'
    listed = understudy("ls", "--tag", "team=blue", "--state", "DONE").splitlines()
    assert listed[0].split() == ["ID", "STATE", "STEPS", "LAST", "ACTIVITY", "TITLE"]
    assert listed[1].startswith("t1  DONE   1/1")
    assert json.loads(understudy("ls", "--json", "--tag", "team=red")) == []


def test_a_terminal_is_shown_the_steps_as_a_table_and_a_program_lines_of_json(understudy, url):
    understudy("submit", "hello", "-i", "name=Ada", "--id", "t3", "--wait")
    shown = CliRunner().invoke(
        cli, ["watch", "t3"], env={"UNDERSTUDY_SERVER": url, "FORCE_COLOR": "1", "TERM": "xterm"}
    )
    assert shown.exit_code == 0
    for text in ("Greet Ada", "step", "tries", "greet", "DONE"):
        assert text in shown.output
    events = [json.loads(line) for line in understudy("watch", "t3", "--json").splitlines()]
    assert [one["state"] for one in events if one["type"] == "task_state_changed"] == ["TODO", "RUNNING", "DONE"]


def test_events_are_told_from_any_position_and_a_server_that_comes_back_is_heard_on():
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    with Remote(f"http://127.0.0.1:{port}") as remote:

        def submitted(number):
            remote.ask(SubmitTask(template="hello", inputs={"name": "Ada"}, task_id=f"e{number}"))

        with server_in_a_thread([HELLO], user="admin", listen=f"127.0.0.1:{port}"):
            submitted(1)
            events = remote.events()
            first = [next(events) for _ in range(6)]
            assert [event.position for event in first] == [1, 2, 3, 4, 5, 6]
        with server_in_a_thread([HELLO], user="admin", listen=f"127.0.0.1:{port}"):
            submitted(1)  # it begins anew, for it is kept in memory: what is before is passed over
            submitted(2)
            assert next(events).position == 7
            events.close()
    assert "Recorded" not in line_of(first[1], as_json=False)
    assert "task_resolved" in line_of(first[1], as_json=False)


def test_a_blocked_task_is_retried_and_cancelled(understudy):
    understudy("submit", "wrong", "-i", "name=x", "--id", "t2", "--wait", status=1)
    understudy("retry", "t2")
    understudy("watch", "t2", status=1)
    understudy("cancel", "t2", "--reason", "enough")
    assert json.loads(understudy("show", "t2", "--json"))["state"] == "CANCELLED"
    assert "cannot be" in understudy("cancel", "t2", status=2)


def test_what_a_task_fails_at_is_shown_with_its_steps_while_it_goes_on_trying(understudy, url):
    understudy("submit", "tries", "-i", "name=x", "--id", "t6")
    with Remote(url) as remote:
        events = remote.events(task_id="t6")
        while getattr(next(events), "resolution", "") != "ERROR":
            pass
        events.close()
    head, steps, waits = understudy("show", "t6").split("\n\n")
    assert "errors" not in head
    assert "waits_for" not in head
    assert [line.partition(" at ")[0].rstrip() for line in waits.splitlines()] == [
        "WAITS FOR",
        "its next run",
        "step a: SERVER_ERROR after try 1: not now",
    ]
    assert [line.split() for line in steps.splitlines()] == [
        ["STEP", "STATE", "TRIES", "ERROR"],
        ["a", "SERVER_ERROR", "1", "not", "now"],
    ]
    assert json.loads(understudy("show", "t6", "--json"))["errors"][0]["error"] == "not now"
    understudy("cancel", "t6", "--reason", "enough")
    assert understudy("watch", "t6", status=1).splitlines()[-2:] == ["admin: enough", "a SERVER_ERROR: not now"]


def test_a_step_that_hangs_is_interrupted(understudy):
    understudy("submit", "slow", "-i", "name=x", "--id", "t5")
    assert "is running, and not 7" in understudy("interrupt", "t5", "a", "--attempt", "7", status=2)
    understudy("interrupt", "t5", "a", "--reason", "it hangs", "--no-retry")
    assert "interrupted by admin: it hangs" in understudy("watch", "t5", status=1)
    assert "it is FATAL_ERROR" in understudy("interrupt", "t5", "a", status=2)
    assert 'did you mean "a"' in understudy("interrupt", "t5", "aa", status=2)


def test_a_task_that_nobody_has_taken_on_says_so_and_is_resolved(understudy):
    awaited = "waits until somebody takes it on: understudy resolve r1 -i how=..."
    assert understudy("submit", "by-hand-too", "-i", "name=Ada", "--id", "r1").splitlines() == ["r1", awaited]
    assert "resolver_inputs.how: missing input how" in understudy("resolve", "r1", status=2)
    assert "resolver_inputs.hwo: there is no input called" in understudy("resolve", "r1", "-i", "hwo=x", status=2)
    assert understudy("resolve", "r1", "-i", "how=fast", "--wait").splitlines()[-1].endswith('Ada!"}')
    assert awaited not in understudy("watch", "r1")


def test_what_a_step_asks_is_answered(understudy, url):
    understudy("submit", "asks", "-i", "name=x", "--id", "t4")
    assert "error: " in understudy("approve", "t4", "nothing", status=2)
    with Remote(url) as remote:
        events = remote.events()
        while (event := next(events)).task_id != "t4.sure" or getattr(event, "status", "") != "approval-awaiting":
            pass
        events.close()
    understudy("approve", "t4", "sure", "--note", "go")
    assert understudy("watch", "t4").splitlines()[-1] == '{"said":"go"}'
    assert "error: " in understudy("approve", "t4", "sure", "--response", "deny", status=2)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("show", "nothing"), 'error: no task "nothing"'),
        (("submit", "helo"), 'did you mean "hello"'),
        (("submit", "hello", "-i", "nam=x"), 'did you mean "name"'),
        (("ls", "--state", "DON"), "state: must be one of"),
        (("ls", "--server", "http://127.0.0.1:1"), "cannot be reached"),
        (("ls", "--tag", "x"), "NAME=VALUE"),
        (("events", "--after", "10000000"), "after: no event has that position yet: the last one is "),
    ],
)
def test_what_cannot_be_is_told_in_one_line_with_status_2(understudy, arguments, text):
    assert text in understudy(*arguments, status=2)


def test_who_is_not_known_is_told_so():
    with server_in_a_thread([HELLO]) as address:
        done = CliRunner().invoke(cli, ["ls", "--server", address, "--token", "wrong"])
    assert done.exit_code == 2
    assert done.output == (
        "error: it is not known who you are: nothing came that proves it, or what came is not right; "
        "look at --token and --user\n"
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--server", "http://[::1"], 'the address of a server is written "http://host:8081"'),
        (["--server", "localhost:8081"], 'the address of a server is written "http://host:8081"'),
        (["--server", "http://a..b"], "cannot be reached"),
        (["--server", f"http://{'a' * 70}.example"], "cannot be reached"),
        (["--server", "http://\udcff"], 'the address of a server is written "http://host:8081"'),
        (["--token", "a\nb"], "a token is letters, digits and signs"),
        (["--token", "\u00e9"], "a token is letters, digits and signs"),
        (["--user", "ada"], "who you are is written NAME:PASSWORD"),
        (["--user", ":secret"], "who you are is written NAME:PASSWORD"),
        (
            ["--server", "http://127.0.0.1:1"],
            "cannot be reached: Connection refused; start a server with understudy serve",
        ),
        (["--user", "ada:p\udcff"], "what --server and --user say has to be text"),
    ],
)
def test_where_a_server_is_and_who_asks_is_refused_in_one_line_where_it_cannot_be(arguments, text):
    done = CliRunner().invoke(cli, ["show", "x", *arguments])
    assert (done.exit_code, done.output.count("\n"), text in done.output) == (2, 1, True), done.output


def test_a_name_that_is_no_text_is_asked_for_as_others_are(url):
    for command in (["show"], ["watch"], ["flow", "show"], ["cancel"]):
        done = CliRunner().invoke(cli, [*command, "\udcff", "--server", url])
        assert (done.exit_code, "no task" in done.output or "no flow" in done.output) == (2, True), done.output
