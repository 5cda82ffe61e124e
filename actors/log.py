"""An observer that writes structured log lines; the only module here that imports structlog.

Starts and ends are at debug level unless the end was an error; what a person
should look at (a quarantine, a full mailbox, a slow handler) is a warning.
"""

import structlog

from actors.reason import StopReason

__all__ = ("StructlogObserver",)


class StructlogObserver:
    """Logs every event of `actors.observer` under the logger `actors`."""

    lives = True

    def __init__(self, slow_seconds: float = 0.1, logger: structlog.typing.FilteringBoundLogger | None = None) -> None:
        self.slow_seconds = slow_seconds
        self._log: structlog.typing.FilteringBoundLogger = logger or structlog.get_logger("actors")

    def started(self, path: str, incarnation: int) -> None:
        """Log that an incarnation begins."""
        self._log.debug("actor_started", path=path, incarnation=incarnation)

    def stopped(self, path: str, incarnation: int, reason: StopReason, error: BaseException | None) -> None:
        """Log that an incarnation has ended; with its traceback if it crashed."""
        if reason.kind.abnormal:
            self._log.error("actor_failed", path=path, incarnation=incarnation, reason=str(reason), exc_info=error)
        else:
            self._log.debug("actor_stopped", path=path, incarnation=incarnation, reason=str(reason))

    def restarted(self, path: str, incarnation: int, delay_seconds: float) -> None:
        """Log that another incarnation follows."""
        self._log.info("actor_restarted", path=path, incarnation=incarnation, delay_seconds=delay_seconds)

    def quarantined(self, path: str, reason: StopReason) -> None:
        """Log that a child stays down."""
        self._log.warning("actor_quarantined", path=path, reason=str(reason))

    def mailbox_full(self, path: str, capacity: int) -> None:
        """Log that posts are refused."""
        self._log.warning("mailbox_full", path=path, capacity=capacity)

    def late_reply(self, path: str) -> None:
        """Log that an answer was dropped."""
        self._log.info("late_reply", path=path)

    def slow_handler(self, path: str, seconds: float) -> None:
        """Log that a turn took long."""
        self._log.warning("slow_handler", path=path, seconds=round(seconds, 4))
