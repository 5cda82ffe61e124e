"""The laws that need no scene set for them, for every runner that comes with the project."""

import pytest
import trio

from runners.apiovh import ApiOvh
from runners.approval import Approval
from runners.batch import Batch
from runners.cache import Cache
from runners.callback import Callback
from runners.dask import Dask
from runners.echo import Echo
from runners.email import Email
from runners.flow import Flow
from runners.function import Function
from runners.http import Http
from runners.notify import Notify
from runners.ping import Ping
from runners.process import Process
from runners.script import Script
from runners.ssh import Ssh
from runners.subtask import Subtask
from runners.tag import Tag
from runtime.errors import TemplateInvalid
from runtime.runner import Runners, RunnerSettings
from runtime.templates.validation import check_data
from runtime.testing import laws

RUNNERS = [
    kind()
    for kind in (
        *(ApiOvh, Approval, Batch, Cache, Callback, Dask, Echo, Email, Flow, Function, Http, Notify, Ping, Process),
        *(Script, Ssh, Subtask, Tag),
    )
]


def test_every_runner_is_here():
    assert {runner.name for runner in RUNNERS} == set(Runners().names) - {"countdown"}


@pytest.mark.parametrize("runner", RUNNERS, ids=lambda runner: runner.name)
def test_no_configuration_makes_a_check_fail_and_each_is_built_or_refused(runner):
    laws.takes_any_configuration(runner)


@pytest.mark.parametrize("runner", RUNNERS, ids=lambda runner: runner.name)
def test_every_field_is_described(runner):
    described = runner.config.__doc__
    assert all(f"{name}:" in described for name in runner.config.__annotations__)


@pytest.mark.parametrize(
    ("action", "known", "unknown"),
    [
        ({"type": "script", "configuration": {"file_path": "run.sh"}}, "exit_code", "exit_cod"),
        (
            {"type": "ssh", "configuration": {"user": "u", "target": "h", "ssh_key": "{{.input.key}}"}},
            "exit_signal",
            "signal",
        ),
    ],
)
def test_what_a_runner_says_of_its_metadata_feeds_the_lint_of_templates(tmp_path, action, known, unknown):
    (tmp_path / "run.sh").write_text("#!/bin/sh")
    (tmp_path / "run.sh").chmod(0o755)
    runners = Runners(settings=RunnerSettings(scripts=tmp_path))

    def faults(key):
        echo = {"type": "echo", "configuration": {"output": f"{{{{.step.does.metadata.{key}}}}}"}}
        steps = {"does": {"action": action}, "says": {"dependencies": ["does"], "action": echo}}
        document = {"name": "plan", "description": "plan", "title_format": "plan", "steps": steps}
        document["inputs"] = [{"name": "key"}]
        try:
            check_data(document, runners)
        except TemplateInvalid as refused:
            return [fault.path for fault in refused.faults]
        return []

    assert faults(known) == []
    assert faults(unknown) == ["steps.says.action.configuration.output"]


@pytest.mark.parametrize(
    ("runner", "configuration"),
    [
        (Echo(), {"output": {"token": "hunter2"}, "error_message": "no"}),
        (Function(), {"name": "unknown", "arguments": {"password": "hunter2"}}),
        (Process(), {"name": "unknown", "arguments": {"password": "hunter2"}}),
        (Subtask(), {"template": "child", "input": {"password": "hunter2"}, "json_input": "["}),
        (Batch(), {"template_name": "child", "inputs": [{"password": "hunter2"}], "common_json_inputs": "["}),
        (Cache(), {"action": "set", "key": "", "value": "hunter2"}),
    ],
    ids=lambda one: getattr(one, "name", ""),
)
async def test_what_steps_are_given_is_in_no_repr_log_or_error(runner, configuration):
    await laws.keeps_secret(runner, configuration, "hunter2")


async def test_what_a_script_is_given_is_in_no_log_or_error(scripts):
    given = {"argv": ["hunter2"], "environment": {"PASSWORD": "hunter2"}, "stdin": "hunter2"}
    with trio.fail_after(30):
        await laws.keeps_secret(scripts.runner, {"file_path": scripts.shell("exit 3"), **given}, "hunter2")
