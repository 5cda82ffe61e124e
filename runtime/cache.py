"""A memory for steps, shared by all tasks of a store: keys in namespaces, with times to live, bounded.

It is a cache: what is in it may be gone at any time. It is kept where tasks are, and sealed as they are: with a store it
outlives the runtime, and instances that share a store share it. Keys are kept as their hashes, values by themselves.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

import attrs
import trio

from runtime.values.json import Json, dumps, loads

LARGEST: Final = 4 * 2**20
"""How many bytes one value may come to, as JSON."""


class TooLarge(ValueError):
    """A value is larger than one in a cache may be."""


@attrs.frozen
class Memo:
    """What is remembered: known by `identity`, and worth nothing from `until` on (Unix seconds; None: for ever)."""

    identity: bytes
    body: bytes
    until: float | None = None

    @property
    def size(self) -> int:
        """How much room it takes."""
        return len(self.identity) + len(self.body)


@attrs.frozen
class Room:
    """How many memos there may be, and how many bytes all of them may come to."""

    memos: int = 10_000
    bytes: int = 64 * 2**20


class Shelf(Protocol):
    """Where memos are kept. Every journal is one; its laws are among theirs. `at` is the time of asking."""

    async def remember(self, memo: Memo, room: Room, at: float) -> None:
        """Keep a memo in the place of the one of that identity; those that were kept longest ago make room for it."""
        ...

    async def recall(self, identity: bytes, at: float) -> bytes | None:
        """Give the body of a memo that is still worth something."""
        ...

    async def forget(self, identity: bytes) -> None:
        """Forget a memo; nothing happens where there is none."""
        ...

    async def forget_expired(self, at: float, *, limit: int) -> int:
        """Forget up to `limit` memos that are worth nothing any more; say how many."""
        ...


class MemoryShelf:
    """Memos in a dict: of runners without a runtime, and of runtimes without a store."""

    def __init__(self) -> None:
        self._memos: OrderedDict[bytes, Memo] = OrderedDict()
        self._bytes = 0

    async def remember(self, memo: Memo, room: Room, at: float) -> None:
        """Keep a memo; see `Shelf.remember`."""
        del at
        await self.forget(memo.identity)
        self._memos[memo.identity] = memo
        self._bytes += memo.size
        while len(self._memos) > room.memos or self._bytes > room.bytes:
            self._bytes -= self._memos.popitem(last=False)[1].size

    async def recall(self, identity: bytes, at: float) -> bytes | None:
        """Give what is remembered; see `Shelf.recall`."""
        await trio.lowlevel.checkpoint()
        memo = self._memos.get(identity)
        return None if memo is None or expired(memo, at) else memo.body

    async def forget(self, identity: bytes) -> None:
        """Forget a memo; see `Shelf.forget`."""
        await trio.lowlevel.checkpoint()
        memo = self._memos.pop(identity, None)
        if memo is not None:
            self._bytes -= memo.size

    async def forget_expired(self, at: float, *, limit: int) -> int:
        """Forget what is worth nothing any more; see `Shelf.forget_expired`."""
        await trio.lowlevel.checkpoint()
        gone = [memo.identity for memo in self._memos.values() if expired(memo, at)][:limit]
        for identity in gone:
            self._bytes -= self._memos.pop(identity).size
        return len(gone)


def expired(memo: Memo, at: float) -> bool:
    """Say whether a memo is worth nothing any more."""
    return memo.until is not None and memo.until <= at


class Cache:
    """What steps use: values by namespace and key. `shelf` gives the one of now; `now` says what time it is."""

    def __init__(
        self,
        shelf: Callable[[], Shelf] | None = None,
        now: Callable[[], float] = trio.current_time,
    ) -> None:
        own = MemoryShelf()
        self._shelf = shelf or (lambda: own)
        self._now = now
        self._room = Room()

    async def set(self, namespace: str, key: str, value: Json, *, ttl: float = 0) -> None:
        """Keep a value for `ttl` seconds; for as long as there is room when that is 0.

        Raises:
            TooLarge: it is longer than `LARGEST`.
            Unavailable: the store cannot be written.
        """
        body = dumps(value).encode()
        if len(body) > LARGEST:
            raise TooLarge(f"the value is {len(body)} bytes long as JSON, and at most {LARGEST} are kept")
        at = self._now()
        await self._shelf().remember(Memo(_identity(namespace, key), body, at + ttl if ttl else None), self._room, at)

    async def get(self, namespace: str, key: str) -> tuple[bool, Json]:
        """Say whether the key is known, and its value.

        Raises:
            Unavailable: the store cannot be read.
        """
        body = await self._shelf().recall(_identity(namespace, key), self._now())
        return (False, None) if body is None else (True, loads(body))

    async def delete(self, namespace: str, key: str) -> None:
        """Forget a key; nothing happens when it is not known.

        Raises:
            Unavailable: the store cannot be written.
        """
        await self._shelf().forget(_identity(namespace, key))


def _identity(namespace: str, key: str) -> bytes:
    return hashlib.sha256(dumps([namespace, key]).encode()).digest()
