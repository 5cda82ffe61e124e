"""What happens to actors, told to whoever wants to know.

An observer is a set of sync methods called at the moment of the event, in the
task it happens in. It costs nothing when absent (one `is None` test at the
event) and can do no harm when present: `shielded` wraps it so that an
exception it raises is dropped, and the actor goes on. An actor that hibernates
and is woken is no event: it lives all the while.

| event         | when                                                   | facts                        |
|---------------|--------------------------------------------------------|------------------------------|
| started       | an incarnation begins (only if `lives`)                | path, incarnation            |
| stopped       | an incarnation has ended and is announced              | path, incarnation, reason    |
| restarted     | a supervisor decides to start a failed child again     | path, incarnation, delay     |
| quarantined   | a child used up its restart window and stays down      | path, reason                 |
| mailbox_full  | a post is refused, the first since the owner last took | path, capacity               |
| late_reply    | an answer came after its slot was settled              | path                         |
| slow_handler  | a turn took longer than the observer's `slow_seconds`  | path, seconds                |
"""

from collections.abc import Callable
from typing import ParamSpec, Protocol

from actors.reason import StopReason

__all__ = ("Observer", "shielded")


P = ParamSpec("P")


class Observer(Protocol):
    """See the table in the module docstring. No method may wait."""

    @property
    def slow_seconds(self) -> float:
        """A turn longer than this is reported; `math.inf` for never."""

    @property
    def lives(self) -> bool:
        """Whether beginnings and orderly ends are told, too; if not, of all that end only those that failed are."""

    def started(self, path: str, incarnation: int) -> None:
        """Tell that an incarnation begins."""

    def stopped(self, path: str, incarnation: int, reason: StopReason, error: BaseException | None) -> None:
        """Tell that an incarnation has ended. The error, if any, must not be kept."""

    def restarted(self, path: str, incarnation: int, delay_seconds: float) -> None:
        """Tell that a failed incarnation will be followed by another."""

    def quarantined(self, path: str, reason: StopReason) -> None:
        """Tell that a child stays down until someone restarts it."""

    def mailbox_full(self, path: str, capacity: int) -> None:
        """Tell that a post was refused; not again until the mailbox has been emptied (its statistics count them all)."""

    def late_reply(self, path: str) -> None:
        """Tell that an answer was dropped."""

    def slow_handler(self, path: str, seconds: float) -> None:
        """Tell that a turn took long."""


class _Shielded:
    """An observer whose exceptions are dropped: the named guard between actors and whoever looks at them."""

    def __init__(self, observer: Observer) -> None:
        self.slow_seconds = observer.slow_seconds
        self.lives = observer.lives
        self.started = _quietly(observer.started)
        self.stopped = _quietly(observer.stopped)
        self.restarted = _quietly(observer.restarted)
        self.quarantined = _quietly(observer.quarantined)
        self.mailbox_full = _quietly(observer.mailbox_full)
        self.late_reply = _quietly(observer.late_reply)
        self.slow_handler = _quietly(observer.slow_handler)


def _quietly(method: Callable[P, None]) -> Callable[P, None]:
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        try:  # noqa: SIM105 - four calls more, at each beginning and each end
            method(*args, **kwargs)
        except Exception:  # noqa: BLE001, S110 - whatever it is
            pass

    return call


def shielded(observer: Observer | None) -> Observer | None:
    """Wrap an observer so that nothing it raises reaches an actor; None stays None."""
    return None if observer is None else _Shielded(observer)
