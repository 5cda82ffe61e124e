"""Rendering, seen from the rest of the runtime: text and JSON in, rendered text and JSON out.

What has nothing to render is given back at once; the rest goes to the renderer (`runtime.values.renderer`), which is
loaded for the first of it.
"""

import math
from collections.abc import Callable, Mapping, Sequence, Sized
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Final, TypeVar

from runtime.errors import TemplatingError
from runtime.values.json import Json
from runtime.values.snapshot import DEFAULT_REGION, Values

if TYPE_CHECKING:
    from runtime.values.gotemplate import Limits
    from runtime.values.renderer import Pass, Renderer

T = TypeVar("T")

_DEEPEST: Final = 250
_MOST_SEEN_INLINE: Final = 2_000  # items of a value


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

    What renders is loaded for the first text that holds ``{{``, or by `load`. `close` ends the JavaScript process; a
    forgotten one ends with this object.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        random: Random | None = None,
        limits: "Limits | None" = None,
        region: str = DEFAULT_REGION,
    ) -> None:
        self.now = now
        self.region = region
        self._random = random
        self._limits = limits
        self._renderer: Renderer | None = None

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

        def job(pass_: "Pass") -> tuple[dict[str, Json], TemplatingError | None]:
            faults: list[TemplatingError] = []
            return pass_.result(layout, faults), next(iter(faults), None)

        return await self._run(layout, values, job, (dict(layout), None), keys=True)

    def load(self) -> "Renderer":
        """Load what renders, which takes a tenth of a second, if nothing has yet: for who has the time now. Sync."""
        if self._renderer is None:
            from runtime.values.renderer import Renderer  # noqa: PLC0415 - many tasks have nothing to render

            self._renderer = Renderer(now=self.now, random=self._random, limits=self._limits)
        return self._renderer

    def close(self) -> None:
        """End the JavaScript process. Idempotent, and the evaluator can still be used."""
        if self._renderer is not None:
            self._renderer.close()

    async def _run(
        self,
        value: Json,
        values: Values,
        job: Callable[["Pass"], T],
        unchanged: T,
        *,
        cache: EvalCache | None = None,
        keys: bool = False,
    ) -> T:
        results = (cache or EvalCache())._results  # noqa: SLF001 - opaque to callers, not to its owner
        try:
            texts = _texts(value, keys=keys, room=_MOST_SEEN_INLINE)
        except _TooMany:
            return await self.load().on_thread(
                values, results, lambda pass_: job(pass_) if _texts(value, keys=keys) else unchanged
            )
        return await self.load().run(texts, values, results, job) if texts else unchanged


def renders(value: Json) -> bool:
    """Say whether rendering a value could change it.

    Raises:
        TemplatingError: it is nested too deeply.
    """
    return not isinstance(value, str) and bool(_texts(value, keys=False))


class _TooMany(Exception):
    """A value has more items than may be looked at on the event loop."""


class _Texts:
    """Finds every text in a value that has something to render. `room` is how many items may still be looked at."""

    __slots__ = ("found", "keys", "room")

    def __init__(self, *, keys: bool, room: float) -> None:
        self.found: list[str] = []
        self.keys = keys
        self.room = room

    def look(self, value: Json, depth: int = _DEEPEST) -> None:
        """Look at a value and all that is in it.

        Raises:
            TemplatingError: the value is nested too deeply for what comes next, too.
            _TooMany: there is no room for so many items.
        """
        match value:
            case str():
                if "{{" in value:
                    self.found.append(value)
            case None | int() | float():
                pass
            case dict() | Mapping():  # dict and list for speed: asking an abstract class takes longer than all the rest
                self._count(value, depth)
                if self.keys:
                    self.found.extend(key for key in value if "{{" in key)
                for item in value.values():
                    self.look(item, depth - 1)
            case list() | Sequence():
                self._count(value, depth)
                for item in value:
                    self.look(item, depth - 1)

    def _count(self, value: Sized, depth: int) -> None:
        if depth == 1:
            raise TemplatingError(f"the value is nested more than {_DEEPEST} deep")
        self.room -= len(value)
        if self.room < 0:
            raise _TooMany


def _texts(value: Json, *, keys: bool, room: float = math.inf) -> list[str]:
    looking = _Texts(keys=keys, room=room)
    looking.look(value)
    return looking.found
