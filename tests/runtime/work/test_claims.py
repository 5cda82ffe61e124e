"""What is claimed is handed on, whatever happens next."""

from types import SimpleNamespace

from runtime.journal.protocol import PAGE, JournalUnavailable
from runtime.work.claims import Shared


async def test_a_full_page_is_handed_on_though_others_cannot_be_called_to_help():
    async def claim_due(_until, limit):
        return ["task"] * limit

    async def wake_others():
        raise JournalUnavailable("the store is away")

    claims = Shared(SimpleNamespace(claim_due=claim_due, wake_others=wake_others), let_go=lambda _: None)
    assert len(await claims.due(1.0, (0.0, 0))) == PAGE
