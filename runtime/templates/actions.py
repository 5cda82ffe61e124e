"""What validation asks about an action's type. Runners answer today; whatever else can be called by name joins here."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import attrs

from runtime.errors import Fault
from runtime.runner import AnyRunner, Checked, Runners
from runtime.values.json import Json


@attrs.frozen(kw_only=True)
class ActionType:
    """One kind of action.

    Attributes:
        check: says what is wrong with a configuration and the base configuration under it, before either is rendered.
        custom_states: the final states that the type itself may put a step in.
        metadata_schema: the JSON Schema of the metadata, where it is known.
    """

    check: Callable[[Json, Json], Checked[Any]]
    custom_states: tuple[str, ...] = ()
    metadata_schema: Mapping[str, Json] | None = None


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
        return ActionType(check=_guarded(runner), metadata_schema=runner.metadata_schema)


def _guarded(runner: AnyRunner) -> Callable[[Json, Json], Checked[Any]]:
    """Keep a runner from anywhere from breaking validation: what its check raises is a fault."""

    def check(configuration: Json, base: Json) -> Checked[Any]:
        try:
            return runner.check(configuration, base)
        except Exception as cause:  # noqa: BLE001 - a third party's code, and this is its guard
            problem = f"the {runner.name} runner failed to check it: {type(cause).__name__}: {cause}"
            return Checked(faults=(Fault("", problem[:500]),))

    return check
