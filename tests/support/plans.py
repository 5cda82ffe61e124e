"""Short ways to write templates in tests."""

from collections.abc import Mapping, Sequence

from runtime.templates.model import Action, Input, Step, Template
from runtime.values.json import Json

ECHO = Action(type="echo", configuration={"output": {"value": "x"}})


def step(*dependencies: str, **fields: object) -> Step:
    """An echo step."""
    return Step(action=fields.pop("action", ECHO), dependencies=dependencies, **fields)  # type: ignore[arg-type]


def echo(output: Json = None, **configuration: Json) -> Action:
    return Action(type="echo", configuration={"output": output, **configuration})


def plan(result_format: Mapping[str, Json] | None = None, inputs: Sequence[Input] = (), **steps: Step) -> Template:
    """A template of these steps."""
    return Template(name="plan", steps=steps, inputs=inputs, result_format=result_format or {})
