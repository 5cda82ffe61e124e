"""What an evaluation of policies means for the step whose plan was held against them (spec section 9)."""

import attrs

from runtime.flow.events import PoliciesEvaluated, Violation
from runtime.flow.rows import Step
from runtime.flow.states import (
    DENY_VIOLATIONS_KEY,
    PASSED_POLICY_IDS_KEY,
    POLICY_ERROR_KEY,
    WARN_VIOLATIONS_KEY,
    OnPolicyFailure,
    StepStatus,
)
from runtime.flow.turn import Turn
from runtime.values.json import Json

DENY = "deny"


def report_policies(turn: Turn, step: Step, event: PoliciesEvaluated) -> str | None:
    """Write the outcome on the step's status; give why the step fails, if it does.

    Nothing is written where no policy applies. An evaluation that breaks is recorded, and fails the step only where the
    flow says so; what the policies that did not break found counts either way.
    """
    deny = [one for one in event.violations if one.severity == DENY]
    warn = [one for one in event.violations if one.severity != DENY]
    broken = {one.policy_id for one in event.violations}
    metadata: dict[str, Json] = {}
    if event.evaluated:
        metadata[DENY_VIOLATIONS_KEY] = [_shown(one) for one in deny]
        metadata[WARN_VIOLATIONS_KEY] = [_shown(one) for one in warn]
        metadata[PASSED_POLICY_IDS_KEY] = [one for one in event.evaluated if one not in broken]
    if event.error is not None:
        metadata[POLICY_ERROR_KEY] = event.error
    if metadata:
        turn.set_step(step.id, StepStatus.CHECKING_PLAN, step.status.description, metadata)
    if deny:
        return f"{len(deny)} policy violation{'s' if len(deny) > 1 else ''} deny the plan"
    if event.error is not None and turn.flow.header.on_policy_failure is OnPolicyFailure.CLOSED:
        return f"the policies could not be evaluated: {event.error}"
    return None


def _shown(violation: Violation) -> dict[str, Json]:
    return {name: str(value) for name, value in attrs.asdict(violation).items() if value}
