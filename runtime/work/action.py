"""Performing one action: rendered through the functions it calls, run, and reshaped (spec sections 5.4, 5.6 and 6.5).

Whatever goes wrong is a state of the result; only a cancel gets through.
"""

from collections.abc import Awaitable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import attrs

from runtime.configuration import ConfigurationInvalid
from runtime.engine.states import StepState
from runtime.errors import TemplatingError
from runtime.foreign import passes, said, told
from runtime.runner import (
    AnyRunner,
    ClientError,
    NotAssigned,
    NotProvisioned,
    Outcome,
    RunnerUnknown,
    StepFailed,
    StepRequest,
)
from runtime.templates.calls import calls_of
from runtime.templates.model import Action, Function, Output, OutputStrategy
from runtime.values.evaluator import EvalCache
from runtime.values.json import Json, NotJson, normalise
from runtime.values.snapshot import Values
from runtime.work.limits import TOTAL, runner_label
from runtime.work.resources import Resources
from runtime.work.trial import Attempt, Result, Tools
from runtime.work.watch import AttemptLife, watched

_NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})


class Unrenderable(Exception):
    """The attempt cannot reach its action: FATAL_ERROR, not counted as a try."""


@attrs.frozen
class _Level:
    """One action on the way from the step to the runner: what its texts see, and its configuration rendered."""

    action: Action
    values: Values
    configuration: Json


@attrs.frozen
class _Reshaping:
    """One output strategy to apply: what its format sees, and the format of strategy merge, rendered."""

    output: Output
    values: Values
    merged: Json


def perform(attempt: Attempt, action: Action, values: Values, tools: Tools) -> Awaitable[Result]:
    """Perform an action of the attempt's step; its texts see `values`. Await it at once.

    It and those below that only choose are no coroutines of their own: each would cost a step a microsecond.
    """
    fixed = attempt.program.fixed
    if fixed is not None and action is attempt.definition.action:
        return _provisioned(fixed.runner, _request(attempt, fixed.config, values, tools), attempt, tools)
    return _perform_rendered(attempt, action, values, tools)


async def _perform_rendered(attempt: Attempt, action: Action, values: Values, tools: Tools) -> Result:
    try:
        levels, request, runner = await _prepare(attempt, action, values, tools)
        reshapings = [await _reshaping(level, tools) for level in reversed(levels) if level.action.output is not None]
    except Unrenderable as fault:
        return unreachable(attempt, str(fault))
    result = await _provisioned(runner, request, attempt, tools)
    for reshaping in reshapings:
        result = await _reshape(result, reshaping, attempt, tools)
    return result


def unreachable(attempt: Attempt, error: str) -> Result:
    """Give what an attempt comes to that could not reach its action."""
    kept = attempt.progress
    return Result(state=StepState.FATAL_ERROR, error=error, output=kept.output, metadata=kept.metadata, tried=False)


async def arguments(action: Action, calls: Sequence[Function], values: Values, tools: Tools) -> Values:
    """Give what the last of `calls`, the first functions that `action` goes through, sees: its own arguments.

    Raises:
        Unrenderable: they cannot be rendered.
    """
    try:
        levels = await _levels(action, calls[:-1], values, tools, EvalCache())
    except TemplatingError as fault:
        raise Unrenderable(f"failed to template configuration: {fault}") from fault
    return _called(levels[-1])


async def _prepare(
    attempt: Attempt, action: Action, values: Values, tools: Tools
) -> tuple[Sequence[_Level], StepRequest[object], AnyRunner]:
    calls = calls_of(action, attempt.template.functions)
    runner = _runner(calls[-1].action if calls else action, tools)
    base = attempt.template.base_configurations.get(action.base_configuration or "")
    cache = EvalCache()
    try:
        rendered_base = await tools.evaluator.render_tree(base, values, cache=cache)
        levels = await _levels(action, calls, values, tools, cache)
    except TemplatingError as fault:
        raise Unrenderable(f"failed to template configuration: {fault}") from fault
    innermost = levels[-1]
    try:
        config = runner.structure(innermost.configuration, rendered_base)
    except ConfigurationInvalid as fault:
        raise Unrenderable(str(fault)) from fault
    return levels, _request(attempt, config, innermost.values, tools), runner


def _request(attempt: Attempt, config: object, values: Values, tools: Tools) -> StepRequest[object]:
    header = attempt.header
    return StepRequest(
        header.task_id,
        header.resolution_id,
        attempt.step,
        attempt.progress.tries + 1,
        config,
        attempt.template.name,
        header.requester,
        header.resolver,
        MappingProxyType(values),
        attempt.spawned,
        attempt.callbacks,
        AttemptLife(tools, header.task_id, attempt.step, attempt.number),
        attempt.definition.idempotent,
    )


async def _levels(
    action: Action, calls: Sequence[Function], values: Values, tools: Tools, cache: EvalCache
) -> Sequence[_Level]:
    """Render level by level: the configuration of each is what the next one sees as its arguments."""
    configuration = await tools.evaluator.render_tree(action.configuration, values, cache=cache)
    levels = [_Level(action, values, configuration)]
    for function in calls:
        inner = _called(levels[-1])
        configuration = await tools.evaluator.render_tree(function.action.configuration, inner, cache=cache)
        levels.append(_Level(function.action, inner, configuration))
    return levels


def _called(caller: _Level) -> Values:
    given = caller.configuration
    return caller.values.with_function_args(given if isinstance(given, Mapping) else {})


def _runner(action: Action, tools: Tools) -> AnyRunner:
    try:
        return tools.runners.get(action.type)
    except RunnerUnknown as fault:
        raise Unrenderable(str(fault)) from fault


async def _reshaping(level: _Level, tools: Tools) -> _Reshaping:
    """Render the format of strategy merge, which is done before the action runs (section 6.5)."""
    output = level.action.output or Output(strategy=OutputStrategy.NONE)
    if output.strategy is not OutputStrategy.MERGE:
        return _Reshaping(output, level.values, None)
    try:
        rendered = await tools.evaluator.render_tree(output.format, level.values)
    except TemplatingError as fault:
        raise Unrenderable(f"failed to template base output: {fault}") from fault
    if rendered is not None and not isinstance(rendered, Mapping):
        raise Unrenderable("failed to template base output: the format of strategy merge has to be an object")
    return _Reshaping(output, level.values, rendered)


def _provisioned(runner: AnyRunner, request: StepRequest[object], attempt: Attempt, tools: Tools) -> Awaitable[Result]:
    """Run the action while holding its limited resources: those of its runner, of its step, and of everybody."""
    if tools.resources is None:
        return _run(runner, request, tools)
    return _run_holding(tools.resources, runner, request, attempt, tools)


async def _run_holding(
    resources: Resources, runner: AnyRunner, request: StepRequest[object], attempt: Attempt, tools: Tools
) -> Result:
    try:
        implied = [str(label) for label in runner.resources(request.config)]
    except BaseException as failure:
        if passes(failure):
            raise
        return Result(state=StepState.SERVER_ERROR, error=told(failure))
    everybody = {TOTAL, runner_label(runner.name)}
    limited = resources.limited({*implied, *attempt.definition.resources, *everybody})
    if not limited:
        return await _run(runner, request, tools)
    kept = attempt.progress  # what the action left last time is not lost to a shortage (Q10)
    try:
        async with resources.holding(limited, waits=runner.waits):
            return await _run(runner, request, tools)
    except NotProvisioned as shortage:
        return Result(state=StepState.TO_RETRY, error=shortage.message, output=kept.output, metadata=kept.metadata)


async def _run(runner: AnyRunner, request: StepRequest[object], tools: Tools) -> Result:
    """The guard around foreign code: whatever it does, the attempt gets a result."""
    if tools.sure is not None:
        await tools.sure()
    try:
        outcome: object
        if watched(runner) and isinstance(life := request.life, AttemptLife):
            outcome = await life.guard(runner, request)
        else:
            outcome = await runner.run(request)
    except StepFailed as failure:
        kept = _kept(_state_of(failure), said(failure.message), failure.output, failure.metadata, failure.tags)
        return attrs.evolve(kept, wishes=failure.wishes) if failure.wishes else kept
    except NotJson as fault:
        return Result(state=StepState.FATAL_ERROR, error=f"the result of the action is not JSON: {fault}")
    except BaseException as failure:
        if passes(failure):
            raise
        return Result(state=StepState.SERVER_ERROR, error=told(failure))
    if not isinstance(outcome, Outcome):  # a runner need not be type-checked
        return Result(
            state=StepState.FATAL_ERROR,
            error=f'runner "{runner.name}" gave a {type(outcome).__name__}, not an Outcome',
        )
    kept = _kept(StepState.DONE, "", outcome.output, outcome.metadata, outcome.tags)
    return attrs.evolve(kept, wishes=outcome.wishes) if outcome.wishes else kept


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


def _kept(state: StepState, error: str, output: object, metadata: object, tags: Mapping[str, str] = _NO_TAGS) -> Result:
    try:
        return Result(
            state,
            error,
            None if output is None else normalise(output),
            None if metadata is None else normalise(metadata),
            _tags(tags) if tags else _NO_TAGS,
        )
    except NotJson as fault:
        problem = f"the result of the action is not JSON: {fault}"
    except Exception as fault:  # noqa: BLE001 - a mapping may be foreign code, too
        problem = f"the result of the action cannot be read: {told(fault)}"
    return Result(state=StepState.FATAL_ERROR, error=problem, output=said(output))


def _tags(tags: object) -> Mapping[str, str]:
    whole = normalise({"tags": tags})  # so that the path to a fault says that it is in them
    given = whole["tags"] if isinstance(whole, dict) else None
    if not isinstance(given, dict) or not all(isinstance(text, str) for text in given.values()):
        raise NotJson("a mapping of texts to texts is wanted", ".tags")
    return given


async def _reshape(result: Result, reshaping: _Reshaping, attempt: Attempt, tools: Tools) -> Result:
    """Apply one output strategy (sections 5.4 and 6.5)."""
    if result.state is StepState.FATAL_ERROR:
        return result
    match reshaping.output.strategy:
        case OutputStrategy.MERGE if isinstance(reshaping.merged, Mapping):
            own = result.output if isinstance(result.output, Mapping) else {}
            return attrs.evolve(result, output={**reshaping.merged, **own})
        case OutputStrategy.TEMPLATE:
            progress = attrs.evolve(
                attempt.progress, output=result.output, metadata=result.metadata, error=result.error
            )
            seen = attempt.seen(reshaping.values, progress)
            try:
                output = await tools.evaluator.render_tree(reshaping.output.format, seen)
            except TemplatingError as fault:
                return attrs.evolve(result, state=StepState.FATAL_ERROR, error=f"unable to format output: {fault}")
            return attrs.evolve(result, output=output)
        case _:
            return result
