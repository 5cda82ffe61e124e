"""The lint of handles (section 2.3): do the ``{{ }}`` of a template reach for what is there?

A handle that names a missing step, input or task key, or an output that the step's schema cannot give, is a fault, as
in µTask. What µTask does not look at, an unknown root or variable, is a warning: it prints ``<no value>`` or fails
when it is used, and a template may count on either.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from runtime.runner import RunnerUnknown
from runtime.templates.checking import Check
from runtime.templates.handles import Handles, handles_of
from runtime.templates.model import THIS, Action, Step, Template
from runtime.templates.paths import item, member, shown
from runtime.templates.scalars import resolve
from runtime.templates.schema_paths import SchemaPaths
from runtime.values.json import Json

ROOTS: Final = (
    "input",
    "resolver_input",
    "step",
    "task",
    "config",
    "var",
    "iterator",
    "pre_hook",
    "function_args",
)
"""What a template sees at its root (section 4.2)."""

TASK_KEYS: Final = (
    "resolver_username",
    "resolver_groups",
    "created",
    "requester_username",
    "requester_groups",
    "task_id",
    "region",
    "resolution_id",
    "watcher_usernames",
    "watcher_groups",
    "last_activity",
)

STEP_KEYS: Final = ("output", "metadata", "children", "error", "state", "try_count", "max_retries")


def lint(check: Check) -> None:
    """Check the handles of every text that is rendered."""
    linter = _Lint(check)
    for path, text in texts_of(check.template):
        if "{{" in text:
            linter.text(path, text)


def texts_of(template: Template) -> Iterator[tuple[str, str]]:
    """Give every text of a template that is rendered, with its path."""
    yield "title_format", template.title_format
    for key, value in template.result_format.items():
        yield member("result_format", key), key
        yield from _leaves(member("result_format", key), value)
    for key, tag in template.tags.items():
        yield member("tags", key), tag
    for index, variable in enumerate(template.variables):
        path = item("variables", index)
        if isinstance(variable.value, str):
            yield member(path, "value"), variable.value
        yield member(path, "expression"), variable.expression or ""
    yield from _leaves("base_configurations", template.base_configurations)
    for name, step in template.steps.items():
        yield from _step_texts(member("steps", name), step)


def _step_texts(path: str, step: Step) -> Iterator[tuple[str, str]]:
    yield member(path, "foreach"), step.foreach or ""
    yield from _action_texts(member(path, "action"), step.action)
    if step.pre_hook is not None:
        yield from _action_texts(member(path, "pre_hook"), step.pre_hook)
    for index, condition in enumerate(step.conditions):
        where = item(member(path, "conditions"), index)
        for number, assertion in enumerate(condition.if_):
            yield member(item(member(where, "if"), number), "value"), assertion.value
            yield member(item(member(where, "if"), number), "expected"), assertion.expected
        yield member(where, "message"), condition.message


def _action_texts(path: str, action: Action) -> Iterator[tuple[str, str]]:
    yield from _leaves(member(path, "configuration"), action.configuration)
    if action.output is not None:
        yield from _leaves(member(member(path, "output"), "format"), action.output.format)


def _leaves(path: str, value: Json) -> Iterator[tuple[str, str]]:
    """Give the texts of a JSON value; depth is bounded where JSON comes in."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(member(path, key), inner)
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from _leaves(item(path, index), inner)


class _Lint:
    """The names a template declares, and what was already worked out about its texts and schemas."""

    def __init__(self, check: Check) -> None:
        self._check = check
        template = check.template
        self._inputs = {one.name: None for one in template.inputs}
        self._resolver_inputs = {one.name: None for one in template.resolver_inputs}
        self._variables = {one.name: None for one in template.variables}
        self._texts: dict[str, Handles] = {}
        self._schemas: dict[int, SchemaPaths] = {}

    def text(self, path: str, text: str) -> None:
        handles = self._texts.get(text)
        if handles is None:
            handles = self._texts[text] = handles_of(text)
        if handles.problem:
            self._check.warn(path, f"not a template: {handles.problem}")
        for chain in handles.paths:
            self._chain(path, chain)
        for name in handles.variables:
            if name not in self._variables and not self._check.doubts.touch("variables"):
                self._warn_unknown(path, f"no variable with that name: {shown(name)}", name, self._variables)

    def _chain(self, path: str, chain: tuple[str, ...]) -> None:
        match chain:
            case ("step", name, *rest):
                self._step(path, name, rest)
            case ("input", name, *_):
                self._declared(path, "input", name, self._inputs)
            case ("resolver_input", name, *_):
                self._declared(path, "resolver_input", name, self._resolver_inputs)
            case ("task", name, *_) if name not in TASK_KEYS:
                self._check.unknown(path, f"Wrong task key: {name}", name, TASK_KEYS)
            case (root, *_) if root not in ROOTS:
                self._warn_unknown(path, f"unknown name .{root}", root, ROOTS)

    def _declared(self, path: str, root: str, name: str, declared: Mapping[str, None]) -> None:
        if name in declared or self._check.doubts.touch(f"{root}s"):
            return
        word = resolve(name)
        if isinstance(word, bool) and str(word).lower() in declared:
            hint = f"in YAML {name} means {str(word).lower()}: quote it where the {root} is declared"
            self._check.fault(path, f"Wrong {root} key: {name}", hint)
        else:
            self._check.unknown(path, f"Wrong {root} key: {name}", name, declared)

    def _step(self, path: str, name: str, rest: list[str]) -> None:
        check = self._check
        if name == THIS:
            return
        step = check.steps.get(name)
        if step is None:
            if not check.doubts.spoil("steps"):
                check.unknown(path, f"Wrong step key: {name}", name, check.steps)
            return
        match rest:
            case ["output", *inner] if step.json_schema is not None:
                self._reach(path, name, step.json_schema, inner)
            case ["metadata", *inner]:
                kind = check.type_of(step.action.type)
                if not isinstance(kind, RunnerUnknown) and kind.metadata_schema is not None:
                    self._reach(path, name, kind.metadata_schema, inner)
            case [key, *_] if key not in STEP_KEYS:
                self._warn_unknown(path, f"a step has no {key}", key, STEP_KEYS)

    def _reach(self, path: str, step: str, schema: Mapping[str, Json], inner: list[str]) -> None:
        known = self._schemas.get(id(schema))
        if known is None:
            known = self._schemas[id(schema)] = SchemaPaths(schema)
        missing = known.missing(inner)
        if missing is not None:
            self._check.fault(path, f"Variable {missing} does not exist", f"the schema of {step} does not give it")

    def _warn_unknown(self, path: str, message: str, name: str, known: Mapping[str, None] | tuple[str, ...]) -> None:
        self._check.report.warnings.add_unknown(path, message, name, known)
