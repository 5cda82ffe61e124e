"""The commands about flows; see `runtime.api.commands` for what commands are."""

from collections.abc import Mapping
from typing import TypeAlias

from runtime.api.fields import name, names, said
from runtime.flow.states import ApprovalOption, Mode, OnError, OnPolicyFailure, RerunOperation, ResponseType
from runtime.frozen import frozen
from runtime.lengths import LONGEST_NAME, LONGEST_TAG
from runtime.values.json import Json

_FLOW = "The id of the flow."
_STEP = "The id of the step, such as s1."
_NOTE = "What to say with the answer, for whoever reads it later."
_LONGEST_WAIT = 10 * 365 * 86_400


@frozen(kw_only=True)
class AboutFlows:
    """What all messages about flows are."""


@frozen(kw_only=True)
class SubmitFlow(AboutFlows):
    """Take a flow on, and start it. Answered with the flow.

    It is one of a type that the runtime knows, or, for administrators, that of a document. What is left out is as the
    document says, or as is usual. `flow_id` is the idempotency key: the same submission again gives the same flow.
    """

    flow_type: str = name("The type of the flow: there is a generator or a document for it.", default="")
    document: Mapping[str, Json] | None = said("The flow itself, as a file of `kind: flow` holds it.", default=None)
    inputs: Mapping[str, Json] = said("What the texts of its steps see as `.input`.", default=dict)
    flow_id: str = said(
        "The id of the flow; without one, it gets a new one.", default="", maxLength=LONGEST_NAME, pattern="^[^/]*$"
    )
    owner_id: str = name("What it is about. Of the flows of one owner one runs at a time.", default="")
    owner_type: str = name("What kind of thing its owner is.", default="")
    org_id: str = name("The organisation it belongs to.", default="")
    metadata: Mapping[str, str] = said(
        "Texts about it, for its generator and for lists.", default=dict, maxLength=LONGEST_TAG
    )
    mode: Mode | None = said("How it walks its steps.", default=None)
    plan_only: bool | None = said("Make plans, and apply none.", default=None)
    approval_option: ApprovalOption | None = said("Whether people are asked about plans.", default=None)
    on_error: OnError | None = said("What a failing step does to a flow without groups.", default=None)
    on_policy_failure: OnPolicyFailure | None = said("What a policy that breaks does.", default=None)
    approval_seconds: float = said(
        "How long an approval may be answered.", default=30 * 86_400.0, minimum=1, maximum=_LONGEST_WAIT
    )
    plan_seconds: float = said(
        "How old a plan may be when it is approved; an older one is made again.",
        default=72 * 3600.0,
        minimum=1,
        maximum=_LONGEST_WAIT,
    )
    max_in_flight: int = said("How many of its steps may run at once.", default=10, minimum=1, maximum=1000)
    start: bool = said("Whether it is started, too.", default=True)


@frozen(kw_only=True)
class StartFlow(AboutFlows):
    """Begin with a flow that was taken on without being started. Answered with the flow, as all that follow."""

    flow_id: str = name(_FLOW)


@frozen(kw_only=True)
class CancelFlow(AboutFlows):
    """Stop a flow for good; with `step_id` or `group_id`, that step or group, and the flow with it."""

    flow_id: str = name(_FLOW)
    step_id: str = name("The id of the step to stop, if not all is to be.", default="")
    group_id: str = name("The id of the group to stop, such as g1.0, if not all is to be.", default="")
    reason: str = said("Why; it is kept with what was done.", default="", maxLength=1000)


@frozen(kw_only=True)
class InterruptFlowStep(AboutFlows):
    """Cut the work of a step that is running, because it hangs, say: it has failed then, and its retries go on.

    What the work comes to before it is cut counts in place of that. Asked for again, it changes nothing.
    """

    flow_id: str = name(_FLOW)
    step_id: str = name(_STEP)
    reason: str = said("Why; it is kept with what was done.", default="", maxLength=1000)
    attempt: int = said("The number of the attempt that is meant; 0: whichever is running.", default=0, minimum=0)


@frozen(kw_only=True)
class AnswerApproval(AboutFlows):
    """Answer the approval of a step: the first answer stands."""

    flow_id: str = name(_FLOW)
    step_id: str = name(_STEP)
    response: ResponseType = said("The answer.")
    note: str = said(_NOTE, default="", maxLength=10_000)


@frozen(kw_only=True)
class AnswerTaskApproval(AboutFlows):
    """Answer what a step of a task asks, one of action `approval`: the first answer stands. Answered with its flow."""

    task_id: str = name("The id of the task.")
    step: str = name("The name of the step.")
    response: ResponseType = said("The answer.")
    note: str = said(_NOTE, default="", maxLength=10_000)


@frozen(kw_only=True)
class SetApprovalOption(AboutFlows):
    """Change whether people are asked about plans, also about those that wait for an answer.

    Nobody approves that way what they may not answer.
    """

    flow_id: str = name(_FLOW)
    option: ApprovalOption = said("Whether people are asked.")


@frozen(kw_only=True)
class RetryStep(AboutFlows):
    """Try a step again that failed, now one that waits to be tried again; or have a plan made again that is asked about."""

    flow_id: str = name(_FLOW)
    step_id: str = name(_STEP)
    stale_plan: bool | None = said("With a fresh plan; null leaves that to the step.", default=None)


@frozen(kw_only=True)
class SkipStep(AboutFlows):
    """Go on without a step that failed."""

    flow_id: str = name(_FLOW)
    step_id: str = name(_STEP)


@frozen(kw_only=True)
class RetryGroup(AboutFlows):
    """Try the whole group of a step again."""

    flow_id: str = name(_FLOW)
    step_id: str = name(_STEP)


@frozen(kw_only=True)
class RerunFlow(AboutFlows):
    """Run a flow without groups again, from a step on (spec section 12.5)."""

    flow_id: str = name(_FLOW)
    step_id: str = name(_STEP)
    operation: RerunOperation = said("What becomes of the step.")
    stale_plan: bool = said("Make its plan again first.", default=False)
    replan_step_id: str = name("The plan to make again.", default="")
    continue_from_idx: int = said("Where a rerun that was cut goes on; 0 is a new one.", default=0, minimum=0)
    additional_skip_step_ids: tuple[str, ...] = names("Steps to skip along with it.")


@frozen(kw_only=True)
class PauseFlow(AboutFlows):
    """Have a flow wait after the group it is at."""

    flow_id: str = name(_FLOW)


@frozen(kw_only=True)
class UnpauseFlow(AboutFlows):
    """Let a paused flow go on."""

    flow_id: str = name(_FLOW)


@frozen(kw_only=True)
class DeleteFlow(AboutFlows):
    """Delete a flow that has ended, and all that is known of it. For administrators; answered with nothing."""

    flow_id: str = name(_FLOW)


ToldToFlow: TypeAlias = (
    StartFlow
    | CancelFlow
    | InterruptFlowStep
    | AnswerApproval
    | SetApprovalOption
    | RetryStep
    | SkipStep
    | RetryGroup
    | RerunFlow
    | PauseFlow
    | UnpauseFlow
)
"""What one flow is told, on which its actor decides."""

# Published schemas list them in this order, which is why some are named that are told to a flow.
FlowCommand: TypeAlias = (
    SubmitFlow
    | StartFlow
    | CancelFlow
    | InterruptFlowStep
    | AnswerApproval
    | AnswerTaskApproval
    | ToldToFlow
    | DeleteFlow
)
