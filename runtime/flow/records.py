"""What happened to a flow, as stored. Facts, in the past tense; `at` is in Unix seconds, `by` the account it was done for.

The records of one flow, folded in order over nothing, give its state (`runtime.flow.history.replay`).
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

import attrs

from runtime.flow.naming import UNLABELLED, Labels
from runtime.flow.outcomes import Ending
from runtime.flow.rows import Response, Signal, StepSpec, Violation
from runtime.flow.states import (
    ApprovalOption,
    FlowStatus,
    GroupStatus,
    Mode,
    OnError,
    OnPolicyFailure,
    RunStatus,
    RunType,
    Stage,
    StepStatus,
    TargetStatus,
)
from runtime.frozen import frozen
from runtime.values.json import Json

APPROVAL_SECONDS: Final = 30 * 86_400.0
PLAN_SECONDS: Final = 72 * 3600.0


def owner_of(owner_type: str, owner_id: str) -> str:
    """Name an owner in one text; empty for nobody."""
    return f"{owner_type}/{owner_id}" if owner_id else ""


@frozen(kw_only=True)
class FlowCreated:
    """A flow was accepted. `segment` is how many steps (groups, in group mode) one segment takes.

    `by_groups` and `by_admin` say who `by` was then: where nobody is asked, it is them who approve. `parent` is the task
    of which a step runs it. `labels`: what it is called, as its type said then.
    """

    at: float
    by: str
    flow_id: str
    type: str
    owner_id: str = ""
    owner_type: str = ""
    org_id: str = ""
    metadata: Mapping[str, str] = attrs.field(factory=dict)
    inputs: Mapping[str, Json] = attrs.field(factory=dict)
    mode: Mode = Mode.GROUP
    plan_only: bool = False
    approval_option: ApprovalOption = ApprovalOption.PROMPT
    on_error: OnError = OnError.ABORT
    on_policy_failure: OnPolicyFailure = OnPolicyFailure.OPEN
    generate_signal: Signal | None = None
    group_records: bool = True
    segment: int = 5
    approval_seconds: float = APPROVAL_SECONDS
    plan_seconds: float = PLAN_SECONDS
    max_in_flight: int = 10
    by_groups: tuple[str, ...] = ()
    by_admin: bool = False
    parent: str = ""
    labels: Labels = UNLABELLED

    @property
    def task_id(self) -> str:
        """The id under which the journal and the actors know it: one name space with tasks."""
        return self.flow_id

    @property
    def owner(self) -> str:
        """Whose it is, in one text; empty for nobody's."""
        return owner_of(self.owner_type, self.owner_id)


@frozen(kw_only=True)
class FlowQueued:
    """The flow is to start once the turn of its owner comes to it."""

    at: float


@frozen(kw_only=True)
class FlowStarted:
    """The flow began to run, before its steps were generated."""

    at: float


@frozen(kw_only=True)
class GenerationBegan:
    """The generator is about to be asked."""

    at: float


@frozen(kw_only=True)
class GenerationEnded:
    """The generator ended, and nobody wants its steps any more; or, with an `error`, it gave no more than its first."""

    at: float
    error: str = ""


@frozen(kw_only=True)
class StepAdded:
    """One step in `RowsAdded`; see `runtime.flow.rows.Step`. Every row begins pending, with this metadata."""

    id: str
    seq: int
    spec: StepSpec
    idx: int
    group_idx: int
    generation: int
    group_id: str
    lane: str
    retry_index: int = 0
    target_type: str = ""
    target_id: str = ""
    metadata: Mapping[str, Json] = attrs.field(factory=dict)
    not_before: float = 0.0


@frozen(kw_only=True)
class GroupAdded:
    """One generation of a group in `RowsAdded`; see `runtime.flow.rows.Group`."""

    id: str
    group_idx: int
    generation: int
    name: str
    parallel: bool
    stored: bool = True


@frozen(kw_only=True)
class RowsAdded:
    """Steps and groups are there: those that were generated, or clones. `more`: the generator goes on."""

    at: float
    by: str
    steps: tuple[StepAdded, ...] = ()
    groups: tuple[GroupAdded, ...] = ()
    more: bool = False


@frozen(kw_only=True)
class FlowStatusSet:
    """The flow's status was written."""

    at: float
    by: str
    status: FlowStatus
    description: str = ""
    metadata: Mapping[str, Json] = attrs.field(factory=dict)


@frozen(kw_only=True)
class GroupStatusSet:
    """A group's status was written."""

    at: float
    by: str
    group: str
    status: GroupStatus
    description: str = ""


@frozen(kw_only=True)
class StepStatusSet:
    """A step's status was written."""

    at: float
    by: str
    step: str
    status: StepStatus
    description: str = ""
    metadata: Mapping[str, Json] = attrs.field(factory=dict)


@frozen(kw_only=True)
class TargetStatusSet:
    """The status of the thing a step acts on was written."""

    at: float
    by: str
    type: str
    id: str
    status: TargetStatus


@frozen(kw_only=True)
class StepBegan:
    """A step began to execute: attempt `attempt` of its row, of which there is more than one only after a crash.

    `works` is false for a step that has nothing to do.
    """

    at: float
    step: str
    attempt: int
    works: bool = True


@frozen(kw_only=True)
class StepStaged:
    """A step waits for something else from here on. `no_op` is what its plan came to, once that is known.

    `reason` is why it has to stop, where it waits for that.
    """

    at: float
    step: str
    stage: Stage
    no_op: bool = False
    reason: str = ""


@frozen(kw_only=True)
class ChildrenWished:
    """The work of a step is about to have these tasks and flows taken on: where it is cut, they are cancelled first."""

    at: float
    step: str
    children: tuple[str, ...]


@frozen(kw_only=True)
class WorkReturned:
    """The work of a step ended."""

    at: float
    step: str
    output: Json = None
    target_type: str = ""
    target_id: str = ""


@frozen(kw_only=True)
class StepLeft:
    """An execution of a step ended; `directive` is what it left for its parent."""

    at: float
    step: str
    directive: str = ""


@frozen(kw_only=True)
class StepRetried:
    """A step was superseded by a retry that a person asked for."""

    at: float
    step: str


@frozen(kw_only=True)
class PolicyResult:
    """What one policy found in a plan: how many violations of each severity, or that it broke."""

    policy_id: str
    denies: int = 0
    warns: int = 0


@frozen(kw_only=True)
class PoliciesReported:
    """A report: the policies that apply were evaluated over the plan of a step, which holds `inputs` changes.

    `violations` are those that were found; `error` says that a policy broke.
    """

    at: float
    step: str
    attempt: int
    results: tuple[PolicyResult, ...]
    violations: tuple[Violation, ...]
    inputs: int = 0
    error: str = ""


@frozen(kw_only=True)
class ApprovalRequested:
    """A person is asked about the plan of a step."""

    at: float
    step: str
    approval_id: str
    type: str
    expires_at: float


@frozen(kw_only=True)
class ApprovalAnswered:
    """The answer to an approval: there is one, ever."""

    at: float
    step: str
    response: Response


@frozen(kw_only=True)
class ApprovalOptionSet:
    """The flow's approval option was changed, by somebody who was this then."""

    at: float
    option: ApprovalOption
    by: str = ""
    groups: tuple[str, ...] = ()
    admin: bool = False


@frozen(kw_only=True)
class GroupCancelled:
    """Somebody wants a group to stop for good, and its flow with it; what runs is cut, and each step says so itself."""

    at: float
    by: str
    group: str
    reason: str


@frozen(kw_only=True)
class GroupLeft:
    """A group left a directive for its flow."""

    at: float
    group: str
    directive: str


@frozen(kw_only=True)
class LaneOpened:
    """A parallel group took one of its steps on."""

    at: float
    group: str
    step: str


@frozen(kw_only=True)
class LaneClosed:
    """A step of a parallel group ended, with this answer."""

    at: float
    group: str
    step: str
    answer: str


@frozen(kw_only=True)
class Moved:
    """The flow is at another position: of a step, or of a group in group mode. `since` is where its segment began."""

    at: float
    position: int
    since: int


@frozen(kw_only=True)
class SegmentCut:
    """A segment was full: the next one begins at `position`."""

    at: float
    position: int


@frozen(kw_only=True)
class RunOpened:
    """An execution segment of the flow began, for this reason."""

    at: float
    run_id: str
    type: RunType
    start_from: int = 0
    trigger_step_id: str = ""


@frozen(kw_only=True)
class RunStatusSet:
    """The newest run is in this status."""

    at: float
    status: RunStatus


@frozen(kw_only=True)
class PauseSet:
    """A pause was asked for, or is over."""

    at: float
    paused: bool


@frozen(kw_only=True)
class FlowParked:
    """The flow waits for a person: for an answer about a step, or to be let go on (``paused``); empty: no longer."""

    at: float
    step_id: str


@frozen(kw_only=True)
class FlowCancelled:
    """Somebody wants the flow to stop for good; what runs is cut, and each step says so itself."""

    at: float
    by: str
    reason: str


@frozen(kw_only=True)
class FlowSuperseded:
    """A newer flow of the same owner exists: once this one fails it can not be retried."""

    at: float
    newer: str


@frozen(kw_only=True)
class FlowEnded:
    """Nothing more will happen to the flow, unless it is rerun."""

    at: float
    ending: Ending


@frozen(kw_only=True)
class FlowReopened:
    """A flow that had ended runs again."""

    at: float


@frozen(kw_only=True)
class FlowHeld:
    """The runtime began to shut down: nothing new starts until the flow is resumed."""

    at: float
    by: str
    reason: str


@frozen(kw_only=True)
class FlowResumed:
    """The flow was taken up again where its records end."""

    at: float


@frozen(kw_only=True)
class FlowParentTold:
    """The task whose step waits for the flow knows that it has ended."""

    at: float


Record: TypeAlias = (
    FlowCreated
    | FlowQueued
    | FlowStarted
    | GenerationBegan
    | GenerationEnded
    | RowsAdded
    | FlowStatusSet
    | GroupStatusSet
    | StepStatusSet
    | TargetStatusSet
    | StepBegan
    | StepStaged
    | ChildrenWished
    | WorkReturned
    | StepLeft
    | StepRetried
    | PoliciesReported
    | ApprovalRequested
    | ApprovalAnswered
    | ApprovalOptionSet
    | GroupCancelled
    | GroupLeft
    | LaneOpened
    | LaneClosed
    | Moved
    | SegmentCut
    | RunOpened
    | RunStatusSet
    | PauseSet
    | FlowParked
    | FlowCancelled
    | FlowSuperseded
    | FlowEnded
    | FlowReopened
    | FlowHeld
    | FlowResumed
    | FlowParentTold
)
