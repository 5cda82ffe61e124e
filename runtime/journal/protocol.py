"""What a journal is asked to do. Its laws are tests that every implementation passes."""

from collections.abc import Sequence
from typing import Protocol

import attrs

from runtime.engine.records import Record
from runtime.errors import Unavailable


class JournalUnavailable(Unavailable):
    """The journal cannot store or read: nothing was acknowledged, nothing was lost."""


@attrs.frozen
class Entry:
    """The records of one task in one commit, in order."""

    task_id: str
    records: Sequence[Record]


class Journal(Protocol):
    """An append-only store of records."""

    async def append(self, entries: Sequence[Entry]) -> int:
        """Commit all records of all entries, or none. Gives the position of the first one.

        Positions count records from 1, without gaps, over the whole journal, in the order of commits. Cancelling the
        call leaves either all of them stored or none.

        Raises:
            JournalUnavailable: nothing was stored.
        """
        ...

    async def read(self, task_id: str) -> Sequence[Record]:
        """Give the records of one task, in order; none for a task it does not know."""
        ...

    async def task_ids(self) -> Sequence[str]:
        """Name every task, in the order they were submitted."""
        ...

    async def close(self) -> None:
        """Let go of everything; later calls raise `JournalUnavailable`."""
        ...
