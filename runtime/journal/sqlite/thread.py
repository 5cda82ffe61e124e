"""The writer's thread: takes all that waits, commits it together, and tells everybody at once.

While one group is being committed the next one gathers, so that under load a commit is shared by all who came
meanwhile, and nobody ever waits for company. Of many who go round in step half are let go first (`share`), so that the
program works while something is stored. A cancelled wait abandons the append; if it is under way, not the write: it is
stored, or not, as a whole.

A task that stores one record at a time pays for every time that a thread is woken, and waits for the interpreter. So
what tasks hand over is passed on when the trio run is about to let go of the interpreter anyway (`before_io_wait`):
earlier, the thread would only wake up to wait for it. And the thread wakes the trio run through a pipe, which one of those
who wait listens at: so no task has to run just for that; when it is done, it appoints another. All who are done go on at
once, for the trio run lets them go before any of them runs (`after_io_wait`).

Back from SQLite the thread has to wait for the interpreter, which the program lets go of once it has run out of work: what
the thread does then is what the program waits for. So it only says what came of a group; who is told of it tells the others.
"""

import os
import queue
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import attrs
import trio
from outcome import Value
from trio.lowlevel import reschedule

from runtime.frozen import value
from runtime.journal.appends import Append
from runtime.journal.protocol import Trouble
from runtime.journal.sqlite.rows import MOST, LaidOut, lay_out
from runtime.journal.sqlite.writer import Writer
from runtime.journal.turns import Turn, share

T = TypeVar("T")

_APPOINTED: Final = 0
"""What a task is given that is to listen: no position is 0."""

_PATIENCE: Final = 4
"""For how many rounds of the trio run those that the thread is done with wait for others who are not done with theirs."""

_READ: Final = 256
"""How much is read from the pipe at once: more than there is, as a rule."""


class _Call(Append):
    """Something else to be done by the writer, in its turn; `result` says that it is done, and `given` what it gave."""

    __slots__ = ("function", "given")

    def __init__(self, function: Callable[[Writer], Any], keeper: "WriterThread") -> None:
        super().__init__((), keeper)
        self.function = function
        self.given: Any = None


@attrs.frozen
class _End:
    """What ends the thread."""


_END: Final = _End()
_Job: TypeAlias = Append | _End


@value
class _Group:
    """Appends that may share a commit, what they store, and that laid out, if it is."""

    appends: Sequence[Append]
    turns: Sequence[Sequence[Turn]]
    laid_out: LaidOut | None = None


class WriterThread(trio.abc.Instrument):
    """Runs a writer. Its methods are for tasks of the trio run it was made in."""

    def __init__(self, writer: Writer, *, name: str) -> None:
        self._writer = writer
        self._seals = writer.seals
        self._position = writer.next_position
        self._handed: list[_Job] = []
        self._jobs: queue.SimpleQueue[tuple[list[_Job], _Group | None, bool]] = queue.SimpleQueue()
        self._done: deque[tuple[Sequence[Append], Sequence[int | Exception]]] = deque()
        self._following: deque[Append] = deque()
        self._listener: Append | None = None
        self._held_back = 0
        self._passed_on = 0
        self._dealt_with = 0
        """How many were passed on to the thread, and how many of those it is done with: each is counted by one thread only."""
        self.abandoned = 0
        self._told, self._tells = os.pipe()
        os.set_blocking(self._tells, False)
        trio.lowlevel.add_instrument(self)
        # A thread that waits on a dead disk must not keep the program from ending: what it has not committed was
        # not acknowledged.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> Trouble | None:
        """What the writer was in when it last committed, if it was in any."""
        return self._writer.health.trouble

    @property
    def settled(self) -> bool:
        """Whether nothing is on its way that nobody waits for any more."""
        return self.abandoned == 0

    def append(self, turns: Sequence[Turn]) -> Awaitable[int]:
        """Store; await the first position, at once.

        Raises:
            AlreadyStored, JournalUnavailable: nothing was stored.
        """
        return self._hand_over(Append(turns, self))

    async def call(self, function: Callable[[Writer], T]) -> T:
        """Have the writer do something, after all that was handed over before; give what it gives."""
        job = _Call(function, self)
        await self._hand_over(job)
        given: T = job.given
        return given

    def stop(self) -> None:
        """Have the thread end once it has done all that was handed over; nobody may wait for it any more. Sync."""
        trio.lowlevel.remove_instrument(self)
        self._jobs.put(([*self._handed, _END], None, False))

    def before_io_wait(self, timeout: float) -> None:
        """Pass on what tasks have handed over since the last time. See `trio.abc.Instrument`.

        Where somebody is held back, the trio run is let go on behind this: at once, or once the thread, if it is at rest,
        has begun.
        """
        handed = self._handed
        wakes = timeout > 0 and bool(self._done)
        if handed:
            self._handed = []
            at_rest = self._passed_on == self._dealt_with
            if at_rest:
                self._position = self._writer.next_position
            begins = wakes and at_rest
            wakes = wakes and not begins
            self._passed_on += len(handed)
            self._jobs.put((handed, self._group(handed), begins))
        if wakes:
            self._wake()

    def after_io_wait(self, timeout: float) -> None:
        """Let all go on that the thread is done with, once nobody else has anything to do. See `trio.abc.Instrument`."""
        if timeout > 0:
            self._let_go_on()
        elif self._done:
            self._held_back += 1
            if self._held_back > _PATIENCE:
                self._let_go_on()
                self._wake()  # who listens has read what the thread said

    def _group(self, handed: Sequence[_Job]) -> _Group | None:
        """Lay out what is handed over, as the group that it most often becomes."""
        appends = _appends(handed, len(handed))
        turns = _turns(appends)
        position, sealer = self._position, None
        if self._seals:  # where others are under way, this most often begins where they end
            self._position += sum([turn.records for some in turns for turn in some])
            sealer = self._writer.sealer
        if len(appends) < len(handed) or len(handed) > MOST or (self._seals and sealer is None):
            return None
        try:
            return _Group(appends, turns, lay_out(turns, sealer, position))
        except Exception:  # noqa: BLE001 - trio takes no more word of an instrument that raises; the thread tells those who wait
            return None

    # --- in tasks -------------------------------------------------------------------------------------------------

    async def _hand_over(self, job: Append) -> int:
        self._handed.append(job)
        if self._listener is None:
            return await self._listen(job)
        self._following.append(job)
        return await job.wait() or await self._listen(job)

    async def _listen(self, job: Append) -> int:
        """Have the trio run woken when the thread is done with something, until that is this one; then appoint another."""
        self._listener = job
        try:
            while job.task is not None:
                await trio.lowlevel.wait_readable(self._told)
                os.read(self._told, _READ)
                if not self._held_back:
                    self._let_go_on()  # what has been told of since would wake nobody any more
        finally:
            if job.task is not None:
                job.abandon()
            self._appoint()
        return job.unwrap()

    def _let_go_on(self) -> None:
        """Let all go on that the thread is done with."""
        done = self._done
        self._held_back = 0
        while done:
            group, results = done.popleft()
            for job, result in zip(group, results, strict=True):
                task, job.task = job.task, None
                if task is None:
                    self.abandoned -= 1
                    continue
                job.result = result
                if job is not self._listener:  # whose task is woken by the pipe
                    reschedule(task, job)

    def _appoint(self) -> None:
        """Have another one listen that waits, if there is one."""
        following = self._following
        self._listener = None
        while following:
            job = following.popleft()
            if job.task is not None:
                self._listener = job
                reschedule(job.task, Value(_APPOINTED))
                return

    # --- in the thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        get, size = self._jobs.get, self._jobs.qsize
        waiting: list[_Job] = []
        while True:
            at_rest = not (waiting or size())
            group = None
            if not waiting:
                waiting, group, begins = get()
                if begins:
                    self._wake()
            while size() and not at_rest:
                waiting += get()[0]
                group = None
            job = waiting[0]
            if isinstance(job, _End):
                for end in (self._told, self._tells):  # both only now: to write where nobody reads ends some programs
                    os.close(end)
                return
            most = share(0 if at_rest else len(waiting), len(waiting))
            if group is None or most < len(waiting) or self.abandoned:
                appends = _appends(waiting, most)
                group = _Group(appends, _turns(appends))
            if group.appends:
                self._commit(group)
            elif isinstance(job, _Call):
                self._perform(job)
            waiting = waiting[len(group.appends) or 1 :]

    def _commit(self, group: _Group) -> None:
        results: Sequence[int | Exception]
        try:
            results = self._writer.commit(group.turns, group.laid_out)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is those who wait that have to know
            results = [error] * len(group.appends)
        self._tell(group.appends, results)

    def _perform(self, job: _Call) -> None:
        result: int | Exception = 1
        try:
            job.given = job.function(self._writer)
        except Exception as error:  # noqa: BLE001 - as above
            result = error
        self._tell([job], [result])

    def _tell(self, group: Sequence[Append], results: Sequence[int | Exception]) -> None:
        self._dealt_with += len(group)
        self._done.append((group, results))
        self._wake()

    # --- in both --------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        """Wake the trio run."""
        try:
            os.write(self._tells, b"!")
        except BlockingIOError:
            return  # the pipe is full, and can be read anyway


def _appends(waiting: Sequence[_Job], most: int) -> list[Append]:
    """Give those that come first, up to so many."""
    group: list[Append] = []
    for job in waiting[:most]:
        if job.__class__ is not Append:
            break
        group.append(job)
    return group


def _turns(group: Sequence[Append]) -> Sequence[Sequence[Turn]]:
    """Give what appends store: nothing, where nobody waits for it any more."""
    return [job.turns if job.task is not None else () for job in group]
