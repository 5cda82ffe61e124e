"""Function files: found, read, and checked against each other (sections 2.2 and 5.6).

What depends on who calls a function is checked where it is called: whether the arguments are there, whether what it
hands to the runner fits together with the base configuration of the step, whom its conditions change.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

import attrs

from runtime.errors import Fault, FunctionInvalid
from runtime.runner import Runners
from runtime.templates.actions import (
    ActionTypes,
    FunctionTypes,
    RunnerTypes,
    arguments_of,
    missing_arguments,
)
from runtime.templates.checking import Check
from runtime.templates.condition_rules import check_condition
from runtime.templates.faults import Doubts
from runtime.templates.loading import FunctionDraft, draft_of_function_file
from runtime.templates.model import Function, Template
from runtime.templates.paths import item, shown, under
from runtime.templates.step_rules import check_custom_states, check_hook, find_type

FunctionSources: TypeAlias = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
"""A folder of function files, which is searched at every depth, or one file; or several of either."""

_NOBODY: Final = Template(name="")
"""Stands where a rule wants to know the template: that of a function is the one that calls it."""


@attrs.frozen(kw_only=True, eq=False)
class Library:
    """Everything that an action can be: functions in front of runners. `warnings` are by file, where there are any."""

    types: ActionTypes
    functions: Mapping[str, Function] = attrs.field(factory=dict)
    warnings: Mapping[str, tuple[Fault, ...]] = attrs.field(factory=dict)


def load_functions(sources: FunctionSources, runners: Runners) -> Library:
    """Read and check every function file. In a folder, that is what ends in ``.yaml`` and does not start with a dot.

    Raises:
        FunctionInvalid: every fault of the first file that has any.
    """
    runner_types = RunnerTypes(runners)
    drafts: dict[str, FunctionDraft] = {}
    for path in _files(sources):
        draft = draft_of_function_file(path)
        _check_alone(draft, runner_types)
        _check_name(draft, drafts, runners)
        _refuse(draft)
        drafts[draft.function.name] = draft
    functions = {name: draft.function for name, draft in drafts.items()}
    for draft in drafts.values():
        _check_circle(draft, functions)
        _refuse(draft)
    types = FunctionTypes(functions, runner_types)
    warnings: dict[str, tuple[Fault, ...]] = {}
    # Those that call no other come first, so that an unknown runner is reported where it is named.
    for draft in sorted(drafts.values(), key=lambda draft: draft.function.action.type in functions):
        _check_calls(_check_of(draft, types), draft.function)
        warnings[draft.source] = _refuse(draft)
    return Library(
        types=types, functions=functions, warnings={source: found for source, found in warnings.items() if found}
    )


def _files(sources: FunctionSources) -> Iterator[Path]:
    for source in [sources] if isinstance(sources, str | os.PathLike) else sources:
        path = Path(source)
        if path.is_dir():
            yield from _files_in(path)
        else:
            yield path


def _files_in(root: Path) -> Iterator[Path]:
    def refuse(cause: OSError) -> None:
        problem = f"the folder cannot be read: {(cause.strerror or 'input/output error').lower()}"
        raise FunctionInvalid([Fault("", problem)], str(cause.filename)) from None

    for folder, folders, names in os.walk(root, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(".yaml") and not name.startswith("."):
                yield Path(folder, name)


def _refuse(draft: FunctionDraft) -> tuple[Fault, ...]:
    return draft.report.verdict(draft.places, draft.source, strict=False, refusal=FunctionInvalid)


def _check_of(draft: FunctionDraft, types: ActionTypes) -> Check:
    return Check(_NOBODY, types, doubts=Doubts(draft.report.faults), report=draft.report)


def _check_alone(draft: FunctionDraft, types: ActionTypes) -> None:
    check = _check_of(draft, types)
    check_custom_states(check, "custom_states", draft.function.custom_states)
    for index, condition in enumerate(draft.function.conditions):
        check_condition(check, item("conditions", index), condition)


def _check_name(draft: FunctionDraft, others: Mapping[str, FunctionDraft], runners: Runners) -> None:
    name = draft.function.name
    if name in others:
        message = f"there are two functions called {shown(name)}"
        draft.report.faults.add("name", message, f"the other one is in {others[name].source}")
    elif name in runners.names:
        draft.report.faults.add("name", f"a runner is called {shown(name)}", "give the function a name of its own")
    elif not name and not draft.report.faults:
        draft.report.faults.add("name", "a name is wanted")


def _check_circle(draft: FunctionDraft, functions: Mapping[str, Function]) -> None:
    """Follow the calls of a function until they reach what is no function, or come back."""
    walked: dict[str, None] = {}
    name = draft.function.name
    while name in functions:
        if name in walked:
            path = " -> ".join([*walked, name])
            draft.report.faults.add(
                "action.type", f"Invalid executor action: functions call each other in a circle: {path}"
            )
            return
        walked[name] = None
        name = functions[name].action.type


def _check_calls(check: Check, function: Function) -> None:
    """Check what a function calls, all but what its caller has a say in."""
    kind = find_type(check, "action", function.action)
    if kind is not None and kind.calls:
        needed = arguments_of(kind.calls[0])
        for fault in missing_arguments(needed, function.action.configuration):
            check.fault(under("action.configuration", fault.path), fault.message, fault.hint)
    elif kind is not None:
        for warning in kind.check(function.action.configuration, None).warnings:
            check.warn(under("action.configuration", warning.path), warning.message, warning.hint)
    if function.pre_hook is not None:
        check_hook(check, "pre_hook", function.pre_hook, function.action)
