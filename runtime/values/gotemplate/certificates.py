"""Keys, certificates and AES, by the package cryptography. Keys travel as PEM text."""

import base64
import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from runtime.values.gotemplate.values import Certificate

_BLOCK: Final = 16
_FORMATS: Final = {
    "PRIVATE KEY": "decoding PEM as PKCS#8",
    "RSA PRIVATE KEY": "parsing RSA private key from PEM",
    "EC PRIVATE KEY": "parsing EC private key from PEM",
    "DSA PRIVATE KEY": "",
}
_MOST_DAYS: Final = 106_751  # as many as a duration of 64 bits holds


def encrypt(key: bytes, vector: bytes, text: bytes) -> str:
    """Encrypt with AES-CBC and the usual padding; the vector comes first in the result, which is base64."""
    padding = _BLOCK - len(text) % _BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    data = encryptor.update(text + bytes([padding]) * padding) + encryptor.finalize()
    return base64.b64encode(vector + data).decode()


def decrypt(key: bytes, vector: bytes, data: bytes) -> bytes:
    """Decrypt with AES-CBC; the padding stays."""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def _pem(key: CertificateIssuerPrivateKeyTypes) -> str:
    modern = isinstance(key, ed25519.Ed25519PrivateKey)
    form = serialization.PrivateFormat.PKCS8 if modern else serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def rsa_key(bits: int) -> str:
    """Make an RSA key."""
    return _pem(rsa.generate_private_key(65537, bits))


def private_key(kind: str) -> str:
    """Make a key: rsa (4096 bits), dsa (2048 bits), ecdsa (P-256) or ed25519."""
    match kind:
        case "rsa":
            return rsa_key(4096)
        case "dsa":
            return _pem(dsa.generate_private_key(2048))
        case "ecdsa":
            return _pem(ec.generate_private_key(ec.SECP256R1()))
    return _pem(ed25519.Ed25519PrivateKey.generate())


def _block_type(pem: str) -> str | None:
    start = pem.find("-----BEGIN ")
    end = pem.find("-----", start + 11)
    kind = pem[start + 11 : end]
    return kind if start >= 0 and end >= 0 and f"-----END {kind}-----" in pem else None


def _load(pem: str) -> CertificateIssuerPrivateKeyTypes:
    # What the library would validate takes tens of milliseconds, in one call.
    key = serialization.load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
    if isinstance(key, rsa.RSAPrivateKey) and not _is_consistent(key.private_numbers()):
        raise ValueError("the numbers of the RSA key do not belong together")
    return cast("CertificateIssuerPrivateKeyTypes", key)


def _is_consistent(key: rsa.RSAPrivateNumbers) -> bool:
    """Tell what Go's validation of a key does: whether the primes make the modulus, and the exponents fit."""
    product = key.d * key.public_numbers.e
    fits = all(prime > 1 and product % (prime - 1) == 1 for prime in (key.p, key.q))
    return fits and key.p * key.q == key.public_numbers.n


def key_fault(pem: str) -> str | None:
    """Tell what is wrong with a private key, if anything is."""
    kind = _block_type(pem)
    if kind is None:
        return "no PEM data in input"
    if not kind.endswith("PRIVATE KEY"):
        return f"no private key data in PEM block of type {kind}"
    if kind not in _FORMATS:
        return f"invalid private key type {kind.removesuffix(' PRIVATE KEY')}"
    try:
        _load(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        return f"{_FORMATS[kind]}: {fault}".removeprefix(": ")
    return None


def certificate_fault(pem: str) -> str | None:
    """Tell what is wrong with a certificate, if anything is."""
    if _block_type(pem) is None:
        return "unable to decode certificate"
    try:
        x509.load_pem_x509_certificate(pem.encode())
    except ValueError as fault:
        return f"error parsing certificate: decodedCert.Bytes: {fault}"
    return None


def is_address(text: str) -> bool:
    """Tell whether a text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name, _validate=False)])


def _alternatives(addresses: Sequence[str], names: Sequence[str]) -> list[x509.GeneralName]:
    return [
        *(x509.DNSName(name) for name in names),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses),
    ]


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=True,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def make_certificate(
    common_name: str,
    days: int,
    now: int,
    serial: int,
    *,
    key: str,
    authority: bool = False,
    ca: Certificate | None = None,
    addresses: Sequence[str] = (),
    names: Sequence[str] = (),
) -> Certificate:
    """Make a certificate for a key, signed by an authority or, without one, by the key itself.

    Raises:
        ValueError: what was asked for is no certificate (a name too long, dates out of range).
    """
    subject_key = _load(key)
    start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=now)
    subject = _name(common_name)
    issuer, issuer_key = subject, subject_key
    if ca is not None:
        issuer, issuer_key = x509.load_pem_x509_certificate(ca.cert.encode()).subject, _load(ca.key)
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(subject_key.public_key())
        .serial_number(serial or 1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=max(min(days, _MOST_DAYS), 0)))
        .add_extension(_usage(authority=authority), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if authority:
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(subject_key.public_key()), critical=False
        )
    if ca is not None:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    if addresses or names:
        builder = builder.add_extension(x509.SubjectAlternativeName(_alternatives(addresses, names)), critical=False)
    digest = None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    made = builder.sign(issuer_key, digest)
    return Certificate(made.public_bytes(serialization.Encoding.PEM).decode(), _pem(subject_key))
