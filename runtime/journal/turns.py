"""Entries as rows: what a store in a database keeps of one, whichever database it is.

Encoding is done in the task that asks, so that whoever writes for all has only bytes to handle.
"""

from typing import Final

from msgspec import msgpack

from runtime.engine.records import TaskSubmitted
from runtime.flow.history import begin
from runtime.flow.records import FlowCreated
from runtime.frozen import value
from runtime.journal.codec import encode_template, encode_turn
from runtime.journal.listing import Listing, listing_of_flow, listing_of_submission
from runtime.journal.protocol import Entry, Standing
from runtime.templates.model import Template

ENOUGH: Final = 16
"""How many share what a commit costs so well that no more are waited for."""

_LARGEST_GROUP: Final = 1024
"""How many one commit takes at most."""

_TEMPLATES_KNOWN: Final = 1024
_NO_TEMPLATE: Final = Template(name="")
"""Stands where a flow has none."""

encode_listing: Final = msgpack.Encoder().encode
decode_listing: Final = msgpack.Decoder(Listing).decode


@value
class Turn:
    """One entry, encoded: what can be stored without looking at records. `template`: of a submission.

    `changed`: when its standing did, if it did.
    """

    task_id: str
    records: int
    body: bytes
    standing: Standing | None = None
    changed: float = 0.0
    template: tuple[bytes, bytes] | None = None
    listing: Listing | None = None


class Templates:
    """Encodes each template object once, for as long as it is in use."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, tuple[bytes, bytes]]] = {}

    def encoded(self, template: Template) -> tuple[bytes, bytes]:
        """Give hash and bytes of the template of a submission."""
        known = self._known.get(id(template))
        if known is None:
            if len(self._known) >= _TEMPLATES_KNOWN:
                del self._known[next(iter(self._known))]
            known = self._known[id(template)] = (template, encode_template(template))
        return known[1]


def encoded(entry: Entry, templates: Templates) -> Turn:
    """Encode an entry."""
    records, standing, listing = entry.records, entry.standing, entry.listing
    if standing is None:  # as of most
        if listing is not None:
            raise ValueError(
                f"an entry of task {entry.task_id} that says what is listed of it does not say where it stands"
            )
        return Turn(entry.task_id, len(records), encode_turn(records))
    first = records[0]
    template = None
    if isinstance(first, TaskSubmitted):
        template, listing = templates.encoded(first.template), listing or listing_of_submission(first)
    elif isinstance(first, FlowCreated):
        template, listing = templates.encoded(_NO_TEMPLATE), listing or listing_of_flow(begin(first))
    body = encode_turn(records, template[0] if template else b"")
    return Turn(entry.task_id, len(records), body, standing, records[-1].at, template, listing)


def share(came: int, waiting: int) -> int:
    """Say how many of those who wait the next commit takes, if so many had `came` when the last one was done.

    Where nearly all came since, they go round in step: all wait, and then all work. Half of them are let go first, so that
    from then on one half works while what the other did is stored.
    """
    if waiting >= 2 * ENOUGH and 2 * came < waiting:
        waiting //= 2
    return min(waiting, _LARGEST_GROUP)
