"""Rendering, seen from the rest of the runtime: text and JSON in, rendered text and JSON out.

What is short and safe is rendered where it is asked for, on the event loop. A text that may run JavaScript or a
function that computes for long is rendered on one evaluator thread, which may block; there is only one, so scripts run
one at a time. Cancelling whoever waits gives up at once: the script is ended, and the thread with it soon after.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from random import Random, SystemRandom
from typing import Final, TypeVar

import attrs
import trio

from runtime.errors import TemplatingError
from runtime.values.engine import Templates
from runtime.values.functions import Rendering
from runtime.values.guards import COSTLY
from runtime.values.javascript import JavaScript
from runtime.values.json import Json
from runtime.values.meter import Limits, Meter
from runtime.values.snapshot import Values

T = TypeVar("T")

_DEEPEST: Final = 250
_EVALUATES: Final = re.compile(r"\beval(?:Cache)?\b")
_COMPUTES: Final = re.compile(rf"\b(?:{'|'.join(sorted(COSTLY))})\b")


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

    `close` ends the JavaScript process; a forgotten one ends with this object.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        random: Random | None = None,
        limits: Limits | None = None,
    ) -> None:
        source = random or SystemRandom()
        self._inline = Templates(now=now, random=source)
        self._threaded = Templates(now=now, random=source)
        self._javascript = JavaScript()
        self._thread = trio.CapacityLimiter(1)
        self._limits = limits or Limits()

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
        texts = list(_texts(value, keys=keys))
        if not texts:
            return unchanged
        results = (cache or EvalCache())._results  # noqa: SLF001 - opaque to callers, not to its owner
        if _takes_long(texts, values):
            return await self._on_thread(partial(_Pass, self._threaded, values, results), job)
        await trio.lowlevel.checkpoint()
        return job(_Pass(self._inline, values, results, Meter(self._limits), self._javascript))

    async def _on_thread(self, begin: Callable[[Meter, JavaScript], "_Pass"], job: Callable[["_Pass"], T]) -> T:
        abandoned = _Flag()
        started = _Flag()

        def work() -> T:
            started.up = True
            return job(begin(Meter(self._limits, stopped=lambda: abandoned.up), self._javascript))

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


@attrs.frozen
class _Pass:
    """One call of the evaluator: everything in it shares one meter and one cache."""

    templates: Templates
    values: Values
    results: dict[str, str]
    meter: Meter
    javascript: JavaScript

    def text(self, text: str) -> str:
        rendering = Rendering(values=self.values, meter=self.meter, cache=self.results, expander=self)
        return self.expand(text, rendering)

    def expand(self, text: str, rendering: Rendering) -> str:
        return self.templates.render(text, rendering)

    def run(self, name: str, source: str, timeout: str | None) -> str:
        return self.javascript.run(name, source, timeout, stopped=self.meter.stopped)

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
                faults.append(fault)
        return rendered


def _texts(value: Json, *, keys: bool, depth: int = _DEEPEST) -> Iterator[str]:
    """Give every text in a value that has something to render.

    Raises:
        TemplatingError: the value is nested too deeply for what comes next, too.
    """
    if depth == 0:
        raise TemplatingError(f"the value is nested more than {_DEEPEST} deep")
    match value:
        case str():
            if "{{" in value:
                yield value
        case Mapping():
            if keys:
                yield from (key for key in value if "{{" in key)
            for item in value.values():
                yield from _texts(item, keys=keys, depth=depth - 1)
        case Sequence():
            for item in value:
                yield from _texts(item, keys=keys, depth=depth - 1)


def _takes_long(texts: Sequence[str], values: Values) -> bool:
    if any(map(_COMPUTES.search, texts)):
        return True
    if not any(map(_EVALUATES.search, texts)):
        return False
    return any(
        variable.expression is not None or (isinstance(variable.value, str) and _COMPUTES.search(variable.value))
        for variable in values.variables.values()
    )
