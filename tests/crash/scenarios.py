"""The scenarios of flows (A01 to A63) through a runtime that crashes at every fault point: each has to hold all the same.

::

    python -m tests.crash.scenarios                   the whole product, over SQLite and over a journal in memory
    python -m tests.crash.scenarios --seconds 60      a part of it, in an order of its own (--seed)

The steps are marked idempotent, so that work that a crash cut is begun again; the world outside counts it once. What a
user said when it crashed is said again, unless it was stored; but for a rerun that was recorded and refused in one (A41
and A42): whoever was not told why asks again, and is told the same.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Self

import attrs
import trio
import trio.testing

from actors import VirtualClock
from runtime import open_runtime
from runtime.api.client import Runtime
from runtime.api.flow_messages import FlowCommand, RerunFlow, SubmitFlow
from runtime.errors import Refused, UnderstudyError
from runtime.faults import FaultPoint
from runtime.flow.flow import Flow
from runtime.flow.records import FlowCreated, Record, RowsAdded
from runtime.flow.rows import GroupSpec, Step, StepSpec
from runtime.flow.states import Mode
from runtime.flows import Flows
from runtime.journal.opening import open_journal
from runtime.journal.protocol import Entry, Journal
from runtime.runner import Outcome, StepFailed, StepRequest
from tests.runtime.flow.test_live import cases, with_driver
from tests.support.live_flow import FLOW, Kept, LiveLoop, Nothing, ScriptedGenerator, ScriptedWork
from tests.support.plain_flow import START, Script, Work, well

CASES = [one for one in cases() if str(one.id).startswith("test_a")]


class Doom:
    """Ends the world when a point is reached for the nth time."""

    def __init__(self, point: FaultPoint, nth: int) -> None:
        self.point, self.left = point, nth
        self.over = False
        self.end: Callable[[], None] = lambda: None

    def reach(self, point: FaultPoint) -> None:
        if point is self.point and not self.over:
            self.left -= 1
            if self.left == 0:
                self.over = True
                self.end()


class Mortal:
    """A journal to which a life of the runtime writes nothing any more once it is over."""

    def __init__(self, inner: Journal, loop: "CrashingLoop") -> None:
        self._inner, self._life, self._loop = inner, loop.life, loop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def append(self, entries: Sequence[Entry]) -> int:
        if self._life.over:
            await trio.sleep_forever()
        position = await self._inner.append(entries)
        self._loop.total += sum(len(one.records) for one in entries)
        self._loop.has_steps |= any(isinstance(each, RowsAdded) for one in entries for each in one.records)
        return position

    async def close(self) -> None:
        if not isinstance(self._inner, Kept):
            await self._inner.close()


@attrs.define
class Life:
    """One life of a runtime: what ends with it."""

    over: bool = False


class Again(ScriptedWork):
    """The work of every step: done once in the world, however often it is begun."""

    async def run(self, request: StepRequest[Nothing]) -> Outcome:
        loop = self.loop
        assert isinstance(loop, CrashingLoop)
        flow = await loop.runtime.read_flow(FLOW)
        row = flow.steps[request.step]
        if row.id not in loop.works:
            loop.executed.append(row.name)
            loop.works[row.id] = loop.script(row)
        began = loop.began.setdefault(row.id, trio.current_time())
        work = loop.works[row.id]
        if work.blocked:
            work = loop.works[row.id] = await loop.hold(row)
        loop.intervals = [one for one in loop.intervals if one[0] != row.name]
        loop.intervals.append((row.name, began, trio.current_time()))
        if work.error:
            raise StepFailed(work.error)
        metadata = {"directive": work.directive, "status": work.status}
        target = {"target": dict(zip(("type", "id"), work.target, strict=True))} if work.target[1] else {}
        return Outcome(output=work.output, metadata={**metadata, **target})


def may_be_repeated(given: object) -> object:
    """Give steps and groups whose work may be begun again."""
    match given:
        case StepSpec():
            return attrs.evolve(given, idempotent=True)
        case GroupSpec():
            parts: dict[str, Any] = {
                name: tuple(map(may_be_repeated, getattr(given, name))) for name in ("before", "steps", "after")
            }
            return attrs.evolve(given, **parts)
        case list() | tuple():
            return [may_be_repeated(one) for one in given]
        case _:
            return given


class CrashingLoop(LiveLoop):
    """A flow in a runtime that crashes once, and is opened again."""

    def __init__(self, live: "CrashingLive", given: Any, mode: Mode, script: Script, header: dict[str, Any]) -> None:
        super().__init__(live, given, mode, script, header)  # type: ignore[arg-type]  # the same, but for what it makes
        self.works: dict[str, Work] = {}
        self.began: dict[str, float] = {}
        self.life = Life()
        self.told: set[tuple[str, str]] = set()
        self.total = 0
        self.has_steps = False
        self.crashed_at: int | None = None
        self.heard: dict[int, tuple[Life, int]] = {}
        self.messages: list[FlowCommand] = []

    # --- in the thread of the test ------------------------------------------------

    def _run(self, function: Callable[..., Any], *args: Any) -> Any:
        while True:
            try:
                return trio.from_thread.run(partial(function, *args))
            except (UnderstudyError, AssertionError, trio.Cancelled):
                if not self.life.over:
                    raise
                self._revive()

    def _revive(self) -> None:
        trio.from_thread.run(self.live.close, self)
        self.crashed_at = self.total
        self.life = Life()
        trio.from_thread.run(self.live.open, self)

    @property
    def runtime(self) -> Runtime:
        if self._runtime is None or self.life.over:
            raise UnderstudyError("the runtime has crashed")
        return self._runtime

    def _ready(self) -> None:
        if self._runtime is None:
            self._run(self.live.open, self)
        if not self._submitted:
            self._submitted = True
            submission = SubmitFlow(flow=self.created, start=False)
            self._run(lambda: self.runtime._asking.ask(submission))

    async def _ask(self, message: FlowCommand) -> Refused | None:
        """Say something; again if it crashed meanwhile, unless what it did was stored."""
        life, before = self.heard.setdefault(id(message), (self.life, self.total))
        if life is not self.life and self.crashed_at != before and not await self._was_refused(message):
            return None
        try:
            await self.runtime.tell_flow(message)
        except Refused as refusal:
            if self.life.over:
                raise
            return refusal
        finally:
            self.messages.append(message)  # so that its id stays its own
        return None

    async def _was_refused(self, message: FlowCommand) -> bool:
        """Say whether what was stored of a message is that it was refused: a rerun that left its step alone."""
        if not isinstance(message, RerunFlow):
            return False
        flow = await self._read()
        step = flow.steps.get(message.input.step_id)
        return flow.ended and step is not None and step.status.status == "error"

    @property
    def flow(self) -> Flow:
        self._ready()
        flow: Flow = self._run(self._read)
        return flow

    async def _read(self) -> Flow:
        return await self.runtime.read_flow(FLOW)

    @property
    def records(self) -> list[Record]:
        self._ready()
        records: list[Record] = self._run(self._read_records)
        return records

    async def _read_records(self) -> list[Any]:
        assert self.journal is not None
        return list(await self.journal.read(FLOW))

    def crash(self) -> Self:
        self._ready()
        self._revive()
        return self.settle()

    # --- in the trio loop ----------------------------------------------------------

    async def hold(self, row: Step) -> Work:
        if row.name in self.stopped:  # the crash stopped it, and it is begun again
            self.stopped.remove(row.name)
        return await super().hold(row)

    def kit(self) -> Flows:
        kit = super().kit()
        (generator,) = kit.generators.values()
        hook, loop = kit.hooks["work"], self

        def generate(flow: FlowCreated) -> object:
            return may_be_repeated(generator.function(flow))

        def told_once(call: Any) -> None:
            known = len(loop.hooks)
            try:
                hook(call)
            finally:
                if (call.step_id, str(call.hook)) in loop.told:
                    del loop.hooks[known:]
                loop.told.add((call.step_id, str(call.hook)))

        return attrs.evolve(kit, generators=[attrs.evolve(generator, function=generate)], hooks={"work": told_once})


class Signalled(ScriptedGenerator):
    """A signal that gives steps whose work may be begun again."""

    async def run(self, request: StepRequest[Nothing]) -> Outcome:
        given = await super().run(request)
        steps = [{**one, "idempotent": True} for one in given.output["steps"]]  # type: ignore[call-overload,index,union-attr]
        return Outcome(output={"steps": steps})


class CrashingLive:
    """Makes loops whose runtimes share one doom."""

    def __init__(
        self,
        nursery: trio.Nursery,
        clock: trio.testing.MockClock,
        journal: Callable[[int], Awaitable[Journal]],
        doom: Doom,
    ) -> None:
        self.nursery, self.clock, self.journal, self.doom = nursery, clock, journal, doom
        self.loops: list[CrashingLoop] = []

    def __call__(self, *given: StepSpec | GroupSpec, mode: Mode, script: Script = well, **header: Any) -> CrashingLoop:
        loop = CrashingLoop(self, given, mode, script, header)
        self.loops.append(loop)
        return loop

    async def open(self, loop: CrashingLoop) -> None:
        loop._closing, loop._closed = trio.Event(), trio.Event()
        if loop.journal is None:
            loop.journal = await self.journal(self.loops.index(loop))
        loop._runtime = await self.nursery.start(self._live, loop)

    async def close(self, loop: CrashingLoop) -> None:
        loop._closing.set()
        await loop._closed.wait()
        loop._runtime = None
        loop.running.clear()
        if not isinstance(loop.journal, Kept):
            loop.journal = None
        if not loop.has_steps:
            loop.generated = 0  # the steps of a generation that was cut were never there

    async def _live(self, loop: CrashingLoop, task_status: trio.TaskStatus[Runtime]) -> None:
        runners, life = [Again(loop), Signalled(loop)], loop.life
        assert loop.journal is not None
        with trio.CancelScope() as scope:

            def end() -> None:
                life.over = True
                scope.cancel()

            self.doom.end = end
            async with open_runtime(
                journal=Mortal(loop.journal, loop),  # type: ignore[arg-type]  # it has all of it, by __getattr__
                clock=VirtualClock(START),
                runners=runners,
                flows=loop.kit(),
                faults=self.doom,
            ) as runtime:
                task_status.started(runtime)
                await loop._closing.wait()
                life.over = True
                scope.cancel()
                await trio.lowlevel.checkpoint()
        loop._closed.set()

    async def end(self) -> None:
        for loop in self.loops:
            loop._closing.set()


async def act_out(case: Any, folder: Path | None, doom: Doom) -> None:
    """Play a scenario once, with one crash at most."""
    test, module, given = case.values

    async def journal(number: int) -> Journal:
        if folder is None:
            await trio.lowlevel.checkpoint()
            return Kept()
        return await open_journal(f"sqlite:///{folder}/{number}.db?synchronous=normal")

    async with trio.open_nursery() as nursery:
        live = CrashingLive(nursery, _clock(), journal, doom)
        body = with_driver(test, module, live)
        try:
            await trio.to_thread.run_sync(lambda: body(**given))
        finally:
            await live.end()


def _clock() -> trio.testing.MockClock:
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, trio.testing.MockClock)
    return clock


def play(case: Any, point: FaultPoint, nth: int, *, stored: bool) -> tuple[bool, BaseException | None]:
    """Play in a trio of its own; say whether it crashed, and what went wrong, if anything."""
    doom = Doom(point, nth)
    with tempfile.TemporaryDirectory(prefix="understudy-scenario-") as name:
        try:
            trio.run(act_out, case, Path(name) if stored else None, doom, clock=trio.testing.MockClock())
        except KeyboardInterrupt:
            raise
        except BaseException as wrong:  # noqa: BLE001 - whatever a scenario raises is what went wrong
            return doom.over, _innermost(wrong)
    return doom.over, None


def product(case: Any, point: FaultPoint, *, stored: bool) -> Iterator[tuple[int, BaseException | None]]:
    """Play a scenario with a crash at every time that a point is reached; give what went wrong at each, if anything."""
    for nth in count(1):
        crashed, wrong = play(case, point, nth, stored=stored)
        if crashed or wrong is not None:
            yield nth, wrong
        if not crashed:
            return


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.scenarios", description=__doc__)
    parser.add_argument("--seconds", type=float, help="stop after so long; all of it without")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="the scenarios whose name holds this")
    options = parser.parse_args()
    chosen = [
        (case, point, stored)
        for case in CASES
        if options.only in str(case.id)
        for point in FaultPoint
        for stored in (False, True)
    ]
    random.Random(options.seed).shuffle(chosen)
    crashes, failed, done = 0, 0, 0
    began = time.perf_counter()  # noqa: TID251 - it bounds a command
    for case, point, stored in chosen:
        if options.seconds is not None and time.perf_counter() - began > options.seconds:  # noqa: TID251 - as above
            break
        done += 1
        for nth, wrong in product(case, point, stored=stored):
            crashes += 1
            if wrong is not None:
                failed += 1
                where = "SQLite" if stored else "memory"
                print(f"{case.id}, {point.name} {nth}, {where}: {type(wrong).__name__}: {wrong}", flush=True)
    print(f"{done} of {len(chosen)} rows of the product, {crashes} crashes, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
