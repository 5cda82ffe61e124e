"""What the tests of values share: one way to render a text, without an event loop."""

from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any

from runtime.values.gotemplate import Limits
from runtime.values.json import loads
from runtime.values.renderer import THREADED, Pass
from runtime.values.snapshot import StepView, Values
from runtime.values.templates import Templates

NOW = datetime(2026, 3, 4, 5, 6, 7, 890000, tzinfo=UTC)

DATA = """{
    "name": "utask", "n": 12, "f": 1.50, "big": 1619464078, "huge": 123456789012345678901234567890, "zero": 0,
    "e": 1e3, "yes": true, "nothing": null, "list": ["a", 1, {"x": null}], "none": [], "map": {"b": 1, "a": "x"},
    "empty": {}, "html": "<a&b>\\u2028", "a-b": {"c.d": "dashed"}
}"""


def some_values(**more) -> Values:
    data: Any = loads(DATA)
    return Values(input=data, **more).with_step("first", StepView(state="DONE"))


@cache
def templates() -> Templates:
    return Templates(now=lambda: NOW, random=Random(7))


class NoScripts:
    """Stands where JavaScript would be, for texts without any."""

    def run(self, name: str, source: str, timeout: str | None, *, stopped: object) -> str:
        raise AssertionError(f"{name} is a script: {source} ({timeout}, {stopped})")


def render(text: str, values: Values | None = None, limits: Limits = THREADED, engine: Templates | None = None) -> str:
    seen = some_values() if values is None else values
    scripts: Any = NoScripts()
    return Pass(engine or templates(), seen, {}, limits, scripts).text(text)


__all__ = ("DATA", "NOW", "render", "some_values", "templates")
