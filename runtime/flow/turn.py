"""One decision in the making: the flow as it becomes, what to store, what to do, and what the layers tell each other.

Steps, groups and the flow talk upward with notes: whoever ends leaves one and returns, so that no layer calls the one
above it, and a thousand steps that are passed over in one decision are a loop and not a recursion.
"""

from collections import deque
from collections.abc import Mapping
from typing import TypeAlias

from runtime.flow.effects import Effect
from runtime.flow.flow import Flow
from runtime.flow.history import apply
from runtime.flow.records import (
    FlowStatusSet,
    GroupStatusSet,
    Record,
    StepLeft,
    StepStatusSet,
    TargetStatusSet,
)
from runtime.flow.rows import Group, Step, directive_of
from runtime.flow.states import (
    DIRECTIVE_KEY,
    Directive,
    FlowStatus,
    GroupStatus,
    Mode,
    RunType,
    StepStatus,
    TargetStatus,
)
from runtime.frozen import frozen
from runtime.values.json import Json


@frozen
class StepAnswered:
    """A step ended, and leaves a directive."""

    step: str
    directive: Directive


@frozen
class StepFailed:
    """A step ended without an answer."""

    step: str
    error: str


@frozen
class StepParked:
    """A step waits for a person."""

    step: str


@frozen
class StepReleased:
    """A step that waited for a person does so no longer; a run of this type is to go on."""

    step: str
    type: RunType


@frozen
class StepExpired:
    """Nobody answered in time."""

    step: str
    error: str


@frozen
class GroupAnswered:
    """A group ended (or waits), and leaves a directive. `step` is the one whose doing it was, if any."""

    group: str
    directive: Directive
    step: str = ""


@frozen
class GroupFailed:
    """A group ended without an answer: the retries of this step, which asks for another, are spent."""

    group: str
    step: str
    error: str


@frozen
class Entered:
    """The flow is to go on at a position."""

    position: int


@frozen
class GoOn:
    """The flow is to go on where it is, if nothing of it runs or waits."""


Note: TypeAlias = (
    StepAnswered | StepFailed | StepParked | StepReleased | StepExpired | GroupAnswered | GroupFailed | Entered | GoOn
)


class Turn:
    """See the module's docstring. `at` and `by` are those of the event at hand."""

    __slots__ = ("at", "by", "effects", "flow", "notes", "records")

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.records: list[Record] = []
        self.effects: list[Effect] = []
        self.notes: deque[Note] = deque()
        self.at = 0.0
        self.by = flow.header.by

    def record(self, record: Record) -> None:
        """Note a fact, and take it in."""
        self.records.append(record)
        self.flow = apply(self.flow, record)

    def step(self, step_id: str) -> Step:
        """Give a step as it is now."""
        return self.flow.steps[step_id]

    def group_of(self, step_id: str) -> Group:
        """Give the group a step belongs to (group mode)."""
        return self.flow.groups[self.flow.steps[step_id].group_id]

    def set_flow(self, status: FlowStatus, description: str = "", metadata: Mapping[str, Json] | None = None) -> None:
        """Write the flow's status."""
        self.record(
            FlowStatusSet(at=self.at, by=self.by, status=status, description=description, metadata=metadata or {})
        )

    def set_group(self, group_id: str, status: GroupStatus, description: str = "") -> None:
        """Write a group's status."""
        self.record(GroupStatusSet(at=self.at, by=self.by, group=group_id, status=status, description=description))

    def set_step(
        self, step_id: str, status: StepStatus, description: str = "", metadata: Mapping[str, Json] | None = None
    ) -> None:
        """Write a step's status."""
        self.record(
            StepStatusSet(
                at=self.at,
                by=self.by,
                step=step_id,
                status=status,
                description=description,
                metadata=metadata or {},
            )
        )

    def set_target(self, step_id: str, status: TargetStatus) -> None:
        """Write the status of what a step acts on, when that is known."""
        target = self.step(step_id).target
        if target is not None:
            self.record(TargetStatusSet(at=self.at, by=self.by, type=target[0], id=target[1], status=status))

    def leave(
        self,
        step_id: str,
        status: StepStatus,
        directive: str = Directive.CONTINUE,
        description: str = "",
        metadata: Mapping[str, Json] | None = None,
    ) -> None:
        """End an execution of a step, with an answer for its parent. A child step leaves it in its status."""
        metadata = metadata or {}
        if self.flow.mode is Mode.CHILD:
            metadata = {**metadata, DIRECTIVE_KEY: str(directive)}
        self.set_step(step_id, status, description, metadata)
        self.record(StepLeft(at=self.at, step=step_id, directive=directive))
        self.notes.append(StepAnswered(step_id, directive_of(directive)))

    def reason(self, why: str) -> Mapping[str, Json]:
        """Give the metadata of a step that failed; a flat flow says it twice (section 7.2)."""
        return {"reason": why, "err_message": why} if self.flow.mode is Mode.FLAT else {"reason": why}

    def fail(self, step_id: str, reason: str, description: str, metadata: Mapping[str, Json] | None = None) -> None:
        """End an execution of a step without an answer."""
        self.set_step(step_id, StepStatus.ERROR, description, {**(metadata or {}), **self.reason(reason)})
        self.record(StepLeft(at=self.at, step=step_id))
        self.notes.append(StepFailed(step_id, reason))
