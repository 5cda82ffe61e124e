"""Groups dispatch steps, and act on their directives (spec section 11)."""

from collections.abc import Callable
from typing import assert_never

from runtime.flow.cleanup import discard_lane, discard_siblings
from runtime.flow.cloning import CloneRefused, clone_step, spent_retries
from runtime.flow.lifecycle import queue
from runtime.flow.records import GroupLeft, LaneClosed, LaneOpened
from runtime.flow.rows import EXPIRED_LANE, FAILED_LANE, Group, Step, directive_of
from runtime.flow.states import EXECUTABLE, Directive, GroupStatus, StepStatus
from runtime.flow.turn import GroupAnswered, GroupFailed, StepAnswered, StepExpired, Turn

_OVER = frozenset({GroupStatus.SUCCESS, GroupStatus.CANCELLED, GroupStatus.DISCARDED})


def dispatch_group(turn: Turn, group: Group) -> None:
    """Start a group, or go on with it. One that is over answers at once, with what it answered then."""
    if group.status.status in _OVER:
        turn.notes.append(GroupAnswered(group.id, directive_of(group.directive)))
        return
    if group.status.status != GroupStatus.IN_PROGRESS:
        turn.set_group(group.id, GroupStatus.IN_PROGRESS)
    if not group.parallel:
        _next(turn, group, None)
        return
    steps = [turn.step(one) for one in turn.flow.order.of_generation(group.group_idx, group.generation)]
    for step in steps:
        if step.status.status in EXECUTABLE and step.lane not in turn.flow.groups[group.id].lanes:
            turn.record(LaneOpened(at=turn.at, group=group.id, step=step.lane))
            queue(turn, step.id)
    _conclude(turn, group.id)


def _next(turn: Turn, group: Group, after: Step | None) -> None:
    """Take on the next step of a sequential group that can run; without any, the group is done."""
    members = turn.flow.order.of_generation(group.group_idx, group.generation, after)
    following = next((one for one in members if turn.step(one).status.status in EXECUTABLE), None)
    if following is None:
        turn.notes.append(GroupAnswered(group.id, Directive.CONTINUE))
    else:
        queue(turn, following)


def on_step(turn: Turn, note: StepAnswered) -> None:
    """Act on what a step answered."""
    group, step = turn.group_of(note.step), turn.step(note.step)
    if group.parallel:
        _on_lane(turn, group, step, note.directive)
        return
    match note.directive:
        case Directive.CONTINUE:
            _next(turn, group, step)
        case Directive.RETRY:
            try:
                clone_step(turn, step.id)
            except CloneRefused as refused:
                turn.notes.append(GroupFailed(group.id, step.id, str(refused)))
            else:
                _next(turn, group, step)
        case Directive.STOP | Directive.SKIP_GROUP:
            discard_siblings(turn, step, f"step {step.id} answered {note.directive}")
            turn.notes.append(GroupAnswered(group.id, note.directive, step.id))
        case Directive.RETRY_GROUP:
            turn.notes.append(GroupAnswered(group.id, note.directive, step.id))
        case Directive.AWAIT_APPROVAL:
            pass  # a step that waits has not ended: it says so with `StepParked`
        case _:
            assert_never(note.directive)


def _on_lane(turn: Turn, group: Group, step: Step, directive: Directive) -> None:
    """Each lane is a step and its clones; retrying the group means retrying the lane (section 11.3)."""
    match directive:
        case Directive.RETRY | Directive.RETRY_GROUP:
            try:
                first, *_ = clone_step(turn, step.id)
            except CloneRefused:
                close_lane(turn, group, step, FAILED_LANE)
            else:
                queue(turn, first)
        case Directive.CONTINUE:
            following = turn.flow.order.next(step)
            beside = None if following is None else turn.step(following)
            if beside is not None and beside.lane == step.lane and beside.status.status in EXECUTABLE:
                queue(turn, beside.id)
            else:
                close_lane(turn, group, step, directive)
        case Directive.STOP:
            discard_lane(turn, step, f"step {step.id} ended its lane")
            close_lane(turn, group, step, directive)
        case Directive.SKIP_GROUP:
            discard_lane(turn, step, f"step {step.id} ended its lane")
            close_lane(turn, group, step, Directive.CONTINUE)
        case Directive.AWAIT_APPROVAL:
            pass
        case _:
            assert_never(directive)


def close_lane(turn: Turn, group: Group, step: Step, answer: str) -> None:
    """A lane of a parallel group ended."""
    turn.record(LaneClosed(at=turn.at, group=group.id, step=step.lane, answer=answer))
    _conclude(turn, group.id)


def _conclude(turn: Turn, group_id: str) -> None:
    """End a parallel group once every lane has ended: an error comes before a stop, before an expiry, before going on."""
    group = turn.flow.groups[group_id]
    if group.lanes:
        return
    if group.cancelled is not None:
        turn.notes.append(GroupAnswered(group_id, Directive.STOP))
    elif FAILED_LANE in group.answers:
        spent = _first(turn, group, _is_refused_a_clone)
        turn.notes.append(GroupFailed(group_id, spent.id, spent_retries(spent)))
    elif Directive.STOP in group.answers:
        stopper = _first(turn, group, lambda step: directive_of(step.directive) is Directive.STOP)
        turn.notes.append(GroupAnswered(group_id, Directive.STOP, stopper.id))
    elif EXPIRED_LANE in group.answers:
        expired = _first(turn, group, lambda step: step.status.status == StepStatus.APPROVAL_EXPIRED)
        turn.notes.append(StepExpired(expired.id, str(expired.status.metadata["err_message"])))
    else:
        turn.notes.append(GroupAnswered(group_id, Directive.CONTINUE))


def _is_refused_a_clone(step: Step) -> bool:
    again = directive_of(step.directive) in {Directive.RETRY, Directive.RETRY_GROUP}
    return again and step.retry_index >= step.spec.retry.max_retries


def _first(turn: Turn, group: Group, which: Callable[[Step], bool]) -> Step:
    """Give the first step of a group that is such; there is one."""
    members = turn.flow.order.of_generation(group.group_idx, group.generation)
    return next(step for step in map(turn.step, members) if which(step))


def end_group(turn: Turn, group_id: str, status: GroupStatus, directive: str, description: str = "") -> None:
    """Write how a group ended and what it leaves for the flow."""
    turn.record(GroupLeft(at=turn.at, group=group_id, directive=directive))
    turn.set_group(group_id, status, description)
