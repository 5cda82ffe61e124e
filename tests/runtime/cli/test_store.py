"""`understudy run --store` and `understudy store`."""

import json
import os
import signal
import subprocess
import sys

import pytest
import trio

from tests.runtime.cli.test_cli import ECHO, ROOT, template, understudy
from tests.support.plans import echo, plan, step

__all__ = ("template",)


@pytest.fixture
def store(tmp_path, template):
    """A store with one task, done."""
    path = str(tmp_path / "tasks.db")
    assert understudy("run", template(ECHO), "--store", path, "--id", "one").exit_code == 0
    return path


def test_a_task_is_the_same_when_it_is_run_again_under_its_id(store, template):
    first = json.loads(understudy("run", "--json", template(ECHO), "--store", store, "--id", "one").stdout)
    again = json.loads(
        understudy("run", "--json", template(ECHO), "--store", f"sqlite:///{store}", "--id", "one").stdout
    )
    assert first == again
    assert first["id"] == "one"


def test_a_sound_store_is_checked_copied_collected_and_compacted(store, tmp_path):
    done = understudy("store", "check", store)
    assert (done.exit_code, done.stdout) == (0, f"{store}: 1 task, 6 records, no problems\n")
    copy = str(tmp_path / "copy.db")
    assert understudy("store", "backup", store, copy).exit_code == 0
    assert understudy("store", "collect", store).stdout == f"{store}: no tasks deleted\n"
    assert understudy("store", "collect", store, "--older-than", "0s").stdout == f"{store}: 1 task deleted\n"
    assert "bytes before" in understudy("store", "compact", store).stdout
    assert "no tasks" in understudy("store", "check", store).stdout
    assert "1 task" in understudy("store", "check", copy).stdout


def test_what_would_overwrite_or_delete_what_nobody_meant_is_refused(store, template, tmp_path):
    refused = understudy("store", "backup", store, store)
    assert (refused.exit_code, "is there already, and nothing is overwritten" in refused.stderr) == (2, True)
    future = understudy("store", "collect", store, "--older-than", "-5h")
    assert (future.exit_code, "must not be negative" in future.stderr) == (2, True)
    assert "1 task" in understudy("store", "check", store).stdout
    nowhere = understudy("run", template(ECHO), "--store", str(tmp_path / "none" / "x.db"))
    assert f"there is no folder {tmp_path / 'none'}" in nowhere.stderr


def test_damage_is_status_1(store):
    from tests.runtime.journal.test_sqlite import raw

    raw(store, "UPDATE tasks SET state = 'ERROR'")
    done = understudy("store", "check", store)
    assert done.exit_code == 1
    assert "task one: it is listed as" in done.stdout


def test_keys_are_made_and_rotated(store, template, tmp_path, monkeypatch):
    keys = str(tmp_path / "keys.json")
    assert understudy("store", "new-key", keys, "first").exit_code == 0
    assert understudy("store", "rotate-keys", store, "--keys", keys).exit_code == 0
    refused = understudy("store", "check", store)
    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"error: the store {store} cannot be read: give its key ring")
    monkeypatch.setenv("UNDERSTUDY_KEYS_FILE", keys)
    assert understudy("store", "check", store).exit_code == 0
    assert understudy("run", template(ECHO), "--store", store, "--id", "one").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("check", "{gone}"), "there is no such file"),
        (("backup", "{gone}", "{folder}/copy.db"), "there is no such file"),
        (("backup", "{store}", "{store}"), "is there already"),
        (("backup", "{store}", "{folder}/gone/copy.db"), "tasks.db cannot be copied to "),
        (("compact", "{gone}"), "there is no such file"),
        (("collect", "{gone}", "--older-than", "1h"), "there is no such file"),
        (("check", "mysql://x"), 'no stores of kind "mysql"'),
        (("rotate-keys", "{store}"), "there is no key ring"),
        (("rotate-keys", "{store}", "--keys", "{folder}/none"), "No such file or directory"),
        (("check", "{folder}/task.yaml"), "not an SQLite database"),
        (("collect", "{store}", "--older-than", "soon"), "invalid duration"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_2(store, tmp_path, arguments, says):
    named = {"gone": tmp_path / "gone.db", "store": store, "folder": tmp_path}
    done = understudy("store", *[one.format(**named) for one in arguments])
    assert done.exit_code == 2
    assert says in done.stderr
    assert not list(tmp_path.glob("gone*"))


def test_run_refuses_a_store_that_is_none(template, tmp_path):
    done = understudy("run", template(ECHO), "--store", template("no database, by any means " * 50, "text"))
    assert done.exit_code == 2
    assert "is not an SQLite database" in done.stderr


def unfinished(folder, steps, *, task_id="t", asleep_until=None):
    """Leave a task in a store as a process would that was killed in the middle of its first step, or waited for it."""
    from runtime.engine.records import RunDelayed, RunStarted, StepStarted, TaskResolved, TaskSubmitted
    from runtime.engine.states import ResolutionState
    from runtime.journal.protocol import Entry, Standing
    from runtime.journal.sqlite.database import Opening
    from runtime.journal.sqlite.journal import SqliteJournal

    async def write():
        journal = await SqliteJournal.open(Opening(path=folder / "left.db"))
        records = [
            TaskSubmitted(at=1.0, task_id=task_id, template=plan(**steps), title="t", inputs={}),
            TaskResolved(at=1.0, resolution_id="r"),
            RunStarted(at=1.0),
            StepStarted(at=1.0, step="a", attempt=1),
        ]
        standing = Standing(ResolutionState.RUNNING, awake=True, run=1)
        if asleep_until is not None:
            records[2:] = [RunDelayed(at=1.0, due=asleep_until)]
            standing = Standing(ResolutionState.TO_AUTORUN_DELAYED, due=asleep_until)
        await journal.append([Entry(task_id, records, standing)])
        await journal.close()

    trio.run(write)
    return str(folder / "left.db")


def test_without_a_template_what_was_left_unfinished_goes_on_and_then_it_ends(tmp_path):
    left = unfinished(tmp_path, {"a": step(idempotent=True, action=echo("x")), "b": step("a")})
    done = understudy("run", "--store", left)
    assert done.exit_code == 0
    lines = [line.partition(" ")[2] for line in done.stdout.splitlines()]
    assert lines[-3:] == ["t b DONE", "t task DONE", "1 task went on: 1 DONE"]
    again = understudy("run", "--store", left)
    assert (again.exit_code, again.stdout) == (0, f"{left}: there is nothing to go on with (1 DONE)\n")


def test_a_task_that_somebody_has_to_look_at_is_named_and_makes_status_1(tmp_path):
    left = unfinished(tmp_path, {"a": step(action=echo("x"))})
    done = understudy("run", "--store", left, "--json")
    assert (done.exit_code, json.loads(done.stdout)["resolution"]) == (1, "BLOCKED_TOCHECK")
    left = unfinished(tmp_path, {"a": step(action=echo("x"))}, task_id="u")
    done = understudy("run", "--store", left)
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-2:] == [f"{left}: 1 task went on: 1 BLOCKED", "  u: BLOCKED"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "nothing is kept without a --store"),
        (("--store", "{store}", "--id", "one"), "--input and --id are of a task of a TEMPLATE"),
        (("--store", "{folder}/gone.db"), "there is no store"),
    ],
)
def test_to_go_on_takes_a_store_that_is_there_and_nothing_else(store, tmp_path, arguments, says):
    done = understudy("run", *[one.format(store=store, folder=tmp_path) for one in arguments])
    assert done.exit_code == 2
    assert says in done.stderr
    assert not list(tmp_path.glob("gone*"))


def test_what_sleeps_for_long_is_said_to_be_waited_for(tmp_path):
    left = unfinished(tmp_path, {"a": step(idempotent=True)}, asleep_until=4e9)
    command = [sys.executable, "-c", "from runtime.cli import main; main()", "run", "--store", left]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), "TZ": "UTC"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert line.startswith("what sleeps is waited for, the first until 2096-10-02 07:06:40+00:00; Ctrl-C")
    assert process.returncode == 130
