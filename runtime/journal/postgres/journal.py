"""`PostgresJournal`: a journal in a PostgreSQL database that instances share; see `Journal` and `SharedJournal`."""

from collections.abc import Callable, Collection, Sequence
from typing import Final

import psycopg
import trio

from runtime.journal.codec import RECORDS_FORMAT
from runtime.journal.keys import KeyRing
from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.claimer import Claimer
from runtime.journal.postgres.committer import Committer
from runtime.journal.postgres.database import serving
from runtime.journal.postgres.driver import TrioConnection
from runtime.journal.postgres.instance import Instance
from runtime.journal.postgres.listener import Listener
from runtime.journal.postgres.mail import Mail
from runtime.journal.postgres.notes import SetBack, note
from runtime.journal.postgres.store import PostgresStore
from runtime.journal.postgres.writer import Writer
from runtime.journal.protocol import PAGE, CommitsLost, JournalUnavailable, Stored
from runtime.journal.shared import Claimed, Foreign, Holder, LeaseFigures, Letter, Signal


class PostgresJournal(PostgresStore):
    """What an instance does besides storing and reading. `run` makes it one."""

    def __init__(
        self,
        address: StoreAddress,
        ring: KeyRing | None,
        numbers: dict[bytes, int],
        records_format: int = RECORDS_FORMAT,
    ) -> None:
        super().__init__(address, ring, numbers, records_format)
        self._keys_from_file = ring is not None and ring.path is not None
        self._listener = Listener(address.schema, self._links.open, address.patience_seconds)
        self._instance = Instance(address, self._links, self._health)
        self._claimer: Claimer | None = None
        self._mail = Mail(0, address.schema, self._pool, self._reader, self._vault)

    async def run(self, started: Callable[[], None]) -> None:
        """Be an instance; see `SharedJournal.run`."""
        self._held.clear()
        self._acknowledged = 0
        instance = self._instance = Instance(self._address, self._links, self._health, self._instance.leases)
        await instance.register(keys_from_file=self._keys_from_file)
        self._me = self._listener.me = instance.number
        self._listener.follows = False
        self._mail = Mail(self._me, self._address.schema, self._pool, self._reader, self._vault)
        writer = Writer(
            self._me,
            channel=self._address.schema,
            vault=self._vault,
            numbers=self._numbers,
            held=self._held,
            records_format=self._format,
        )
        committer = self._committer = Committer(self._address, self._me, writer, self._open_to_commit, instance.lose)
        self._claimer = Claimer(
            instance, committer, self._links, self._held, look=self._look, records_format=self._format
        )
        async with trio.open_nursery() as nursery:
            for part in (committer.run, instance.run, self._listener.run):
                nursery.start_soon(part)
            started()
            lost = await instance.wait_lost()
            instance.ended(self._held)
            committer.close(lost)
            self._links.cut()  # whoever waits for an answer hears at once
            nursery.cancel_scope.cancel()
        instance.hang_up()
        if isinstance(lost, CommitsLost):  # nobody else knows that its lease has ended
            await instance.leave()
        raise lost

    async def _open_to_commit(self) -> TrioConnection:
        """Open a connection to commit on, to a server that has what we have been told is stored.

        One that has taken the place of another may not have got all of that. Going on from what we remember would leave
        holes in what is stored, so then this instance forgets it all, and begins anew with what is there.
        """
        connection = await self._links.open()
        try:
            if self._acknowledged:
                await self._check_acknowledged(connection)
        except BaseException:
            connection.abandon()
            raise
        return connection

    async def _check_acknowledged(self, connection: TrioConnection) -> None:
        cursor = await connection.execute(_LOST, {"position": self._acknowledged, "me": self._me})
        [lost] = await cursor.fetchone() or (False,)
        if lost:
            note(SetBack(self._address.shown, self._acknowledged))
            self._instance.lose(CommitsLost("the store has lost what it had acknowledged: look what is there"))
            raise psycopg.OperationalError("the lease was given up")

    @property
    def lease_held(self) -> bool:
        """Say whether our tasks are ours; see `SharedJournal.lease_held`."""
        return self._instance.held

    async def lease_sure(self) -> None:
        """Wait until they are; see `SharedJournal.lease_sure`."""
        await self._instance.sure()

    @property
    def leases(self) -> LeaseFigures:
        """Say what became of leases; see `SharedJournal.leases`."""
        return self._instance.leases

    # --- what we hold ---------------------------------------------------------------------------------------------

    @property
    def held(self) -> Collection[str]:
        """Give what we hold; see `SharedJournal.held`."""
        return self._held.keys()

    @property
    def _claims(self) -> Claimer:
        if self._claimer is None:
            raise JournalUnavailable(f"the store {self._address.shown} is not in use yet")
        return self._claimer

    async def claim(self, task_id: str) -> Claimed:
        """Take hold of a task; see `SharedJournal.claim`."""
        return await self._claims.claim(task_id)

    async def holder(self, task_id: str) -> Holder | None:
        """Give the holder of a task; see `SharedJournal.holder`."""
        rows = await self._look(_HOLDER, {"id": task_id, "me": self._me})
        return Holder(*rows[0]) if rows else None

    async def claim_awake(self, *, limit: int = PAGE) -> Sequence[Stored]:
        """Take hold of what was left awake; see `SharedJournal.claim_awake`."""
        return await self._claims.claim_awake(limit)

    async def claim_due(self, until: float, *, limit: int = PAGE) -> Sequence[Stored]:
        """Take hold of what is due; see `SharedJournal.claim_due`."""
        return await self._claims.claim_due(until, limit)

    def release(self, task_ids: Collection[str]) -> None:
        """Let go of tasks; see `SharedJournal.release`."""
        if self._claimer is not None:
            self._claimer.release(task_ids)

    async def hold(self, label: str, limit: int, ticket: int) -> bool:
        """Hold a resource of all instances; see `SharedJournal.hold`."""
        values = {"me": self._me, "label": label, "limit": limit, "ticket": ticket}
        [(held,)] = await self._look("SELECT hold(%(me)s, %(label)s, %(limit)s::integer, %(ticket)s::bigint)", values)
        return bool(held)

    def unhold(self, ticket: int) -> None:
        """Give a resource back; see `SharedJournal.unhold`."""
        if self._claimer is not None:
            self._claimer.unhold(ticket)

    # --- signals, mail and news -------------------------------------------------------------------------------------

    def listen(self, signal: Signal, heard: Callable[[], None]) -> None:
        """Have a function called at a signal; see `SharedJournal.listen`."""
        self._listener.handlers[signal] = heard

    async def wake_others(self) -> None:
        """Let others know that there is work; see `SharedJournal.wake_others`."""
        await self._look("SELECT pg_notify(%(channel)s, 'work')", {"channel": self._address.schema})

    async def send(self, receiver: int, conversation: int, body: bytes, *, answer: bool) -> bool:
        """Send a letter; see `SharedJournal.send`."""
        with serving(self._address):
            return await self._mail.send(receiver, conversation, body, answer=answer)

    async def fetch(self) -> Sequence[Letter]:
        """Take our letters; see `SharedJournal.fetch`."""
        with serving(self._address):
            return await self._mail.fetch()

    async def lives(self, instance: int) -> bool:
        """Say whether an instance is there; see `SharedJournal.lives`."""
        return bool(await self._look("SELECT FROM instances WHERE number = %(number)s", {"number": instance}))

    async def unread(self, receiver: int, conversation: int) -> bool:
        """Take a letter back; see `SharedJournal.unread`."""
        with serving(self._address):
            return await self._mail.take_back(receiver, conversation)

    async def follow(self, *, on: bool) -> int:
        """Follow what others commit; see `SharedJournal.follow`."""
        await self._look(
            "UPDATE instances SET follows = %(on)s WHERE number = %(me)s RETURNING 1",
            {"on": on, "me": self._me},
        )
        self._listener.follows = on  # news that came meanwhile are from before the position that is given
        return await self.last_position()

    async def foreign(self, position: int, *, limit: int = PAGE) -> tuple[Sequence[Foreign], Collection[str], int]:
        """Give what others committed; see `SharedJournal.foreign`."""
        rows = await self._look(_FOREIGN, {"position": position, "limit": limit, "me": self._me})
        turns = [Foreign(first, records, task_id) for first, records, task_id, ours in rows if not ours]
        own = {task_id for _, _, task_id, ours in rows if ours}
        return turns, own, rows[-1][0] + rows[-1][1] - 1 if rows else position

    async def close(self) -> None:
        """Let go of everything; later calls raise `JournalUnavailable`."""
        if self._closed:
            return
        self._closed = True
        if self._committer is not None:
            self._committer.close(JournalUnavailable("the journal is closed"))
            await self._instance.leave()
        await super().close()


_HOLDER: Final = """
SELECT instances.number, instances.name, instances.number = %(me)s
FROM tasks JOIN instances ON owner = instances.number WHERE tasks.id = %(id)s
"""

_LOST: Final = """
SELECT position < %(position)s OR EXISTS (
    SELECT FROM turns WHERE writer <> %(me)s AND turns.position + records > %(position)s
    AND turns.position = (SELECT max(t.position) FROM turns AS t WHERE t.position <= %(position)s)
) FROM head
"""
"""Whether a position that was given to us is yet to be given, or was given to another: not whether it was deleted."""

_FOREIGN: Final = """
SELECT position, records, id, writer = %(me)s FROM turns JOIN tasks ON task = number
WHERE position > %(position)s ORDER BY position LIMIT %(limit)s
"""
