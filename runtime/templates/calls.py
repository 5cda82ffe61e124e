"""Following the calls of an action: from function to function, down to the runner (section 5.6)."""

from collections.abc import Mapping

from runtime.templates.model import Action, Condition, Function, Step


def calls_of(action: Action, functions: Mapping[str, Function]) -> tuple[Function, ...]:
    """Give the functions an action goes through, outermost first; the last one's action is a runner's.

    The functions must have been found to call each other in no circle.
    """
    calls: list[Function] = []
    while (function := functions.get(action.type)) is not None:
        calls.append(function)
        action = function.action
    return tuple(calls)


def conditions_of(step: Step, functions: Mapping[str, Function]) -> tuple[Condition, ...]:
    """Give the conditions that are asked of a step, in order: the innermost function's first, its own last."""
    calls = calls_of(step.action, functions)
    if not calls:
        return step.conditions
    return (*(condition for function in reversed(calls) for condition in function.conditions), *step.conditions)


def custom_states_of(step: Step, functions: Mapping[str, Function]) -> tuple[str, ...]:
    """Give the custom states a step can be in, each once: its own, then those of each function it goes through."""
    calls = calls_of(step.action, functions)
    states = (*step.custom_states, *(state for function in calls for state in function.custom_states))
    return tuple(dict.fromkeys(states))
