"""A few connections, lent to one task at a time. Those that broke are closed, and others opened in their place.

So are those that the server has ended while nobody used them, as it does with all when it is restarted: whoever reads
next is not to be told that it is away.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, nullcontext
from typing import Protocol

import trio
from psycopg.pq import TransactionStatus

from runtime.journal.postgres.driver import TrioConnection


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
        self._closed = False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[TrioConnection]:
        """Use a connection for as long as the block lasts.

        Raises:
            psycopg.Error: none can be opened.
        """
        async with self._turns:
            while self._idle and (self._idle[-1].closed or self._idle[-1].spoken_to):
                self._idle.pop().abandon()
            connection = self._idle.pop() if self._idle else await self._connect()
            try:
                with self._patience():
                    yield connection
            finally:
                fit = not connection.closed and connection.pgconn.transaction_status == TransactionStatus.IDLE
                if fit and not self._closed:
                    self._idle.append(connection)
                else:
                    connection.abandon()

    def clear(self) -> None:
        """Close those that nobody uses: the server that they lead to may be gone. Sync."""
        while self._idle:
            self._idle.pop().abandon()

    def close(self) -> None:
        """Close all, those in use when they are given back. Sync."""
        self._closed = True
        self.clear()
