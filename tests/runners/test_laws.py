"""The laws that need no scene set for them, for every runner that comes with the project."""

import pytest

from runners.apiovh import ApiOvh
from runners.cache import Cache
from runners.echo import Echo
from runners.email import Email
from runners.http import Http
from runners.notify import Notify
from runners.ping import Ping
from runners.process import Process
from runners.script import Script
from runners.ssh import Ssh
from runners.tag import Tag
from runtime.testing import laws

RUNNERS = [ApiOvh(), Cache(), Echo(), Email(), Http(), Notify(), Ping(), Process(), Script(), Ssh(), Tag()]


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
