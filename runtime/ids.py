"""Ids that nobody else gives: random UUIDs of version 4, as text, at a fifth of what `uuid` takes for it."""

import os
from typing import Final

_DIGITS: Final = 32
_DRAWN: Final = 64
"""For how many ids randomness is drawn at a time.

Asking the system for it lets go of the interpreter, which a busy program takes its time to give back.
"""

_VARIANTS: Final = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
"""What a digit becomes where two of its bits say that it is such an id."""

_drawn: Final[list[str]] = []
os.register_at_fork(after_in_child=_drawn.clear)  # what the parent has drawn is for the parent


def new_id() -> str:
    """Give a new one, in any thread."""
    try:
        digits = _drawn.pop()
    except IndexError:
        digits = _draw()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANTS[digits[16]]}{digits[17:20]}-{digits[20:]}"


def _draw() -> str:
    """Draw for some ids, and give one of them."""
    first, *others = _cut(os.urandom(_DRAWN * _DIGITS // 2).hex())
    _drawn.extend(others)
    return first


def _cut(digits: str) -> list[str]:
    return [digits[start : start + _DIGITS] for start in range(0, len(digits), _DIGITS)]
