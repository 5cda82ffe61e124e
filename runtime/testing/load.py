"""A load on a runtime: tasks of a template, arriving as told, and how long each took.

::

    async with open_runtime() as rt:
        report = await load(rt, "hello.yaml", {"name": "Ada"}, tasks=1000, rate=200)
    print(report)

With a `rate`, tasks arrive at that pace whatever becomes of them, and the time of each is counted from the moment it
should have arrived: a runtime that falls behind cannot hide it by being asked less. Without one, a new task arrives
when another has ended, `concurrency` at a time. ``examples/how_fast.py`` is both, and the benchmarks use it, too.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TypeAlias

import attrs
import trio

from runtime.api.client import Runtime
from runtime.api.templates import Prepared, TemplateSource
from runtime.engine.states import TaskState
from runtime.errors import Invalid, Unavailable
from runtime.values.json import Json

Inputs: TypeAlias = Mapping[str, Json] | Callable[[int], Mapping[str, Json]]
"""The inputs of every task, or of the task of each number."""


@attrs.frozen(kw_only=True)
class LoadReport:
    """What came of a load. Times are in seconds.

    Attributes:
        done: tasks that came to rest DONE.
        failed: tasks that came to rest otherwise.
        refused: submissions that the runtime did not take.
        seconds: from the first arrival that counts to the last end.
        latencies: how long each task took from its arrival to its rest, ascending; the refused are not in it.
    """

    done: int
    failed: int
    refused: int
    seconds: float
    latencies: Sequence[float] = attrs.field(repr=False)

    @property
    def per_second(self) -> float:
        """Tasks that came to rest, a second."""
        return len(self.latencies) / self.seconds if self.seconds else math.inf

    def percentile(self, share: float) -> float:
        """Give the time within which this share of the tasks came to rest; nan if none did."""
        if not self.latencies:
            return math.nan
        return self.latencies[max(0, math.ceil(share * len(self.latencies)) - 1)]

    def __str__(self) -> str:
        shares = ", ".join(f"{name} {self.percentile(share) * 1e3:.1f} ms" for name, share in _SHARES)
        others = "".join(
            f", {count} {word}" for word, count in (("failed", self.failed), ("refused", self.refused)) if count
        )
        return f"{self.done} done{others} in {self.seconds:.2f} s: {self.per_second:.0f}/s, {shares}"


_SHARES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))


async def load(
    rt: Runtime,
    template: TemplateSource | Prepared,
    inputs: Inputs | None = None,
    *,
    tasks: int = 1000,
    rate: float | None = None,
    steady: bool = True,
    concurrency: int = 100,
    warm_up: int = 10,
    random: Random | None = None,
) -> LoadReport:
    """Submit tasks and wait for all of them. A cancel leaves those that were submitted to the runtime.

    Args:
        rt: the runtime.
        template: what every task is made from.
        inputs: the same for all, or a function of the task's number.
        tasks: how many are counted.
        rate: arrivals a second; without it tasks follow each other.
        steady: arrivals are evenly spaced; if not, their distances are exponential, as of independent users.
        concurrency: how many may be under way at once; with a rate, later arrivals wait, and their wait counts.
        warm_up: tasks that are run first and not counted.
        random: where the distances come from, so that a load can be repeated.

    Raises:
        TemplateInvalid, InputInvalid: nothing can be submitted.
        ValueError: a number makes no sense.
    """
    if tasks < 1 or warm_up < 0 or concurrency < 1 or (rate is not None and not 0 < rate < math.inf):
        raise ValueError("a load needs tasks >= 1, warm_up >= 0, concurrency >= 1 and a positive rate, if any")
    prepared = await rt.prepare(template)
    run = _Run(rt, prepared, inputs or {})
    if warm_up:
        await run.go([0.0] * warm_up, min(concurrency, warm_up))
    return await run.go(_arrivals(tasks, rate, None if steady else random or Random()), concurrency)  # noqa: S311


def _arrivals(tasks: int, rate: float | None, random: Random | None) -> Sequence[float]:
    """Give the moments at which tasks arrive, in seconds from the start."""
    if rate is None:
        return [0.0] * tasks
    if random is None:
        return [number / rate for number in range(tasks)]
    moments, moment = [], 0.0
    for _ in range(tasks):
        moments.append(moment)
        moment += random.expovariate(rate)
    return moments


class _Run:
    """One series of tasks."""

    def __init__(self, rt: Runtime, template: Prepared, inputs: Inputs) -> None:
        self._rt = rt
        self._template = template
        self._inputs = inputs
        self._count = 0

    async def go(self, arrivals: Sequence[float], concurrency: int) -> LoadReport:
        """Let tasks arrive at these moments; 0 for all means as soon as there is room."""
        paced = arrivals[-1] > 0
        coming = iter(arrivals)
        outcomes: list[tuple[TaskState | None, float]] = []
        faults: list[Invalid] = []
        began = trio.current_time()

        async def work() -> None:
            for due in coming:  # shared: each takes the next one
                number, self._count = self._count, self._count + 1
                if paced:
                    await trio.sleep_until(began + due)
                arrived = began + due if paced else trio.current_time()
                try:
                    outcomes.append((await self._settle(number), trio.current_time() - arrived))
                except Invalid as fault:
                    faults.append(fault)
                    nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for _ in range(min(concurrency, len(arrivals))):
                nursery.start_soon(work)
        if faults:
            raise faults[0]
        states = [state for state, _ in outcomes]
        return LoadReport(
            done=states.count(TaskState.DONE),
            failed=sum(state not in {None, TaskState.DONE} for state in states),
            refused=states.count(None),
            seconds=trio.current_time() - began,
            latencies=sorted(seconds for state, seconds in outcomes if state is not None),
        )

    async def _settle(self, number: int) -> TaskState | None:
        """Run one task to its rest; None if it was refused."""
        inputs = self._inputs(number) if callable(self._inputs) else self._inputs
        try:
            task = await self._rt.submit(self._template, inputs)
        except Unavailable:
            return None
        return (await self._rt.rest(task.id)).state
