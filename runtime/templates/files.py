"""Reading a file that somebody else has named: bounded, never blocking, and every refusal a sentence."""

import os
import stat
from pathlib import Path
from typing import Final

LARGEST_FILE: Final = 5 << 20


class Unreadable(Exception):
    """A file cannot be read; the message says why. `line` is where its text stops being UTF-8."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        self.line = line
        super().__init__(problem)


def read_text(path: Path) -> str:
    """Read a file of UTF-8 text. One that is too large is refused by its size, unread; only regular files are opened.

    Raises:
        Unreadable: it cannot be read, is too large, or is not UTF-8.
    """
    content = _content(path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise Unreadable("the file is not UTF-8 text", content.count(b"\n", 0, fault.start) + 1) from None


def _content(path: Path) -> bytes:
    try:
        _regular(path.stat())
        # Without O_NONBLOCK a pipe that took the file's place just now would block the program.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            _regular(os.fstat(file.fileno()))
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise Unreadable("there is no such file or folder") from None
    except OSError as fault:
        raise Unreadable(f"the file cannot be read: {(fault.strerror or 'input/output error').lower()}") from None
    except ValueError:  # a null character, or half of a surrogate pair
        raise Unreadable("that is not a file name") from None
    if len(content) > LARGEST_FILE:  # a file that has no size, as in /proc, or that has grown
        raise Unreadable(f"the file is too large: it may have at most {LARGEST_FILE >> 20} MiB")
    return content


def _regular(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise Unreadable("it is a directory, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable("it is not a regular file")
    if status.st_size > LARGEST_FILE:
        size = f"{status.st_size / (1 << 20):.1f} MiB"
        raise Unreadable(f"the file is too large: it has {size}, and may have at most {LARGEST_FILE >> 20} MiB")
