"""The state of one flow: immutable, and cheap to change because versions share what did not.

`Flow` is what the records say plus what is derived from them, so that no decision has to look at every step: `live`
holds the steps that something runs for, `open` the steps that keep the flow from being complete, `parked` holds the
steps that wait for an answer, `failed` those that wait to be retried or skipped, `delayed` those that are tried again
later, `waiting` those that wait for a free lane, `named` the last row of each name, whatever clones of it are called.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Final

import attrs
from rpds import HashTrieMap, HashTrieSet, List, Queue

from runtime.errors import NotFound, did_you_mean
from runtime.flow.order import Order
from runtime.flow.outcomes import ApprovalPauseError, Ending, FlowFailedError, FlowNotDone, FlowNotStarted
from runtime.flow.records import ApprovalOptionSet, FlowCancelled, FlowCreated, PoliciesReported
from runtime.flow.rows import Group, Run, Step
from runtime.flow.states import (
    COMPLETE,
    EXECUTABLE,
    ApprovalOption,
    ExecutionType,
    FlowStatus,
    FlowTurn,
    Mode,
    Stage,
    StepStatus,
)
from runtime.flow.status import Status
from runtime.frozen import value
from runtime.values.json import Json

AUTO_RETRIED: Final = "auto_retried"
"""The metadata key of an error that a retry has superseded."""

RETRIES_EXHAUSTED: Final = "retries_exhausted"
"""The metadata key of an error that nothing retries any more, and of the flow that it stopped."""

SKIPPED_ON_FAILURE: Final = "skipped_on_failure"
"""The metadata key of an error that the flow goes on over."""

AUTO_RETRIES_SPENT: Final = "auto_retries_spent"
"""The metadata key of an error that is not retried any more unless a person asks for it."""

AWAITING_RETRY: Final = "awaiting_retry"
"""The metadata key of a flow that waits for a retry, a skip or a cancel."""

ERROR_MESSAGE: Final = "error_message"
"""The metadata key of what failed, of a flow; empty once it was mended and the flow has succeeded."""

MANY_STEPS: Final = 500
"""A flow of more is checked, begun, rebuilt, shown and, as a whole, changed in a thread: it would hold up everybody else
for some 100 us a step."""


@value(kw_only=True)
class Flow:
    """One flow, as of the last record. See the module's docstring for what is derived.

    `header` is what was said when it was created. `position` is that of a step, or of a group in group mode; the
    segment it is in began at `since`. `reports` are what policies found, newest first. `park` is what it waits for: a
    step to be answered, or ``paused``. `told`: the task whose step waits for it has heard how it ended.
    """

    header: FlowCreated
    status: Status
    approval_option: ApprovalOption
    option_set: ApprovalOptionSet | None = None
    started_at: float | None = None
    finished_at: float | None = None
    directive: str = ""
    order: Order = attrs.field(factory=Order)
    steps: "HashTrieMap[str, Step]" = attrs.field(factory=HashTrieMap)
    groups: "HashTrieMap[str, Group]" = attrs.field(factory=HashTrieMap)
    live_groups: "HashTrieMap[int, str]" = attrs.field(factory=HashTrieMap)
    reports: "List[PoliciesReported]" = attrs.field(factory=List)
    targets: "HashTrieMap[tuple[str, str], Status]" = attrs.field(factory=HashTrieMap)
    runs: tuple[Run, ...] = ()
    position: int = 0
    since: int = 0
    park: str = ""
    paused: bool = False
    cut: bool = False
    generating: bool = False
    generation_error: str = ""
    held: bool = False
    cancelled: FlowCancelled | None = None
    turn: FlowTurn = FlowTurn.NONE
    turn_since: float = 0.0
    superseded: str = ""
    ending: Ending | None = None
    told: bool = False
    open: int = 0
    live: "HashTrieSet[str]" = attrs.field(factory=HashTrieSet)
    parked: "HashTrieSet[str]" = attrs.field(factory=HashTrieSet)
    failed: "HashTrieSet[str]" = attrs.field(factory=HashTrieSet)
    delayed: "HashTrieSet[str]" = attrs.field(factory=HashTrieSet)
    waiting: "Queue[str]" = attrs.field(factory=Queue)
    named: "HashTrieMap[str, str]" = attrs.field(factory=HashTrieMap)

    @property
    def name(self) -> str:
        """What it is called: one thing until it has ended, perhaps another from then on (section 2.1)."""
        label = self.header.labels.of(self.header.type, finished=self.finished_at is not None)
        suffix = self.header.metadata.get("workflow-name-suffix", "")
        return f"{label} ({suffix})" if suffix else label

    @property
    def mode(self) -> Mode:
        """How it walks its steps."""
        return self.header.mode

    @property
    def idle(self) -> bool:
        """Nothing is running, no segment is about to begin, nobody is still to be told: the flow can leave memory."""
        return self._quiet and not self.untold

    @property
    def _quiet(self) -> bool:
        return not self.live and not self.generating and (self.held or not self.cut)

    @property
    def untold(self) -> bool:
        """It has ended, and the task whose step waits for it is not known to have heard."""
        return bool(self.header.parent) and self.ended and not self.told

    @property
    def put_down(self) -> bool:
        """A shutdown has put it down before its end: somebody has to take it up again."""
        return self.held and self.ending is None

    @property
    def ended(self) -> bool:
        """Nothing more will happen, unless it is rerun."""
        return self.ending is not None and not self.live

    def sought(self, step_id: str) -> Step | NotFound:
        """Give the step that somebody names, or say that there is none."""
        step = self.steps.get(step_id)
        if step is None:
            hint = did_you_mean(step_id, list(self.steps)) or f"flow {self.header.flow_id} has no such step"
            return NotFound("step", step_id, hint)
        return step

    def approves_by_itself(self, step: Step) -> bool:
        """Say whether a plan is approved without asking: by whoever said so, where they may answer it."""
        said, header = self.option_set, self.header
        if self.approval_option is not ApprovalOption.APPROVE_ALL:
            return False
        if said is None:
            return step.spec.takes_answers_of(header.by, header.by_groups, admin=header.by_admin)
        return step.spec.takes_answers_of(said.by, said.groups, admin=said.admin)

    @property
    def awake(self) -> bool:
        """Somebody has to go on with it: something runs, or was put down, or it waits for its turn."""
        return not self.idle or self.put_down or self.turn is FlowTurn.WAITS

    @property
    def unstarted(self) -> bool:
        """It was taken on to be started later, and was not yet."""
        return self.status.status == FlowStatus.PENDING and self.turn is FlowTurn.NONE and self.started_at is None

    @property
    def at_rest(self) -> bool:
        """Nothing runs, and nothing will happen unless somebody asks for it, or an approval expires."""
        return (
            self._quiet
            and not self.cut
            and not self.delayed
            and (self.ended or bool(self.parked or self.park) or self.awaits_retry or self.unstarted)
        )

    @property
    def next_due(self) -> float | None:
        """When the first of the approvals that are asked for expires, or of the delayed steps is tried again."""
        asked = (self.steps[one].approval for one in self.parked if self.steps[one].stage is Stage.ANSWER)
        expiries = (one.expires_at for one in asked if one is not None)
        return min((*expiries, *(self.steps[one].not_before for one in self.delayed)), default=None)

    @property
    def awaits_retry(self) -> bool:
        """It failed, and a person may have it go on (group mode)."""
        return self.ending is None and self.status.status in {FlowStatus.ERROR, FlowStatus.FAILED_PENDING_RETRY}

    @property
    def awaits_nobody(self) -> Mapping[str, Json]:
        """What has to be written of a flow that goes on, or ends: that it awaits no retry, if it is known to."""
        return {AWAITING_RETRY: False} if self.status.metadata.get(AWAITING_RETRY) else {}

    @property
    def to_mend(self) -> bool:
        """Whether it waits for somebody to mend a step that failed: without groups it has ended then, or goes on."""
        return self.mode is Mode.GROUP and bool(self.failed)

    @property
    def mendable(self) -> "HashTrieSet[str]":
        """The steps that failed and that a person may retry or skip now."""
        if self.mode is Mode.GROUP:
            group = self.group_at(self.position)
            may = self.ending is None and (group is None or group.cancelled is None)
        else:
            may = self.ending is not None and self.ending.rerunnable and not self.superseded
        return self.failed if may and self.cancelled is None else HashTrieSet()

    @property
    def stalled(self) -> bool:
        """Nothing of it runs, waits or is about to begin, and it has not ended."""
        waits = self.parked or self.to_mend or self.delayed or self.park or self.awaits_retry
        return self.ending is None and self.idle and not self.cut and not waits

    @property
    def complete(self) -> bool:
        """Every step is settled (section 3)."""
        return self.open == 0

    @property
    def error(self) -> FlowNotDone | None:
        """What a caller who wants the result is told: nothing when there is one, or nothing to tell yet."""
        if self.ending is not None:
            return self.ending.error
        if self.awaits_retry:
            return FlowFailedError(str(self.status.metadata.get(ERROR_MESSAGE, "")))
        if self.unstarted:
            return FlowNotStarted(self.header.flow_id)
        waits = self.park or next(iter(self.parked), "")
        return ApprovalPauseError(waits) if waits else None

    def ordered(self) -> Iterator[Step]:
        """Give all steps in order (section 4)."""
        return (self.steps[step_id] for step_id in self.order.after(None))

    def visible(self) -> Iterator[Step]:
        """Give the steps that are shown to people, in order."""
        return (step for step in self.ordered() if step.spec.execution_type is not ExecutionType.HIDDEN)

    def unit_of(self, step: Step) -> Sequence[Step]:
        """Give what a plan and its apply are part of: a generation of a group; in a parallel one, a lane of it."""
        members = [self.steps[one] for one in self.order.of_generation(step.group_idx, step.generation)]
        group = self.groups.get(step.group_id)
        return [one for one in members if one.lane == step.lane] if group is not None and group.parallel else members

    def as_group(self, step: Step, *, fresh: bool | None = None) -> bool:
        """Say whether a step is tried again with its group: it says so, or needs a `fresh` plan (None: as it says)."""
        group = self.groups.get(step.group_id)
        needs = step.spec.retry.group or (step.spec.replan if fresh is None else fresh)
        return group is not None and not group.parallel and needs

    def spent(self, step: Step, *, fresh: bool | None = None) -> tuple[int, int]:
        """Count the retries of a step, or of its group if it is tried again with that; and say how many there may be."""
        if self.as_group(step, fresh=fresh):
            return step.generation, self.limit_of_group(self.groups[step.group_id])
        return step.retry_index, step.spec.retry.max_retries

    def may_be_retried(self, step: Step) -> bool:
        """Say whether it may be tried again once more, by whoever asks for that."""
        tries, limit = self.spent(step)
        if self.mode is not Mode.GROUP:  # where a fresh plan makes a generation of it, which counts
            tries = max(tries, step.generation)
        return step.spec.retryable and tries < limit

    def may_be_retried_as_group(self, group: Group) -> bool:
        """Say whether a group may be tried again as a whole once more, by whoever asks for that."""
        return not group.parallel and group.generation < self.limit_of_group(group)

    def limit_of_group(self, group: Group) -> int:
        """Say how often a group may be retried: as often as each of its steps."""
        members = self.order.of_generation(group.group_idx, group.generation)
        return min((self.steps[one].spec.retry.max_retries for one in members), default=0)

    def apply_of(self, step: Step) -> str | None:
        """Find the step that would apply a plan: behind it in its unit, before another plan, and able to run (Q4)."""
        behind = (one for one in self.unit_of(step) if one.key > step.key and one.status.status in EXECUTABLE)
        own = list(takewhile(lambda one: one.spec.execution_type is not ExecutionType.APPROVAL, behind))
        for kind in (ExecutionType.SYSTEM, ExecutionType.USER):
            for one in own:
                if one.spec.execution_type is kind:
                    return one.id
        return None

    def skipped_with(self, step: Step) -> tuple[str, ...]:
        """Name what must not be carried out where a step was not: what would apply the plan that it did not make."""
        apply_step = self.apply_of(step) if step.spec.execution_type is ExecutionType.APPROVAL else None
        return () if apply_step is None else (apply_step,)

    def unapproved(self, step: Step) -> Step | None:
        """Give the plan that a step would apply, though nobody approved it."""
        kind = step.spec.execution_type
        before = self.order.before(step) if kind in {ExecutionType.SYSTEM, ExecutionType.USER} else ()
        for one in map(self.steps.__getitem__, before):
            if one.spec.execution_type is ExecutionType.APPROVAL:
                denied = one.status.status != StepStatus.APPROVED and self.apply_of(one) == step.id
                return one if denied else None
            if one.spec.execution_type in {ExecutionType.SYSTEM, kind} and one.lane != step.lane:
                return None
        return None

    @property
    def group_that_waits(self) -> Group | None:
        """The group that the flow is at, and in which it waits for a person."""
        over = self.live or self.cancelled is not None or self.ending is not None
        return self.group_at(self.position) if (self.parked or self.awaits_retry) and not over else None

    def group_at(self, position: int) -> Group | None:
        """Give the live group at a position."""
        groups = self.order.groups
        group_id = self.live_groups.get(groups[position]) if position < len(groups) else None
        return None if group_id is None else self.groups[group_id]


def is_open(step: Step) -> bool:
    """Say whether a step keeps its flow from being complete."""
    if step.status.status == StepStatus.ERROR:
        metadata = step.status.metadata
        return not (metadata.get(AUTO_RETRIED) or metadata.get(SKIPPED_ON_FAILURE))
    return step.status.status not in COMPLETE


def waits_for_retry(step: Step) -> bool:
    """Say whether a step failed, and a person may retry or skip it."""
    metadata = step.status.metadata
    failed = step.status.status == StepStatus.ERROR
    settled = (AUTO_RETRIED, RETRIES_EXHAUSTED, SKIPPED_ON_FAILURE)
    return failed and not any(metadata.get(key) for key in settled)
