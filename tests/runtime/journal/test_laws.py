import pytest

from runtime.journal.keys import KeyRing, add_key
from runtime.journal.memory import MemoryJournal
from runtime.journal.sqlite.database import Opening
from runtime.journal.sqlite.journal import SqliteJournal
from tests.support.journal_laws import LAWS


async def in_memory(_folder):
    return MemoryJournal()


async def in_sqlite(folder):
    return await SqliteJournal.open(Opening(path=folder / "tasks.db"))


async def sealed(folder):
    add_key(folder / "keys.json", "first")
    return await SqliteJournal.open(Opening(path=folder / "tasks.db"), KeyRing.load(folder / "keys.json"))


@pytest.mark.parametrize("open_journal", [in_memory, in_sqlite, sealed])
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_the_law_holds(tmp_path, open_journal, law):
    journal = await open_journal(tmp_path)
    try:
        await law(journal)
    finally:
        await journal.close()
