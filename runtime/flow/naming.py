"""The names of clones (spec section 12.3)."""

import re
from typing import Final

_RETRY: Final = re.compile(r"\(retry ([0-9]+)\)\s*\Z")
_MOST_DIGITS: Final = 18


def base_name(name: str) -> str:
    """Give a name without the last ``(retry n)``: one of them, however many there are."""
    return _RETRY.sub("", name, count=1).strip() if _RETRY.search(name) else name.strip()


def next_name(name: str) -> str:
    """Name the clone of a step: ``x`` gives ``x (retry 1)``, which gives ``x (retry 2)``."""
    found = _RETRY.search(name)
    if found is None or len(found[1]) > _MOST_DIGITS:
        return f"{name} (retry 1)"
    return f"{base_name(name)} (retry {int(found[1]) + 1})".strip()


def generation_name(name: str, generation: int) -> str:
    """Name the clone of a step in generation `generation` of its group."""
    return f"{base_name(name)} (retry {generation})".strip()
