"""`--config`: the host's configuration items."""

import json
import os
from pathlib import Path

import pytest

from runtime.cli.items import read_items
from runtime.configuration import ConfigurationInvalid
from tests.runtime.cli.test_cli import HEAD, template, understudy

__all__ = ("template",)

SEES = HEAD + "steps:\n  one:\n    action: {type: echo, configuration: {output: '{{.config.place.town}}'}}\n"


def test_a_folder_has_an_item_a_file_and_a_file_has_them_all(tmp_path, template):
    folder = tmp_path / "items"
    folder.mkdir()
    (folder / "place").write_text('{"town": "Paris"}\n')
    (folder / "plain").write_text("text\n\n")
    (folder / ".hidden").write_text("x")
    (folder / "sub").mkdir()
    assert read_items(folder) == {"place": '{"town": "Paris"}', "plain": "text"}
    file = tmp_path / "items.yaml"
    file.write_text("place: {town: Paris}\nplain: text\nnumber: 1.50\n")
    assert read_items(file) == {"place": '{"town":"Paris"}', "plain": "text", "number": "1.50"}
    assert read_items(None) == {}
    for config in (folder, file):
        done = understudy("run", template(SEES), "--json", "--config", str(config))
        assert json.loads(done.stdout)["steps"]["one"]["output"] == "Paris"


def test_items_may_be_variables_which_processes_of_steps_do_not_inherit(monkeypatch, template):
    monkeypatch.setenv("CFG_PLACE", '{"town": "Paris"}')
    monkeypatch.setenv("CFG_UTASK_CFG", "{}")
    monkeypatch.setenv("CFGS", "x")
    assert read_items(Path("env:CFG")) == {"place": '{"town": "Paris"}', "utask-cfg": "{}"}
    assert not [name for name in os.environ if name.startswith("CFG_")]
    monkeypatch.setenv("CFG_PLACE", "{town: Rome}")
    monkeypatch.setenv("UNDERSTUDY_CONFIG", "env:CFG")
    done = understudy("run", template(SEES), "--json")
    assert json.loads(done.stdout)["steps"]["one"]["output"] == "Rome"
    done = understudy("run", template(SEES), "--json")
    assert (done.exit_code, "there are no variables CFG_*" in done.stderr) == (2, True)


def test_limits_may_be_said_there(tmp_path, template):
    file = tmp_path / "items.yaml"
    file.write_text("utask-cfg: {resource_limits: {'template:some-task': 0}}\n")
    done = understudy("run", template(SEES), "--config", str(file))
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-2:] == [
        "some task: BLOCKED (TO_AUTORUN_DELAYED)",
        '  runtime: resource "template:some-task" is switched off: its limit is 0',
    ]
    file.write_text("utask-cfg: {max_concurrent_executions: many}\n")
    done = understudy("run", template(SEES), "--config", str(file))
    assert (done.exit_code, "max_concurrent_executions: must be" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("gone", None, "No such file or directory"),
        ("list", b"[hunter2]", "is not an object of items"),
        ("broken", b"{hunter2: [", "is not an object of items"),
        ("odd", b"\xff\xfe", "odd: is not text"),
        ("large", b"x" * 1_100_000, "large: is larger than 1 MiB"),
    ],
)
def test_what_are_no_items_is_refused_and_never_shown(tmp_path, template, name, content, says):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationInvalid, match=says) as refusal:
        read_items(path)
    assert "hunter2" not in str(refusal.value)
    done = understudy("run", template(SEES), "--config", str(path))
    assert (done.exit_code, says in done.stderr) == (2, True)


def test_a_template_is_validated_for_where_it_runs_whose_items_say_who_is_told(tmp_path, template):
    path = template(HEAD + "steps:\n  one: {action: {type: notify, configuration: {message: m, backends: [hook]}}}\n")
    assert understudy("validate", path).exit_code == 0, "nobody said who is told there"
    file = tmp_path / "items.yaml"
    for name, status in (("hook", 0), ("hooks", 2)):
        told = {"utask-cfg": {"notify_config": {name: {"type": "slack", "config": {"webhook_url": "https://s"}}}}}
        file.write_text(json.dumps(told))
        done = understudy("validate", path, "--config", str(file))
        assert (done.exit_code, 'no backend called "hook"' in done.stderr) == (status, bool(status))
