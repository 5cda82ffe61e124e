"""What a flow is made of: what a generator gives (`Signal`, `StepSpec`, `GroupSpec`), and the rows kept of it."""

from collections.abc import Collection, Mapping
from typing import Final

import attrs
from rpds import HashTrieSet

from runtime.flow.states import (
    Directive,
    ExecutionType,
    GroupStatus,
    Hook,
    ResponseType,
    RunStatus,
    RunType,
    Stage,
)
from runtime.flow.status import Status
from runtime.frozen import frozen, value
from runtime.lengths import Name
from runtime.values.json import Json

DEFAULT_MAX_RETRIES: Final = 10
NO_CHILDREN: "Final[HashTrieSet[str]]" = HashTrieSet()

_LONGEST_BACKOFF_SECONDS: Final = 86_400.0
_MOST_DOUBLINGS: Final = 64


@frozen(kw_only=True)
class Signal:
    """The work order of a step: which runner (`type`), with what configuration (`data`)."""

    type: str
    data: Json = None


@frozen(kw_only=True)
class RetryRule:
    """How often a step may be tried again (spec section 12.1).

    Attributes:
        auto: try again without being asked; in a flat flow nothing is.
        max_retries: how often at most, asked or not.
        max_auto: how often without being asked; `max_retries` where it is not said.
        group: the whole group is tried again, not the step alone.
        backoff_seconds: how long to wait before it is tried again without being asked; twice as long each time, and a
            day at most. Asking for the retry cuts the wait short.
    """

    auto: bool = False
    max_retries: int = DEFAULT_MAX_RETRIES
    max_auto: int | None = None
    group: bool = False
    backoff_seconds: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))

    def wait_before(self, retries: int) -> float:
        """Give how long to wait before the next try, after so many."""
        return min(self.backoff_seconds * 2.0 ** min(retries, _MOST_DOUBLINGS), _LONGEST_BACKOFF_SECONDS)

    @property
    def limit_auto(self) -> int:
        """How often it is tried again without being asked."""
        return self.max_retries if self.max_auto is None else self.max_auto


@frozen(kw_only=True)
class CloneSpec:
    """One of the steps that take the place of a step that is tried again."""

    name: str
    signal: Signal | None
    execution_type: ExecutionType = attrs.field(default=ExecutionType.SYSTEM, converter=ExecutionType)


@frozen(kw_only=True)
class StepSpec:
    """A step as a generator gives it.

    Attributes:
        name: what it is called; clones get a suffix.
        signal: what it does. Without one the step is skipped.
        legacy_signal: what it does first; a step with nothing else is never queued, but run in line.
        execution_type: how it is carried out (section 5.3).
        group_idx: the group it belongs to; 0 means none.
        parallel: its group runs all its steps at once.
        metadata: static texts about it; ``reason`` says why it is skipped.
        retryable, skippable: whether a person may retry or skip it once it failed.
        target_type, target_id: the thing it acts on. The work may say so as well.
        plan_kind: how the plan that an approval step gives is read (`runtime.flow.noop`).
        approvers, approver_groups: who may answer; nobody in particular means anybody.
        retry: its retries.
        clone_as: what takes its place when it is tried again, where that is not the step itself.
        skip_group: skipping it, or its plan having no changes, skips the rest of its group.
        replan: trying it again needs a fresh plan: in a flow of groups its whole group is tried again.
        skip_noop: a plan without changes is skipped without asking anybody.
        hooks: what its signal wants to be told before an answer takes effect.
        timeout_seconds: how long its work may take, its wait for resources included; 0 is for ever.
        resources: limited resources that its work holds, besides those of its runner (spec section 8).
        skip_on_failure: the flow goes on over its failure, once its retries are spent.
        idempotent: the work may be done twice. Work that is not, and was cut by a crash, is an error.
    """

    name: str
    signal: Signal | None = None
    legacy_signal: Signal | None = None
    execution_type: ExecutionType = attrs.field(default=ExecutionType.SYSTEM, converter=ExecutionType)
    group_idx: int = 0
    parallel: bool = False
    metadata: Mapping[str, str] = attrs.field(factory=dict)
    retryable: bool = True
    skippable: bool = True
    target_type: str = ""
    target_id: str = ""
    plan_kind: str = "changes"
    approvers: tuple[Name, ...] = ()
    approver_groups: tuple[Name, ...] = ()
    retry: RetryRule = RetryRule()
    clone_as: tuple[CloneSpec, ...] = ()
    skip_group: bool = False
    replan: bool = False
    skip_noop: bool = True
    hooks: tuple[Hook, ...] = ()
    timeout_seconds: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))
    skip_on_failure: bool = False
    resources: tuple[str, ...] = ()
    idempotent: bool = False

    def takes_answers_of(self, by: str, groups: Collection[str], *, admin: bool) -> bool:
        """Say whether somebody may answer its approval. An administrator may always."""
        anybody = not self.approvers and not self.approver_groups
        return admin or anybody or by in self.approvers or not set(groups).isdisjoint(self.approver_groups)

    @property
    def signals(self) -> tuple[Signal, ...]:
        """What it does, in order."""
        if self.legacy_signal is not None:
            return (self.legacy_signal,) if self.signal is None else (self.legacy_signal, self.signal)
        return () if self.signal is None else (self.signal,)


@frozen(kw_only=True)
class GroupSpec:
    """A group as a generator gives it: its number, or the steps themselves, which then need not say theirs.

    `eager`: one of the first that a generator yields is carried out while the rest is still being generated. `before`
    and `after` are what has to be done around the steps; a flow that only plans leaves them out.
    """

    name: str = ""
    parallel: bool = False
    eager: bool = False
    group_idx: int | None = None
    before: tuple[StepSpec, ...] = ()
    steps: tuple[StepSpec, ...] = ()
    after: tuple[StepSpec, ...] = ()


@frozen(kw_only=True)
class Violation:
    """A rule that a plan breaks. Severity ``deny`` fails the step, anything else is a warning."""

    policy_id: str
    severity: str
    message: str
    path: str = ""


@frozen(kw_only=True)
class Response:
    """The answer to an approval: the first one stands."""

    id: str
    type: ResponseType
    note: str
    by: str
    at: float


@value(kw_only=True)
class Approval:
    """A question to a person about the plan of one step; the plan itself is the step's `output`."""

    id: str
    type: str
    asked_at: float
    expires_at: float
    response: Response | None = None


@value(kw_only=True)
class Step:
    """One step. `seq` counts rows in the order they were made; `lane` is the first row of its chain of clones.

    `not_before`: a clone that waits until then, in Unix seconds.

    Engine's own: `stage` is what it waits for, `attempt` tells a late report from the current one, `no_op` what its plan
    came to, `stopped_for` why it has to stop, if it has to, `children` the tasks and flows that its work has started.
    """

    id: str
    seq: int
    spec: StepSpec
    idx: int
    group_idx: int
    generation: int
    group_id: str
    created_by: str
    created_at: float
    status: Status
    lane: str
    retry_index: int = 0
    retried: bool = False
    directive: str = ""
    target_type: str = ""
    target_id: str = ""
    started_at: float | None = None
    finished_at: float | None = None
    output: Json = None
    approval: Approval | None = None
    stage: Stage = Stage.IDLE
    attempt: int = 0
    no_op: bool = False
    stopped_for: str = ""
    children: "HashTrieSet[str]" = NO_CHILDREN
    not_before: float = 0.0

    @property
    def name(self) -> str:
        """What it is called."""
        return self.spec.name

    @property
    def key(self) -> tuple[int, int, int, int]:
        """Where it is among the steps of its flow (section 4)."""
        return (self.group_idx, self.generation, self.idx, self.seq)

    @property
    def target(self) -> tuple[str, str] | None:
        """The thing it acts on, when it is known."""
        return (self.target_type, self.target_id) if self.target_id else None


@value(kw_only=True)
class Group:
    """One generation of a group.

    `cancelled` is why somebody wanted it to stop, None if nobody did. `lanes` are the steps of a parallel group that have
    not ended; `answers` what those that ended said. `stored` is false where the flow has no group records: its directive
    is then the flow's.
    """

    id: str
    group_idx: int
    generation: int
    name: str
    parallel: bool
    created_by: str
    created_at: float
    status: Status
    directive: str = ""
    stored: bool = True
    cancelled: str | None = None
    lanes: "HashTrieSet[str]" = attrs.field(factory=HashTrieSet)
    answers: "HashTrieSet[str]" = attrs.field(factory=HashTrieSet)

    @property
    def untouched(self) -> bool:
        """Nothing of it was begun, in no generation."""
        return self.status.status == GroupStatus.PENDING and not self.generation


FAILED_LANE: Final = "error"
EXPIRED_LANE: Final = "expired"
"""Among the `answers` of a group: a lane ended without one, or nobody answered its plan in time."""


@value(kw_only=True)
class Run:
    """One execution segment of a flow. `start_from` is a position: of a step, or of a group in group mode."""

    id: str
    type: RunType
    start_from: int
    at: float
    trigger_step_id: str = ""
    status: RunStatus = RunStatus.IN_PROGRESS


def unknown_directive(step: Step) -> str:
    """Say that a step answered what nobody knows; nothing where it did not."""
    if not step.directive or step.directive in set(Directive):
        return ""
    return f'it answered "{step.directive[:100]}", and nobody knows what that means (known: {", ".join(Directive)})'


def directive_of(text: str) -> Directive:
    """Read a directive; nothing means going on, and what nobody knows means stop (section 11.2)."""
    if not text:
        return Directive.CONTINUE
    try:
        return Directive(text)
    except ValueError:
        return Directive.STOP
