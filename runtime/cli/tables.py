"""Tables of texts, and times. What others wrote cannot steer the terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table; a `head` of empty texts is left out."""
    clean = [[printable(cell) for cell in row] for row in ([head, *rows] if any(head) else rows)]
    widths = [max(map(len, column)) for column in zip(*clean, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in clean)
    return "\n".join(lines)


def printable(text: str) -> str:
    """Give a text of one line, without control characters."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def moment(seconds: float) -> str:
    """Give a time, in Unix seconds, as it is here."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().isoformat(" ", "seconds")
