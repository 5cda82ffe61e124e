"""The laws that need no scene set for them, for every runner that comes with the project."""

import pytest

from runners.echo import Echo
from runners.http import Http
from runners.script import Script
from tests.support import runner_laws as laws

RUNNERS = [Echo(), Http(), Script()]


@pytest.mark.parametrize("runner", RUNNERS, ids=lambda runner: runner.name)
def test_no_configuration_makes_a_check_fail(runner):
    laws.check_never_raises(runner)


@pytest.mark.parametrize("runner", RUNNERS, ids=lambda runner: runner.name)
def test_a_configuration_is_built_or_refused(runner):
    laws.structure_builds_or_refuses(runner)


@pytest.mark.parametrize("runner", RUNNERS, ids=lambda runner: runner.name)
def test_every_field_is_described(runner):
    described = runner.config.__doc__
    assert all(f"{name}:" in described for name in runner.config.__annotations__)
