"""What a store's address says: ``postgresql://user@host/database?schema=understudy&lease=10``.

All that PostgreSQL itself understands of an address is left to it. Of ours: `schema` names the schema that all of a
store is kept in, so that one database may hold several stores, and other programs; `lease` is how many seconds an
instance may be silent before others take its tasks over.
"""

import re
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import attrs

from runtime.journal.protocol import StoreUnusable

SCHEMES: Final = frozenset({"postgresql", "postgres"})
_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,40}")
_SHORTEST_LEASE: Final = 0.5
_LONGEST_LEASE: Final = 3600.0
_LONGEST_PATIENCE: Final = 10.0


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

    @classmethod
    def parse(cls, text: str) -> "StoreAddress":
        """Read an address.

        Raises:
            StoreUnusable: one of our options is none.
        """
        parts = urlsplit(text)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        schema = options.pop("schema", "understudy")
        lease = options.pop("lease", "10")
        user, _, place = parts.netloc.rpartition("@")
        who = f"{user.partition(':')[0]}@" if user else ""
        shown = f"postgresql://{who}{place}{parts.path}"
        if _SCHEMA.fullmatch(schema) is None:
            raise StoreUnusable(f'{shown}: schema "{schema}" is no name: small letters, digits and "_", at most 41')
        rest = urlencode(options, quote_via=quote)
        server = text.partition("?")[0] + (f"?{rest}" if rest else "")
        return cls(server=server, shown=shown, schema=schema, lease_seconds=_seconds(lease, shown))


def _seconds(text: str, shown: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not _SHORTEST_LEASE <= seconds <= _LONGEST_LEASE:
        raise StoreUnusable(f'{shown}: lease is from {_SHORTEST_LEASE:g} to {_LONGEST_LEASE:g} seconds, not "{text}"')
    return seconds
