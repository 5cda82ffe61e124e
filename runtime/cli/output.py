"""Output that nobody reads, or that cannot be written, costs no task its steps: ``understudy run TEMPLATE | head -1``.

Nor do characters that its encoding has none for: they are written as JSON escapes them, which leaves JSON what it is.
"""

import codecs
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final, TextIO

import click

UNWRITTEN: Final = 4
"""The exit status of what went well, but for its output."""

_ESCAPED: Final = "understudy.escaped"


class Steady:
    """Standard output for commands that run tasks. What cannot be written is lost, and the first reason kept as `lost`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        """Be the stream in all else."""
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write it, if that can be."""
        try:
            return self._stream.write(text)
        except OSError as fault:
            self._lose(fault)
            return len(text)

    def flush(self) -> None:
        """Flush it, if that can be."""
        try:
            self._stream.flush()
        except OSError as fault:
            self._lose(fault)

    def status(self, status: int) -> int:
        """Give the exit status of a command that came to `status`, and say why it is another. A reader may leave."""
        if self.lost is None or self.lost.errno == errno.EPIPE:
            return status
        say_unwritten(self.lost)
        return status or UNWRITTEN

    def _lose(self, fault: OSError) -> None:
        if self.lost is None:
            self.lost = fault
            give_up(self._stream)


@contextmanager
def steady_output() -> Iterator[Steady]:
    """Have standard output be steady in the block."""
    before = sys.stdout
    with ExitStack() as stack:
        stream: TextIO = before or stack.enter_context(Path(os.devnull).open("w"))  # none where it was closed before
        steady = Steady(stream)
        sys.stdout = steady
        stack.callback(setattr, sys, "stdout", before)
        stack.callback(steady.flush)
        yield steady


def any_output() -> None:
    """Have standard output take every text, whatever its encoding and its width."""
    codecs.register_error(_ESCAPED, _escaped)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors=_ESCAPED)
    if os.environ.get("COLUMNS") == "0":  # so somebody says who does not know; nothing fits into it
        del os.environ["COLUMNS"]


def _escaped(fault: UnicodeError) -> tuple[str, int]:
    if not isinstance(fault, UnicodeEncodeError):
        raise fault
    units = fault.object[fault.start : fault.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)), fault.end


def give_up(stream: TextIO) -> None:
    """Have what a stream still holds go nowhere: the interpreter would try again as it ends, and say so."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def say_unwritten(fault: OSError) -> None:
    """Say why output is missing."""
    with suppress(OSError):
        click.echo(f"error: the output cannot be written: {fault.strerror or fault}", err=True)
