"""One attempt of one step, from its skip conditions to its checks (spec sections 6.5 to 6.7).

An attempt is born with everything it needs, asks nothing, and gives exactly one `StepFinished`. Everything that can
go wrong inside it is a state of the step; only being cut from outside, or a bug, ends it without a report, and then the
task's actor reports in its place.
"""

from collections.abc import Awaitable, Sequence

import attrs
import trio

from runtime.engine.events import Change, LoopUnrolled, StepFinished
from runtime.engine.states import StepState
from runtime.engine.task import view_of
from runtime.errors import TemplatingError
from runtime.templates.model import Action, Function
from runtime.values.json import loads
from runtime.values.snapshot import Values
from runtime.work.action import Unrenderable, arguments, perform, unreachable
from runtime.work.heeding import heed
from runtime.work.judgement import JudgementError, judge
from runtime.work.trial import Attempt, Result, Tools

_CHECKED = frozenset({StepState.DONE, StepState.CLIENT_ERROR})
"""The states an action may leave for its check conditions to be asked."""


async def run_attempt(attempt: Attempt, tools: Tools) -> StepFinished | LoopUnrolled:
    """Make one attempt. Cancelling it cuts whatever it is doing at the moment, the runner included."""
    if attempt.unroll:
        return await _skip(attempt, tools) or await _unroll(attempt, tools)
    if attempt.checks_only:
        kept = attempt.progress
        result = Result(
            state=StepState(kept.returned), error="", output=kept.output, metadata=kept.metadata, tried=False
        )
    else:
        skipped = await _skip(attempt, tools) if attempt.program.skips else None
        if skipped is not None:
            return skipped
        result = await _act(attempt, tools)
        if result.wishes:
            result = await heed(attempt, result, tools)
    if not attempt.program.checks or result.state not in _CHECKED:
        return _finished(attempt, tools, result)
    return await _check(attempt, result, tools)


def _finished(attempt: Attempt, tools: Tools, result: Result, changes: tuple[Change, ...] = ()) -> StepFinished:
    return StepFinished(
        tools.clock.wall(),
        attempt.step,
        attempt.number,
        result.state,
        result.error,
        result.output,
        result.metadata,
        result.tags,
        changes,
        result.tried,
        result.granted,
    )


async def _skip(attempt: Attempt, tools: Tools) -> StepFinished | None:
    definition, kept = attempt.definition, attempt.progress
    conditions = attempt.program.parent_skips if attempt.unroll else attempt.program.skips
    result = Result(state=StepState.DONE, output=kept.output, metadata=kept.metadata, tried=False)
    try:
        judgement = await judge(
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
    result = Result(state=StepState.FATAL_ERROR, error=problem, output=kept.output, metadata=kept.metadata, tried=False)
    return _finished(attempt, tools, result)


async def _check(attempt: Attempt, result: Result, tools: Tools) -> StepFinished:
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
            attempt.program.checks,
            step=attempt.step,
            view=view_of(progress, attempt.definition),
            values=attempt.values,
            evaluator=tools.evaluator,
        )
    except JudgementError as fault:
        unclear = Change(step=attempt.step, state=StepState.AFTERRUN_ERROR, error=str(fault))
        return _finished(attempt, tools, result, (*_others(fault.changes, attempt.step), unclear))
    return _finished(attempt, tools, result, judgement.changes)


def _others(changes: tuple[Change, ...], step: str) -> tuple[Change, ...]:
    return tuple(change for change in changes if change.step != step)


def _act(attempt: Attempt, tools: Tools) -> Awaitable[Result]:
    """Wait, with the pre-hook at work meanwhile; perform the action, and check what it gave (sections 6.5 and 6.6)."""
    definition = attempt.definition
    if attempt.program.hook is not None or definition.execution_delay or definition.json_schema is not None:
        return _wait_and_act(attempt, tools)
    return perform(attempt, definition.action, attempt.values, tools)


async def _wait_and_act(attempt: Attempt, tools: Tools) -> Result:
    definition = attempt.definition
    values = attempt.values
    waits = attempt.program.hook is not None or definition.execution_delay
    hooked = await _wait(attempt, values, tools) if waits else None
    if hooked is not None and hooked.state is not StepState.DONE:
        return hooked
    if hooked is not None:
        values = values.with_pre_hook(hooked.output, hooked.metadata)
    result = await perform(attempt, definition.action, values, tools)
    if hooked is not None:
        result = attrs.evolve(result, tags={**hooked.tags, **result.tags}, wishes=(*hooked.wishes, *result.wishes))
    if result.state is StepState.DONE and definition.json_schema is not None:
        violation = tools.schemas.fault(definition.json_schema, result.output)
        if violation:
            return attrs.evolve(result, state=StepState.FATAL_ERROR, error=violation)
    return result


async def _wait(attempt: Attempt, values: Values, tools: Tools) -> Result | None:
    """Let the execution delay pass and give what the pre-hook came to, if there is one. One that fails ends the wait."""
    delay = attempt.definition.execution_delay
    hook, calls = attempt.program.hook, attempt.program.hook_calls
    if hook is None:
        await trio.sleep(delay)
        return None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep, delay)
        hooked = await _run_hook(attempt, hook, calls, values, tools)
        if hooked.state is not StepState.DONE:
            nursery.cancel_scope.cancel()
    return hooked


async def _run_hook(attempt: Attempt, hook: Action, calls: Sequence[Function], values: Values, tools: Tools) -> Result:
    """Perform the pre-hook. Failing, it decides the state of the step as an action would, whose output stays."""
    try:
        seen = await arguments(attempt.definition.action, calls, values, tools) if calls else values
    except Unrenderable as fault:
        return unreachable(attempt, f"prehook: {fault}")
    result = await perform(attempt, hook, seen, tools)
    if result.state is StepState.DONE:
        return result
    kept = attempt.progress
    return attrs.evolve(result, error=f"prehook: {result.error}", output=kept.output, metadata=kept.metadata)
