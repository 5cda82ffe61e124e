"""Function files: found, read, and checked against each other (sections 2.2 and 5.6).

What depends on who calls a function is checked where it is called: whether the arguments are there, whether what it
hands to the runner fits together with the base configuration of the step, whom its conditions change.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import attrs

from runtime.errors import Fault, FunctionInvalid, together
from runtime.runner import Checked, Runners, RunnerUnknown
from runtime.templates.actions import (
    ActionType,
    ActionTypes,
    FunctionTypes,
    RunnerTypes,
    arguments_of,
    missing_arguments,
)
from runtime.templates.calls import calls_of
from runtime.templates.checking import Check
from runtime.templates.condition_rules import check_condition
from runtime.templates.faults import Doubts
from runtime.templates.loading import FunctionDraft, draft_of_function_file
from runtime.templates.model import Action, Function, Template
from runtime.templates.paths import item, shown, under
from runtime.templates.step_rules import check_custom_states, check_hook, find_type
from runtime.values.json import Json

FunctionSources: TypeAlias = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
"""A folder of function files, which is searched at every depth, or one file; or several of either."""

_NOBODY: Final = Template(name="")
"""Stands where a rule wants to know the template: that of a function is the one that calls it."""


@attrs.frozen(kw_only=True, eq=False)
class Library:
    """Everything that an action can be: functions in front of runners. `warnings` are by file, where there are any.

    With a `refusal` it is only good for looking for more that is wrong, in templates: what calls a function that cannot be
    used, or one that may be in a file that cannot be read, is not at fault for that.
    """

    types: ActionTypes
    functions: Mapping[str, Function] = attrs.field(factory=dict)
    warnings: Mapping[str, tuple[Fault, ...]] = attrs.field(factory=dict)
    refusal: FunctionInvalid | None = None


def load_functions(sources: FunctionSources, runners: Runners) -> Library:
    """Read and check every function file. In a folder, that is what ends in ``.yaml`` and does not start with a dot.

    Raises:
        FunctionInvalid: every fault of every file. If several have some, each path begins with its file.
    """
    library = look_at_functions(sources, runners)
    if library.refusal is not None:
        raise library.refusal
    return library


def look_at_functions(sources: FunctionSources, runners: Runners) -> Library:
    """Read and check every function file, as `load_functions` does, and give what there is to say of them with the rest.

    Raises:
        FunctionInvalid: a folder cannot be read.
    """
    runner_types = RunnerTypes(runners)
    refusals: list[FunctionInvalid] = []
    drafts: list[FunctionDraft] = []
    named: dict[str, FunctionDraft] = {}
    for path in _files(sources):
        try:
            draft = draft_of_function_file(path)
        except FunctionInvalid as refusal:
            refusals.append(refusal)
            continue
        _check_alone(draft, runner_types)
        if _check_name(draft, named, runners):
            named[draft.function.name] = draft
        drafts.append(draft)
    functions = {name: draft.function for name, draft in named.items()}
    for draft in drafts:
        _check_circle(draft, functions)
    types = FunctionTypes(
        {name: one for name, one in functions.items() if not _circle_of(name, functions)}, runner_types
    )
    all_known = not refusals and len(named) == len(drafts)
    warnings: dict[str, tuple[Fault, ...]] = {}
    sound: set[str] = set()
    for draft in drafts:
        _check_calls(_check_of(draft, types), draft.function, functions, all_known=all_known)
        try:
            warnings[draft.source] = draft.report.verdict(
                draft.places, draft.source, strict=False, refusal=FunctionInvalid
            )
            sound.add(draft.function.name)
        except FunctionInvalid as refusal:
            refusals.append(refusal)
    return Library(
        types=_Doubted(types, functions, sound, all_known=all_known) if refusals else types,
        functions=functions,
        warnings={source: found for source, found in warnings.items() if found},
        refusal=together(refusals) if refusals else None,
    )


class _Doubted:
    """Types where functions are at fault: whatever is asked of one that is not `sound`, it has nothing against it."""

    def __init__(
        self, types: ActionTypes, functions: Mapping[str, Function], sound: Collection[str], *, all_known: bool
    ) -> None:
        self._types = types
        self._functions = functions
        self._sound = sound
        self._all_known = all_known

    def find(self, name: str) -> ActionType:
        """Give the type of that name. See `ActionTypes.find`."""
        way = _circle_of(name, self._functions) or [one.name for one in calls_of(Action(type=name), self._functions)]
        if not all(one in self._sound for one in way):
            return ActionType(check=_accept, custom_states=self._functions[name].custom_states)
        try:
            return self._types.find(name)
        except RunnerUnknown:
            if self._all_known:
                raise
            return ActionType(check=_accept)


def _accept(_configuration: Json, _base: Json) -> Checked[Any]:
    return Checked()


def _files(sources: FunctionSources) -> Iterator[Path]:
    for source in [sources] if isinstance(sources, str | os.PathLike) else sources:
        path = Path(source)
        if os.path.isdir(path):  # noqa: PTH112 - as of templates
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


def _check_of(draft: FunctionDraft, types: ActionTypes) -> Check:
    return Check(_NOBODY, types, doubts=Doubts(draft.report.faults), report=draft.report)


def _check_alone(draft: FunctionDraft, types: ActionTypes) -> None:
    check = _check_of(draft, types)
    check_custom_states(check, "custom_states", draft.function.custom_states)
    for index, condition in enumerate(draft.function.conditions):
        check_condition(check, item("conditions", index), condition)


def _check_name(draft: FunctionDraft, others: Mapping[str, FunctionDraft], runners: Runners) -> bool:
    """Check what a function is called, and say whether others can call it so."""
    name, faults = draft.function.name, draft.report.faults
    if name in others:
        faults.add(
            "name", f"there are two functions called {shown(name)}", f"the other one is in {others[name].source}"
        )
    elif name in runners.names:
        faults.add("name", f"a runner is called {shown(name)}", "give the function a name of its own")
    elif name:
        return True
    elif not Doubts(faults).spoil("name"):
        faults.add("name", "must not be empty")
    return False


def _circle_of(name: str, functions: Mapping[str, Function]) -> Sequence[str]:
    """Follow the calls of a function until they reach what is no function, or come back; give the way if they do."""
    walked: dict[str, None] = {}
    while name in functions:
        if name in walked:
            return [*walked, name]
        walked[name] = None
        name = functions[name].action.type
    return ()


def _check_circle(draft: FunctionDraft, functions: Mapping[str, Function]) -> None:
    """Report a circle to those that are in it; who only calls one of them has no fault of its own."""
    way = _circle_of(draft.function.name, functions)
    if way and way[0] == way[-1]:
        path = " -> ".join(way)
        draft.report.faults.add(
            "action.type", f"Invalid executor action: functions call each other in a circle: {path}"
        )


def _check_calls(check: Check, function: Function, functions: Mapping[str, Function], *, all_known: bool) -> None:
    """Check what a function calls, all but what its caller has a say in, and what is reported of what it calls.

    Unless `all_known`, what is called may be in a file that could not be read, or whose name is at fault.
    """

    def settled(action: Action) -> bool:
        return isinstance(check.type_of(action.type), ActionType) or (all_known and action.type not in functions)

    called = functions.get(function.action.type)
    if called is not None:
        for fault in missing_arguments(arguments_of(called), function.action.configuration):
            check.fault(under("action.configuration", fault.path), fault.message, fault.hint)
    elif settled(function.action):
        kind = find_type(check, "action", function.action)
        for warning in () if kind is None else kind.check(function.action.configuration, None).warnings:
            check.warn(under("action.configuration", warning.path), warning.message, warning.hint)
    if function.pre_hook is not None and settled(function.pre_hook):
        check_hook(check, "pre_hook", function.pre_hook, function.action)
