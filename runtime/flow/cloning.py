"""Steps and groups that are tried again are cloned: a row is executed once (spec sections 12.3 and 12.4)."""

from collections.abc import Sequence

import attrs

from runtime.flow.cleanup import discard_lane
from runtime.flow.flow import AUTO_RETRIED
from runtime.flow.generation import SPACING, group_id
from runtime.flow.naming import generation_name, next_name, retry_number
from runtime.flow.records import GroupAdded, RowsAdded, StepAdded, StepRetried
from runtime.flow.rows import CloneSpec, Group, Step, StepSpec
from runtime.flow.states import GroupStatus, Mode, StepStatus
from runtime.flow.turn import Turn


class CloneRefused(Exception):
    """A step or a group was tried as often as it may be."""


def spent_retries(step: Step) -> str:
    """Say of a step that it was tried as often as it may be."""
    return f'step "{step.name}" was retried {step.retry_index} times, of {step.spec.retry.max_retries} allowed'


def clone_step(turn: Turn, step_id: str) -> Sequence[str]:
    """Put a clone (or what its signal wants in its place) right behind a step.

    What it was cloned as itself is cloned as a whole: the rest of that is not carried out.

    Raises:
        CloneRefused: its retries are spent; nothing was changed.
    """
    step = turn.step(step_id)
    if step.retry_index >= step.spec.retry.max_retries:
        raise CloneRefused(spent_retries(step))
    discard_lane(turn, step, f"step {step.id}, which it goes with, was retried")
    specs = _specs(step.spec)
    rows = [
        _clone(
            turn,
            step,
            spec,
            number,
            idx=_slot(turn, step, number),
            retry_index=step.retry_index + 1,
            generation=step.generation,
            not_before=_not_before(turn, [step]) if not number else 0.0,
        )
        for number, spec in enumerate(specs)
    ]
    turn.record(RowsAdded(at=turn.at, by=turn.by, steps=tuple(rows)))
    return [row.id for row in rows]


def clone_generation(
    turn: Turn, steps: Sequence[Step], *, into: GroupAdded | None = None, not_before: float = 0.0
) -> Sequence[str]:
    """Put clones of steps into the next generation of their group, in order; the first waits until `not_before`."""
    first = steps[0]
    generation = turn.flow.order.last_generation(first.group_idx) + 1
    spacing = SPACING if turn.flow.mode is Mode.GROUP else 1
    last = turn.flow.order.last_index(first.group_idx)
    rows = [
        _clone(
            turn,
            step,
            attrs.evolve(step.spec, name=generation_name(step.name, generation)),
            number,
            idx=last + (number + 1) * spacing,
            retry_index=0,
            generation=generation,
            group=into,
            not_before=0.0 if number else not_before,
        )
        for number, step in enumerate(steps)
    ]
    turn.record(RowsAdded(at=turn.at, by=turn.by, groups=() if into is None else (into,), steps=tuple(rows)))
    return [row.id for row in rows]


def clone_group(turn: Turn, group: Group) -> None:
    """Put the next generation in the place of a group.

    Raises:
        CloneRefused: the retries of one of its steps are spent, or it is parallel; nothing was changed.
    """
    if group.parallel:
        raise CloneRefused(f"{group.name} is parallel: its steps are retried one by one")
    flow = turn.flow
    members = [turn.step(one) for one in flow.order.of_generation(group.group_idx, group.generation)]
    generation = group.generation + 1
    limit = flow.limit_of_group(group)
    if generation > limit:
        raise CloneRefused(f"{group.name} was retried {group.generation} times, of {limit} allowed")
    not_before = _not_before(turn, members)
    turn.set_group(group.id, GroupStatus.DISCARDED, "retried as a group")
    for step in members:
        if step.status.status != StepStatus.DISCARDED:
            turn.set_step(step.id, StepStatus.DISCARDED, metadata={"reason": "retried with its group"})
            turn.record(StepRetried(at=turn.at, step=step.id))
    clone_generation(turn, newest_of(members), into=_next_group(group, generation), not_before=not_before)


def _not_before(turn: Turn, steps: Sequence[Step]) -> float:
    """Say until when the next try of steps waits: after those that a person asked for it does not."""
    waits = [
        step.spec.retry.wait_before(turn.flow.spent(step)[0])
        for step in steps
        if step.status.status == StepStatus.ERROR and step.status.metadata.get(AUTO_RETRIED)
    ]
    longest = max(waits, default=0.0)
    return turn.at + longest if longest else 0.0


def newest_of(members: Sequence[Step]) -> Sequence[Step]:
    """Give the members but for those that a clone of theirs stands for already: those of the last clone of each lane."""
    newest: dict[str, int] = {}
    for step in members:
        newest[step.lane] = max(newest.get(step.lane, 0), step.retry_index)
    return [step for step in members if step.retry_index == newest[step.lane]]


def _next_group(group: Group, generation: int) -> GroupAdded:
    return GroupAdded(
        id=group_id(group.group_idx, generation, stored=group.stored),
        group_idx=group.group_idx,
        generation=generation,
        name=group.name,
        parallel=group.parallel,
        stored=group.stored,
    )


def _specs(spec: StepSpec) -> Sequence[StepSpec]:
    if not spec.clone_as:
        return [attrs.evolve(spec, name=next_name(spec.name))]
    return [_as(spec, one) for one in spec.clone_as]


def _as(spec: StepSpec, one: CloneSpec) -> StepSpec:
    return attrs.evolve(
        spec,
        name=generation_name(one.name, (retry_number(spec.name) or 0) + 1),
        signal=one.signal,
        legacy_signal=None,
        execution_type=one.execution_type,
    )


def _slot(turn: Turn, step: Step, number: int) -> int:
    """Give the place of a clone: behind its original, and before the next step of the group."""
    if turn.flow.mode is not Mode.GROUP:
        return step.idx
    return min(step.idx + 1 + number, step.idx - step.idx % SPACING + SPACING - 1)


def _clone(
    turn: Turn,
    step: Step,
    spec: StepSpec,
    number: int,
    *,
    idx: int,
    retry_index: int,
    generation: int,
    group: GroupAdded | None = None,
    not_before: float = 0.0,
) -> StepAdded:
    seq = len(turn.flow.steps) + number
    fresh = generation != step.generation
    return StepAdded(
        id=f"s{seq + 1}",
        seq=seq,
        lane=f"s{seq + 1}" if fresh else step.lane,
        spec=spec,
        idx=idx,
        group_idx=step.group_idx,
        generation=generation,
        group_id=step.group_id if group is None else group.id,
        metadata={"is_retry": True, "retry_idx": generation if fresh else retry_index},
        retry_index=retry_index,
        target_type=step.target_type,
        not_before=not_before,
    )
