"""What a template alone decides about the attempts of one of its steps, worked out once.

An attempt then looks nothing up and filters nothing, and the configuration of an action in which nothing is rendered is
structured once, not once an attempt.
"""

from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from runtime.configuration import ConfigurationInvalid
from runtime.errors import TemplatingError
from runtime.frozen import value
from runtime.runner import AnyRunner, Runners, RunnerUnknown
from runtime.templates.calls import calls_of, conditions_of
from runtime.templates.model import Action, Condition, ConditionScope, ConditionType, Function, Step, Template
from runtime.values.evaluator import renders
from runtime.work.limits import TOTAL, runner_label

_KEPT: Final = 10_000
"""How many steps' programs are remembered."""


@value(kw_only=True)
class Fixed:
    """An action whose configuration needs no rendering, and whose output is not reshaped: what to run, and with what."""

    runner: AnyRunner
    config: object


@value(kw_only=True)
class Program:
    """How the attempts of one step go.

    `unrolls`: they find the items of a loop, and do nothing else. `plain`: nothing is waited for before the action, and
    its output has no schema. `bare`: besides, nothing is asked before it or after it, and nothing rendered, so that an
    attempt is its action and nothing else. `skips` are asked before the action, `parent_skips` before a loop is
    expanded, `checks` after the action. `hook` is the innermost pre-hook, and `hook_calls` lead to the function it
    belongs to: none for the step's own. `held` are the resources that one holds whatever its configuration comes to;
    none, if it only waits for other work.
    """

    template: Template
    definition: Step
    unrolls: bool
    plain: bool
    skips: tuple[Condition, ...]
    parent_skips: tuple[Condition, ...]
    checks: tuple[Condition, ...]
    hook: Action | None
    hook_calls: Sequence[Function]
    fixed: Fixed | None
    held: frozenset[str]
    bare: bool


def program_of(template: Template, definition: Step, runners: Runners) -> Program:
    """Work out the program of a step of a valid template, or of a child of one of its loops."""
    unrolls = definition.foreach is not None
    calls = calls_of(definition.action, template.functions)
    conditions = conditions_of(definition, template.functions)
    skips = [one for one in conditions if one.type is ConditionType.SKIP]
    hook, hook_calls = _hook_of(definition, calls)
    plain = hook is None and not definition.execution_delay and definition.json_schema is None
    fixed = None if calls else _fixed(template, definition.action, runners)
    return Program(
        template=template,
        definition=definition,
        unrolls=unrolls,
        plain=plain,
        skips=tuple(one for one in skips if one.foreach is not ConditionScope.PARENT),
        parent_skips=tuple(one for one in skips if one.foreach is ConditionScope.PARENT),
        checks=tuple(one for one in conditions if one.type is ConditionType.CHECK),
        hook=hook,
        hook_calls=hook_calls,
        fixed=fixed,
        held=frozenset() if unrolls else _held(definition, calls[-1].action if calls else definition.action, runners),
        bare=plain and fixed is not None and not unrolls and not conditions,
    )


def _held(definition: Step, action: Action, runners: Runners) -> frozenset[str]:
    try:
        runner = runners.get(action.type)
    except RunnerUnknown:
        return frozenset()  # each attempt says so itself
    return frozenset() if runner.waits else _labels(tuple(definition.resources), runner.name)


@lru_cache(maxsize=1000)
def _labels(own: tuple[str, ...], runner: str) -> frozenset[str]:
    """Name what a step of a runner holds: nearly all steps hold the same, in one set for all."""
    return frozenset({*own, TOTAL, runner_label(runner)})


def _hook_of(definition: Step, calls: Sequence[Function]) -> tuple[Action | None, Sequence[Function]]:
    for depth in range(len(calls), 0, -1):
        hook = calls[depth - 1].pre_hook
        if hook is not None:
            return hook, calls[:depth]
    return definition.pre_hook, ()


def _fixed(template: Template, action: Action, runners: Runners) -> Fixed | None:
    """Structure a configuration that every attempt shares; None where there is none, or where it is at fault."""
    base = template.base_configurations.get(action.base_configuration or "")
    try:
        if action.output is not None or renders(action.configuration) or renders(base):
            return None
        runner = runners.get(action.type)
        return Fixed(runner=runner, config=runner.structure(action.configuration, base))
    except (ConfigurationInvalid, RunnerUnknown, TemplatingError):
        return None  # each attempt says so itself


class Programs:
    """The programs of the steps that ran last, by the identity of step and template, which are kept alive."""

    def __init__(self, runners: Runners) -> None:
        self._runners = runners
        self._kept: OrderedDict[tuple[int, int], Program] = OrderedDict()

    def of(self, template: Template, definition: Step) -> Program:
        """Give the program of a step."""
        key = (id(template), id(definition))
        known = self._kept.get(key)
        if known is None:
            known = self._kept[key] = program_of(template, definition, self._runners)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return known
