"""What can happen to a flow. `at` is the moment (Unix seconds); `by` is the account that asks."""

from collections.abc import Sequence
from typing import TypeAlias

from runtime.flow.rerun_input import RerunInput
from runtime.flow.rows import GroupSpec, StepSpec, Violation
from runtime.flow.states import ApprovalOption, Hook
from runtime.frozen import frozen
from runtime.values.json import Json


@frozen(kw_only=True)
class StartRequested:
    """The flow is to run; that of an owner, once it is its turn."""

    at: float


@frozen(kw_only=True)
class TurnGiven:
    """Of the flows of its owner, this one is to run."""

    at: float


@frozen(kw_only=True)
class SegmentEntered:
    """The next segment begins, where the last one was cut."""

    at: float
    position: int


@frozen(kw_only=True)
class StepsGenerated:
    """The generator gave the steps, and the groups where it has some. They have been checked."""

    at: float
    steps: Sequence[StepSpec]
    groups: Sequence[GroupSpec] = ()


@frozen(kw_only=True)
class GroupsGenerated:
    """The generator gave the first groups, which are eager, and goes on. They have been checked."""

    at: float
    steps: Sequence[StepSpec]
    groups: Sequence[GroupSpec]


@frozen(kw_only=True)
class GenerationFailed:
    """There are no steps; the error says why. `cut`: the runtime shut down before the generator had ended."""

    at: float
    error: str
    cut: bool = False


@frozen(kw_only=True)
class WorkFinished:
    """The work of a step ended: the only thing it ever says, once per attempt.

    `error` is None when it went well. `description` is what may be shown of an error (`step_human_description`).
    `status` is a skip that the work decided on itself. `begun`: False where the runtime shut down before there was room
    for it, with the reason as its error. `late`: it was cut, for its time was over.
    """

    at: float
    step: str
    attempt: int
    error: str | None = None
    begun: bool = True
    late: bool = False
    description: str = ""
    output: Json = None
    directive: str = ""
    status: str = ""
    target_type: str = ""
    target_id: str = ""


@frozen(kw_only=True)
class StepCut:
    """What ran for a step was ended from outside, or died without a report: what it did is not known."""

    at: float
    step: str
    attempt: int
    by: str
    reason: str


@frozen(kw_only=True)
class ChildrenOrdered:
    """The work of a step is about to have these tasks and flows taken on. Refused once it is to end."""

    at: float
    step: str
    attempt: int
    children: tuple[str, ...]


@frozen(kw_only=True)
class ChildrenDismissed:
    """What the work of a step had started has taken its cancel, or had ended."""

    at: float
    step: str
    attempt: int


@frozen(kw_only=True)
class PlanChecked:
    """The plan of a step was read: it changes something or not, or cannot be read (`error`)."""

    at: float
    step: str
    attempt: int
    no_op: bool = False
    error: str | None = None


@frozen(kw_only=True)
class PoliciesEvaluated:
    """The policies that apply to a step's plan were evaluated; `evaluated` names them. `error`: one of them broke."""

    at: float
    step: str
    attempt: int
    evaluated: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()
    error: str | None = None


@frozen(kw_only=True)
class HookReturned:
    """A hook of a step's signal ended."""

    at: float
    step: str
    attempt: int
    hook: Hook
    error: str | None = None


@frozen(kw_only=True)
class DependentsFound:
    """The steps that depend on a step's target are known."""

    at: float
    step: str
    attempt: int
    steps: tuple[str, ...] = ()
    error: str | None = None


@frozen(kw_only=True)
class ResponseGiven:
    """Somebody of these groups answers the approval of a step. An administrator may always."""

    at: float
    by: str
    step: str
    type: str
    note: str = ""
    admin: bool = False
    groups: tuple[str, ...] = ()


@frozen(kw_only=True)
class ApprovalDue:
    """The time to answer some approvals may be over."""

    at: float


@frozen(kw_only=True)
class ApprovalOptionChanged:
    """Somebody changes whether plans are applied without asking: those that they may answer, that is."""

    at: float
    by: str
    option: ApprovalOption
    groups: tuple[str, ...] = ()
    admin: bool = False


@frozen(kw_only=True)
class RetryStepRequested:
    """Somebody wants a step tried again. `stale_plan`: with a fresh plan; None leaves that to the step."""

    at: float
    by: str
    step: str
    stale_plan: bool | None = None


@frozen(kw_only=True)
class SkipStepRequested:
    """Somebody wants to go on without a step that failed."""

    at: float
    by: str
    step: str


@frozen(kw_only=True)
class RetryGroupRequested:
    """Somebody wants the whole group of a step tried again."""

    at: float
    by: str
    step: str


@frozen(kw_only=True)
class RerunRequested:
    """A flow without groups is to run again from a step."""

    at: float
    by: str
    input: RerunInput


@frozen(kw_only=True)
class PauseRequested:
    """Somebody wants the flow to wait after the group it is at."""

    at: float
    by: str


@frozen(kw_only=True)
class UnpauseRequested:
    """Somebody lets a paused flow go on."""

    at: float
    by: str


@frozen(kw_only=True)
class CancelRequested:
    """Somebody wants the flow to stop for good."""

    at: float
    by: str
    reason: str = "cancelled"


@frozen(kw_only=True)
class CancelStepRequested:
    """Somebody wants a step to stop, and with it its group and its flow (group mode)."""

    at: float
    by: str
    step: str
    reason: str = "cancelled"


@frozen(kw_only=True)
class InterruptStepRequested:
    """Somebody wants the work of a step cut that is running; with an `attempt` above 0 that one, and no other."""

    at: float
    by: str
    step: str
    reason: str = ""
    attempt: int = 0


@frozen(kw_only=True)
class CancelGroupRequested:
    """Somebody wants a group to stop, and with it its flow (group mode)."""

    at: float
    by: str
    group: str
    reason: str = "cancelled"


@frozen(kw_only=True)
class NewerFlowCreated:
    """There is a newer flow of the same owner."""

    at: float
    flow_id: str


@frozen(kw_only=True)
class DrainBegan:
    """The runtime is shutting down: what runs may finish, nothing new starts."""

    at: float
    by: str
    reason: str


@frozen(kw_only=True)
class Resumed:
    """The flow was rebuilt from its records: what was in flight is lost, effects not known to be done."""

    at: float
    reason: str


@frozen(kw_only=True)
class ParentTold:
    """The task whose step waits for the flow was told that it ended then; it may not have `heard`."""

    at: float
    ended_at: float | None
    heard: bool


StepReport: TypeAlias = (
    WorkFinished | StepCut | ChildrenDismissed | PlanChecked | PoliciesEvaluated | HookReturned | DependentsFound
)
"""What comes of an effect that is about a step."""

Report: TypeAlias = StepsGenerated | GroupsGenerated | GenerationFailed | StepReport | ParentTold
"""What comes of an effect."""

Event: TypeAlias = (
    Report
    | ChildrenOrdered
    | StartRequested
    | TurnGiven
    | SegmentEntered
    | ResponseGiven
    | ApprovalDue
    | ApprovalOptionChanged
    | RetryStepRequested
    | SkipStepRequested
    | RetryGroupRequested
    | RerunRequested
    | PauseRequested
    | UnpauseRequested
    | CancelRequested
    | CancelStepRequested
    | InterruptStepRequested
    | CancelGroupRequested
    | NewerFlowCreated
    | DrainBegan
    | Resumed
)
