"""Journals on PostgreSQL for tests: each with what runs for it, which in a runtime is a child of its tree."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any

import trio

from runtime.journal.keys import KeyRing
from runtime.journal.postgres.address import StoreAddress
from runtime.journal.postgres.journal import PostgresJournal
from runtime.journal.protocol import LeaseLost


@asynccontextmanager
async def running_journal(
    store: str, ring: KeyRing | None = None, *, loses_lease: bool = False, **options: Any
) -> AsyncIterator[PostgresJournal]:
    """Open a journal, and run it for as long as the block lasts, or until its lease is lost if it is to be."""
    journal = await PostgresJournal.open(StoreAddress.parse(store), ring, **options)
    async with trio.open_nursery() as nursery:

        async def run(*, task_status: "trio.TaskStatus[None]") -> None:
            with suppress(LeaseLost) if loses_lease else nullcontext():
                await journal.run(task_status.started)

        await nursery.start(run)
        try:
            yield journal
        finally:
            with trio.CancelScope(shield=True):
                await journal.close()
            nursery.cancel_scope.cancel()
