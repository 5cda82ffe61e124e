"""Steps are generated once per flow, and stored before the first one runs (spec section 5)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

import attrs

from runtime.errors import Conflict, did_you_mean
from runtime.flow.effects import Generate
from runtime.flow.ends import fail_flow
from runtime.flow.events import GenerationFailed, GroupsGenerated, StartRequested, StepsGenerated
from runtime.flow.flow import Flow
from runtime.flow.records import (
    FlowHeld,
    FlowQueued,
    FlowStarted,
    GenerationBegan,
    GenerationEnded,
    GroupAdded,
    RowsAdded,
    RunOpened,
    StepAdded,
)
from runtime.flow.rows import GroupSpec, Signal, StepSpec
from runtime.flow.states import ExecutionType, FlowStatus, FlowTurn, Mode, RunType
from runtime.flow.turn import Entered, GoOn, Turn

SPACING: Final = 100
"""How far apart the steps of a group are numbered, so that clones fit between them."""

MOST_STEPS: Final = 10_000
"""How many steps a flow may be generated with."""

G = TypeVar("G")


class GenerationError(ValueError):
    """The steps of a flow cannot be had; the text says why, with the path to what is wrong."""


def choose_generator(flow_type: str, signal: Signal | None, generators: Mapping[str, G] | None) -> G | Signal:
    """Give what generates the steps of a flow: its own signal before the generator of its type.

    Raises:
        GenerationError: there is neither.
    """
    if signal is not None:
        return signal
    if generators is None:
        raise GenerationError("no way to generate steps: the flow has no signal for it, and there are no generators")
    generator = generators.get(flow_type)
    if generator is None:
        hint = did_you_mean(flow_type, sorted(generators)) or f"known: {', '.join(sorted(generators)) or 'none'}"
        raise GenerationError(f'no generator for flows of type "{flow_type}" ({hint})')
    return generator


def flatten(given: object, *, plan_only: bool = False) -> tuple[Sequence[StepSpec], Sequence[GroupSpec]]:
    """Take what a generator gave apart into steps and groups: steps, or groups (with steps of their own), or both.

    Groups are numbered from 1 in the order they come, unless they say otherwise.

    Raises:
        GenerationError: it is nothing, or no such thing; the path leads there.
    """
    if given is None or isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise GenerationError(f"the generator has to give steps or groups, not {type(given).__name__}")
    steps: list[StepSpec] = []
    groups: list[GroupSpec] = []
    for number, one in enumerate(given):
        if number >= MOST_STEPS:
            raise GenerationError(f"the generator gave more than {MOST_STEPS} steps")
        if isinstance(one, StepSpec):
            steps.append(one)
        elif isinstance(one, GroupSpec):
            group_idx = len(groups) + 1 if one.group_idx is None else one.group_idx
            groups.append(attrs.evolve(one, group_idx=group_idx, before=(), steps=(), after=()))
            for name in ("steps",) if plan_only else ("before", "steps", "after"):
                for inner, step in enumerate(_listed(getattr(one, name), f"[{number}].{name}")):
                    if not isinstance(step, StepSpec):
                        raise GenerationError(f"[{number}].{name}[{inner}]: not a step but {type(step).__name__}")
                    steps.append(attrs.evolve(step, group_idx=group_idx))
        else:
            raise GenerationError(f"[{number}]: neither a step nor a group but {type(one).__name__}")
    _check(steps, groups)
    return steps, groups


def _listed(given: object, path: str) -> Iterable[object]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise GenerationError(f"{path}: must be a list of steps, not {type(given).__name__}")
    return given


def _check(steps: Sequence[StepSpec], groups: Sequence[GroupSpec]) -> None:
    if not steps:
        raise GenerationError("the generator gave no steps")
    if len(steps) > MOST_STEPS:
        raise GenerationError(f"the generator gave more than {MOST_STEPS} steps")
    numbers = [group.group_idx for group in groups]
    for number, group_idx in enumerate(numbers):
        if group_idx in numbers[:number]:
            raise GenerationError(f"groups[{number}]: there is another group {group_idx}")
    for number, step in enumerate(steps):
        if not str(step.name).strip():
            raise GenerationError(f"steps[{number}].name: a step has to have a name")
        if type(step.group_idx) is not int or step.group_idx < 0:
            raise GenerationError(f"steps[{number}].group_idx: must be 0, 1 or so on, not {str(step.group_idx)[:100]}")


def start(turn: Turn, event: StartRequested) -> Conflict | None:
    """Begin with a flow; with that of an owner once it is its turn, for one flow of an owner runs at a time."""
    flow = turn.flow
    if flow.status.status != FlowStatus.PENDING:
        return Conflict(f"flow {flow.header.flow_id} cannot be started: it is {flow.status.status}")
    if flow.turn is FlowTurn.WAITS:
        return Conflict(f"flow {flow.header.flow_id} cannot be started: it waits for its turn already")
    if flow.header.owner:
        turn.record(FlowQueued(at=event.at))
        turn.set_flow(FlowStatus.PENDING, "waiting for its turn")
    else:
        _begin(turn)
    return None


def turn_given(turn: Turn) -> None:
    """Begin with a flow that waited for its turn; one that does so no longer leaves it to the next."""
    if turn.flow.turn is FlowTurn.WAITS:
        _begin(turn)


def _begin(turn: Turn) -> None:
    flow = turn.flow
    turn.record(FlowStarted(at=turn.at))
    turn.record(RunOpened(at=turn.at, run_id="r1", type=RunType.INITIAL))
    if flow.steps:
        turn.notes.append(Entered(0))
    else:
        turn.record(GenerationBegan(at=turn.at))
        turn.set_flow(FlowStatus.IN_PROGRESS, "generating steps")
        turn.effects.append(Generate(flow.header.generate_signal))


def generated(turn: Turn, event: StepsGenerated) -> None:
    """Store the steps, once; then go on with the first, or behind the eager groups."""
    flow = turn.flow
    if not flow.generating:
        return
    first = not flow.steps
    turn.record(rows_of(flow, event.steps, event.groups, at=event.at))
    if first:
        turn.set_flow(FlowStatus.IN_PROGRESS, "steps generated")
    turn.notes.append(Entered(0) if first else GoOn())


def groups_generated(turn: Turn, event: GroupsGenerated) -> None:
    """Store groups that are carried out while the rest is generated; a generator that is asked again gives them again."""
    flow = turn.flow
    if not flow.generating or flow.mode is not Mode.GROUP:
        return
    first, rows = not flow.steps, rows_of(flow, event.steps, event.groups, at=event.at, more=True)
    if rows.steps:
        turn.record(rows)
        turn.notes.append(Entered(0) if first else GoOn())


def failed(turn: Turn, event: GenerationFailed) -> None:
    """End the flow: no step runs, none is stored; or once the eager groups that are stored have ended.

    A generator that a shutdown cut is asked again when the flow is taken up.
    """
    if not turn.flow.generating:
        return
    if event.cut:
        hold(turn, by="runtime", reason=event.error)
        return
    error = f"flow {turn.flow.header.flow_id}: {event.error}"
    if turn.flow.steps:
        turn.record(GenerationEnded(at=event.at, error=error))
        turn.notes.append(GoOn())
    else:
        fail_flow(turn, error)


def hold(turn: Turn, *, by: str, reason: str) -> None:
    """Start nothing new from here on."""
    if turn.flow.ending is None and not turn.flow.held:
        turn.record(FlowHeld(at=turn.at, by=by, reason=reason))


def abandon(turn: Turn) -> None:
    """There is nobody left to generate steps for."""
    turn.record(GenerationEnded(at=turn.at))


def rows_of(
    flow: Flow, steps: Sequence[StepSpec], groups: Sequence[GroupSpec], *, at: float, more: bool = False
) -> RowsAdded:
    """Make rows of what was generated, but for the groups that are there already. `more`: the generator goes on.

    A group without steps gets none: nothing would ever carry it out, and end it.
    """
    there = set(flow.order.groups)
    steps = [one for one in steps if one.group_idx not in there]
    begin = len(flow.steps)
    named = {group.group_idx or 0: group for group in groups}
    grouped = flow.mode is Mode.GROUP
    parallel = {step.group_idx for step in steps if step.parallel}
    numbers = sorted({step.group_idx for step in steps}) if grouped else []
    rows = []
    for group_idx in numbers:
        spec = named.get(group_idx, GroupSpec())
        rows.append(
            GroupAdded(
                id=group_id(group_idx, 0, stored=flow.header.group_records),
                group_idx=group_idx,
                generation=0,
                name=spec.name or f"group {group_idx}",
                parallel=spec.parallel or group_idx in parallel,
                stored=flow.header.group_records,
            )
        )
    ids = {row.group_idx: row.id for row in rows}
    spacing = SPACING if grouped else 1
    return RowsAdded(
        at=at,
        by=flow.header.by,
        more=more,
        groups=tuple(rows),
        steps=tuple(
            _row(spec, number, idx=number * spacing, group_id=ids.get(spec.group_idx, ""))
            for number, spec in enumerate(steps, start=begin)
        ),
    )


def group_id(group_idx: int, generation: int, *, stored: bool) -> str:
    """Name a generation of a group; one without a record has a name that no record has."""
    return f"g{group_idx}.{generation}" if stored else f"#{group_idx}.{generation}"


def _row(spec: StepSpec, number: int, *, idx: int, group_id: str) -> StepAdded:
    if not spec.signals and spec.execution_type is not ExecutionType.SKIPPED:
        spec = attrs.evolve(
            spec,
            execution_type=ExecutionType.SKIPPED,
            metadata={"reason": "there is nothing to do", **spec.metadata},
            retryable=False,
            skippable=False,
        )
    return StepAdded(
        id=f"s{number + 1}",
        seq=number,
        lane=f"s{number + 1}",
        spec=spec,
        idx=idx,
        group_idx=spec.group_idx,
        generation=0,
        group_id=group_id,
        target_type=spec.target_type,
        target_id=spec.target_id,
    )
