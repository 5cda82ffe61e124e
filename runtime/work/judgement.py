"""Asking the conditions of a step (spec sections 5.5 and 6.7): rendering, then the pure operators, in order."""

from collections.abc import Iterable

import attrs

from runtime.engine.conditions import ConditionError, holds
from runtime.engine.events import Change
from runtime.errors import TemplatingError
from runtime.templates.model import THIS, Condition
from runtime.values.evaluator import Evaluator
from runtime.values.snapshot import StepView, Values


class JudgementError(Exception):
    """A condition could not be evaluated; `changes` are the effects of those before it."""

    def __init__(self, cause: Exception, changes: Iterable[Change]) -> None:
        self.changes = tuple(changes)
        super().__init__(str(cause))


@attrs.frozen
class Judgement:
    """What the conditions came to: whether any was met, and the effects of those that were, in order."""

    met: bool
    changes: tuple[Change, ...]


async def judge(
    conditions: Iterable[Condition],
    *,
    step: str,
    view: StepView,
    values: Values,
    evaluator: Evaluator,
) -> Judgement:
    """Evaluate conditions in order; each sees the effects of those before it, a met final one ends the list.

    Raises:
        JudgementError: an assertion could not be rendered or evaluated.
    """
    changes: list[Change] = []
    met = False
    values = values.with_step(step, view).with_this(view)
    for condition in conditions:
        try:
            applies = await _applies(condition, values, evaluator)
        except (TemplatingError, ConditionError) as fault:
            raise JudgementError(fault, changes) from fault
        if not applies:
            continue
        met = True
        message = await _message(condition.message, values, evaluator)
        for target, state in condition.then.items():
            name = step if target == THIS else target
            changes.append(Change(step=name, state=state, error=message))
            values = _seen(values, name, state, message, own=name == step)
        if condition.final:
            break
    return Judgement(met, tuple(changes))


async def _applies(condition: Condition, values: Values, evaluator: Evaluator) -> bool:
    for assertion in condition.if_:
        value = await evaluator.render(assertion.value, values)
        expected = await evaluator.render(assertion.expected, values)
        if not holds(assertion.operator, value, expected, separator=assertion.list_separator):
            return False
    return True


async def _message(message: str, values: Values, evaluator: Evaluator) -> str:
    try:
        return await evaluator.render(message, values)
    except TemplatingError as fault:
        return f"{message} ({fault})"


def _seen(values: Values, name: str, state: str, error: str, *, own: bool) -> Values:
    view = values.step_view(name)
    if view is None:
        return values
    view = attrs.evolve(view, state=state, error=error)
    values = values.with_step(name, view)
    return values.with_this(view) if own else values
