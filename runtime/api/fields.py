"""How the fields of messages are declared: their type is the annotation, the rest is said here, once.

The JSON Schema of a message is made from both (`runtime.api.schema`), so what is documented is what is checked.
"""

from typing import Any, Final, TypedDict, Unpack

import attrs

from runtime.lengths import LONGEST_NAME

RULES: Final = "understudy.rules"
ABOUT: Final = "understudy.about"


class Rules(TypedDict, total=False):
    """What JSON Schema can say about a value, in its words. For a list, the lengths are those of its items."""

    minLength: int
    maxLength: int
    minimum: float
    maximum: float
    maxItems: int
    minItems: int
    pattern: str


def said(about: str, *, default: object = attrs.NOTHING, shown: bool = True, **rules: Unpack[Rules]) -> Any:
    """Declare a field; `about` is what its schema says to users. A `default` that is callable makes the value.

    What is not to be `shown` is kept out of logs.
    """
    metadata = {ABOUT: about, RULES: rules}
    if callable(default):
        return attrs.field(factory=default, metadata=metadata, repr=shown)
    return attrs.field(default=default, metadata=metadata, repr=shown)


def name(about: str, *, default: object = attrs.NOTHING, shown: bool = True) -> Any:
    """Declare a field that names something; an empty name is none, and only allowed where there is a default."""
    return said(about, default=default, shown=shown, minLength=int(default is attrs.NOTHING), maxLength=LONGEST_NAME)


def names(about: str) -> Any:
    """Declare a field that lists usernames or groups."""
    return said(about, default=(), minLength=1, maxLength=LONGEST_NAME, maxItems=1000)
