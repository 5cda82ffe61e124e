"""Short ways to write templates in tests."""

from collections.abc import Mapping

from runtime.templates.model import Action, Step, Template
from runtime.values.json import Json

ECHO = Action(type="echo", configuration={"output": {"value": "x"}})


def step(*dependencies: str, **fields: object) -> Step:
    """An echo step."""
    return Step(action=fields.pop("action", ECHO), dependencies=dependencies, **fields)  # type: ignore[arg-type]


def echo(output: Json = None, **configuration: Json) -> Action:
    return Action(type="echo", configuration={"output": output, **configuration})


def plan(result_format: Mapping[str, Json] | None = None, **steps: Step) -> Template:
    return Template(name="plan", steps=steps, result_format=result_format or {})
