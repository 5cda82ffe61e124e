"""The examples about flows run, and do what they say."""

import runpy
from pathlib import Path

import trio
from click.testing import CliRunner

from runtime.cli.commands import cli

EXAMPLES = Path(__file__).parent.parent / "examples"


async def test_a_deployment_is_approved_denied_retried_and_rolled_back(tmp_path, capsys):
    example = runpy.run_path(str(EXAMPLES / "deploy_tree.py"))
    with trio.fail_after(120):
        await example["main"](tmp_path)
    told = capsys.readouterr().out.splitlines()
    assert "'actions': ['create']" in told[0]
    assert told[1] == "first version: success (plan approved, apply success, tell success)"
    assert told[2] == "without the readme: error (plan error, apply pending, tell pending)"
    assert "a deployment deletes nothing" in told[3]
    assert told[4] == "while it is locked: error (plan approved, apply error, tell pending)"
    assert "plan (retry 1) approved, apply (retry 1) success" in told[5]
    assert told[6].startswith("rolled back: success")
    files = {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()}
    assert files == {"app": "one", "readme": "hello"}, "as they were before the second version"


def test_a_flow_in_yaml_waits_for_its_approval_and_goes_on(tmp_path):
    store = str(tmp_path / "flows.db")
    document = str(EXAMPLES / "deploy.yaml")
    run = ["flow", "run", document, "--store", store, "--id", "first", "--input", "name=Ada"]
    assert CliRunner().invoke(cli, run).exit_code == 3
    done = CliRunner().invoke(cli, ["flow", "approve", "first", "s1", "--store", store])
    assert done.exit_code == 0
    assert "tone: success" in done.output
