"""The writer's thread: takes all that waits, commits it together, and tells everybody at once.

While one group is being committed the next one gathers, so that under load a commit is shared by all who came
meanwhile, and nobody ever waits for company. Of many who go round in step half are let go first (`share`), so that the
program works while something is stored. Tasks hand over appends and are woken by the trio run in one batch a group. A
cancelled wait abandons the append; if it is under way, not the write: it is stored, or not, as a whole.
"""

import queue
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias, TypeVar

import attrs
import trio
from outcome import Error, Outcome, Value
from trio.lowlevel import reschedule

from runtime.journal.appends import Append
from runtime.journal.protocol import Trouble
from runtime.journal.sqlite.writer import Writer
from runtime.journal.turns import Turn, share

T = TypeVar("T")


@attrs.define(eq=False)
class _Call:
    """Something else to be done by the writer, in its turn, and the trio task that waits for it, until it is cancelled."""

    function: Callable[[Writer], Any]
    task: "trio.lowlevel.Task | None"


_Job: TypeAlias = Append | _Call


@attrs.frozen
class _End:
    """What ends the thread."""


_END: Final = _End()


class WriterThread:
    """Runs a writer. Its methods are for tasks of the trio run it was made in."""

    def __init__(self, writer: Writer, *, name: str) -> None:
        self._writer = writer
        self._jobs: queue.SimpleQueue[_Job | _End] = queue.SimpleQueue()
        self._token = trio.lowlevel.current_trio_token()
        self.abandoned = 0
        # A thread that waits on a dead disk must not keep the program from ending: what it has not committed was
        # not acknowledged.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> Trouble | None:
        """What the writer was in when it last committed, if it was in any."""
        return self._writer.trouble

    @property
    def settled(self) -> bool:
        """Whether nothing is on its way that nobody waits for any more."""
        return self.abandoned == 0

    def append(self, turns: Sequence[Turn]) -> Awaitable[int]:
        """Store; await the first position, at once.

        Raises:
            AlreadyStored, JournalUnavailable: nothing was stored.
        """
        job = Append(turns, self)
        self._jobs.put(job)
        return job.wait()

    def call(self, function: Callable[[Writer], T]) -> Awaitable[T]:
        """Have the writer do something, after all that was handed over before; await what it gives, at once."""
        job = _Call(function, trio.lowlevel.current_task())
        self._jobs.put(job)

        def abandon(_raise_cancel: object) -> trio.lowlevel.Abort:
            job.task = None
            self.abandoned += 1
            return trio.lowlevel.Abort.SUCCEEDED

        return trio.lowlevel.wait_task_rescheduled(abandon)  # noqa: ASYNC105 - the caller awaits it

    def stop(self) -> None:
        """Have the thread end once it has done all that was handed over. Sync."""
        self._jobs.put(_END)

    # --- in the thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        get, size = self._jobs.get, self._jobs.qsize
        waiting: list[_Job | _End] = []
        while True:
            waiting += [get() for _ in range(size())]
            came = len(waiting)
            if not came:
                waiting = [get()]
                waiting += [get() for _ in range(size())]
            job = waiting[0]
            if isinstance(job, Append):
                group = _appends(waiting, share(came, len(waiting)))
                del waiting[: len(group)]
                self._commit(group)
            elif isinstance(job, _Call):
                del waiting[0]
                self._perform(job)
            else:
                return

    def _commit(self, group: Sequence[Append]) -> None:
        wanted = [job for job in group if job.task is not None]
        try:
            results: Sequence[int | Exception] = self._writer.commit([job.turns for job in wanted])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is those who wait that have to know
            results = [error] * len(wanted)
        for job, result in zip(wanted, results, strict=True):
            job.result = result
        self._tell(self._wake, group)

    def _perform(self, job: _Call) -> None:
        result: Outcome[Any]
        try:
            result = Value(job.function(self._writer))
        except Exception as error:  # noqa: BLE001 - as above
            result = Error(error)
        self._tell(self._answer, job, result)

    def _tell(self, how: Callable[..., None], *what: object) -> None:
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(how, *what)

    # --- in the trio run ------------------------------------------------------------------------------------------

    def _wake(self, group: Sequence[Append]) -> None:
        for job in group:
            if job.task is None:
                self.abandoned -= 1
            else:
                reschedule(job.task, job)

    def _answer(self, job: _Call, result: Outcome[Any]) -> None:
        if job.task is None:
            self.abandoned -= 1
        else:
            reschedule(job.task, result)


def _appends(waiting: "Sequence[_Job | _End]", most: int) -> list[Append]:
    """Give those that come first, up to so many."""
    group: list[Append] = []
    for job in waiting:
        if len(group) == most or not isinstance(job, Append):
            break
        group.append(job)
    return group
