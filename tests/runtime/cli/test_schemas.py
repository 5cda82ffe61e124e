"""``understudy schema messages``: what is printed is what is checked."""

import json

import jsonschema
import pytest
from click.testing import CliRunner

from runtime.cli.commands import cli
from tests.runtime.api.golden.files import SCHEMAS, kept


def test_the_schemas_of_all_messages_are_those_that_were_published():
    done = CliRunner().invoke(cli, ["schema", "messages"])
    assert done.exit_code == 0
    assert json.loads(done.output) == kept(SCHEMAS)


def test_one_message_can_be_asked_for():
    done = CliRunner().invoke(cli, ["schema", "messages", "run_task"])
    assert json.loads(done.output)["required"] == ["type", "task_id"]


def test_an_unknown_message_is_refused():
    done = CliRunner().invoke(cli, ["schema", "messages", "run_tasc"])
    assert (done.exit_code, done.output) == (2, 'error: no message "run_tasc" (did you mean "run_task"?)\n')


@pytest.mark.parametrize("kind", ["template", "function"])
def test_the_schemas_of_files_are_printed_for_editors(kind):
    printed = CliRunner().invoke(cli, ["schema", kind])
    assert printed.exit_code == 0
    jsonschema.Draft7Validator.check_schema(json.loads(printed.output))
