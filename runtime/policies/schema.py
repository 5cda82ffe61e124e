"""Policies that are JSON Schemas: a plan keeps one if the schema accepts it."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from runtime.errors import Fault, Invalid
from runtime.flow.rows import Violation
from runtime.policies.isolated import ask
from runtime.policies.protocol import EVERYTHING, PlanView, Scope, Severity
from runtime.templates.schemas import check_schema, normalise_schema
from runtime.values.json import Json


class PolicyInvalid(Invalid):
    """A policy cannot be used."""

    subject = "policy"


def _checked(schema: Mapping[str, Json]) -> Mapping[str, Json]:
    normalised = normalise_schema(schema)
    faults, _ = check_schema(normalised)
    if faults:
        raise PolicyInvalid([Fault(f"schema{one.path}", one.message, one.hint) for one in faults])
    return normalised


@attrs.frozen(kw_only=True)
class SchemaPolicy:
    """An assertion about the plan itself, in JSON Schema (draft 4, 6 or 7).

    Raises:
        PolicyInvalid: the schema is none; with the path to every fault.
    """

    id: str
    schema: Mapping[str, Json] = attrs.field(converter=_checked, repr=False)
    severity: Severity = attrs.field(default=Severity.DENY, converter=Severity)
    message: str = ""
    scope: Scope = EVERYTHING

    def applies(self, view: PlanView) -> bool:
        """Say whether it is about this plan."""
        return self.scope.holds(view)

    async def evaluate(self, view: PlanView) -> Sequence[Violation]:
        """Give a violation for each place that the schema does not accept, up to 20."""
        found: Any = await ask("judge_schema", {"schema": self.schema, "plan": view.plan})
        return [
            Violation(
                policy_id=self.id,
                severity=self.severity,
                message=f"{self.message}: {message}" if self.message else message,
                path=path,
            )
            for path, message in found
        ]
