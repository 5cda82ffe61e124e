"""Policies that are expressions in CEL, the Common Expression Language: a plan keeps one for which it is true.

The expression sees ``plan``, and ``flow``, ``owner``, ``target`` and ``step``::

    plan.changes.all(change, !("delete" in change.actions))

It gives true or false, or a list of texts, each of them a violation. The library comes with ``understudy[policies]``.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Final

import attrs

from runtime.extras import ExtraMissing
from runtime.flow.rows import Violation
from runtime.policies.isolated import ask
from runtime.policies.protocol import EVERYTHING, PlanView, Scope, Severity
from runtime.values.json import Json

LONGEST: Final = 10_000
"""Characters of an expression."""


def _bounded(_policy: object, _field: object, rule: str) -> None:
    if find_spec("cel") is None:  # it is loaded in another process; that it is missing is better said at once
        raise ExtraMissing("a policy in CEL", "cel")
    if not rule.strip():
        raise ValueError("a rule has to be an expression")
    if len(rule) > LONGEST:
        raise ValueError(f"a rule has at most {LONGEST} characters")


@attrs.frozen(kw_only=True)
class CelPolicy:
    """A rule that holds where its expression is true. One that does not parse breaks when it is evaluated."""

    id: str
    rule: str = attrs.field(validator=_bounded)
    severity: Severity = attrs.field(default=Severity.DENY, converter=Severity)
    message: str = ""
    scope: Scope = EVERYTHING

    def applies(self, view: PlanView) -> bool:
        """Say whether it is about this plan."""
        return self.scope.holds(view)

    async def evaluate(self, view: PlanView) -> Sequence[Violation]:
        """Give one violation where the rule does not hold, or one for each text that it gives."""
        found: Any = await ask("judge_rule", {"rule": self.rule, "context": _context(view)})
        default = self.message or f"{self.rule} does not hold"
        return [Violation(policy_id=self.id, severity=self.severity, message=one or default) for one in found]


def _context(view: PlanView) -> dict[str, Json]:
    return {
        "plan": view.plan,
        "flow": {"id": view.flow_id, "type": view.flow_type, "plan_only": view.plan_only, "metadata": view.metadata},
        "owner": {"id": view.owner_id, "type": view.owner_type},
        "target": {"id": view.target_id, "type": view.target_type},
        "step": {"id": view.step_id, "name": view.step, "kind": view.kind},
    }
