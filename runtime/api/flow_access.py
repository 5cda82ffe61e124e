"""Who may send which message about a flow: pure (spec section 8.3).

A flow is there for administrators, for whoever submitted it, and for those whom one of its steps names to answer; what
a step of a task runs, also for whoever may see that task. To run it is for who submitted it, and administrators; whose
answers a step takes is the step's to say (`runtime.flow.rows.StepSpec.takes_answers_of`).
"""

from typing import TypeAlias, assert_never

from runtime.api.flow_commands import (
    AnswerApproval,
    AnswerTaskApproval,
    CancelFlow,
    DeleteFlow,
    InterruptFlowStep,
    PauseFlow,
    RerunFlow,
    RetryGroup,
    RetryStep,
    SetApprovalOption,
    SkipStep,
    StartFlow,
    ToldToFlow,
    UnpauseFlow,
)
from runtime.api.flow_queries import GetApproval, GetFlow, GetFlowStep, ListPolicyReports
from runtime.engine import rights
from runtime.engine.rights import Administrators, Identity
from runtime.flow.flow import Flow

AboutFlow: TypeAlias = (
    GetFlow | GetFlowStep | GetApproval | ListPolicyReports | ToldToFlow | AnswerTaskApproval | DeleteFlow
)
"""The messages about one flow."""


def may_see_flow(who: Identity, flow: Flow, administrators: Administrators | None) -> bool:
    """Say whether a flow is there for somebody. Costs O(steps)."""
    if rights.is_administrator(who, administrators) or who.among([flow.header.by]):
        return True
    return any(who.among(step.spec.approvers, step.spec.approver_groups) for step in flow.steps.values())


def may_about_flow(message: AboutFlow, who: Identity, flow: Flow, administrators: Administrators | None) -> bool:
    """Say whether somebody who may see the flow may send this about it."""
    administrator = rights.is_administrator(who, administrators)
    match message:
        case GetFlow() | GetFlowStep() | GetApproval() | ListPolicyReports():
            return True
        case AnswerApproval() | AnswerTaskApproval():
            return True  # the step itself says whose answers it takes
        case (
            StartFlow()
            | CancelFlow()
            | InterruptFlowStep()
            | SetApprovalOption()
            | RetryStep()
            | SkipStep()
            | RetryGroup()
            | RerunFlow()
            | PauseFlow()
            | UnpauseFlow()
        ):
            return administrator or who.among([flow.header.by])
        case DeleteFlow():
            return administrator
        case _:
            assert_never(message)
