"""Cases of kind ``engine``: one runtime a case, its journal open to the patches a case asks for."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import trio
import trio.testing

from runtime import Runtime, TaskView, UnderstudyError, open_runtime
from runtime.api.messages import TaskStateChanged
from runtime.api.submission import Submission
from runtime.engine.records import (
    RunEnded,
    RunStarted,
    StepChanged,
    TaskCancelled,
    TaskPaused,
    TaskSubmitted,
)
from runtime.engine.rights import Administrators
from runtime.engine.states import ResolutionState, TaskState
from runtime.engine.task import Task
from runtime.journal.memory import MemoryJournal
from runtime.journal.protocol import PAGE, Record, Stored, standing_of
from runtime.journal.replaying import replay
from runtime.runner import PARENT_TAG, Outcome, Runner, StepRequest
from runtime.templates.calls import custom_states_of
from runtime.templates.loading import template_of
from runtime.templates.model import Template
from tests.conformance.cases import Case, Suite
from tests.conformance.matching import Scope, at, differences

RUN_WITHIN_SECONDS = 30

MENDED = {"metadata_is_text"}
"""What is not compared: the metadata of a batch is a plain object here, and no text of one (spec section 17.4, Q56)."""


class Gate(Runner[object]):
    """A step that runs for as long as a case wants its task to be in the middle of a run."""

    name = "gate"
    config = object

    def __init__(self) -> None:
        super().__init__()
        self.opened = trio.Event()

    async def run(self, _request: StepRequest[object]) -> Outcome:
        await self.opened.wait()
        return Outcome()


class EditableJournal(MemoryJournal):
    """A journal whose records can be changed behind the runtime's back, as the cases' patches do."""

    def __init__(self) -> None:
        super().__init__()
        self.collecting = trio.Event()

    async def due(self, until: float, *, after: tuple[float, int] = (0.0, 0), limit: int = PAGE) -> Sequence[Stored]:
        """Hold back what is due until the case has the collector started."""
        found = await super().due(until, after=after, limit=limit)
        if found:
            await self.collecting.wait()
            found = await super().due(until, after=after, limit=limit)
        return found

    def edit(self, task_id: str, change: Callable[[list[Record]], list[Record]]) -> None:
        """Replace the records of a task."""
        kept = self._tasks[task_id]
        kept.records = change(kept.records)
        task = replay(kept.records)
        assert isinstance(task, Task)
        self._stand(kept, standing_of(task), task.last_activity)


async def run_engine_case(suite: Suite, case: Case, folder: Path) -> list[str]:
    """Run one case with scripts from `folder`; name what was not as expected."""
    journal = EditableJournal()
    config = {name: json.dumps(suite.data["environment"]["config_items"][name]) for name in case.get("config", ())}
    gate = Gate()
    opened = open_runtime(
        runners=[gate],
        scripts=folder,
        functions=suite.functions,
        journal=journal,
        config=config,
        administrators=Administrators(),  # users are told apart: a task without a requester is taken on by nobody
    )
    async with opened as runtime:
        try:
            return await _EngineCase(suite, case, runtime, journal, gate).play()
        finally:
            gate.opened.set()
            journal.collecting.set()


@attrs.define
class _EngineCase:
    suite: Suite
    case: Case
    runtime: Runtime
    journal: EditableJournal
    gate: Gate
    saved: dict[str, Any] = attrs.field(factory=dict)
    template: dict[str, Any] = attrs.field(factory=dict)
    main: str = ""
    others: dict[str, str] = attrs.field(factory=dict)
    problems: list[str] = attrs.field(factory=list)
    extra: dict[str, Any] = attrs.field(factory=dict)

    def task(self, action: Mapping[str, Any]) -> str:
        """The task an action is about: one that was saved, one of another name, or the case's own."""
        if "task" in action:
            return str(self.saved[action["task"].removeprefix("${").removesuffix("}")])
        return self.others.get(action.get("target", "main"), self.main)

    def save(self, names: Mapping[str, str], view: TaskView) -> None:
        for name, path in names.items():
            self.saved[name] = at(self.members(view), path)

    async def play(self) -> list[str]:
        for index, action in enumerate(self.case["actions"]):
            expected = {name: wanted for name, wanted in action.get("expect", {}).items() if name not in MENDED}
            error: str | None = None
            view: TaskView | None = None
            try:
                view = await getattr(self, f"do_{action['do']}")(action)
            except UnderstudyError as refusal:
                error = str(refusal)
            seen = {"error": error, "returned": view is not None, **(self.members(view) if view else {})}
            seen |= self.extra
            self.extra = {}
            if view is not None:
                self.save(action.get("save", {}), view)
            scope = Scope(self.saved, now=self.now, document=self.members(view) if view else None)
            for problem in self.compare(expected, seen, view, scope):
                self.problems.append(f"{action['do']}[{index}].{problem}")
        return self.problems

    @property
    def now(self) -> float:
        return self.runtime._clock.wall()

    def compare(
        self, expected: Mapping[str, Any], seen: Mapping[str, Any], view: TaskView | None, scope: Scope
    ) -> list[str]:
        problems: list[str] = []
        for member, wanted in expected.items():
            match member:
                case "error":
                    problems.extend(differences(wanted, seen["error"], scope, "error"))
                case "steps":
                    for name, own in wanted.items():
                        problems.extend(self.compare_step(name, own, view, scope))
                case "step_values":
                    for name, own in wanted.items():
                        step = view.steps.get(name) if view else None
                        problems.extend(
                            differences(own["error"], step.error if step else None, scope, f"values.{name}")
                        )
                case "no_other_steps":
                    others = set(view.steps if view else ()) - set(expected["steps"])
                    if wanted and others:
                        problems.append(f"steps: {sorted(others)} not expected")
                case "all_steps_state":
                    for name, one in (view.steps if view else {}).items():
                        problems.extend(differences(wanted, one.state, scope, f"steps.{name}.state"))
                case _:
                    problems.extend(differences(wanted, seen.get(member), scope, member))
        return problems

    def compare_step(self, name: str, expected: Mapping[str, Any], view: TaskView | None, scope: Scope) -> list[str]:
        step = view.steps.get(name) if view else None
        if step is None:
            return [f"steps.{name}: not there"]
        template = self.template["steps"].get(name, {})
        seen: dict[str, Any] = {
            **attrs.asdict(step, recurse=False),
            "state": str(step.state),
            "dependencies": list(step.dependencies),
            "error": step.error or None,
            "base_configuration": template.get("action", {}).get("base_configuration"),
            "effective_custom_states": self.custom_states(name),
            "schema_uri": self.schema_uri(name),
            "children_steps": None if step.children_steps is None else list(step.children_steps),
        }
        scope.max_retries = step.max_retries
        problems: list[str] = []
        for member, wanted in expected.items():
            where = f"steps.{name}.{member}"
            children: Any = step.children or []
            if member == "children_count":
                problems.extend(differences(wanted, len(children), scope, where))
            elif member == "children":
                for position, own in wanted.items():
                    problems.extend(self.compare_child(children[int(position)], own, scope, f"{where}.{position}"))
            elif member.endswith("_has"):
                problems.extend(differences({"$has": wanted}, seen.get(member.removesuffix("_has")), scope, where))
            else:
                problems.extend(differences(wanted, seen.get(member), scope, where))
        return problems

    def compare_child(self, child: Any, expected: Mapping[str, Any], scope: Scope, where: str) -> list[str]:
        problems: list[str] = []
        for member, wanted in expected.items():
            matcher = {"$has": wanted} if member.endswith("_has") else wanted
            problems.extend(differences(matcher, child.get(member.removesuffix("_has")), scope, f"{where}.{member}"))
        return problems

    @property
    def submitted(self) -> Template:
        [submitted, *_] = self.journal._tasks[self.main].records
        assert isinstance(submitted, TaskSubmitted)
        return submitted.template

    def custom_states(self, name: str) -> list[str]:
        step = self.submitted.steps.get(name)  # None: a child of a loop
        return list(custom_states_of(step, self.submitted.functions)) if step else []

    def schema_uri(self, name: str) -> Any:
        step = self.submitted.steps.get(name)
        schema = step.json_schema if step else None
        return schema.get("$schema") if schema else None

    def members(self, view: TaskView) -> dict[str, Any]:
        return {
            "resolution_state": str(view.resolution),
            "next_retry": view.next_retry,
            "task_state": str(view.state),
            "base_configurations": self.submitted.base_configurations,
            "steps": {name: attrs.asdict(step, recurse=False) for name, step in view.steps.items()},
        }

    async def do_register(self, action: Mapping[str, Any]) -> None:
        await self.runtime.register(self.suite.fixtures / "engine/templates_tests" / action["template"])

    async def do_create(self, _action: Mapping[str, Any]) -> TaskView:
        self.template = self.suite.template_of(self.case)
        prepared = await self.runtime.prepare(self.template)
        submission = Submission(
            prepared.template,
            self.case.get("inputs") or {},
            resolver_inputs=self.case.get("resolver_inputs") or {},
            run=False,
        )
        (self.main,) = await self.runtime.take_on([submission])  # which drops what is not declared
        view = await self.runtime.status(self.main)
        self.saved |= {"main.task_id": view.id, "main.resolution_id": view.resolution_id}
        return view

    async def do_run(self, action: Mapping[str, Any]) -> TaskView | None:
        task = self.task(action)
        runs = (await self.runtime.status(task)).run_count
        async with self.runtime.subscribe(task) as events:
            await self.runtime.run(task)
            with trio.fail_after(RUN_WITHIN_SECONDS):
                async for event in events:
                    if isinstance(event, TaskStateChanged) and event.resolution is not ResolutionState.RUNNING:
                        break
            await trio.testing.wait_all_tasks_blocked()  # until its parent, if it has one, was told
        view = await self.runtime.status(task)
        return view if view.run_count > runs else None  # there was no run: a person has to look first

    async def do_run_async(self, action: Mapping[str, Any]) -> None:
        await self.runtime.run(self.task(action))

    async def do_reload(self, action: Mapping[str, Any]) -> TaskView:
        return await self.runtime.status(self.task(action))

    do_load_task = do_reload

    async def do_resolve_task(self, action: Mapping[str, Any]) -> None:
        task = self.task(action)
        await self.runtime.resolve(task, run=False)
        self.others[action["as"]] = task

    async def do_parent_to_resume(self, action: Mapping[str, Any]) -> None:
        """A child's end makes its parent due: what is due is what would be resumed."""
        with trio.fail_after(RUN_WITHIN_SECONDS):
            child = await self.runtime.wait(self.task(action))
            await trio.testing.wait_all_tasks_blocked()
        parent = await self.runtime.status(child.tags[PARENT_TAG])
        due = parent.next_retry is not None and parent.next_retry <= self.now
        self.extra["parent"] = "main" if due and parent.id == self.main else None

    async def do_start_retry_collector(self, _action: Mapping[str, Any]) -> None:
        self.journal.collecting.set()

    async def do_wait_for(self, action: Mapping[str, Any]) -> TaskView:
        task, wanted = self.task(action), action["expect"]["resolution_state"]
        async with self.runtime.subscribe(task) as events:
            view = await self.runtime.status(task)
            with trio.move_on_after(RUN_WITHIN_SECONDS):
                while str(view.resolution) != wanted:
                    await anext(aiter(events))
                    view = await self.runtime.status(task)
        return view

    async def do_decode_batch_metadata(self, action: Mapping[str, Any]) -> None:
        step = (await self.runtime.status(self.main)).steps[action["step"]]
        metadata: Any = step.metadata
        self.extra = {"output": step.output, "batch_id": metadata["batch_id"]}
        self.saved |= {name: self.extra[path] for name, path in action.get("save", {}).items()}

    async def do_list_batch(self, action: Mapping[str, Any]) -> None:
        batch = self.saved[action["batch"].removeprefix("${").removesuffix("}")]
        tasks = sorted((await self.runtime.read(self.main)).wished.batches[batch].spawned.tasks)
        self.extra = {"count": len(tasks)}
        self.saved |= {name: tasks[int(position)] for name, position in action.get("save", {}).items()}

    async def do_mark_time(self, action: Mapping[str, Any]) -> None:
        self.saved[action["as"]] = self.now

    async def do_patch(self, action: Mapping[str, Any]) -> None:
        view = await self.runtime.status(self.main)
        if view.state is TaskState.WAITING and action["ops"] == [{"path": ["state"], "set": "RUNNING"}]:
            self.template["steps"]["running"] = {"action": {"type": Gate.name}}  # a running task runs something
            self.use_template()
            await self.runtime.run(self.main)
            return
        for op in action["ops"]:
            path = op["path"]
            if path == ["state"]:
                self.append(_state_record(ResolutionState(op["set"]), view.resolution, self.now))
            elif path[0] == "steps" and path[2:] == ["state"]:
                self.append(StepChanged(at=self.now, step=path[1], state=op["set"], error="", by=path[1]))
            else:
                apply_op(self.template, op)
        self.use_template()

    def use_template(self) -> None:
        template = template_of(self.template).template
        self.journal.edit(self.main, lambda records: [_with_template(records[0], template), *records[1:]])

    def append(self, record: Record) -> None:
        self.journal.edit(self.main, lambda records: [*records, record])


def _with_template(record: Record, template: Template) -> Record:
    assert isinstance(record, TaskSubmitted)
    return attrs.evolve(record, template=attrs.evolve(template, functions=record.template.functions))


def _state_record(state: ResolutionState, before: ResolutionState, at: float) -> Record:
    match state:
        case ResolutionState.CANCELLED:
            return TaskCancelled(at=at, requester="case", reason="patched")
        case ResolutionState.PAUSED:
            return TaskPaused(at=at, requester="case", reason="patched", before=before)
        case ResolutionState.RUNNING:
            return RunStarted(at=at)
        case _:
            return RunEnded(at=at, state=state)


def apply_op(document: dict[str, Any], op: Mapping[str, Any]) -> None:
    """Set a value in a document, or append to a list in it."""
    *parents, last = op["path"]
    target: Any = document
    for part in parents:
        target = target[part]
    if "append" in op:
        target = target[last] if not isinstance(target, dict) else target.setdefault(last, [])
        target.append(op["append"])
    else:
        target[last] = op["set"]
