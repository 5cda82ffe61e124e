"""Servers on one PostgreSQL store: each answers for all, and they are restarted one after the other under load."""

import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import httpx2
import pytest
import trio
from click.testing import CliRunner

from runtime import TaskState
from runtime.cli.commands import cli
from runtime.journal.listing import Wanted
from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.journal import PostgresJournal
from runtime.journal.replaying import replay

TEMPLATE = """
name: hello
description: greets
title_format: hello
auto_runnable: true
allow_all_resolver_usernames: true
inputs: [{name: who}]
steps:
  a:
    action: {type: script, configuration: {file_path: wait.sh}}
  b:
    dependencies: [a]
    action: {type: echo, configuration: {output: {said: '{{.input.who}}'}}}
result_format: {said: '{{.step.b.output.said}}'}
"""

CLIENTS = 3
BETWEEN = 10
"""How many tasks are submitted before the next server is restarted."""


class Server:
    """``understudy serve`` at a port of its own, which nobody else is given while it is not there."""

    def __init__(self, store, folder):
        self._reserved = socket.socket()  # bound, as the server's own will be, and not listening
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.port = self._reserved.getsockname()[1]
        self._options = ["--store", store, "--templates", folder / "templates", "--scripts", folder / "scripts"]
        self._options += ["--listen", f"127.0.0.1:{self.port}"]

    def start(self):
        self.begin()
        self.wait_until_it_listens()

    def begin(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from runtime.cli import main; main()", "serve", *map(str, self._options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_until_it_listens(self):
        line = self.process.stdout.readline()
        assert line.startswith("listening on"), line + self.process.stdout.read()

    def stop(self, sign=signal.SIGTERM):
        self.process.send_signal(sign)
        self.process.wait(timeout=30)
        self.process.stdout.close()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self._reserved.close()


@pytest.fixture
def folder(tmp_path):
    for name in ("templates", "scripts"):
        (tmp_path / name).mkdir()
    (tmp_path / "templates/hello.yaml").write_text(TEMPLATE)
    script = tmp_path / "scripts/wait.sh"
    script.write_text("#!/bin/sh\nsleep 0.1\necho '{}'\n")
    script.chmod(0o755)
    return tmp_path


@contextmanager
def servers(store, folder, count):
    with ExitStack() as stack:
        all_of_them = [Server(store, folder) for _ in range(count)]
        for one in all_of_them:
            one.begin()
            stack.callback(one.end)
        for one in all_of_them:
            one.wait_until_it_listens()
        yield all_of_them


async def asked(client, ports, method, path, **content):
    """Ask one server after the other, for as long as connections are refused or cut; anything else is an answer."""
    for attempt in range(200):
        url = f"http://127.0.0.1:{ports[attempt % len(ports)]}{path}"
        try:
            return await client.request(method, url, headers={"Connection": "close"}, **content)
        except (httpx2.ConnectError, httpx2.ReadError, httpx2.RemoteProtocolError):
            await trio.sleep(0.05)
    raise AssertionError("nobody answers")


async def test_postgres_slow_servers_are_restarted_one_after_the_other_and_nobody_notices(postgres_store, folder):
    with servers(f"{postgres_store}&lease=60", folder, 3) as fleet:
        ports = [one.port for one in fleet]
        made, wrong = [], []
        over = trio.Event()

        async def load(number):
            async with httpx2.AsyncClient(timeout=30) as client:
                while not over.is_set():
                    task_id = f"t{number}.{len(made)}"
                    body = {"type": "submit_task", "template": "hello", "inputs": {"who": task_id}, "task_id": task_id}
                    order = ports[number % 3 :] + ports[: number % 3]
                    answer = await asked(client, order, "POST", "/v1/messages", json=body)
                    if answer.status_code >= 300:
                        wrong.append((answer.status_code, answer.text))
                        continue
                    made.append(task_id)
                    await trio.sleep(0.1)
                    answer = await asked(client, order[1:] + order[:1], "GET", f"/task/{task_id}")
                    if answer.status_code >= 300:
                        wrong.append((answer.status_code, answer.text))

        async def more():
            enough = len(made) + BETWEEN
            while len(made) < enough:  # noqa: ASYNC110 - the clients say so
                await trio.sleep(0.01)

        async def restart_all():
            for one in fleet:
                await more()
                await trio.to_thread.run_sync(one.stop)
                await trio.to_thread.run_sync(one.start)
            await more()
            over.set()

        with trio.fail_after(120):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(restart_all)
                for number in range(CLIENTS):
                    nursery.start_soon(load, number)
            assert not wrong
            await all_are_done_and_no_step_was_cut(postgres_store, made)


async def all_are_done_and_no_step_was_cut(store, made):
    journal = await PostgresJournal.open(StoreAddress.parse(store))
    while {task.standing.task for task in await journal.find(Wanted(), limit=10_000)} != {TaskState.DONE}:  # noqa: ASYNC110
        await trio.sleep(0.1)
    for task_id in made:
        task = replay(await journal.read(task_id))
        assert task.course.result == {"said": task_id}
        assert {progress.tries for progress in task.steps.values()} == {1}
    await journal.close()


def test_postgres_store_commands_know_a_store_of_several(postgres_store, tmp_path):
    runner = CliRunner()
    (tmp_path / "echo.yaml").write_text(ECHO)
    done = runner.invoke(cli, ["run", str(tmp_path / "echo.yaml"), "--store", postgres_store])
    assert (done.exit_code, "DONE" in done.output) == (0, True), done.output
    done = runner.invoke(cli, ["store", "check", postgres_store])
    assert (done.exit_code, "1 task," in done.output, "no problems" in done.output) == (0, True, True), done.output
    done = runner.invoke(cli, ["store", "backup", postgres_store, str(tmp_path / "copy")])
    assert (done.exit_code, "pg_dump --dbname=postgresql://" in done.output) == (2, True), done.output
    assert runner.invoke(cli, ["store", "compact", postgres_store]).exit_code == 2
    keys = str(tmp_path / "keys.json")
    assert runner.invoke(cli, ["store", "new-key", keys, "first"]).exit_code == 0
    done = runner.invoke(cli, ["store", "rotate-keys", postgres_store, "--keys", keys])
    assert (done.exit_code, "rows sealed anew" in done.output) == (0, True), done.output
    done = runner.invoke(cli, ["store", "check", postgres_store])
    assert (done.exit_code, "give its key ring" in done.output) == (2, True), done.output
    done = runner.invoke(cli, ["store", "check", postgres_store, "--keys", keys])
    assert (done.exit_code, "no problems" in done.output) == (0, True), done.output
    done = runner.invoke(cli, ["store", "collect", postgres_store, "--keys", keys, "--older-than", "1ms"])
    assert (done.exit_code, "1 task deleted" in done.output) == (0, True), done.output


def test_postgres_store_that_cannot_be_opened_says_why(tmp_path):
    runner = CliRunner()
    for store, why in (
        (f"postgresql:///x?host={tmp_path}", "check that the server runs"),
        ("postgresql://user:secret@localhost/x?schema=No", 'schema "No" is not a name'),
        ("postgresql:///x?lease=soon", "lease is from"),
    ):
        done = runner.invoke(cli, ["store", "check", store])
        assert (done.exit_code, why in done.output) == (2, True), done.output
        assert "secret" not in done.output


ECHO = """
name: echo
description: echoes
title_format: echo
steps:
  a:
    action: {type: echo, configuration: {output: hello}}
"""
