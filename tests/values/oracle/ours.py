"""What our engine makes of a template, in the words of the recording."""

import json
from typing import Any, Self

from runtime.values.gotemplate import ExecutionError, Limits, ParseError, Template


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


def render(template: str, data: str, limits: Limits | None = None) -> dict[str, str]:
    """Give what our engine makes of a template and JSON text."""
    try:
        parsed = Template(template)
        return {"o": parsed.render(read(data), limits=limits or Limits())}
    except ParseError as fault:
        return {"p": str(fault)}
    except ExecutionError as fault:
        return {"e": str(fault)}
