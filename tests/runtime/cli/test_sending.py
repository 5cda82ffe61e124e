"""Every message can be said on the command line, and says there what it says everywhere."""

import json

import attrs
import pytest
from click.testing import CliRunner

import runtime.cli.remote as remote_module
from runtime.api.codec import REQUESTS
from runtime.cli.commands import cli
from runtime.cli.sending import names, shown
from tests.runtime.api.golden.files import MESSAGES, kept
from tests.runtime.server.test_routes import BY_HAND, HELLO
from tests.support.api_server import server_in_a_thread


def argv_of(message):
    """Write a message as a command, as its help says."""
    arguments, options = [], []
    for field in attrs.fields(type(message)):
        value, option = getattr(message, field.name), f"--{field.name.replace('_', '-')}"
        needed = field.default is attrs.NOTHING
        match REQUESTS.encode(message)[field.name]:
            case None:
                pass
            case bool():
                options.append(option if value else f"--no-{field.name.replace('_', '-')}")
            case str() | int() | float() as plain if field.type is not object and "Json" not in str(field.type):
                (arguments if needed else options).extend([str(plain)] if needed else [option, str(plain)])
            case list() as texts if all(isinstance(one, str) for one in texts):
                options += [part for one in texts for part in (option, one)]
            case dict() as pairs if "str, str" in str(field.type):
                options += [part for name, text in pairs.items() for part in (option, f"{name}={text}")]
            case other:
                options += [option, json.dumps(other)]
    return ["send", REQUESTS.encode(message)["type"].replace("_", "-"), *options, "--", *arguments]


SPOKEN = {
    "submit_task": {"template": "hello", "inputs": {"name": "Ada", "n": [1, None]}, "tags": {"a": "b=c"}, "delay": 1.5},
    "submit_batch": {"template": "hello", "inputs": [{"name": "Ada"}, {}], "watcher_usernames": ["a", "b"]},
    "list_tasks": {"involvement": "own", "state": "DONE", "tags": {"x": ""}, "page_size": 7},
    "edit_task_steps": {"task_id": "t", "steps": {"a": {"state": "DONE", "output": None}}},
    "tag_task": {"task_id": "t", "tags": {"a": "", "b": "1"}, "reason": "why not"},
    "pause_task": {"task_id": "-t", "force": True},
    "call_callback": {"callback_id": "c", "secret": "s", "body": {"x": 1}},
}


@pytest.mark.parametrize("tag", REQUESTS.classes)
@pytest.mark.parametrize("rich", [False, True])
def test_a_message_is_sent_as_it_was_written(monkeypatch, tag, rich):
    fields = SPOKEN.get(tag) if rich else kept(MESSAGES)[tag]
    if fields is None:
        return
    message = REQUESTS.decode({"type": tag, **fields})
    sent = []
    monkeypatch.setattr(remote_module.Remote, "ask", lambda _self, asked: sent.append(asked))
    done = CliRunner().invoke(cli, argv_of(message))
    assert done.exit_code == 0, done.output
    assert sent == [message]
    assert done.output == "done\n"


def test_every_message_has_a_command_with_help():
    assert names() == sorted(tag.replace("_", "-") for tag in REQUESTS.classes)
    listed = CliRunner().invoke(cli, ["send", "--help"]).output
    for name in names():
        assert f"\n  {name} " in listed
        told = CliRunner().invoke(cli, ["send", name, "--help"])
        assert told.exit_code == 0
        assert "--server" in told.output


@pytest.fixture(scope="module")
def url():
    with server_in_a_thread([HELLO, BY_HAND], user="admin") as address:
        yield address


def test_a_task_is_led_through_its_life(understudy, tmp_path):
    inputs = tmp_path / "inputs.yaml"
    inputs.write_text("name: Ada\n")
    made = understudy("send", "submit-task", "hello", "--inputs", f"@{inputs}", "--task-id", "s1", "--json")
    assert json.loads(made)["id"] == "s1"
    understudy("watch", "s1")
    assert "well done" in understudy("send", "add-comment", "s1", "well done")
    understudy("send", "tag-task", "s1", "--tags", "team=red")
    listed = understudy("send", "list-tasks", "--tags", "team=red")
    assert listed.split()[:3] == ["ID", "STATE", "TITLE"]
    assert "s1" in listed
    assert understudy("send", "list-tasks", "--tags", "team=none") == "nothing\n"
    assert "DONE" in understudy("send", "get-statistics")
    assert understudy("send", "delete-task", "s1") == "done\n"
    assert 'no task "s1"' in understudy("send", "get-task", "s1", status=2)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("submit-task", "hello", "--inputs", "{"), "it is neither JSON nor @FILE"),
        (("submit-task", "hello", "--inputs", "@/no/such/file"), "there is no such file"),
        (("submit-task", "hello", "--inputs", "[1]"), "inputs: must be an object, not a list"),
        (("tag-task", "t", "--tags", "x"), "NAME=VALUE"),
        (("add-comment", "t", "x"), "content: must have at least 3 characters"),
        (("run-tasc", "t"), "'run-task'"),
        (("run_task", "none"), 'no task "none"'),
        (("list-tasks", "--state", "DON"), "DON"),
    ],
)
def test_what_cannot_be_said_is_told_with_status_2(understudy, arguments, text):
    assert text in understudy("send", *arguments, status=2)


def test_a_fault_reads_the_same_on_the_command_line_and_over_http(understudy, url):
    import httpx2

    for message, arguments in (
        ({"type": "run_task", "task_id": "none"}, ("run-task", "none")),
        ({"type": "submit_task", "template": "helo"}, ("submit-task", "helo")),
        ({"type": "add_comment", "task_id": "t", "content": "x"}, ("add-comment", "t", "x")),
        ({"type": "submit_task", "template": "hello", "inputs": {}}, ("submit-task", "hello")),
    ):
        over_http = httpx2.post(f"{url}/v1/messages", json=message).json()["error"]
        assert understudy("send", *arguments, status=2) == f"error: {over_http}\n"


def test_answers_are_laid_out_for_readers():
    assert shown({"task_states": {"DONE": 1}}) == "DONE  1"
    assert shown([{"id": "a", "x": [1]}, {"id": "b", "x": 2}]) == "ID\na\nb"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell):
    done = CliRunner().invoke(cli, ["completion", shell])
    assert done.exit_code == 0
    assert "_UNDERSTUDY_COMPLETE" in done.output
    completed = CliRunner().invoke(
        cli,
        [],
        prog_name="understudy",
        env={
            "_UNDERSTUDY_COMPLETE": "bash_complete",
            "COMP_WORDS": "understudy send tag",
            "COMP_CWORD": "2",
        },
    )
    assert "plain,tag-task" in completed.output
