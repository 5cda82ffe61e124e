"""The messages about flows; see `runtime.api.messages` for what messages are."""

from typing import Final, TypeAlias, get_args

from runtime.flow.records import FlowCreated
from runtime.flow.rerun_input import RerunInput
from runtime.flow.rows import GroupSpec, StepSpec
from runtime.flow.states import ApprovalOption
from runtime.frozen import frozen


@frozen(kw_only=True)
class _OfFlow:
    """What is said to one flow. `by` is the account that asks."""

    flow_id: str
    by: str = "user"

    @property
    def task_id(self) -> str:
        """The id by which the actors find it: one name space with tasks."""
        return self.flow_id


@frozen(kw_only=True)
class SubmitFlow:
    """Take a flow on; `steps` and `groups` are those of one whose steps are all known. Answered with its id.

    The id is the idempotency key: the same submission again is the same flow. With `start` it begins at once.
    """

    flow: FlowCreated
    steps: tuple[StepSpec, ...] = ()
    groups: tuple[GroupSpec, ...] = ()
    start: bool = True

    @property
    def task_id(self) -> str:
        """The id by which the actors find it."""
        return self.flow.flow_id


@frozen(kw_only=True)
class StartFlow(_OfFlow):
    """Begin with a flow that was taken on without being started."""


@frozen(kw_only=True)
class CancelFlow(_OfFlow):
    """Stop a flow for good; with `step_id` or `group_id`, that step or group, and the flow with it."""

    reason: str = "cancelled"
    step_id: str = ""
    group_id: str = ""


@frozen(kw_only=True)
class InterruptFlowStep(_OfFlow):
    """Cut the work of a step that is running: it has failed then. An `attempt` above 0 names the one that is meant."""

    step_id: str
    reason: str = ""
    attempt: int = 0


@frozen(kw_only=True)
class AnswerApproval(_OfFlow):
    """Answer the approval of a step. `type` is one of `runtime.flow.states.ResponseType`. The first answer stands."""

    step_id: str
    type: str
    note: str = ""
    admin: bool = False
    groups: tuple[str, ...] = ()


@frozen(kw_only=True)
class SetApprovalOption(_OfFlow):
    """Change whether people are asked, also of a flow that waits for an answer."""

    option: ApprovalOption
    groups: tuple[str, ...] = ()
    admin: bool = False


@frozen(kw_only=True)
class RetryStep(_OfFlow):
    """Try a step that failed again; `stale_plan`: with a fresh plan, None leaves that to the step."""

    step_id: str
    stale_plan: bool | None = None


@frozen(kw_only=True)
class SkipStep(_OfFlow):
    """Go on without a step that failed."""

    step_id: str


@frozen(kw_only=True)
class RetryGroup(_OfFlow):
    """Try the whole group of a step again."""

    step_id: str


@frozen(kw_only=True)
class RerunFlow(_OfFlow):
    """Run a flow without groups again, exactly as `input` says."""

    input: RerunInput


@frozen(kw_only=True)
class PauseFlow(_OfFlow):
    """Have a flow wait after the group it is at."""


@frozen(kw_only=True)
class UnpauseFlow(_OfFlow):
    """Let a paused flow go on."""


@frozen(kw_only=True)
class DeleteFlow:
    """Delete a flow that has ended, and all its records."""

    flow_id: str

    @property
    def task_id(self) -> str:
        """The id by which it is found."""
        return self.flow_id


FlowCommand: TypeAlias = (
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
FLOW_MESSAGES: Final = get_args(FlowCommand)
"""Every `FlowCommand`."""


@frozen(kw_only=True)
class FlowStateChanged:
    """The status of a flow was written."""

    position: int
    at: float
    task_id: str
    status: str
    description: str = ""


@frozen(kw_only=True)
class FlowGroupChanged:
    """The status of a group was written."""

    position: int
    at: float
    task_id: str
    group: str
    status: str


@frozen(kw_only=True)
class FlowStepChanged:
    """The status of a step was written."""

    position: int
    at: float
    task_id: str
    step: str
    name: str
    status: str
    description: str = ""


@frozen(kw_only=True)
class FlowTargetChanged:
    """The status of what a step acts on was written."""

    position: int
    at: float
    task_id: str
    target_type: str
    target_id: str
    status: str


FlowEvent: TypeAlias = FlowStateChanged | FlowGroupChanged | FlowStepChanged | FlowTargetChanged
