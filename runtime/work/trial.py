"""One attempt of a step: what it is given, what it says while it runs, what it comes to; and what attempts share."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, assert_never

import attrs
import trio

from actors import Clock, Cut, Exit, Failed, Returned
from runtime.api.messages import StepProgressed
from runtime.engine.events import Change, LoopUnrolled, StepCut, StepFinished
from runtime.engine.records import StepReturned
from runtime.engine.rights import Administrators
from runtime.engine.task import Header, Progress, Seen, view_of
from runtime.foreign import told
from runtime.frozen import changing
from runtime.life import Life
from runtime.runner import Runners
from runtime.templates.catalogue import Templates
from runtime.values.evaluator import Evaluator
from runtime.values.json import Json
from runtime.values.snapshot import Values
from runtime.wishes import Callback, Spawned, Wish
from runtime.work.program import Program, Programs
from runtime.work.resources import Resources
from runtime.work.schema import Schemas
from runtime.work.watch import Watch

Report: TypeAlias = StepFinished | LoopUnrolled

_LONGEST_MESSAGE = 1000


@attrs.frozen(kw_only=True)
class Tools:
    """What attempts share: nothing of it belongs to a task.

    `tell` passes on what an attempt says of its progress; `resources` is None where nothing is limited. `sure`, where
    tasks are shared with other instances, waits until this one may go on with its own: nothing is begun before.
    `result_size` is what the output of an action may come to, and its metadata, and its tags (`Limits`).
    """

    evaluator: Evaluator
    runners: Runners
    programs: Programs
    clock: Clock
    schemas: Schemas
    tell: Callable[[StepProgressed], None]
    resources: Resources | None
    templates: Templates
    administrators: Administrators | None
    sure: Callable[[], Awaitable[None]] | None
    result_size: int


@changing(eq=False)
class Attempt(Life):
    """All that one attempt knows, and the line between it and those who watch its task.

    `kept` is where the step stood when it began. `sight` is what its templates see, as of then; the step itself is
    ``.step.this`` in it, unless it is unrolled. `wishes` are what its actions wished for so far, and `watch` what is
    there while one of them wants to be watched. `short`: an action did not get its resources, and did nothing.
    """

    tools: Tools
    header: Header
    program: Program
    step: str
    number: int
    kept: Progress
    sight: Seen | Values
    spawned: tuple[Spawned, ...]
    callbacks: Mapping[str, Callback]
    wishes: tuple[Wish, ...] = ()
    watch: Watch | None = None
    short: bool = False

    __repr__ = object.__repr__  # not all that it knows

    @property
    def values(self) -> Values:
        """What its templates see, in full."""
        return self.sight if isinstance(self.sight, Values) else self.sight.whole

    def seen(self, values: Values, progress: Progress) -> Values:
        """Give values that show the step as it stands in `progress`, as ``.step.this``."""
        return values.with_this(view_of(progress, self.program.definition))

    # --- what it comes to ----------------------------------------------------

    def finished(self, state: str, error: str = "", *, output: Json = None) -> StepFinished:
        """Give what it comes to whose action was executed, and left nothing else."""
        return StepFinished(StepReturned(self.tools.clock.wall(), self.step, state, state, error, output), self.number)

    def untried(self, state: str, error: str = "", changes: tuple[Change, ...] = ()) -> StepFinished:
        """Give what it comes to whose action is not executed: what the step had stays."""
        return self.kept_as(state, error, tried=False, changes=changes)

    def kept_as(self, state: str, error: str, *, tried: bool, **more: Any) -> StepFinished:
        """Give what it comes to if what the step had stays."""
        kept = self.kept
        at = self.tools.clock.wall()
        record = StepReturned(at, self.step, state, state, error, kept.output, kept.metadata, tried)
        return StepFinished(record, self.number, **more)

    def ended(self, how: Exit[Report]) -> Report | StepCut:
        """Give what its task is told of its end: its own report, if it came to one."""
        if isinstance(how, Returned):  # as nearly all end
            return how.value
        match how:
            case Cut(reason=reason):
                requester, why = reason.requester, reason.text
            case Failed(error=error):
                requester, why = "runtime", f"lost: {told(error)}"
            case _:
                assert_never(how)
        at = self.tools.clock.wall()
        return StepCut(at=at, step=self.step, attempt=self.number, requester=requester, reason=why)

    # --- what it says and hears while it runs (`Life`) -----------------------

    def progress(self, done: float | None = None, message: str = "") -> None:
        """Tell subscribers."""
        self.heartbeat()
        self.tools.tell(
            StepProgressed(
                at=self.tools.clock.wall(),
                task_id=self.header.task_id,
                step=self.step,
                attempt=self.number,
                done=None if done is None else min(max(done, 0.0), 1.0),
                message=message[:_LONGEST_MESSAGE],
            )
        )

    def heartbeat(self) -> None:
        """Put the end off."""
        if self.watch is not None:
            self.watch.put_off()

    @property
    def stopping(self) -> bool:
        """Whether the attempt was cancelled and has its grace."""
        return self.watch is not None and self.watch.stopping.is_set()

    async def wait_stopping(self) -> None:
        """Wait for that."""
        if self.watch is None:
            await trio.sleep_forever()
        else:
            await self.watch.stopping.wait()
