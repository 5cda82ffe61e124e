"""What the tests of values share: one way to render a text, without an event loop."""

from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any

from runtime.values.engine import Templates
from runtime.values.functions import Rendering
from runtime.values.json import loads
from runtime.values.meter import Limits, Meter
from runtime.values.snapshot import StepView, Values

NOW = datetime(2026, 3, 4, 5, 6, 7, 890000, tzinfo=UTC)

DATA = """{
    "name": "utask", "n": 12, "f": 1.50, "big": 1619464078, "huge": 123456789012345678901234567890, "zero": 0,
    "e": 1e3, "yes": true, "nothing": null, "list": ["a", 1, {"x": null}], "none": [], "map": {"b": 1, "a": "x"},
    "empty": {}, "html": "<a&b>\\u2028", "a-b": {"c.d": "dashed"}
}"""


def some_values(**more) -> Values:
    data: Any = loads(DATA)
    return Values(input=data, **more).with_step("first", StepView(state="DONE", output=None))


class NoScripts:
    """An expander for texts without JavaScript."""

    def __init__(self, templates: Templates) -> None:
        self.expand = templates.render

    def run(self, name: str, source: str, timeout: str | None) -> str:
        raise AssertionError(f"{name} is a script: {source} ({timeout})")


@cache
def templates() -> Templates:
    return Templates(now=lambda: NOW, random=Random(7))


def render(text: str, values: Values | None = None, limits: Limits | None = None, engine: Templates | None = None):
    engine = engine or templates()
    seen = some_values() if values is None else values
    return engine.render(text, Rendering(values=seen, meter=Meter(limits), cache={}, expander=NoScripts(engine)))


__all__ = ("DATA", "NOW", "NoScripts", "render", "some_values", "templates")
