"""Cases of kind ``model`` about what is stored: templates, those of a folder above all, and tasks that are counted."""

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from runtime import Runtime, Template, UnderstudyError, open_runtime
from runtime.api.answers import ALWAYS_COUNTED
from runtime.api.submission import Submission
from runtime.journal.listing import Wanted
from runtime.templates.loading import template_of
from runtime.templates.yaml import read_yaml
from tests.conformance.cases import Case, Suite
from tests.conformance.matching import Scope, differences


async def run_model_case(suite: Suite, case: Case) -> list[str]:
    """Run one case; name what was not as expected."""
    problems: list[str] = []
    async with open_runtime(functions=suite.functions) as runtime:
        run = _ModelRun(suite, runtime)
        for index, action in enumerate(case["actions"]):
            try:
                seen = {"error": None, **(await run.do(action) or {})}
            except UnderstudyError as refusal:
                seen = {"error": str(refusal)}
            for member, wanted in action["expect"].items():
                for problem in differences(wanted, seen.get(member), Scope({}, now=0), member):
                    problems.append(f"{action['do']}[{index}].{problem}")
    return problems


@attrs.frozen
class _ModelRun:
    suite: Suite
    runtime: Runtime
    stored: dict[str, Template] = attrs.field(factory=dict)
    """The templates that were stored, as they were then, by the names that they were saved under."""

    async def do(self, action: Mapping[str, Any]) -> Mapping[str, Any] | None:
        match action["do"]:
            case "empty_store" | "empty_tasks" as which:
                for task in await self.runtime.find(Wanted()):
                    await self.runtime.delete(task.task_id)
                if which == "empty_store":
                    for name in list(self.runtime.templates):
                        self.runtime.templates.remove(name)
            case "sync_directory":
                await self.runtime.sync_templates(list(self.files(action["directory"])))
            case "list_templates":
                return {"count": len(self.runtime.templates)}
            case "store_template":
                await self.store(action)
            case "load_template":
                return self.load(action)
            case "create_template":  # it has no steps, which no template that is checked may
                self.runtime.templates.put(
                    Template(name=action["name"], allowed_resolver_groups=action["allowed_resolver_groups"] or ())
                )
            case "create_task":
                await self.create(action)
            case "count_by_group":
                return {"counts": await self.counts()}
            case other:
                return {"error": f"the driver does not know {other}"}
        return None

    def files(self, directory: str) -> Iterator[Path]:
        """Give a folder of fixtures, and what stands in for a file that their copy lacks."""
        folder = self.suite.fixtures / directory
        yield folder
        if folder.name == "templates_tests" and len(list(folder.glob("*.yaml"))) == 1:
            yield Path(__file__).parent / "sibling.yaml"

    async def store(self, action: Mapping[str, Any]) -> None:
        read: Any = read_yaml(self.suite.fixtures / action["template_path"]).data
        document = dict(read)
        if "rename" in action:
            document["name"] = action["rename"]
        if action["validate"]:
            template = (await self.runtime.register(document)).template
        else:
            template = template_of(document).template
            self.runtime.templates.put(template)
        if "as" in action:
            self.stored[action["as"]] = template

    def load(self, action: Mapping[str, Any]) -> Mapping[str, Any]:
        saved = self.stored.get(action["template_name"].removeprefix("${").removesuffix("}"))
        template = self.runtime.templates.named(self.filled(action["template_name"]))
        was = {} if saved is None else {"was": attrs.asdict(saved, recurse=False)}
        expected = action["expect"].get("was", {})
        return {
            **attrs.asdict(template, recurse=False),
            **{key: {name: one.get(name) for name in expected} for key, one in was.items()},
        }

    async def create(self, action: Mapping[str, Any]) -> None:
        submission = Submission(
            template=self.runtime.templates.named(self.filled(action["template_name"])),
            inputs=action["inputs"] or {},
            task_id=str(uuid.uuid4()),
            requester=action["requester"],
            resolver_groups=tuple(action.get("resolver_groups") or ()),
            resolve=False,
        )
        await self.runtime.take_on([submission])

    def filled(self, name: str) -> str:
        for saved, template in self.stored.items():
            name = name.replace(f"${{{saved}}}", template.name)
        return name

    async def counts(self) -> Mapping[str, Mapping[str, Mapping[str, int]]]:
        counts: dict[str, dict[str, dict[str, int]]] = {}
        for count in await self.runtime.count():
            states = counts.setdefault(count.group, {}).setdefault(count.template, dict.fromkeys(ALWAYS_COUNTED, 0))
            states[str(count.state)] = count.tasks
        return counts
