"""Whether a store takes what is to be stored, as those saw it last who store.

A store can be read and take nothing: its disk is full, somebody keeps it locked, its server has become a standby, a right
was taken away. Nobody would notice who only reads.
"""

from enum import Enum, auto
from typing import Final

from runtime.journal.protocol import Trouble
from runtime.logs.lines import log

_REASONS: Final = 8
"""How many are logged before all is well again: some name a file or a number, and so are always others."""


class Storing(Enum):
    """Who stores something, again and again."""

    HEART = auto()
    COMMITS = auto()


class Health:
    """What was last wrong with storing; what begins and ends is logged, once each, and so is what else is wrong before that.

    `store` is its name in the log.

    Told by one thread; any may look at `trouble`: what is wrong, if anything is (`Journal.trouble`).
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._wrong: dict[Storing, str] = {}
        self._failed = 0
        self._logged: set[str] = set()
        """What has been logged since all was well: a server that is back may lack its tables, say."""
        self.trouble: Trouble | None = None

    def failed(self, who: Storing, reason: str) -> None:
        """Nothing could be stored. Sync."""
        self._failed += 1
        self._wrong[who] = reason
        self._look()
        if reason not in self._logged and len(self._logged) < _REASONS:
            self._logged.add(reason)
            log("understudy.store").error("store_unavailable", store=self._store, error=reason)

    def stored(self, who: Storing) -> None:
        """Something was. Sync, and next to nothing where all is well."""
        if self._wrong and self._wrong.pop(who, None) is not None:
            self._look()
            if not self._wrong:
                self._logged.clear()
                log("understudy.store").warning("store_available", store=self._store)

    def _look(self) -> None:
        self.trouble = Trouble(self._failed, next(iter(self._wrong.values()))) if self._wrong else None
