"""What an evaluation of policies means for the step whose plan was held against them (spec section 9)."""

from collections.abc import Mapping, Sequence

import attrs

from runtime.flow.events import PoliciesEvaluated
from runtime.flow.records import PoliciesReported, PolicyResult
from runtime.flow.rows import Step, Violation
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
    if event.evaluated or event.error is not None:
        turn.record(_report(step, event))
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
        return f"{len(deny)} policy violation{'s deny' if len(deny) > 1 else ' denies'} the plan"
    if event.error is not None and turn.flow.header.on_policy_failure is OnPolicyFailure.CLOSED:
        return f"the policies could not be evaluated: {event.error}"
    return None


def _report(step: Step, event: PoliciesEvaluated) -> PoliciesReported:
    severities = [(one.policy_id, one.severity == DENY) for one in event.violations]
    results = (
        PolicyResult(policy_id=one, denies=severities.count((one, True)), warns=severities.count((one, False)))
        for one in event.evaluated
    )
    return PoliciesReported(
        at=event.at,
        step=step.id,
        attempt=event.attempt,
        results=tuple(results),
        violations=event.violations,
        inputs=_changes_in(step.output),
        error=event.error or "",
    )


def _changes_in(plan: Json) -> int:
    """Count what a plan wants changed, where it is a list of changes; any other plan is one change."""
    if not isinstance(plan, Mapping):
        return 1
    known = (plan.get(key) for key in ("changes", "resource_changes", "diff"))
    lists = [one for one in known if isinstance(one, Sequence) and not isinstance(one, str)]
    return sum(len(one) for one in lists) if lists else 1


def _shown(violation: Violation) -> dict[str, Json]:
    return {name: str(value) for name, value in attrs.asdict(violation).items() if value}
