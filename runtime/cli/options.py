"""The options of what commands open: those that several of them take."""

import math
from pathlib import Path
from typing import Any

import click


class Number(click.FloatRange):
    """A number: what is called "not a number" is neither below a bound nor above it, and would pass."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it."""
        number = super().convert(value, param, ctx)
        return self.fail(f"{value!r} is not a number.", param, ctx) if math.isnan(number) else number


KEYS = click.option(
    "--keys",
    type=click.Path(path_type=Path),
    help="The file of the key ring that the store is sealed with (default: $UNDERSTUDY_KEYS_FILE, $UNDERSTUDY_KEYS).",
)
SCRIPTS = click.option(
    "--scripts",
    type=click.Path(path_type=Path),
    default=Path("scripts"),
    show_default=True,
    help="The folder that script steps may run files from.",
)
FUNCTIONS = click.option(
    "--functions",
    type=click.Path(path_type=Path),
    help="The folder of the function files that steps may call, searched at every depth.",
)
TEMPLATES = click.option(
    "--templates",
    type=click.Path(path_type=Path),
    help="The folder of the templates that steps may start tasks of.",
)
REGION = click.option(
    "--region",
    default="default",
    show_default=True,
    envvar="UNDERSTUDY_REGION",
    help="Where this runs; templates see it as .task.region.",
    show_envvar=True,
)
GRACE = click.option(
    "--grace",
    "grace_seconds",
    type=Number(min=0),
    default=3.0,
    show_default=True,
    help="How many seconds running steps get to finish after Ctrl-C or SIGTERM.",
)
CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="UNDERSTUDY_CONFIG",
    help="Configuration items: a folder with a file for each, a YAML or JSON file of all, or env:CFG for the variables CFG_*.",
    show_envvar=True,
)
