"""What becomes of the steps that will not be reached (spec sections 6.3, 8.2, 11.2 and 14.4)."""

from collections.abc import Callable, Iterable
from itertools import takewhile

from runtime.flow.rows import Step
from runtime.flow.states import EXECUTABLE, GroupStatus, StepStatus
from runtime.flow.turn import Turn

_UNREACHED = EXECUTABLE - {StepStatus.NOT_ATTEMPTED}


def cancel_future_steps(turn: Turn, step: Step | None, reason: str, *, abort: str = " (abort-on-error)") -> None:
    """Mark every step behind `step` that was not begun as not attempted, and why. What ended keeps its status."""
    _mark(
        turn,
        turn.flow.order.after(step),
        lambda one: one.status.status in _UNREACHED,
        StepStatus.NOT_ATTEMPTED,
        reason + abort,
    )


def discard_siblings(turn: Turn, step: Step, reason: str) -> None:
    """Discard the steps behind `step` in its generation of its group that were not begun."""
    members = turn.flow.order.of_generation(step.group_idx, step.generation, step)
    _mark(turn, members, lambda one: one.status.status in EXECUTABLE, StepStatus.DISCARDED, reason)


def discard_lane(turn: Turn, step: Step, reason: str) -> None:
    """Discard the steps behind `step` in its lane that were not begun: what it was cloned as, along with it."""
    order = turn.flow.order
    behind = (turn.step(one) for one in order.of_generation(step.group_idx, step.generation, step))
    lane = takewhile(lambda one: one.lane == step.lane, behind)
    _mark(turn, (one.id for one in lane), lambda one: one.status.status in EXECUTABLE, StepStatus.DISCARDED, reason)


def skip_steps(turn: Turn, step_ids: Iterable[str], reason: str, statuses: frozenset[StepStatus], *, but: str) -> None:
    """Mark steps as skipped by a person, as far as they are in one of these statuses; `but` one."""
    _mark(turn, step_ids, lambda one: one.id != but and one.status.status in statuses, StepStatus.USER_SKIPPED, reason)


def close_groups(turn: Turn, reason: str) -> None:
    """Discard the groups that were not reached; mark their steps as not attempted, and what is left of the one at hand."""
    flow = turn.flow
    for group_idx in flow.order.groups[flow.position :] if flow.groups else ():
        group_id = flow.live_groups.get(group_idx)
        if group_id is not None and flow.groups[group_id].status.status == GroupStatus.PENDING:
            turn.set_group(group_id, GroupStatus.DISCARDED, reason)
        cancel = (step_id for step_id in flow.order.of_group(group_idx))
        _mark(turn, cancel, lambda one: one.status.status in _UNREACHED, StepStatus.NOT_ATTEMPTED, reason)


def _mark(turn: Turn, step_ids: Iterable[str], which: Callable[[Step], bool], status: StepStatus, reason: str) -> None:
    for step_id in step_ids:
        if which(turn.step(step_id)):
            turn.set_step(step_id, status, metadata={"reason": reason})
