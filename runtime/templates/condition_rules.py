"""The rules of conditions (section 5.5)."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import attrs

from runtime.engine.states import SETTABLE
from runtime.templates.checking import Check, listed
from runtime.templates.graph import Dependencies
from runtime.templates.model import (
    THIS,
    Assertion,
    Condition,
    ConditionScope,
    ConditionType,
    Function,
    Operator,
    Step,
)
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
    distant: list[_Distant] = []
    for name, step in check.steps.items():
        path = member(member("steps", name), "conditions")
        for index, condition in enumerate(step.conditions):
            where = item(path, index)
            _check_scope(check, where, step, condition)
            check_condition(check, where, condition)
            then = _Then(check, name, step, condition, partial(member, member(where, "then")), "Step condition")
            distant += then.check_targets()
        for function in check.calls(step.action):
            distant += _check_called(check, name, step, function)
    _check_relations(check, dependencies, distant)


def _check_called(check: Check, name: str, step: Step, function: Function) -> Iterator["_Distant"]:
    """Check whom the conditions of a function change when this step calls it. All else is known from the function."""
    path = member(member(member("steps", name), "action"), "type")
    for condition in function.conditions:
        subject = f"Condition of function {shown(function.name)}"
        yield from _Then(check, name, step, condition, lambda _: path, subject).check_targets()


def _check_scope(check: Check, path: str, step: Step, condition: Condition) -> None:
    if condition.foreach is not None and not step.foreach:
        check.fault(member(path, "foreach"), "Step condition cannot set foreach on a non-foreach step")


def check_condition(check: Check, path: str, condition: Condition) -> None:
    """Check what can be told of a condition without knowing whose it is."""
    if condition.foreach is not None and condition.type is not ConditionType.SKIP:
        check.fault(member(path, "foreach"), "Step condition can set foreach on a skip condition only")
    for index, assertion in enumerate(condition.if_):
        _check_assertion(check, item(member(path, "if"), index), assertion)


def _check_assertion(check: Check, path: str, assertion: Assertion) -> None:
    if assertion.operator in _PATTERNS:
        try:
            compile_pattern(assertion.expected)
        except PatternInvalid as cause:
            check.fault(member(path, "expected"), f"invalid regex: {cause}")


@attrs.frozen
class _Distant:
    """A condition of `step` that changes another one, `target`."""

    path: str
    subject: str
    step: str
    target: str


@attrs.frozen
class _Then:
    """Whom a condition of one step changes to what. `at` leads to a target; `subject` is how a message starts."""

    check: Check
    name: str
    step: Step
    condition: Condition
    at: Callable[[str], str]
    subject: str

    def check_targets(self) -> Iterator[_Distant]:
        """Check every target; give those that are other steps."""
        check, name = self.check, self.name
        for target, state in self.condition.then.items():
            where = self.at(target)
            if target == name and not self.step.foreach:
                check.fault(where, f"{self.subject} names its own step {shown(name)}", f"call it {THIS}")
            changed = name if target == THIS else target
            if changed not in check.steps:
                if not check.doubts.spoil("steps"):
                    message = f"{self.subject}: no step with that name: {shown(target)}"
                    check.unknown(where, message, target, (THIS, *check.steps))
                continue
            self._check_state(where, changed, state)
            if changed != name:
                yield _Distant(where, self.subject, name, changed)

    def _check_state(self, path: str, target: str, state: str) -> None:
        check = self.check
        custom = check.custom_states(check.steps[target])
        doubtful = check.doubts.touch(member(member("steps", target), "custom_states"))
        if state in SETTABLE or state in custom or doubtful:
            return
        allowed = [*sorted(SETTABLE), *custom]
        message = f"{self.subject} implies invalid state for step {target}: {shown(state)}"
        check.fault(path, message, f"allowed: {listed(allowed)}")


def _check_relations(check: Check, dependencies: Dependencies, distant: list[_Distant]) -> None:
    if not distant or _untold(check, dependencies):
        return
    unrelated = dependencies.unrelated((one.step, one.target) for one in distant)
    for one in distant:
        if (one.step, one.target) in unrelated:
            message = f"{one.subject} cannot impact the state of step {one.target}"
            check.fault(one.path, message, "it may change itself, what it depends on and what depends on it")


def _untold(check: Check, dependencies: Dependencies) -> bool:
    """Say whether the relations between steps cannot be told: they go in a circle, or could not all be read."""
    paths = (member(member("steps", name), "dependencies") for name in check.steps)
    return bool(dependencies.cycles()) or any(check.doubts.touch(path) for path in paths)
