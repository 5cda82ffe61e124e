"""One attempt of one step, from its skip conditions to its checks (spec sections 6.5 to 6.7).

An attempt is born with everything it needs, asks nothing, and gives exactly one `StepFinished`. Everything that can
go wrong inside it is a state of the step; only being cut from outside, or a bug, ends it without a report, and then the
task's actor reports in its place.
"""

from collections.abc import Mapping

import attrs
import trio

from actors import Clock
from runtime.configuration import ConfigurationInvalid
from runtime.engine.events import Change, LoopUnrolled, StepFinished
from runtime.engine.states import StepState
from runtime.engine.task import Progress, view_of
from runtime.errors import TemplatingError
from runtime.runner import (
    AnyRunner,
    ClientError,
    NotAssigned,
    NotProvisioned,
    Outcome,
    Runners,
    RunnerUnknown,
    StepFailed,
    StepRequest,
)
from runtime.templates.model import Action, ConditionScope, ConditionType, OutputStrategy, Step, Template
from runtime.values.evaluator import EvalCache, Evaluator
from runtime.values.json import Json, NotJson, loads, normalise
from runtime.values.snapshot import Values
from runtime.work.judgement import JudgementError, judge
from runtime.work.schema import Schemas

_CHECKED = frozenset({StepState.DONE, StepState.CLIENT_ERROR})
"""The states an action may leave for its check conditions to be asked."""


@attrs.frozen(kw_only=True)
class Attempt:
    """All that one attempt knows. `values` is the snapshot that its templates see; `unroll`: it is that of a loop."""

    task_id: str
    resolution_id: str
    requester: str
    resolver: str
    template: Template
    step: str
    definition: Step
    number: int
    checks_only: bool
    unroll: bool
    progress: Progress
    values: Values


@attrs.frozen
class Tools:
    """What attempts share: nothing of it belongs to a task."""

    evaluator: Evaluator
    runners: Runners
    clock: Clock
    schemas: Schemas


@attrs.frozen(kw_only=True)
class _Result:
    """What the action came to, before conditions."""

    state: StepState
    error: str = ""
    output: Json = None
    metadata: Json = None
    tags: Mapping[str, str] = attrs.field(factory=dict)
    tried: bool = True


class _Fatal(Exception):
    """The attempt cannot reach its action: FATAL_ERROR, not counted as a try."""


async def run_attempt(attempt: Attempt, tools: Tools) -> StepFinished | LoopUnrolled:
    """Make one attempt. Cancelling it cuts whatever it is doing at the moment, the runner included."""
    if attempt.unroll:
        return await _skip(attempt, tools) or await _unroll(attempt, tools)
    if attempt.checks_only:
        kept = attempt.progress
        result = _Result(
            state=StepState(kept.returned), error="", output=kept.output, metadata=kept.metadata, tried=False
        )
    else:
        skipped = await _skip(attempt, tools)
        if skipped is not None:
            return skipped
        await trio.sleep(attempt.definition.execution_delay)
        result = await _act(attempt, tools)
    return await _check(attempt, result, tools)


def _finished(attempt: Attempt, tools: Tools, result: _Result, changes: tuple[Change, ...] = ()) -> StepFinished:
    return StepFinished(
        at=tools.clock.wall(),
        step=attempt.step,
        attempt=attempt.number,
        state=result.state,
        error=result.error,
        output=result.output,
        metadata=result.metadata,
        tags=result.tags,
        changes=changes,
        tried=result.tried,
    )


async def _skip(attempt: Attempt, tools: Tools) -> StepFinished | None:
    definition, kept = attempt.definition, attempt.progress
    scope = ConditionScope.PARENT if attempt.unroll else ConditionScope.CHILDREN
    conditions = [one for one in definition.conditions if one.foreach in {None, scope}]
    if not conditions:
        return None
    result = _Result(state=StepState.DONE, output=kept.output, metadata=kept.metadata, tried=False)
    try:
        judgement = await judge(
            ConditionType.SKIP,
            conditions,
            step=attempt.step,
            view=view_of(kept, definition),
            values=attempt.values,
            evaluator=tools.evaluator,
        )
    except JudgementError as fault:
        failed = attrs.evolve(result, state=StepState.SERVER_ERROR, error=str(fault))
        return _finished(attempt, tools, failed, _others(fault.changes, attempt.step))
    return _finished(attempt, tools, result, judgement.changes) if judgement.met else None


async def _unroll(attempt: Attempt, tools: Tools) -> StepFinished | LoopUnrolled:
    """Find the items of a loop: its `foreach` renders to a JSON array (section 6.11)."""
    kept = attempt.progress
    try:
        rendered = await tools.evaluator.render(attempt.definition.foreach or "", attempt.values)
        items = loads(rendered)
    except (TemplatingError, ValueError) as fault:
        items, problem = None, f"foreach: {fault}"
    else:
        problem = f"foreach has to give a list, not {rendered[:100]}"
    if isinstance(items, list):
        now = tools.clock.wall()
        return LoopUnrolled(at=now, step=attempt.step, attempt=attempt.number, items=tuple(items))
    result = _Result(
        state=StepState.FATAL_ERROR, error=problem, output=kept.output, metadata=kept.metadata, tried=False
    )
    return _finished(attempt, tools, result)


async def _check(attempt: Attempt, result: _Result, tools: Tools) -> StepFinished:
    definition = attempt.definition
    if not definition.conditions or result.state not in _CHECKED:
        return _finished(attempt, tools, result)
    progress = attrs.evolve(
        attempt.progress,
        state=result.state,
        error=result.error,
        output=result.output,
        metadata=result.metadata,
        tries=attempt.progress.tries + result.tried,
    )
    try:
        judgement = await judge(
            ConditionType.CHECK,
            definition.conditions,
            step=attempt.step,
            view=view_of(progress, definition),
            values=attempt.values,
            evaluator=tools.evaluator,
        )
    except JudgementError as fault:
        unclear = Change(step=attempt.step, state=StepState.AFTERRUN_ERROR, error=str(fault))
        return _finished(attempt, tools, result, (*_others(fault.changes, attempt.step), unclear))
    return _finished(attempt, tools, result, judgement.changes)


def _others(changes: tuple[Change, ...], step: str) -> tuple[Change, ...]:
    return tuple(change for change in changes if change.step != step)


async def _act(attempt: Attempt, tools: Tools) -> _Result:
    """Render, run, reshape, and turn what came of it into a state (section 6.6)."""
    action, kept = attempt.definition.action, attempt.progress
    values = _seen(attempt, kept)
    try:
        runner = _runner(action, tools)
        request = await _request(attempt, action, runner, values, tools)
        merged = await _merge_format(action, values, tools)
    except _Fatal as fault:
        return _Result(
            state=StepState.FATAL_ERROR,
            error=str(fault),
            output=kept.output,
            metadata=kept.metadata,
            tried=False,
        )
    result = await _run(runner, request)
    result = await _reshape(result, action, merged, attempt, tools)
    if result.state is StepState.DONE and attempt.definition.json_schema is not None:
        violation = tools.schemas.fault(attempt.definition.json_schema, result.output)
        if violation:
            return attrs.evolve(result, state=StepState.FATAL_ERROR, error=violation)
    return result


def _seen(attempt: Attempt, progress: Progress) -> Values:
    return attempt.values.with_this(view_of(progress, attempt.definition))


def _runner(action: Action, tools: Tools) -> AnyRunner:
    try:
        return tools.runners.get(action.type)
    except RunnerUnknown as fault:
        raise _Fatal(str(fault)) from fault


async def _request(
    attempt: Attempt, action: Action, runner: AnyRunner, values: Values, tools: Tools
) -> StepRequest[object]:
    bases = attempt.template.base_configurations
    cache = EvalCache()
    try:
        base = await tools.evaluator.render_tree(bases.get(action.base_configuration or ""), values, cache=cache)
        configuration = await tools.evaluator.render_tree(action.configuration, values, cache=cache)
    except TemplatingError as fault:
        raise _Fatal(f"failed to template configuration: {fault}") from fault
    try:
        config = runner.structure(configuration, base)
    except ConfigurationInvalid as fault:
        raise _Fatal(str(fault)) from fault
    return StepRequest(
        task_id=attempt.task_id,
        resolution_id=attempt.resolution_id,
        step=attempt.step,
        attempt=attempt.progress.tries + 1,
        config=config,
        template=attempt.template.name,
        requester=attempt.requester,
        resolver=attempt.resolver,
        values=values,
    )


async def _merge_format(action: Action, values: Values, tools: Tools) -> Json:
    """Render the format of strategy merge, which is done before the action runs (section 6.5)."""
    if action.output is None or action.output.strategy is not OutputStrategy.MERGE:
        return None
    try:
        rendered = await tools.evaluator.render_tree(action.output.format, values)
    except TemplatingError as fault:
        raise _Fatal(f"failed to template base output: {fault}") from fault
    if rendered is not None and not isinstance(rendered, Mapping):
        raise _Fatal("failed to template base output: the format of strategy merge has to be an object")
    return rendered


async def _run(runner: AnyRunner, request: StepRequest[object]) -> _Result:
    """The guard around foreign code: whatever it does, the attempt gets a result."""
    try:
        outcome: object = await runner.run(request)
    except StepFailed as failure:
        return _kept(_state_of(failure), failure.message, failure.output, failure.metadata)
    except Exception as failure:  # noqa: BLE001 - the runner guard: foreign code may raise anything
        return _Result(state=StepState.SERVER_ERROR, error=f"{type(failure).__name__}: {failure}")
    if not isinstance(outcome, Outcome):  # a runner need not be type-checked
        return _Result(
            state=StepState.FATAL_ERROR,
            error=f'runner "{runner.name}" gave a {type(outcome).__name__}, not an Outcome',
        )
    return attrs.evolve(_kept(StepState.DONE, "", outcome.output, outcome.metadata), tags=dict(outcome.tags))


def _state_of(failure: StepFailed) -> StepState:
    match failure:
        case ClientError():
            return StepState.CLIENT_ERROR
        case NotAssigned():
            return StepState.WAITING
        case NotProvisioned():
            return StepState.TO_RETRY
        case _:
            return StepState.SERVER_ERROR


def _kept(state: StepState, error: str, output: object, metadata: object) -> _Result:
    try:
        return _Result(state=state, error=error, output=normalise(output), metadata=normalise(metadata))
    except NotJson as fault:
        return _Result(
            state=StepState.FATAL_ERROR, error=f"the result of the action is not JSON: {fault}", output=str(output)
        )


async def _reshape(result: _Result, action: Action, merged: Json, attempt: Attempt, tools: Tools) -> _Result:
    """Apply the declared output strategy (sections 5.4 and 6.5)."""
    if action.output is None or (result.state is StepState.FATAL_ERROR):
        return result
    match action.output.strategy:
        case OutputStrategy.MERGE if isinstance(merged, Mapping):
            own = result.output if isinstance(result.output, Mapping) else {}
            return attrs.evolve(result, output={**merged, **own})
        case OutputStrategy.TEMPLATE:
            seen = attrs.evolve(attempt.progress, output=result.output, metadata=result.metadata, error=result.error)
            try:
                output = await tools.evaluator.render_tree(action.output.format, _seen(attempt, seen))
            except TemplatingError as fault:
                return attrs.evolve(result, state=StepState.FATAL_ERROR, error=f"unable to format output: {fault}")
            return attrs.evolve(result, output=output)
        case _:
            return result
