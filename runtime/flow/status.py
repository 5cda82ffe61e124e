"""Statuses are records, not words (spec section 2.4)."""

from collections.abc import Mapping

import attrs
from rpds import List

from runtime.frozen import value
from runtime.values.json import Json


@value
class Status:
    """What something is, since when and by whose doing, and what it was before.

    `earlier` holds the older ones, newest first; they have none of their own.
    """

    status: str
    by: str
    at: float
    description: str = ""
    metadata: Mapping[str, Json] = attrs.field(factory=dict)
    earlier: "List[Status]" = attrs.field(factory=List)

    @property
    def history(self) -> "tuple[Status, ...]":
        """The older statuses, oldest first."""
        return tuple(self.earlier)[::-1]

    def then(
        self, status: str, *, by: str, at: float, description: str = "", metadata: Mapping[str, Json] | None = None
    ) -> "Status":
        """Give the next status. Metadata is merged over what there was; the description is not inherited."""
        merged = {**self.metadata, **metadata} if metadata else self.metadata
        past = Status(self.status, self.by, self.at, self.description, self.metadata)
        return Status(status, by, at, description, merged, self.earlier.push_front(past))
