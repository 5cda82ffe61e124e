"""Whose page it is that has a browser ask: a page of somebody else would ask in the name of whoever looks at it.

A browser sends along what it knows of its user (a password, what a proxy takes for a session), and to a server that asks
nobody who they are it is enough to be on its machine. That the page cannot read the answer, which is what CORS is about,
undoes nothing that was asked. And whose name it is that was asked for, which a page of somebody else may have chosen.
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Final

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

_PORT: Final = re.compile(r":[0-9]*$")

FOREIGN: Final = "a page of another origin may not ask: name its origin with --cors"


def is_foreign(headers: Mapping[str, str], origins: Sequence[str]) -> bool:
    """Say whether a request comes from a page that is neither the server's own nor one of these origins.

    Where a proxy changed the name of the host, what the browser says of the site counts. Programs say neither.
    """
    origin = headers.get("origin")
    if "*" in origins or origin in origins:
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    return origin is not None and origin.partition("://")[2] != headers.get("host")


def is_own_host(host: str, names: Sequence[str]) -> bool:
    """Say whether a request that was sent to that host (its header ``Host``) was meant for a server of these names.

    The name of a page that is anybody's can be made to mean this machine (DNS rebinding), and the page then counts as
    the server's own: of the same origin. An address cannot be made to mean another, and ``localhost`` is nobody else's;
    who names no host is no browser.
    """
    name = host.rpartition(":")[0] if _PORT.search(host) else host
    name = name.rstrip(".").lower()
    if not name or name == "localhost" or name.endswith(".localhost") or name in names:
        return True
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
