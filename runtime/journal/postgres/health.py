"""Whether a store takes what is to be stored, as those saw it last who store: the heart, and the commits.

A server can be read and take nothing: it has become a standby, its disk is full, somebody took a right away. Nobody
would notice who only reads.
"""

from enum import Enum, auto

from runtime.journal.postgres.notes import StoreAway, StoreBack, note
from runtime.journal.protocol import Trouble


class Storing(Enum):
    """Who stores something, again and again."""

    HEART = auto()
    COMMITS = auto()


class Health:
    """What was last wrong with storing; what begins and ends is logged, once each. `store` is its name in the log."""

    def __init__(self, store: str) -> None:
        self._store = store
        self._wrong: dict[Storing, str] = {}
        self._failed = 0

    @property
    def trouble(self) -> Trouble | None:
        """What is wrong, if anything is; see `Journal.trouble`."""
        return Trouble(self._failed, next(iter(self._wrong.values()))) if self._wrong else None

    def failed(self, who: Storing, reason: str) -> None:
        """Nothing could be stored. Sync."""
        began = not self._wrong
        self._failed += 1
        self._wrong[who] = reason
        if began:
            note(StoreAway(self._store, reason))

    def stored(self, who: Storing) -> None:
        """Something was. Sync, and next to nothing where all is well."""
        if self._wrong and self._wrong.pop(who, None) is not None and not self._wrong:
            note(StoreBack(self._store))
