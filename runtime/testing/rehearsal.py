"""Rehearsing a template: one task of it, with fakes in place of what its steps would do, on a clock that jumps.

::

    from runtime.testing import Outcome, StepFailed, rehearse

    def test_an_order_is_paid_once_its_price_is_known():
        played = rehearse(
            "templates/order.yaml",
            {"number": "7"},
            steps={"price": [StepFailed("busy"), Outcome(output={"euros": 30})], "pay": Outcome()},
            actions={"email": Outcome()},
        )
        assert played.task.state == "DONE"
        assert played.order == ("price", "price", "pay", "tell")
        assert played.calls_of("pay")[0].configuration["body"] == {"euros": "30"}

A fake stands in for what one step does (`steps`), or for whatever is done by one type of action (`actions`: a runner, or
a function file). It is what comes of each attempt: an `Outcome`, an error to raise (`StepFailed`, `ClientError` and so on,
see `runtime.runner`), a function of the request that gives or raises one of these, ``async`` where it takes time; or a
list of them, one for each attempt of a step, of which the last stands for all that follow.

Everything else is as ever: the template is validated, its texts are rendered, and what comes of that has to fit the
runner that is not asked; conditions, retries, loops and results are the engine's own. What has no fake is done, but no
step reaches a network. Hours between retries pass at once, and begin on the first of January 2026.

What a fake asserts is the test's: an `AssertionError` that it raises comes out of `rehearse`.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

import attrs
import trio
from trio.testing import MockClock

from actors import VirtualClock
from runtime.api.templates import TemplateSource
from runtime.api.views import TaskView
from runtime.app import open_runtime
from runtime.configuration import overlay
from runtime.destinations import Destinations
from runtime.errors import Fault, Invalid, did_you_mean
from runtime.runner import AnyRunner, Checked, ClientError, Outcome, Runner, StepRequest
from runtime.templates.calls import calls_of
from runtime.templates.catalogue import TemplateSources
from runtime.templates.functions import FunctionSources
from runtime.templates.model import Step, Template
from runtime.values.json import Json

BEGINNING: Final = 1_767_225_600.0
"""When rehearsals begin, in Unix seconds: 2026-01-01T00:00:00Z."""

_NOWHERE: Final = Destinations(deny=("*",))

Reply: TypeAlias = Outcome | Exception | Callable[[StepRequest[Any]], object]
"""What comes of one attempt. A function gives an `Outcome`, or what is awaited to one, or raises."""

Fake: TypeAlias = Reply | Sequence[Reply]
"""What comes of all of them."""


class FakesInvalid(Invalid):
    """Fakes are given for what is not there, or are none. `faults` names each."""

    subject = "fakes"


@attrs.frozen(kw_only=True)
class Call:
    """One attempt that came to its action, faked or not.

    Attributes:
        step: the step; of a loop, its child (``each-0``).
        template: the template it is of: another one than that which is rehearsed, if that starts tasks.
        attempt: the number of the attempt, from 1 on.
        action: the runner that was asked, or would have been.
        configuration: what it was to do, rendered: the base configuration and what the step lays over it, as JSON.
        hook: it was the pre-hook of the step.
        faked: a fake answered.
        at: when it began, in seconds since the rehearsal did.
    """

    step: str
    template: str
    attempt: int
    action: str
    configuration: Json
    hook: bool
    faked: bool
    at: float


@attrs.frozen(kw_only=True)
class Rehearsal:
    """What came of a rehearsal.

    Attributes:
        task: the task as it was once nothing more happened by itself: its state, its result, its steps and their outputs.
        calls: what was to be done, in the order in which it began.
        seconds: how long it would have taken.
    """

    task: TaskView
    calls: Sequence[Call]
    seconds: float

    @property
    def order(self) -> tuple[str, ...]:
        """The steps in the order in which their attempts came to their actions."""
        return tuple(call.step for call in self.calls if not call.hook and call.template == self.task.template_name)

    def calls_of(self, step: str) -> Sequence[Call]:
        """Give the attempts of a step of the template, without those of its pre-hook."""
        template = self.task.template_name
        return [one for one in self.calls if one.step == step and one.template == template and not one.hook]


def rehearse(
    template: TemplateSource,
    inputs: Mapping[str, Json] | None = None,
    *,
    steps: Mapping[str, Fake] | None = None,
    actions: Mapping[str, Fake] | None = None,
    resolver_inputs: Mapping[str, Json] | None = None,
    templates: TemplateSources = (),
    functions: FunctionSources = (),
    config: Mapping[str, str] | None = None,
) -> Rehearsal:
    """Run one task of a template with fakes, to where nothing more happens by itself. Nothing is stored.

    It runs a loop of trio of its own, so it is called outside any; in a test that is on trio itself, see `rehearse_here`.

    Args:
        template: a YAML file, a mapping or a `Template`.
        inputs: those of the task.
        steps: fakes for steps of this template, by name.
        actions: fakes for types of actions, of this template and of those of `templates`.
        resolver_inputs: what whoever takes the task on gives.
        templates: the templates that its steps may start tasks of.
        functions: the function files that its steps may call.
        config: configuration items by name.

    Raises:
        FakesInvalid: with every fake that is none, or is for what is not there.
        TemplateInvalid, FunctionInvalid, InputInvalid: as `Runtime.submit` does.
        AssertionError: the first that a fake raised.
    """
    play = partial(
        rehearse_here,
        template,
        inputs,
        steps=steps,
        actions=actions,
        resolver_inputs=resolver_inputs,
        templates=templates,
        functions=functions,
        config=config,
    )
    return trio.run(play, clock=MockClock(autojump_threshold=0))


async def rehearse_here(
    template: TemplateSource,
    inputs: Mapping[str, Json] | None = None,
    *,
    steps: Mapping[str, Fake] | None = None,
    actions: Mapping[str, Fake] | None = None,
    resolver_inputs: Mapping[str, Json] | None = None,
    templates: TemplateSources = (),
    functions: FunctionSources = (),
    config: Mapping[str, str] | None = None,
) -> Rehearsal:
    """Do what `rehearse` does in a task of trio: on its clock, which had better be one that jumps."""
    cast = _Cast(steps or {}, actions or {})
    async with open_runtime(
        stand_in=cast.stand_in,
        templates=templates,
        functions=functions,
        config=config,
        destinations=_NOWHERE,
        clock=VirtualClock(BEGINNING - trio.current_time()),
        answer_within_seconds=float("inf"),  # a thread at work would be no reason for the clock not to jump
    ) as runtime:
        prepared = await runtime.prepare(template)
        cast.learn(prepared.template, runtime.functions)
        task = await runtime.submit(prepared, inputs, resolver_inputs=resolver_inputs)
        await runtime.settled()
        view = await task.status()
    if cast.objection is not None:
        raise cast.objection
    return Rehearsal(task=view, calls=cast.calls, seconds=(view.last_stop or view.last_activity) - BEGINNING)


@attrs.frozen
class _Rendered:
    """A configuration as the runner takes it, and as JSON."""

    config: object
    configuration: Json


class _Cast:
    """Who stands in for whom, and what they were asked. `objection` is the first assertion of a fake that failed."""

    def __init__(self, steps: Mapping[str, Fake], actions: Mapping[str, Fake]) -> None:
        self._steps = {name: _replies(fake) for name, fake in steps.items()}
        self._actions = {name: _replies(fake) for name, fake in actions.items()}
        self._template: Template | None = None
        self._runners: set[str] = set()
        self._began = trio.current_time()
        self.calls: list[Call] = []
        self.objection: AssertionError | None = None

    def learn(self, template: Template, functions: Mapping[str, object]) -> None:
        """Hear what is rehearsed.

        Raises:
            FakesInvalid: a fake is for what is not there, or is none.
        """
        self._template = template
        known = {"steps": list(template.steps), "actions": sorted({*_types_of(template), *self._runners, *functions})}
        given = {"steps": self._steps, "actions": self._actions}
        faults = [
            fault
            for kind, fakes in given.items()
            for name, replies in fakes.items()
            for fault in (*_unknown(kind, name, known[kind]), *_faults_of(f"{kind}.{name}", replies))
        ]
        if faults:
            raise FakesInvalid(faults)

    def stand_in(self, runner: AnyRunner) -> AnyRunner:
        """Give what is asked in place of a runner."""
        same = ("name", "config", "metadata_schema", "heartbeat_seconds", "grace_seconds", "waits", "resumes")
        kind: type[_StandIn] = type("StandIn", (_StandIn,), {name: getattr(runner, name) for name in same})
        self._runners.add(runner.name)
        return kind(runner, self)

    def replies_to(self, runner: str, request: StepRequest[Any]) -> tuple[Sequence[Reply], bool]:
        """Give the fake that answers a request, if there is one, and whether it is for a pre-hook."""
        template = self._template
        if template is None or request.template != template.name:
            return self._actions.get(runner, ()), False
        name = request.step if request.step in template.steps else request.step.rpartition("-")[0]
        step = template.steps[name]
        if _has_hook(step, template) and "pre_hook" not in request.values:
            return self._actions.get(runner, ()), True
        for found in (self._steps.get(name), self._actions.get(step.action.type)):
            if found is not None:
                return found, False
        return self._actions.get(runner, ()), False

    def note(self, runner: str, request: StepRequest[Any], configuration: Json, *, hook: bool, faked: bool) -> None:
        self.calls.append(
            Call(
                step=request.step,
                template=request.template,
                attempt=request.attempt,
                action=runner,
                configuration=configuration,
                hook=hook,
                faked=faked,
                at=trio.current_time() - self._began,
            )
        )

    async def reply(self, reply: Reply, request: StepRequest[Any]) -> Outcome:
        """Do what a fake says."""
        if isinstance(reply, Outcome):
            return reply
        if isinstance(reply, Exception):
            raise reply
        try:
            given = reply(request)
            return await given if inspect.isawaitable(given) else given  # type: ignore[return-value] # looked at by who asks
        except AssertionError as objection:
            self.objection = self.objection or objection
            raise ClientError(f"the test says: {objection}") from objection  # it is over: no retry


class _StandIn(Runner[Any]):
    """Is asked in place of a runner, which still says what it may be asked."""

    def __init__(self, runner: AnyRunner, cast: _Cast) -> None:
        super().__init__(runner.settings)
        self._runner = runner
        self._cast = cast

    def check(self, configuration: Json, base: Json = None) -> Checked[Any]:
        """Have it checked as ever."""
        return self._runner.check(configuration, base)

    def structure(self, configuration: Json, base: Json = None) -> _Rendered:
        """Have it structured as ever, and keep what it was made of."""
        return _Rendered(self._runner.structure(configuration, base), overlay(base, configuration))

    def resources(self, config: _Rendered) -> Sequence[str]:
        """Take what it would take."""
        return self._runner.resources(config.config)

    async def run(self, request: StepRequest[Any]) -> Outcome:
        """Note what was asked, and answer, or have it done."""
        rendered: _Rendered = request.config
        asked = attrs.evolve(request, config=rendered.config)
        replies, hook = self._cast.replies_to(self.name, request)
        self._cast.note(self.name, request, rendered.configuration, hook=hook, faked=bool(replies))
        if not replies:
            return await self._runner.run(asked)
        return await self._cast.reply(replies[min(request.attempt, len(replies)) - 1], asked)

    async def close(self) -> None:
        """Close it."""
        await self._runner.close()


def _replies(fake: Fake) -> Sequence[Reply]:
    return tuple(fake) if isinstance(fake, Sequence) else (fake,)


def _faults_of(path: str, replies: Sequence[object]) -> Iterable[Fault]:
    if not replies:
        yield Fault(path, "nothing comes of any attempt: the list is empty")
    for number, reply in enumerate(replies):
        if isinstance(reply, Outcome | Exception) or (callable(reply) and not isinstance(reply, type)):
            continue
        where = path if len(replies) == 1 else f"{path}[{number}]"
        wanted = "must be an Outcome, an error to raise, a function of the request, or a list of these"
        what = f"the class {reply.__name__}" if isinstance(reply, type) else f"a {type(reply).__name__}"
        yield Fault(where, f"{wanted}, not {what}", "Outcome(output=...)?" if isinstance(reply, dict) else "")


def _unknown(kind: str, name: str, known: Sequence[str]) -> Iterable[Fault]:
    if name not in known:
        hint = did_you_mean(name, known)
        yield Fault(f"{kind}.{name}", f"there is nothing of that name; known: {', '.join(known)}", hint)


def _types_of(template: Template) -> Iterable[str]:
    for step in template.steps.values():
        for action in (step.action, step.pre_hook):
            if action is not None:
                yield action.type


def _has_hook(step: Step, template: Template) -> bool:
    calls = calls_of(step.action, template.functions)
    return step.pre_hook is not None or any(function.pre_hook is not None for function in calls)
