"""The way of one attempt of a step, from its skip conditions to its checks (spec sections 6.5 to 6.7).

An attempt is born with everything it needs, asks nothing, and gives exactly one `StepFinished`. Everything that can
go wrong inside it is a state of the step; only being cut from outside, or a bug, ends it without a report, and then
`Attempt.ended` says so in its place.
"""

from collections.abc import Awaitable, Sequence
from typing import Final

import attrs
import trio

from runtime.engine.events import Change, LoopUnrolled, StepFinished
from runtime.engine.states import StepState
from runtime.engine.task import Progress, view_of
from runtime.errors import TemplatingError
from runtime.templates.model import Action, Condition, Function
from runtime.values.json import loads
from runtime.values.snapshot import Values
from runtime.work.action import Unrenderable, act, arguments, perform
from runtime.work.heeding import heed
from runtime.work.judgement import Judgement, JudgementError, judge
from runtime.work.trial import Attempt, Report

_AFTERRUN_ERROR: Final = StepState.AFTERRUN_ERROR  # on the names of members: `runtime.engine.states`
_CHECKED: Final = frozenset({StepState.DONE, StepState.CLIENT_ERROR})
"""The states an action may leave for its check conditions to be asked."""


def run_attempt(attempt: Attempt) -> Awaitable[Report]:
    """Make one attempt: await it at once. Cancelling it cuts whatever it is doing at the moment, the runner included."""
    if attempt.program.bare and attempt.kept.before != _AFTERRUN_ERROR:
        return act(attempt)
    return _run_whole(attempt)


async def _run_whole(attempt: Attempt) -> Report:
    program = attempt.program
    if program.unrolls:
        return await _skip(attempt, program.parent_skips) or await _unroll(attempt)
    if attempt.kept.before == _AFTERRUN_ERROR:  # its action ran already
        finished = attempt.untried(StepState(attempt.kept.returned))
    else:
        skipped = await _skip(attempt, program.skips) if program.skips else None
        if skipped is not None:
            return skipped
        finished = await (act(attempt) if program.plain else _wait_and_act(attempt))
        if attempt.wishes:
            finished = await heed(attempt, finished)
    if not program.checks or finished.state not in _CHECKED:
        return finished
    return await _check(attempt, finished)


async def _skip(attempt: Attempt, conditions: Sequence[Condition]) -> StepFinished | None:
    try:
        judgement = await _judge(attempt, conditions, attempt.kept)
    except JudgementError as fault:
        return attempt.untried(StepState.SERVER_ERROR, str(fault), _others(fault.changes, attempt.step))
    return attempt.untried(StepState.DONE, changes=judgement.changes) if judgement.met else None


async def _unroll(attempt: Attempt) -> Report:
    """Find the items of a loop: its `foreach` renders to a JSON array (section 6.11)."""
    tools = attempt.tools
    try:
        rendered = await tools.evaluator.render(attempt.program.definition.foreach or "", attempt.values)
        items = loads(rendered)
    except (TemplatingError, ValueError) as fault:
        items, problem = None, f"foreach: {fault}"
    else:
        problem = f"foreach has to give a list, not {rendered[:100]}"
    if isinstance(items, list):
        now = tools.clock.wall()
        return LoopUnrolled(at=now, step=attempt.step, attempt=attempt.number, items=tuple(items))
    return attempt.untried(StepState.FATAL_ERROR, problem)


async def _check(attempt: Attempt, finished: StepFinished) -> StepFinished:
    progress = attrs.evolve(
        attempt.kept,
        state=finished.state,
        error=finished.error,
        output=finished.output,
        metadata=finished.metadata,
        tries=attempt.kept.tries + finished.record.tried,
    )
    try:
        changes = (await _judge(attempt, attempt.program.checks, progress)).changes
    except JudgementError as fault:
        unclear = Change(step=attempt.step, state=StepState.AFTERRUN_ERROR, error=str(fault))
        changes = (*_others(fault.changes, attempt.step), unclear)
    return finished.later(attempt.tools.clock.wall(), changes=changes)


async def _judge(attempt: Attempt, conditions: Sequence[Condition], progress: Progress) -> Judgement:
    return await judge(
        conditions,
        step=attempt.step,
        view=view_of(progress, attempt.program.definition),
        values=attempt.values,
        evaluator=attempt.tools.evaluator,
    )


def _others(changes: tuple[Change, ...], step: str) -> tuple[Change, ...]:
    return tuple(change for change in changes if change.step != step)


async def _wait_and_act(attempt: Attempt) -> StepFinished:
    """Wait, with the pre-hook at work meanwhile; perform the action, and check what it gave (sections 6.5 and 6.6)."""
    definition = attempt.program.definition
    hooked = await _wait(attempt)
    if hooked is None:
        finished = await act(attempt)
    elif hooked.state != StepState.DONE:
        return hooked
    else:
        finished = await act(attempt, attempt.values.with_pre_hook(hooked.output, hooked.metadata))
        finished = attrs.evolve(finished, tags={**hooked.tags, **finished.tags})
    if finished.state == StepState.DONE and definition.json_schema is not None:
        violation = attempt.tools.schemas.fault(definition.json_schema, finished.output)
        if violation:
            return finished.failed(StepState.FATAL_ERROR, violation)
    return finished


async def _wait(attempt: Attempt) -> StepFinished | None:
    """Let the execution delay pass and give what the pre-hook came to, if there is one. One that fails ends the wait."""
    program = attempt.program
    hook, delay = program.hook, program.definition.execution_delay
    if hook is None:
        if delay:
            await trio.sleep(delay)
        return None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep, delay)
        hooked = await _run_hook(attempt, hook, program.hook_calls, attempt.values)
        if hooked.state != StepState.DONE:
            nursery.cancel_scope.cancel()
    return hooked


async def _run_hook(attempt: Attempt, hook: Action, calls: Sequence[Function], values: Values) -> StepFinished:
    """Perform the pre-hook. Failing, it decides the state of the step as an action would, whose output stays."""
    action = attempt.program.definition.action
    try:
        seen = await arguments(action, calls, values, attempt.tools) if calls else values
    except Unrenderable as fault:
        return attempt.untried(StepState.FATAL_ERROR, f"prehook: {fault}")
    finished = await perform(attempt, hook, seen)
    if finished.state == StepState.DONE:
        return finished
    return attempt.kept_as(
        finished.state, f"prehook: {finished.error}", tried=finished.record.tried, tags=finished.tags
    )
