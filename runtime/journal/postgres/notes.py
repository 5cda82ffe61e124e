"""What an operator should see of leases and links: typed events as lines of structlog, under ``understudy.store``.

Where the program has not set structlog up they go to standard error, for standard output may be somebody's data.
"""

import sys
from typing import Final, TypeAlias, assert_never

import attrs

from runtime.journal.shared import LeaseEnded, LeaseTaken

_NAME: Final = "understudy.store"


@attrs.frozen
class LinksGivenUp:
    """So many connections of this instance had fallen silent, or were cut, and the server was told to drop its ends."""

    connections: int


Event: TypeAlias = LeaseEnded | LeaseTaken | LinksGivenUp


def note(event: Event) -> None:
    """Write an event down. Sync."""
    import structlog  # noqa: PLC0415 - hardly ever needed

    if structlog.is_configured():
        log = structlog.get_logger(_NAME)
    else:
        log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
    facts = attrs.asdict(event)
    match event:
        case LeaseEnded():
            log.error("lease_lost", **facts)
        case LeaseTaken():
            log.warning("lease_taken_over", **facts)
        case LinksGivenUp():
            log.warning("links_given_up", **facts)
        case _:
            assert_never(event)
