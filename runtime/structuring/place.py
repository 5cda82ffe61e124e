"""Where a reader stands in the document, and where it reports."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs

from runtime.errors import Fault
from runtime.values.json import Json

_LONGEST_KEY = 100  # characters of a key from outside that a path shows


class Templated(str):
    """A text that holds ``{{``: what it will be is only known at run time, so it passes every type that text can."""

    __slots__ = ()


@attrs.frozen
class Report:
    """What was found so far. `checking`: templates are not rendered yet."""

    checking: bool
    faults: list[Fault] = attrs.field(factory=list)
    warnings: list[Fault] = attrs.field(factory=list)


@attrs.frozen
class Place:
    """A value of the document, the path to it, and the report of the reading it is part of."""

    value: Json
    path: str
    report: Report

    def member(self, key: str, value: Json = None) -> "Place":
        """Go to a member of this mapping."""
        key = key[:_LONGEST_KEY]
        return Place(value, f"{self.path}.{key}" if self.path else key, self.report)

    def item(self, index: int, value: Json) -> "Place":
        """Go to an item of this list."""
        return Place(value, f"{self.path}[{index}]", self.report)

    def fault(self, message: str) -> None:
        """Report that the value cannot be used."""
        self.report.faults.append(Fault(self.path, message))

    def warn(self, message: str, hint: str = "") -> None:
        """Report something that does no harm and is probably not meant."""
        self.report.warnings.append(Fault(self.path, message, hint))


Reader: TypeAlias = Callable[[Place], Any]
"""Turns a place into a value of the reader's type; reports a fault, and gives None, where it cannot."""


def kind(value: Json) -> str:
    """Name the JSON type of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case _:
            return "a mapping" if isinstance(value, Mapping) else "a list"


def words(problem: Exception) -> str:
    """Give the text of an error without the values that some validators put beside it."""
    first = problem.args[0] if problem.args else ""
    return first if isinstance(first, str) and first else f"is refused ({type(problem).__name__})"
