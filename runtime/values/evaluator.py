"""Rendering, seen from the rest of the runtime: text and JSON in, rendered text and JSON out.

What is short is rendered where it is asked for, on the event loop, with limits that keep it short. What hits them, and
what may run JavaScript, is rendered (again: rendering has no effects) on one evaluator thread, with wider limits; there
is only one, so scripts run one at a time. Cancelling whoever waits gives up at once: the script is ended, and the
thread with it soon after.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from runtime.values.snapshot import DEFAULT_REGION, Values
from runtime.values.templates import Templates, TooMuch

T = TypeVar("T")

_DEEPEST: Final = 250
_LONGEST_PARSED_INLINE: Final = 2_000  # characters: some four milliseconds
_MOST_SEEN_INLINE: Final = 2_000  # items of a value
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


class EvalCache:
    """What ``evalCache`` remembers. One lasts for one call of the evaluator, unless the caller keeps it for several."""

    __slots__ = ("_results",)

    def __init__(self) -> None:
        self._results: dict[str, str] = {}


class Evaluator:
    """Renders templates against snapshots.

    Every method waits at most once however much there is to render, and not at all (no checkpoint, no cancellation
    point) when nothing holds ``{{``: rendering is computation, and who calls it in a loop checks for cancellation
    elsewhere. `now` and `random` are what ``now``, ``uuid`` and the like draw on; given the same, a run gives the same.
    `region` is where it renders: what is rendered before there is a task shows it as ``.task.region``.

    `close` ends the JavaScript process; a forgotten one ends with this object.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        random: Random | None = None,
        limits: Limits = THREADED,
        region: str = DEFAULT_REGION,
    ) -> None:
        self.now = now
        self.region = region
        source = random or SystemRandom()
        self._inline = Templates(now=now, random=source)
        self._threaded = Templates(now=now, random=source)
        self._javascript = JavaScript()
        self._thread = trio.CapacityLimiter(1)
        self._limits = limits

    async def render(self, text: str, values: Values, *, cache: EvalCache | None = None) -> str:
        """Render one text.

        Raises:
            TemplatingError: it cannot be rendered.
        """
        return await self._run(text, values, lambda pass_: pass_.text(text), text, cache=cache)

    async def render_tree(self, value: Json, values: Values, *, cache: EvalCache | None = None) -> Json:
        """Render every text inside a JSON value, at any depth; keys and other scalars stay (section 4.4).

        A value that is itself a text stays as it is, too. What holds nothing to render is not copied.

        Raises:
            TemplatingError: a text cannot be rendered; nothing is given then.
        """
        if isinstance(value, str):
            return value
        return await self._run(value, values, lambda pass_: pass_.tree(value), value, cache=cache)

    async def render_result(
        self, layout: Mapping[str, Json], values: Values
    ) -> tuple[dict[str, Json], TemplatingError | None]:
        """Render a task's ``result_format``: keys and texts, through objects only; lists are left alone.

        What cannot be rendered is left out, and the first error is given beside what was rendered.
        """

        def job(pass_: "_Pass") -> tuple[dict[str, Json], TemplatingError | None]:
            faults: list[TemplatingError] = []
            return pass_.result(layout, faults), next(iter(faults), None)

        return await self._run(layout, values, job, (dict(layout), None), keys=True)

    def close(self) -> None:
        """End the JavaScript process. Idempotent, and the evaluator can still be used."""
        self._javascript.close()

    async def _run(
        self,
        value: Json,
        values: Values,
        job: Callable[["_Pass"], T],
        unchanged: T,
        *,
        cache: EvalCache | None = None,
        keys: bool = False,
    ) -> T:
        results = (cache or EvalCache())._results  # noqa: SLF001 - opaque to callers, not to its owner
        try:
            texts = list(_texts(value, keys=keys, room=_Room(_MOST_SEEN_INLINE)))
        except _TooMany:
            return await self._on_thread(
                values, results, lambda pass_: job(pass_) if any(_texts(value, keys=keys)) else unchanged
            )
        if not texts:
            return unchanged
        if self._is_short(texts) and not _runs_scripts(texts, values):
            await trio.lowlevel.checkpoint()
            try:
                return job(_Pass(self._inline, values, dict(results), INLINE, self._javascript))
            except TooMuch:
                pass  # it gets more, elsewhere
        return await self._on_thread(values, results, job)

    def _is_short(self, texts: Sequence[str]) -> bool:
        """Say whether parsing what is not parsed yet takes no longer than the event loop may be held."""
        return sum(len(text) for text in texts if text not in self._inline) <= _LONGEST_PARSED_INLINE

    async def _on_thread(self, values: Values, results: dict[str, str], job: Callable[["_Pass"], T]) -> T:
        abandoned = _Flag()
        started = _Flag()

        def pause() -> None:
            if abandoned.up:
                raise Exhausted("given up: nobody waits for it any more", "steps")
            time.sleep(_PAUSE_SECONDS)

        def work() -> T:
            started.up = True
            pass_ = _Pass(self._threaded, values, results, self._limits, self._javascript, lambda: abandoned.up, pause)
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
class _Pass:
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
        return self.templates.expand(text, self.values, host)

    def run(self, name: str, source: str, timeout: str | None) -> str:
        try:
            return self.javascript.run(name, source, timeout, stopped=self.stopped)
        except ExpressionError as fault:
            raise FunctionError(str(fault)) from fault

    def tree(self, value: Json) -> Json:
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


def renders(value: Json) -> bool:
    """Say whether rendering a value could change it.

    Raises:
        TemplatingError: it is nested too deeply.
    """
    return not isinstance(value, str) and next(_texts(value, keys=False), None) is not None


class _TooMany(Exception):
    """A value has more items than may be looked at on the event loop."""


class _Room:
    """How many items may still be looked at."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left


def _texts(value: Json, *, keys: bool, room: _Room | None = None, depth: int = _DEEPEST) -> Iterator[str]:
    """Give every text in a value that has something to render.

    Raises:
        TemplatingError: the value is nested too deeply for what comes next, too.
        _TooMany: there is no room for so many items.
    """
    if depth == 0:
        raise TemplatingError(f"the value is nested more than {_DEEPEST} deep")
    if room is not None and not isinstance(value, str):
        room.left -= len(value) if isinstance(value, Mapping | Sequence) else 0
        if room.left < 0:
            raise _TooMany
    match value:
        case str():
            if "{{" in value:
                yield value
        case Mapping():
            if keys:
                yield from (key for key in value if "{{" in key)
            for item in value.values():
                yield from _texts(item, keys=keys, room=room, depth=depth - 1)
        case Sequence():
            for item in value:
                yield from _texts(item, keys=keys, room=room, depth=depth - 1)


def _runs_scripts(texts: Sequence[str], values: Values) -> bool:
    return any(map(_EVALUATES.search, texts)) and any(
        variable.expression is not None for variable in values.variables.values()
    )
