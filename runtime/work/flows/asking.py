"""What a flow asks on its way: for its steps, about a plan, of policies and hooks. Each question gets one answer.

The functions of a program are foreign code: an ``async def`` is called here, anything else in a thread, where what it
yields is gathered, and whatever they do is an answer. A cancel, or being late, leaves the thread behind: nothing can
end it. It is one of a number that only these functions have, and counts until it ends.
"""

import inspect
import math
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, suppress
from functools import partial
from itertools import islice
from typing import Any, Final

import trio

from actors import ActorStopped, MailboxFull
from runtime.arguments import faults_of
from runtime.errors import FlowInvalid
from runtime.flow.document import read_flow
from runtime.flow.effects import CallHook, CheckPlan, EvaluatePolicies, FindDependents, Generate
from runtime.flow.events import (
    DependentsFound,
    GenerationFailed,
    GroupsGenerated,
    HookReturned,
    PlanChecked,
    PoliciesEvaluated,
    StepsGenerated,
)
from runtime.flow.flow import MANY_STEPS, Flow
from runtime.flow.generation import MOST_STEPS, GenerationError, choose_generator, flatten
from runtime.flow.noop import PLAN_READERS, PlanUnreadable, reader_of, unread
from runtime.flow.rows import GroupSpec, Signal, Step, StepSpec
from runtime.flow.states import Hook
from runtime.flows import HOOK_WITHIN_SECONDS, Flows, HookCall
from runtime.foreign import passes, told
from runtime.policies.evaluation import evaluate
from runtime.policies.protocol import PlanView
from runtime.threads import BRIEF, Threads
from runtime.work.flows.birth import as_it_resumes
from runtime.work.flows.labour import patient, perform_signal
from runtime.work.resources import NotBegun
from runtime.work.trial import Tools

_FUNCTIONS: Final = Threads("functions of flows", 64)


async def generate(
    flow: Flow, effect: Generate, kit: Flows, tools: Tools, first: Callable[[GroupsGenerated], None]
) -> StepsGenerated | GenerationFailed:
    """Ask for the steps of a flow; tell of the `first` groups that are eager. Never raises, and ends in time."""
    problem = ""
    with trio.move_on_after(kit.generate_within_seconds):
        try:
            given = await _given(flow, effect, kit, tools, partial(_tell_first, flow, kit, tools, first))
            steps, groups = await BRIEF.run_if(_is_long(given), _rows, flow, given, kit, tools)
            return StepsGenerated(at=tools.clock.wall(), steps=steps, groups=groups)
        except GenerationError as error:
            problem = str(error)
        except NotBegun as word:
            return GenerationFailed(at=tools.clock.wall(), error=str(word), cut=True)
        except BaseException as error:
            if passes(error):
                raise
            problem = f"the generator failed: {told(error)}"
    problem = problem or _late("the generator", kit.generate_within_seconds)
    return GenerationFailed(at=tools.clock.wall(), error=problem)


def _is_long(given: object) -> bool:
    """Say whether to take apart what a generator gave would hold others up; it may be anything."""
    if not isinstance(given, Sequence):
        return False
    members: list[object] = [one.steps for one in given if isinstance(one, GroupSpec)]
    return len(given) + sum(len(one) for one in members if isinstance(one, tuple | list)) > MANY_STEPS


def _rows(flow: Flow, given: object, kit: Flows, tools: Tools) -> tuple[Sequence[StepSpec], Sequence[GroupSpec]]:
    """Take apart what a generator gave, whose rows have to be such as can be stored, and read again; whose plans, read."""
    steps, groups = flatten(given, plan_only=flow.header.plan_only)
    for name, rows in (("steps", steps), ("groups", groups)):
        for number, row in enumerate(rows):
            for fault in faults_of(row, f"{name}[{number}]"):
                raise GenerationError(str(fault))
    for fault in unread(steps, kit.plan_readers):
        raise GenerationError(str(fault))
    return [as_it_resumes(one, tools.runners) for one in steps], groups


def _tell_first(
    flow: Flow, kit: Flows, tools: Tools, first: Callable[[GroupsGenerated], None], given: Sequence[object]
) -> None:
    """Tell of eager groups; where there is no room for that they come with the others."""
    steps, groups = _rows(flow, given, kit, tools)
    with suppress(MailboxFull, ActorStopped):
        first(GroupsGenerated(at=tools.clock.wall(), steps=steps, groups=groups))


async def _yielded(items: AsyncIterable[object], eager: Callable[[Sequence[object]], None]) -> Sequence[object]:
    """Gather what a generator yields; `eager` is told of the groups at its beginning that are."""
    given: list[object] = []
    leading = True
    async for one in items:
        given.append(one)
        if len(given) > MOST_STEPS:
            break  # which is too many, and said to be
        leading = leading and isinstance(one, GroupSpec) and one.eager
        if leading:
            eager(given)
    return given


async def _given(
    flow: Flow, effect: Generate, kit: Flows, tools: Tools, eager: Callable[[Sequence[object]], None]
) -> object:
    chosen = choose_generator(flow.header.type, effect.signal, kit.generators)
    if not isinstance(chosen, Signal):
        if inspect.isasyncgenfunction(chosen.function):
            async with aclosing(chosen.function(flow.header)) as items:
                return await _yielded(items, eager)
        return await _called(chosen.function, flow.header)
    done = await perform_signal(flow, StepSpec(name="generate steps"), chosen, patient(tools))
    if done.error:
        raise GenerationError(f"the signal failed: {done.error}")
    try:
        document = read_flow(done.output)
    except FlowInvalid as fault:
        raise GenerationError(f"what the signal gave is not a flow: {fault}") from fault
    return document.given()


async def _called(function: Callable[..., Any], *args: object) -> object:
    """Call a function: an ``async def`` here, anything else in a thread, where what it yields is gathered, too."""
    if inspect.iscoroutinefunction(function):
        return await function(*args)
    [given] = await _FUNCTIONS.run(_gathered, function, *args, leave=True)
    return await given if inspect.isawaitable(given) else given


def _gathered(function: Callable[..., Any], *args: object) -> tuple[object]:
    """Give what a function gives, in a tuple: it may be a coroutine, which is waited for outside."""
    given = function(*args)
    return (list(islice(given, MOST_STEPS + 1)) if isinstance(given, Iterator) else given,)


def _late(what: str, seconds: float) -> str:
    problem = f"{what} did not end within {seconds:g} s"
    if not _FUNCTIONS.taken:
        return problem
    return (
        f"{problem}; all {_FUNCTIONS.most} threads for functions of flows are taken by some that have not returned:"
        " find what they hang in, or write them as async def"
    )


async def check_plan(step: Step, effect: CheckPlan, kit: Flows, tools: Tools) -> PlanChecked:
    """Say whether a plan changes anything; it is read in a thread, for it may be large. A program's reader that hangs cannot tell."""
    no_op: object = False
    problem: str | None = None
    kind = step.spec.plan_kind
    reader, known = f'the reader of plans of kind "{kind}"', kit.plan_readers.get(kind) is PLAN_READERS.get(kind)
    with trio.move_on_after(math.inf if known else HOOK_WITHIN_SECONDS) as patience:
        try:
            no_op = await _called(reader_of(kind, step.output, kit.plan_readers), step.output)
            if not isinstance(no_op, bool):
                problem = f"{reader} must give True or False, not {type(no_op).__name__}"
        except PlanUnreadable as error:
            problem = str(error)
        except BaseException as error:
            if passes(error):
                raise
            problem = f"the plan cannot be read: {told(error)}"
    if patience.cancelled_caught:
        problem = _late(reader, HOOK_WITHIN_SECONDS)
    at = tools.clock.wall()
    return PlanChecked(at=at, step=step.id, attempt=effect.attempt, no_op=no_op is True and not problem, error=problem)


async def evaluate_policies(
    flow: Flow, step: Step, effect: EvaluatePolicies, kit: Flows, tools: Tools
) -> PoliciesEvaluated:
    """Hold a plan against the policies."""
    header = flow.header
    view = PlanView(
        flow_id=header.flow_id,
        flow_type=header.type,
        owner_id=header.owner_id,
        owner_type=header.owner_type,
        step_id=step.id,
        step=step.name,
        target_type=step.target_type,
        target_id=step.target_id,
        kind=step.spec.plan_kind,
        plan_only=header.plan_only,
        metadata=header.metadata,
        plan=step.output,
    )
    found = await evaluate(kit.policies, view)
    return PoliciesEvaluated(
        at=tools.clock.wall(),
        step=step.id,
        attempt=effect.attempt,
        evaluated=found.evaluated,
        violations=found.violations,
        error=found.error,
    )


def _call(flow: Flow, step: Step, effect: CallHook) -> HookCall:
    return HookCall(
        hook=effect.hook,
        flow=flow.header,
        step_id=step.id,
        step=step.name,
        target_type=step.target_type,
        target_id=step.target_id,
        plan=step.output,
    )


async def call_hook(flow: Flow, step: Step, effect: CallHook, kit: Flows, tools: Tools) -> HookReturned:
    """Tell a signal what is about to happen. One that hangs failed."""
    function = kit.hooks.get(step.spec.signals[-1].type) if step.spec.signals else None
    problem: str | None = None
    if function is not None:
        with trio.move_on_after(HOOK_WITHIN_SECONDS) as patience:
            try:
                await _called(function, _call(flow, step, effect))
            except BaseException as error:
                if passes(error):
                    raise
                problem = told(error)
        if patience.cancelled_caught:
            problem = _late("the hook", HOOK_WITHIN_SECONDS)
    return HookReturned(at=tools.clock.wall(), step=step.id, attempt=effect.attempt, hook=effect.hook, error=problem)


async def find_dependents(flow: Flow, step: Step, effect: FindDependents, kit: Flows, tools: Tools) -> DependentsFound:
    """Find the steps that depend on one whose plan was denied."""
    found: tuple[str, ...] = ()
    problem: str | None = None
    if kit.dependents is not None:
        with trio.move_on_after(HOOK_WITHIN_SECONDS) as patience:
            try:
                call = _call(flow, step, CallHook(step.id, effect.attempt, Hook.ON_SKIP))
                named = await _called(kit.dependents, call, {one.id: one.name for one in flow.steps.values()})
                found = _steps_of(flow, named)
            except BaseException as error:
                if passes(error):
                    raise
                problem = told(error)
        if patience.cancelled_caught:
            problem = _late("the function", HOOK_WITHIN_SECONDS)
    return DependentsFound(at=tools.clock.wall(), step=step.id, attempt=effect.attempt, steps=found, error=problem)


def _steps_of(flow: Flow, named: object) -> tuple[str, ...]:
    if isinstance(named, str) or not isinstance(named, Iterable):
        raise TypeError(f"must be step ids, not {type(named).__name__}")
    found = tuple(map(str, named))
    for one in found:
        if one not in flow.steps:
            raise LookupError(f'"{one[:100]}" is the id of no step: they are the keys of the mapping that it is given')
    return found
