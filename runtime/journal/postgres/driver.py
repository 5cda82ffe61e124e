"""psycopg on trio: the one module that knows how psycopg waits.

psycopg talks to the server through generators that say which readiness of their socket they want; its asynchronous
connection consumes them in one method, `wait`, which this one replaces. Opening a connection is done by its synchronous
one, in a thread, whose link to the server is then adopted. Everything else of `psycopg.AsyncConnection` works as it is
documented: statements, transactions, pipelines, COPY, LISTEN.

What is leaned on - `wait`, `lock`, `pgconn`, `_cancel_gen`, `generators.execute` - is not promised by psycopg, so its
version is bounded in pyproject.toml.
"""

import math
import select
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any, Final, Self, TypeVar, cast

import psycopg
import trio
from psycopg import capabilities, conninfo, errors, generators
from psycopg.abc import Buffer
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.rows import AsyncRowFactory, tuple_row
from psycopg.waiting import Ready, Wait

from runtime.threads import Threads

T = TypeVar("T")

_DEFAULTS: Final = {
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
    "application_name": "understudy",
}
"""A server that has gone silent is noticed, unless the address says otherwise."""

_READABLE: Final = Wait.R
_READ: Final = Ready.R
"""Looked up once: members of enums are found through their class, and a commit is waited for many times a second."""

_CONNECTING: Final = Threads("connections to PostgreSQL", 16)


class TrioConnection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """A connection for the tasks of one trio run. Cancelling a call cancels its statement on the server.

    Attributes:
        backend: the number of the server's process.
        asked_at: since when, in trio's time, somebody waits for an answer, if anybody does.
        unanswered: it was closed, or cut, while somebody waited: the server may still do what it was asked.
        cancel_within: how many seconds the server gets to end a statement whose caller was cancelled; then, or at once
            where that is 0, the connection is given up.
    """

    cancel_within = 5.0

    def __init__(self, pgconn: "psycopg.pq.abc.PGconn", row_factory: AsyncRowFactory[Any] = tuple_row) -> None:
        super().__init__(pgconn, row_factory)
        self._trio_lock = trio.Lock()
        self.lock = self._trio_lock  # type: ignore[assignment] # used as `async with`, as trio's is
        self.backend = pgconn.backend_pid
        self.unanswered = False
        self._named: dict[str, bytes] = {}
        self._numbers = count()
        self._waits_since: float | None = None

    @classmethod
    async def open(cls, address: str, defaults: Mapping[str, str] = _DEFAULTS, **parameters: str) -> Self:
        """Connect; statements commit by themselves unless they are in a `transaction`. Cancelling abandons the attempt.

        `defaults` are parameters that the address may say otherwise.

        Raises:
            psycopg.Error: there is no such server or database, or it does not let us in.
        """
        given = conninfo.conninfo_to_dict(address)
        whole = conninfo.make_conninfo(address, **{k: v for k, v in defaults.items() if k not in given}, **parameters)
        connection = cls(await _CONNECTING.run(_connected, whole, leave=True))
        connection._autocommit = True  # as that of the one it was adopted from
        return connection

    async def call(self, statement: str, values: Sequence[Buffer | None], formats: Sequence[Format]) -> bytes | None:
        """Give the first value of the only row of a statement, as text; it is prepared once and kept.

        It goes past all that psycopg does for any statement, which for one of many values costs more than the statement.
        `values` are bytes as the server takes them, in their `formats`, for ``$1`` and so on.

        It is sent before anybody else runs, if nothing else is under way here: the server works while they do.

        Raises:
            psycopg.Error: as `execute` does.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        try:
            self._trio_lock.acquire_nowait()
        except trio.WouldBlock:
            await self._trio_lock.acquire()
        try:
            return await self._called(statement, values, formats)
        except errors.InvalidSqlStatementName:  # psycopg has the server forget all of them, after a rollback
            self._named.clear()
            if self.pgconn.transaction_status != TransactionStatus.IDLE:
                raise
            return await self._called(statement, values, formats)
        finally:
            self._trio_lock.release()

    async def _called(self, statement: str, values: Sequence[Buffer | None], formats: Sequence[Format]) -> bytes | None:
        name = self._named.get(statement)
        if name is None:
            name = b"called_%d" % next(self._numbers)
            self.pgconn.send_prepare(name, statement.encode())
            await self._result()
            self._named[statement] = name
        self.pgconn.send_query_prepared(name, values, formats)
        return (await self._result()).get_value(0, 0)

    async def _result(self) -> "psycopg.pq.abc.PGresult":
        [result] = await self.wait(generators.execute(self.pgconn))
        if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
            raise errors.error_from_result(result)
        return cast("psycopg.pq.abc.PGresult", result)

    async def wait(self, gen: Any, interval: float = 0.0, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - psycopg's
        """Consume a generator of psycopg's."""
        del interval  # for those whose waiting cannot be interrupted
        self._waits_since = trio.current_time()
        try:
            return await self._consume(gen, timeout)
        except trio.Cancelled:
            if self.asked_at is not None:
                await self._give_up(gen)
            raise
        except psycopg.OperationalError:
            self.unanswered = self.unanswered or self.pgconn.status != ConnStatus.OK
            raise
        finally:
            self._waits_since = None

    @property
    def asked_at(self) -> float | None:
        """See the class. Whoever waits for notifications has not asked for anything."""
        active = self.pgconn.transaction_status == TransactionStatus.ACTIVE
        return self._waits_since if active else None

    @property
    def spoken_to(self) -> bool:
        """Whether something has arrived that nobody has asked for: that the server has ended it, most likely."""
        return bool(_ready_now(self.pgconn.socket, Wait.R))

    async def _consume(self, gen: Any, seconds: float | None) -> Any:
        await trio.lowlevel.checkpoint_if_cancelled()
        deadline = math.inf if seconds is None else trio.current_time() + seconds
        fileno = self.pgconn.socket
        try:
            wanted = next(gen)
            while True:
                if wanted == _READABLE and deadline == math.inf:  # whoever has asked, until he is answered
                    await _until(trio.lowlevel.wait_readable, fileno)
                    wanted = gen.send(_READ)
                    continue
                ready = _ready_now(fileno, wanted) if wanted & Wait.W else Ready.NONE
                if not ready:
                    ready = await _ready_later(fileno, wanted, deadline)
                wanted = gen.send(ready)
                if trio.current_time() >= deadline:
                    raise errors._WaitTimeout("wait timeout expired")  # noqa: SLF001 - `notifies` expects it
        except StopIteration as ended:
            return ended.value

    async def _give_up(self, gen: Any) -> None:
        """Have the server end what nobody waits for, so that the connection can be used again; or close it."""
        with trio.CancelScope(shield=True, deadline=trio.current_time() + self.cancel_within) as patience:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._cancel_statement)  # to its end: one that comes late ends the next statement
                with suppress(psycopg.Error):  # that it was cancelled, above all
                    await self._consume(gen, None)
        if patience.cancelled_caught or self.pgconn.transaction_status == TransactionStatus.ACTIVE:
            self.abandon()

    async def _cancel_statement(self) -> None:
        """Ask the server to end the statement. Not with `cancel`, which stops the whole program until it is answered."""
        if not capabilities.has_cancel_safe():
            self.abandon()
            return
        with suppress(psycopg.Error, StopIteration):  # after an error the connection is given up
            gen = self._cancel_gen()
            fileno, wanted = next(gen)
            while True:
                fileno, wanted = gen.send(await _ready_later(fileno, wanted, math.inf))

    def abandon(self) -> None:
        """Close at once, whatever it is doing; whoever waits is told that it was closed. Sync, idempotent."""
        self.unanswered = self.unanswered or self.asked_at is not None
        self._closed = True
        if self.pgconn.status == ConnStatus.OK:
            trio.lowlevel.notify_closing(self.pgconn.socket)
        self.pgconn.finish()


def _connected(address: str) -> "psycopg.pq.abc.PGconn":
    made = psycopg.Connection.connect(address, autocommit=True)
    made._pool = None  # noqa: SLF001 - what is left of it may go without being closed
    return made.pgconn


def _ready_now(fileno: int, wanted: int) -> Ready:
    """Say what a socket is ready for, without waiting: for writing it nearly always is."""
    poll = select.poll()
    poll.register(fileno, (select.POLLIN if wanted & Wait.R else 0) | (select.POLLOUT if wanted & Wait.W else 0))
    ready = 0
    for _, events in poll.poll(0):
        if events & ~select.POLLOUT and wanted & Wait.R:
            ready |= Ready.R
        if events & ~select.POLLIN and wanted & Wait.W:
            ready |= Ready.W
    return Ready(ready)


async def _ready_later(fileno: int, wanted: int, deadline: float) -> Ready:
    """Wait until a socket is ready for something that is wanted, or the deadline has passed."""
    waits: list[tuple[Ready, Callable[[int], Any]]] = []
    if wanted & Wait.R:
        waits.append((Ready.R, trio.lowlevel.wait_readable))
    if wanted & Wait.W:
        waits.append((Ready.W, trio.lowlevel.wait_writable))
    with trio.move_on_at(deadline):
        if len(waits) == 1:
            [(ready, wait)] = waits
            await _until(wait, fileno)
            return ready
        return await _until(partial(_first_of, waits), fileno)
    return Ready.NONE


async def _until(ready: Callable[[int], Awaitable[T]], fileno: int) -> T:
    try:
        return await ready(fileno)
    except (trio.ClosedResourceError, OSError) as gone:
        raise psycopg.OperationalError("the connection was closed") from gone


async def _first_of(waits: "list[tuple[Ready, Callable[[int], Any]]]", fileno: int) -> Ready:
    met = Ready.NONE
    gone: Exception | None = None

    async def one(ready: Ready, wait: "Callable[[int], Any]") -> None:
        nonlocal met, gone
        try:
            await wait(fileno)
        except (trio.ClosedResourceError, OSError) as error:
            gone = error
        met = Ready(met | ready)
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for ready, wait in waits:
            nursery.start_soon(one, ready, wait)
    if gone is not None:
        raise gone
    return met
