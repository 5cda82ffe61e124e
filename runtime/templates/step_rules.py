"""The rules of one step: its action, its schema, its loop and what it depends on (sections 5.2 and 5.4)."""

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from runtime.engine.states import ANY, BUILTIN, StepState
from runtime.errors import Fault
from runtime.templates.actions import ActionType
from runtime.templates.checking import Check, listed
from runtime.templates.condition_rules import check_conditions, scoped
from runtime.templates.graph import Dependencies
from runtime.templates.model import THIS, Action, ForeachStrategy, Step, dependency_parts
from runtime.templates.paths import item, member, shown, under
from runtime.templates.schemas import check_schema, normalise_schema
from runtime.values.json import Json

_LONGEST_DELAY: Final = 20


def check_steps(check: Check) -> dict[str, Step]:
    """Check every step, and give them with what the rules fill in: schema drafts, loop strategies, condition scopes."""
    steps = {name: _check_step(check, name, step) for name, step in check.steps.items()}
    dependencies = _dependencies_of(check.steps)
    _check_cycles(check, dependencies)
    check_conditions(check, dependencies)
    return steps


def _check_step(check: Check, name: str, step: Step) -> Step:
    path = member("steps", name)
    if name == THIS:
        check.fault(path, f"'{THIS}' step name is reserved", "it means the step itself wherever a step is named")
    check_action(check, member(path, "action"), step.action)
    if step.pre_hook is not None:
        check_hook(check, member(path, "pre_hook"), step.pre_hook, step.action)
    if step.foreach_strategy is not None and not step.foreach and not check.doubts.touch(member(path, "foreach")):
        check.fault(member(path, "foreach_strategy"), "foreach_strategy is set, but foreach is not")
    if not 0 <= step.execution_delay <= _LONGEST_DELAY:
        where = member(path, "execution_delay")
        check.fault(where, f"Invalid execution delay: {step.execution_delay:g}s is not between 0s and 20s")
    check_custom_states(check, member(path, "custom_states"), step.custom_states)
    _check_dependencies(check, member(path, "dependencies"), step)
    return _filled_in(check, path, step)


def check_hook(check: Check, path: str, hook: Action, action: Action) -> None:
    """Check a pre-hook of what performs `action`: on the way to the runner it is the only one, and it has none itself."""
    check_action(check, path, hook)
    for function in check.calls(action):
        if function.pre_hook is not None:
            message = "Invalid executor action: pre_hook override: there may be one pre_hook"
            check.fault(path, message, f"function {shown(function.name)} has one")
    for function in check.calls(hook):
        if function.pre_hook is not None:
            problem = f"Invalid pre_hook: function {shown(function.name)} has a pre_hook of its own"
            check.fault(member(path, "type"), problem)


def find_type(check: Check, path: str, action: Action) -> ActionType | None:
    """Give the type of an action, or report why there is none."""
    if action.call is not None or check.doubts.spoil(member(path, "type")):
        return None
    if not action.type:
        check.fault(member(path, "type"), "Invalid executor action: required, and missing")
        return None
    kind = check.type_of(action.type)
    if isinstance(kind, ActionType):
        return kind
    check.fault(member(path, "type"), f"Invalid executor action: no runner called {shown(action.type)}", kind.hint)
    return None


def check_action(check: Check, path: str, action: Action) -> None:
    """Check an action or a pre-hook: its type, its base configuration, and what its type says of both."""
    base = _base_configuration(check, path, action)
    kind = find_type(check, path, action)
    if kind is None:
        return
    checked = kind.check(action.configuration, base)
    configuration = member(path, "configuration")
    for fault in checked.faults:
        check.fault(under(configuration, fault.path), fault.message, fault.hint)
    for warning in checked.warnings:
        check.warn(under(configuration, warning.path), warning.message, warning.hint)


def _base_configuration(check: Check, path: str, action: Action) -> Mapping[str, Json] | None:
    name = action.base_configuration
    known = check.template.base_configurations
    if name is None or name in known:
        return known[name] if name is not None else None
    if not check.doubts.touch(member("base_configurations", name)):
        message = f"Invalid executor action: no base configuration with that name: {shown(name)}"
        check.unknown(member(path, "base_configuration"), message, name, known)
    return None


def check_custom_states(check: Check, path: str, states: Sequence[str]) -> None:
    """Check the names of custom states."""
    for index, state in enumerate(states):
        if state in BUILTIN:
            check.fault(item(path, index), f"Custom state {shown(state)} is not allowed as it's a reserved state")
        elif not state or "," in state:
            check.warn(item(path, index), f"no dependency can name the custom state {shown(state)}")


def _check_dependencies(check: Check, path: str, step: Step) -> None:
    targets: set[str] = set()
    for index, dependency in enumerate(step.dependencies):
        target, states = dependency_parts(dependency)
        where = item(path, index)
        if target not in check.steps:
            if not check.doubts.spoil("steps"):
                message = f"Invalid dependency, no step with that name: {shown(target)}"
                check.unknown(where, message, target, check.steps)
            continue
        if target in targets:
            check.fault(where, f"Invalid dependency, step {shown(target)} is listed more than once")
        targets.add(target)
        _check_states(check, where, target, states)


def _check_states(check: Check, path: str, target: str, states: Sequence[str]) -> None:
    if len(set(states)) < len(states):
        check.fault(path, "Invalid dependency, duplicated state detected")
        return
    if ANY in states:
        if len(states) > 1:
            check.fault(path, "Invalid dependency, no other state allowed if ANY is declared")
        return
    if check.doubts.touch(member(member("steps", target), "custom_states")):
        return
    allowed = (StepState.DONE, ANY, *check.custom_states(check.steps[target]))
    for state in states:
        if not state or state not in allowed:
            message = f"Invalid dependency on step {target}, step state not allowed: {shown(state)}"
            check.fault(path, message, f"allowed: {listed(allowed)}")


def _check_cycles(check: Check, dependencies: Dependencies) -> None:
    for group in dependencies.cycles():
        members = set(group)
        step = group[0]
        for index, dependency in enumerate(check.steps[step].dependencies):
            target, _ = dependency_parts(dependency)
            if target in members:
                path = item(member(member("steps", step), "dependencies"), index)
                check.fault(path, f"Invalid: circular dependency [{listed(sorted(group))}] <-> {target}")
                break


def _dependencies_of(steps: Mapping[str, Step]) -> Dependencies:
    """Give the graph of the dependencies that lead to a step."""
    needs = {
        name: [target for target in (dependency_parts(entry)[0] for entry in step.dependencies) if target in steps]
        for name, step in steps.items()
    }
    return Dependencies(needs)


def _filled_in(check: Check, path: str, step: Step) -> Step:
    schema = step.json_schema
    if schema is not None:
        schema = normalise_schema(schema)
        faults, warnings = check_schema(schema)
        _report_schema(check, member(path, "json_schema"), faults, warnings)
    strategy = step.foreach_strategy or (ForeachStrategy.PARALLEL if step.foreach else None)
    conditions = tuple(scoped(condition, step) for condition in step.conditions)
    idempotent = step.idempotent or _resumes(check, step)
    return attrs.evolve(
        step, json_schema=schema, foreach_strategy=strategy, conditions=conditions, idempotent=idempotent
    )


def _resumes(check: Check, step: Step) -> bool:
    """Say whether an attempt that was cut does nothing twice when it is begun again."""
    kind = check.type_of(step.action.type)
    return isinstance(kind, ActionType) and kind.resumes and step.pre_hook is None


def _report_schema(check: Check, path: str, faults: Sequence[Fault], warnings: Sequence[Fault]) -> None:
    for fault in faults:
        check.fault(under(path, fault.path), f"invalid json_schema: {fault.message}", fault.hint)
    for warning in warnings:
        check.warn(under(path, warning.path), warning.message, warning.hint)
