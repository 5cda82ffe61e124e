"""Private keys as users have them. Reading an encrypted one is slow on purpose: for a thread, and within bounds."""

import base64
import binascii
import io
import re
import struct
from collections.abc import Mapping

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

MOST_ROUNDS = 512
"""How many rounds a passphrase may go through for a key in OpenSSH form: four times a generous default, some seconds."""

MOST_ITERATIONS = 2_000_000
"""The same for a key in PEM form: about as long."""

_KEY_KINDS: Mapping[type, type[paramiko.PKey]] = {
    ed25519.Ed25519PrivateKey: paramiko.Ed25519Key,
    ec.EllipticCurvePrivateKey: paramiko.ECDSAKey,
    rsa.RSAPrivateKey: paramiko.RSAKey,
}
_BODY = re.compile(rb"-----BEGIN [A-Z ]+-----([A-Za-z0-9+/=\s]+)-----END")
_MAGIC = b"openssh-key-v1\0"
_PBKDF2 = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c"


class KeyUnusable(ValueError):
    """A key of the configuration cannot be used. The text of it is not in the error."""


def private_key(text: str, passphrase: str) -> paramiko.PKey:
    """Read a private key: RSA, ECDSA or Ed25519, in OpenSSH or PEM form. Blocking, for seconds if it is encrypted.

    Raises:
        KeyUnusable: it is none, the passphrase is not the right one, or would take too long to try.
    """
    data = text.strip().encode(errors="replace") + b"\n"
    load = serialization.load_ssh_private_key if b"OPENSSH" in data else serialization.load_pem_private_key
    try:
        try:
            key = load(data, None)
        except TypeError:  # it is encrypted
            if not passphrase:
                raise KeyUnusable("ssh_key is encrypted, and ssh_key_passphrase is missing") from None
            _check_cost(data)
            key = load(data, passphrase.encode(errors="replace"))
    except KeyUnusable:
        raise
    except (ValueError, TypeError, UnsupportedAlgorithm):
        wrong = ", or ssh_key_passphrase is wrong" if passphrase else " in OpenSSH or PEM form"
        raise KeyUnusable(f"ssh_key is not a private key{wrong}") from None
    kind = next((kind for type_, kind in _KEY_KINDS.items() if isinstance(key, type_)), None)
    if kind is None:
        raise KeyUnusable("ssh_key is a private key, but neither RSA nor ECDSA nor Ed25519")
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    return kind.from_private_key(io.StringIO(plain.decode()))


def _check_cost(data: bytes) -> None:
    """Refuse a key that says that its passphrase takes longer to try than anybody wants to wait.

    Raises:
        KeyUnusable: it does, or it does not say how long that takes.
    """
    if b"Proc-Type:" in data:  # one round
        return
    found = _BODY.search(data)
    try:
        body = base64.b64decode(found[1]) if found else b""
        rounds, most = (_rounds(body), MOST_ROUNDS) if b"OPENSSH" in data else (_iterations(body), MOST_ITERATIONS)
    except (binascii.Error, struct.error):
        raise KeyUnusable("ssh_key is not a private key in OpenSSH or PEM form") from None
    if rounds > most:
        raise KeyUnusable(f"ssh_key takes its passphrase through {rounds} rounds: at most {most} are tried")


def _rounds(body: bytes) -> int:
    """Find how many rounds of bcrypt a key in OpenSSH form is about."""
    place = len(_MAGIC)
    for _ in ("cipher", "function"):
        place += 4 + struct.unpack_from(">I", body, place)[0]
    place += 4  # the options: a salt, the rounds
    place += 4 + struct.unpack_from(">I", body, place)[0]
    rounds: int = struct.unpack_from(">I", body, place)[0]
    return rounds


def _iterations(body: bytes) -> int:
    """Find how many iterations of PBKDF2 a key in PKCS #8 form is about.

    Raises:
        KeyUnusable: it uses something else.
    """
    rest = body.partition(_PBKDF2)[
        2
    ]  # what follows: a sequence (30 n) of the salt (04 n ...), the number (02 n ...), ...
    salt = rest[3] if len(rest) > 3 and rest[::2][:2] == b"\x30\x04" else 0
    number = rest[4 + salt :]
    if not salt or len(number) < 2 or number[0] != 2 or max(salt, number[1]) > 127:
        raise KeyUnusable("ssh_key is encrypted in a way that is not known: use PBKDF2, or the OpenSSH form")
    return int.from_bytes(number[2 : 2 + number[1]])
