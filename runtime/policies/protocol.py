"""What a policy is, and what it is shown."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, Protocol

import attrs

from runtime.flow.rows import Violation
from runtime.values.json import Json


class Severity(StrEnum):
    """What a violation does: fail the step, or be seen."""

    DENY = "deny"
    WARN = "warn"


class PolicyBroken(Exception):
    """A policy could not be evaluated; the text says why."""


@attrs.frozen(kw_only=True)
class PlanView:
    """A plan, and what it is for. `plan` is what the step's work gave."""

    flow_id: str
    flow_type: str
    owner_id: str
    owner_type: str
    step_id: str
    step: str
    target_type: str
    target_id: str
    kind: str
    plan_only: bool
    metadata: Mapping[str, str]
    plan: Json


class Policy(Protocol):
    """A rule. It keeps no state between calls, and may be asked about many plans at once."""

    @property
    def id(self) -> str:
        """What it is called in violations and among those that passed."""
        ...

    def applies(self, view: PlanView) -> bool:
        """Say whether it is about this plan. Sync, and quick."""
        ...

    async def evaluate(self, view: PlanView) -> Sequence[Violation]:
        """Find what breaks it; nothing means that the plan keeps it. It is cancelled when its time is over.

        Raises:
            PolicyBroken: it cannot tell. Any other error counts as this one.
        """
        ...


@attrs.frozen(kw_only=True)
class Scope:
    """Which plans a built-in policy is about: those of these target types, targets and kinds; nothing means all."""

    target_types: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def holds(self, view: PlanView) -> bool:
        """Say whether a plan is meant."""
        return (
            (not self.target_types or view.target_type in self.target_types)
            and (not self.targets or view.target_id in self.targets)
            and (not self.kinds or view.kind in self.kinds)
        )


EVERYTHING: Final = Scope()
"""All plans."""
