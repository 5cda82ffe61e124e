import pytest

from runtime.journal.memory import MemoryJournal
from tests.support.journal_laws import LAWS


@pytest.fixture(params=[MemoryJournal])
def journal(request):
    return request.param()


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_the_law_holds(autojump_clock, journal, law):
    await law(journal)
