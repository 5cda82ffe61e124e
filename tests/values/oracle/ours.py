"""What our engine makes of a template, in the words of the recording."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self
from unittest.mock import patch

from runtime.values.gotemplate import ExecutionError, Limits, ParseError, Template, parser, statements, template
from runtime.values.gotemplate.lexer import Kind


class Literal(float):
    """A JSON number that prints as it was written."""

    text: str

    def __new__(cls, text: str) -> Self:
        self = super().__new__(cls, text)
        self.text = text
        return self

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def number(text: str) -> Any:
    """Hold a number as the runtime does: plain where Python prints the literal, as a Literal elsewhere."""
    plain: Any = int(text) if text.lstrip("-").isdecimal() else float(text)
    return plain if str(plain) == text else Literal(text)


def read(data: str) -> Any:
    """Read data, keeping the literals of numbers."""
    return json.loads(data, parse_int=number, parse_float=number)


def render(source: str, data: str, limits: Limits | None = None) -> dict[str, str]:
    """Give what our engine makes of a template and JSON text."""
    try:
        return {"o": Template(source).render(read(data), limits=limits or Limits())}
    except ParseError as fault:
        return {"p": str(fault)}
    except ExecutionError as fault:
        return {"e": str(fault)}


def _else_of_1_19(self: Any) -> Any:
    if self.peek_solid().kind is not Kind.IF:
        self.expect((Kind.RIGHT_DELIM,), "else")
    return parser._End("{{else}}")


@contextmanager
def without_what_is_newer() -> Iterator[None]:
    """Take away the three things that came after Go 1.19 and Sprig 3.2: what is left has to equal the recording."""
    with (
        patch.object(statements, "INTS", frozenset()),
        patch.object(statements, "UINTS", frozenset()),
        patch.object(parser._Parser, "otherwise", _else_of_1_19),
        patch.object(template, "STANDARD_NAMES", template.STANDARD_NAMES - {"sha512sum"}),
    ):
        yield
