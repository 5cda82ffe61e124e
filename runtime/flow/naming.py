"""What flows are called (spec section 2.1), and the names of clones (section 12.3)."""

import re
from typing import Final

import attrs

_RETRY: Final = re.compile(r"\(retry ([0-9]+)\)\s*\Z")
_MOST_DIGITS: Final = 18


@attrs.frozen(kw_only=True)
class Labels:
    """What flows of a type are called: ``Deploying the app`` until they have ended, ``Deployed the app`` from then on.

    Where one of them is not said it is the other, and where neither is, the name of the type.
    """

    present: str = ""
    past: str = ""

    def of(self, flow_type: str, *, finished: bool) -> str:
        """Give what a flow of a type is called now."""
        said = (self.past or self.present) if finished else (self.present or self.past)
        return said or flow_type


UNLABELLED: Final = Labels()
"""What is said of a type that says nothing."""


def base_name(name: str) -> str:
    """Give a name without the last ``(retry n)``: one of them, however many there are."""
    return _RETRY.sub("", name, count=1).strip() if _RETRY.search(name) else name.strip()


def retry_number(name: str) -> int | None:
    """Give the number of the ``(retry n)`` that a name ends with; None without one, or one too large to be counted on."""
    found = _RETRY.search(name)
    return None if found is None or len(found[1]) > _MOST_DIGITS else int(found[1])


def next_name(name: str) -> str:
    """Name the clone of a step: ``x`` gives ``x (retry 1)``, which gives ``x (retry 2)``."""
    number = retry_number(name)
    return f"{name} (retry 1)" if number is None else generation_name(name, number + 1)


def generation_name(name: str, generation: int) -> str:
    """Name the clone of a step in generation `generation` of its group."""
    return f"{base_name(name)} (retry {generation})".strip()
