"""A few connections, lent to one task at a time. Those that broke are closed, and others opened in their place.

So are those that the server has ended while nobody used them, as it does with all when it is restarted: whoever reads
next is not to be told that it is away.
"""

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, nullcontext
from typing import Final, Protocol

import psycopg
import trio
from psycopg.pq import TransactionStatus
from trio.lowlevel import ParkingLot

from runtime.journal.postgres.driver import TrioConnection

_ROOM_AGAIN_SECONDS: Final = 1.0


class Lender(Protocol):
    """Whatever lends connections."""

    def connection(self) -> AbstractAsyncContextManager[TrioConnection]:
        """Use a connection for as long as the block lasts."""
        ...


class Pool:
    """Lends up to `size` connections; more tasks wait their turn, first come, first served. `connect` opens one.

    `patience` is what they are used in.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[TrioConnection]],
        size: int,
        patience: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._connect = connect
        self._patience = patience
        self._turns = trio.Semaphore(size)
        self._idle: list[TrioConnection] = []
        self._lent = 0
        self._returns = ParkingLot()
        self._room_at = -math.inf
        """When the server may have room for one more, once it had none."""
        self._closed = False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[TrioConnection]:
        """Use a connection for as long as the block lasts.

        Raises:
            psycopg.Error: none can be opened, and none is in use.
        """
        async with self._turns:
            connection = await self._any()
            self._lent += 1
            try:
                with self._patience():
                    yield connection
            finally:
                self._lent -= 1
                fit = not connection.closed and connection.pgconn.transaction_status == TransactionStatus.IDLE
                if fit and not self._closed:
                    self._idle.append(connection)
                else:
                    connection.abandon()
                self._returns.unpark_all()

    async def _any(self) -> TrioConnection:
        """Take one that is idle, or open one; while the server has no room for more, those that are lent have to do."""
        while True:
            while self._idle:
                connection = self._idle.pop()
                if not connection.closed and not connection.spoken_to:
                    return connection
                connection.abandon()
            if not self._lent or trio.current_time() >= self._room_at:
                try:
                    return await self._connect()
                except psycopg.Error:
                    self._room_at = trio.current_time() + _ROOM_AGAIN_SECONDS
                    if not self._lent:
                        raise
            else:
                await self._returns.park()

    def clear(self) -> None:
        """Close those that nobody uses: the server that they lead to may be gone. Sync."""
        while self._idle:
            self._idle.pop().abandon()

    def close(self) -> None:
        """Close all, those in use when they are given back. Sync."""
        self._closed = True
        self.clear()
