"""What can be set is told where one looks: in the help of a command, and in the docstring of `runtime.cli`."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import runtime.cli
from runners._callback_settings import ITEM as CALLBACKS
from runners._cluster import ITEM as DASK
from runtime.cli.commands import cli
from runtime.work.config import _NEVER_SHOWN, HOST_FIELDS

ROOT = Path(__file__).parents[3]
OF_PROCESSES = {"UNDERSTUDY_WORKER_FD", "UNDERSTUDY_COMPLETE"}
"""What processes tell each other, and nobody sets."""


def commands(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        yield from commands(command) if isinstance(command, click.Group) else (command,)


def told(name: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", runtime.cli.__doc__ or "") is not None


def test_every_variable_is_told():
    files = [file for package in ("actors", "runtime", "runners") for file in (ROOT / package).rglob("*.py")]
    named = {name for file in files for name in re.findall(r"\bUNDERSTUDY(?:_[A-Z]+)+", file.read_text())}
    assert len(named) > 8
    assert [name for name in sorted(named - OF_PROCESSES) if not told(name)] == []


@pytest.mark.parametrize("names", [HOST_FIELDS, {*_NEVER_SHOWN, CALLBACKS, DASK}], ids=["utask-cfg", "items"])
def test_every_item_and_member_of_the_configuration_is_told(names):
    assert [name for name in sorted(names) if not told(name)] == []


def test_an_option_that_a_variable_stands_for_says_so_in_its_help():
    options = [one for command in commands(cli) for one in command.params if isinstance(one, click.Option)]
    stood_for = [one for one in options if one.envvar]
    assert {one.envvar for one in stood_for} >= {"UNDERSTUDY_SERVER", "UNDERSTUDY_TOKEN", "UNDERSTUDY_CONFIG"}
    assert [(one.name, one.envvar) for one in stood_for if not one.show_envvar] == []
