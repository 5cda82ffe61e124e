"""The command line, asked of a server at the `url` of the test's module."""

import pytest
from click.testing import CliRunner

from runtime.cli.commands import cli


@pytest.fixture
def understudy(url):
    """Run a command, see that it ends with that status and no traceback, and give what it printed."""

    def run(*arguments, status=0):
        done = CliRunner().invoke(cli, arguments, env={"UNDERSTUDY_SERVER": url})
        assert done.exit_code == status, done.output
        assert "Traceback" not in done.output
        return done.output

    return run
