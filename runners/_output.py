"""What a program printed: how much of it is kept, and the result found in it."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

from runners._delimiters import Delimiter, between
from runtime.runner import Fault, Json, loads

KEPT_BYTES = 1024 * 1024
"""Of what a program prints, this much is kept: a quarter from the start, the rest from the end."""

MOST_KEPT_BYTES = 50 * 1024 * 1024
"""And this much at most, where a step asks for more: it is held in memory, and stored."""


class KeptText:
    """The start and the end of a text of any length. `left_out`: how many bytes are missing from the text that it gave."""

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self._room = limit // 4
        self._tail_limit = limit - self._room
        self._head = bytearray()
        self._tail = bytearray()
        self.left_out = 0

    def write(self, data: bytes | bytearray) -> None:
        """Take more of the text."""
        fits = self._room - len(self._head)
        self._head += data[:fits]
        self._tail += data[fits:]
        if len(self._tail) > 2 * self._tail_limit:  # by halves, so that a byte is moved once
            self._trim()

    def text(self) -> str:
        """Give what was kept, with a line that says how much is missing from its middle."""
        self._trim()
        mark = b"\n[... %d bytes left out ...]\n" % self.left_out if self.left_out else b""
        return b"".join([self._head, mark, self._tail]).decode(errors="replace")

    def _trim(self) -> None:
        excess = len(self._tail) - self._tail_limit
        if excess > 0:
            del self._tail[:excess]
            self.left_out += excess


class OutputMode(StrEnum):
    """Where the result stands in what a program printed."""

    LAST_LINE = "manual-lastline"
    DELIMITERS = "manual-delimiters"
    DISABLED = "disabled"


def delimiter_faults(mode: str, delimiters: tuple[Delimiter, Delimiter] | None) -> Iterator[Fault]:
    """Name delimiters that are missing, or do not go with the mode."""
    delimited = mode == OutputMode.DELIMITERS
    if delimited and delimiters is None:
        yield Fault("output_manual_delimiters", "is missing", f"{OutputMode.DELIMITERS} needs a start and an end")
    if not delimited and delimiters is not None:
        yield Fault("output_manual_delimiters", f"goes with output_mode {OutputMode.DELIMITERS} only")


def result_of(
    text: str, mode: str, delimiters: tuple[Delimiter, Delimiter] | None, *, left_out: int
) -> tuple[Mapping[str, Json] | None, str]:
    """Give the result in what a program printed, None where it printed none; and why it cannot be had.

    Args:
        text: what was kept of it.
        mode: one of `OutputMode`, or another, whose result is the last line.
        delimiters: what it stands between, for ``manual-delimiters``.
        left_out: how many bytes are missing from the text.
    """
    try:
        match mode, delimiters:
            case OutputMode.DISABLED, _:
                return None, ""
            case OutputMode.DELIMITERS, None:
                return None, "output_manual_delimiters is missing"
            case OutputMode.DELIMITERS, (start, end):
                part = between(start, end, text)
                if not part and left_out:
                    return None, "the delimiters are not in the output"
                return _object(part, "what stands between the delimiters"), ""
            case _:
                return _object(_last_line(text), "the last line of the output"), ""
    except ValueError as fault:
        return None, str(fault)


def _last_line(text: str) -> str:
    """Give the last line; a blank one after it is passed over, as programs tend to end with a new line."""
    rest, _, last = text.rpartition("\n")
    return last if last.strip() else rest.rpartition("\n")[2]


def _object(text: str, where: str) -> Mapping[str, Json] | None:
    """Decode a JSON object, None where there is nothing, or ``null``; `where` is what the text is called in the error.

    Raises:
        ValueError: the text is something else.
    """
    if not text.strip():
        return None
    try:
        value = loads(text)
    except ValueError as fault:
        raise ValueError(f"{where} is not a JSON object: {fault}") from None
    if value is not None and not isinstance(value, Mapping):
        raise ValueError(f"{where} is JSON, but not an object")
    return value


class Codes:
    """Exit codes as a configuration writes them: ``3``, or ``64-78``.

    Raises:
        ValueError: it is neither, or the range is empty or starts at 0.
    """

    _FORM = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)

    def __init__(self, text: str) -> None:
        form = self._FORM.fullmatch(text.strip())
        if form is None:
            raise ValueError('must be a code such as "3" or a range such as "64-78"')
        first = int(form[1])
        last = first if form[2] is None else int(form[2])
        if form[2] is not None and (first == 0 or last <= first):
            raise ValueError("a range must start above 0 and end above its start")
        self._codes = range(first, last + 1)

    def __contains__(self, code: int) -> bool:
        return code in self._codes
