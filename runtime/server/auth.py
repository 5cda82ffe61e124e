"""Who asks: from the credentials of a request to an identity. Rights are another matter (`runtime.api.access`).

An `Authenticator` is asked for every request; what it does not know is nobody's, and refused. Secrets are compared in
constant time, kept as hashes where they are kept, and never logged.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import attrs

from runtime.engine.rights import Identity
from runtime.errors import Refused

NOT_KNOWN: Final = "it is not known who you are: nothing came that proves it, or what came is not right"
_LONGEST: Final = 4096
"""How many characters of credentials are looked at."""

_HASH: Final = re.compile("[0-9a-fA-F]{64}")

Network: TypeAlias = IPv4Network | IPv6Network


class CredentialsUnusable(Refused):
    """A file of credentials cannot be used."""


@attrs.frozen
class Caller:
    """What is known of a request before it is known who sent it: its headers, in lower case, and the peer's address."""

    headers: Mapping[str, str]
    address: str


class Authenticator(Protocol):
    """Tells who asks."""

    @property
    def challenge(self) -> str:
        """What the ``WWW-Authenticate`` header of a refusal says; empty for none."""

    def identify(self, caller: Caller) -> Identity | None:
        """Give who asks; None for nobody. Sync: it is asked for each request."""
        ...


@attrs.frozen
class Groups:
    """Which users are in which groups."""

    members: Mapping[str, frozenset[str]] = attrs.field(factory=dict)

    def of(self, username: str) -> frozenset[str]:
        """Give the groups of a user."""
        return frozenset(group for group, users in self.members.items() if username in users)


@attrs.frozen
class BasicAuth:
    """Usernames and passwords, as a development set-up has them."""

    passwords: Mapping[str, str] = attrs.field(repr=False)
    groups: Groups = attrs.field(factory=Groups)
    challenge: str = 'Basic realm="understudy", charset="UTF-8"'

    def identify(self, caller: Caller) -> Identity | None:
        """Give the user whose password this is."""
        given = _basic(_credentials(caller, "basic"))
        if given is None:
            return None
        username, password = given
        known = self.passwords.get(username)
        # One that is not known takes as long as one whose password is wrong.
        right = hmac.compare_digest(_hashed(password), _hashed(known if known is not None else ""))
        return Identity(username, self.groups.of(username)) if right and known is not None and username else None


@attrs.frozen
class BearerTokens:
    """Tokens, of which only the hashes are known: SHA-256 of a token, in hexadecimal, to whose it is."""

    holders: Mapping[str, Identity]
    challenge: str = 'Bearer realm="understudy"'

    def identify(self, caller: Caller) -> Identity | None:
        """Give the holder of the token."""
        token = _credentials(caller, "bearer")
        if not token:
            return None
        hashed = hash_of_token(token)
        found = None
        for known, holder in self.holders.items():
            if hmac.compare_digest(hashed, known):
                found = holder
        return found


@attrs.frozen
class TrustedHeader:
    """A header that a proxy sets once it knows who asks; believed from these networks only."""

    proxies: tuple[Network, ...]
    groups: Groups = attrs.field(factory=Groups)
    user_header: str = "x-remote-user"
    groups_header: str = "x-remote-groups"
    challenge: str = ""

    def identify(self, caller: Caller) -> Identity | None:
        """Give the user that the proxy names; its groups, separated by commas, and those that are known here."""
        username = caller.headers.get(self.user_header, "").strip()
        if not username or len(username) > _LONGEST or not self._trusts(caller.address):
            return None
        named = caller.headers.get(self.groups_header, "")[:_LONGEST].split(",")
        return Identity(username, self.groups.of(username) | {name.strip() for name in named if name.strip()})

    def _trusts(self, address: str) -> bool:
        try:
            peer = ip_address(address)
        except ValueError:
            return False
        return any(peer in network for network in self.proxies)


@attrs.frozen
class FirstOf:
    """Several ways to say who one is: the first that knows is believed."""

    ways: tuple[Authenticator, ...]

    @property
    def challenge(self) -> str:
        """Give the challenges of all of them."""
        return ", ".join(way.challenge for way in self.ways if way.challenge)

    def identify(self, caller: Caller) -> Identity | None:
        """Give who asks."""
        return next((who for way in self.ways if (who := way.identify(caller)) is not None), None)


@attrs.frozen
class Everybody:
    """For a server that only its own machine reaches: every request is the same user's."""

    identity: Identity
    challenge: str = ""

    def identify(self, _caller: Caller) -> Identity | None:
        """Give that user."""
        return self.identity


def hash_of_token(token: str) -> str:
    """Give what is kept of a token. Tokens are long and random, so a plain hash tells nothing about them."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read networks, ``10.0.0.0/8`` or one address.

    Raises:
        CredentialsUnusable: one is none.
    """
    try:
        return tuple(ip_network(text, strict=False) for text in texts)
    except ValueError as fault:
        raise CredentialsUnusable(f"a trusted proxy is an address or a network: {fault}") from None


def read_tokens(path: Path) -> BearerTokens:
    """Read ``{"<sha256 of the token>": {"username": ..., "groups": [...]}}``.

    Raises:
        CredentialsUnusable: it cannot be read, or says something else. No error shows what is in it.
    """
    holders = {}
    for hashed, holder in _object(_text(path), str(path)).items():
        match holder:
            case {"username": str(username), **rest} if username and _HASH.fullmatch(hashed):
                groups = rest.pop("groups", [])
                if rest or not isinstance(groups, list) or not all(isinstance(one, str) for one in groups):
                    raise CredentialsUnusable(f"{path}: a holder has a username and a list of groups, and nothing else")
                holders[hashed.lower()] = Identity(username, groups)
            case _:
                raise CredentialsUnusable(f"{path}: must map SHA-256 hashes in hexadecimal to usernames")
    return BearerTokens(holders)


def read_passwords(path: Path, groups: Groups) -> BasicAuth:
    """Read a file of passwords; see `passwords_of`."""
    return passwords_of(_text(path), str(path), groups)


def passwords_of(text: str, where: str, groups: Groups) -> BasicAuth:
    """Read ``{"<username>": "<password>"}``; `where` it is said, for errors.

    Raises:
        CredentialsUnusable: it says something else. No error shows what is in it.
    """
    document = _object(text, where)
    if not all(isinstance(one, str) and one for one in document.values()):
        raise CredentialsUnusable(f"{where}: must map usernames to passwords")
    return BasicAuth({name: str(one) for name, one in document.items()}, groups)


def read_groups(path: Path) -> Groups:
    """Read a file of groups; see `groups_of`."""
    return groups_of(_text(path), str(path))


def groups_of(text: str, where: str) -> Groups:
    """Read ``{"<group>": ["<username>", ...]}``; `where` it is said, for errors.

    Raises:
        CredentialsUnusable: it says something else.
    """
    document = _object(text, where)
    if not all(isinstance(one, list) and all(isinstance(user, str) for user in one) for one in document.values()):
        raise CredentialsUnusable(f"{where}: must map groups to lists of usernames")
    return Groups({name: frozenset(map(str, one)) for name, one in document.items() if isinstance(one, list)})


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as fault:
        raise CredentialsUnusable(f"{path} cannot be read: {fault.strerror}") from None
    except ValueError:
        raise CredentialsUnusable(f"{path} is not JSON") from None


def _object(text: str, where: str) -> Mapping[str, object]:
    try:
        document = json.loads(text)
    except ValueError:
        raise CredentialsUnusable(f"{where} is not JSON") from None
    if not isinstance(document, dict):
        raise CredentialsUnusable(f"{where}: must be an object")
    return document


def _credentials(caller: Caller, scheme: str) -> str:
    header = caller.headers.get("authorization", "")
    kind, _, credentials = header.partition(" ")
    return credentials.strip() if kind.lower() == scheme and len(header) <= _LONGEST else ""


def _basic(credentials: str) -> tuple[str, str] | None:
    try:
        username, colon, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (username, password) if colon else None


def _hashed(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
