"""Sprig's cryptography: keys, certificates, passwords, AES.

Keys come from the operating system's randomness, so they are not repeatable; everything else that is random draws on
the rendering's source. The package `bcrypt` is an extra: without it the functions that hash with it fail.
"""

import hashlib
import hmac
from importlib import import_module
from types import ModuleType
from typing import Final

from runtime.values.gotemplate.errors import FunctionError
from runtime.values.gotemplate.functions import CERTIFICATE, INT, LIST, STRING, UINT32, Host, Table
from runtime.values.gotemplate.sprig.encoding import Corrupt, decode_base64
from runtime.values.gotemplate.values import Certificate, Value, decode, encode

_CERTIFICATES: Final = "runtime.values.gotemplate.certificates"

_TABLE: Final = Table()
FUNCTIONS: Final = _TABLE.functions

# Steps, each about a tenth of a microsecond.
_HASHING: Final = 400_000
_SMALL_KEY: Final = 5_000
_RSA_KEY: Final = {2048: 600_000, 4096: 2_000_000}

_LONGEST_PASSWORD: Final = 72
_KEY_SIZE: Final = 32
_BLOCK: Final = 16

_SEED: Final = b"com.lyndir.masterpassword"
_TEMPLATES: Final = {
    "maximum": "anoxxxxxxxxxxxxxxxxx axxxxxxxxxxxxxxxxxno",
    "long": (
        "CvcvnoCvcvCvcv CvcvCvcvnoCvcv CvcvCvcvCvcvno CvccnoCvcvCvcv CvccCvcvnoCvcv CvccCvcvCvcvno CvcvnoCvccCvcv"
        " CvcvCvccnoCvcv CvcvCvccCvcvno CvcvnoCvcvCvcc CvcvCvcvnoCvcc CvcvCvcvCvccno CvccnoCvccCvcv CvccCvccnoCvcv"
        " CvccCvccCvcvno CvcvnoCvccCvcc CvcvCvccnoCvcc CvcvCvccCvccno CvccnoCvcvCvcc CvccCvcvnoCvcc CvccCvcvCvccno"
    ),
    "medium": "CvcnoCvc CvcCvcno",
    "short": "Cvcn",
    "basic": "aaanaaan aannaaan aaannaaa",
    "pin": "nnnn",
}
_VOWELS: Final = "AEIOU"
_CONSONANTS: Final = "BCDFGHJKLMNPQRSTVWXYZ"
_LETTERS: Final = _VOWELS + _VOWELS.lower() + _CONSONANTS + _CONSONANTS.lower()
_DIGITS: Final = "0123456789"
_CHARACTERS: Final = {
    "V": _VOWELS,
    "C": _CONSONANTS,
    "v": _VOWELS.lower(),
    "c": _CONSONANTS.lower(),
    "A": _VOWELS + _CONSONANTS,
    "a": _LETTERS,
    "n": _DIGITS,
    "o": "@&%?,=[]_:-+*$#!'^~;()/.",
    "x": _LETTERS + _DIGITS + "!@#$%^&*()",
}


def _loaded(module: str) -> ModuleType:
    """Load a module when the first template needs it: few do, and it takes longer than all the other functions."""
    try:
        return import_module(module)
    except ImportError as missing:  # in the words of `runtime.extras`, which this knows nothing of
        raise FunctionError(f"it needs {missing.name}: pip install 'understudy[crypto]'") from missing


@_TABLE.add("derivePassword", params=(UINT32, STRING, STRING, STRING, STRING), host=True)
def _derive_password(host: Host, counter: int, kind: str, password: str, user: str, site: str) -> str:  # noqa: PLR0917 - the order is Sprig's
    if kind not in _TEMPLATES:
        return f"cannot find password template {kind}"
    host.budget.spend(_HASHING)
    name = encode(user)
    salt = _SEED + len(name).to_bytes(4) + name
    key = hashlib.scrypt(encode(password), salt=salt, n=1 << 15, r=8, p=2, maxmem=1 << 26, dklen=64)
    place = encode(site)
    seed = hmac.digest(key, _SEED + len(place).to_bytes(4) + place + int(counter).to_bytes(4), "sha256")
    templates = _TEMPLATES[kind].split()
    template = templates[seed[0] % len(templates)]
    return "".join(
        _CHARACTERS[mark][byte % len(_CHARACTERS[mark])] for mark, byte in zip(template, seed[1:], strict=False)
    )


def _bcrypt_hash(host: Host, password: str) -> str:
    library = _loaded("bcrypt")
    host.budget.spend(_HASHING)
    return str(library.hashpw(encode(password)[:_LONGEST_PASSWORD], library.gensalt(10, b"2a")).decode())


@_TABLE.add("bcrypt", params=(STRING,), host=True)
def _bcrypt(host: Host, password: str) -> str:
    return _bcrypt_hash(host, password)


@_TABLE.add("htpasswd", params=(STRING, STRING), host=True)
def _htpasswd(host: Host, user: str, password: str) -> str:
    return f"invalid username: {user}" if ":" in user else f"{user}:{_bcrypt_hash(host, password)}"


def _aes_key(password: str) -> bytes:
    return encode(password)[:_KEY_SIZE].ljust(_KEY_SIZE, b"\0")


@_TABLE.add("encryptAES", params=(STRING, STRING), host=True)
def _encrypt_aes(host: Host, password: str, text: str) -> str:
    if not text:
        return ""
    host.budget.hold(4 * len(text))
    library = _loaded(_CERTIFICATES)
    return str(library.encrypt(_aes_key(password), host.random.randbytes(_BLOCK), encode(text)))


@_TABLE.add("decryptAES", params=(STRING, STRING))
def _decrypt_aes(password: str, text: str) -> str:
    if not text:
        return ""
    library = _loaded(_CERTIFICATES)
    try:
        data = decode_base64(text)
    except Corrupt as fault:
        raise FunctionError(str(fault)) from None
    if len(data) < _BLOCK:
        capacity = len(encode(text)) // 4 * 3
        raise FunctionError(f"runtime error: slice bounds out of range [:{_BLOCK}] with capacity {capacity}")
    if len(data) % _BLOCK:
        raise FunctionError("crypto/cipher: input not full blocks")
    clear = library.decrypt(_aes_key(password), data[:_BLOCK], data[_BLOCK:])
    if not clear:
        raise FunctionError("runtime error: index out of range [-1]")
    if clear[-1] > len(clear):
        raise FunctionError(f"runtime error: slice bounds out of range [:{len(clear) - clear[-1]}]")
    return decode(clear[: len(clear) - clear[-1]])


@_TABLE.add("genPrivateKey", params=(STRING,), host=True)
def _private_key(host: Host, kind: str) -> str:
    if kind not in {"", "rsa", "dsa", "ecdsa", "ed25519"}:
        return f"Unknown type {kind}"
    library = _loaded(_CERTIFICATES)
    host.budget.spend(_RSA_KEY[4096] if kind in {"", "rsa", "dsa"} else _SMALL_KEY)
    return str(library.private_key(kind or "rsa"))


def _rsa_key(host: Host) -> str:
    host.budget.spend(_RSA_KEY[2048])
    return str(_loaded(_CERTIFICATES).rsa_key(2048))


def _make(host: Host, name: str, days: int, **options: Value) -> Certificate:
    library = _loaded(_CERTIFICATES)
    host.budget.spend(_SMALL_KEY)
    serial = host.random.getrandbits(127)
    made: Certificate = library.make_certificate(name, days, host.now // 1_000_000_000, serial, **options)
    return made


def _checked(values: list[Value], what: str) -> list[str]:
    for value in values:
        if type(value) is not str:
            raise FunctionError(f"error {what}: {_shown(value)} is not a string")
    return list(values)


def _shown(value: Value) -> str:
    return "<nil>" if value is None else str(value)


@_TABLE.add("genCA", params=(STRING, INT), host=True)
def _ca(host: Host, name: str, days: int) -> Certificate:
    return _make(host, name, days, key=_rsa_key(host), authority=True)


@_TABLE.add("genCAWithKey", params=(STRING, INT, STRING), host=True)
def _ca_with_key(host: Host, name: str, days: int, key: str) -> Certificate:
    _check_key(key, "parsing private key")
    return _make(host, name, days, key=key, authority=True)


def _check_key(key: str, doing: str) -> None:
    fault = _loaded(_CERTIFICATES).key_fault(key)
    if fault:
        raise FunctionError(f"{doing}: {fault}")


def _names(ips: list[Value], names: list[Value]) -> dict[str, list[str]]:
    addresses = _checked(ips, "parsing ip")
    for address in addresses:
        if not _loaded(_CERTIFICATES).is_address(address):
            raise FunctionError(f"error parsing ip: {address}")
    return {"addresses": addresses, "names": _checked(names, "processing alternate dns name")}


@_TABLE.add("genSelfSignedCert", params=(STRING, LIST, LIST, INT), host=True)
def _self_signed(host: Host, name: str, ips: list[Value], names: list[Value], days: int) -> Certificate:
    alternatives = _names(ips, names)
    return _make(host, name, days, key=_rsa_key(host), **alternatives)


@_TABLE.add("genSelfSignedCertWithKey", params=(STRING, LIST, LIST, INT, STRING), host=True)
def _self_signed_with_key(  # noqa: PLR0917 - the order is Sprig's
    host: Host, name: str, ips: list[Value], names: list[Value], days: int, key: str
) -> Certificate:
    _check_key(key, "parsing private key")
    return _make(host, name, days, key=key, **_names(ips, names))


@_TABLE.add("genSignedCert", params=(STRING, LIST, LIST, INT, CERTIFICATE), host=True)
def _signed(host: Host, name: str, ips: list[Value], names: list[Value], days: int, ca: Certificate) -> Certificate:  # noqa: PLR0917 - the order is Sprig's
    _check_ca(ca)
    alternatives = _names(ips, names)
    return _make(host, name, days, key=_rsa_key(host), ca=ca, **alternatives)


@_TABLE.add("genSignedCertWithKey", params=(STRING, LIST, LIST, INT, CERTIFICATE, STRING), host=True)
def _signed_with_key(  # noqa: PLR0917 - the order is Sprig's
    host: Host, name: str, ips: list[Value], names: list[Value], days: int, ca: Certificate, key: str
) -> Certificate:
    _check_key(key, "parsing private key")
    _check_ca(ca)
    return _make(host, name, days, key=key, ca=ca, **_names(ips, names))


def _check_ca(ca: Certificate) -> None:
    fault = _loaded(_CERTIFICATES).certificate_fault(ca.cert)
    if fault:
        raise FunctionError(fault)
    _check_key(ca.key, "error parsing private key")


@_TABLE.add("buildCustomCert", params=(STRING, STRING))
def _custom(certificate: str, key: str) -> Certificate:
    library = _loaded(_CERTIFICATES)
    texts: list[str] = []
    for text, name in ((certificate, "certificate"), (key, "private key")):
        try:
            texts.append(decode(decode_base64(text)))
        except Corrupt:
            raise FunctionError(f"unable to decode base64 {name}") from None
    fault = library.certificate_fault(texts[0])
    if fault:
        raise FunctionError(fault)
    _check_key(texts[1], "error parsing private key")
    return Certificate(*texts)
