"""What validation asks about an action's type: a runner, or a function, which leads to one."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol

import attrs

from runtime.errors import Fault, did_you_mean
from runtime.runner import AnyRunner, Checked, Runners, RunnerUnknown
from runtime.templates.calls import calls_of
from runtime.templates.model import Action, Function
from runtime.templates.paths import member, shown
from runtime.values.json import Json

_ARGUMENT: Final = re.compile(r"\{\{-?\s*\.function_args((?:\.[A-Za-z]+)+)\s*-?\}\}")
"""A handle that is nothing but an argument. What has digits or underscores in its name is not looked for (section 2.2)."""


@attrs.frozen(kw_only=True)
class ActionType:
    """One kind of action.

    Attributes:
        check: says what is wrong with a configuration and the base configuration under it, before either is rendered.
        custom_states: the final states that the type itself may put a step in.
        metadata_schema: the JSON Schema of the metadata, where it is known.
        calls: the functions that such an action goes through, outermost first; none for a runner.
        resumes: an attempt that was cut goes on where it was, see `runtime.runner.Runner`.
    """

    check: Callable[[Json, Json], Checked[Any]]
    custom_states: tuple[str, ...] = ()
    metadata_schema: Mapping[str, Json] | None = None
    calls: tuple[Function, ...] = ()
    resumes: bool = False


class ActionTypes(Protocol):
    """Everything a step's action can be."""

    def find(self, name: str) -> ActionType:
        """Give the type of that name.

        Raises:
            RunnerUnknown: there is none, or it cannot be used here.
        """
        ...


class RunnerTypes:
    """The runners of one runtime as action types."""

    def __init__(self, runners: Runners) -> None:
        self._runners = runners

    def find(self, name: str) -> ActionType:
        """Give the runner of that name. See `ActionTypes.find`."""
        runner = self._runners.get(name)
        return ActionType(check=_guarded(runner), metadata_schema=runner.metadata_schema, resumes=runner.resumes)


def _guarded(runner: AnyRunner) -> Callable[[Json, Json], Checked[Any]]:
    """Keep a runner from anywhere from breaking validation: what its check raises is a fault."""

    def check(configuration: Json, base: Json) -> Checked[Any]:
        try:
            return runner.check(configuration, base)
        except Exception as cause:  # noqa: BLE001 - a third party's code, and this is its guard
            problem = f"the {runner.name} runner failed to check it: {type(cause).__name__}: {cause}"
            return Checked(faults=(Fault("", problem[:500]),))

    return check


class FunctionTypes:
    """Functions as action types, in front of others; the functions call each other in no circle."""

    def __init__(self, functions: Mapping[str, Function], others: ActionTypes) -> None:
        self._functions = functions
        self._others = others

    def find(self, name: str) -> ActionType:
        """Give the function of that name, or else the other type. See `ActionTypes.find`."""
        calls = calls_of(Action(type=name), self._functions)
        if not calls:
            return self._other(name)
        end = self._others.find(calls[-1].action.type)
        return ActionType(
            check=_call_check(calls, end),
            custom_states=tuple(dict.fromkeys(state for function in calls for state in function.custom_states)),
            metadata_schema=end.metadata_schema,
            calls=calls,
            resumes=end.resumes and all(function.pre_hook is None for function in calls),
        )

    def _other(self, name: str) -> ActionType:
        try:
            return self._others.find(name)
        except RunnerUnknown as cause:
            near = did_you_mean(name, list(self._functions))
            if near:
                raise RunnerUnknown(name, near) from None
            raise cause from None


def _call_check(calls: tuple[Function, ...], end: ActionType) -> Callable[[Json, Json], Checked[Any]]:
    """Give the check of a call: are its arguments there, and does what the functions hand to the runner fit it?"""
    needed = arguments_of(calls[0])
    innermost = calls[-1]

    def check(configuration: Json, base: Json) -> Checked[Any]:
        inner = end.check(innermost.action.configuration, base).faults
        within = (Fault("", f"function {shown(innermost.name)}: {fault}") for fault in inner)
        return Checked(faults=(*missing_arguments(needed, configuration), *within))

    return check


def arguments_of(function: Function) -> tuple[str, ...]:
    """Give the paths of the arguments that a function uses as whole handles, in order."""
    found = (
        match[1].removeprefix(".")
        for text in _texts(function.action.configuration)
        for match in _ARGUMENT.finditer(text)
    )
    return tuple(dict.fromkeys(found))


def missing_arguments(needed: tuple[str, ...], configuration: Json) -> Iterator[Fault]:
    """Name the arguments that a call does not give; paths start at its configuration."""
    if not isinstance(configuration, Mapping):
        yield Fault("", f"the arguments of a function are an object, not {shown(configuration)}")
        return
    for argument in needed:
        value: Json = configuration
        path = ""
        for name in argument.split("."):
            path = member(path, name)
            if not isinstance(value, Mapping) or name not in value:
                yield Fault(path, f'Invalid executor action: missing function_args "{argument}"')
                break
            value = value[name]


def _texts(value: Json) -> Iterator[str]:
    """Give the texts of a JSON value; depth is bounded where JSON comes in."""
    match value:
        case str():
            yield value
        case Mapping():
            for inner in value.values():
                yield from _texts(inner)
        case list() | tuple():
            for inner in value:
                yield from _texts(inner)
