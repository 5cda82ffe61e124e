"""Templates built in Python may hold callables; what is stored and sent holds their names."""

from collections.abc import Mapping
from typing import Final

import attrs

from runtime.errors import Fault, TemplateInvalid
from runtime.functions import Functions
from runtime.templates.model import FUNCTION, PROCESS, Action, Function, Step, Template
from runtime.values.json import Json

_TYPES: Final = frozenset({FUNCTION, PROCESS})


def name_callables(template: Template, functions: Functions) -> Template:
    """Give the template with every callable registered and replaced by an action that names it.

    Raises:
        TemplateInvalid: what should be its steps are none.
        TypeError: an action is not a function, or one for a process that no other process can find by its name.
    """
    _check_steps(template.steps)
    steps = {name: _named(step, functions) for name, step in template.steps.items()}
    changed = any(steps[name] is not step for name, step in template.steps.items())
    return attrs.evolve(template, steps=steps) if changed else template


def _check_steps(steps: object) -> None:
    if not isinstance(steps, Mapping):
        raise TemplateInvalid([Fault("steps", f"must be a mapping of names to steps, not {type(steps).__name__}")])
    strangers = [(name, step) for name, step in steps.items() if not isinstance(step, Step)]
    if strangers:
        raise TemplateInvalid(
            [Fault(f"steps.{name}", f"must be a Step, not {type(one).__name__}") for name, one in strangers]
        )
    faults = [
        Fault(f"steps.{name}.{place}", f"must be an Action or a function, not {type(one).__name__}")
        for name, step in steps.items()
        for place, one in (("action", step.action), ("pre_hook", step.pre_hook))
        if not isinstance(one, Action) and (one is not None or place == "action")
    ]
    if faults:
        raise TemplateInvalid(faults)


def recall_callables(template: Template, functions: Functions) -> None:
    """See that the functions a stored template names are registered, as far as this program has them.

    They were registered when the task was submitted, for a template that names others by text is refused.
    """
    holders: list[Step | Function] = [*template.steps.values(), *template.functions.values()]
    for holder in holders:
        for action in (holder.action, holder.pre_hook):
            if action is not None and action.type in _TYPES and isinstance(action.configuration, Mapping):
                name = action.configuration.get("name")
                if isinstance(name, str) and "{{" not in name:
                    functions.recall(name)


def _named(step: Step, functions: Functions) -> Step:
    hook = None if step.pre_hook is None else _called(step.pre_hook, functions)
    action = _called(step.action, functions)
    if action is step.action and hook is step.pre_hook:
        return step
    return attrs.evolve(step, action=action, pre_hook=hook)


def _called(action: Action, functions: Functions) -> Action:
    if action.call is None:
        return action
    name = functions.register(action.call)
    if action.type == PROCESS and not functions.get(name).importable:
        raise TypeError(f"another process cannot find {name} by its name: define it at the top of a module")
    configuration: dict[str, Json] = {"name": name, "arguments": action.configuration}
    return attrs.evolve(action, configuration=configuration, call=None)
