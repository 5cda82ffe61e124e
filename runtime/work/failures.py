"""What ends an actor that nothing of a user's can end is a fault of ours, and is logged with its traceback.

The actor is started again, from what is stored, and most often nobody notices: without the line nobody would ever know.
"""

import math

from actors import StopReason
from runtime.errors import Refused
from runtime.logs.lines import log

_NAME = "understudy.actors"


class FailureLog:
    """An observer of actors (`actors.observer`) that only looks at failures, and counts them."""

    slow_seconds = math.inf
    lives = False

    def __init__(self) -> None:
        self.count = 0

    def started(self, path: str, incarnation: int) -> None:
        """It is not told."""

    def stopped(self, path: str, incarnation: int, reason: StopReason, error: BaseException | None) -> None:
        """Log a failure; a store that takes nothing is none of ours, and logged by itself."""
        if not isinstance(error, Refused):
            self.count += 1
            log(_NAME).error(
                "actor_failed", actor=path, incarnation=incarnation, reason=str(reason), exc_info=error or False
            )

    def restarted(self, path: str, incarnation: int, delay_seconds: float) -> None:
        """It is said already that it failed."""

    def quarantined(self, path: str, reason: StopReason) -> None:
        """Log that it is not started again."""
        log(_NAME).error("actor_given_up", actor=path, reason=str(reason))

    def mailbox_full(self, path: str, capacity: int) -> None:
        """Whoever posted is told."""

    def late_reply(self, path: str) -> None:
        """Whoever asked has been told that there was none in time."""

    def slow_handler(self, path: str, seconds: float) -> None:
        """It is not measured."""
