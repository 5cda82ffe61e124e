"""The one who commits for all: takes what waits, stores it together, and tells everybody at once.

While one group is on its way the next one gathers, so that under load a commit is shared by all who came meanwhile. Before
a small one leaves, whoever can run runs; nobody ever waits for company that has to be waited for. Of many who go round in
step half are let go first (`share`), so that the program works while something is stored; and so that the halves stay
apart, those of one are told of theirs only when the others have been let run. What counts is turns, not appends: many tasks
begin with one. A cancelled wait abandons the append; if it is under way, not the write: it is stored, or not, as a whole.

When the link to the server is cut, everybody waits while it is sought again. Whether the commit that was on its way got
there is read where the server notes it (`commits`): so an append is never stored twice, and what was stored is never refused.

What is let go of is let go of in the end, whatever the server says meanwhile: nobody would ask for it again, and nobody
else could go on with it. So is what was begun by an append that nobody waits for any more. It costs the server about what
it cost to begin it: so commits that store something take it a little at a time. (What ends is let go of as it is stored.)
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import psycopg
import trio
from trio.lowlevel import reschedule

from runtime.journal.appends import Append
from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.database import is_cut, unavailable
from runtime.journal.postgres.driver import TrioConnection
from runtime.journal.postgres.schema import COMMITTED_BEFORE
from runtime.journal.postgres.writer import NOTHING, Freed, Rows, Stored, Writer
from runtime.journal.protocol import AlreadyStored, JournalUnavailable, LeaseLost, NotHeld
from runtime.journal.turns import ENOUGH, Turn, share

_PASSES: Final = 3
"""How often the scheduler goes round between the word that something was stored and what follows, if it needs no waiting."""

_MOST_ROUNDS: Final = 8
"""How long it may go on that more come."""

_FEW: Final = 8
"""How many tasks are let go of with a commit that stores something, while nobody waits for that; or a quarter of them."""

_ONE_PLAN: Final = (
    "SET plan_cache_mode TO force_generic_plan;"
    " SET enable_seqscan TO off; SET enable_hashjoin TO off; SET enable_mergejoin TO off"
)
"""A statement is planned once: for a few rows by their keys, whatever their values, and whatever statistics say."""

_AGAIN_SECONDS: Final = (0.0, 0.1, 0.25, 0.5, 1.0)
"""How long to wait before the server is sought again; the last one for ever."""


class Committer:
    """Commits for the instance `me`. `run` does it; everything else is for those who want something stored."""

    def __init__(
        self,
        address: StoreAddress,
        me: int,
        writer: Writer,
        connect: Callable[[], Awaitable[TrioConnection]],
        lose: Callable[[LeaseLost], None],
    ) -> None:
        self._address = address
        self._me = me
        self._writer = writer
        self._connect = connect
        self._lose = lose
        self._jobs: deque[Append] = deque()
        self._released: list[int] = []
        self._unheld: list[int] = []
        self._wanted = trio.Event()
        self._done = trio.Event()
        self._asked = 0
        self._taken = 0
        self._answered = 0
        """How many turns were handed over, how many of those a commit has taken, and how many have been dealt with."""
        self._begun = 0
        self._ended = 0
        """How many commits were."""
        self._freeing = False
        self._pressed = False
        """Whether somebody waits for all that was let go of."""
        self.abandoned = 0
        self._expected = ENOUGH
        """How many turns wait once all who were told of the last commit have something to store again."""
        self._back = 0
        """How many have been handed over once those have who were told of the commit before that."""
        self._connection: TrioConnection | None = None
        self._serial = 0
        self._closed: Exception | None = None

    # --- for everybody --------------------------------------------------------------------------------------------

    def append(self, turns: Sequence[Turn]) -> Awaitable[int]:
        """Store; await the first position, at once.

        Raises:
            AlreadyStored, JournalUnavailable, LeaseLost: nothing was stored.
        """
        if self._closed is not None:
            raise self._closed
        job = Append(turns, self)
        if not self._jobs:
            self._wanted.set()
        self._jobs.append(job)
        self._asked += len(turns)
        return job.wait()

    def release(self, numbers: Sequence[int]) -> None:
        """Let go of tasks, with one of the next commits. Sync."""
        self._released += numbers
        self._wanted.set()

    def unhold(self, ticket: int) -> None:
        """Give back what is held under a ticket, with the next commit. Sync."""
        self._unheld.append(ticket)
        self._wanted.set()

    @property
    def sure(self) -> bool:
        """Whether nothing is on its way that nobody waits for (any more)."""
        return self.abandoned == 0 and not self._released and not self._freeing

    async def settled(self) -> None:
        """Wait until everything that was handed over before has been dealt with; what comes meanwhile is not waited for."""
        asked, last = self._asked, self._begun + bool(self._released)
        self._pressed = True
        while (self._answered < asked or self._ended < last) and self._closed is None:
            await self._done.wait()

    def close(self, why: Exception) -> None:
        """Refuse whatever waits, and whatever comes. Sync, idempotent."""
        if self._closed is None:
            self._closed = why
            self._refuse(self._jobs, why)
            self._jobs.clear()
            self._done.set()
            self._hang_up()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.abandon()
            self._connection = None

    # --- the loop -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Commit until cancelled."""
        group: Sequence[Append] = ()
        try:
            while True:
                await self._wanted.wait()
                self._wanted = trio.Event()
                came = 0
                while self._jobs or self._released or self._unheld:
                    await self._gather()
                    self._begun += 1
                    taken = self._take(share(came, self._waiting))
                    group = [job for job in taken if job.task is not None]
                    self.abandoned -= len(taken) - len(group)
                    freed = self._take_freed(all_of_it=self._pressed or not group)
                    self._freeing = bool(freed.tasks)
                    if group or freed:
                        await self._commit(group, freed)
                    if self._asked < self._back and self._back - self._taken >= ENOUGH:
                        await trio.lowlevel.cancel_shielded_checkpoint()  # for what is stored is not to be refused
                    came = self._waiting
                    self._expected = min(came + self._taken - self._answered, ENOUGH) or ENOUGH
                    self._back = self._asked + self._taken - self._answered
                    self._answered = self._taken
                    self._tell(group)
                    self._ended += 1
                    group = ()
                    self._freeing = False
                    done, self._done = self._done, trio.Event()
                    done.set()
        finally:
            why = self._closed or JournalUnavailable("the journal is closed")
            self._refuse(group, why)
            self.close(why)
            self._hang_up()

    @property
    def _waiting(self) -> int:
        return self._asked - self._taken

    def _take(self, most: int) -> Sequence[Append]:
        """Take those that wait longest: one at least, and so many that their turns are about as many as that."""
        taken: list[Append] = []
        before = 0
        while self._jobs and (not taken or 2 * before + len(self._jobs[0].turns) <= 2 * most):
            taken.append(self._jobs.popleft())
            before += len(taken[-1].turns)
        self._taken += before
        return taken

    def _take_freed(self, *, all_of_it: bool) -> Freed:
        released = self._released
        few = len(released) if all_of_it else max(_FEW, len(released) // 4)
        freed = Freed(released[:few], self._unheld)
        self._released, self._unheld, self._pressed = released[few:], [], False
        return freed

    async def _gather(self) -> None:
        """Let whoever can run now get as far as having something to store, too: whoever was told of the last commit does.

        Otherwise the first of them would begin a commit alone, and all others wait for it; and where instances take turns
        to commit, they wait for those of all. Once all of them have come back there is nobody to wait for.
        """
        for _ in range(_MOST_ROUNDS):
            before = self._asked
            for _ in range(_PASSES):
                if self._waiting >= self._expected:
                    return
                await trio.lowlevel.checkpoint()
            if self._asked == before:
                return

    def _refuse(self, jobs: "Sequence[Append] | deque[Append]", why: Exception) -> None:
        for job in jobs:
            job.result = why
        self._tell(jobs)

    def _tell(self, jobs: "Sequence[Append] | deque[Append]") -> None:
        for job in jobs:
            if job.task is not None:
                reschedule(job.task, job)
            else:
                self.abandoned -= 1
                if not isinstance(job.result, Exception):
                    self._released += self._writer.disown(job.turns)

    async def _commit(self, jobs: Sequence[Append], freed: Freed) -> None:
        """Give each job its result: the first position, or why nothing of it was stored."""
        try:
            stored = await self._store([turn for job in jobs for turn in job.turns], freed)
        except (AlreadyStored, LeaseLost, psycopg.IntegrityError, psycopg.DataError):  # the others are not to blame
            self._writer.doubt()
            await self._free(freed)
            for job in jobs:
                await self._commit_alone(job)
        except psycopg.Error as fault:
            refusal = self._refusal(fault)
            for job in jobs:
                job.result = refusal
            if not isinstance(refusal, LeaseLost):
                await self._free(freed)
        else:
            self._writer.grow(stored)
            position = stored.base + 1
            for job in jobs:
                job.result = position
                for turn in job.turns:
                    position += turn.records

    async def _free(self, freed: Freed) -> None:
        """Let go of what could not be let go of with others, however long it takes."""
        while freed and self._closed is None:
            try:
                await self._store((), freed)
            except psycopg.Error as fault:
                if isinstance(self._refusal(fault), LeaseLost):
                    return
                await trio.sleep(_AGAIN_SECONDS[-1])
            else:
                return

    async def _commit_alone(self, job: Append) -> None:
        try:
            stored = await self._store(job.turns, NOTHING)
            self._writer.grow(stored)
            job.result = stored.base + 1
        except (AlreadyStored, LeaseLost) as refusal:
            job.result = refusal
        except psycopg.errors.UniqueViolation as fault:
            job.result = await self._known(job, fault)
        except psycopg.Error as fault:
            job.result = self._refusal(fault)

    def _refusal(self, fault: psycopg.Error) -> Exception:
        self._hang_up()  # whatever this connection has come to, another may do better
        if self._closed is not None:
            return self._closed
        refusal = unavailable(self._address, fault)
        if isinstance(refusal, LeaseLost):
            self._lose(refusal)
        return refusal

    async def _known(self, job: Append, fault: psycopg.errors.UniqueViolation) -> Exception:
        """Say what was stored before: looked up only once a commit has failed."""
        if fault.diag.table_name == "turns":
            return NotHeld("something else was stored of a task meanwhile: this instance does not hold it")
        new = [turn.task_id for turn in job.turns if turn.template is not None]
        try:
            assert self._connection is not None  # noqa: S101 - narrows
            cursor = await self._connection.execute("SELECT id FROM tasks WHERE id = ANY(%s)", [new])
            known = [task_id for (task_id,) in await cursor.fetchall()]
        except psycopg.Error as cut:
            return unavailable(self._address, cut)
        return AlreadyStored(known) if known else unavailable(self._address, fault)

    async def _store(self, turns: Sequence[Turn], freed: Freed) -> Stored:
        """Store, for as long as it takes to find the server."""
        self._serial += 1
        pauses = iter(_AGAIN_SECONDS)
        rows: Rows | None = None
        while True:
            try:
                if self._connection is None:
                    await self._open()
                assert self._connection is not None  # noqa: S101 - narrows
                if rows is None:
                    rows = await self._writer.prepare(self._connection, turns)
                elif (base := await self._committed()) is not None:
                    return Stored(base, rows)
                return await self._writer.store(self._connection, self._serial, rows, freed)
            except psycopg.Error as fault:
                if fault.sqlstate == COMMITTED_BEFORE and rows is not None:
                    continue  # it got there after all, while we looked
                if not is_cut(fault, self._connection):
                    raise
                self._hang_up()
                if self._closed is not None:
                    raise
                await trio.sleep(next(pauses, _AGAIN_SECONDS[-1]))

    async def _open(self) -> None:
        self._connection = await self._connect()
        self._connection.prepare_threshold = None  # psycopg would have the server forget our statements, too (`call`)
        await self._connection.execute(_ONE_PLAN)

    async def _committed(self) -> int | None:
        """Say behind which position the commit was stored whose answer was lost, if it was."""
        assert self._connection is not None  # noqa: S101 - narrows
        cursor = await self._connection.execute(_BASE, [self._me, self._serial])
        row = await cursor.fetchone()
        return row[0] if row is not None else None


_BASE: Final = "SELECT base FROM commits WHERE instance = %s AND serial = %s"
