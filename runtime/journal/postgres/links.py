"""The connections of a journal, and which of them lead nowhere any more.

A link may fall silent without being closed: a cable, a firewall that forgot it, a proxy that hangs. What waits on it
would wait for minutes, for the kernel has nobody to ask either. So whoever beats the heart looks at what has waited for
long (`Links.look`), and asks the server, on the connection that has just been answered: a statement that the server is
working on is left alone, however long it takes; one that it knows nothing of, twice in a row, will not be answered. Its
connection, or that of one that waits for the rest of what it was sent with locks in hand, is closed, so that whoever
waits hears of it and goes on with another, and the server is told to drop its end: what may still be under way on that
link is not to arrive later.
"""

import math
import secrets
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import psycopg
import trio

from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.driver import TrioConnection
from runtime.journal.postgres.notes import LinksGivenUp, note

_MARK_BYTES: Final = 6
_DROP_WITHIN_SECONDS: Final = 1.0
_UNWATCHED_SECONDS: Final = 60.0
"""How long an answer may take while nobody looks."""


class Links:
    """Opens connections to a store, with `connect`, and keeps an eye on them."""

    def __init__(
        self, address: StoreAddress, connect: Callable[[StoreAddress, str], Awaitable[TrioConnection]]
    ) -> None:
        self._address = address
        self._connect = connect
        self._mark = secrets.token_hex(_MARK_BYTES)
        """In the name of each, so that nobody else's is ever dropped."""
        self._open: set[TrioConnection] = set()
        self._suspects: Mapping[TrioConnection, float] = {}
        self.watched = False
        """Whether somebody looks, now and then."""
        self._closed = False

    async def open(self) -> TrioConnection:
        """Open a connection.

        Raises:
            psycopg.Error: it cannot be had now.
        """
        connection = await self._connect(self._address, self._mark)
        if self._closed:  # meanwhile: nobody would ever close it
            connection.abandon()
            raise psycopg.OperationalError("the store is closed")
        self._open.add(connection)
        return connection

    @contextmanager
    def patience(self) -> Iterator[None]:
        """Wait for an answer in the block: for as long as it takes, if somebody looks whether there will be one.

        Raises:
            psycopg.OperationalError: nobody looked, and it took too long.
        """
        with trio.move_on_after(math.inf if self.watched else _UNWATCHED_SECONDS) as patience:
            yield
        if patience.cancelled_caught:
            raise psycopg.OperationalError(f"the server has not answered for {_UNWATCHED_SECONDS:g} s")

    @property
    def sure(self) -> bool:
        """Whether nothing that was given up can still arrive at the server."""
        return not any(one.unanswered for one in self._open)

    def cut(self) -> None:
        """Close all of them; whoever waits on one hears so. Sync."""
        for connection in self._open:
            connection.abandon()

    def close(self) -> None:
        """Close all of them, and whatever is just being opened. Sync, idempotent."""
        self._closed = True
        self.cut()

    async def look(self, witness: TrioConnection) -> None:
        """Close those that wait for an answer that will not come, as the server says on one that is answered.

        Raises:
            psycopg.Error: that one is not answered either.
        """
        before = trio.current_time() - self._address.patience_seconds
        asked = {one: one.asked_at for one in self._open}
        late = {one: since for one, since in asked.items() if since is not None and since < before}
        if late:
            at_work = await self._at_work(witness, late)
            silent = {one: since for one, since in late.items() if one.backend not in at_work and one.asked_at == since}
            for one, since in silent.items():
                if self._suspects.get(one) == since:
                    one.abandon()
            self._suspects = silent
        await self._drop(witness)

    async def _at_work(self, witness: TrioConnection, late: Iterable[TrioConnection]) -> Collection[int]:
        cursor = await witness.execute(_AT_WORK, [[one.backend for one in late]])
        return {backend for (backend,) in await cursor.fetchall()}

    async def _drop(self, witness: TrioConnection) -> None:
        """Have the server end what it served those with that were given up."""
        closed = [one for one in self._open if one.closed]
        alive = {one.backend for one in self._open if not one.closed}
        dropped = [one.backend for one in closed if one.unanswered and one.backend not in alive]
        if dropped:
            note(LinksGivenUp(len(dropped)))
            await witness.execute(_DROP, [int(_DROP_WITHIN_SECONDS * 1000), dropped, f"%{self._mark}"])
        self._open.difference_update(closed)


_AT_WORK: Final = "SELECT pid FROM pg_stat_activity WHERE pid = ANY(%s::integer[]) AND state = 'active' AND wait_event IS DISTINCT FROM 'ClientRead'"
_DROP: Final = "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity WHERE pid = ANY(%s::integer[]) AND application_name LIKE %s"
