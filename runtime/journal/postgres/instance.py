"""The lease of an instance: who it is, until when it is believed to live, and what follows when it is not.

An instance is a row, whose number is its fencing token: every commit and every claim needs the row. Its heartbeat puts
off the moment from which others may delete it. From then on nothing that it sends is stored; it hears so at its next word
to the server, and has to let go of everything. What it held is freed by the beats of others, some with each: so that no
heart waits for that. While the server is away nobody's heart beats: so when it is back, all get the time to connect before
anybody is taken for dead; and likewise where its clock has jumped. If that was set back, no lease runs for longer than from
then on. Only of those who were silent long before the first start of an instance, and whom the server has not seen since,
it is known at once that they are gone.

Between its last heartbeat that got through and that word an instance does not know. What runs may go on, but nothing is
begun (`sure`). A heart that is not answered soon beats on another connection while the lease still lasts, and has those
looked at that somebody waits on (`links`).
"""

import os
import socket
from collections.abc import Collection
from typing import Final

import attrs
import psycopg
import trio

from actors import SystemClock
from runtime.journal.health import Health, Storing
from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.database import unavailable
from runtime.journal.postgres.driver import TrioConnection
from runtime.journal.postgres.links import Links
from runtime.journal.postgres.notes import ClockDiffers, LeaseBegun, ServerClockJumped, note
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
        self._more = False
        """Whether the dead held more than was freed with the last beat."""
        self._told: _Told | None = None
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
        lease, beginner = self._address.lease_seconds, self.leases.lost == 0
        while True:
            sent, trouble = self._now(), self._silent
            try:
                with trio.move_on_after(max(lease, _REGISTERING_SECONDS)):
                    self._connection = self._connection or await self._open()
                    values = [name, lease, keys_from_file, self._address.schema, beginner]
                    cursor = await self._connection.execute(_REGISTER, values)
                    self.number, dead, theirs, self._more, at = await cursor.fetchone() or (0, None, None, False, 0.0)
                    self._until, self._answered = sent.clock + lease, sent.clock
                    self._judges_from = sent.clock + min(self._address.connect_seconds, _BEGINNER_SECONDS)
                    self._told = _Told(at, sent, self._now())
                    note(LeaseBegun(self.number, name))
                    self._taken(dead, theirs)
                    self._health.stored(Storing.HEART)
                    return
            except psycopg.Error as fault:
                trouble = str(unavailable(self._address, fault))
            self.hang_up()
            beginner = False  # the server was away: others may be about to come back
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
            if answered and not self._more:
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
        sent, lease = self._now(), self._address.lease_seconds
        latest = self._told.latest(sent) if self._told is not None and self._knows_of_others(sent.clock) else None
        values = {"me": self.number, "lease": lease, "channel": self._address.schema, "latest": latest}
        cursor = await connection.execute(_RENEW, values, prepare=True)
        alive, dead, theirs, self._more, at = await cursor.fetchone() or (False, None, None, False, sent.wall)
        if self._compare(_Told(at, sent, self._now())) < -_CLOCKS_DIFFER_SECONDS:
            await connection.execute(_SHORTEN, {"lease": lease})
        if alive:
            self._until, self._answered = sent.clock + lease, sent.clock
            self._tell()
        else:
            self.lose(LeaseLost(LOST))
        self._taken(dead, theirs)

    def _now(self) -> "_Moment":
        return _Moment(trio.current_time(), self._calendar.wall())

    def _taken(self, dead: Collection[int] | None, theirs: int | None) -> None:
        if dead:
            self._note(LeaseTaken(self.number, tuple(dead), theirs or 0))

    def _knows_of_others(self, now: float) -> bool:
        """Say whether those whose leases have run out are dead: not where the server has been away, or this machine has.

        Then all have been silent, and whoever is quickest would end what the others run: they get the time to connect.
        """
        if now - self._answered > self._tick + self._address.patience_seconds:
            self._judges_from = now + self._address.connect_seconds
        return now >= self._judges_from

    def _compare(self, told: "_Told") -> float:
        """See that our clock and the server's, which said its time, agree: what is due is so by one of ours.

        And that the server's has gone as ours has since the last time: leases run out by it. Gives by how much it has not.
        """
        ahead = max(told.asked.wall - told.at, 0.0) or min(told.answered.wall - told.at, 0.0)
        differs = abs(ahead) > _CLOCKS_DIFFER_SECONDS
        if differs and not self._differs:
            note(ClockDiffers(round(ahead, 1)))
        self._differs = differs
        jumped = told.jumped_since(self._told) if self._told is not None else 0.0
        if abs(jumped) > _CLOCKS_DIFFER_SECONDS:
            note(ServerClockJumped(self._address.shown, round(jumped, 1)))
            self._judges_from = max(self._judges_from, told.answered.clock + self._address.connect_seconds)
        self._told = told
        return jumped

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
                if self._connection is None or self._connection.closed:  # as by a beat that was cancelled
                    self._connection = await self._open()
                await self._connection.execute("SELECT leave(%s, %s)", [self.number, self._address.schema])
            except psycopg.Error:
                pass  # it runs out by itself
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection; whoever needs one opens another. Sync."""
        if self._connection is not None:
            self._connection.abandon()
            self._connection = None


@attrs.frozen
class _Moment:
    """Now, by a clock that nobody sets, and by one that goes on while this machine sleeps."""

    clock: float
    wall: float


@attrs.frozen
class _Told:
    """What the server's clock said `at` some time between two moments here."""

    at: float
    asked: _Moment
    answered: _Moment

    def latest(self, now: _Moment) -> float:
        """Say what it can say now at most, give or take."""
        return self.at + now.clock - self.asked.clock + _CLOCKS_DIFFER_SECONDS

    def jumped_since(self, before: "_Told") -> float:
        """Say by how much it has gone further than either of our clocks, or less far (below 0)."""
        went, first, last = self.at - before.at, before.asked, self.answered
        most = max(last.clock - first.clock, last.wall - first.wall)
        first, last = before.answered, self.asked
        least = min(last.clock - first.clock, last.wall - first.wall)
        return max(went - most, 0.0) or min(went - least, 0.0)


_RENEW: Final = (
    "SELECT alive, dead, theirs, more, at"
    " FROM keep_lease(%(me)s::bigint, %(lease)s::float8, %(channel)s::text, %(latest)s::float8)"
)
_SHORTEN: Final = """
UPDATE instances SET expires = clock_timestamp() + make_interval(secs => %(lease)s::float8) WHERE number IN (
    SELECT number FROM instances WHERE expires > clock_timestamp() + make_interval(secs => %(lease)s::float8)
    FOR NO KEY UPDATE SKIP LOCKED
)
"""
"""After the server's clock was set back: no lease is to run for longer than from now on. Whoever lives puts his own off."""

_REGISTER: Final = "SELECT me, dead, theirs, more, at FROM begin_lease(%s, %s::float8, %s, %s, %s)"
