"""Where steps may connect to: rules of whoever runs a runtime, against requests that were talked into going elsewhere.

A template, an input or a redirect may name any host. A program that takes tasks from others wants some of them out of
reach: above all the addresses under which clouds hand credentials to whoever asks from the inside. Names are checked
as written, and every address that they resolve to is checked again at the moment of connecting, so that a name that
points inward is no way around a rule about addresses.
"""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

import attrs

from runtime.arguments import texts

_Address: TypeAlias = IPv4Address | IPv6Address
_Network: TypeAlias = IPv4Network | IPv6Network

METADATA: Final = (
    "169.254.0.0/16",  # link-local, where most clouds keep theirs
    "fe80::/10",
    "fd00:ec2::/32",  # Amazon, over IPv6
    "100.100.100.200",  # Alibaba
    "168.63.129.16",  # Azure's host
    "192.0.0.192",  # Oracle, of old
    "metadata.google.internal",
    "metadata.goog",
)
"""Link-local addresses and those of the metadata services of clouds."""

_NO_NAME: Final = re.compile(r"[\s/:@]")
"""What is in no name of a host, and in no pattern of such."""


class Forbidden(Exception):
    """The rules of this runtime do not let a step connect there."""

    def __init__(self, destination: str) -> None:
        self.destination = destination
        super().__init__(f"the destination {destination} is not allowed here")


def _networks(rules: Iterable[str]) -> Iterator[_Network]:
    for rule in rules:
        try:
            yield ip_network(rule, strict=False)
        except ValueError:
            continue  # it is a name


def _rules(rules: Iterable[str]) -> tuple[str, ...]:
    """Take rules that can hold for a host: one that cannot would allow, or deny, nothing at all."""
    return tuple(map(_rule, texts(rules)))


def _rule(rule: str) -> str:
    plain = rule.strip().lower()
    if next(_networks([plain]), None) is None and (not plain or _NO_NAME.search(plain)):
        raise ValueError(
            f"{rule!r} is not a host: give a name, a pattern of names, an address or a network, without scheme and port"
        )
    return plain


@attrs.frozen
class Destinations:
    """Which hosts may be connected to: those that `allow` names, and any other that `deny` does not.

    A rule is a host name (``api.example.org``), a pattern of names (``*.example.org``; ``*`` is every host), an address
    (``10.0.0.7``) or a network (``10.0.0.0/8``). Without rules everything is allowed.

    Raises:
        ValueError: a rule is none of these, such as a URL.
    """

    allow: tuple[str, ...] = attrs.field(default=(), converter=_rules)
    deny: tuple[str, ...] = attrs.field(default=(), converter=_rules)
    _allowed: tuple[_Network, ...] = attrs.field(init=False, repr=False)
    _denied: tuple[_Network, ...] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_allowed", tuple(_networks(self.allow)))
        object.__setattr__(self, "_denied", tuple(_networks(self.deny)))

    @property
    def unrestricted(self) -> bool:
        """Whether there is nothing to check."""
        return not self.deny

    def check(self, host: str, address: str | None = None) -> None:
        """Check a host as it was named, and, where it is known, the address it stands for.

        Raises:
            Forbidden: it is not to be connected to.
        """
        if self.unrestricted:
            return
        name = host.strip("[]").rstrip(".").lower()
        where = _address(name if address is None else address)
        if _named(name, self.allow) or _within(where, self._allowed):
            return
        if _named(name, self.deny) or _within(where, self._denied):
            raise Forbidden(name if address in {None, name} else f"{name} ({address})")


EVERYWHERE: Final = Destinations()
"""No rules: what a program that runs its own templates wants."""

CAUTIOUS: Final = Destinations(deny=METADATA)
"""Anywhere but `METADATA`: what a program that runs tasks for others starts from."""


def _named(name: str, rules: Iterable[str]) -> bool:
    return any(fnmatchcase(name, rule) for rule in rules)


def _address(text: str) -> _Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _within(address: _Address | None, networks: Iterable[_Network]) -> bool:
    return address is not None and any(address in network for network in networks)
