"""The command line as a client of a server."""

import json

import pytest
from click.testing import CliRunner

from runtime.cli.commands import cli
from tests.runtime.server.test_routes import BY_HAND, HELLO, WRONG
from tests.support.api_server import server_in_a_thread


@pytest.fixture(scope="module")
def url():
    with server_in_a_thread([HELLO, BY_HAND, WRONG], user="admin") as address:
        yield address


@pytest.fixture
def understudy(url):
    def run(*arguments, status=0):
        done = CliRunner().invoke(cli, arguments, env={"UNDERSTUDY_SERVER": url})
        assert done.exit_code == status, done.output
        assert "Traceback" not in done.output
        return done.output

    return run


def test_a_task_is_submitted_watched_shown_and_listed(understudy):
    output = understudy("submit", "hello", "-i", "name=Ada", "--tag", "team=blue", "--id", "t1", "--wait")
    assert output.splitlines()[0] == "t1"
    assert output.splitlines()[-2:] == ["task DONE", '{"message":"Hello, Ada!"}']
    assert understudy("submit", "hello", "-i", "name=Ada", "--tag", "team=blue", "--id", "t1") == "t1\n"
    assert "Greet Ada" in understudy("show", "t1")
    assert json.loads(understudy("show", "t1", "--json"))["state"] == "DONE"
    assert understudy("watch", "t1").splitlines()[-1] == '{"message":"Hello, Ada!"}'
    listed = understudy("ls", "--tag", "team=blue", "--state", "DONE").splitlines()
    assert listed[0].split() == ["ID", "STATE", "STEPS", "LAST", "ACTIVITY", "TITLE"]
    assert listed[1].startswith("t1  DONE   1/1")
    assert json.loads(understudy("ls", "--json", "--tag", "team=red")) == []


def test_a_blocked_task_is_retried_and_cancelled(understudy):
    understudy("submit", "wrong", "-i", "name=x", "--id", "t2", "--wait", status=1)
    understudy("retry", "t2")
    understudy("watch", "t2", status=1)
    understudy("cancel", "t2", "--reason", "enough")
    assert json.loads(understudy("show", "t2", "--json"))["state"] == "CANCELLED"
    assert "cannot be" in understudy("cancel", "t2", status=2)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("show", "nothing"), 'error: no task "nothing"'),
        (("submit", "helo"), 'did you mean "hello"'),
        (("submit", "hello", "-i", "nam=x"), 'did you mean "name"'),
        (("ls", "--state", "DON"), "state: one of"),
        (("ls", "--server", "http://127.0.0.1:1"), "cannot be reached"),
        (("ls", "--tag", "x"), "NAME=VALUE"),
    ],
)
def test_what_cannot_be_is_told_in_one_line_with_status_2(understudy, arguments, text):
    assert text in understudy(*arguments, status=2)


def test_who_is_not_known_is_told_so():
    with server_in_a_thread([HELLO]) as address:
        done = CliRunner().invoke(cli, ["ls", "--server", address, "--token", "wrong"])
    assert (done.exit_code, done.output) == (2, "error: it is not known who you are\n")
