"""Cases of kind ``model`` that count tasks by the groups of their resolvers."""

import uuid
from collections.abc import Mapping
from typing import Any

from runtime import Runtime, Template, open_runtime
from runtime.api.desk import ALWAYS_COUNTED
from runtime.api.submission import Submission
from tests.conformance.cases import Case
from tests.conformance.matching import Scope, differences


async def run_count_case(case: Case) -> list[str]:
    """Run one case; name what was not as expected."""
    problems: list[str] = []
    async with open_runtime() as runtime:
        for index, action in enumerate(case["actions"]):
            seen = await _do(action, runtime)
            for member, wanted in action["expect"].items():
                for problem in differences(wanted, seen.get(member), Scope({}, now=0), member):
                    problems.append(f"{action['do']}[{index}].{problem}")
    return problems


async def _do(action: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    match action["do"]:
        case "empty_tasks":
            pass  # every case begins with an empty store
        case "create_template":  # it has no steps, which no template that is checked may
            runtime.templates.put(
                Template(name=action["name"], allowed_resolver_groups=action["allowed_resolver_groups"] or ())
            )
        case "create_task":
            submission = Submission(
                template=runtime.templates.named(action["template_name"]),
                inputs=action["inputs"] or {},
                task_id=str(uuid.uuid4()),
                requester=action["requester"],
                resolver_groups=tuple(action["resolver_groups"] or ()),
                resolve=False,
            )
            await runtime.take_on([submission])
        case "count_by_group":
            return {"error": None, "counts": await _counts(runtime)}
        case other:
            return {"error": f"the driver does not know {other}"}
    return {"error": None}


async def _counts(runtime: Runtime) -> Mapping[str, Mapping[str, Mapping[str, int]]]:
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for count in await runtime.count():
        states = counts.setdefault(count.group, {}).setdefault(count.template, dict.fromkeys(ALWAYS_COUNTED, 0))
        states[str(count.state)] = count.tasks
    return counts
