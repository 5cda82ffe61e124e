"""The rules of conditions (section 5.5)."""

from collections.abc import Iterator
from typing import Final

import attrs

from runtime.engine.states import SETTABLE
from runtime.templates.checking import Check, listed
from runtime.templates.graph import Dependencies
from runtime.templates.model import THIS, Assertion, Condition, ConditionScope, ConditionType, Operator, Step
from runtime.templates.paths import item, member, shown
from runtime.values.regex import PatternInvalid, compile_pattern

_PATTERNS: Final = frozenset({Operator.REGEXP, Operator.NOTREGEXP})


def scoped(condition: Condition, step: Step) -> Condition:
    """Give a condition its scope: a skip condition of a loop is asked of each child unless it says otherwise."""
    if step.foreach and condition.type is ConditionType.SKIP and condition.foreach is None:
        return attrs.evolve(condition, foreach=ConditionScope.CHILDREN)
    return condition


def check_conditions(check: Check, dependencies: Dependencies) -> None:
    """Check the conditions of every step. `dependencies` has no cycles, or the steps' relations cannot be told."""
    distant: list[tuple[str, str, str]] = []
    for name, step in check.steps.items():
        path = member(member("steps", name), "conditions")
        for index, condition in enumerate(step.conditions):
            where = item(path, index)
            _check_condition(check, where, step, condition)
            distant += _check_targets(check, member(where, "then"), name, step, condition)
    _check_relations(check, dependencies, distant)


def _check_condition(check: Check, path: str, step: Step, condition: Condition) -> None:
    if condition.foreach is not None:
        where = member(path, "foreach")
        if condition.type is not ConditionType.SKIP:
            check.fault(where, "Step condition can set foreach on a skip condition only")
        if not step.foreach:
            check.fault(where, "Step condition cannot set foreach on a non-foreach step")
    for index, assertion in enumerate(condition.if_):
        _check_assertion(check, item(member(path, "if"), index), assertion)


def _check_assertion(check: Check, path: str, assertion: Assertion) -> None:
    if assertion.operator in _PATTERNS:
        try:
            compile_pattern(assertion.expected)
        except PatternInvalid as cause:
            check.fault(member(path, "expected"), f"invalid regex: {cause}")


def _check_targets(
    check: Check, path: str, name: str, step: Step, condition: Condition
) -> Iterator[tuple[str, str, str]]:
    """Check whom a condition changes to what; give (path, step, target) for each other step it changes."""
    for target, state in condition.then.items():
        where = member(path, target)
        if target == name and not step.foreach:
            check.fault(where, f"Step condition names its own step {shown(name)}", f"call it {THIS}")
        changed = name if target == THIS else target
        if changed not in check.steps:
            if not check.doubts.spoil("steps"):
                message = f"Step condition: no step with that name: {shown(target)}"
                check.unknown(where, message, target, (THIS, *check.steps))
            continue
        _check_state(check, where, changed, state)
        if changed != name:
            yield where, name, changed


def _check_state(check: Check, path: str, target: str, state: str) -> None:
    custom = check.custom_states(check.steps[target])
    if state in SETTABLE or state in custom or check.doubts.touch(member(member("steps", target), "custom_states")):
        return
    allowed = [*sorted(SETTABLE), *custom]
    check.fault(
        path, f"Step condition implies invalid state for step {target}: {shown(state)}", f"allowed: {listed(allowed)}"
    )


def _check_relations(check: Check, dependencies: Dependencies, distant: list[tuple[str, str, str]]) -> None:
    if not distant or _untold(check, dependencies):
        return
    unrelated = dependencies.unrelated((name, target) for _, name, target in distant)
    for path, name, target in distant:
        if (name, target) in unrelated:
            message = f"Step condition of {name} cannot impact the state of step {target}"
            check.fault(path, message, "it may change itself, what it depends on and what depends on it")


def _untold(check: Check, dependencies: Dependencies) -> bool:
    """Say whether the relations between steps cannot be told: they go in a circle, or could not all be read."""
    paths = (member(member("steps", name), "dependencies") for name in check.steps)
    return bool(dependencies.cycles()) or any(check.doubts.touch(path) for path in paths)
