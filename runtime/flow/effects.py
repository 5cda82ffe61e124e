"""What a decision about a flow wants done, once its records are stored."""

from typing import TypeAlias

from runtime.flow.rows import Signal
from runtime.flow.states import Hook
from runtime.frozen import frozen


@frozen
class Generate:
    """Ask for the steps: the signal where there is one, otherwise the generator of the flow's type."""

    signal: Signal | None


@frozen
class StartStep:
    """Begin attempt `attempt` of a step; it reports `WorkFinished`."""

    step: str
    attempt: int


@frozen
class DismissChildren:
    """Cancel the tasks and flows that the work of a step has started, and theirs; report `ChildrenDismissed`."""

    step: str
    attempt: int


@frozen
class CheckPlan:
    """Read the plan that a step gave; report `PlanChecked`."""

    step: str
    attempt: int


@frozen
class EvaluatePolicies:
    """Hold the plan of a step against the policies that apply; report `PoliciesEvaluated`."""

    step: str
    attempt: int


@frozen
class CallHook:
    """Tell a step's signal what is about to happen; report `HookReturned`."""

    step: str
    attempt: int
    hook: Hook


@frozen
class FindDependents:
    """Find the steps that depend on a step's target; report `DependentsFound`."""

    step: str
    attempt: int


@frozen
class StopSteps:
    """Cut what runs for these steps; each reports `StepCut`. Without any: cut the generator."""

    steps: tuple[str, ...]
    by: str
    reason: str


@frozen
class ArmTimer:
    """Send `ApprovalDue` at `due` (Unix seconds), or when something of the flow is due before that."""

    due: float


@frozen
class ContinueAsNew:
    """A segment is full: let others have their turn, then send `SegmentEntered` with this position."""

    start_from_step_idx: int


@frozen
class MoveTurn:
    """See whose turn it is among the flows of this one's owner: it wants the turn, or let go of it."""


@frozen
class TellParent:
    """Tell the task whose step waits for the flow that it has ended, and report `ParentTold`; again does no harm."""


Effect: TypeAlias = (
    Generate
    | StartStep
    | DismissChildren
    | CheckPlan
    | EvaluatePolicies
    | CallHook
    | FindDependents
    | StopSteps
    | ArmTimer
    | ContinueAsNew
    | MoveTurn
    | TellParent
)
