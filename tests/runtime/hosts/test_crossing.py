"""What is handed over to the thread of a runtime, and how that thread ends."""

import inspect
import subprocess
import sys
from typing import get_type_hints

import pytest

from runtime.api.client import Runtime
from runtime.hosts import sync
from runtime.hosts.crossing import SubmitOptions


def test_what_submit_takes_by_name_is_what_a_type_checker_is_told():
    by_name = {
        name for name, one in inspect.signature(Runtime.submit).parameters.items() if one.kind is one.KEYWORD_ONLY
    }
    hints = get_type_hints(Runtime.submit)
    assert get_type_hints(SubmitOptions) == {name: hints[name] for name in by_name}


STUCK = """
import asyncio, gc, multiprocessing, sys
from runtime import Action, Step, Template
from runtime.hosts import aio, sync

async def stuck():
    import trio
    await trio.sleep_forever()

PLAN = Template(name="stuck", steps={"a": Step(action=Action.calling(stuck), idempotent=True)})
"""
NEVER_LEFT = {
    "sync": """
rt = sync.open_runtime(sys.argv[1], grace_seconds=0).__enter__()
gc.collect()
rt.submit(PLAN, task_id="kept")
""",
    "aio": """
async def main():
    global opened
    opened = aio.open_runtime(sys.argv[1], grace_seconds=0)
    await (await opened.__aenter__()).submit(PLAN, task_id="kept")

loop = asyncio.new_event_loop()
loop.run_until_complete(main())
loop.close()
""",
    "forked": """
rt = sync.open_runtime(sys.argv[1], grace_seconds=0).__enter__()
child = multiprocessing.get_context("fork").Process(target=print)
child.start()
child.join()
rt.submit(PLAN, task_id="kept")
""",
}


@pytest.mark.parametrize("program", NEVER_LEFT.values(), ids=NEVER_LEFT)
def test_a_runtime_that_is_never_left_is_closed_as_its_program_ends(program, tmp_path):
    """It kept the program from ending; or was closed amid its work, as nobody held what it was opened with."""
    store = f"sqlite:///{tmp_path / 'tasks.db'}"
    command = [sys.executable, "-W", "always::ResourceWarning", "-c", STUCK + program, store]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, "Traceback" in ended.stderr) == (0, False), ended.stderr
    assert ended.stderr.count("ResourceWarning: a runtime is closed as the program ends") == 1
    with sync.open_runtime(store, maintenance=True) as rt:
        assert rt.task("kept").status(timeout=60).steps["a"].state == "TO_RETRY"
