"""A fault of the runtime itself is logged with its traceback, and its tasks go on; a store that takes nothing is none."""

import pytest
from structlog.testing import capture_logs

from runtime import Step, TaskState, open_runtime
from runtime.journal.memory import MemoryJournal
from runtime.journal.protocol import JournalUnavailable
from tests.support.plans import echo, plan


class Failing(MemoryJournal):
    """Fails when the end of the first task is to be stored, once."""

    def __init__(self, failure):
        super().__init__()
        self.failures = [failure]
        self.appended = 0

    async def append(self, entries):
        self.appended += 1
        if self.appended > 1 and self.failures:
            raise self.failures.pop()
        return await super().append(entries)


@pytest.mark.parametrize(("kind", "told"), [(RuntimeError, ["actor_failed"]), (JournalUnavailable, [])])
async def test_a_fault_of_the_runtime_is_logged_and_what_is_no_fault_of_it_is_not(autojump_clock, kind, told):
    failure = kind("it happens")
    with capture_logs() as lines:
        async with open_runtime(journal=Failing(failure)) as rt:
            task = await rt.submit(plan(a=Step(action=echo("x"), idempotent=True)), task_id="one")
            assert (await task.wait()).state is TaskState.DONE
            assert rt.failures() == len(told)
    assert [line["event"] for line in lines] == told
    if told:
        assert (lines[0]["exc_info"], lines[0]["log_level"]) == (failure, "error")
        assert lines[0]["actor"].endswith("/one")
