"""Cases of kind ``model`` that are about batches alone: tasks made by a step of a task, and the states they are in."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import trio
import trio.testing

from runtime import Action, Runtime, Step, Template, open_runtime
from runtime.engine.task import Batch
from tests.conformance.cases import Case, Suite
from tests.conformance.engine import EditableJournal
from tests.conformance.matching import Scope, differences

_PATIENCE_SECONDS = 30


async def run_batch_case(suite: Suite, case: Case) -> list[str]:
    """Run one case; name what was not as expected."""
    problems: list[str] = []
    batches: dict[str, str] = {}
    journal = EditableJournal()
    async with open_runtime(journal=journal) as runtime:
        await runtime.register(suite.data["inline_templates"][case["inline_template"]])
        for index, action in enumerate(case["actions"]):
            seen = await _do(action, case["inline_template"], runtime, batches)
            for member, wanted in action["expect"].items():
                for problem in differences(wanted, seen.get(member), Scope({}, now=0), member):
                    problems.append(f"{action['do']}[{index}].{problem}")
    return problems


async def _do(action: Mapping[str, Any], template: str, runtime: Runtime, batches: dict[str, str]) -> dict[str, Any]:
    match action["do"]:
        case "create_batch":
            pattern = json.dumps(action["inputs_pattern"])
            inputs = [json.loads(pattern.replace("{index}", str(index))) for index in range(action["size"])]
            batches[action["as"]] = await _create(runtime, template, inputs)
            return {"error": None}
        case "populate_batch":
            parent = await _create(runtime, template, action["inputs"])
            return {"error": None, "count": len((await _batch(runtime, parent)).spawned.tasks)}
        case "set_task_state":
            tasks = sorted((await _batch(runtime, batches[action["batch"]])).spawned.tasks)
            for position, state in action["states"].items():
                await _bring_to(runtime, tasks[int(position)], state)
            await trio.testing.wait_all_tasks_blocked(0.01)
            return {"error": None}
        case "count_running":
            return {"error": None, "count": (await _batch(runtime, batches[action["batch"]])).spawned.remaining}
        case other:
            return {"error": f"the driver does not know {other}"}


async def _bring_to(runtime: Runtime, task: str, state: str) -> None:
    """End a task in this state, as it would come to it."""
    match state:
        case "WONTFIX":
            await runtime.operator(task).reject()
        case "CANCELLED":
            await runtime.resolve(task, run=False)
            await runtime.cancel(task)
        case _:
            await runtime.resolve(task)
            await runtime.wait(task)


async def _create(runtime: Runtime, template: str, inputs: Sequence[Any]) -> str:
    """Run a task that makes the batch, until it waits for it."""
    configuration = {"template_name": template, "inputs": list(inputs)}
    steps = {"batch": Step(action=Action(type="batch", configuration=configuration))}
    task = await runtime.submit(Template(name="parent", steps=steps))
    with trio.fail_after(_PATIENCE_SECONDS):
        await trio.testing.wait_all_tasks_blocked(0.01)
    return task.id


async def _batch(runtime: Runtime, parent: str) -> Batch:
    [batch] = (await runtime.read(parent)).wished.batches.values()
    return batch
