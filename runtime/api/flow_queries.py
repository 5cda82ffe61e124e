"""The queries about flows; see `runtime.api.queries` for what queries are."""

from collections.abc import Mapping
from typing import TypeAlias

from runtime.api.fields import name, said
from runtime.api.flow_commands import AboutFlows
from runtime.flow.states import FlowStatus
from runtime.frozen import frozen

_FLOW = "The id of the flow."
_STEP = "The id of the step, such as s1."


@frozen(kw_only=True)
class GetFlow(AboutFlows):
    """Read one flow, with its groups and steps, and the history of every status."""

    flow_id: str = name(_FLOW)
    hidden: bool = said("With the steps that are not shown to people.", default=False)


@frozen(kw_only=True)
class GetFlowStep(AboutFlows):
    """Read one step of a flow, with its output."""

    flow_id: str = name(_FLOW)
    step_id: str = name(_STEP)


@frozen(kw_only=True)
class GetApproval(AboutFlows):
    """Read the approval of a step, with the plan to be approved."""

    flow_id: str = name(_FLOW)
    step_id: str = name(_STEP)


@frozen(kw_only=True)
class ListPolicyReports(AboutFlows):
    """List what policies found in the plans of a flow, in the order in which they were evaluated."""

    flow_id: str = name(_FLOW)
    step_id: str = name("Only those of this step.", default="")


@frozen(kw_only=True)
class ListFlows(AboutFlows):
    """List flows, those with the newest activity first. Every filter that is given has to hold."""

    status: FlowStatus | None = said("Only those in this status.", default=None)
    flow_type: str = name("Only those of this type.", default="")
    owner_id: str = name("Only those of this owner.", default="")
    owner_type: str = name("What kind of thing the owner is.", default="")
    metadata: Mapping[str, str] = said("Only those that have all of these texts.", default=dict, maxLength=1000)
    after: float | None = said("Only those with activity after this moment, in Unix seconds.", default=None)
    before: float | None = said("Only those without activity since this moment, in Unix seconds.", default=None)
    page_size: int = said("How many are given at most.", default=1000, minimum=1, maximum=10_000)
    last: str = name("The last one that was given before: the next page begins behind it.", default="")


@frozen(kw_only=True)
class ListFlowTypes(AboutFlows):
    """List the types of flows that can be submitted by name."""


FlowQuery: TypeAlias = GetFlow | GetFlowStep | GetApproval | ListPolicyReports | ListFlows | ListFlowTypes
