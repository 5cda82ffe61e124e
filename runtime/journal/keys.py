"""The keys that seal a store, and where they come from: a file or the environment, never the store itself.

A ring is JSON: ``{"primary": "2026-11", "keys": {"2026-11": "<32 bytes in base64>", "2025-04": "..."}}``. What is
written is sealed with the primary key; what was sealed with any key of the ring can be read. Without a ring nothing is
sealed. A file that anybody on the machine may read is used, and warned of in the log (``key_ring_open_to_others``).
`KeyRing.find` looks at ``UNDERSTUDY_KEYS_FILE`` (a path) and then ``UNDERSTUDY_KEYS`` (the JSON itself).
"""

import base64
import binascii
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

import attrs

from runtime.journal.protocol import KEYS_VARIABLE, StoreUnusable
from runtime.logs.lines import log

FILE_VARIABLE: Final = "UNDERSTUDY_KEYS_FILE"
KEY_BYTES: Final = 32

_OTHERS: Final = stat.S_IROTH | stat.S_IWOTH
"""Such a file is warned of and not refused, for that is how Kubernetes mounts secrets; its group may be meant to read it."""


def _fingerprint(secret: bytes) -> bytes:
    return hashlib.sha256(b"understudy store key\x00" + secret).digest()[:8]


@attrs.frozen
class Key:
    """One key: AES-256. `fingerprint` tells it from others and gives nothing of it away."""

    name: str
    secret: bytes = attrs.field(repr=False)
    fingerprint: bytes = attrs.field(init=False, default=attrs.Factory(lambda key: _fingerprint(key.secret), True))


@attrs.frozen
class KeyRing:
    """The keys in force. `path` is the file they came from, to be read again when it changes."""

    primary: Key
    keys: Mapping[bytes, Key]
    path: Path | None = None
    stamp: tuple[int, int] = (0, 0)

    @classmethod
    def find(cls, path: "str | os.PathLike[str] | None" = None) -> Self | None:
        """Give the ring of that file, or else of the environment, or None.

        Raises:
            StoreUnusable: there is one, and it cannot be used.
        """
        path = path or os.environ.get(FILE_VARIABLE)
        if path:
            return cls.load(Path(path))
        text = os.environ.get(KEYS_VARIABLE)
        return cls.parse(text, KEYS_VARIABLE) if text else None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a ring from its file."""
        try:
            status = path.stat()
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as fault:
            raise StoreUnusable(f"the key ring {path} cannot be read: {_reason(fault)}") from None
        if os.name == "posix" and status.st_mode & _OTHERS:
            mode = stat.filemode(status.st_mode)
            log("understudy.store").warning(
                "key_ring_open_to_others", path=str(path), mode=mode, advice=f"chmod o= {path}"
            )
        return attrs.evolve(cls.parse(text, str(path)), path=path, stamp=(status.st_mtime_ns, status.st_ino))

    @classmethod
    def parse(cls, text: str, source: str) -> Self:
        """Read a ring; no error shows what is in it."""
        try:
            document = json.loads(text)
        except ValueError:
            raise StoreUnusable(f"the key ring {source} is not JSON") from None
        keys: dict[str, Key] = {}
        match document:
            case {"primary": str(primary), "keys": dict(named)}:
                keys = {name: Key(name, _secret(value, name, source)) for name, value in named.items()}
            case _:
                raise StoreUnusable(
                    f'the key ring {source} is not of the form {{"primary": NAME, "keys": {{NAME: BASE64}}}}'
                )
        if primary not in keys:
            raise StoreUnusable(f'the key ring {source} has no key "{primary}", which it names as primary')
        return cls(keys[primary], {key.fingerprint: key for key in keys.values()})

    @property
    def shown(self) -> str:
        """Its file and the keys that are on it, for messages: by their names and fingerprints."""
        keys = ", ".join(f'"{key.name}" ({key.fingerprint.hex()})' for key in self.keys.values())
        return f"the key ring {self.path or KEYS_VARIABLE}, which has {keys}"

    def refreshed(self) -> "KeyRing":
        """Give the ring as its file is now; this one if nothing changed or the file cannot be used just now."""
        if self.path is None:
            return self
        try:
            status = self.path.stat()
            if (status.st_mtime_ns, status.st_ino) == self.stamp:
                return self
            ring = type(self).load(self.path)
        except (OSError, StoreUnusable):
            return self
        if self.primary.fingerprint not in ring.keys:  # as after rotate-keys, or as the file is that of another store
            log("understudy.store").warning(
                "key_ring_exchanged", path=str(self.path), gone=self.primary.name, primary=ring.primary.name,
                advice=f'unless all was sealed anew before (rotate-keys), put "{self.primary.name}" back, beside the others',
            )  # fmt: skip
        return ring


def check_opens(ring: KeyRing | None, fingerprints: Iterable[bytes], store: object) -> None:
    """See that a ring has every key that a store is sealed with.

    Raises:
        StoreUnusable: it lacks one, or there is none.
    """
    held = ring.keys if ring is not None else {}
    for lacking in (fingerprint.hex() for fingerprint in fingerprints if fingerprint not in held):
        if ring is None:
            what = (
                f"give its key ring, with --keys or ${FILE_VARIABLE}: it is sealed with a key of fingerprint {lacking}"
            )
        else:
            what = f"it is sealed with a key of fingerprint {lacking}, too, and that is not on {ring.shown}: put it back there"
        raise StoreUnusable(f"the store {store} cannot be read: {what}")


def _secret(value: object, name: str, source: str) -> bytes:
    try:
        secret = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise StoreUnusable(f'the key "{name}" of {source} is not {KEY_BYTES} bytes in base64')
    return secret


def _reason(fault: Exception) -> str:
    return str(getattr(fault, "strerror", None) or "it is not text")


def add_key(path: Path, name: str) -> None:
    """Make a new random key the primary one of the ring in a file, which is made if there is none, for its owner only.

    Raises:
        StoreUnusable: there is a key of that name, or the file is no ring.
    """
    document: dict[str, Any] = {"keys": {}}
    if os.path.exists(path):  # noqa: PTH110 - it never fails
        KeyRing.load(path)
        document = json.loads(path.read_text(encoding="utf-8"))
    if name in document["keys"]:
        raise StoreUnusable(f'the key ring {path} has a key "{name}" already: choose another name')
    document["primary"] = name
    document["keys"][name] = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    beside = path.with_name(f"{path.name}.new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
            json.dump(document, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as fault:
        with suppress(OSError):
            beside.unlink()
        raise StoreUnusable(f"the key ring {path} cannot be written: {_reason(fault)}") from None
