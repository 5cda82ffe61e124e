"""The writer's thread: takes all that waits, commits it together, and tells everybody at once.

While one group is being committed the next one gathers, so that under load a commit is shared by all who came
meanwhile, and nobody ever waits for company. Of many who go round in step half are let go first (`share`), so that the
program works while something is stored. Tasks hand over appends and are woken by the trio run in one batch a group. A
cancelled wait abandons the append, not the write: it is stored, or not, as a whole.
"""

import queue
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar

import attrs
import trio

from runtime.journal.sqlite.writer import Writer
from runtime.journal.turns import Turn, share

T = TypeVar("T")


@attrs.define(eq=False)
class _Append:
    """Turns to store, and the trio task that waits for it, until it is cancelled."""

    turns: Sequence[Turn]
    task: "trio.lowlevel.Task | None" = None
    result: int | Exception = 0


@attrs.define(eq=False)
class _Call:
    """Something else to be done by the writer, in its turn."""

    function: Callable[[Writer], Any]
    task: "trio.lowlevel.Task | None" = None
    result: Any = None


_Job: TypeAlias = _Append | _Call


class WriterThread:
    """Runs a writer. Its methods are for tasks of the trio run it was made in."""

    def __init__(self, writer: Writer, *, name: str) -> None:
        self._writer = writer
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._token = trio.lowlevel.current_trio_token()
        self._abandoned = 0
        # A thread that waits on a dead disk must not keep the program from ending: what it has not committed was
        # not acknowledged.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def settled(self) -> bool:
        """Whether nothing is on its way that nobody waits for any more."""
        return self._abandoned == 0

    def append(self, turns: Sequence[Turn]) -> Awaitable[int]:
        """Store; await the first position.

        Raises:
            AlreadyStored, JournalUnavailable: nothing was stored.
        """
        return self._do(_Append(turns))

    def call(self, function: Callable[[Writer], T]) -> Awaitable[T]:
        """Have the writer do something, after all that was handed over before; await what it gives."""
        return self._do(_Call(function))

    async def _do(self, job: _Job) -> Any:
        job.task = trio.lowlevel.current_task()
        self._jobs.put(job)

        def abandon(_raise_cancel: object) -> trio.lowlevel.Abort:
            job.task = None
            self._abandoned += 1
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abandon)
        if isinstance(job.result, Exception):
            raise job.result
        return job.result

    def stop(self) -> None:
        """Have the thread end once it has done all that was handed over. Sync."""
        self._jobs.put(None)

    # --- in the thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        waiting: deque[_Job | None] = deque()
        while True:
            self._gather(waiting)
            came = len(waiting)
            if not came:
                waiting.append(self._jobs.get())
                self._gather(waiting)
            group: list[_Append] = []
            largest = share(came, len(waiting))
            while waiting and isinstance(job := waiting[0], _Append) and len(group) < largest:
                group.append(job)
                waiting.popleft()
            if group:
                self._commit(group)
            elif isinstance(job := waiting.popleft(), _Call):
                self._perform(job)
            else:
                return

    def _gather(self, waiting: "deque[_Job | None]") -> None:
        for _ in range(self._jobs.qsize()):
            waiting.append(self._jobs.get())

    def _commit(self, group: Sequence[_Append]) -> None:
        try:
            results: Sequence[int | Exception] = self._writer.commit([job.turns for job in group])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is those who wait that have to know
            results = [error] * len(group)
        for job, result in zip(group, results, strict=True):
            job.result = result
        self._tell(group)

    def _perform(self, job: _Call) -> None:
        try:
            job.result = job.function(self._writer)
        except Exception as error:  # noqa: BLE001 - as above
            job.result = error
        self._tell([job])

    def _tell(self, jobs: Sequence[_Job]) -> None:
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._wake, jobs)

    def _wake(self, jobs: Sequence[_Job]) -> None:
        for job in jobs:
            if job.task is None:
                self._abandoned -= 1
            else:
                trio.lowlevel.reschedule(job.task)
