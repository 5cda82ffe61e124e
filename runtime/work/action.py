"""Performing one action: rendered through the functions it calls, run, and reshaped (spec sections 5.4, 5.6 and 6.5).

Whatever goes wrong is a state of the result; only a cancel gets through.
"""

import math
from collections.abc import Awaitable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import attrs

from runtime.configuration import ConfigurationInvalid
from runtime.engine.events import StepFinished
from runtime.engine.records import StepReturned
from runtime.engine.states import StepState
from runtime.errors import TemplatingError
from runtime.foreign import passes, said, told
from runtime.lengths import faults_of_tags
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
from runtime.values.json import Json, NotJson, ValueTooLarge, normalise
from runtime.values.snapshot import Values
from runtime.work.heeding import heed
from runtime.work.limits import TOTAL, runner_label
from runtime.work.resources import Resources
from runtime.work.trial import Attempt, Tools
from runtime.work.watch import Watch

_DONE: Final = StepState.DONE  # on the names of members: `runtime.engine.states`
_NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})


class _TagTooLong(ValueError):
    """No store could find the task by it."""


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


def act(attempt: Attempt, hooked: Values | None = None) -> Awaitable[StepFinished]:
    """Perform the action of the attempt's step, whose texts see the result of its pre-hook in `hooked`. Await it at once.

    It and those below that only choose are no coroutines of their own: each would cost a step a microsecond.
    """
    program = attempt.program
    fixed = program.fixed
    if fixed is not None:
        request = _request(attempt, fixed.config, attempt.sight if hooked is None else hooked)
        return _provisioned(fixed.runner, request, attempt)
    return perform(attempt, program.definition.action, attempt.values if hooked is None else hooked)


async def perform(attempt: Attempt, action: Action, values: Values) -> StepFinished:
    """Render an action, perform it, and reshape what it gave."""
    tools = attempt.tools
    try:
        levels, request, runner = await _prepare(attempt, action, values)
        reshapings = [await _reshaping(level, tools) for level in reversed(levels) if level.action.output is not None]
    except Unrenderable as fault:
        return attempt.untried(StepState.FATAL_ERROR, str(fault))
    finished = await _provisioned(runner, request, attempt)
    for reshaping in () if attempt.short else reshapings:  # what the step had was reshaped when it got it
        finished = await _reshape(finished, reshaping, attempt)
    return finished


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
    attempt: Attempt, action: Action, values: Values
) -> tuple[Sequence[_Level], StepRequest[object], AnyRunner]:
    tools, template = attempt.tools, attempt.program.template
    calls = calls_of(action, template.functions)
    runner = _runner(calls[-1].action if calls else action, tools)
    base = template.base_configurations.get(action.base_configuration or "")
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
    return levels, _request(attempt, config, innermost.values), runner


def _request(attempt: Attempt, config: object, values: Mapping[str, Any]) -> StepRequest[object]:
    header, program = attempt.header, attempt.program
    return StepRequest(
        header.task_id,
        header.resolution_id,
        attempt.step,
        attempt.kept.tries + 1,
        config,
        program.template.name,
        header.requester,
        header.resolver,
        values,
        attempt.spawned,
        attempt.callbacks,
        attempt,
        program.definition.idempotent,
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


def _provisioned(runner: AnyRunner, request: StepRequest[object], attempt: Attempt) -> Awaitable[StepFinished]:
    """Run the action while holding its limited resources: those of its runner, of its step, and of everybody."""
    resources = attempt.tools.resources
    return _run(runner, request, attempt) if resources is None else _run_holding(resources, runner, request, attempt)


async def _run_holding(
    resources: Resources, runner: AnyRunner, request: StepRequest[object], attempt: Attempt
) -> StepFinished:
    try:
        implied = [str(label) for label in runner.resources(request.config)]
    except BaseException as failure:
        if passes(failure):
            raise
        return attempt.finished(StepState.SERVER_ERROR, told(failure))
    everybody = {TOTAL, runner_label(runner.name)}
    limited = resources.limited({*implied, *attempt.program.definition.resources, *everybody})
    if not limited:
        return await _run(runner, request, attempt)
    try:
        async with resources.holding(limited, (request.task_id, request.step), waits=runner.waits):
            return await _run(runner, request, attempt)
    except NotProvisioned as shortage:  # what the action left last time is not lost to it (Q10)
        attempt.short = True
        return attempt.kept_as(StepState.TO_RETRY, shortage.message, tried=True)


async def _run(runner: AnyRunner, request: StepRequest[object], attempt: Attempt) -> StepFinished:
    """The guard around foreign code: whatever it does, the attempt comes to something."""
    if attempt.tools.sure is not None:
        await attempt.tools.sure()
    try:
        outcome: object
        if runner.grace_seconds > 0 or runner.heartbeat_seconds < math.inf:
            attempt.watch = Watch(runner)
            outcome = await attempt.watch.run(request)
        else:
            outcome = await runner.run(request)
    except StepFailed as failure:
        finished = _left(attempt, _state_of(failure), said(failure.message), failure)
        return await heed(attempt, finished) if attempt.wishes and attempt.program.bare else finished
    except NotJson as fault:
        return attempt.finished(StepState.FATAL_ERROR, f"the result of the action is not JSON: {fault}")
    except BaseException as failure:
        if passes(failure):
            raise
        return attempt.finished(StepState.SERVER_ERROR, told(failure))
    if isinstance(outcome, Outcome):
        finished = _left(attempt, _DONE, "", outcome)
        return await heed(attempt, finished) if attempt.wishes and attempt.program.bare else finished
    problem = f'runner "{runner.name}" gave a {type(outcome).__name__}, not an Outcome'
    return attempt.finished(StepState.FATAL_ERROR, problem)  # a runner need not be type-checked


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


def _left(attempt: Attempt, state: StepState, error: str, left: Outcome | StepFailed) -> StepFinished:
    """Take over what an action left, and wished for."""
    most = attempt.tools.result_size
    try:
        if left.wishes:
            attempt.wishes = (*attempt.wishes, *left.wishes)
        record = StepReturned(
            attempt.tools.clock.wall(),
            attempt.step,
            state,
            state,
            error,
            None if left.output is None else normalise(left.output, most),
            None if left.metadata is None else normalise(left.metadata, most),
        )
        return StepFinished(record, attempt.number, _tags(left.tags, most) if left.tags else _NO_TAGS)
    except ValueTooLarge:
        return attempt.finished(StepState.FATAL_ERROR, _too_large(most, error))
    except NotJson as fault:
        problem = f"the result of the action is not JSON: {fault}"
    except _TagTooLong as fault:
        problem = f"the result of the action cannot be kept: {fault}"
    except Exception as fault:  # noqa: BLE001 - a mapping may be foreign code, too
        problem = f"the result of the action cannot be read: {told(fault)}"
    return attempt.finished(StepState.FATAL_ERROR, problem, output=said(left.output))


def _too_large(most: int, error: str) -> str:
    problem = (
        f"the result of the action is larger than {most:,} (the characters of its texts, and 8 for each member of a list or"
        " a mapping): keep it elsewhere and give where it is, or allow more with Limits(result_size=...), which is"
        " max_result_size in utask-cfg"
    )
    return f"{problem}; the action itself had failed: {error}" if error else problem


def _tags(tags: object, most: int) -> Mapping[str, str]:
    whole = normalise({"tags": tags}, most)  # so that the path to a fault says that it is in them
    given = whole["tags"] if isinstance(whole, dict) else None
    if not isinstance(given, dict) or not all(isinstance(text, str) for text in given.values()):
        raise NotJson("must be a mapping of texts to texts", ".tags")
    for fault in faults_of_tags(given):
        raise _TagTooLong(str(fault))
    return given


async def _reshape(finished: StepFinished, reshaping: _Reshaping, attempt: Attempt) -> StepFinished:
    """Apply one output strategy (sections 5.4 and 6.5)."""
    if finished.state == StepState.FATAL_ERROR:
        return finished
    match reshaping.output.strategy:
        case OutputStrategy.MERGE if isinstance(reshaping.merged, Mapping):
            own = finished.output if isinstance(finished.output, Mapping) else {}
            return finished.with_output({**reshaping.merged, **own})
        case OutputStrategy.TEMPLATE:
            progress = attrs.evolve(
                attempt.kept, output=finished.output, metadata=finished.metadata, error=finished.error
            )
            seen = attempt.seen(reshaping.values, progress)
            try:
                output = await attempt.tools.evaluator.render_tree(reshaping.output.format, seen)
            except TemplatingError as fault:
                if finished.state == StepState.WAITING:  # what it waits for may well be what the format reaches into
                    return finished
                return finished.failed(StepState.FATAL_ERROR, f"unable to format output: {fault}")
            return finished.with_output(output)
        case _:
            return finished
