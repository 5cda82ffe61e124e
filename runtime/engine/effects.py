"""What `decide` wants done once its records are stored."""

from typing import TypeAlias

from runtime.engine.records import ChildOrder
from runtime.frozen import frozen, value
from runtime.templates.model import Step


@value
class StartStep:
    """Begin attempt `attempt` of a step, which is defined so; that of a loop finds its items.

    Where the step was in AFTERRUN_ERROR its action ran already, and only its checks are asked again.
    """

    step: str
    attempt: int
    definition: Step


@frozen
class StopSteps:
    """Cut every attempt in flight; each will report `StepCut`."""

    requester: str
    reason: str


@frozen
class StopStep:
    """Cut one attempt, if it is still in flight; it will report `StepCut`, unless it comes to something first."""

    step: str
    attempt: int
    requester: str
    reason: str


@frozen
class ArmRetry:
    """Wake the task for the run after number `run`, at `due` (Unix seconds)."""

    due: float
    run: int


@frozen
class QueueRun:
    """Put the task in line for the slots of a run; `crashed`: its last one was cut off. Answered by `RunAdmitted`."""

    crashed: bool


@frozen
class HoldSlot:
    """The run has begun in the slot of this ticket, and holds it until the task leaves memory or is in line again."""

    ticket: int


@frozen
class RenderResult:
    """Every step is settled: render the result and report `ResultRendered`."""


@frozen
class SubmitChildren:
    """Create these children, each once by its id, and report `ChildrenSubmitted` when they are stored."""

    batch: str
    orders: tuple[ChildOrder, ...]


@frozen
class DismissChild:
    """Cancel a child that a step waited for and nobody does any more, and report `ChildHeard`; again does no harm."""

    child: str
    requester: str
    reason: str


@frozen
class TellParent:
    """Tell the task that wished for this one that it came to rest; telling it again does no harm."""


Effect: TypeAlias = (
    StartStep
    | StopSteps
    | StopStep
    | ArmRetry
    | QueueRun
    | HoldSlot
    | RenderResult
    | SubmitChildren
    | DismissChild
    | TellParent
)
