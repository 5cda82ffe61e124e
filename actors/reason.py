"""Why something stopped, and who asked.

A reason is a small frozen value that travels from the one who asks (a user, a
supervisor, a shutdown, a deadline) to everything that ends because of it, and
from there into journals and logs. It never holds an exception: a traceback
holds frames, frames hold actors, and a dead actor must be forgotten.
"""

import enum

import attrs

__all__ = ("StopKind", "StopReason")


class StopKind(enum.Enum):
    """The family a reason belongs to. Only `ERROR` counts as abnormal, so only `ERROR` makes a transient child restart."""

    NORMAL = "normal"
    SHUTDOWN = "shutdown"
    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    SIBLING = "sibling"
    ERROR = "error"

    @property
    def abnormal(self) -> bool:
        """True when nobody asked for this end."""
        return self is _ERROR


_ERROR = StopKind.ERROR  # a name of its own, for this is asked of every end


@attrs.frozen(kw_only=True)
class StopReason:
    """Why, who asked, and a sentence for a reader."""

    kind: StopKind
    requester: str = ""
    text: str = ""

    def __str__(self) -> str:
        by = f" by {self.requester}" if self.requester else ""
        return f"{self.kind.value}{by}: {self.text}" if self.text else f"{self.kind.value}{by}"

    @classmethod
    def normal(cls, requester: str = "", text: str = "") -> "StopReason":
        """Say that the work was simply done."""
        return cls(kind=StopKind.NORMAL, requester=requester, text=text)

    @classmethod
    def shutdown(cls, requester: str = "", text: str = "") -> "StopReason":
        """Say that an orderly stop was asked for."""
        return cls(kind=StopKind.SHUTDOWN, requester=requester, text=text)

    @classmethod
    def error(cls, requester: str, error: BaseException) -> "StopReason":
        """Keep the words of an exception and let go of the exception."""
        said = str(error)
        name = type(error).__name__
        return cls(kind=StopKind.ERROR, requester=requester, text=f"{name}: {said}" if said else name)

    def overdue(self, within: float) -> "StopReason":
        """Say the same of something that was asked to stop for this reason and did not end in time."""
        text = f"{self.text + '; ' if self.text else ''}still running {within:g} s after it was asked to stop"
        return StopReason(kind=StopKind.DEADLINE, requester=self.requester, text=text)
