"""The laws of journals, on PostgreSQL, in the clear and sealed."""

import pytest
import trio

from runtime.journal.keys import KeyRing, add_key
from tests.support.journal_laws import LAWS
from tests.support.postgres_journal import running_journal


@pytest.mark.parametrize("sealed", [False, True], ids=["clear", "sealed"])
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_postgres_law_holds(postgres_store, tmp_path, law, sealed):
    ring = None
    if sealed:
        add_key(tmp_path / "keys.json", "first")
        ring = KeyRing.load(tmp_path / "keys.json")
    with trio.fail_after(30):
        async with running_journal(postgres_store, ring) as journal:
            await law(journal)
