"""Cases of kind ``values``: what templates print, given a store of values."""

import json
from datetime import UTC, datetime
from typing import Any

import attrs

from runtime.errors import UnderstudyError
from runtime.templates.model import Variable
from runtime.values.evaluator import Evaluator
from runtime.values.json import Number, dumps, loads
from runtime.values.snapshot import StepView, Values, object_for_null
from tests.conformance.cases import Case
from tests.conformance.matching import Scope, differences

EPOCH = datetime.fromtimestamp(0, UTC)


async def run_values_case(case: Case) -> list[str]:
    """Run one case; name what was not as expected."""
    store = case["values"]
    values = Values(
        input=store.get("input", {}),
        variables=[Variable(**one) for one in store.get("variables", ())],
    )
    for name, step in store.get("steps", {}).items():
        values = values.with_step(name, StepView(state="DONE", output=object_for_null(step.get("output"))))
    evaluator = Evaluator(now=lambda: EPOCH)
    problems: list[str] = []
    for index, action in enumerate(case["actions"]):
        if action["do"] == "set_iterator":
            values = attrs.evolve(values, iterator=loads(json.dumps(action["item"])))
            seen: dict[str, Any] = {"error": None}
        else:
            seen = await _do(action, values, evaluator)
        for member, wanted in action["expect"].items():
            for problem in differences(wanted, seen.get(member), Scope({}, now=0), member):
                problems.append(f"{action['do']}[{index}].{problem}")
    return problems


async def _do(action: Any, values: Values, evaluator: Evaluator) -> dict[str, Any]:
    if action.get("item") is not None:
        values = attrs.evolve(values, iterator=action["item"])
    this = values.step_view(action["step"]) if action.get("step") else None
    if this is not None:
        values = values.with_this(this)
    match action["do"]:
        case "render":
            return await _caught(evaluator.render(action["template"], values), "text")
        case "resolve_object":
            seen = await _caught(evaluator.render_tree(loads(action["object_text"]), values), "json_text")
            return {**seen, "json_text": dumps(seen["json_text"])}
        case "inspect":
            found: Any = values
            for part in action["path"]:
                found = found[part]
            return {"exact_number": isinstance(found, int | Number)}
        case "clone":
            return {"error": None}  # values are immutable: the original is its own copy
        case other:
            return {"error": f"the driver does not know {other}"}


async def _caught(rendering: Any, name: str) -> dict[str, Any]:
    try:
        return {"error": None, name: await rendering}
    except UnderstudyError as fault:
        return {"error": str(fault), name: None}
