"""Who may use a server: from its options, and from what the configuration items of its host say (spec sections 12.2, 13)."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import attrs

from runtime.engine.rights import Administrators, Identity
from runtime.server.auth import (
    Authenticator,
    CredentialsUnusable,
    Everybody,
    FirstOf,
    Groups,
    TrustedHeader,
    groups_of,
    networks,
    passwords_of,
    read_groups,
    read_passwords,
    read_tokens,
)
from runtime.server.limits import BODY_BYTES, ServerLimits
from runtime.server.serving import parted

_PASSWORDS: Final = "basic-auth"
_GROUPS: Final = "groups-auth"
_HOSTNAME: Final = re.compile(r"[^\s/:@?#\[\]]+")
_HERE: Final = ("127.0.0.0/8", "::1")


@attrs.frozen(kw_only=True)
class ServedOptions:
    """What ``server_options`` of ``utask-cfg`` says. `max_body_bytes` is brought to 1 KiB at least, and 10 MiB at most."""

    max_body_bytes: int = ServerLimits().body_bytes

    @property
    def body_bytes(self) -> int:
        """How many bytes a request may have."""
        least, most = BODY_BYTES
        return min(max(self.max_body_bytes, least), most)


@attrs.frozen(kw_only=True)
class ServedHost:
    """What ``utask-cfg`` says of a server (section 13.2)."""

    application_name: str = ""
    admin_usernames: tuple[str, ...] = ()
    admin_groups: tuple[str, ...] = ()
    server_options: ServedOptions = attrs.field(factory=ServedOptions)


@attrs.frozen(kw_only=True)
class AccessOptions:
    """What the command line says of who may use a server that listens there."""

    listen: str
    admins: tuple[str, ...]
    admin_groups: tuple[str, ...]
    tokens: Path | None
    passwords: Path | None
    groups: Path | None
    proxies: tuple[str, ...]
    hostnames: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Access:
    """How users are known, who of them may do everything, and the names that the server is asked by; None is any."""

    authenticator: Authenticator
    administrators: Administrators | None
    hostnames: tuple[str, ...] | None


def access(options: AccessOptions, items: Mapping[str, str], host: ServedHost) -> Access:
    """Give who may use a server. What an option says goes before an item.

    Where only ``utask-cfg`` names administrators, and only this machine can reach the server, the header
    ``X-Remote-User`` is believed: section 12.2 has it believed from anywhere.

    Whoever need prove nothing, as they are on this machine, may be a browser that a page of somebody else sends: such a
    server answers under names of its own only. Where users are known it does so if it is told its names.

    Raises:
        CredentialsUnusable: a file or an item is none of those, or they do not go together.
    """
    groups = _groups(options, items)
    names = tuple(name.lower().rstrip(".") for name in options.hostnames)
    if wrong := next((name for name in names if not _HOSTNAME.fullmatch(name)), None):
        raise CredentialsUnusable(
            f'--hostname: a name of the server, as tasks.example.org, without a port, not "{wrong}"'
        )
    ways: list[Authenticator] = []
    if options.tokens is not None:
        ways.append(read_tokens(options.tokens))
    if options.passwords is not None:
        ways.append(read_passwords(options.passwords, groups))
    elif _PASSWORDS in items:
        ways.append(passwords_of(items[_PASSWORDS], _PASSWORDS, groups))
    if options.proxies:
        ways.append(TrustedHeader(networks(options.proxies), groups))
    proven = bool(ways)
    if not ways and (host.admin_usernames or host.admin_groups) and _is_loopback(options.listen):
        ways.append(TrustedHeader(networks(_HERE), groups))
    usernames = (*options.admins, *host.admin_usernames)
    admin_groups = (*options.admin_groups, *host.admin_groups)
    if ways:
        if not usernames and not admin_groups:
            raise CredentialsUnusable(
                "name who may do everything: --admin USER, or --admin-group GROUP,"
                " or admin_usernames or admin_groups in utask-cfg"
            )
        return Access(
            authenticator=FirstOf(tuple(ways)),
            administrators=Administrators(usernames=usernames, groups=admin_groups),
            hostnames=names if names or not proven else None,
        )
    if usernames or admin_groups or options.groups is not None or _GROUPS in items:
        raise CredentialsUnusable(
            "--admin, --admin-group and --groups (admin_usernames and admin_groups in utask-cfg, groups-auth) are about"
            " users that are known: say how they are, with --tokens, --passwords (basic-auth) or --trust-proxy; without,"
            " everybody is one administrator"
        )
    if not _is_loopback(options.listen):
        raise CredentialsUnusable(
            f"{options.listen} can be reached from elsewhere: say who may use it, with --tokens, --passwords"
            " (basic-auth) or --trust-proxy"
        )
    return Access(authenticator=Everybody(Identity("admin")), administrators=None, hostnames=names)


def _groups(options: AccessOptions, items: Mapping[str, str]) -> Groups:
    if options.groups is not None:
        return read_groups(options.groups)
    return groups_of(items[_GROUPS], _GROUPS) if _GROUPS in items else Groups()


def _is_loopback(listen: str) -> bool:
    host, _port = parted(listen)
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
