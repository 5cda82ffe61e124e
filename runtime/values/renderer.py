"""The renderer: Go's templates, with JavaScript, inline or on a thread.

What is short is rendered where it is asked for, on the event loop, with limits that keep it short. What hits them, and
what may run JavaScript, is rendered (again: rendering has no effects) on one evaluator thread, with wider limits; there
is only one, so scripts run one at a time. Cancelling whoever waits gives up at once: the script is ended, and the
thread with it soon after.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from random import Random, SystemRandom
from typing import Final, TypeVar

import attrs
import trio

from runtime.errors import TemplatingError
from runtime.values.functions import RENDERING, Rendering
from runtime.values.gotemplate import Budget, FunctionError, Host, Limits
from runtime.values.gotemplate.errors import Exhausted
from runtime.values.javascript import ExpressionError, JavaScript
from runtime.values.json import Json
from runtime.values.snapshot import Values
from runtime.values.templates import Templates, TooMuch

T = TypeVar("T")

_LONGEST_PARSED_INLINE: Final = 2_000  # characters: some four milliseconds
_TEXTS_IN_ONE: Final = 4  # all texts of a value may cost as much as so many alone
_STEPS_A_TEXT: Final = 50  # what a text costs before its first step
_PAUSE_SECONDS: Final = 0.00005
_EVALUATES: Final = re.compile(r"\beval(?:Cache)?\b")

INLINE: Final = Limits(steps=20_000, output=1 << 20, memory=2 << 20)
"""What one text may cost on the event loop: a few milliseconds."""

THREADED: Final = Limits()
"""What it may cost at all: about a second, and some tens of megabytes."""


def _never() -> bool:
    return False


class Renderer:
    """What an evaluator renders with; see there."""

    def __init__(self, *, now: Callable[[], datetime], random: Random | None, limits: Limits | None) -> None:
        source = random or SystemRandom()
        self._inline = Templates(now=now, random=source)
        self._threaded = Templates(now=now, random=source)
        self._javascript = JavaScript()
        self._thread = trio.CapacityLimiter(1)
        self._limits = limits or THREADED

    def close(self) -> None:
        """End the JavaScript process. Idempotent, and the renderer can still be used."""
        self._javascript.close()

    async def run(self, texts: Sequence[str], values: Values, results: dict[str, str], job: Callable[["Pass"], T]) -> T:
        """Do a job that renders these texts: here if it is short, and on the thread otherwise."""
        if self._is_short(texts) and not _runs_scripts(texts, values):
            await trio.lowlevel.checkpoint()
            try:
                return job(Pass(self._inline, values, dict(results), INLINE, self._javascript))
            except TooMuch:
                pass  # it gets more, elsewhere
        return await self.on_thread(values, results, job)

    def _is_short(self, texts: Sequence[str]) -> bool:
        """Say whether parsing what is not parsed yet takes no longer than the event loop may be held."""
        return sum(len(text) for text in texts if text not in self._inline) <= _LONGEST_PARSED_INLINE

    async def on_thread(self, values: Values, results: dict[str, str], job: Callable[["Pass"], T]) -> T:
        """Do a job on the evaluator thread."""
        abandoned = _Flag()
        started = _Flag()

        def pause() -> None:
            if abandoned.up:
                raise Exhausted("given up: nobody waits for it any more", "steps")
            time.sleep(_PAUSE_SECONDS)

        def work() -> T:
            started.up = True
            pass_ = Pass(self._threaded, values, results, self._limits, self._javascript, lambda: abandoned.up, pause)
            return job(pass_)

        try:
            return await trio.to_thread.run_sync(work, limiter=self._thread, abandon_on_cancel=True)
        except trio.Cancelled:
            abandoned.up = True
            if started.up:  # the limiter is still held by this work, so what runs is its own
                self._javascript.interrupt()
            raise


class _Flag:
    """One bit that goes up once, seen by two threads."""

    __slots__ = ("up",)

    def __init__(self) -> None:
        self.up = False


@attrs.define(eq=False)
class Pass:
    """One call of the evaluator: everything in it shares one cache; each text has its limits, and all have together."""

    templates: Templates
    values: Values
    results: dict[str, str]
    limits: Limits
    javascript: JavaScript
    stopped: Callable[[], bool] = _never
    pause: Callable[[], None] | None = None
    steps: int = attrs.field(init=False)
    output: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.steps = self.limits.steps if self.pause is None else _TEXTS_IN_ONE * self.limits.steps
        self.output = self.limits.output if self.pause is None else _TEXTS_IN_ONE * self.limits.output

    def text(self, text: str) -> str:
        """Render a text."""
        if self.stopped():
            raise TemplatingError("given up: nobody waits for it any more")
        if "{{" not in text:
            return text
        token = RENDERING.set(Rendering(self.values, self.results, self.expand, self.run))
        budget = Budget(self.limits, pause=self.pause, steps=self.steps)
        self.steps -= budget.left + _STEPS_A_TEXT
        try:
            rendered = self.templates.render(text, self.values, budget)
        finally:
            RENDERING.reset(token)
            self.steps += max(budget.left, 0)
        self.output -= len(rendered)
        if self.steps < 0 or self.output < 0:
            raise TooMuch("Templating error: the texts to render are too many, or too long together")
        return rendered

    def expand(self, text: str, host: Host) -> str:
        """Render a text for a function of a template."""
        return self.templates.expand(text, self.values, host)

    def run(self, name: str, source: str, timeout: str | None) -> str:
        """Evaluate the expression of a variable."""
        try:
            return self.javascript.run(name, source, timeout, stopped=self.stopped)
        except ExpressionError as fault:
            raise FunctionError(str(fault)) from fault

    def tree(self, value: Json) -> Json:
        """Render the texts inside a value."""
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {key: self.tree(item) for key, item in value.items()}
            case Sequence():
                return [self.tree(item) for item in value]
            case _:
                return value

    def result(self, layout: Mapping[str, Json], faults: list[TemplatingError]) -> dict[str, Json]:
        """Render keys and texts of a layout; what cannot be rendered leaves a fault."""
        rendered: dict[str, Json] = {}
        for key, value in layout.items():
            try:
                name = self.text(key)
                match value:
                    case str():
                        rendered[name] = self.text(value)
                    case Mapping():
                        rendered[name] = self.result(value, faults)
                    case _:
                        rendered[name] = value
            except TemplatingError as fault:
                if isinstance(fault, TooMuch) and self.limits is INLINE:
                    raise
                faults.append(fault)
        return rendered


def _runs_scripts(texts: Sequence[str], values: Values) -> bool:
    return any(map(_EVALUATES.search, texts)) and any(variable.expression is not None for variable in values.variables)
