"""The journal that lasts as long as the runtime: same promises as the others, except that a restart forgets."""

from collections.abc import Sequence

import trio

from runtime.engine.records import Record
from runtime.journal.protocol import Entry, JournalUnavailable


class MemoryJournal:
    """Records in lists. Passes the laws of `Journal`; durable is not one of them."""

    def __init__(self) -> None:
        self._records: dict[str, list[Record]] = {}
        self._position = 0
        self._closed = False

    async def append(self, entries: Sequence[Entry]) -> int:
        """Store the entries; see `Journal.append`."""
        await trio.lowlevel.checkpoint_if_cancelled()
        self._check_open()
        first = self._position + 1
        for entry in entries:
            self._records.setdefault(entry.task_id, []).extend(entry.records)
            self._position += len(entry.records)
        await trio.lowlevel.cancel_shielded_checkpoint()
        return first

    async def read(self, task_id: str) -> Sequence[Record]:
        """Give the records of one task; see `Journal.read`."""
        await trio.lowlevel.checkpoint()
        self._check_open()
        return tuple(self._records.get(task_id, ()))

    async def task_ids(self) -> Sequence[str]:
        """Name every task; see `Journal.task_ids`."""
        await trio.lowlevel.checkpoint()
        self._check_open()
        return tuple(self._records)

    async def close(self) -> None:
        """Forget everything."""
        await trio.lowlevel.checkpoint()
        self._closed = True
        self._records.clear()

    def _check_open(self) -> None:
        if self._closed:
            raise JournalUnavailable("the journal is closed")
