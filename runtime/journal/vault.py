"""Sealing what is stored: authenticated encryption bound to its row.

AES-256-GCM with a random nonce in front. The associated data say what the bytes are and where they belong - a turn by
its task and position, a template by its hash, a memo by its identity and its end - so that a row moved elsewhere does
not open. Which key sealed a row is a number beside it; NULL means that it is in the clear.
"""

import math
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from runtime.errors import UnderstudyError
from runtime.journal.keys import Key, KeyRing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LOOK_SECONDS: Final = 1.0
"""How long another primary key may be in the file of a ring before it is used."""

_NONCE: Final = 12
_NONCES: Final = 512
"""How many nonces are drawn at a time.

Asking the system for randomness lets go of the interpreter, which a busy program takes its time to give back: drawn one
by one, nonces cost a hundred times what sealing does.
"""


class SealBroken(UnderstudyError):
    """What is stored does not open: the key is not on the ring, or the row was changed or moved."""


def turn_context(task_id: str, position: int) -> bytes:
    """Say where a turn belongs."""
    return b"turn\x00%b\x00%d" % (task_id.encode(), position)


def template_context(digest: bytes) -> bytes:
    """Say where a template belongs."""
    return b"template\x00" + digest


def memo_context(identity: bytes, until: float | None) -> bytes:
    """Say where something belongs that steps remember, and until when."""
    return b"memo\x00%b\x00%b" % (identity, repr(until).encode())


class Sealer:
    """Seals with one key, of that number in the store. For any thread, and several at once: each nonce is given once."""

    def __init__(self, number: int, cipher: "AESGCM") -> None:
        self.number: Final = number
        self._cipher = cipher
        self._nonces: Iterator[bytes] = iter(())

    def seal(self, body: bytes, context: bytes) -> tuple[int, bytes]:
        """Give the number of the key and the sealed bytes."""
        nonce = next(self._nonces, None) or self._draw()
        return self.number, nonce + self._cipher.encrypt(nonce, body, context)

    def _draw(self) -> bytes:
        drawn = os.urandom(_NONCE * _NONCES)
        nonces = iter([drawn[at : at + _NONCE] for at in range(0, len(drawn), _NONCE)])
        first = next(nonces)
        self._nonces = nonces
        return first


class Vault:
    """Seals and opens with a key ring, or with none. `numbers` gives the store's numbers of keys, by fingerprint.

    For one thread.
    """

    def __init__(self, ring: KeyRing | None, numbers: Callable[[], Mapping[bytes, int]]) -> None:
        self._ring = ring
        self._numbers = numbers
        self._ciphers: dict[int, AESGCM] = {}
        self._sealer: Sealer | None = None
        self._look_at = -math.inf
        self.settle()

    @property
    def seals(self) -> bool:
        """Whether anything is sealed at all."""
        return self._ring is not None

    @property
    def sealer(self) -> Sealer | None:
        """What seals now; None where nothing is sealed, or the key is `missing`. For any thread."""
        return self._sealer

    @property
    def missing(self) -> Key | None:
        """The key to seal with, if the store has no number for it yet."""
        return None if self._ring is None or self._sealer is not None else self._ring.primary

    def refresh(self, now: float) -> Key | None:
        """Read the ring again where its file changed, which is looked at once a second; give what is `missing` then."""
        ring = self._ring
        if ring is not None and now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self._ring = ring.refreshed()
            if self._ring is not ring or self._sealer is None:
                self.settle()
        return self.missing

    def doubt(self) -> None:
        """Have the file looked at the next time, whenever that is."""
        self._look_at = -math.inf

    def renew(self) -> bool:
        """Read the ring again if its file changed, and look at the store's numbers; say whether another key seals now."""
        if self._ring is None:
            return False
        before = self._number, self._ring.primary.fingerprint
        self._ring = self._ring.refreshed()
        self.settle()
        return before != (self._number, self._ring.primary.fingerprint)

    def settle(self) -> None:
        """Look up the store's numbers of the ring's keys."""
        self._ciphers = {}
        self._sealer = None
        if self._ring is None:
            return
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - costs those who seal

        numbers = self._numbers()
        for fingerprint, key in self._ring.keys.items():
            number = numbers.get(fingerprint)
            if number is not None:
                self._ciphers[number] = AESGCM(key.secret)
        number = numbers.get(self._ring.primary.fingerprint)
        if number is not None:
            self._sealer = Sealer(number, self._ciphers[number])

    @property
    def _number(self) -> int | None:
        return None if self._sealer is None else self._sealer.number

    def seal(self, body: bytes, context: bytes) -> tuple[int | None, bytes]:
        """Give the number of the key and the sealed bytes."""
        return (None, body) if self._sealer is None else self._sealer.seal(body, context)

    def open(self, number: int | None, sealed: bytes, context: bytes) -> bytes:
        """Give back what was sealed.

        Raises:
            SealBroken: the ring does not hold the key, or the bytes were changed or moved.
        """
        if number is None:
            return sealed
        cipher = self._ciphers.get(number)
        if cipher is None and self._ring is not None:
            self._ring = self._ring.refreshed()
            self.settle()
            cipher = self._ciphers.get(number)
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as above

        if cipher is None:
            raise SealBroken("what is stored is sealed with a key that is not on the key ring")
        try:
            return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], context)
        except (InvalidTag, ValueError):
            raise SealBroken("what is stored does not open: it was changed, or moved to another row") from None
