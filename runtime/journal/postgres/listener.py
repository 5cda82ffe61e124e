"""Hears what other instances notify us of, on a connection of its own. The channel is named as the store's schema is.

What is heard is one word: ``work``, ``news``, or ``mail`` and the number of the instance that has some. All hear all of it:
there are news with every commit as long as any instance follows, so whoever does not lets them pass. A link that is cut is
made again, and then everything is taken for heard, for some of it may have been.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import psycopg
import trio
from psycopg.sql import SQL, Identifier

from runtime.journal.postgres.driver import TrioConnection
from runtime.journal.shared import Signal

_AGAIN_SECONDS: Final = 0.5


class Listener:
    """Listens for the instance of number `me`, which `follows` what others commit or not, and calls the `handlers`."""

    def __init__(self, channel: str, connect: Callable[[], Awaitable[TrioConnection]], patience_seconds: float) -> None:
        self._channel = channel
        self._patience = patience_seconds
        self._connect = connect
        self.handlers: dict[Signal, Callable[[], None]] = {}
        self.me = 0
        self.follows = False

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                connection = await self._connect()
            except psycopg.Error:
                await trio.sleep(_AGAIN_SECONDS)
                continue
            try:
                await connection.execute(SQL("LISTEN {}").format(Identifier(self._channel)))
                for signal in Signal:
                    self._hear(signal)
                while True:
                    async for notice in connection.notifies(timeout=self._patience):
                        self._heard(notice.payload)
                    await connection.execute("SELECT 1")  # if there is no answer, that is noticed (`links`)
            except psycopg.Error:
                await trio.sleep(_AGAIN_SECONDS)
            finally:
                connection.abandon()

    def _heard(self, text: str) -> None:
        match text.partition(" "):
            case "work", _, _:
                self._hear(Signal.WORK)
            case "news", _, _ if self.follows:
                self._hear(Signal.NEWS)
            case "mail", _, receiver if receiver == str(self.me):
                self._hear(Signal.MAIL)
            case _:
                pass

    def _hear(self, signal: Signal) -> None:
        handler = self.handlers.get(signal)
        if handler is not None:
            handler()
