"""Templates built in Python may hold callables; what is stored and sent holds their names."""

import attrs

from runtime.functions import Functions
from runtime.templates.model import Action, Step, Template
from runtime.values.json import Json


def name_callables(template: Template, functions: Functions) -> Template:
    """Give the template with every callable registered and replaced by an action that names it.

    Raises:
        TypeError: an action is a callable that is no ``async def``.
    """
    steps = {name: _named(step, functions) for name, step in template.steps.items()}
    changed = any(steps[name] is not step for name, step in template.steps.items())
    return attrs.evolve(template, steps=steps) if changed else template


def _named(step: Step, functions: Functions) -> Step:
    hook = None if step.pre_hook is None else _called(step.pre_hook, functions)
    action = _called(step.action, functions)
    if action is step.action and hook is step.pre_hook:
        return step
    return attrs.evolve(step, action=action, pre_hook=hook)


def _called(action: Action, functions: Functions) -> Action:
    if action.call is None:
        return action
    configuration: dict[str, Json] = {"name": functions.register(action.call), "arguments": action.configuration}
    return attrs.evolve(action, type="function", configuration=configuration, call=None)
