"""The lease of an instance: who it is, until when it is believed to live, and what follows when it is not.

An instance is a row, whose number is its fencing token: every commit and every claim needs the row. Its heartbeat puts
off the moment from which others may delete it. Whoever does frees its tasks in the same transaction, and from then on
nothing that it sends is stored. It hears so at its next word to the server, and has to let go of everything. While the
server is away nobody's heart beats: so when it is back, all get the time to connect before anybody is taken for dead.

Between its last heartbeat that got through and that word an instance does not know. What runs may go on, but nothing is
begun (`sure`). A heart that is not answered soon beats on another connection while the lease still lasts, and has those
looked at that somebody waits on (`links`).
"""

import os
import socket
from collections.abc import Collection
from typing import Final

import psycopg
import trio

from actors import SystemClock
from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.database import unavailable
from runtime.journal.postgres.driver import TrioConnection
from runtime.journal.postgres.health import Health, Storing
from runtime.journal.postgres.links import Links
from runtime.journal.postgres.notes import ClockDiffers, note
from runtime.journal.protocol import LeaseLost
from runtime.journal.shared import LeaseEnded, LeaseFigures, LeaseTaken

_LONGEST_TICK: Final = 0.5
_LEAVING_SECONDS: Final = 5.0
_REGISTERING_SECONDS: Final = 5.0
"""How long a server may take to answer who has yet to begin; then, or after a lease, it is sought again."""

_CLOCKS_DIFFER_SECONDS: Final = 2.0
_BEGINNER_SECONDS: Final = 2.0
"""How long one that begins takes nobody for dead: it may be there first after the server has been away."""

LOST: Final = "this instance was silent for too long: others have taken its tasks over"


class Instance:
    """One life of an instance, from its registration on. `links` opens the connection that its heart beats on.

    `health` is told how that goes; `leases` is what became of leases in the lives before.
    """

    def __init__(self, address: StoreAddress, links: Links, health: Health, leases: LeaseFigures | None = None) -> None:
        self._address = address
        self._links = links
        self._health = health
        self._silent = f"the store {address.shown} is unavailable: its server does not answer"
        self.leases = leases or LeaseFigures()
        self._connection: TrioConnection | None = None
        self._until = self._answered = -float("inf")
        self._judges_from = float("inf")
        """From when on others may be taken for dead."""
        self._calendar = SystemClock()
        self._differs = False
        self._clock = trio.lowlevel.current_clock()  # looked at before every attempt
        self._changed = trio.Event()
        self._lost: LeaseLost | None = None
        self.number = 0

    @property
    def held(self) -> bool:
        """Whether nobody can have taken the lease away yet. Sync."""
        return self._lost is None and self._clock.current_time() < self._until

    async def sure(self) -> None:
        """Wait until the lease is held for sure; for ever once it is lost, for then whoever waits is about to be cut."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self.held:
            await self._changed.wait()

    def lose(self, why: LeaseLost) -> None:
        """Know that the lease is lost. Sync, idempotent."""
        self._lost = self._lost or why
        self._tell()

    async def wait_lost(self) -> LeaseLost:
        """Wait until the lease is lost, and say why."""
        while self._lost is None:
            await self._changed.wait()
        return self._lost

    def _tell(self) -> None:
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    async def register(self, *, keys_from_file: bool) -> None:
        """Begin a life, for as long as it takes to find a server that lets us."""
        name = f"{socket.gethostname()}:{os.getpid()}"
        lease = self._address.lease_seconds
        while True:
            sent, trouble = trio.current_time(), self._silent
            try:
                with trio.move_on_after(max(lease, _REGISTERING_SECONDS)):
                    self._connection = self._connection or await self._open()
                    cursor = await self._connection.execute(_REGISTER, [name, lease, keys_from_file])
                    [self.number] = await cursor.fetchone() or [0]
                    self._until, self._answered = sent + lease, sent
                    self._judges_from = sent + min(self._address.connect_seconds, _BEGINNER_SECONDS)
                    self._health.stored(Storing.HEART)
                    return
            except psycopg.Error as fault:
                trouble = str(unavailable(self._address, fault))
            self.hang_up()
            self._health.failed(Storing.HEART, trouble)
            await trio.sleep(self._tick)

    @property
    def _tick(self) -> float:
        return min(self._address.lease_seconds / 5, _LONGEST_TICK)

    async def run(self) -> None:
        """Beat until the lease is lost, and give the leases of others up that do not."""
        self._links.watched = True
        try:
            await self._keep_beating()
        finally:
            self._links.watched = False

    async def _keep_beating(self) -> None:
        """Beat. One that is not answered is followed by the next at once: two of them, and the looks, fit into a lease."""
        patience_seconds, answered = self._address.patience_seconds, True
        while self._lost is None:
            if answered:
                await trio.sleep(self._tick)
            fresh, answered = self._connection is None, True
            try:
                with trio.move_on_after(self._address.lease_seconds if fresh else patience_seconds) as patience:
                    connection = self._connection = self._connection or await self._open()
                    if fresh:
                        patience.deadline = trio.current_time() + patience_seconds  # opening it took its own time
                        # What did not answer may itself wait for one of ours that was cut in mid-message.
                        await self._links.look(connection)
                    await self._beat(connection)
                    await self._links.look(connection)
                if patience.cancelled_caught:
                    answered = False
                    self.hang_up()
                if answered:
                    self._health.stored(Storing.HEART)
                elif fresh:  # one that was cut is sought again first
                    self._health.failed(Storing.HEART, self._silent)
            except psycopg.Error as fault:
                self.hang_up()
                if fresh:
                    self._health.failed(Storing.HEART, str(unavailable(self._address, fault)))

    async def _open(self) -> TrioConnection:
        connection = await self._links.open()
        connection.cancel_within = 0  # there is no time for that
        return connection

    async def _beat(self, connection: TrioConnection) -> None:
        sent, lease, asked = trio.current_time(), self._address.lease_seconds, self._calendar.wall()
        values = {"me": self.number, "lease": lease, "channel": self._address.schema}
        cursor = await connection.execute(_RENEW if self._knows_of_others(sent) else _RENEW_OURS, values, prepare=True)
        alive, dead, freed, theirs = await cursor.fetchone() or (False, None, None, asked)
        self._compare(asked, theirs, self._calendar.wall())
        if alive:
            self._until, self._answered = sent + lease, sent
            self._tell()
        else:
            self.lose(LeaseLost(LOST))
        if dead:
            self._note(LeaseTaken(self.number, tuple(dead), freed))

    def _knows_of_others(self, now: float) -> bool:
        """Say whether those whose leases have run out are dead: not where the server has been away, or this machine has.

        Then all have been silent, and whoever is quickest would end what the others run: they get the time to connect.
        """
        if now - self._answered > self._tick + self._address.patience_seconds:
            self._judges_from = now + self._address.connect_seconds
        return now >= self._judges_from

    def _compare(self, asked: float, theirs: float, answered: float) -> None:
        """See that our clock and the server's, which said its time in between, agree: what is due is so by one of ours."""
        ahead = max(asked - theirs, 0.0) or min(answered - theirs, 0.0)
        differs = abs(ahead) > _CLOCKS_DIFFER_SECONDS
        if differs and not self._differs:
            note(ClockDiffers(round(ahead, 1)))
        self._differs = differs

    def ended(self, held: Collection[str]) -> None:
        """Put on record that the lease was lost, and with it what was held. Sync."""
        silent = trio.current_time() - (self._until - self._address.lease_seconds)
        self._note(LeaseEnded(self.number, len(held), round(silent, 3)))

    def _note(self, event: LeaseEnded | LeaseTaken) -> None:
        self.leases = self.leases.then(event)
        note(event)

    async def leave(self) -> None:
        """End the lease, so that others need not wait for it to run out. Gives up soon if the server is not there."""
        with trio.move_on_after(_LEAVING_SECONDS):
            try:
                self._connection = self._connection or await self._open()
                await self._connection.execute("SELECT leave(%s, %s)", [self.number, self._address.schema])
            except psycopg.Error:
                pass  # it runs out by itself
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection; whoever needs one opens another. Sync."""
        if self._connection is not None:
            self._connection.abandon()
            self._connection = None


_RENEW: Final = (
    "SELECT alive, dead, freed, extract(epoch FROM clock_timestamp())::float8"
    " FROM renew_lease(%(me)s::bigint, %(lease)s::float8, %(channel)s::text)"
)
_RENEW_OURS: Final = """
WITH ours AS (
    UPDATE instances SET expires = clock_timestamp() + make_interval(secs => %(lease)s::float8)
    WHERE number = %(me)s::bigint RETURNING number
)
SELECT count(*) > 0, NULL::bigint[], NULL::bigint, extract(epoch FROM clock_timestamp())::float8 FROM ours
"""
_REGISTER: Final = (
    "INSERT INTO instances (name, expires, keys_from_file)"
    " VALUES (%s, clock_timestamp() + make_interval(secs => %s::float8), %s) RETURNING number"
)
