"""`understudy run --store` and `understudy store`."""

import json

import pytest

from tests.runtime.cli.test_cli import ECHO, template, understudy

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
    assert (done.exit_code, done.stdout) == (0, f"{store}: 1 tasks, 6 records, no problems\n")
    copy = str(tmp_path / "copy.db")
    assert understudy("store", "backup", store, copy).exit_code == 0
    assert understudy("store", "collect", store).stdout == f"{store}: 0 tasks deleted\n"
    assert understudy("store", "collect", store, "--older-than", "0s").stdout == f"{store}: 1 tasks deleted\n"
    assert "bytes before" in understudy("store", "compact", store).stdout
    assert "0 tasks" in understudy("store", "check", store).stdout
    assert "1 tasks" in understudy("store", "check", copy).stdout


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
        (("backup", "{store}", "{store}"), "File exists"),
        (("compact", "{gone}"), "there is no such file"),
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
    assert not (tmp_path / "gone.db").exists()


def test_run_refuses_a_store_that_is_none(template, tmp_path):
    done = understudy("run", template(ECHO), "--store", template("no database, by any means " * 50, "text"))
    assert done.exit_code == 2
    assert "is not an SQLite database" in done.stderr
