"""How a command that runs tasks talks to whoever started it: in words, or, with ``--log-format json``, as lines of its log.

Words about what it does go to standard output, warnings and refusals to standard error. As lines of a log all of them are
objects on standard error, and standard output has only what was asked for.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import attrs
import click

from runtime.errors import Fault, Refused
from runtime.logs.lines import LogFormat, LogLevel, LogSettings, log

REFUSED: Final = 2
_NAME: Final = "understudy.cli"

F = TypeVar("F", bound=Any)


@attrs.frozen
class Voice:
    """The voice of one command."""

    logs: LogSettings

    @classmethod
    def of(cls, wanted: str, level: str | None) -> "Voice":
        """Give the voice that the options ask for: programs want to know what becomes of tasks, people see it anyway."""
        usual = LogLevel.INFO if wanted == LogFormat.JSON else LogLevel.WARNING
        return cls(LogSettings(LogFormat(wanted), LogLevel(level or usual)))

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Have the log written so in the block, if it is to be otherwise than it is anyway."""
        if self.logs == LogSettings():
            yield
        else:
            with self.logs.in_use():
                yield

    @property
    def as_lines(self) -> bool:
        """Whether it talks in lines of its log."""
        return self.logs.format is LogFormat.JSON

    def say(self, text: str) -> None:
        """Tell what it does."""
        if self.as_lines:
            log(_NAME).info(text)
        else:
            click.echo(text)

    def caution(self, text: str) -> None:
        """Tell what somebody should look at."""
        if self.as_lines:
            log(_NAME).warning(text)
        else:
            click.echo(text)

    def hint(self, text: str) -> None:
        """Tell what somebody could do otherwise, beside the output."""
        if self.as_lines:
            log(_NAME).info(text)
        else:
            click.echo(text, err=True)

    def warn(self, source: object, warnings: Sequence[Fault]) -> None:
        """Tell what is odd in a file."""
        for warning in warnings:
            if self.as_lines:
                log(_NAME).warning("template_warning", source=str(source), warning=str(warning))
            else:
                click.echo(f"warning: {source}: {warning}", err=True)

    def refuse(self, refusal: Refused) -> int:
        """Tell why nothing is done; give the exit status."""
        if self.as_lines:
            log(_NAME).error("refused", error=str(refusal))
        else:
            click.echo(f"error: {refusal}", err=True)
        return REFUSED


def voiced(command: F) -> F:
    """Give a command the options of its log."""
    for option in (
        click.option(
            "--log-level",
            type=click.Choice([str(level) for level in LogLevel]),
            envvar="UNDERSTUDY_LOG_LEVEL",
            show_envvar=True,
            help="How much is logged: info adds what becomes of tasks, debug of their steps. [default: info with json, else warning]",
        ),
        click.option(
            "--log-format",
            type=click.Choice([str(one) for one in LogFormat]),
            default="text",
            show_default=True,
            envvar="UNDERSTUDY_LOG_FORMAT",
            show_envvar=True,
            help="How the log on standard error is written: json is an object a line, with all that the command has to say.",
        ),
    ):
        command = option(command)
    return command
