"""What a store's address says: ``postgresql://user@host/database?schema=understudy&lease=10``.

All that PostgreSQL itself understands of an address is left to it. Of ours: `schema` names the schema that all of a
store is kept in, so that one database may hold several stores, and other programs; `lease` is how many seconds an
instance may be silent before others take its tasks over.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

import attrs
import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from runtime.errors import did_you_mean
from runtime.journal.protocol import StoreUnusable

_PLACE: Final = re.compile(r"(?:[^@]*@)?(?:\[[0-9a-fA-F:.]*\]|[^@:\[\]])*(?::\d*)?(?:,[^@]*)?")
"""User and hosts. A password with a character that would have to be written otherwise does not look like this."""
_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,40}")
_THEIRS: Final = ("pg_", "information_schema")
_NAME: Final = re.compile(r"[a-z_]{1,40}")
_SHORTEST_LEASE: Final = 0.5
_LONGEST_LEASE: Final = 3600.0
_LONGEST_PATIENCE: Final = 10.0
_LONGEST_SILENCE: Final = 20.0
"""How long a link may be silent at most, however long leases last."""
_UNREADABLE: Final = (
    "the address of the store cannot be read: it is postgresql://USER:PASSWORD@HOST:PORT/DATABASE; in a user or a password, "
    'characters that mean something there are written by their codes ("/" as %2F, "@" as %40, "#" as %23, "?" as %3F, "%" as %25)'
)


@attrs.frozen(kw_only=True)
class StoreAddress:
    """Where a store is. `server` is the address without our own options: it may hold a password; `shown` never does."""

    server: str = attrs.field(repr=False)
    shown: str
    schema: str = "understudy"
    lease_seconds: float = 10.0

    @property
    def patience_seconds(self) -> float:
        """How long an answer may take before somebody asks whether it will come at all: time is left to act on it."""
        return min(self.lease_seconds / 3, _LONGEST_PATIENCE)

    @property
    def connect_seconds(self) -> float:
        """How long connecting may take."""
        return min(self.lease_seconds / 2, _LONGEST_SILENCE)

    @classmethod
    def parse(cls, text: str) -> "StoreAddress":
        """Read an address.

        Raises:
            StoreUnusable: it is none, or one of its options is; nothing of a password is said.
        """
        parts = _parts(text)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        schema = options.pop("schema", "understudy")
        lease = options.pop("lease", "10")
        user, _, place = parts.netloc.rpartition("@")
        who = f"{user.partition(':')[0]}@" if user else ""
        shown = f"postgresql://{who}{place}{parts.path}"
        if _SCHEMA.fullmatch(schema) is None:
            raise StoreUnusable(f'{shown}: schema "{schema}" is not a name: small letters, digits and "_", at most 41')
        if schema.startswith(_THEIRS):
            raise StoreUnusable(f'{shown}: schema "{schema}" is for the server itself: name another')
        _check_options(options, shown)
        rest = urlencode(options, quote_via=quote)
        server = text.partition("?")[0] + (f"?{rest}" if rest else "")
        try:
            conninfo_to_dict(server)
        except psycopg.Error:  # which quotes what it cannot read: a password, perhaps
            raise StoreUnusable(_UNREADABLE) from None
        return cls(server=server, shown=shown, schema=schema, lease_seconds=_seconds(lease, shown))


def _parts(text: str) -> SplitResult:
    """Cut an address up; one whose password would be taken for another part of it is refused, and never shown."""
    try:
        parts = urlsplit(text)
    except ValueError:
        raise StoreUnusable(_UNREADABLE) from None
    names = [part.partition("=")[0] for part in parts.query.split("&") if part]
    if "#" in text or "@" in parts.path or not _PLACE.fullmatch(parts.netloc) or not all(map(_NAME.fullmatch, names)):
        raise StoreUnusable(_UNREADABLE)
    return parts


def _check_options(options: Mapping[str, str], shown: str) -> None:
    """See that what is not ours is PostgreSQL's."""
    known = ["ssl", *(option.keyword.decode() for option in Conninfo.get_defaults())]
    for name in options:
        if name not in known:
            hint = did_you_mean(name, ["schema", "lease", *known])
            raise StoreUnusable(f"{shown}: no such option: {name}{f' ({hint})' if hint else ''}")


def _seconds(text: str, shown: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not _SHORTEST_LEASE <= seconds <= _LONGEST_LEASE:
        raise StoreUnusable(f'{shown}: lease is from {_SHORTEST_LEASE:g} to {_LONGEST_LEASE:g} seconds, not "{text}"')
    return seconds
