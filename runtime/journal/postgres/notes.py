"""What an operator should see of leases, links and the server: typed events as lines of a log (`runtime.logs`)."""

from typing import TypeAlias, assert_never

import attrs

from runtime.journal.shared import LeaseEnded, LeaseTaken
from runtime.logs.lines import log


@attrs.frozen
class LeaseBegun:
    """This instance, by the name of its machine and its process, has a lease, and is known to others by that number."""

    instance: int
    name: str


@attrs.frozen
class LinksGivenUp:
    """So many connections of this instance had fallen silent, or were cut, and the server was told to drop its ends."""

    connections: int


@attrs.frozen
class SetBack:
    """The server does not have what it stored for this instance at a position: one took its place that had not got all of it."""

    store: str
    position: int


@attrs.frozen
class ClockDiffers:
    """The clock of this machine is so far ahead of the server's, or behind it (below 0). What is due is woken too early, or late."""

    ahead_seconds: float


@attrs.frozen
class ServerClockJumped:
    """The server's clock has jumped ahead so far, or back (below 0).

    Nobody is taken for dead by it for a while. Where it has jumped back, what somebody held who had just ended then is taken
    over that much later.
    """

    store: str
    seconds: float


@attrs.frozen
class MigrationWaits:
    """The tables cannot be migrated while somebody reads them, for minutes perhaps: it is tried again after some seconds."""

    store: str
    seconds: float


@attrs.frozen
class IndexBuilt:
    """An index is built that the next version of the tables has, beside whoever uses them: it waits for all who read just now."""

    store: str
    index: str


Event: TypeAlias = (
    LeaseBegun
    | LeaseEnded
    | LeaseTaken
    | LinksGivenUp
    | SetBack
    | ClockDiffers
    | ServerClockJumped
    | MigrationWaits
    | IndexBuilt
)


def note(event: Event) -> None:
    """Write an event down. Sync."""
    facts, store = attrs.asdict(event), log("understudy.store")
    match event:
        case LeaseBegun():
            store.info("lease_begun", **facts)
        case LeaseEnded():
            store.error("lease_lost", **facts)
        case LeaseTaken():
            store.warning("lease_taken_over", **facts)
        case LinksGivenUp():
            store.warning("links_given_up", **facts)
        case SetBack():
            store.error("commits_lost", **facts)
        case ClockDiffers():
            store.warning("clock_differs", **facts)
        case ServerClockJumped():
            store.error("server_clock_jumped", **facts)
        case MigrationWaits():
            store.warning("migration_waits", **facts)
        case IndexBuilt():
            store.info("index_built", **facts)
        case _:
            assert_never(event)
