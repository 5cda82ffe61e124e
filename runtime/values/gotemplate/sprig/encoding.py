"""Sprig's encodings and checksums."""

import base64
import binascii
import hashlib
import re
import zlib
from typing import Final

from runtime.values.gotemplate.functions import STRING, Host, Table
from runtime.values.gotemplate.values import decode, encode

_TABLE: Final = Table()
FUNCTIONS: Final = _TABLE.functions

_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]*")
_BASE32: Final = re.compile(rb"[A-Z2-7]*")
_PIECE: Final = 3 * 5 << 12  # bytes to encode in one call: whole groups of three and of five
_BLOCK: Final = 8  # characters of base32 that make five bytes


@_TABLE.add("b64enc", params=(STRING,), host=True)
def _b64enc(host: Host, text: str) -> str:
    host.budget.hold(2 * len(text))
    data = encode(text)
    return "".join([base64.b64encode(data[at : at + _PIECE]).decode() for at in range(0, len(data), _PIECE)])


class Corrupt(ValueError):
    """A text is not base64; `at` is the place Go names."""

    def __init__(self, at: int) -> None:
        self.at = at
        super().__init__(f"illegal base64 data at input byte {at}")


def decode_base64(text: str) -> bytes:
    """Decode standard base64 with padding; line ends are ignored.

    Raises:
        Corrupt: it is not that.
    """
    data = encode(text)
    places = [at for at, byte in enumerate(data) if byte not in b"\r\n"] if b"\n" in data or b"\r" in data else None
    bare = data if places is None else bytes(data[at] for at in places)

    def place(at: int) -> int:
        if places is None:
            return at
        return places[at] if at < len(places) else len(data)

    match = _BASE64.match(bare)
    good = match.end() if match else 0
    rest = bare[good:]
    missing = -good % 4
    if not rest and not missing:
        return base64.b64decode(bare)
    if not rest:
        raise Corrupt(len(data) - (good % 4))
    if rest[:1] != b"=" or missing not in {1, 2}:
        raise Corrupt(place(good))
    if rest[:missing] != b"=" * missing:
        short = len(rest) < missing
        raise Corrupt(len(data) if short else place(good + 1) - 1)
    if len(rest) > missing:
        raise Corrupt(place(good + missing))
    try:
        return base64.b64decode(bare)
    except binascii.Error:
        raise Corrupt(place(good)) from None


@_TABLE.add("b64dec", params=(STRING,))
def _b64dec(text: str) -> str:
    try:
        return decode(decode_base64(text))
    except Corrupt as fault:
        return str(fault)


@_TABLE.add("b32enc", params=(STRING,), host=True)
def _b32enc(host: Host, text: str) -> str:
    host.budget.hold(4 * len(text))
    data = encode(text)
    return "".join([base64.b32encode(data[at : at + _PIECE]).decode() for at in range(0, len(data), _PIECE)])


@_TABLE.add("b32dec", params=(STRING,))
def _b32dec(text: str) -> str:
    data = encode(text).replace(b"\r", b"").replace(b"\n", b"")
    match = _BASE32.match(data)
    good = match.end() if match else 0
    fault = _b32_fault(data, good)
    if fault is not None:
        return f"illegal base32 data at input byte {fault}"
    return decode(base64.b32decode(data[:good] + b"=" * (-good % _BLOCK)))


def _b32_fault(data: bytes, good: int) -> int | None:
    """Find the place that Go names, given where the alphabet ends; what follows good padding does not matter to it."""
    block = good % _BLOCK
    if good == len(data):
        return good - block if block else None
    rest = data[good + 1 :]
    if data[good : good + 1] != b"=" or block < 2 or len(rest) >= _BLOCK:
        return good
    if len(rest) + block < _BLOCK - 1:
        return len(data)
    wrong = next((at for at in range(_BLOCK - 1 - block) if rest[at : at + 1] not in {b"=", b""}), None)
    if wrong is not None:
        return good + wrong
    return good if block in {3, 6} else None


@_TABLE.add("sha1sum", params=(STRING,))
def _sha1sum(text: str) -> str:
    return hashlib.sha1(encode(text), usedforsecurity=False).hexdigest()


@_TABLE.add("sha256sum", params=(STRING,))
def _sha256sum(text: str) -> str:
    return hashlib.sha256(encode(text)).hexdigest()


@_TABLE.add("sha512sum", params=(STRING,))
def _sha512sum(text: str) -> str:
    return hashlib.sha512(encode(text)).hexdigest()


@_TABLE.add("adler32sum", params=(STRING,))
def _adler32sum(text: str) -> str:
    return str(zlib.adler32(encode(text)))
